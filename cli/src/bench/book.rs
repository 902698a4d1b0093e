//! The parts below a replay: order books by best price, by price and by order, ITCH, frames of an
//! exchange, the tick store. Beside each a plain scan of the same bytes.

use std::hint::black_box;
use std::time::Instant;

use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode};
use qt_data::import::itch::{Frames, ItchMarket, decode};
use qt_data::import::{self, ImportOptions};
use qt_data::ticks::{Record, RecordKind, TickFile, Verify};
use qt_engine::book::{Book, BookLimits, CrossPolicy, OrderBook, OrderBookLimits};
use qt_types::{OrderTick, Price, Side, Tick, TickFlags, TickKind};

use super::Measurement;
use super::replay::{self, SplitMix};
use super::scratch::Scratch;
use crate::failure::Failure;
use crate::output::Output;

/// Records of each measurement, about.
const RECORDS: usize = 2_000_000;
/// Messages of the ITCH stream.
const MESSAGES: u64 = 1_000_000;
/// Frames of each codec measurement, and levels of one: as many as a recorded stream has.
const FRAMES: u64 = 2_000;
const LEVELS: u64 = 68;
/// Bytes of the scan that shows what memory gives.
const SCAN_BYTES: usize = 256 << 20;

/// Measures everything, and the book of `recorded`, if there is one.
///
/// # Errors
/// When a temporary file cannot be written or read.
pub fn measure(
    recorded: Option<&TickFile>,
    repeats: usize,
    out: &Output,
) -> Result<Vec<Measurement>, Failure> {
    let scratch = Scratch::new("bench-book")?;
    let mut all = Vec::new();
    out.note("books by price");
    for (name, definition, ticks) in [
        ("book/best", "updates of the best prices alone", levels(Shape::Best)),
        ("book/near", "levels within 50 ticks of the best, a tenth trades", levels(Shape::Near)),
        (
            "book/deep",
            "levels as on a recorded perpetual: a third beyond 500 ticks, 3 % beyond 49,000",
            levels(Shape::Deep),
        ),
    ] {
        all.push(by_price(name, definition, &ticks, repeats));
    }
    out.note("ITCH and books by order");
    let market = ItchMarket { seed: 3, messages: MESSAGES, stocks: 10 };
    let bytes = market.bytes();
    all.push(itch(&bytes, repeats));
    let path = scratch.path().join("S010230.itch");
    std::fs::write(&path, &bytes)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let target = scratch.path().join("itch.qtt");
    let day = qt_data::calendar::Day::new(2020, 1, 2);
    import::import(&path, &target, &ImportOptions { date: Some(day), ..ImportOptions::default() })?;
    let file = TickFile::open(&target, Verify::Full)?;
    let generated = "adds, cancels, executions of ten generated stocks, books of their own";
    all.push(by_order("book/orders", generated, &records::<OrderTick>(&file)?, repeats));
    if let Some(file) = recorded {
        let definition = format!("the records of {}, into an empty book", file.path());
        all.push(match file.kind() {
            RecordKind::Levels => by_price("book/recorded", &definition, &records(file)?, repeats),
            RecordKind::Orders => by_order("book/recorded", &definition, &records(file)?, repeats),
        });
    }
    out.note("frames of an exchange");
    all.extend(codec(repeats)?);
    out.note("the tick store");
    let path = scratch.path().join("levels.qtt");
    replay::generate(&path, 2 * RECORDS)?;
    all.push(store(&TickFile::open(&path, Verify::Index)?, repeats)?);
    all.push(memory(repeats));
    Ok(all)
}

/// The seconds that `run` takes each time, what `prepare` gives being made before.
fn seconds<S>(
    repeats: usize,
    mut prepare: impl FnMut() -> S,
    mut run: impl FnMut(&mut S) -> u64,
) -> Vec<f64> {
    black_box(run(&mut prepare()));
    let mut all = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        let mut state = prepare();
        let clock = Instant::now();
        black_box(run(&mut state));
        all.push(clock.elapsed().as_secs_f64());
    }
    all
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn with_floor(mut measured: Measurement, floor: Vec<f64>) -> Measurement {
    let floor = median(floor);
    measured.floor_p50 = Some(floor);
    measured.ratio = Some(measured.p50 / floor);
    measured
}

fn words(bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    words.fold(0_u64, |sum, word| sum ^ word)
}

/// The seconds that it takes to put `ticks` into `books`, one for each instrument, emptied before:
/// memory that a book uses for the first time is not what is measured.
fn into_books<T, B>(
    repeats: usize,
    ticks: &[T],
    instrument: impl Fn(&T) -> u16,
    mut books: Vec<B>,
    empty: impl Fn(&mut B),
    apply: impl Fn(&mut B, &T) -> bool,
) -> Vec<f64> {
    let mut all = Vec::with_capacity(repeats);
    for round in 0..=repeats {
        books.iter_mut().for_each(&empty);
        let clock = Instant::now();
        let complete = black_box(ticks).iter().filter(|tick| {
            let book = books.get_mut(usize::from(instrument(tick)));
            book.is_some_and(|book| apply(book, tick))
        });
        black_box(complete.count());
        if round > 0 {
            all.push(clock.elapsed().as_secs_f64());
        }
    }
    all
}

fn by_price(name: &'static str, definition: &str, ticks: &[Tick], repeats: usize) -> Measurement {
    let first = ticks.iter().find(|tick| tick.price > 0).map_or(1, |tick| tick.price);
    let limits = BookLimits::around(Price::from_ticks(first)).with_crosses(CrossPolicy::Uncross);
    let instruments = 1 + ticks.iter().map(|tick| tick.instrument).max().unwrap_or(0);
    let books = (0..instruments).map(|_| Book::new(&limits)).collect::<Vec<_>>();
    let sides = [Side::Buy, Side::Sell].map(Tick::clear);
    let empty = |book: &mut Book| {
        black_box(sides.map(|tick| book.apply(&tick)));
    };
    let times = into_books(repeats, ticks, |tick| tick.instrument, books, empty, Book::apply);
    let floor = seconds(
        repeats,
        || (),
        |()| {
            let sum = |sum: u64, tick: &Tick| sum ^ tick.price as u64 ^ tick.qty as u64;
            black_box(ticks).iter().fold(0, sum)
        },
    );
    with_floor(Measurement::new(name, definition, ticks.len(), times), floor)
}

fn by_order(
    name: &'static str,
    definition: &str,
    ticks: &[OrderTick],
    repeats: usize,
) -> Measurement {
    let limits = OrderBookLimits { crosses: CrossPolicy::Uncross, ..OrderBookLimits::default() };
    let instruments = 1 + ticks.iter().map(|tick| tick.instrument).max().unwrap_or(0);
    let books = (0..instruments).map(|_| OrderBook::new(&limits)).collect::<Vec<_>>();
    let sides = [Side::Buy, Side::Sell].map(OrderTick::clear);
    let empty = |book: &mut OrderBook| {
        black_box(sides.map(|tick| book.apply(&tick)));
    };
    let times = into_books(repeats, ticks, |tick| tick.instrument, books, empty, OrderBook::apply);
    let floor = seconds(
        repeats,
        || (),
        |()| {
            let sum = |sum: u64, tick: &OrderTick| sum ^ tick.order ^ tick.qty as u64;
            black_box(ticks).iter().fold(0, sum)
        },
    );
    with_floor(Measurement::new(name, definition, ticks.len(), times), floor)
}

fn itch(bytes: &[u8], repeats: usize) -> Measurement {
    let count = Frames::new(bytes).count();
    let times = seconds(
        repeats,
        || (),
        |()| {
            let read = Frames::new(black_box(bytes)).filter_map(|frame| decode(frame).ok());
            read.map(|(head, message)| {
                black_box(message);
                head.since_midnight_ns as u64
            })
            .fold(0, |sum, ns| sum ^ ns)
        },
    );
    let floor = seconds(repeats, || (), |()| words(black_box(bytes)));
    let definition = "every message of a generated ITCH 5.0 stream decoded to its fields; the \
                      floor is a scan of the bytes";
    let measured = Measurement::new("itch/decode", definition, count, times);
    with_floor(measured.of_bytes(bytes.len()), floor)
}

fn codec(repeats: usize) -> Result<Vec<Measurement>, Failure> {
    let mut all = Vec::new();
    for (name, definition, frames) in [
        ("codec/depth", "Binance depth frames with 68 levels, to exact decimals", depth_frames()),
        ("codec/ticker", "Binance bookTicker frames, to exact decimals", ticker_frames()),
    ] {
        let bytes: usize = frames.iter().map(String::len).sum();
        let mut wrong = 0;
        let times = seconds(
            repeats,
            || (),
            |()| {
                let mut decoder = Decoder::new(Venue::Binance, Mode::FromFirstLine);
                let (mut out, mut sum) = (Vec::new(), 0);
                for frame in black_box(&frames) {
                    out.clear();
                    let read = decoder.decode(&Frame::new(frame.as_bytes()), &mut out);
                    wrong += u64::from(read.is_err() || out.is_empty());
                    sum += out.len() as u64;
                }
                sum
            },
        );
        if wrong > 0 {
            return Err(Failure::failed(format!("{name}: {wrong} frames were not understood")));
        }
        let floor = seconds(
            repeats,
            || (),
            |()| {
                black_box(&frames)
                    .iter()
                    .map(|frame| words(frame.as_bytes()))
                    .fold(0, |sum, word| sum ^ word)
            },
        );
        let measured = Measurement::new(name, definition, frames.len(), times).of_bytes(bytes);
        all.push(with_floor(measured, floor));
    }
    Ok(all)
}

/// What a replay at least does with a record: its times, its price, its quantity, what it is.
fn store(file: &TickFile, repeats: usize) -> Result<Measurement, Failure> {
    let mut failed = None;
    let times = seconds(
        repeats,
        || (),
        |()| {
            scan(file).unwrap_or_else(|error| {
                failed = Some(error);
                0
            })
        },
    );
    if let Some(error) = failed {
        return Err(error);
    }
    let bytes = std::fs::read(file.path())
        .map_err(|error| Failure::failed(format!("{}: {error}", file.path())))?;
    let floor = seconds(repeats, || (), |()| words(black_box(&bytes)));
    let definition = "every field of the records of a mapped tick file, verified before; the \
                      floor is a scan of the file in memory";
    let measured = Measurement::new("store/read", definition, file.len() as usize, times);
    Ok(with_floor(measured.of_bytes(bytes.len()), floor))
}

fn scan(file: &TickFile) -> Result<u64, Failure> {
    let mut sum = 0_i64;
    for index in 0..file.blocks() {
        let block = file.block::<Tick>(index)?;
        let base_ns = block.base_ns();
        for tick in block.iter() {
            let shape = i64::from(tick.instrument) + i64::from(tick.kind) + i64::from(tick.flags);
            let time = Record::recv_ns(&tick, base_ns) ^ tick.venue_ns;
            sum = sum.wrapping_add(time ^ tick.price ^ tick.qty ^ shape);
        }
    }
    Ok(sum as u64)
}

fn memory(repeats: usize) -> Measurement {
    let bytes = vec![1_u8; SCAN_BYTES];
    let times = seconds(repeats, || (), |()| words(black_box(&bytes)));
    let definition = "256 MiB of memory read once, in words of 8 bytes: no reader is faster";
    Measurement::new("memory", definition, SCAN_BYTES / 8, times).of_bytes(SCAN_BYTES)
}

fn records<R: Record>(file: &TickFile) -> Result<Vec<R>, Failure> {
    let mut all = Vec::with_capacity(file.len() as usize);
    for index in 0..file.blocks() {
        all.extend(file.block::<R>(index)?.iter());
    }
    Ok(all)
}

/// How far from the best an update falls.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Best,
    Near,
    Deep,
}

/// Updates around a price that walks; a level that the price walks over is removed, as a venue
/// would tell.
fn levels(shape: Shape) -> Vec<Tick> {
    let mut random = SplitMix::new(7);
    let mut below = |end: u64| (random.next() % end) as i64;
    let mut middle = 617_000_i64;
    let mut ticks = Vec::with_capacity(RECORDS);
    while ticks.len() < RECORDS {
        let venue_ns = ticks.len() as i64 * 1_000;
        let mut push = |kind: TickKind, side: Side, price: i64, qty: i64| {
            let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
            let (kind, flags) = (kind as u8, ask.with(TickFlags::LAST).bits());
            ticks.push(Tick { venue_ns, price, qty, latency_ns: 0, instrument: 0, kind, flags });
        };
        let side = if below(2) == 1 { Side::Sell } else { Side::Buy };
        if shape == Shape::Best {
            middle += if below(4) == 0 { below(3) - 1 } else { 0 };
            push(TickKind::Top, side, middle - side.sign(), 1 + below(99));
            continue;
        }
        if shape == Shape::Near && below(10) == 0 {
            push(TickKind::Trade, side, middle, 1);
            continue;
        }
        if below(40) == 0 {
            let step = 2 * below(2) - 1;
            middle += step;
            push(TickKind::Level, if step > 0 { Side::Sell } else { Side::Buy }, middle, 0);
        }
        let away = match (shape, below(100)) {
            (Shape::Deep, 67..89) => 500 + below(1_500),
            (Shape::Deep, 89..97) => 2_000 + below(47_000),
            (Shape::Deep, 97..) => 49_000 + below(5_500) * 100,
            (Shape::Deep, _) => below(500),
            _ => below(50),
        };
        let qty = if below(5) == 0 { 0 } else { 1 + below(999) };
        push(TickKind::Level, side, middle - side.sign() * (1 + away), qty);
    }
    ticks
}

fn depth_frames() -> Vec<String> {
    let mut random = SplitMix::new(1);
    let mut side = |from: u64| {
        let level = |_| {
            let (price, qty) = (from + random.next() % 20_000, random.next() % 9_000);
            format!(r#"["{}.{}0","{}.{:03}"]"#, price / 10, price % 10, qty / 1_000, qty % 1_000)
        };
        (0..LEVELS / 2).map(level).collect::<Vec<_>>().join(",")
    };
    let frame = |n: u64| {
        let (bids, asks) = (side(598_000), side(618_000));
        let at = 1_723_161_256_299 + n * 50;
        let times = format!(r#""E":{at},"T":{at},"s":"BTCUSDT""#);
        let ids = format!(r#""U":{},"u":{},"pu":{}"#, n * 500 - 499, n * 500, n * 500 - 500);
        let data = format!(r#"{{"e":"depthUpdate",{times},{ids},"b":[{bids}],"a":[{asks}]}}"#);
        format!(r#"{{"stream":"btcusdt@depth@0ms","data":{data}}}"#)
    };
    (1..=FRAMES).map(frame).collect()
}

fn ticker_frames() -> Vec<String> {
    let mut random = SplitMix::new(2);
    let frame = |n: u64| {
        let (at, qty) = (1_723_161_256_299 + n, 100 + random.next() % 900);
        let bid = format!(r#""b":"61800.20","B":"2.{qty}""#);
        let ask = format!(r#""a":"61800.30","A":"1.{qty}""#);
        let ids = format!(r#""e":"bookTicker","u":{n},"s":"BTCUSDT""#);
        let data = format!(r#"{{{ids},{bid},{ask},"T":{at},"E":{at}}}"#);
        format!(r#"{{"stream":"btcusdt@bookTicker","data":{data}}}"#)
    };
    (1..=FRAMES).map(frame).collect()
}
