//! A strategy that does what it is told, and writes down what it is told by the venue.

use qt_engine::{Context, OrderUpdate, Strategy};
use qt_types::{
    Bar, Denied, DenyReason, Distance, InstrumentId, Nanos, OrderId, OrderKind, Place, Price, Qty,
    RejectReason, ReportKind, Side, Size,
};

pub const BUY: Side = Side::Buy;
pub const SELL: Side = Side::Sell;

/// When a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// When bar number `.1` (from 0) of instrument `.0` is complete.
    Bar(u16, usize),
    /// When the venue first says this about order number `.0` (from 1, children counted).
    Report(u64, ReportKind),
}

/// What is done. Orders are named by their number: 1 for the first, children counted.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Place(Place),
    /// Two of which one cancels the other.
    Pair(Place, Place),
    /// The first one triggers the other two, of which one cancels the other.
    Chain(Place, Place, Place),
    Cancel(u64),
    Replace(u64, OrderKind, i64),
}

/// One thing that the venue said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// When we were told (UTC ns).
    pub recv_ns: i64,
    pub order: u64,
    pub kind: ReportKind,
    pub reason: RejectReason,
}

/// What a strategy was told.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub said: Vec<Said>,
    pub denied: Vec<DenyReason>,
    /// Times at which bars came (UTC ns) and their closes.
    pub bars: Vec<(Nanos, Price)>,
}

/// The strategy.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<(On, Step, bool)>,
    bars_seen: [usize; 4],
    warmup: usize,
    pub log: Log,
}

impl Script {
    pub fn new(steps: &[(On, Step)], warmup: usize) -> Self {
        let steps = steps.iter().map(|&(on, step)| (on, step, false)).collect();
        Self { steps, warmup, ..Self::default() }
    }

    fn act(&mut self, now: On, ctx: &mut Context<'_>) {
        for (on, step, done) in &mut self.steps {
            if *on != now || *done {
                continue;
            }
            *done = true;
            match *step {
                Step::Place(place) => ctx.place(place),
                Step::Pair(one, other) => ctx.place_oco(one, other),
                Step::Chain(first, one, other) => {
                    let first = ctx.place_linked(first);
                    let one = ctx.place_linked(one.triggered_by(first));
                    ctx.place(other.triggered_by(first).oco(one));
                }
                Step::Cancel(order) => ctx.cancel(OrderId::new(0, order)),
                Step::Replace(order, kind, lots) => {
                    ctx.replace(OrderId::new(0, order), kind, Qty::from_lots(lots));
                }
            }
        }
    }
}

impl Strategy for Script {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let seen = self.bars_seen[instrument.index()];
        self.bars_seen[instrument.index()] += 1;
        self.log.bars.push((ctx.now_ns(), bar.close));
        self.act(On::Bar(instrument.0, seen), ctx);
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        let (report, order) = (update.report, update.report.order.counter());
        let said =
            Said { recv_ns: ctx.now_ns().get(), order, kind: report.kind, reason: report.reason };
        self.log.said.push(said);
        self.act(On::Report(order, report.kind), ctx);
    }

    fn on_denied(&mut self, denied: &Denied, _: &mut Context<'_>) {
        self.log.denied.push(denied.reason);
    }

    fn warmup(&self) -> usize {
        self.warmup
    }
}

fn place(side: Side, lots: i64, kind: OrderKind) -> Place {
    Place::new(InstrumentId(0), side, kind).size(Size::Fixed(Qty::from_lots(lots)))
}

pub fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks)
}

pub fn market(side: Side, lots: i64) -> Place {
    place(side, lots, OrderKind::Market)
}

pub fn limit(side: Side, lots: i64, at: i64) -> Place {
    place(side, lots, OrderKind::Limit { price: price(at) })
}

pub fn stop(side: Side, lots: i64, at: i64) -> Place {
    place(side, lots, OrderKind::Stop { trigger: price(at) })
}

pub fn stop_limit(side: Side, lots: i64, at: i64, worst: i64) -> Place {
    place(side, lots, OrderKind::StopLimit { trigger: price(at), limit: price(worst) })
}

pub fn take_profit(side: Side, lots: i64, at: i64) -> Place {
    place(side, lots, OrderKind::TakeProfit { trigger: price(at) })
}

pub fn trailing(side: Side, lots: i64, distance: Distance) -> Place {
    place(side, lots, OrderKind::TrailingStop { distance })
}

/// The same order for another instrument.
pub fn for_instrument(index: u16, mut place: Place) -> Place {
    place.instrument = InstrumentId(index);
    place
}
