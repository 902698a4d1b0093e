//! The gate under several strategies with books of their own.

use qt_engine::{
    Command, Context, Currencies, Currency, Ensemble, Exits, Leg, Outbox, Pipeline, PipelineConfig,
    RateSource, Strategy,
};
use qt_risk::{Key, Level, Limit, Profile, RiskGate, Setup, Target};
use qt_types::{
    BarFlags, Bracket, Cash, CurrencyId, DenyReason, Event, ExecId, FxRate, InstrumentId, Limits,
    Nanos, OrderId, OrderKind, Payload, Place, Price, Qty, RejectReason, Report, ReportKind, Seq,
    Size, Trade, VenueId,
};

use crate::support::{BUY, MILLI, SELL, START, UNIT, open_account, specs, wide};

/// Asks for what its list says at the trades of these numbers (from 1).
struct Wishes(Vec<(usize, Place)>, usize);

impl Strategy for Wishes {
    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.1 += 1;
        for (at, place) in &self.0 {
            if *at == self.1 {
                ctx.place(*place);
            }
        }
    }
}

struct Desk {
    pipeline: Pipeline<Ensemble, RiskGate>,
    out: Outbox,
    now_ns: i64,
    execs: u64,
}

impl Desk {
    fn new(profile: &Profile, euros: bool, wishes: Vec<Vec<(usize, Place)>>) -> Self {
        let count = wishes.len();
        let mut all = Ensemble::new();
        for list in wishes {
            all = all.with(Box::new(Wishes(list, 0)), vec![true, true]);
        }
        let (specs, capital) = (specs(2), Cash::from_nano(1_000_000 * UNIT));
        let setup = Setup::single(profile, &specs, capital, 100).with_strategies(count);
        let gate = RiskGate::new(&setup, open_account());
        let config = PipelineConfig {
            specs: specs.clone(),
            initial: capital,
            exits: Exits::default(),
            limits: Limits::default(),
            epoch: 1,
            books: Vec::new(),
            active_from_ns: Nanos::MIN,
        };
        let out = Outbox::new(&config.limits);
        let mut pipeline = Pipeline::new(config, all, gate);
        if euros {
            let told = FxRate::new(1, 1).map(|rate| (rate, Nanos::new(START)));
            let rate = RateSource::One(Leg::Told(told));
            pipeline = pipeline.with_currencies(&Currencies {
                of: vec![CurrencyId::ACCOUNT, CurrencyId(1)],
                others: vec![Currency { deposit: Cash::ZERO, rate }],
                age_max_ns: i64::MAX,
            });
        }
        Self { pipeline, out, now_ns: START, execs: 0 }
    }

    fn step(&mut self, instrument: u16, payload: Payload) -> Vec<Option<DenyReason>> {
        self.now_ns += MILLI;
        let now = Nanos::new(self.now_ns);
        let event = Event {
            seq: Seq::default(),
            recv_ns: now,
            venue_ns: now,
            instrument: InstrumentId(instrument),
            venue: VenueId(0),
            payload,
        };
        self.out.clear();
        self.pipeline.step(&event, &mut self.out).unwrap();
        let sent = self.out.commands.as_slice().iter();
        let sent = sent.filter(|command| matches!(command, Command::New(_))).map(|_| None);
        let denied = self.out.denials.as_slice().iter().map(|one| Some(one.denied.reason));
        sent.chain(denied).collect()
    }

    /// A trade at `price`: what became of each order that was asked for.
    fn trade(&mut self, instrument: u16, price: i64) -> Vec<Option<DenyReason>> {
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(1));
        let trade = Trade { price, qty, aggressor: None, flags: BarFlags::NONE, row: 0 };
        self.step(instrument, Payload::Trade(trade))
    }

    fn report(&mut self, instrument: u16, report: Report) {
        self.step(instrument, Payload::Report(report));
    }

    fn fill(&mut self, instrument: u16, order: u64, lots: i64, leaves: i64) {
        self.execs += 1;
        let mut report =
            Report::plain(OrderId::new(1, order), ReportKind::Filled, RejectReason::None);
        report.exec = ExecId(self.execs);
        (report.price, report.qty) = (Price::from_ticks(100), Qty::from_lots(lots));
        report.leaves = Qty::from_lots(leaves);
        self.report(instrument, report);
    }
}

fn place(side: qt_types::Side, lots: i64, kind: OrderKind) -> Place {
    Place::new(InstrumentId(0), side, kind).size(Size::Fixed(Qty::from_lots(lots)))
}

#[test]
fn protective_orders_count_where_others_hold_against_them() {
    let (sell, buy) = (place(SELL, 3, OrderKind::Market), place(BUY, 5, OrderKind::Market));
    let stop = Bracket { stop: Some(Price::from_ticks(90)), ..Bracket::default() };
    let limits = |key: Key, hard: i128| wide(&[(key, hard)]);
    for (profile, reason) in [
        (limits(Key::Short, 3 * UNIT), DenyReason::MaxPosition),
        // Market orders count at a tenth more at most.
        (limits(Key::Exposure, 600 * UNIT), DenyReason::MaxExposure),
    ] {
        let wishes = vec![vec![(2, buy.bracket(stop))], vec![(1, sell)], vec![(3, sell)]];
        let mut desk = Desk::new(&profile, false, wishes);
        assert_eq!(desk.trade(0, 100), [None]);
        desk.fill(0, 1, 3, 0);
        assert_eq!(desk.trade(0, 100), [None]);
        desk.fill(0, 2, 5, 0);
        assert_eq!(desk.pipeline.exposure().position(InstrumentId(0)).lots(), 2);
        // Were it sold, the stop of the first one could bring the account to six short.
        assert_eq!(desk.trade(0, 100), [Some(reason)]);
    }
    // Without a stop there are three short at most, in the account as in each strategy.
    let wishes = vec![vec![(2, buy)], vec![(1, sell)], vec![(3, sell)]];
    let mut desk = Desk::new(&limits(Key::Short, 3 * UNIT), false, wishes);
    desk.trade(0, 100);
    desk.fill(0, 1, 3, 0);
    desk.trade(0, 100);
    desk.fill(0, 2, 5, 0);
    assert_eq!(desk.trade(0, 100), [None]);
}

#[test]
fn a_rate_that_moves_is_the_same_money_for_every_strategy() {
    // The second one holds 10 for 1,000 euros that it owes: a rate of 0.8 changes nothing for it.
    let mut profile = wide(&[]);
    profile.level_mut(Level::Strategy).set(Key::DailyLoss, Limit::hard(100 * UNIT));
    let of_euro = |place: Place| Place { instrument: InstrumentId(1), ..place };
    let one = place(BUY, 1, OrderKind::Limit { price: Price::from_ticks(90) });
    let ten = of_euro(place(BUY, 10, OrderKind::Market));
    let wishes = vec![vec![(3, one)], vec![(2, ten), (4, one)]];
    let mut desk = Desk::new(&profile, true, wishes);
    desk.trade(0, 100);
    assert_eq!(desk.trade(1, 100), [None]);
    desk.fill(1, 1, 10, 0);
    assert_eq!(desk.trade(0, 100), [None], "the other one asked last");
    let rate = FxRate::new(8, 10).unwrap();
    desk.report(1, Report::of_rate(ReportKind::Rate, CurrencyId(1), rate));
    assert_eq!(desk.trade(0, 100), [None]);
}

#[test]
fn what_was_executed_and_not_heard_of_holds_its_limits() {
    let limit = |lots| place(BUY, lots, OrderKind::Limit { price: Price::from_ticks(100) });
    let wishes = vec![vec![(1, limit(10)), (2, limit(7)), (3, limit(6)), (4, limit(1))]];
    let mut desk = Desk::new(&wide(&[(Key::Long, 10 * UNIT)]), false, wishes);
    assert_eq!(desk.trade(0, 100), [None]);
    // Cancelled when four lots were executed, of which nothing is known yet.
    let cancelled =
        Report::plain(OrderId::new(1, 1), ReportKind::Cancelled, RejectReason::Requested);
    desk.report(0, Report { qty: Qty::from_lots(4), ..cancelled });
    assert_eq!(desk.trade(0, 100), [Some(DenyReason::MaxPosition)]);
    assert_eq!(desk.trade(0, 100), [None], "four and six are ten");
    desk.fill(0, 1, 3, 0);
    desk.fill(0, 1, 1, 0);
    assert_eq!(desk.pipeline.gate().open_orders(Target::GLOBAL), 1, "only the last one");
    assert_eq!(desk.trade(0, 100), [Some(DenyReason::MaxPosition)]);
}
