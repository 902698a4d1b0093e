//! What others see of a venue while a run goes on there.

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use qt_runtime::live::{Beside, LiveShown, Phase, VenueFigures};
use qt_types::InstrumentSpec;
use serde_json::{Value, json};

use super::market::Seen;
use crate::command::live::view::More;
use crate::failure::Reason;
use crate::output::number;

/// The link, the counts, and what cannot be explained.
#[derive(Debug, Default)]
pub struct VenueView {
    /// Where the driver shows itself.
    pub shown: LiveShown,
    /// Turns of a run on paper.
    pub turns: AtomicU64,
    last: Mutex<Last>,
    notes: Mutex<Vec<String>>,
    hopeless: OnceLock<(String, Reason)>,
}

/// What was shown last.
#[derive(Debug, Default)]
struct Last {
    figures: VenueFigures,
    phase: Option<Phase>,
    has_begun: bool,
    breaks: Vec<String>,
    beside: Beside,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VenueView {
    /// Something that a person has to know.
    pub fn note(&self, text: String) {
        lock(&self.notes).push(text);
    }

    /// What was noted since the last call.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes))
    }

    /// Whether both sides were ever in step, as far as is shown.
    pub fn has_begun(&self) -> bool {
        self.look().has_begun
    }

    /// The run will never begin, for that reason and as that kind of failure.
    pub fn give_up(&self, why: String, reason: Reason) {
        // The first one counts.
        let _ = self.hopeless.set((why, reason));
    }

    /// Why the run will never begin.
    pub fn hopeless(&self) -> Option<(String, Reason)> {
        self.hopeless.get().cloned()
    }

    fn look(&self) -> MutexGuard<'_, Last> {
        let mut last = lock(&self.last);
        if let Some(figures) = self.shown.figures() {
            last.figures = figures;
        }
        last.phase = self.shown.phase().or(last.phase);
        last.has_begun |= last.phase == Some(Phase::Ready);
        if let Some(breaks) = self.shown.breaks() {
            for text in &breaks {
                self.note(format!("not explained: {text}"));
            }
            last.breaks = breaks;
        }
        if let Some(beside) = self.shown.beside() {
            last.beside = beside;
        }
        last
    }
}

/// The link in a word.
const fn word(phase: Option<Phase>) -> &'static str {
    match phase {
        None | Some(Phase::Connecting(_)) => "connecting",
        Some(Phase::Down(_)) => "DOWN",
        Some(Phase::Comparing) => "comparing",
        Some(Phase::Ready) => "in step",
    }
}

/// All that is known beside the status of a run.
pub fn more(feed: &Seen, venue: Option<&VenueView>, specs: &[InstrumentSpec]) -> More {
    let feed = feed.look();
    let mut more = More {
        line: format!("feed {}", feed.line),
        rows: vec![("feed", feed.text)],
        json: json!({"feed": feed.json}),
    };
    let Some(venue) = venue else { return more };
    let last = venue.look();
    let (figures, phase) = (&last.figures, word(last.phase));
    more.line.push_str(&format!(", orders {phase}"));
    if !last.breaks.is_empty() {
        more.line.push_str(&format!(", {} NOT EXPLAINED", last.breaks.len()));
    }
    more.rows.push((
        "orders",
        format!(
            "{phase}, {} sent, {} unknown, {} found by asking, link lost {}, {} not ours",
            number::count(figures.sent),
            figures.unknown_now,
            number::count(figures.found),
            number::plural(figures.links_lost, "time"),
            number::plural(figures.foreign_open, "order"),
        ),
    ));
    more.rows.extend(last.breaks.iter().map(|text| ("NOT EXPLAINED", text.clone())));
    more.json["orders"] = json!(figures);
    more.json["link"] = json!(phase);
    more.json["breaks"] = json!(last.breaks);
    more.json["foreign_orders"] = foreign(&last.beside, specs);
    more
}

fn foreign(beside: &Beside, specs: &[InstrumentSpec]) -> Value {
    let order = |it: &qt_engine::VenueOrder| {
        let spec = specs.get(it.instrument.index())?;
        Some(json!({
            "number": it.number,
            "symbol": spec.symbol(),
            "side": it.side.text(),
            "price": spec.price_text(it.price),
            "qty": spec.qty_text(it.qty),
            "executed": spec.qty_text(it.executed),
        }))
    };
    beside.orders().iter().filter_map(order).collect()
}

/// How the instruments of a journal differ from those of the venue now.
pub fn changed(was: &[InstrumentSpec], is: &[InstrumentSpec]) -> Option<String> {
    if was.is_empty() || was == is {
        return None;
    }
    let symbols = |of: &[InstrumentSpec]| {
        of.iter().map(InstrumentSpec::symbol).collect::<Vec<_>>().join(", ")
    };
    if symbols(was) != symbols(is) {
        return Some(format!("it is of {}, and this run of {}", symbols(was), symbols(is)));
    }
    let units = |of: &InstrumentSpec| {
        let text = |e9: i64| qt_types::format_scaled(i128::from(e9), 9);
        let (tick, lot) = (text(of.tick_e9()), text(of.lot_e9()));
        format!("price step {tick}, quantity step {lot}, priced in {}", of.currency())
    };
    let differ = was.iter().zip(is).filter(|(was, is)| was != is);
    let differ = differ
        .map(|(was, is)| format!("{} had {}, and has {} now", was.symbol(), units(was), units(is)));
    Some(differ.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use qt_types::{E9, InstrumentKind};

    use super::*;

    fn spec(symbol: &str, tick_e9: i64) -> InstrumentSpec {
        let kind = InstrumentKind::Spot;
        InstrumentSpec::new(symbol, "USDT", kind, tick_e9, E9 / 1_000, E9).unwrap()
    }

    #[test]
    fn a_step_that_changed_is_named_with_both_values() {
        let (one, other) = ([spec("A", E9 / 100)], [spec("A", E9 / 10)]);
        assert_eq!(changed(&[], &one), None);
        assert_eq!(changed(&one, &one), None);
        let text = changed(&one, &other).unwrap();
        assert!(text.contains("A had price step 0.01") && text.contains("has price step 0.1"));
        let more = [spec("A", E9 / 100), spec("B", E9)];
        assert_eq!(changed(&one, &more).unwrap(), "it is of A, and this run of A, B");
    }
}
