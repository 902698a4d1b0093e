//! No decision on order books looks ahead: what a strategy did until a time stays the same, bit
//! for bit, when every record that happened later is replaced by garbage. One that does look
//! ahead is caught.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::run_on_ticks;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::{BookInterest, BookView, Context, OrderUpdate, Strategy};
use qt_risk::{Account, Sizing};
use qt_strategies::Registry;
use qt_types::{
    Denied, E9, InstrumentKind, InstrumentSpec, Side, Tick, TickFlags, TickKind, Timer, Trade,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TICKS: i64 = 6_000;
const CUTS: i64 = 25;
const STEP_NS: i64 = 10_000_000;
const LATENCY_NS: i64 = 3_000_000;

/// Strategies on books and parameters with which they act all the time.
const STRATEGIES: &[(&str, &str)] = &[
    ("top_of_book_quoter", "interval_ms=200 settle_ms=5 max_position=20"),
    ("market_maker", "quantity=2 max_position=20 sample_ms=100 horizon_s=0.001 k=50"),
    ("market_maker", "horizon_s=0.001 sample_ms=10"),
    ("order_book_imbalance", "hold_ms=300 short=true"),
    ("order_book_imbalance", "mode=quote levels=1 entry=0.3 exit=-0.3 short=true"),
    ("grid", "max_position=20 spacing=2 unit=ticks levels=4 quantity=1"),
    ("twap_execute", "quantity=30 duration_s=40 orders=20 patience_ms=500"),
];

/// What a strategy could know of its own doing: the time, and its orders and position then.
type Seen = (i64, String);

/// Tells on a strategy: after everything that it is told, what is open.
struct Spy {
    inner: Box<dyn Strategy>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Spy {
    fn note(&self, ctx: &Context<'_>) {
        let orders: Vec<_> = ctx.orders().collect();
        let held = ctx.position(ctx.instrument());
        let text = format!("{held:?} {} {orders:?}", ctx.cash());
        self.seen.lock().unwrap().push((ctx.now_ns().get(), text));
    }
}

impl Strategy for Spy {
    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        self.note(ctx);
        self.inner.on_trade(trade, ctx);
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.note(ctx);
        self.inner.on_book(book, ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.note(ctx);
        self.inner.on_timer(timer, ctx);
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        self.note(ctx);
        self.inner.on_order(update, ctx);
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        self.note(ctx);
        self.inner.on_denied(denied, ctx);
    }

    fn interest(&self) -> BookInterest {
        self.inner.interest()
    }
}

/// Buys before the price rises, and sells before it falls: it was given the file.
struct Cheat {
    future: Vec<Tick>,
    at: usize,
}

impl Strategy for Cheat {
    fn on_book(&mut self, _: BookView<'_>, ctx: &mut Context<'_>) {
        self.at += 1;
        let now_ns = ctx.now_ns().get();
        let ahead = self.future.iter().find(|tick| tick.venue_ns > now_ns + 200 * STEP_NS);
        let Some(ahead) = ahead.filter(|_| self.at.is_multiple_of(5)) else { return };
        let instrument = ctx.instrument();
        let Some(mid_x2) = ctx.book(instrument).and_then(BookView::mid_x2) else { return };
        let side = if 2 * ahead.price > mid_x2 { Side::Buy } else { Side::Sell };
        ctx.enter(instrument, side);
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }
}

/// A stream of levels and trades around a price that walks; all that happens after `cut_ns` comes
/// from another walk at another price.
fn stream(cut_ns: i64) -> Vec<Tick> {
    let (mut dice, mut other) = (ChaCha8Rng::seed_from_u64(5), ChaCha8Rng::seed_from_u64(6));
    let mut middles = [10_000_i64, 14_000];
    let mut ticks = Vec::new();
    for at in 0..TICKS {
        let venue_ns = at * STEP_NS;
        let later = venue_ns > cut_ns;
        let dice = if later { &mut other } else { &mut dice };
        let middle = &mut middles[usize::from(later)];
        *middle += dice.random_range(-1..=1);
        let side = if dice.random() { Side::Sell } else { Side::Buy };
        let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
        let (kind, price, qty) = match dice.random_range(0..10) {
            0..3 => (TickKind::Trade, *middle + side.sign(), dice.random_range(1..30)),
            3..6 => (TickKind::Top, *middle - side.sign(), dice.random_range(1..9)),
            _ => {
                let away = dice.random_range(2..12);
                (TickKind::Level, *middle - side.sign() * away, dice.random_range(0..20))
            }
        };
        ticks.push(Tick {
            venue_ns,
            price,
            qty,
            latency_ns: 0,
            instrument: 0,
            kind: kind as u8,
            flags: ask.with(TickFlags::LAST).bits(),
        });
    }
    ticks
}

fn write(path: &Path, ticks: &[Tick]) -> TickFile {
    let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Perpetual, E9 / 100, E9, E9);
    let mut writer = TickWriter::<Tick>::create(path).unwrap();
    for tick in ticks {
        writer.push(*tick, tick.venue_ns + LATENCY_NS).unwrap();
    }
    let about = Description { instruments: vec![spec.unwrap()], ..Description::default() };
    writer.finish(&about).unwrap();
    TickFile::open(path, Verify::OnRead).unwrap()
}

/// What the strategy knew of its own doing until `until_ns`, and how many fills there were.
fn played(file: TickFile, inner: Box<dyn Strategy>, until_ns: i64) -> (Vec<Seen>, usize) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let spy = Box::new(Spy { inner, seen: Arc::clone(&seen) });
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        sizing: Sizing::Fixed { qty_e9: E9 },
        order_latency_ns: 5_000_000,
        response_latency_ns: 4_000_000,
        ..RunConfig::default()
    };
    let never = AtomicBool::new(false);
    let files = [file];
    let run = run_on_ticks(&config, &files, E9, Pace::Ahead, spy, &never, &mut |_, _| {});
    let fills = run.unwrap().outcome.fills.len();
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.retain(|(ns, _)| *ns <= until_ns);
    (seen, fills)
}

fn made(name: &str, params: &str) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let pairs: Vec<(String, String)> = params
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    entry.make(&entry.resolve(&pairs).unwrap(), 1).unwrap()
}

#[test]
fn garbage_after_a_time_changes_nothing_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let whole = stream(i64::MAX);
    for (name, params) in STRATEGIES {
        let file = write(&folder.path().join("whole.qtt"), &whole);
        let (all, fills) = played(file, made(name, params), i64::MAX);
        eprintln!("{name} {params}: {fills} fills, told {} times", all.len());
        assert!(fills > 10, "{name} {params}: {fills} fills");
        for cut in 1..=CUTS {
            let cut_ns = cut * TICKS / (CUTS + 1) * STEP_NS + cut * 1_000_003;
            let file = write(&folder.path().join("cut.qtt"), &stream(cut_ns));
            let (seen, _) = played(file, made(name, params), cut_ns);
            let wanted = all.iter().filter(|(ns, _)| *ns <= cut_ns).count();
            assert!(seen == all[..wanted], "{name} {params}: looks ahead at {cut_ns}");
            assert!(wanted > 0);
        }
    }
}

#[test]
fn a_strategy_that_looks_ahead_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let cheat = |future: Vec<Tick>| -> Box<dyn Strategy> { Box::new(Cheat { future, at: 0 }) };
    let whole = stream(i64::MAX);
    let file = write(&folder.path().join("whole.qtt"), &whole);
    let (all, fills) = played(file, cheat(whole), i64::MAX);
    assert!(fills > 20, "{fills}");
    let mut caught = 0;
    for cut in 1..=CUTS {
        let cut_ns = cut * TICKS / (CUTS + 1) * STEP_NS;
        let poisoned = stream(cut_ns);
        let file = write(&folder.path().join("cut.qtt"), &poisoned);
        let (seen, _) = played(file, cheat(poisoned), cut_ns);
        let wanted = all.iter().filter(|(ns, _)| *ns <= cut_ns).count();
        caught += i64::from(seen != all[..wanted]);
    }
    // Behind each cut the price is higher. Where the market rises anyway, it is none the wiser.
    assert!(caught > CUTS / 2, "caught {caught} of {CUTS} times");
}
