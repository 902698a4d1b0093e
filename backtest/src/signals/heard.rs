//! What became of the signals of a run: what was heard of each source, and how good it was.

use std::collections::{BTreeMap, BTreeSet};

use qt_data::series::BarSeries;
use qt_strategies::quality::{
    Claim, DriftRule, Outcome, Quality, Span, Verdict, judge, last_close,
};
use qt_types::{InstrumentId, InstrumentSpec, Nanos, Side, SignalAction, SourceId};

use super::{ArrivingSignal, SignalPlan, Way};
use crate::run::BarRange;

const NANOS_PER_S: i64 = 1_000_000_000;

/// The signals of a run.
#[derive(Clone, Debug)]
pub struct SignalsOutcome {
    /// The file, as it was given.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Signals that it holds.
    pub read: u64,
    /// Those about no instrument of the run.
    pub elsewhere: u64,
    /// What those are about, in the order of their names.
    pub other_symbols: Vec<String>,
    /// All sources of the file, by number.
    pub sources: Vec<SourceOutcome>,
}

/// How many signals about the instruments of a run went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalCounts {
    /// All of them.
    pub told: u64,
    /// A human was asked.
    pub asked: u64,
    /// They had expired before the human had decided.
    pub not_approved: u64,
    /// They came after the end of the run.
    pub after_end: u64,
    /// They had expired when they arrived.
    pub expired: u64,
    /// They were heard in time.
    pub used: u64,
}

impl SignalCounts {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            told: self.told + other.told,
            asked: self.asked + other.asked,
            not_approved: self.not_approved + other.not_approved,
            after_end: self.after_end + other.after_end,
            expired: self.expired + other.expired,
            used: self.used + other.used,
        }
    }
}

/// One source.
#[derive(Clone, Debug)]
pub struct SourceOutcome {
    /// Its number in the file, which strategies know it by.
    pub number: SourceId,
    /// Its name.
    pub name: String,
    /// What went which way.
    pub counts: SignalCounts,
    /// Claims that were not over at the end of the run.
    pub open: u64,
    /// Claims of which no price tells: their horizon was over when they arrived, or no price came
    /// before them or until their end.
    pub unseen: u64,
    /// How good what it claimed was.
    pub quality: Quality,
}

/// A claim that was heard in time.
struct Heard<'a> {
    source: SourceId,
    instrument: InstrumentId,
    signal: &'a ArrivingSignal,
}

impl SignalsOutcome {
    /// What became of the signals of `plan` in a run over `series`, of which `ranges` were
    /// played until `end_ns`. `None` for a run without signals.
    ///
    /// # Errors
    /// When a signal does not fit its instrument, of which the run would have told.
    pub fn of(
        plan: &SignalPlan,
        series: &[&BarSeries],
        ranges: &[BarRange],
        end_ns: Nanos,
    ) -> Result<Option<Self>, String> {
        if plan.file.path.is_empty() {
            return Ok(None);
        }
        let specs: Vec<InstrumentSpec> = series.iter().map(|it| it.spec.clone()).collect();
        let arrivals = plan.arrivals(&specs)?;
        let mut counts = vec![SignalCounts::default(); plan.file.sources.len()];
        let mut elsewhere = 0;
        let mut others = BTreeSet::new();
        let mut heard = Vec::new();
        for arrival in &arrivals {
            let source = arrival.record.source;
            let Some(of) = counts.get_mut(place(source)) else { continue };
            let count = match &arrival.way {
                Way::Elsewhere => {
                    others.insert(arrival.record.object.symbol.as_str());
                    elsewhere += 1;
                    continue;
                }
                Way::NotApproved(_) => &mut of.not_approved,
                Way::Heard(it) if it.recv_ns > end_ns => &mut of.after_end,
                Way::Heard(it) if it.signal.expires_ns <= it.recv_ns => &mut of.expired,
                Way::Heard(it) => {
                    heard.push(Heard { source, instrument: it.instrument, signal: it });
                    &mut of.used
                }
            };
            *count += 1;
            of.told += 1;
            of.asked += u64::from(arrival.is_asked);
        }
        heard.sort_by_key(|it| it.signal.recv_ns);
        let judged = judge_all(&heard, &spans(series, ranges), end_ns, counts.len());
        let named = plan.file.sources.iter().zip(counts).zip(judged);
        let sources = (1..).zip(named).map(|(number, ((name, counts), judged))| SourceOutcome {
            number: SourceId(number),
            name: name.clone(),
            counts,
            open: judged.open,
            unseen: judged.unseen,
            quality: Quality::of(&judged.outcomes, &DriftRule::default()),
        });
        Ok(Some(Self {
            path: plan.file.path.clone(),
            sha256: plan.file.sha256.clone(),
            read: arrivals.len() as u64,
            elsewhere,
            other_symbols: others.into_iter().map(str::to_owned).collect(),
            sources: sources.collect(),
        }))
    }

    /// The counts of all sources together.
    #[must_use]
    pub fn counts(&self) -> SignalCounts {
        let all = self.sources.iter().map(|source| source.counts);
        all.fold(SignalCounts::default(), SignalCounts::and)
    }
}

/// Sources are numbered from 1.
fn place(source: SourceId) -> usize {
    usize::from(source.0).wrapping_sub(1)
}

/// The prices of each instrument, from those that warm up to the last one that was played.
fn spans(series: &[&BarSeries], ranges: &[BarRange]) -> Vec<Vec<Span>> {
    let of = |(series, range): (&&BarSeries, &BarRange)| {
        let bars = &series.bars[range.warmup_from..range.end];
        let span = bars.iter().map(|bar| Span {
            from_ns: Nanos::new(bar.open_ns),
            to_ns: Nanos::new(bar.close_ns),
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
        });
        span.collect()
    };
    series.iter().zip(ranges).map(of).collect()
}

/// What became of the claims of one source.
#[derive(Default)]
struct Judged {
    outcomes: Vec<Outcome>,
    open: u64,
    unseen: u64,
}

/// When a source said next about an instrument what ends a claim of each side (UTC ns).
#[derive(Clone, Copy)]
struct Next {
    ends_long: Option<Nanos>,
    ends_short: Option<Nanos>,
}

/// Judges what was heard, in the order of its arrival, by source.
fn judge_all(
    heard: &[Heard<'_>],
    spans: &[Vec<Span>],
    end_ns: Nanos,
    sources: usize,
) -> Vec<Judged> {
    let mut judged: Vec<Judged> = (0..sources).map(|_| Judged::default()).collect();
    let mut later: BTreeMap<(SourceId, InstrumentId), Next> = BTreeMap::new();
    // From the last one to the first: what ends a claim comes after it.
    for it in heard.iter().rev() {
        let (signal, recv_ns) = (&it.signal.signal, it.signal.recv_ns);
        let nothing = Next { ends_long: None, ends_short: None };
        let next = later.entry((it.source, it.instrument)).or_insert(nothing);
        let before = *next;
        match signal.action {
            SignalAction::Hold => {}
            SignalAction::Buy => next.ends_short = Some(recv_ns),
            SignalAction::Sell => next.ends_long = Some(recv_ns),
            SignalAction::Close => {
                (next.ends_long, next.ends_short) = (Some(recv_ns), Some(recv_ns))
            }
        }
        let Some(side) = signal.action.side() else { continue };
        let Some(of) = judged.get_mut(place(it.source)) else { continue };
        let spans = spans.get(it.instrument.index()).map_or(&[][..], Vec::as_slice);
        let horizon_ns = i64::from(signal.horizon_s) * NANOS_PER_S;
        let until_ns = Nanos::new(it.signal.issued_ns.get().saturating_add(horizon_ns));
        let Some(price) = last_close(spans, recv_ns).filter(|_| until_ns > recv_ns) else {
            of.unseen += 1;
            continue;
        };
        let claim = Claim {
            side,
            confidence_e9: signal.confidence_e9,
            arrived_ns: recv_ns,
            until_ns,
            taken_back_ns: if side == Side::Buy { before.ends_long } else { before.ends_short },
            price,
            stop: signal.stop.get().map(|price| price.ticks()),
            target: signal.target.get().map(|price| price.ticks()),
        };
        match judge(&claim, spans, end_ns) {
            Verdict::Open => of.open += 1,
            Verdict::Unseen => of.unseen += 1,
            Verdict::Done(outcome) => of.outcomes.push(outcome),
        }
    }
    judged
}
