//! What a session shows while it runs.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use qt_runtime::keeper::Shown;
use qt_runtime::status::Status;
use qt_types::{InstrumentId, InstrumentSpec, Price, Side};

use super::figures::duration;
use crate::output::{Output, number};

/// How often it is shown.
const EVERY: Duration = Duration::from_secs(1);

/// How many of our orders of a side are named.
const ORDERS_MAX: usize = 3;

/// Shows a session on standard error: a table that is drawn anew on a terminal, else a line now
/// and then.
pub struct Screen<'a> {
    out: Output,
    shown: &'a Shown,
    specs: &'a [InstrumentSpec],
    is_terminal: bool,
    last: Option<(Instant, u64)>,
    lines: usize,
}

impl<'a> Screen<'a> {
    pub fn new(out: Output, shown: &'a Shown, specs: &'a [InstrumentSpec]) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !out.quiet;
        Self { out, shown, specs, is_terminal, last: None, lines: 0 }
    }

    /// Called often; shows what there is once a second.
    pub fn look(&mut self) {
        let (at, events) = self.last.get_or_insert_with(|| (Instant::now(), 0));
        let now = self.shown.events.load(Ordering::Relaxed);
        let passed = at.elapsed();
        if passed < EVERY {
            return;
        }
        let rate = (now - *events) as f64 / passed.as_secs_f64();
        self.last = Some((Instant::now(), now));
        if let Some(status) = self.shown.board.get() {
            let text = self.text(&status, rate);
            self.draw(&text);
        }
        self.shown.board.ask();
    }

    fn draw(&mut self, text: &str) {
        if !self.is_terminal {
            self.out.note(text.lines().next().unwrap_or_default());
            return;
        }
        let up = if self.lines > 0 { format!("\x1b[{}A\x1b[J", self.lines) } else { String::new() };
        eprintln!("{up}{text}");
        self.lines = text.lines().count();
    }

    fn text(&self, status: &Status, rate: f64) -> String {
        let to_repeat = self.shown.to_repeat.load(Ordering::Relaxed);
        let equity = status.equity.map_or_else(|| "unknown".to_owned(), |cash| cash.to_string());
        let mut text = format!(
            "{}  event {} ({}/s)  equity {}  {} open  {} sent{}{}",
            qt_data::stamp::iso_text(status.now_ns.get()),
            number::count(status.seq.get()),
            number::rate(rate),
            number::amount(&equity, 2),
            number::plural(status.open as u64, "order"),
            number::plural(self.shown.commands.load(Ordering::Relaxed), "command"),
            self.headroom(status),
            if to_repeat > 0 { "  (making again what the journal has)" } else { "" },
        );
        if self.is_terminal {
            for (id, bid, ask) in &status.tops {
                text.push_str(&self.line(status, *id, [*bid, *ask]));
            }
        }
        text
    }

    /// What a record takes from the feed to the end of all that follows from it, and who had to
    /// wait.
    fn headroom(&self, status: &Status) -> String {
        let whole = status.whole.map_or_else(String::new, |[half, most]| {
            format!("  feed to kept {} p50, {} p99", duration(half), duration(most))
        });
        let feed = self.shown.feed_waits.load(Ordering::Relaxed);
        let (feed, journal) = (number::count(feed), number::count(status.journal_waits));
        format!("{whole}  waits: feed {feed}, journal {journal}")
    }

    /// One instrument: its best prices, our position, our orders.
    fn line(&self, status: &Status, id: InstrumentId, best: [Option<Price>; 2]) -> String {
        let Some(spec) = self.specs.get(id.index()) else { return String::new() };
        let price = |price: Option<Price>| {
            price.map_or_else(|| "–".to_owned(), |price| spec.price_text(price))
        };
        let held = status.positions.iter().find(|(held, ..)| *held == id);
        let held = held.map_or_else(|| "0".to_owned(), |(_, qty, _)| spec.qty_text(*qty));
        let orders = |wanted: Side| {
            let own = status.orders.iter();
            let own = own.filter(|(_, of, side, ..)| *of == id && *side == wanted);
            let texts = own
                .take(ORDERS_MAX)
                .map(|(.., limit, left)| format!("{} at {}", spec.qty_text(*left), price(*limit)));
            let texts: Vec<String> = texts.collect();
            if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
        };
        let [bid, ask] = best.map(price);
        let (buys, sells) = (orders(Side::Buy), orders(Side::Sell));
        let symbol = spec.symbol();
        format!(
            "\n  {symbol:<12} {bid:>12} / {ask:<12} position {held}, buying {buys}, selling {sells}"
        )
    }
}
