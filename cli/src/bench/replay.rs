//! The speed of a replay: order book changes through two books, latencies, queues and a quoting
//! strategy.

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use qt_backtest::config::RunConfig;
use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::run_on_ticks;
use qt_backtest::venue::Fees;
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_risk::{Account, Sizing};
use qt_strategies::Registry;
use qt_types::{E9, InstrumentKind, InstrumentSpec, Tick, TickFlags, TickKind};

use super::Measurement;
use super::scratch::Scratch;
use crate::failure::Failure;
use crate::output::Output;

/// Events of the measurement.
pub const EVENTS: usize = 4_000_000;
/// The stream's seed.
const SEED: u64 = 3;

/// Measures everything.
///
/// # Errors
/// When the temporary file cannot be written or a run fails.
pub fn measure(events: usize, repeats: usize, out: &Output) -> Result<Vec<Measurement>, Failure> {
    out.note(&format!("generating {events} events from seed {SEED}"));
    let scratch = Scratch::new("bench")?;
    let path = scratch.path().join("bench.qtt");
    generate(&path, events)?;
    let files = [TickFile::open(&path, Verify::Full)?];
    let definition = "run_on_ticks of top_of_book_quoter (new quotes every 100 ms) on a stream by \
                      price: 1 ms apart, a tenth trades, the others within 50 ticks of the touch; \
                      the venue's book and ours, 0.5 ms to us, 1 ms to the venue, risk-averse \
                      queue, risk gate, ledger; one core";
    out.note("the replay");
    run(&files)?;
    let (mut seconds, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let clock = Instant::now();
        let played = run(&files)?;
        seconds.push(clock.elapsed().as_secs_f64());
        black_box(played);
        floors.push(scan(&files[0])?);
    }
    let mut measured = Measurement::new("l2/quoter", definition, events, seconds);
    floors.sort_by(f64::total_cmp);
    let floor = floors[floors.len() / 2];
    measured.floor_p50 = Some(floor);
    measured.ratio = Some(measured.p50 / floor);
    measured.peak_rss_bytes = super::peak_memory();
    Ok(vec![measured])
}

fn run(files: &[TickFile]) -> Result<u64, Failure> {
    let registry = Registry::builtin();
    let entry = registry.get("top_of_book_quoter")?;
    let given = [("interval_ms", "99"), ("settle_ms", "1"), ("max_position", "100")];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let strategy = entry.make(&entry.resolve(&given)?, 1)?;
    let config = RunConfig {
        account: Account::Margin { leverage_e9: 100 * E9 },
        capital: "100000000".parse().unwrap_or_default(),
        sizing: Sizing::Fixed { qty_e9: E9 },
        fees: Fees { maker_e9: 200_000, taker_e9: 700_000 },
        order_latency_ns: 1_000_000,
        response_latency_ns: 1_000_000,
        ..RunConfig::default()
    };
    let never = AtomicBool::new(false);
    let run =
        run_on_ticks(&config, files, 1_000_000_000, Pace::Ahead, strategy, &never, &mut |_, _| {})?;
    Ok(run.outcome.determinism_hash)
}

/// Reads every record once; the time in seconds.
fn scan(file: &TickFile) -> Result<f64, Failure> {
    let clock = Instant::now();
    let mut sum = 0_i64;
    for index in 0..file.blocks() {
        for tick in file.block::<Tick>(index)?.iter() {
            sum = sum.wrapping_add(tick.price).wrapping_add(tick.qty).wrapping_add(tick.venue_ns);
        }
    }
    black_box(sum);
    Ok(clock.elapsed().as_secs_f64())
}

/// The stream of `shared/peers/l2_hftbacktest.py` in its distribution: a walk of the middle by a
/// tick now and then, levels within 50 ticks of it, a tenth trades at the touch.
pub(super) fn generate(path: &std::path::Path, events: usize) -> Result<(), Failure> {
    let spec = InstrumentSpec::new("SYN", "USD", InstrumentKind::Perpetual, E9 / 10, E9, E9)
        .map_err(|error| Failure::failed(error.0))?;
    let mut writer = TickWriter::<Tick>::create(path)?;
    let mut random = SplitMix(SEED);
    let mut mid = 300_000_i64;
    for at in 0..events as i64 {
        let word = random.next();
        mid += match word % 10 {
            0 => 1,
            9 => -1,
            _ => 0,
        };
        let is_bid = word >> 8 & 1 == 1;
        let level = (word >> 16) as i64 & 0xffff;
        let level = level * 50 / 0x1_0000;
        let is_trade = (word >> 32).is_multiple_of(10);
        let qty = ((word >> 48) % 5) as i64;
        let side = if is_bid { TickFlags::NONE } else { TickFlags::ASK };
        let (kind, price, flags, qty) = if is_trade {
            let price = if is_bid { mid + 1 } else { mid - 1 };
            (TickKind::Trade, price, side, qty.max(1))
        } else {
            let price = if is_bid { mid - 1 - level } else { mid + 1 + level };
            (TickKind::Level, price, side.with(TickFlags::LAST), qty)
        };
        let tick = Tick {
            venue_ns: at * 1_000_000,
            price,
            qty,
            latency_ns: 0,
            instrument: 0,
            kind: kind as u8,
            flags: flags.bits(),
        };
        writer.push(tick, tick.venue_ns + 500_000)?;
    }
    writer.finish(&Description { instruments: vec![spec], ..Description::default() })?;
    Ok(())
}

/// Steele, Lea, Flood 2014: enough for a workload, and the same everywhere.
pub(super) struct SplitMix(u64);

impl SplitMix {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
