//! How a session stands, as text and as JSON.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use qt_engine::Tightest;
use qt_runtime::keeper::Shown;
use qt_runtime::status::{Standing, Status};
use qt_types::{InstrumentId, InstrumentSpec, KillState, Level, Price, Qty, Side, StrategyId};
use serde_json::{Value, json};

use super::figures::duration;
use crate::output::number;

/// How many of our orders of a side are named.
const ORDERS_MAX: usize = 3;

/// What is known of a run beside its status: of the venue where it trades.
#[derive(Clone, Debug, Default)]
pub struct More {
    /// In a few words, for the line on all of it.
    pub line: String,
    /// A name and what is said of it, for the table.
    pub rows: Vec<(&'static str, String)>,
    /// All of it.
    pub json: Value,
}

/// Says what is known of a run beside its status.
pub type Beside = Arc<dyn Fn() -> More + Send + Sync>;

/// What names instruments and strategies, and the last status.
#[derive(Clone)]
pub struct View {
    shown: Arc<Shown>,
    specs: Arc<[InstrumentSpec]>,
    names: Arc<[String]>,
    last: Arc<Mutex<Option<Box<Status>>>>,
    beside: Option<Beside>,
}

impl View {
    /// The view of a session in `specs` with strategies called `names`.
    pub fn new(shown: &Arc<Shown>, specs: &[InstrumentSpec], names: &[String]) -> Self {
        Self {
            shown: Arc::clone(shown),
            specs: specs.into(),
            names: names.into(),
            last: Arc::default(),
            beside: None,
        }
    }

    /// The same with what `beside` says.
    #[must_use]
    pub fn with(self, beside: Beside) -> Self {
        Self { beside: Some(beside), ..self }
    }

    fn more(&self) -> Option<More> {
        self.beside.as_ref().map(|beside| beside())
    }

    /// The status that others are shown from now on.
    pub fn keep(&self, status: Box<Status>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    /// The last status; `None` before the first.
    pub fn last(&self) -> Option<Box<Status>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One line on all of it. `rate`: events a second, where that is known.
    pub fn line(&self, status: &Status, rate: Option<f64>) -> String {
        let to_repeat = self.shown.to_repeat.load(Ordering::Relaxed);
        let more = self.more().map_or_else(String::new, |more| format!("  {}", more.line));
        let equity = status.equity.map_or_else(|| "unknown".to_owned(), |cash| cash.to_string());
        let rate = rate.map_or_else(String::new, |rate| format!(" ({}/s)", number::rate(rate)));
        let whole = status.whole.map_or_else(String::new, |[half, most]| {
            format!("  feed to kept {} p50, {} p99", duration(half), duration(most))
        });
        format!(
            "{}  event {}{rate}  equity {}  {} open  {} sent{whole}  \
             waits: feed {}, journal {}{more}{}{}",
            qt_data::stamp::iso_text(status.now_ns.get()),
            number::count(status.seq.get()),
            number::amount(&equity, 2),
            number::plural(status.open as u64, "order"),
            number::plural(self.shown.commands.load(Ordering::Relaxed), "command"),
            number::count(status.feed_waits),
            number::count(status.journal_waits),
            if status.is_paused { "  PAUSED" } else { "" },
            if to_repeat > 0 { "  (making again what the journal has)" } else { "" },
        )
    }

    /// The line, and below it the limits, each strategy and each instrument.
    pub fn text(&self, status: &Status, rate: Option<f64>) -> String {
        let mut lines = vec![self.line(status, rate)];
        lines.push(format!("  {:<12} {}", "headroom", self.headroom(status.tightest)));
        let rows = self.more().map(|more| more.rows).unwrap_or_default();
        lines.extend(rows.iter().map(|(name, text)| format!("  {name:<12} {text}")));
        lines.extend(status.strategies.iter().map(|of| self.strategy(status, of)));
        let tops = status.tops.iter();
        lines.extend(tops.filter_map(|(id, bid, ask)| self.instrument(status, *id, [*bid, *ask])));
        lines.join("\n")
    }

    fn headroom(&self, tightest: Option<Tightest>) -> String {
        tightest.map_or_else(
            || "no limit is used".to_owned(),
            |of| match of.left_bps() {
                Some(bps) => {
                    let left = bps as f64 / 100.0;
                    format!("{left:.1} % left of {} of {}", of.name, self.holder(of))
                }
                None => format!("over {} of {}", of.name, self.holder(of)),
            },
        )
    }

    /// Whose limit it is.
    fn holder(&self, of: Tightest) -> String {
        let index = usize::from(of.target.index);
        match of.target.level {
            Level::Global => "everything".to_owned(),
            Level::Strategy => self.name(StrategyId(of.target.index)),
            Level::Instrument => {
                self.specs.get(index).map_or_else(String::new, |spec| spec.symbol().to_owned())
            }
            level => format!("the {}", level.text()),
        }
    }

    fn name(&self, strategy: StrategyId) -> String {
        self.names.get(strategy.index()).cloned().unwrap_or_default()
    }

    fn strategy(&self, status: &Status, of: &Standing) -> String {
        let held = status.own.iter().filter(|(strategy, ..)| *strategy == of.strategy);
        let held: Vec<String> = held.filter_map(|(_, id, qty)| self.quantity(*id, *qty)).collect();
        let held = if held.is_empty() { "nothing".to_owned() } else { held.join(", ") };
        let brought = match (of.fills, of.profit) {
            (Some(fills), Some(profit)) => format!(
                ", {}, profit {}",
                number::plural(fills, "fill"),
                number::amount(&profit.to_string(), 2)
            ),
            _ => String::new(),
        };
        let open = number::plural(of.open as u64, "order");
        let (name, state) = (self.name(of.strategy), state(status, of));
        format!("  {name:<12} {state}, holds {held}, {open} open{brought}")
    }

    fn quantity(&self, id: InstrumentId, qty: Qty) -> Option<String> {
        let spec = self.specs.get(id.index())?;
        Some(format!("{} {}", spec.qty_text(qty), spec.symbol()))
    }

    /// One instrument: its best prices, our position, our orders.
    fn instrument(
        &self,
        status: &Status,
        id: InstrumentId,
        best: [Option<Price>; 2],
    ) -> Option<String> {
        let spec = self.specs.get(id.index())?;
        let price = |price: Option<Price>| {
            price.map_or_else(|| "–".to_owned(), |price| spec.price_text(price))
        };
        let held = status.positions.iter().find(|(held, ..)| *held == id);
        let held = held.map_or_else(|| "0".to_owned(), |(_, qty, _)| spec.qty_text(*qty));
        let orders = |wanted: Side| {
            let own = status.orders.iter();
            let own: Vec<_> = own.filter(|of| of.instrument == id && of.side == wanted).collect();
            let text = |of: &&qt_runtime::status::OpenOrder| match of.price {
                Some(limit) => format!("{} at {}", spec.qty_text(of.left), price(Some(limit))),
                None => spec.qty_text(of.left),
            };
            let mut texts: Vec<String> = own.iter().take(ORDERS_MAX).map(text).collect();
            if own.len() > ORDERS_MAX {
                texts.push(format!("{} more", own.len() - ORDERS_MAX));
            }
            if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
        };
        let [bid, ask] = best.map(price);
        let (buys, sells) = (orders(Side::Buy), orders(Side::Sell));
        let symbol = spec.symbol();
        Some(format!(
            "  {symbol:<12} {bid:>12} / {ask:<12} position {held}, buying {buys}, selling {sells}"
        ))
    }

    /// All of it as JSON.
    pub fn json(&self, status: &Status) -> Value {
        let symbol = |id: InstrumentId| self.specs.get(id.index()).map(InstrumentSpec::symbol);
        let qty =
            |id: InstrumentId, qty: Qty| self.specs.get(id.index()).map(|it| it.qty_text(qty));
        let price = |id: InstrumentId, price: Option<Price>| {
            self.specs.get(id.index()).zip(price).map(|(spec, price)| spec.price_text(price))
        };
        let strategies = status.strategies.iter().map(|of| {
            let own = status.own.iter().filter(|(strategy, ..)| *strategy == of.strategy);
            let positions =
                own.map(|(_, id, lots)| json!({"symbol": symbol(*id), "qty": qty(*id, *lots)}));
            json!({
                "name": self.name(of.strategy),
                "active": of.is_active && !status.is_paused,
                "may_send": of.may_send.text(),
                "open_orders": of.open,
                "fills": of.fills,
                "profit": of.profit.map(|profit| profit.to_string()),
                "positions": positions.collect::<Vec<_>>(),
            })
        });
        let positions = status.positions.iter().map(|(id, lots, mark)| {
            json!({"symbol": symbol(*id), "qty": qty(*id, *lots), "mark": price(*id, *mark)})
        });
        let orders = status.orders.iter().map(|of| {
            json!({
                "order": of.order.get(),
                "strategy": self.name(of.strategy),
                "symbol": symbol(of.instrument),
                "side": of.side.text(),
                "price": price(of.instrument, of.price),
                "left": qty(of.instrument, of.left),
            })
        });
        let feeds = status.tops.iter().map(|(id, bid, ask)| {
            json!({"symbol": symbol(*id), "bid": price(*id, *bid), "ask": price(*id, *ask)})
        });
        let mut all = json!({
            "time": qt_data::stamp::iso_text(status.now_ns.get()),
            "event": status.seq.get(),
            "equity": status.equity.map(|cash| cash.to_string()),
            "paused": status.is_paused,
            "open_orders": status.open,
            "commands": self.shown.commands.load(Ordering::Relaxed),
            "to_repeat": self.shown.to_repeat.load(Ordering::Relaxed),
            "headroom": status.tightest.map(|of| json!({
                "limit": of.name, "of": self.holder(of),
                "left": of.left_bps().unwrap_or(0) as f64 / 1e4,
            })),
            "latency_ns": status.whole.map(|[half, most]| json!({"p50": half, "p99": most})),
            "waits": {"feed": status.feed_waits, "journal": status.journal_waits},
            "strategies": strategies.collect::<Vec<_>>(),
            "positions": positions.collect::<Vec<_>>(),
            "orders": orders.collect::<Vec<_>>(),
            "feeds": feeds.collect::<Vec<_>>(),
        });
        if let Some(more) = self.more() {
            all["venue"] = more.json;
        }
        all
    }
}

/// What a strategy may do, in a word.
fn state(status: &Status, of: &Standing) -> &'static str {
    match (of.may_send, of.is_active, status.is_paused) {
        (KillState::Halted, ..) => "KILLED",
        (_, false, _) => "not active",
        (_, _, true) => "paused",
        (KillState::ReduceOnly, ..) => "REDUCE ONLY",
        (KillState::Active, ..) => "active",
    }
}
