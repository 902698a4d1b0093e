//! Several strategies on one account: each does what it would do alone where nothing couples
//! them, and keeps to what is its own where they share an instrument.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::config::RunConfig;
use qt_backtest::recorder::Fill;
use qt_backtest::replay::Pace;
use qt_backtest::run::RunOutcome;
use qt_backtest::run_ticks::run_on_ticks;
use qt_backtest::venue::Fees;
use qt_data::calendar::Calendar;
use qt_data::generate::Market;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::{BookInterest, BookView, Context, Ensemble, OrderUpdate, Strategy};
use qt_risk::{Account, Sizing};
use qt_types::{
    Bracket, Cash, E9, InstrumentId, InstrumentKind, InstrumentSpec, OrderKind, Place, Qty, Side,
    Size, StrategyId, Tick, Timer,
};

use crate::cast::{make, plain};

const SECOND: i64 = E9;

/// A market of its own called `symbol`.
fn market(folder: &Path, symbol: &str, seed: u64) -> TickFile {
    let path = folder.join(format!("{symbol}.qtt"));
    let market = Market {
        seed,
        symbol: symbol.to_owned(),
        rows: 12_000,
        interval_ns: 20_000_000,
        calendar: Calendar::Always,
        volatility: 0.8,
        ..Market::default()
    };
    let (tick_e9, lot_e9) = (market.tick_e9, market.lot_e9);
    let kind = InstrumentKind::Perpetual;
    let spec = InstrumentSpec::new(symbol, "USD", kind, tick_e9, lot_e9, E9).unwrap();
    let mut writer = TickWriter::<Tick>::create(&path).unwrap();
    for row in market.book().unwrap() {
        writer.push(row.tick(), row.venue_ns.saturating_add(2_000_000)).unwrap();
    }
    writer.finish(&Description { instruments: vec![spec], ..Description::default() }).unwrap();
    TickFile::open(&path, Verify::OnRead).unwrap()
}

fn config() -> RunConfig {
    RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        capital: Cash::from_nano(1_000_000_000_000_000_000),
        sizing: Sizing::Fixed { qty_e9: 5 * E9 },
        fees: Fees { maker_e9: 200_000, taker_e9: 500_000 },
        order_latency_ns: 10_000_000,
        response_latency_ns: 10_000_000,
        ..RunConfig::default()
    }
}

fn run(files: &[TickFile], pace: Pace, strategy: Box<dyn Strategy>) -> RunOutcome {
    let never = AtomicBool::new(false);
    let done = run_on_ticks(&config(), files, E9, pace, strategy, &never, &mut |_, _| {});
    done.unwrap().outcome
}

const QUOTER: (&str, &[(&str, &str)]) =
    ("top_of_book_quoter", &[("interval_ms", "500"), ("max_position", "50")]);
const MAKER: (&str, &[(&str, &str)]) =
    ("market_maker", &[("max_position", "50"), ("sample_ms", "100"), ("quantity", "5")]);
const IMBALANCE: (&str, &[(&str, &str)]) =
    ("order_book_imbalance", &[("hold_ms", "2000"), ("short", "true"), ("entry", "0.2")]);

#[test]
fn one_that_is_alone_in_an_ensemble_does_what_it_does_alone() {
    let folder = tempfile::tempdir().unwrap();
    let files = [market(folder.path(), "A", 1)];
    for (name, params) in [QUOTER, MAKER, IMBALANCE] {
        let alone = run(&files, Pace::Ahead, make(name, params, 1));
        assert!(alone.fills.len() > 10, "{name}: {} fills", alone.fills.len());
        for pace in [Pace::Ahead, Pace::Naive] {
            let all = Ensemble::new().with(make(name, params, 1), vec![true]);
            let among = run(&files, pace, Box::new(all));
            assert_eq!(among.determinism_hash, alone.determinism_hash, "{name}");
            assert_eq!((among.final_equity, &among.fills), (alone.final_equity, &alone.fills));
            let own = &among.strategies[0];
            assert_eq!(own.fills, alone.fills.len() as u64);
            assert_eq!(
                (own.amounts.unwrap().fees, own.amounts.unwrap().realised),
                (alone.total_fees, alone.realised)
            );
            assert_eq!(own.positions, alone.positions);
            assert_eq!(own.profit().unwrap(), alone.final_equity - alone.initial_equity);
        }
    }
}

#[test]
fn two_on_two_instruments_do_what_each_does_alone() {
    let folder = tempfile::tempdir().unwrap();
    let files = [market(folder.path(), "A", 1), market(folder.path(), "B", 2)];
    for (a, b) in [(QUOTER, MAKER), (IMBALANCE, QUOTER), (MAKER, MAKER)] {
        let alone = [a, b].into_iter().zip(&files).map(|((name, params), file)| {
            run(std::slice::from_ref(file), Pace::Ahead, make(name, params, 1))
        });
        let alone: Vec<RunOutcome> = alone.collect();
        let together = |pace: Pace| {
            let all = Ensemble::new()
                .with(make(a.0, a.1, 1), vec![true, false])
                .with(make(b.0, b.1, 1), vec![false, true]);
            run(&files, pace, Box::new(all))
        };
        let both = together(Pace::Ahead);
        assert_eq!(both.determinism_hash, together(Pace::Naive).determinism_hash);
        for (at, alone) in alone.iter().enumerate() {
            let id = InstrumentId(at as u16);
            let own = both.fills.iter().filter(|fill| fill.instrument == id);
            let own: Vec<_> = own.map(plain).collect();
            let fills: Vec<_> = alone.fills.iter().map(plain).collect();
            assert!(fills.len() > 10 && own == fills, "{}, {}", fills.len(), own.len());
            let strategy = StrategyId(at as u16);
            let theirs = both.fills.iter().filter(|fill| fill.strategy == Some(strategy));
            assert!(
                theirs.clone().count() == own.len() && theirs.clone().all(|f| f.instrument == id)
            );
            let of = &both.strategies[at];
            assert_eq!(
                (of.amounts.unwrap().fees, of.amounts.unwrap().realised),
                (alone.total_fees, alone.realised)
            );
            assert_eq!(of.positions[at], alone.positions[0]);
            assert_eq!(of.profit().unwrap(), alone.final_equity - alone.initial_equity);
        }
        let profit = both.strategies.iter().fold(Cash::ZERO, |sum, of| sum + of.profit().unwrap());
        assert_eq!(profit, both.final_equity - both.initial_equity);
    }
}

#[test]
fn several_on_one_instrument_have_books_that_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let files = [market(folder.path(), "A", 1), market(folder.path(), "B", 2)];
    let together = |pace: Pace| {
        let mut all = Ensemble::new();
        for ((name, params), trades) in [
            (QUOTER, [true, false]),
            (MAKER, [true, false]),
            (IMBALANCE, [true, false]),
            (MAKER, [false, true]),
        ] {
            all = all.with(make(name, params, 1), trades.to_vec());
        }
        run(&files, pace, Box::new(all))
    };
    let outcome = together(Pace::Ahead);
    assert_eq!(outcome.determinism_hash, together(Pace::Naive).determinism_hash);
    for at in 0..2 {
        let lots = |of: &Vec<Qty>| of[at].lots();
        let sum: i64 = outcome.strategies.iter().map(|of| lots(&of.positions)).sum();
        assert_eq!(sum, lots(&outcome.positions));
    }
    let sum = |part: fn(&qt_backtest::strategies::StrategyOutcome) -> Cash| {
        outcome.strategies.iter().fold(Cash::ZERO, |sum, of| sum + part(of))
    };
    assert!(outcome.strategies.iter().all(|of| of.fills > 10), "{:?}", outcome.strategies);
    assert_eq!(sum(|of| of.amounts.unwrap().fees), outcome.total_fees);
    assert_eq!(sum(|of| of.profit().unwrap()), outcome.final_equity - outcome.initial_equity);
    let fills: u64 = outcome.strategies.iter().map(|of| of.fills).sum();
    assert_eq!(fills, outcome.fills.len() as u64);
}

/// Its position and how many open orders it has, at each of its times.
type Seen = Vec<(i64, usize)>;

/// Buys or sells at one second, protected or not, and closes at three; keeps what it sees.
struct Turn {
    side: Side,
    bracket: Bracket,
    closes: bool,
    is_started: bool,
    seen: Arc<Mutex<Seen>>,
}

impl Turn {
    fn new(side: Side) -> (Self, Arc<Mutex<Seen>>) {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let bracket = Bracket::default();
        let turn = Self { side, bracket, closes: true, is_started: false, seen: Arc::clone(&seen) };
        (turn, seen)
    }
}

impl Strategy for Turn {
    fn interest(&self) -> BookInterest {
        BookInterest::EveryUpdate
    }

    fn on_book(&mut self, _: BookView<'_>, ctx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.is_started, true) {
            for seconds in 1..=5_u32 {
                ctx.wake_at(ctx.now_ns().saturating_add_ns(i64::from(seconds) * SECOND), seconds);
            }
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        assert!(ctx.orders().all(|order| order.strategy == update.order.strategy));
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        let id = InstrumentId(0);
        self.seen.lock().unwrap().push((ctx.position(id).lots(), ctx.orders().count()));
        match timer.token {
            1 => {
                let size = Size::Fixed(Qty::from_lots(5));
                let place = Place::new(id, self.side, OrderKind::Market).size(size);
                ctx.place(place.bracket(self.bracket));
            }
            3 if self.closes => ctx.close(id),
            _ => {}
        }
    }
}

#[test]
fn what_closes_is_about_its_own_position_also_where_the_account_is_flat() {
    let folder = tempfile::tempdir().unwrap();
    let files = [market(folder.path(), "A", 1)];
    let ((long, saw_long), (short, saw_short)) = (Turn::new(Side::Buy), Turn::new(Side::Sell));
    // A third one only looks on.
    let (mut idle, saw_idle) = Turn::new(Side::Buy);
    idle.is_started = true;
    let all = Ensemble::new()
        .with(Box::new(long), vec![true])
        .with(Box::new(short), vec![true])
        .with(Box::new(idle), vec![true]);
    let outcome = run(&files, Pace::Ahead, Box::new(all));
    let positions = |seen: &Mutex<Seen>| -> Vec<i64> {
        seen.lock().unwrap().iter().map(|(lots, _)| *lots).collect()
    };
    assert_eq!(positions(&saw_long), [0, 5, 5, 0, 0]);
    assert_eq!(positions(&saw_short), [0, -5, -5, 0, 0]);
    assert!(saw_idle.lock().unwrap().is_empty(), "timers of others are not its own");
    assert_eq!(outcome.positions[0], Qty::ZERO);
    assert_eq!(outcome.fills.len(), 4);
    let lots = |of: u16| -> Vec<i64> {
        let own = outcome.fills.iter().filter(|fill| fill.strategy == Some(StrategyId(of)));
        own.map(|fill| fill.side.sign() * fill.qty.lots()).collect()
    };
    assert_eq!((lots(0), lots(1)), (vec![5, -5], vec![-5, 5]));
}

#[test]
fn a_trailing_stop_closes_its_own_position_where_another_one_holds_against_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = [market(folder.path(), "A", 1)];
    let ((mut long, saw), (mut short, _)) = (Turn::new(Side::Buy), Turn::new(Side::Sell));
    (long.closes, short.closes) = (false, false);
    // Three basis points behind the best price: it is met soon.
    long.bracket = Bracket { trail_bps: Some(3), ..Bracket::default() };
    let all = Ensemble::new().with(Box::new(long), vec![true]).with(Box::new(short), vec![true]);
    let outcome = run(&files, Pace::Ahead, Box::new(all));
    let own = outcome.fills.iter().filter(|fill| fill.strategy == Some(StrategyId(0)));
    let is_entry = |fill: &&Fill| fill.side == Side::Buy;
    let (entries, exits): (Vec<&Fill>, Vec<&Fill>) = own.partition(is_entry);
    let lots = |fills: &[&Fill]| fills.iter().map(|fill| fill.qty.lots()).sum::<i64>();
    assert_eq!((lots(&entries), lots(&exits)), (5, 5), "it closed all of it");
    let is_stop = |fill: &&Fill| matches!(fill.kind, OrderKind::TrailingStop { .. });
    assert!(exits.iter().all(is_stop), "and nothing else did: {exits:?}");
    let flat_ns = outcome.fills.iter().filter(|fill| fill.strategy == Some(StrategyId(1)));
    let flat_ns = flat_ns.map(|fill| fill.venue_ns).max();
    assert!(exits.iter().all(|fill| Some(fill.venue_ns) > flat_ns), "while the account was flat");
    let (_, orders) = saw.lock().unwrap()[1];
    assert!(orders <= 1, "it sees its own protective order alone: {orders}");
    assert_eq!(outcome.strategies[1].positions[0].lots(), -5);
    assert_eq!(outcome.positions[0].lots(), -5);
}
