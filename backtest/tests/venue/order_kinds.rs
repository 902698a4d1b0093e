//! Limit-if-touched, GTD, DAY on books, iceberg and pegged orders, each worked out by hand.

use qt_backtest::venue::{SimVenue, VenueConfig};
use qt_engine::book::{BookLimits, CrossPolicy};
use qt_engine::{
    BookKind, Bounded, Command, Context, Exits, Exposure, Gate, OrderRequest, Outbox, Pipeline,
    PipelineConfig, SizeRequest, Strategy, Venue,
};
use qt_types::{
    BarFlags, Cash, DenyReason, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Limits,
    Nanos, OrderKind, Payload, PegReference, Place, Price, Qty, RejectReason, ReportKind, Seq,
    Side, Size, Tick, TickFlags, TickKind, TimeInForce, Trade, VenueId,
};

use crate::harness::Case;
use crate::outcome::rejected;
use crate::script::{BUY, SELL, limit};

const X: InstrumentId = InstrumentId(0);
const DAY_NS: i64 = 86_400_000_000_000;

fn touched(side: Side, lots: i64, at: i64, worst: i64) -> Place {
    let (trigger, limit) = (Price::from_ticks(at), Price::from_ticks(worst));
    Place::new(X, side, OrderKind::LimitIfTouched { trigger, limit })
        .size(Size::Fixed(Qty::from_lots(lots)))
}

fn pegged(side: Side, lots: i64, to: PegReference, offset: i64) -> Place {
    let kind = OrderKind::Pegged { to, offset };
    Place::new(X, side, kind).size(Size::Fixed(Qty::from_lots(lots)))
}

const fn until(ns: i64) -> TimeInForce {
    TimeInForce::Gtd(Nanos::new(ns))
}

#[test]
fn limit_if_touched_on_bars() {
    // Touched at 97 inside bar 1, at the trigger; the limit of 98 allows it.
    let bars = [[100, 101, 99, 100], [100, 102, 95, 100], [100, 103, 94, 99]];
    let out = Case::new(&bars).at(0, touched(BUY, 10, 97, 98)).run();
    assert_eq!(out.fills(), [(1, BUY, 97, 10)]);
    // Touched at 97 in bar 1, whose low of 95 is not through the limit of 95: bar 2 is.
    let out = Case::new(&bars).at(0, touched(BUY, 10, 97, 95)).run();
    assert_eq!(out.fills(), [(2, BUY, 95, 10)]);
    // Through the trigger at the open: at the open, where the limit allows it.
    let gap = [[100, 101, 99, 100], [96, 99, 94, 98], [98, 99, 97, 98]];
    let out = Case::new(&gap).at(0, touched(BUY, 10, 97, 98)).run();
    assert_eq!(out.fills(), [(1, BUY, 96, 10)]);
    // Never touched.
    let out = Case::new(&bars).at(0, touched(BUY, 10, 93, 98)).run();
    assert!(out.fills().is_empty());
    // A sell mirrors it.
    let out = Case::new(&bars).margin(1).at(0, touched(SELL, 10, 102, 101)).run();
    assert_eq!(out.fills(), [(1, SELL, 102, 10)]);
}

#[test]
fn good_till_a_date_on_bars() {
    // Bar i is from 100 i to 100 (i + 1) ns; the limit is met inside bar 2.
    let bars = [[100, 101, 99, 100], [100, 102, 97, 100], [100, 103, 94, 99], [99, 100, 93, 96]];
    let run = |ns| Case::new(&bars).at(0, limit(BUY, 10, 95).tif(until(ns))).run();
    // The end of bar 2 still counts; a time inside it does not: what came first is not known.
    assert_eq!(run(300).fills(), [(2, BUY, 95, 10)]);
    for ns in [299, 201, 150] {
        let out = run(ns);
        assert!(out.fills().is_empty(), "{ns}");
        assert_eq!(out.end_of(1), Some((ReportKind::Expired, RejectReason::None)), "{ns}");
        assert_eq!(out.told_ns(1, ReportKind::Expired), Some(ns + 1));
    }
    // Past when it arrives.
    let out = run(50);
    assert_eq!(out.end_of(1), Some((ReportKind::Expired, RejectReason::None)));
}

#[test]
fn icebergs_and_pegged_orders_need_a_book() {
    let bars = [[100, 101, 99, 100], [100, 102, 90, 100], [100, 103, 94, 99]];
    let iceberg = limit(BUY, 10, 95).display(Qty::from_lots(2));
    for order in [iceberg, pegged(BUY, 10, PegReference::SameSide, 0)] {
        let out = Case::new(&bars).at(0, order).run();
        assert!(out.fills().is_empty());
        assert_eq!(out.end_of(1), rejected(RejectReason::NeedsBook));
    }
}

/// Says yes to everything.
struct Open;

impl Gate for Open {
    fn size(&self, _: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(1))
    }

    fn check(&mut self, _: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        Ok(())
    }
}

/// Asks for its orders at the first trade.
struct Once(Vec<Place>);

impl Strategy for Once {
    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.0.drain(..).for_each(|place| ctx.place(place));
    }
}

fn spec() -> InstrumentSpec {
    InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9).unwrap()
}

/// Commands as only the pipeline can make them.
fn commands(orders: Vec<Place>) -> Vec<Command> {
    let limits = Limits::default();
    let config = PipelineConfig {
        specs: vec![spec()],
        initial: Cash::ZERO,
        exits: Exits::default(),
        limits,
        epoch: 0,
        books: Vec::new(),
        active_from_ns: Nanos::MIN,
    };
    let trade = Trade {
        price: Price::from_ticks(100),
        qty: Qty::from_lots(1),
        aggressor: None,
        flags: BarFlags::NONE,
        row: 0,
    };
    let event = Event {
        seq: Seq::default(),
        recv_ns: Nanos::new(0),
        venue_ns: Nanos::new(0),
        instrument: X,
        venue: VenueId(0),
        payload: Payload::Trade(trade),
    };
    let mut out = Outbox::new(&limits);
    Pipeline::new(config, Once(orders), Open).step(&event, &mut out).unwrap();
    out.commands.as_slice().to_vec()
}

/// A venue with a book by price: 10 lots each at 99, 100 (bids) and 102, 103 (asks).
struct Market(SimVenue);

impl Market {
    fn new(orders: Vec<Place>) -> Self {
        let config = VenueConfig {
            initial: Cash::from_nano(1_000_000 * i128::from(E9)),
            account: qt_risk::Account::Margin { leverage_e9: 100 * E9 },
            ..VenueConfig::default()
        };
        let book =
            BookLimits { window_ticks: 256, far_levels_max: 64, crosses: CrossPolicy::Uncross };
        let venue = SimVenue::new(config, vec![spec()]).with_books(&[BookKind::Levels(book)]);
        let mut market = Self(venue);
        for (side, price) in [(BUY, 99), (BUY, 100), (SELL, 102), (SELL, 103)] {
            market.level(1, side, price, 10);
        }
        for command in commands(orders) {
            market.0.submit(&command, Nanos::new(1));
        }
        market.0.apply_commands(1).unwrap();
        market
    }

    fn tick(
        &mut self,
        ns: i64,
        kind: TickKind,
        side: Side,
        price: i64,
        qty: i64,
        flags: TickFlags,
    ) {
        let flags = if side == SELL { flags.with(TickFlags::ASK) } else { flags };
        let (kind, flags) = (kind as u8, flags.bits());
        let tick = Tick { venue_ns: ns, price, qty, latency_ns: 0, instrument: 0, kind, flags };
        self.0.apply_commands(ns - 1).unwrap();
        self.0.on_tick(X, &tick, || 0).unwrap();
    }

    fn level(&mut self, ns: i64, side: Side, price: i64, qty: i64) {
        self.tick(ns, TickKind::Level, side, price, qty, TickFlags::LAST);
    }

    /// A trade of `qty` lots at `price`; `side` took liquidity.
    fn trade(&mut self, ns: i64, side: Side, price: i64, qty: i64) {
        self.tick(ns, TickKind::Trade, side, price, qty, TickFlags::LAST);
    }

    /// What was said since the last time, without the acceptances: kind, order, price, lots.
    fn said(&mut self) -> Vec<(ReportKind, u64, i64, i64)> {
        let mut inbox = Bounded::new(64);
        self.0.poll(Nanos::MAX, &mut inbox);
        let said = inbox.as_slice().iter().map(|delivery| &delivery.report);
        said.filter(|report| report.kind != ReportKind::Accepted)
            .map(|r| (r.kind, r.order.counter(), r.price.ticks(), r.qty.lots()))
            .collect()
    }
}

use ReportKind::{Cancelled, Expired, Filled};

#[test]
fn an_iceberg_goes_to_the_end_of_the_queue_with_each_part() {
    // 7 lots at 100 behind 10, 3 in sight.
    let mut market = Market::new(vec![limit(BUY, 7, 100).display(Qty::from_lots(3))]);
    market.trade(2, SELL, 100, 10);
    assert!(market.said().is_empty(), "what was ahead");
    market.level(2, BUY, 100, 8);
    // Eight have joined behind; a trade of 5 has no more than what is in sight.
    market.trade(3, SELL, 100, 5);
    assert_eq!(market.said(), [(Filled, 1, 100, 3)]);
    // The next part stands behind the 8 that were displayed; of the trade 6 are left of them.
    market.level(3, BUY, 100, 6);
    market.trade(4, SELL, 100, 6);
    assert!(market.said().is_empty());
    market.trade(5, SELL, 100, 2);
    assert_eq!(market.said(), [(Filled, 1, 100, 2)]);
    // Printed through: all of it, hidden or not.
    market.trade(6, SELL, 99, 20);
    assert_eq!(market.said(), [(Filled, 1, 100, 2)]);
    assert!(market.0.is_idle());
}

#[test]
fn a_pegged_order_follows_and_loses_its_place() {
    let mut market = Market::new(vec![pegged(BUY, 5, PegReference::SameSide, 0)]);
    // At 100 behind 10. The best bid rises to 101: it goes there, behind 4.
    market.level(2, BUY, 101, 4);
    market.trade(3, SELL, 101, 4);
    assert!(market.said().is_empty());
    market.trade(3, SELL, 101, 2);
    assert_eq!(market.said(), [(Filled, 1, 101, 2)]);
    // 101 is gone: back at 100, behind all 10 again.
    market.level(4, BUY, 101, 0);
    market.trade(5, SELL, 100, 10);
    assert!(market.said().is_empty());
    market.trade(5, SELL, 100, 1);
    assert_eq!(market.said(), [(Filled, 1, 100, 1)]);
}

#[test]
fn pegs_move_with_whole_updates_only() {
    let mut market = Market::new(vec![pegged(BUY, 5, PegReference::SameSide, 0)]);
    market.trade(2, SELL, 100, 9);
    // One update takes the best bid away and puts it back: the place is kept, behind 1.
    market.tick(2, TickKind::Level, BUY, 100, 0, TickFlags::NONE);
    market.level(2, BUY, 100, 1);
    market.trade(3, SELL, 100, 2);
    assert_eq!(market.said().len(), 1);
}

#[test]
fn what_a_peg_follows() {
    // The middle of 100 and 102 is 101, for either side.
    let mut market = Market::new(vec![pegged(BUY, 1, PegReference::Mid, 0)]);
    market.trade(2, SELL, 101, 1);
    assert_eq!(market.said(), [(Filled, 1, 101, 1)]);
    // Of 100 and 103 a sell stands at 102: away from the bid.
    let mut market = Market::new(vec![pegged(SELL, 1, PegReference::Mid, 0)]);
    market.level(2, SELL, 102, 0);
    market.trade(3, BUY, 102, 1);
    assert_eq!(market.said(), [(Filled, 1, 102, 1)]);
    // A market peg takes at once; one tick away from the other side it rests at 101.
    let mut market = Market::new(vec![pegged(BUY, 1, PegReference::Opposite, 0)]);
    assert_eq!(market.said(), [(Filled, 1, 102, 1)]);
    let mut market = Market::new(vec![pegged(BUY, 1, PegReference::Opposite, 1)]);
    assert!(market.said().is_empty());
    market.trade(2, SELL, 101, 1);
    assert_eq!(market.said(), [(Filled, 1, 101, 1)]);
    // A post-only order that its peg makes take ends.
    let order = pegged(BUY, 1, PegReference::Opposite, 0).post_only();
    assert_eq!(Market::new(vec![order]).said(), [(Cancelled, 1, 0, 0)]);
}

#[test]
fn limit_if_touched_on_a_book() {
    // Touched by a trade at 101, then a limit order at 101: it takes the ask that comes there.
    let mut market = Market::new(vec![touched(BUY, 5, 101, 101)]);
    market.trade(2, SELL, 102, 1);
    market.level(3, SELL, 101, 4);
    assert!(market.said().is_empty(), "trades trigger, not the best price");
    market.trade(4, BUY, 101, 1);
    assert_eq!(market.said(), [(Filled, 1, 101, 4)]);
    market.trade(5, SELL, 101, 3);
    assert_eq!(market.said(), [(Filled, 1, 101, 1)]);
}

#[test]
fn time_is_over_on_a_book() {
    let mut market = Market::new(vec![
        limit(BUY, 1, 100).tif(until(50)),
        limit(BUY, 1, 99).tif(TimeInForce::Day),
        limit(BUY, 1, 98),
        limit(BUY, 1, 101).tif(until(1)),
    ]);
    assert_eq!(market.said(), [(Expired, 4, 0, 0)], "its time has come when it arrives");
    assert_eq!(market.0.next_command_ns(), Some(50));
    // A trade through it at its last time still meets it, one later does not.
    let mut late = Market::new(vec![limit(BUY, 1, 100).tif(until(50))]);
    late.trade(51, SELL, 99, 100);
    assert_eq!(late.said(), [(Expired, 1, 0, 0)]);
    market.trade(50, SELL, 99, 5);
    assert_eq!(market.said(), [(Filled, 1, 100, 1)]);
    assert_eq!(market.0.next_command_ns(), Some(50));
    market.0.apply_commands(50).unwrap();
    assert_eq!(market.0.next_command_ns(), Some(DAY_NS), "the end of the day");
    market.trade(DAY_NS + 1, SELL, 98, 1);
    assert_eq!(market.said(), [(Expired, 2, 0, 0), (Filled, 3, 98, 1)]);
    assert_eq!(market.0.next_command_ns(), None);
}
