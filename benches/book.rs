//! Order books: the cost of an update by price and by order, and of what a strategy reads.
//! The floor is a scan of the same ticks, the yardstick the book of sorted maps.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qt_engine::book::{Book, BookLimits, BookView, CrossPolicy, OrderBook, OrderBookLimits};
use qt_types::{OrderTick, OrderTickKind, Side, Tick, TickFlags, TickKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TICKS: usize = 1 << 20;
/// Orders that rest in the book by order, about: those of the ES future.
const ORDERS: usize = 13_600;

/// How far from the best an update falls.
#[derive(Clone, Copy)]
enum Shape {
    /// As on a recorded stream of a liquid perpetual: 67 % within 500 ticks, 3 % beyond 49,000.
    Recorded,
    /// Within 50 ticks, always.
    Near,
    /// Best prices alone.
    Top,
}

fn distance(shape: Shape, dice: &mut ChaCha8Rng) -> i64 {
    if !matches!(shape, Shape::Recorded) {
        return dice.random_range(0..50);
    }
    match dice.random_range(0..100) {
        0..67 => dice.random_range(0..500),
        67..89 => dice.random_range(500..2_000),
        89..94 => dice.random_range(2_000..8_000),
        94..96 => dice.random_range(8_000..16_000),
        96 => dice.random_range(16_000..49_000),
        _ => dice.random_range(49_000..600_000) / 100 * 100,
    }
}

fn flags(side: Side, is_last: bool) -> u8 {
    let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
    ask.with(if is_last { TickFlags::LAST } else { TickFlags::NONE }).bits()
}

/// Updates around a price that walks; 68 ticks to an update on the recorded shape. A level that
/// the price walks over is removed, as a venue would tell.
fn ticks(shape: Shape) -> Vec<Tick> {
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let mut middle = 617_000_i64;
    let mut ticks = Vec::with_capacity(TICKS + 64);
    while ticks.len() < TICKS {
        let at = ticks.len() as i64;
        let mut push = |kind: TickKind, side: Side, price: i64, qty: i64, is_last: bool| {
            let (kind, flags) = (kind as u8, flags(side, is_last));
            let (venue_ns, latency_ns) = (at * 1_000, 5_000);
            ticks.push(Tick { venue_ns, price, qty, latency_ns, instrument: 0, kind, flags });
        };
        let side = if dice.random() { Side::Sell } else { Side::Buy };
        let is_last = !matches!(shape, Shape::Recorded) || dice.random_range(0..68) == 0;
        if matches!(shape, Shape::Top) {
            middle += dice.random_range(-1..=1) * i64::from(dice.random_range(0..4) == 0);
            let price = middle - side.sign();
            push(TickKind::Top, side, price, dice.random_range(1..100), is_last);
            continue;
        }
        if dice.random_range(0..10) == 0 && !matches!(shape, Shape::Recorded) {
            push(TickKind::Trade, side, middle, 1, is_last);
            continue;
        }
        if dice.random_range(0..40) == 0 {
            let step = if dice.random() { 1 } else { -1 };
            middle += step;
            // What the price walked over.
            let crossed = if step > 0 { Side::Sell } else { Side::Buy };
            push(TickKind::Level, crossed, middle, 0, false);
        }
        let price = middle - side.sign() * (1 + distance(shape, &mut dice));
        let qty = if dice.random_range(0..5) == 0 { 0 } else { dice.random_range(1..1_000) };
        push(TickKind::Level, side, price, qty, is_last);
    }
    ticks
}

fn play(book: &mut Book, ticks: &[Tick]) -> u64 {
    ticks.iter().map(|tick| u64::from(book.apply(tick))).sum()
}

/// As a strategy that is asked at the end of each update would.
fn play_and_read(book: &mut Book, ticks: &[Tick], read: fn(BookView<'_>) -> i64) -> i64 {
    let mut sum = 0_i64;
    for tick in ticks {
        book.apply(tick);
        if tick.flags().has(TickFlags::LAST) {
            sum = sum.wrapping_add(read(book.view()));
        }
    }
    sum
}

fn naive(ticks: &[Tick]) -> i64 {
    let mut sides: [BTreeMap<i64, i64>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let mut sum = 0_i64;
    for tick in ticks {
        let side = tick.side() as usize;
        if tick.kind == TickKind::Level as u8 {
            if tick.qty == 0 {
                sides[side].remove(&tick.price);
            } else {
                sides[side].insert(tick.price, tick.qty);
            }
        }
        let bid = sides[0].last_key_value().map_or(0, |(&price, _)| price);
        let ask = sides[1].first_key_value().map_or(0, |(&price, _)| price);
        sum = sum.wrapping_add(bid ^ ask);
    }
    sum
}

fn limits() -> BookLimits {
    BookLimits::default().with_crosses(CrossPolicy::Uncross)
}

fn by_price(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("book_by_price");
    group.throughput(Throughput::Elements(TICKS as u64)).sample_size(20);
    let shapes = [("recorded", Shape::Recorded), ("near", Shape::Near), ("top", Shape::Top)];
    for (name, shape) in shapes {
        let ticks = black_box(ticks(shape));
        let ticks = &ticks[..TICKS];
        let mut book = Book::new(&limits());
        play(&mut book, ticks);
        group.bench_function(format!("update/{name}"), |bencher| {
            bencher.iter(|| play(&mut book, ticks));
        });
        let best = |view: BookView<'_>| view.mid_x2().unwrap_or(0);
        group.bench_function(format!("update_and_mid/{name}"), |bencher| {
            bencher.iter(|| play_and_read(&mut book, ticks, black_box(best)));
        });
        if !matches!(shape, Shape::Top) {
            group.bench_function(format!("sorted_maps/{name}"), |bencher| {
                bencher.iter(|| naive(ticks));
            });
        }
        group.bench_function(format!("floor_scan/{name}"), |bencher| {
            let sum = |sum: i64, tick: &Tick| sum.wrapping_add(tick.price ^ tick.qty);
            bencher.iter(|| black_box(ticks).iter().fold(0_i64, sum));
        });
    }
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("book_view");
    let ticks = ticks(Shape::Recorded);
    let mut book = Book::new(&limits());
    play(&mut book, &ticks);
    let book = black_box(book);
    group.bench_function("mid", |b| b.iter(|| black_box(&book).view().mid_x2()));
    group.bench_function("microprice", |b| b.iter(|| black_box(&book).view().microprice()));
    group.bench_function("microprice_f64", |b| {
        b.iter(|| black_box(&book).view().microprice_f64());
    });
    group.bench_function("imbalance_5", |b| b.iter(|| black_box(&book).view().imbalance(5)));
    group.bench_function("depth_10", |b| b.iter(|| black_box(&book).view().depth(10)));
    group.bench_function("all_levels", |b| {
        let lots = |side| book.view().levels(side).map(|(_, qty)| qty.lots()).sum::<i64>();
        b.iter(|| lots(Side::Buy) + lots(Side::Sell));
    });
    group.finish();
}

/// A flow of orders as ITCH tells it: as many come as go, a third of those that go are executed,
/// at the best price from the front of the queue.
struct Flow {
    dice: ChaCha8Rng,
    /// Bids and asks by price, each a queue of ids.
    queues: [BTreeMap<i64, Vec<(u64, i64)>>; 2],
    ids: Vec<(u64, Side, i64)>,
    next: u64,
    middle: i64,
    ticks: Vec<OrderTick>,
}

impl Flow {
    fn new() -> Self {
        Self {
            dice: ChaCha8Rng::seed_from_u64(11),
            queues: [BTreeMap::new(), BTreeMap::new()],
            ids: Vec::new(),
            next: 1 << 40,
            middle: 20_800,
            ticks: Vec::new(),
        }
    }

    fn push(&mut self, kind: OrderTickKind, order: u64, side: Side, price: i64, qty: i64) {
        let (kind, flags) = (kind as u8, flags(side, true));
        let venue_ns = self.ticks.len() as i64 * 1_000;
        let latency_ns = 0;
        let tick =
            OrderTick { venue_ns, order, price, qty, latency_ns, instrument: 0, kind, flags };
        self.ticks.push(tick);
    }

    fn add(&mut self) {
        let side = if self.dice.random() { Side::Sell } else { Side::Buy };
        let near = self.dice.random_range(0..100) < 80;
        let away = self.dice.random_range(0..if near { 10 } else { 2_000 });
        let price = self.middle - side.sign() * (1 + away);
        // Ids of a venue rise, with those of other instruments between.
        self.next += self.dice.random_range(1_u64..400);
        let qty = self.dice.random_range(1..20);
        self.queues[side as usize].entry(price).or_default().push((self.next, qty));
        self.ids.push((self.next, side, price));
        self.push(OrderTickKind::Add, self.next, side, price, qty);
    }

    fn cancel(&mut self) {
        // Those that came last go first, mostly.
        let count = self.ids.len();
        let back = self.dice.random_range(1..=count);
        let back = if self.dice.random() { back } else { back.min(1 + count / 50) };
        let (id, side, price) = self.ids.remove(count - back);
        let Some(queue) = self.queues[side as usize].get_mut(&price) else { return };
        let Some(at) = queue.iter().position(|order| order.0 == id) else { return };
        queue.remove(at);
        if queue.is_empty() {
            self.queues[side as usize].remove(&price);
        }
        self.push(OrderTickKind::Delete, id, side, price, 0);
    }

    fn execute(&mut self) {
        let side = if self.dice.random() { Side::Sell } else { Side::Buy };
        let queues = &mut self.queues[side as usize];
        let best = if side == Side::Buy { queues.last_entry() } else { queues.first_entry() };
        let Some(mut best) = best else { return };
        let price = *best.key();
        let (id, qty) = best.get()[0];
        let lots = self.dice.random_range(1..=qty);
        if lots == qty {
            best.get_mut().remove(0);
            if best.get().is_empty() {
                best.remove();
                self.middle = price;
            }
            self.ids.retain(|order| order.0 != id);
        } else {
            best.get_mut()[0].1 -= lots;
        }
        self.push(OrderTickKind::Execute, id, side, price, lots);
    }

    /// What fills the book, and then `count` ticks that keep it about as full.
    fn ticks(mut self, count: usize) -> (Vec<OrderTick>, Vec<OrderTick>) {
        while self.ids.len() < ORDERS {
            self.add();
        }
        let fill = std::mem::take(&mut self.ticks);
        while self.ticks.len() < count {
            match self.dice.random_range(0..100) {
                _ if self.ids.len() < ORDERS => self.add(),
                0..30 => self.add(),
                30..85 => self.cancel(),
                _ => self.execute(),
            }
        }
        (fill, self.ticks)
    }
}

fn play_orders(book: &mut OrderBook, ticks: &[OrderTick]) -> u64 {
    ticks.iter().map(|tick| u64::from(book.apply(tick))).sum()
}

fn by_order(criterion: &mut Criterion) {
    let count = TICKS / 4;
    let (fill, ticks) = Flow::new().ticks(count);
    let limits = OrderBookLimits { crosses: CrossPolicy::Uncross, ..Default::default() };
    let mut full = OrderBook::new(&limits);
    play_orders(&mut full, &fill);
    let mut group = criterion.benchmark_group("book_by_order");
    group.throughput(Throughput::Elements(ticks.len() as u64)).sample_size(20);
    group.bench_function("add_cancel_execute", |bencher| {
        bencher.iter_batched_ref(
            || full.clone(),
            |book| play_orders(book, black_box(&ticks)),
            criterion::BatchSize::LargeInput,
        );
    });
    group.bench_function("sorted_maps", |bencher| {
        bencher.iter(|| naive_orders(&fill, black_box(&ticks)));
    });
    group.bench_function("floor_scan", |bencher| {
        let sum = |sum: u64, tick: &OrderTick| sum.wrapping_add(tick.order ^ tick.qty as u64);
        bencher.iter(|| black_box(&ticks).iter().fold(0_u64, sum));
    });
    group.finish();
}

/// Orders and levels in sorted maps; no queues. Books `fill` too: a twentieth of the whole.
fn naive_orders(fill: &[OrderTick], ticks: &[OrderTick]) -> usize {
    let mut orders: BTreeMap<u64, (Side, i64, i64)> = BTreeMap::new();
    let mut levels: [BTreeMap<i64, i64>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for tick in fill.iter().chain(ticks) {
        let (side, price, lots) = match tick.kind() {
            Some(OrderTickKind::Add) => {
                orders.insert(tick.order, (tick.side(), tick.price, tick.qty));
                (tick.side(), tick.price, tick.qty)
            }
            Some(OrderTickKind::Execute) => {
                let Some(order) = orders.get_mut(&tick.order) else { continue };
                order.2 -= tick.qty;
                let (side, price, left) = *order;
                if left == 0 {
                    orders.remove(&tick.order);
                }
                (side, price, -tick.qty)
            }
            _ => {
                let Some((side, price, lots)) = orders.remove(&tick.order) else { continue };
                (side, price, -lots)
            }
        };
        let level = levels[side as usize].entry(price).or_default();
        *level += lots;
        if *level == 0 {
            levels[side as usize].remove(&price);
        }
    }
    levels[0].len() + orders.len()
}

criterion_group!(benches, by_price, reads, by_order);
criterion_main!(benches);
