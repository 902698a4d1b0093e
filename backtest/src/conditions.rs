//! What holds and happens at the venue beside the market, as a user describes it: by symbol. A
//! run turns it into the [`Scene`] of its venue once its instruments are known.

use qt_types::{InstrumentId, InstrumentKind, InstrumentSpec};

use crate::feed::FeedLatency;
use crate::tape::id_of;
use crate::venue::{
    Fault, FaultKind, FeeTiers, Happening, InstrumentRule, LatencyModel, MarginMode, MarginRules,
    MarginTable, Planned, Scene, Session,
};

/// Everything beside the market. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// Funding rates of perpetuals.
    pub funding: Vec<Funding>,
    /// Margin and liquidation of derivatives in a margin account; `None` for neither.
    pub margin: Option<Margin>,
    /// From us to the venue, where it is not the constant of the run.
    pub order_latency: Option<LatencyModel>,
    /// From the venue to us, where it is not the constant of the run.
    pub response_latency: Option<LatencyModel>,
    /// From the market to us, where it is not the constant of the run.
    pub feed_latency: Option<FeedLatency>,
    /// Fees by what was traded before, in the place of the rates.
    pub fee_tiers: Option<FeeTiers>,
    /// What goes wrong.
    pub faults: Vec<PlannedFault>,
    /// What is left to chance in that follows from this.
    pub seed: u64,
    /// When futures expire, with the symbol; `None` for every future of the run.
    pub expiries: Vec<(Option<String>, Expiry)>,
    /// When futures expire by their definitions (UTC ns), by symbol: also of instruments that the
    /// run does not have. What `expiries` says wins.
    pub defined_expiries: Vec<(String, i64)>,
    /// What the venue asks of orders, with the symbol; `None` for every instrument of the run.
    pub rules: Vec<(Option<String>, InstrumentRule)>,
}

/// The end of a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// When (UTC ns).
    pub time_ns: i64,
    /// What positions are settled at, in billionths; the last price before where none is given.
    pub price_e9: Option<i64>,
}

/// Something that goes wrong, by symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// Of which instrument; `None` for all.
    pub symbol: Option<String>,
    /// From when on, or when (UTC ns).
    pub from_ns: i64,
    /// Until when, this time no more (UTC ns).
    pub to_ns: i64,
    /// What.
    pub trouble: Trouble,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Trading stops.
    Halt,
    /// Orders are collected, nothing trades.
    Auction,
    /// Messages are lost, held, refused, late or doubled.
    Messages(FaultKind),
    /// The last execution before `from_ns` is taken back then.
    Bust,
}

/// Funding of one perpetual, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funding {
    /// Of which; `None` for every perpetual of the run.
    pub symbol: Option<String>,
    /// The rates.
    pub rates: FundingRates,
}

/// When which rate holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FundingRates {
    /// As a venue published them.
    Listed(Vec<FundingRate>),
    /// Always the same, at the whole multiples of an interval since 1970 (UTC).
    Every {
        /// In billionths.
        rate_e9: i64,
        /// In ns.
        interval_ns: i64,
    },
}

/// One published rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FundingRate {
    /// The funding instant (UTC ns).
    pub time_ns: i64,
    /// In billionths.
    pub rate_e9: i64,
    /// The mark at that instant, in billionths; the middle of the book or the last price where it
    /// is not known.
    pub mark_e9: Option<i64>,
}

/// Margin rules by symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Margin {
    /// Whether each position stands for itself.
    pub mode: MarginMode,
    /// Tables with the symbol that they are for; `None` for every derivative of the run.
    pub tables: Vec<(Option<String>, MarginTable)>,
}

/// The time that a run covers at the venue (UTC ns), both ends within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first time.
    pub from_ns: i64,
    /// The last time.
    pub to_ns: i64,
}

/// Most funding instants of a constant rate: a century of hours.
const FUNDINGS_MAX: i64 = 1_000_000;

impl Conditions {
    /// The scene of a run over `specs` in `span`.
    ///
    /// # Errors
    /// What does not fit the instruments, and how to fix it.
    pub fn scene(&self, specs: &[InstrumentSpec], span: Span) -> Result<Scene, String> {
        let mut scene = Scene::default();
        for funding in &self.funding {
            let concerned = concerned(specs, funding.symbol.as_deref(), is_perpetual)?;
            if concerned.is_empty() {
                return Err("funding rates are given, but no instrument is a perpetual \
                            (set --kind perpetual or inverse-perpetual)"
                    .to_owned());
            }
            for instrument in concerned {
                funding.rates.plan(instrument, span, &mut scene.agenda)?;
            }
        }
        for fault in &self.faults {
            fault.plan(specs, span, &mut scene)?;
        }
        for (symbol, expiry) in &self.expiries {
            let concerned = concerned(specs, symbol.as_deref(), is_dated)?;
            if concerned.is_empty() {
                return Err(
                    "an expiry is given, but no instrument is a future (set --kind future \
                            or inverse-future)"
                        .to_owned(),
                );
            }
            for instrument in concerned {
                expiry.plan(specs, instrument, span, &mut scene.agenda)?;
            }
        }
        self.plan_defined(specs, span, &mut scene.agenda)?;
        for (symbol, rule) in &self.rules {
            scene.rules.resize(specs.len(), Vec::new());
            for id in concerned(specs, symbol.as_deref(), |_| true)? {
                scene.rules[id.index()].push(*rule);
            }
        }
        for rules in &mut scene.rules {
            rules.sort_by_key(|rule| rule.from_ns);
        }
        (scene.fee_tiers, scene.seed) = (self.fee_tiers.clone(), self.seed);
        scene.margin = self.margin.as_ref().map(|margin| margin.rules(specs)).transpose()?;
        Ok(scene)
    }

    /// Plans the expiries that definitions tell, of the run's futures of which nothing else is
    /// said. One from before the data is of an earlier contract of that name.
    fn plan_defined(
        &self,
        specs: &[InstrumentSpec],
        span: Span,
        agenda: &mut Vec<Planned>,
    ) -> Result<(), String> {
        for (symbol, time_ns) in &self.defined_expiries {
            let spec = specs.iter().position(|spec| spec.symbol() == symbol && is_dated(spec));
            let Some(instrument) = spec.map(id_of) else { continue };
            let is_about = |of: &Option<String>| of.as_ref().is_none_or(|of| of == symbol);
            let is_said = self.expiries.iter().any(|(of, _)| is_about(of));
            if *time_ns > span.from_ns && !is_said {
                let expiry = Expiry { time_ns: *time_ns, price_e9: None };
                expiry.plan(specs, instrument, span, agenda)?;
            }
        }
        Ok(())
    }
}

fn is_perpetual(spec: &InstrumentSpec) -> bool {
    matches!(spec.kind(), InstrumentKind::Perpetual | InstrumentKind::InversePerpetual)
}

fn is_dated(spec: &InstrumentSpec) -> bool {
    matches!(spec.kind(), InstrumentKind::Future | InstrumentKind::InverseFuture)
}

/// The instruments that something named by `symbol` is about: that one, or all that `fits`.
fn concerned(
    specs: &[InstrumentSpec],
    symbol: Option<&str>,
    fits: fn(&InstrumentSpec) -> bool,
) -> Result<Vec<InstrumentId>, String> {
    let all = specs.iter().enumerate();
    let Some(symbol) = symbol else {
        return Ok(all.filter(|(_, spec)| fits(spec)).map(|(at, _)| id_of(at)).collect());
    };
    let found = all.filter(|(_, spec)| spec.symbol() == symbol);
    let found: Vec<InstrumentId> = found.map(|(at, _)| id_of(at)).collect();
    let Some(&id) = found.first() else {
        let known: Vec<&str> = specs.iter().map(InstrumentSpec::symbol).collect();
        return Err(format!("{symbol} is no instrument of this run ({})", known.join(", ")));
    };
    match specs.get(id.index()) {
        Some(spec) if !fits(spec) => Err(format!(
            "{symbol} is of the kind {}, for which this does not exist (set --kind)",
            spec.kind().text()
        )),
        _ => Ok(found),
    }
}

impl Expiry {
    fn plan(
        self,
        specs: &[InstrumentSpec],
        instrument: InstrumentId,
        span: Span,
        into: &mut Vec<Planned>,
    ) -> Result<(), String> {
        let Self { time_ns, price_e9 } = self;
        let symbol = specs.get(instrument.index()).map_or("?", InstrumentSpec::symbol);
        let is_given = |planned: &&Planned| {
            planned.instrument == instrument && matches!(planned.what, Happening::Expiry { .. })
        };
        if into.iter().any(|planned| is_given(&planned)) {
            return Err(format!("two expiries are given for {symbol}"));
        }
        if time_ns <= span.from_ns {
            return Err(format!(
                "{symbol} expires at {}, before its data begins",
                qt_data::stamp::iso_text(time_ns)
            ));
        }
        if time_ns <= span.to_ns {
            into.push(Planned { time_ns, instrument, what: Happening::Expiry { price_e9 } });
        }
        Ok(())
    }
}

impl FundingRates {
    fn plan(
        &self,
        instrument: InstrumentId,
        span: Span,
        into: &mut Vec<Planned>,
    ) -> Result<(), String> {
        let planned = |time_ns: i64, rate_e9: i64, mark_e9: Option<i64>| Planned {
            time_ns,
            instrument,
            what: Happening::Funding { rate_e9, mark_e9 },
        };
        match self {
            Self::Listed(rates) => {
                let within =
                    |rate: &&FundingRate| (span.from_ns..=span.to_ns).contains(&rate.time_ns);
                let rates = rates.iter().filter(within);
                into.extend(rates.map(|rate| planned(rate.time_ns, rate.rate_e9, rate.mark_e9)));
            }
            Self::Every { rate_e9, interval_ns } => {
                let every_ns = (*interval_ns).max(1);
                let count = span.to_ns.saturating_sub(span.from_ns) / every_ns;
                if count > FUNDINGS_MAX {
                    return Err(format!("{count} funding instants are too many"));
                }
                let from = span.from_ns.div_euclid(every_ns)
                    + i64::from(span.from_ns.rem_euclid(every_ns) != 0);
                let instants = (from..).map(|nth| nth.saturating_mul(every_ns));
                let within = instants.take_while(|&time_ns| time_ns <= span.to_ns);
                into.extend(within.map(|time_ns| planned(time_ns, *rate_e9, None)));
            }
        }
        Ok(())
    }
}

impl PlannedFault {
    fn plan(&self, specs: &[InstrumentSpec], span: Span, scene: &mut Scene) -> Result<(), String> {
        let all = concerned(specs, self.symbol.as_deref(), |_| true)?;
        // What began before the data is there with it; what comes after it is not.
        let (from_ns, to_ns) = (self.from_ns.max(span.from_ns), self.to_ns);
        if from_ns > span.to_ns || to_ns <= span.from_ns && self.trouble != Trouble::Bust {
            return Ok(());
        }
        let mut plan = |time_ns: i64, instrument: InstrumentId, what: Happening| {
            if time_ns <= span.to_ns {
                scene.agenda.push(Planned { time_ns, instrument, what });
            }
        };
        match self.trouble {
            Trouble::Halt | Trouble::Auction => {
                let is_halt = self.trouble == Trouble::Halt;
                let session = if is_halt { Session::Halted } else { Session::Auction };
                for id in all {
                    plan(from_ns, id, Happening::Session(session));
                    plan(to_ns, id, Happening::Session(Session::Open));
                }
            }
            Trouble::Bust => {
                all.into_iter().for_each(|id| plan(from_ns, id, Happening::Bust));
                scene.has_busts = true;
            }
            Trouble::Messages(kind) => {
                if let FaultKind::Disconnect { cancels, .. } = kind {
                    plan(from_ns, InstrumentId(0), Happening::LinkLost { cancels });
                }
                let instrument = self.symbol.as_ref().and_then(|_| all.first().copied());
                scene.faults.push(Fault { instrument, from_ns, to_ns, kind });
            }
        }
        Ok(())
    }
}

impl Margin {
    fn rules(&self, specs: &[InstrumentSpec]) -> Result<MarginRules, String> {
        let mut tables: Vec<Vec<MarginTable>> = vec![Vec::new(); specs.len()];
        for (symbol, table) in &self.tables {
            for id in concerned(specs, symbol.as_deref(), InstrumentSpec::is_derivative)? {
                tables[id.index()].push(table.clone());
            }
        }
        for of_one in &mut tables {
            of_one.sort_by_key(|table| table.from_ns);
        }
        Ok(MarginRules { mode: self.mode, tables })
    }
}
