//! B08 in a pipeline: a strategy that asks for 26,082 orders in two minutes, and what leaves.

use qt_engine::{Command, Context, Exits, Outbox, Pipeline, PipelineConfig, Strategy};
use qt_risk::{Account, AccountGate, Key, KillState, Level, RiskGate, Setup, Sizing, Target};
use qt_types::{
    BarFlags, Cash, DenyReason, E9, Event, InstrumentId, Limits, Nanos, OrderKind, Payload, Place,
    Price, Qty, RejectReason, Report, ReportKind, Seq, Side, Size, Trade, VenueId,
};

use crate::support::*;

const ORDERS: i64 = 26_082;
const LENGTH_NS: i64 = 120 * SECOND;
const PER_SECOND: usize = 10;
const BURST: usize = 20;

/// Asks for one more order on every trade, and takes all back on the last one.
struct Flood {
    left: i64,
}

impl Strategy for Flood {
    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.left -= 1;
        if self.left > 0 {
            let kind = OrderKind::Limit { price: Price::from_ticks(99) };
            let place = Place::new(ctx.instrument(), Side::Buy, kind);
            ctx.place(place.size(Size::Fixed(Qty::from_lots(10))));
            return;
        }
        let open: Vec<_> = ctx.orders().map(|order| order.id).collect();
        open.into_iter().for_each(|order| ctx.cancel(order));
    }
}

fn event(at: i64, payload: Payload) -> Event {
    let (recv_ns, venue_ns) = (Nanos::new(at), Nanos::new(at));
    let instrument = InstrumentId(0);
    Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue: VenueId(0), payload }
}

/// The strategy behind the gate.
fn pipeline(bounds: Limits) -> Pipeline<Flood, RiskGate> {
    let limits = [
        (Key::OrdersPerSecond, PER_SECOND as i128),
        (Key::OrdersBurst, BURST as i128),
        (Key::Unexecuted, 500_000 * UNIT),
        (Key::Entries, 400),
        (Key::EntriesWindow, 60_000),
    ];
    let profile = wide(&limits);
    let (specs, capital) = (specs(1), Cash::from_nano(10_000_000 * UNIT));
    let setup = Setup::single(&profile, &specs, capital, bounds.orders_open_max);
    let account = Account::Margin { leverage_e9: 10 * E9 };
    let gate = RiskGate::new(&setup, AccountGate::new(account, Sizing::default(), None));
    let config = PipelineConfig {
        specs: specs.clone(),
        initial: capital,
        exits: Exits::default(),
        limits: bounds,
        epoch: 1,
        books: Vec::new(),
        active_from_ns: Nanos::MIN,
    };
    Pipeline::new(config, Flood { left: ORDERS }, gate)
}

#[test]
fn a_flood_is_throttled_then_halted_and_can_be_taken_back() {
    let bounds = Limits { intents_max: 1_024, ..Limits::default() };
    let mut pipeline = pipeline(bounds);
    let mut out = Outbox::new(&bounds);
    let (mut sent, mut cancels, mut disabled, mut halted) = (Vec::new(), 0, 0, 0);
    for nth in 0..ORDERS {
        let at = START + nth * LENGTH_NS / ORDERS;
        let (price, qty) = (Price::from_ticks(100), Qty::from_lots(1));
        let trade = Trade { price, qty, aggressor: None, flags: BarFlags::NONE, row: 0 };
        pipeline.step(&event(at, Payload::Trade(trade)), &mut out).unwrap();
        let commands: Vec<Command> = out.commands.as_slice().to_vec();
        for denial in out.denials.as_slice() {
            disabled += u32::from(denial.denied.reason == DenyReason::StrategyDisabled);
            halted += u32::from(denial.denied.reason == DenyReason::KillHalted);
        }
        out.clear();
        for command in commands {
            let kind = match command {
                Command::New(_) => {
                    sent.push(at);
                    ReportKind::Accepted
                }
                _ => {
                    cancels += 1;
                    ReportKind::Cancelled
                }
            };
            let reason = match kind {
                ReportKind::Cancelled => RejectReason::Requested,
                _ => RejectReason::None,
            };
            let report = Report::plain(command.order(), kind, reason);
            pipeline.step(&event(at, Payload::Report(report)), &mut out).unwrap();
        }
        let unexecuted = pipeline.gate().unexecuted(Target::GLOBAL).nano();
        assert!(unexecuted <= 500_000 * UNIT, "never above the limit");
    }
    // In no second more than the burst and what the rate allows.
    for (at, &first) in sent.iter().enumerate() {
        let within = sent[at..].iter().take_while(|&&time| time < first + SECOND).count();
        assert!(within <= BURST + PER_SECOND, "{within} orders in a second");
    }
    // 20 at once, then ten a second: 400 are through after 38 seconds, and the next one is too
    // many without a person.
    assert_eq!((sent.len(), disabled), (400, 1));
    assert!(halted > 17_000, "{halted} were denied afterwards");
    let strategy = Target::new(Level::Strategy, 0);
    assert_eq!(pipeline.gate().kill().state(strategy), KillState::Halted);
    assert_eq!(cancels, sent.len(), "halted as it is, everything can be taken back");
    assert_eq!(pipeline.gate().open_orders(Target::GLOBAL), 0);
}
