//! The gate in a pipeline: what it counts is what ledger and order table hold, and with the
//! profile `research` it decides as the account's gate alone.

use qt_engine::{
    Command, Context, Denial, Exits, Gate, OrderUpdate, Outbox, Pipeline, PipelineConfig, Strategy,
};
use qt_risk::{Account, AccountGate, Key, Profile, ProfileName, RiskGate, Setup, Sizing, Target};
use qt_types::{
    BarFlags, Bracket, Cash, E9, Event, ExecId, InstrumentId, Limits, Nanos, OrderKind, Payload,
    Place, Price, Qty, RejectReason, Report, ReportKind, Seq, Side, Size, Trade, VenueId,
};

use crate::support::*;

/// Random numbers that are the same every time.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Asks for random orders, changes and cancels.
struct Wild(Dice);

impl Strategy for Wild {
    fn on_trade(&mut self, _trade: &Trade, ctx: &mut Context<'_>) {
        let dice = &mut self.0;
        let last = ctx.last(ctx.instrument()).map_or(100, Price::ticks);
        let near = Price::from_ticks((last + dice.below(11) as i64 - 5).max(1));
        let side = if dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let kind = match dice.below(3) {
            0 => OrderKind::Market,
            1 => OrderKind::Stop { trigger: near },
            _ => OrderKind::Limit { price: near },
        };
        let open: Vec<_> = ctx.orders().map(|order| (order.id, order.kind, order.qty)).collect();
        match dice.below(8) {
            0 | 1 if !open.is_empty() => {
                let (id, ..) = open[dice.below(open.len() as u64) as usize];
                ctx.cancel(id);
            }
            2 if !open.is_empty() => {
                let (id, kind, qty) = open[dice.below(open.len() as u64) as usize];
                ctx.replace(id, kind, Qty::from_lots(qty.lots() + dice.below(7) as i64 - 3));
            }
            3 => ctx.close(ctx.instrument()),
            4 => {
                let bracket = Bracket {
                    stop: Some(Price::from_ticks((last - side.sign() * 9).max(1))),
                    target: Some(Price::from_ticks((last + side.sign() * 9).max(1))),
                    trail_bps: None,
                };
                let entry = Place::new(ctx.instrument(), side, OrderKind::Market);
                ctx.place(entry.size(Size::Fixed(Qty::from_lots(2))).bracket(bracket));
            }
            5 => {
                let limit = OrderKind::Limit { price: near };
                let first = Place::new(ctx.instrument(), side, limit);
                let first = first.size(Size::Fixed(Qty::from_lots(3)));
                let second = Place::new(ctx.instrument(), side.opposite(), kind);
                let second = second.size(Size::Fixed(Qty::from_lots(2)));
                if dice.below(2) == 0 {
                    ctx.place_oco(first, second);
                } else {
                    ctx.place_oto(first, &[second]);
                }
            }
            _ => {
                let qty = Qty::from_lots(dice.below(12) as i64);
                ctx.place(Place::new(ctx.instrument(), side, kind).size(Size::Fixed(qty)));
            }
        }
    }

    fn on_order(&mut self, _update: &OrderUpdate, _ctx: &mut Context<'_>) {}
}

/// A venue that answers at random: what is open and what it says next.
struct Answers {
    dice: Dice,
    open: Vec<(qt_types::OrderId, InstrumentId, i64)>,
    execs: u64,
}

impl Answers {
    fn take(&mut self, command: &Command, reports: &mut Vec<(InstrumentId, Report)>) {
        let id = command.order();
        let at = self.open.iter().position(|open| open.0 == id);
        let say = |kind, reason| Report::plain(id, kind, reason);
        let report = match (command, at) {
            (Command::New(_), _) if self.dice.below(10) == 0 => {
                say(ReportKind::Rejected, RejectReason::SelfTrade)
            }
            (Command::New(new), _) => {
                self.open.push((id, new.instrument, new.qty.lots()));
                say(ReportKind::Accepted, RejectReason::None)
            }
            (Command::Cancel(_), Some(at)) => {
                self.open.swap_remove(at);
                say(ReportKind::Cancelled, RejectReason::Requested)
            }
            (Command::Replace(_), Some(_)) => {
                say(ReportKind::RequestRejected, RejectReason::InvalidReplace)
            }
            _ => return,
        };
        reports.push((command.instrument(), report));
    }

    fn fill(&mut self, price: i64) -> Option<(InstrumentId, Report)> {
        if self.open.is_empty() || self.dice.below(3) > 0 {
            return None;
        }
        let at = self.dice.below(self.open.len() as u64) as usize;
        let (id, instrument, leaves) = self.open[at];
        let lots = 1 + self.dice.below(leaves as u64) as i64;
        self.execs += 1;
        let mut report = Report::plain(id, ReportKind::Filled, RejectReason::None);
        report.exec = ExecId(self.execs);
        report.price = Price::from_ticks(price);
        report.qty = Qty::from_lots(lots);
        report.leaves = Qty::from_lots(leaves - lots);
        report.fee = Cash::from_nano(i128::from(lots));
        if leaves == lots {
            self.open.swap_remove(at);
        } else {
            self.open[at].2 = leaves - lots;
        }
        Some((instrument, report))
    }
}

fn event(instrument: InstrumentId, at: i64, payload: Payload) -> Event {
    let (recv_ns, venue_ns) = (Nanos::new(at), Nanos::new(at));
    Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue: VenueId(0), payload }
}

fn config(capital: i128) -> PipelineConfig {
    PipelineConfig {
        specs: specs(2),
        initial: Cash::from_nano(capital),
        exits: Exits::default(),
        limits: Limits { orders_open_max: 40, ..Limits::default() },
        epoch: 1,
        books: Vec::new(),
        active_from_ns: Nanos::MIN,
    }
}

/// Runs `steps` random events; `look` sees the pipeline after each. Returns every denial.
fn run<G: Gate>(
    seed: u64,
    capital: i128,
    gate: G,
    steps: i64,
    mut look: impl FnMut(&Pipeline<Wild, G>),
) -> (Vec<Denial>, u64) {
    let config = config(capital);
    let mut out = Outbox::new(&config.limits);
    // Every other venue lacks all that can be lacking.
    let lacks = if seed.is_multiple_of(2) { "all" } else { "" }.parse().unwrap();
    let mut pipeline = Pipeline::new(config, Wild(Dice(seed)), gate).with_lacks(lacks);
    let mut venue = Answers { dice: Dice(seed ^ 0xABCD), open: Vec::new(), execs: 0 };
    let mut prices = [100_i64; 2];
    let mut dice = Dice(seed ^ 0x1234);
    let (mut denials, mut reports) = (Vec::new(), Vec::new());
    for step in 0..steps {
        let at = START + step * MILLI;
        let instrument = InstrumentId(dice.below(2) as u16);
        let price = &mut prices[instrument.index()];
        *price = (*price + dice.below(5) as i64 - 2).max(20);
        let (price, qty) = (Price::from_ticks(*price), Qty::from_lots(1));
        let trade = Trade { price, qty, aggressor: None, flags: BarFlags::NONE, row: 0 };
        pipeline.step(&event(instrument, at, Payload::Trade(trade)), &mut out).unwrap();
        loop {
            for command in out.commands.as_slice() {
                venue.take(command, &mut reports);
            }
            denials.extend_from_slice(out.denials.as_slice());
            let notices = out.notices.as_slice().iter();
            reports.extend(notices.map(|notice| (notice.instrument, notice.report)));
            out.clear();
            reports.extend(venue.fill(price.ticks()));
            if reports.is_empty() {
                break;
            }
            let (instrument, report) = reports.remove(0);
            let report = event(instrument, at, Payload::Report(report));
            pipeline.step(&report, &mut out).unwrap();
            look(&pipeline);
        }
    }
    (denials, pipeline.state_hash())
}

fn accounts() -> [AccountGate; 3] {
    let margin = Account::Margin { leverage_e9: 2 * E9 };
    [
        AccountGate::new(Account::Cash, Sizing::default(), None),
        AccountGate::new(Account::Cash, Sizing::default(), Some(8 * E9)),
        AccountGate::new(margin, Sizing::Fixed { qty_e9: 3 * E9 }, Some(10 * E9)),
    ]
}

#[test]
fn research_decides_as_the_account_alone() {
    let profile = Profile::new(ProfileName::Research);
    for seed in 1..=60_u64 {
        for account in accounts() {
            let capital = if seed % 2 == 0 { 3_000 * UNIT } else { 1_000_000 * UNIT };
            let specs = specs(2);
            let setup = Setup::single(&profile, &specs, Cash::from_nano(capital), 40);
            let gate = RiskGate::new(&setup, account.clone());
            let alone = run(seed * 7_919, capital, account, 400, |_| {});
            let within = run(seed * 7_919, capital, gate, 400, |_| {});
            assert!(!alone.0.is_empty());
            assert_eq!(alone, within, "seed {seed}");
        }
    }
}

#[test]
fn what_is_counted_is_what_is_held() {
    let limits = [
        (Key::Long, 40 * UNIT),
        (Key::Short, 40 * UNIT),
        (Key::OpenOrders, 20),
        (Key::Exposure, 6_000 * UNIT),
    ];
    let profile = wide(&limits);
    let mut codes = std::collections::BTreeSet::new();
    for seed in 1..=40_u64 {
        let (capital, specs) = (1_000_000 * UNIT, specs(2));
        let setup = Setup::single(&profile, &specs, Cash::from_nano(capital), 40);
        let gate = RiskGate::new(&setup, open_account());
        let (denials, _) = run(seed * 104_729, capital, gate, 500, |pipeline| {
            let gate = pipeline.gate();
            let exposure = pipeline.exposure();
            for at in 0..2 {
                let instrument = InstrumentId(at);
                let held = exposure.position(instrument);
                assert_eq!(gate.position(Target::GLOBAL, instrument), held);
            }
            let open = exposure.orders.iter().count() as u64;
            assert_eq!(gate.open_orders(Target::GLOBAL), open);
        });
        codes.extend(denials.iter().map(|denial| denial.denied.reason.text()));
    }
    for code in ["MAX_POSITION", "MAX_OPEN_ORDERS", "MAX_EXPOSURE"] {
        assert!(codes.contains(code), "{code} was never met: {codes:?}");
    }
}
