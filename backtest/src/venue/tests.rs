//! What the venue does by itself: trades, the queue of reports, bounds. The rules of bars are
//! worked out in `tests/venue`.

use qt_engine::command::Command;
use qt_engine::{
    Bounded, Context, Delivery, Exits, Exposure, Gate, OrderRequest, Outbox, Pipeline,
    PipelineConfig, SizeRequest, Strategy, Venue,
};
use qt_types::{
    Bar, BarFlags, Cash, DenyReason, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec,
    Limits, Nanos, OrderKind, Payload, Place, Price, Qty, RejectReason, ReportKind, Seq, Side,
    Size, TimeInForce, Trade, VenueId,
};

use super::{FillAt, SimVenue, VenueConfig};

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

fn print(at_ns: i64, price: i64, lots: i64) -> Event {
    let trade = Trade {
        price: Price::from_ticks(price),
        qty: Qty::from_lots(lots),
        aggressor: None,
        flags: BarFlags::NONE,
        row: at_ns as u32,
    };
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::new(at_ns),
        venue_ns: Nanos::new(at_ns),
        instrument: InstrumentId(0),
        venue: VenueId(0),
        payload: Payload::Trade(trade),
    }
}

/// Commands as only the pipeline can make them.
fn commands(orders: Vec<Place>) -> Vec<Command> {
    let config = PipelineConfig {
        specs: vec![spec()],
        initial: Cash::ZERO,
        exits: Exits::default(),
        limits: Limits::default(),
        epoch: 0,
        books: Vec::new(),
        active_from_ns: Nanos::MIN,
    };
    let mut pipeline = Pipeline::new(config, Once(orders), Open);
    let mut out = Outbox::new(&Limits::default());
    pipeline.step(&print(0, 100, 1), &mut out).unwrap();
    out.commands.as_slice().to_vec()
}

fn venue(change: impl FnOnce(&mut VenueConfig)) -> SimVenue {
    let mut config =
        VenueConfig { initial: Cash::from_nano(10_000 * i128::from(E9)), ..VenueConfig::default() };
    config.account = qt_risk::Account::Margin { leverage_e9: 100 * E9 };
    change(&mut config);
    SimVenue::new(config, vec![spec()])
}

fn order(side: Side, lots: i64, kind: OrderKind) -> Place {
    Place::new(InstrumentId(0), side, kind).size(Size::Fixed(Qty::from_lots(lots)))
}

fn limit(side: Side, lots: i64, at: i64) -> Place {
    order(side, lots, OrderKind::Limit { price: Price::from_ticks(at) })
}

fn reports(venue: &mut SimVenue, until_ns: i64) -> Vec<Delivery> {
    let mut inbox = Bounded::new(64);
    venue.poll(Nanos::new(until_ns), &mut inbox);
    inbox.as_slice().to_vec()
}

/// The fills as (order, price, lots).
fn fills(venue: &mut SimVenue) -> Vec<(u64, i64, i64)> {
    let is_fill = |delivery: &Delivery| delivery.report.kind == ReportKind::Filled;
    reports(venue, i64::MAX)
        .iter()
        .filter(|delivery| is_fill(delivery))
        .map(|d| (d.report.order.counter(), d.report.price.ticks(), d.report.qty.lots()))
        .collect()
}

/// Sends `orders` off at 0 and plays `trades` of (time, price, lots).
fn play(venue: &mut SimVenue, orders: Vec<Place>, trades: &[(i64, i64, i64)]) {
    for command in commands(orders) {
        venue.submit(&command, Nanos::new(0));
    }
    for &(at_ns, price, lots) in trades {
        venue.apply_commands(at_ns).unwrap();
        venue.on_trade(&print(at_ns, price, lots)).unwrap();
    }
}

#[test]
fn trades_meet_every_type_of_order() {
    let stop = |at| OrderKind::Stop { trigger: Price::from_ticks(at) };
    let take = |at| OrderKind::TakeProfit { trigger: Price::from_ticks(at) };
    let mut venue = venue(|_| {});
    let orders = vec![
        order(Side::Buy, 1, OrderKind::Market),
        limit(Side::Buy, 2, 98),
        order(Side::Buy, 3, stop(103)),
        order(Side::Sell, 4, take(104)),
    ];
    // 101: the market order. 98: a touch of the limit. 97: through it. 105: stop and take-profit
    // both, at the trade's price.
    play(&mut venue, orders, &[(1, 101, 5), (2, 98, 5), (3, 97, 5), (4, 105, 9)]);
    assert_eq!(fills(&mut venue), [(1, 101, 1), (2, 98, 2), (3, 105, 3), (4, 105, 4)]);
    assert!(venue.is_idle());
    assert_eq!(venue.ledger().position(InstrumentId(0)).qty(), Qty::from_lots(2));
}

#[test]
fn a_trade_before_the_arrival_is_not_met() {
    let mut venue = venue(|config| config.order_latency = super::LatencyModel::constant(10));
    let market = vec![order(Side::Buy, 1, OrderKind::Market)];
    play(&mut venue, market, &[(1, 101, 5), (9, 102, 5), (10, 103, 5), (11, 104, 5)]);
    assert_eq!(fills(&mut venue), [(1, 103, 1)]);
}

#[test]
fn a_share_of_each_trade() {
    let mut venue = venue(|config| config.participation_e9 = Some(E9 / 2));
    let market = vec![order(Side::Buy, 6, OrderKind::Market)];
    play(&mut venue, market, &[(1, 101, 5), (2, 102, 1), (3, 103, 7), (4, 104, 9)]);
    assert_eq!(fills(&mut venue), [(1, 101, 2), (1, 103, 3), (1, 104, 1)]);
}

#[test]
fn ioc_takes_one_trade_or_nothing() {
    let mut venue = venue(|_| {});
    let ioc = |place: Place| place.tif(TimeInForce::Ioc);
    let orders = vec![ioc(limit(Side::Buy, 1, 102)), ioc(limit(Side::Buy, 1, 100))];
    play(&mut venue, orders, &[(1, 101, 5), (2, 90, 5)]);
    let said = reports(&mut venue, i64::MAX);
    let last = |order: u64| {
        let of_order = said.iter().filter(|d| d.report.order.counter() == order);
        of_order.map(|d| (d.report.kind, d.report.reason)).next_back()
    };
    assert_eq!(last(1), Some((ReportKind::Filled, RejectReason::None)));
    assert_eq!(last(2), Some((ReportKind::Cancelled, RejectReason::NotImmediate)));
}

#[test]
fn a_run_on_trades_closes_at_the_last_one() {
    let mut venue = venue(|_| {});
    play(&mut venue, vec![order(Side::Buy, 1, OrderKind::Market)], &[(1, 101, 5), (2, 107, 5)]);
    for command in commands(vec![order(Side::Sell, 1, OrderKind::Market)]) {
        venue.submit(&command, Nanos::new(2));
    }
    venue.fill_at_last_close().unwrap();
    assert_eq!(fills(&mut venue), [(1, 101, 1), (1, 107, 1)]);
}

#[test]
fn reports_wait_for_room_and_for_their_time() {
    let mut venue = venue(|config| config.response_latency = super::LatencyModel::constant(5));
    let orders = (0..3).map(|_| order(Side::Buy, 1, OrderKind::Market)).collect();
    play(&mut venue, orders, &[(1, 101, 5)]);
    // Three accepted at 0 and three filled at 1, told at 5 and 6.
    assert_eq!(venue.next_ns(), Some(Nanos::new(5)));
    assert_eq!(reports(&mut venue, 4).len(), 0);
    let mut small = Bounded::new(2);
    venue.poll(Nanos::new(5), &mut small);
    assert_eq!((small.len(), small.dropped()), (2, 1), "the third waits, it is not lost");
    assert_eq!(reports(&mut venue, 5).len(), 1);
    let filled = reports(&mut venue, 6);
    assert_eq!(filled.len(), 3);
    assert_eq!(venue.next_ns(), None);
    // Executions are numbered upwards and remember where they happened.
    let execs: Vec<u64> = filled.iter().map(|d| d.report.exec.0).collect();
    assert_eq!(execs, [1, 2, 3]);
    assert_eq!(venue.row_of(filled[0].report.exec), 1);
    assert_eq!(venue.row_of(qt_types::ExecId(9)), u32::MAX);
}

#[test]
fn the_venue_holds_only_so_many_orders() {
    let mut venue = venue(|config| config.limits.orders_open_max = 2);
    play(&mut venue, (0..3).map(|_| limit(Side::Buy, 1, 50)).collect(), &[(1, 101, 5)]);
    let said: Vec<(ReportKind, RejectReason)> =
        reports(&mut venue, i64::MAX).iter().map(|d| (d.report.kind, d.report.reason)).collect();
    let accepted = (ReportKind::Accepted, RejectReason::None);
    let full = (ReportKind::Rejected, RejectReason::OrdersOpenMax);
    assert_eq!(said, [accepted, accepted, full]);
}

#[test]
fn bars_without_orders_only_leave_their_price() {
    let mut venue = venue(|config| config.fill_at = FillAt::Close);
    let bar = Bar {
        open_ns: Nanos::new(0),
        open: Price::from_ticks(100),
        high: Price::from_ticks(110),
        low: Price::from_ticks(90),
        close: Price::from_ticks(105),
        volume: Qty::from_lots(10),
        half_spread: [0; 4],
        flags: BarFlags::NONE,
        row: 0,
    };
    let event = Event { payload: Payload::Bar(bar), ..print(60, 0, 0) };
    venue.begin_bar(InstrumentId(0), &bar);
    venue.play_opens().unwrap();
    venue.close_bar(&event).unwrap();
    assert!(venue.is_idle() && venue.next_ns().is_none());
    // An order that arrives with the close meets it in this mode.
    for command in commands(vec![order(Side::Buy, 1, OrderKind::Market)]) {
        venue.submit(&command, Nanos::new(60));
    }
    venue.apply_commands(60).unwrap();
    assert_eq!(fills(&mut venue), [(1, 105, 1)]);
}
