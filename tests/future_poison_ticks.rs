//! No decision on order books looks ahead: what a strategy did until a time stays the same, bit
//! for bit, when every record that happened later is replaced by garbage. One that does look
//! ahead is caught at every cut.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::run_on_ticks;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::{BookInterest, BookView, Context, Order, OrderUpdate, Strategy};
use qt_risk::{Account, Sizing};
use qt_strategies::Registry;
use qt_types::{
    Cash, Denied, E9, InstrumentKind, InstrumentSpec, Qty, Side, Tick, TickFlags, TickKind, Timer,
    Trade,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TICKS: i64 = 6_000;
const CUTS: i64 = 1_000;
const STEP_NS: i64 = 10_000_000;
const LATENCY_NS: i64 = 3_000_000;
/// How far the cheat looks ahead.
const AHEAD_NS: i64 = 200 * STEP_NS;

/// The time of a cut: all along the stream, but for its ends, and anywhere between two ticks.
const fn cut_ns(cut: i64) -> i64 {
    let whole = cut * (TICKS * STEP_NS - AHEAD_NS) / (CUTS + 1) / STEP_NS * STEP_NS;
    whole + cut * 1_000_003 % STEP_NS + AHEAD_NS / 2
}

/// What comes after a cut.
#[derive(Clone, Copy, Debug)]
enum Poison {
    /// Another walk far above, or far below.
    Walk(i64),
    /// Nothing, until a last record ends the stream.
    Silence,
}

const ABOVE: Poison = Poison::Walk(14_000);
const BELOW: Poison = Poison::Walk(6_000);

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

/// What a strategy could know of its own doing when it was told something.
#[derive(Clone, Copy, PartialEq)]
struct Seen {
    now_ns: i64,
    held: Qty,
    cash: Cash,
    /// Which of [`Log::ends`] ends its open orders.
    orders: usize,
}

/// All that it could know, in the order of time.
#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    /// The open orders after each change of them, one list behind the other.
    orders: Vec<Order>,
    ends: Vec<usize>,
}

impl Log {
    fn note(&mut self, ctx: &Context<'_>) {
        let count = self.ends.len();
        let begin = if count > 1 { self.ends[count - 2] } else { 0 };
        if count == 0 || !ctx.orders().eq(&self.orders[begin..]) {
            self.orders.extend(ctx.orders());
            self.ends.push(self.orders.len());
        }
        self.seen.push(Seen {
            now_ns: ctx.now_ns().get(),
            held: ctx.position(ctx.instrument()),
            cash: ctx.cash(),
            orders: self.ends.len() - 1,
        });
    }

    /// What was known until `ns`.
    fn until(&self, ns: i64) -> (&[Seen], &[usize], &[Order]) {
        let seen = &self.seen[..self.seen.partition_point(|seen| seen.now_ns <= ns)];
        let ends = &self.ends[..seen.last().map_or(0, |seen| seen.orders + 1)];
        (seen, ends, &self.orders[..ends.last().copied().unwrap_or(0)])
    }
}

/// Tells on a strategy: before everything that it is told, what is open.
struct Spy {
    inner: Box<dyn Strategy>,
    log: Arc<Mutex<Log>>,
}

impl Spy {
    fn note(&self, ctx: &Context<'_>) {
        self.log.lock().unwrap().note(ctx);
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
    future: Arc<[Tick]>,
    at: usize,
}

impl Strategy for Cheat {
    fn on_book(&mut self, _: BookView<'_>, ctx: &mut Context<'_>) {
        self.at += 1;
        let now_ns = ctx.now_ns().get();
        let ahead = self.future.partition_point(|tick| tick.venue_ns <= now_ns + AHEAD_NS);
        let ahead = self.future.get(ahead).filter(|_| self.at.is_multiple_of(5));
        let Some(ahead) = ahead else { return };
        let instrument = ctx.instrument();
        let Some(mid_x2) = ctx.book(instrument).and_then(BookView::mid_x2) else { return };
        let side = if 2 * ahead.price > mid_x2 { Side::Buy } else { Side::Sell };
        ctx.enter(instrument, side);
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }
}

/// A stream of levels and trades around a price that walks; what happens after `cut_ns` is
/// `poison`.
fn stream(cut_ns: i64, poison: Poison) -> Vec<Tick> {
    let (mut dice, mut other) = (ChaCha8Rng::seed_from_u64(5), ChaCha8Rng::seed_from_u64(6));
    let mut middles = [10_000, if let Poison::Walk(middle) = poison { middle } else { 10_000 }];
    let mut ticks = Vec::with_capacity(TICKS as usize);
    for at in 0..TICKS {
        let venue_ns = at * STEP_NS;
        let later = venue_ns > cut_ns;
        if later && at < TICKS - 1 && matches!(poison, Poison::Silence) {
            continue;
        }
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

/// What the strategy knew of its own doing, and how many fills there were.
fn played(files: &[TickFile], inner: Box<dyn Strategy>) -> (Log, usize) {
    let log = Arc::new(Mutex::new(Log::default()));
    let spy = Box::new(Spy { inner, log: Arc::clone(&log) });
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        sizing: Sizing::Fixed { qty_e9: E9 },
        order_latency_ns: 5_000_000,
        response_latency_ns: 4_000_000,
        ..RunConfig::default()
    };
    let never = AtomicBool::new(false);
    let run = run_on_ticks(&config, files, E9, Pace::Ahead, spy, &never, &mut |_, _| {});
    let fills = run.unwrap().outcome.fills.len();
    let log = std::mem::take(&mut *log.lock().unwrap());
    (log, fills)
}

/// Plays every cut, half of them on another thread; `cut` gets its number and a file to write.
fn each_cut(folder: &Path, cut: impl Fn(i64, &Path) + Sync) {
    std::thread::scope(|scope| {
        for first in 1..=2 {
            let (cut, path) = (&cut, folder.join(format!("{first}.qtt")));
            scope.spawn(move || {
                for at in (first..=CUTS).step_by(2) {
                    cut(at, &path);
                }
            });
        }
    });
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
    let whole = stream(i64::MAX, Poison::Silence);
    let whole = [write(&folder.path().join("whole.qtt"), &whole)];
    let all: Vec<Log> = STRATEGIES
        .iter()
        .map(|(name, params)| {
            let (log, fills) = played(&whole, made(name, params));
            eprintln!("{name} {params}: {fills} fills, told {} times", log.seen.len());
            assert!(fills > 10, "{name} {params}: {fills} fills");
            log
        })
        .collect();
    each_cut(folder.path(), |cut, path| {
        let (cut_ns, poison) = (cut_ns(cut), [ABOVE, BELOW, Poison::Silence][cut as usize % 3]);
        let file = [write(path, &stream(cut_ns, poison))];
        for ((name, params), all) in STRATEGIES.iter().zip(&all) {
            let (log, _) = played(&file, made(name, params));
            let same = log.until(cut_ns) == all.until(cut_ns);
            assert!(same, "{name} {params}: looks ahead at {cut_ns}, {poison:?} comes then");
            assert!(!log.until(cut_ns).0.is_empty());
        }
    });
}

/// A market that rises hides it from a price far above that the cheat knew too soon. It cannot
/// hide from one above and from one below: whatever it does shortly before a cut, in one of the
/// two it does the opposite.
#[test]
fn a_strategy_that_looks_ahead_is_caught_at_every_cut() {
    let folder = tempfile::tempdir().unwrap();
    let cheat = |future: &[Tick]| Box::new(Cheat { future: future.into(), at: 0 });
    let whole = stream(i64::MAX, Poison::Silence);
    let file = [write(&folder.path().join("whole.qtt"), &whole)];
    let (all, fills) = played(&file, cheat(&whole));
    assert!(fills > 20, "{fills}");
    each_cut(folder.path(), |cut, path| {
        let cut_ns = cut_ns(cut);
        let is_caught = [ABOVE, BELOW].into_iter().any(|poison| {
            let poisoned = stream(cut_ns, poison);
            let file = [write(path, &poisoned)];
            played(&file, cheat(&poisoned)).0.until(cut_ns) != all.until(cut_ns)
        });
        assert!(is_caught, "not caught at {cut_ns}");
    });
}
