//! How the orders were executed, as scripts read it: the `execution` object of a result.
//! Definitions: `docs/EXECUTION.md`.

use std::collections::BTreeMap;

use qt_types::{Cash, InstrumentId, InstrumentSpec, Liquidity, Price, Qty, Side, round_half_even};
use serde::Serialize;

use super::parents::ParentEntry;
use crate::execution::{Cell, Execution, Markouts, NS_STEPS, OfInstrument, Times, Unit};
use crate::recorder::Fill;
use crate::run::RunOutcome;
use crate::tape::id_of;
use crate::venue::FillPath;

/// The step at which spreads count as realised: 10 s after the fill.
pub const REALISED_STEP: usize = 5;
const _: () = assert!(NS_STEPS[REALISED_STEP] == 10_000_000_000);

/// How the orders of a run were executed.
#[derive(Clone, Debug, Serialize)]
pub struct ExecutionEntry {
    /// Counts of orders.
    pub orders: OrdersEntry,
    /// From the decision to the venue.
    pub to_venue: TimesEntry,
    /// From the decision to the venue's first answer.
    pub to_acknowledgement: TimesEntry,
    /// From the arrival at the venue to the first fill there.
    pub time_to_fill: TimesEntry,
    /// Fees by liquidity.
    pub fees: FeesEntry,
    /// Prices paid against those at the decisions.
    pub slippage: SlippageEntry,
    /// What the steps of the markouts count: `ns` or `bars`; null where nobody looked back.
    pub markout_unit: Option<&'static str>,
    /// By instrument.
    pub instruments: Vec<InstrumentEntry>,
    /// Parent orders that were in work when the run ended.
    pub parents: Vec<ParentEntry>,
}

/// Counts of orders.
#[derive(Clone, Debug, Serialize)]
pub struct OrdersEntry {
    /// Sent.
    pub sent: u64,
    /// Taken in by the venue.
    pub accepted: u64,
    /// With a fill.
    pub filled: u64,
    /// `filled` over `accepted`.
    pub fill_ratio: Option<f64>,
    /// By type: sent, with a fill, filled whole.
    pub by_type: BTreeMap<&'static str, [u64; 3]>,
    /// How they ended.
    pub endings: BTreeMap<&'static str, u64>,
    /// Of how many orders one is in `orders.csv`.
    pub kept_every: u64,
}

/// A distribution of lengths of time in ns.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TimesEntry {
    /// How many.
    pub n: u64,
    /// Half of them are no longer.
    pub p50_ns: Option<u64>,
    /// Nine in ten.
    pub p90_ns: Option<u64>,
    /// Ninety-nine in a hundred.
    pub p99_ns: Option<u64>,
    /// The longest.
    pub max_ns: Option<u64>,
}

impl MarkoutEntry {
    /// The mean and its standard error as people read them: on books in ticks, on bars, whose
    /// ticks are often no more than the last digit of a file, in basis points.
    #[must_use]
    pub fn shown(&self, unit: &str) -> (Option<f64>, Option<f64>) {
        match unit {
            "bars" => (self.bps, self.error_bps),
            _ => (self.ticks, self.error_ticks),
        }
    }
}

/// What [`MarkoutEntry::shown`] is in.
#[must_use]
pub fn measure(unit: &str) -> &'static str {
    if unit == "bars" { "bps" } else { "ticks" }
}

impl TimesEntry {
    fn of(times: &Times) -> Self {
        Self {
            n: times.count(),
            p50_ns: times.quantile(0.5),
            p90_ns: times.quantile(0.9),
            p99_ns: times.quantile(0.99),
            max_ns: times.most(),
        }
    }
}

/// Fees by liquidity.
#[derive(Clone, Debug, Serialize)]
pub struct FeesEntry {
    /// Fills as a maker.
    pub maker_fills: u64,
    /// Fills as a taker.
    pub taker_fills: u64,
    /// What the fills as a maker were worth.
    pub maker_value: String,
    /// What the fills as a taker were worth.
    pub taker_value: String,
    /// Their fees, rebates taken off.
    pub maker: String,
    /// Their fees.
    pub taker: String,
    /// What was paid back, as a positive amount.
    pub rebates: String,
}

/// Prices paid against those at the decisions; positive is dearer.
#[derive(Clone, Debug, Serialize)]
pub struct SlippageEntry {
    /// Orders with a fill whose price at the decision is known.
    pub orders: u64,
    /// The mean over orders, in basis points of that price.
    pub mean_bps: Option<f64>,
    /// Its standard error.
    pub error_bps: Option<f64>,
    /// What it cost in all.
    pub cost: String,
}

/// One instrument.
#[derive(Clone, Debug, Serialize)]
pub struct InstrumentEntry {
    /// Its name.
    pub symbol: String,
    /// Quantity of the orders that the venue took in.
    pub asked: String,
    /// What was filled of it.
    pub filled: String,
    /// `filled` over `asked`.
    pub fill_ratio: Option<f64>,
    /// Executions that were taken back; nothing else here counts them.
    pub busts: u64,
    /// Their quantity.
    pub busted: String,
    /// What the prices paid cost above those at the decisions.
    pub slippage_cost: String,
    /// That over the value at the prices of the decisions, in basis points.
    pub slippage_bps: Option<f64>,
    /// Fills by what made the order trade.
    pub fills_by: BTreeMap<&'static str, u64>,
    /// Places in queues; null where no order joined one.
    pub queue: Option<QueueEntry>,
    /// Spreads by liquidity; empty without a book.
    pub spreads: Vec<SpreadEntry>,
    /// Markouts by liquidity, side and step; only those with fills.
    pub markouts: Vec<MarkoutEntry>,
}

/// Places in queues on arrival. Quantities displayed ahead of our orders.
#[derive(Clone, Debug, Serialize)]
pub struct QueueEntry {
    /// Orders that joined a queue of known length.
    pub orders: u64,
    /// Orders that joined one of unknown length.
    pub unknown: u64,
    /// The share of orders with nothing ahead.
    pub at_front: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// Half of the orders had no more ahead.
    pub p50: Option<f64>,
    /// Nine in ten.
    pub p90: Option<f64>,
    /// The most.
    pub max: Option<f64>,
}

/// Spreads of the fills of one liquidity, as their aggressors paid them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SpreadEntry {
    /// `maker` or `taker`.
    pub liquidity: &'static str,
    /// Fills with a middle just before them.
    pub n: u64,
    /// Twice the distance from that middle, mean, in ticks.
    pub effective_ticks: Option<f64>,
    /// The same, by value, in basis points.
    pub effective_bps: Option<f64>,
    /// Fills with a middle 10 s later.
    pub realised_n: u64,
    /// Twice the distance from that middle, mean, in ticks.
    pub realised_ticks: Option<f64>,
    /// The same, by value, in basis points.
    pub realised_bps: Option<f64>,
}

/// What fills were worth a while later; positive is a gain.
#[derive(Clone, Debug, Serialize)]
pub struct MarkoutEntry {
    /// `maker` or `taker`.
    pub liquidity: &'static str,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// How long after the fill, in the unit of `markout_unit`; 0 is just before it.
    pub after: i64,
    /// How many fills.
    pub n: u64,
    /// Their mean, in ticks.
    pub ticks: Option<f64>,
    /// Its standard error.
    pub error_ticks: Option<f64>,
    /// Their mean, in basis points of their own prices.
    pub bps: Option<f64>,
    /// Its standard error.
    pub error_bps: Option<f64>,
    /// Their sum in money, before fees.
    pub money: String,
}

/// The name of a liquidity.
#[must_use]
pub const fn liquidity_text(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
    }
}

/// Half ticks x lots in money.
#[must_use]
pub fn worth(spec: &InstrumentSpec, half_ticks: i128) -> Cash {
    let whole = i64::try_from(half_ticks).ok();
    match whole.and_then(|ticks| spec.notional(Price::from_ticks(ticks), Qty::from_lots(1))) {
        Some(twice) => Cash::from_nano(round_half_even(twice.nano(), 2)),
        None => {
            let unit = spec.price_f64(Price::from_ticks(1)) * spec.qty_f64(Qty::from_lots(1));
            let multiplier = spec.multiplier_e9() as f64 / 1e9;
            Cash::from_nano((half_ticks as f64 / 2.0 * unit * multiplier * 1e9) as i128)
        }
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

impl ExecutionEntry {
    /// Of a run.
    #[must_use]
    pub fn of(outcome: &RunOutcome) -> Self {
        let Execution { log, markouts, .. } = &outcome.execution;
        let by_type = log.kinds().iter();
        let by_type = by_type.map(|of| (of.kind.text(), [of.sent, of.filled, of.whole]));
        let mut endings = BTreeMap::new();
        for (ending, count) in log.endings() {
            *endings.entry(ending.text()).or_insert(0) += count;
        }
        let mut slippage = Cash::ZERO;
        for (spec, sums) in outcome.specs.iter().zip(log.instruments()) {
            slippage += worth(spec, sums.slippage_x2);
        }
        Self {
            orders: OrdersEntry {
                sent: log.count(),
                accepted: log.accepted(),
                filled: log.filled(),
                fill_ratio: ratio(log.filled() as f64, log.accepted() as f64),
                by_type: by_type.collect(),
                endings,
                kept_every: log.orders().every(),
            },
            to_venue: TimesEntry::of(log.to_venue()),
            to_acknowledgement: TimesEntry::of(log.to_us()),
            time_to_fill: TimesEntry::of(log.to_fill()),
            fees: fees(outcome),
            slippage: SlippageEntry {
                orders: log.slippage_bps().count(),
                mean_bps: log.slippage_bps().mean(),
                error_bps: log.slippage_bps().error(),
                cost: slippage.to_string(),
            },
            markout_unit: markouts.as_ref().map(|markouts| match markouts.unit() {
                Unit::Ns => "ns",
                Unit::Bars => "bars",
            }),
            instruments: (0..outcome.specs.len())
                .filter_map(|index| instrument(outcome, id_of(index)))
                .collect(),
            parents: super::parents::of(outcome),
        }
    }
}

fn fees(outcome: &RunOutcome) -> FeesEntry {
    let (mut counts, mut values, mut sums) = ([0_u64; 2], [Cash::ZERO; 2], [Cash::ZERO; 2]);
    let mut rebates = Cash::ZERO;
    for fill in &outcome.fills {
        let of = fill.liquidity as usize;
        let spec = outcome.specs.get(fill.instrument.index());
        counts[of] += 1;
        values[of] += spec.and_then(|s| s.notional(fill.price, fill.qty)).unwrap_or_default();
        sums[of] += fill.fee;
        if fill.fee < Cash::ZERO {
            rebates += fill.fee.abs();
        }
    }
    let [maker, taker] = [Liquidity::Maker as usize, Liquidity::Taker as usize];
    FeesEntry {
        maker_fills: counts[maker],
        taker_fills: counts[taker],
        maker_value: values[maker].to_string(),
        taker_value: values[taker].to_string(),
        maker: sums[maker].to_string(),
        taker: sums[taker].to_string(),
        rebates: rebates.to_string(),
    }
}

fn instrument(outcome: &RunOutcome, id: InstrumentId) -> Option<InstrumentEntry> {
    let spec = outcome.specs.get(id.index())?;
    let sums = outcome.execution.log.of(id)?;
    let mut fills_by = BTreeMap::new();
    for fill in outcome.fills.iter().filter(|fill: &&Fill| fill.instrument == id) {
        *fills_by.entry(FillPath::text(fill.path)).or_insert(0) += 1;
    }
    let qty = |lots: i128| spec.qty_text(Qty::from_lots(i64::try_from(lots).unwrap_or(i64::MAX)));
    let bps = ratio(sums.slippage_x2 as f64 * 1e4, sums.arrival_x2 as f64);
    let markouts = outcome.execution.markouts.as_ref();
    Some(InstrumentEntry {
        symbol: spec.symbol().to_owned(),
        asked: qty(sums.asked),
        filled: qty(sums.filled),
        fill_ratio: ratio(sums.filled as f64, sums.asked as f64),
        busts: sums.busts,
        busted: qty(sums.busted),
        slippage_cost: worth(spec, sums.slippage_x2).to_string(),
        slippage_bps: bps,
        fills_by,
        queue: queue(sums, spec),
        spreads: markouts.map(|markouts| spreads(markouts, id)).unwrap_or_default(),
        markouts: markouts.map(|all| markout_entries(all, id, spec)).unwrap_or_default(),
    })
}

fn queue(sums: &OfInstrument, spec: &InstrumentSpec) -> Option<QueueEntry> {
    let (ahead, unknown) = (&sums.ahead, sums.ahead_unknown);
    if ahead.count() + unknown == 0 {
        return None;
    }
    let lot = spec.qty_f64(Qty::from_lots(1));
    let qty = |lots: Option<u64>| lots.map(|lots| lots as f64 * lot);
    Some(QueueEntry {
        orders: ahead.count(),
        unknown,
        at_front: ahead.zeros(),
        mean: ahead.mean().map(|lots| lots * lot),
        p50: qty(ahead.quantile(0.5)),
        p90: qty(ahead.quantile(0.9)),
        max: qty(ahead.most()),
    })
}

fn spreads(markouts: &Markouts, id: InstrumentId) -> Vec<SpreadEntry> {
    if markouts.unit() != Unit::Ns {
        return Vec::new();
    }
    let of = |liquidity: Liquidity| {
        // A maker gains what the aggressor pays.
        let sign = if liquidity == Liquidity::Maker { 2.0 } else { -2.0 };
        let at = |step| markouts.both_sides(id, liquidity, step);
        let ticks = |cell: &Cell| cell.ticks.mean().map(|mean| mean * sign);
        let bps = |cell: &Cell| ratio(cell.value_x2 as f64 / 2.0 * sign * 1e4, cell.paid as f64);
        let (now, later) = (at(0), at(REALISED_STEP));
        SpreadEntry {
            liquidity: liquidity_text(liquidity),
            n: now.ticks.count(),
            effective_ticks: ticks(&now),
            effective_bps: bps(&now),
            realised_n: later.ticks.count(),
            realised_ticks: ticks(&later),
            realised_bps: bps(&later),
        }
    };
    let all = [Liquidity::Maker, Liquidity::Taker].into_iter().map(of);
    all.filter(|entry| entry.n + entry.realised_n > 0).collect()
}

fn markout_entries(
    markouts: &Markouts,
    id: InstrumentId,
    spec: &InstrumentSpec,
) -> Vec<MarkoutEntry> {
    let mut entries = Vec::new();
    for liquidity in [Liquidity::Maker, Liquidity::Taker] {
        for side in [Side::Buy, Side::Sell] {
            for (step, &after) in markouts.steps().iter().enumerate() {
                let cell = markouts.cell(id, liquidity, side, step);
                if cell.ticks.count() == 0 {
                    continue;
                }
                entries.push(MarkoutEntry {
                    liquidity: liquidity_text(liquidity),
                    side: side.text(),
                    after,
                    n: cell.ticks.count(),
                    ticks: cell.ticks.mean(),
                    error_ticks: cell.ticks.error(),
                    bps: cell.bps.mean(),
                    error_bps: cell.bps.error(),
                    money: worth(spec, cell.value_x2).to_string(),
                });
            }
        }
    }
    entries
}
