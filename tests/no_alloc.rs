//! The core takes all of its memory at the start. Counts the allocations of the running thread
//! while it is asked to.

use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::desk::Desk;
use qt_backtest::feed::FeedLatency;
use qt_backtest::replay::{Film, Pace, Replay, ReplayConfig};
use qt_backtest::simulator::{Simulator, Tape};
use qt_backtest::venue::SimVenue;
use qt_data::calendar::Calendar;
use qt_data::series::{BarRecord, BarSeries, DataKind, Source, Stamps};
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::book::{Book, BookLimits, CrossPolicy, OrderBook, OrderBookLimits};
use qt_engine::{
    BookKind, Bounded, Delivery, Outbox, Pipeline, PipelineConfig, Sequencer, Strategy, Venue,
};
use qt_ring::{Setup, Wait};
use qt_risk::{Account, Allowed, Level, Limit, Prices, Profile, ProfileName, RiskGate, Sizing};
use qt_strategies::Registry;
use qt_types::{
    Bar, BarFlags, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, OrderTick,
    Payload, Price, Qty, Seq, Side, Tick, TickFlags, TickKind, VenueId,
};

#[path = "no_alloc/busy.rs"]
mod busy;
mod counting;

use busy::Busy;
use counting::allocations;

const BARS: usize = 100_000;

/// Rises and falls around 10,000 ticks, always the same.
fn series() -> BarSeries {
    let mut last = 10_000_i64;
    let mut state = 1_u64;
    let bars = (0..BARS).map(|at| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let part = |shift: u32| ((state >> shift) & 63) as i64;
        let open = last;
        let close = open + part(20) - part(26) + (10_000 - open) / 256;
        last = close;
        let (high, low) = (open.max(close) + part(33), open.min(close) - part(40));
        let open_ns = at as i64 * 60;
        let flags = BarFlags::NONE;
        let close_ns = open_ns + 60;
        let row = at as u32;
        BarRecord { open_ns, close_ns, open, high, low, close, volume: 1_000, flags, row }
    });
    BarSeries {
        spec: InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9 / 100, E9, E9).unwrap(),
        kind: DataKind::Bars,
        bars: bars.collect(),
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: 60,
        calendar: Calendar::None,
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    }
}

fn sma_cross() -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get("sma_cross").unwrap();
    let given = [("fast", "5"), ("slow", "20")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    entry.make(&entry.resolve(&given).unwrap(), 1).unwrap()
}

fn config() -> RunConfig {
    RunConfig {
        account: Account::Margin { leverage_e9: 4 * E9 },
        sizing: Sizing::Fixed { qty_e9: 5 * E9 },
        ..RunConfig::default()
    }
}

/// The same with every limit of the risk gate set and every window on; some orders are denied.
fn watchful() -> RunConfig {
    let mut profile = Profile::new(ProfileName::Paper);
    profile.allow(Allowed::All);
    for row in &qt_risk::KEYS {
        let widened = |limit: Limit| match row.name {
            _ if limit.is_missing() => limit,
            "entries" | "fills" | "refusals" => Limit::hard(65_536),
            "duplicates" => Limit::hard(32),
            "self_trade_allowed" => limit,
            name if name.ends_with("_window_ms") => limit,
            name if name.ends_with("_bps") => Limit::hard(900_000_000),
            _ => Limit::hard(limit.hard * 1_000),
        };
        let instrument = profile.instruments_mut();
        instrument.set(row.key, widened(instrument.get(row.key)));
        for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
            let set = profile.level_mut(level);
            set.set(row.key, widened(set.get(row.key)));
        }
    }
    let sizing = Sizing::Volatility { target_e9: E9, window: 20, cap_e9: E9 / 20 };
    let mut config = RunConfig { sizing, ..config() };
    config.risk.profile = std::sync::Arc::new(profile);
    config
}

fn gate(series: &BarSeries, config: &RunConfig) -> RiskGate {
    let prices = Prices { interval_ns: 0, periods_e3: 252_000 };
    config.gate(std::slice::from_ref(&series.spec), prices)
}

fn pipeline_config(series: &BarSeries, config: &RunConfig) -> PipelineConfig {
    PipelineConfig {
        specs: vec![series.spec.clone()],
        initial: config.capital,
        exits: config.exits,
        limits: config.limits,
        epoch: 0,
        books: Vec::new(),
        active_from_ns: qt_types::Nanos::MIN,
    }
}

/// How often a list that had room for 4,096 items grew until it had `count`.
fn growths(count: usize) -> u64 {
    u64::from(count.div_ceil(4_096).next_power_of_two().trailing_zeros())
}

/// A whole run: nothing but the list of fills (the recorder's and the venue's) may grow.
fn check_run(name: &str, strategy: Box<dyn Strategy>, fills_min: usize, latency_ns: i64) {
    let series = series();
    let mut config = config();
    config.order_latency_ns = latency_ns;
    let tapes = [Tape::of_bars(&series, 0, 0, series.bars.len())];
    let gate = gate(&series, &config);
    let pipeline = pipeline_config(&series, &config);
    let mut simulator =
        Simulator::new(&tapes, pipeline, config.venue(), &config.feed(), strategy, gate);
    let interrupt = AtomicBool::new(false);
    let (count, ended) = allocations(|| simulator.run(&interrupt, |_, _| {}));
    ended.expect("the books are right");
    let fills = simulator.recorder().fills().len();
    assert!(fills >= fills_min, "{name}: only {fills} fills");
    assert!(count <= 2 * growths(fills), "{name}: {count} allocations with {fills} fills");
}

#[test]
fn a_run_takes_its_memory_at_the_start() {
    for latency_ns in [0, 7] {
        check_run("sma_cross", sma_cross(), 2_000, latency_ns);
        check_run("busy", Box::<Busy>::default(), 20_000, latency_ns);
    }
}

/// The pipeline alone: not one allocation in any step, whatever the event, also after it was put
/// aside and restored; and none by that.
fn check_steps(name: &str, strategy: fn() -> Box<dyn Strategy>, config: RunConfig) {
    let series = series();
    let fresh = || {
        let gate = gate(&series, &config);
        Pipeline::new(pipeline_config(&series, &config), strategy(), gate)
    };
    let mut pipeline = fresh();
    let mut venue = SimVenue::new(config.venue(), vec![series.spec.clone()]);
    let mut outbox = Outbox::new(&config.limits);
    let mut inbox: Bounded<Delivery> = Bounded::new(config.limits.orders_open_max * 4);
    let mut sequencer = Sequencer::new();
    let (mut steps, mut reports) = (0_u64, 0_u64);
    let mut total = 0;
    let mut bytes = Vec::with_capacity(1 << 20);
    for (at, record) in series.bars.iter().enumerate() {
        if at == series.bars.len() / 2 {
            let (count, stored) = allocations(|| pipeline.snapshot(&sequencer, &mut bytes));
            stored.expect("it can be stored");
            total += count;
            (pipeline, sequencer) = fresh().restore(&bytes).expect("it can be restored");
        }
        let bar = bar_of(record);
        let close = event(record.close_ns, Payload::Bar(bar));
        venue.begin_bar(InstrumentId(0), &bar);
        venue.play_opens().unwrap();
        venue.close_bar(&close).unwrap();
        let mut now = Some(close);
        loop {
            inbox.clear();
            venue.poll(Nanos::new(record.close_ns), &mut inbox);
            let told = inbox.as_slice().iter().map(|delivery| Event {
                recv_ns: delivery.recv_ns,
                ..event(delivery.venue_ns.get(), Payload::Report(delivery.report))
            });
            let mut is_quiet = now.is_none() && inbox.is_empty();
            reports += inbox.len() as u64;
            for mut event in told.chain(now.take()) {
                steps += 1;
                sequencer.stamp(&mut event);
                let (count, result) = allocations(|| pipeline.step(&event, &mut outbox));
                result.expect("the books are right");
                total += count;
            }
            for command in outbox.commands.as_slice() {
                is_quiet = false;
                venue.submit(command, Nanos::new(record.close_ns));
            }
            outbox.clear();
            if is_quiet {
                break;
            }
            venue.apply_commands(record.close_ns).unwrap();
        }
    }
    assert_eq!(total, 0, "{name}: allocations in {steps} steps");
    assert!(reports > 4_000, "{name}: only {reports} reports");
}

fn bar_of(record: &BarRecord) -> Bar {
    Bar {
        open_ns: Nanos::new(record.open_ns),
        open: Price::from_ticks(record.open),
        high: Price::from_ticks(record.high),
        low: Price::from_ticks(record.low),
        close: Price::from_ticks(record.close),
        volume: Qty::from_lots(record.volume),
        half_spread: [0; 4],
        flags: record.flags,
        row: record.row,
    }
}

fn event(at_ns: i64, payload: Payload) -> Event {
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::new(at_ns),
        venue_ns: Nanos::new(at_ns),
        instrument: InstrumentId(0),
        venue: VenueId(0),
        payload,
    }
}

#[test]
fn a_step_of_the_pipeline_allocates_nothing() {
    for config in [config, watchful] {
        check_steps("sma_cross", sma_cross, config());
        check_steps("busy", || Box::<Busy>::default(), config());
    }
}

/// A number from 0 to `below` minus one, from a row that is always the same.
fn dice(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// Prices that walk far, kinds of all sorts, more levels and orders than there is room for.
#[test]
fn a_book_takes_its_memory_at_the_start() {
    let limits = BookLimits { window_ticks: 1_024, far_levels_max: 500, ..BookLimits::default() };
    let mut book = Book::new(&limits);
    let mut orders = OrderBook::new(&OrderBookLimits {
        orders_max: 500,
        window_ticks: 1_024,
        crosses: CrossPolicy::Uncross,
    });
    let mut state = 1;
    let (count, depth) = allocations(|| {
        for at in 0..300_000_i64 {
            let away = if dice(&mut state, 10) == 0 { 100_000 } else { 300 };
            let flags = dice(&mut state, 4) as u8;
            let side = if flags & 1 == 1 { Side::Sell } else { Side::Buy };
            // Sometimes one tick into the other side.
            let price = at / 10 - side.sign() * (dice(&mut state, away) as i64 - 1);
            let (order, qty) = (dice(&mut state, 5_000), dice(&mut state, 4) as i64);
            let kind = if dice(&mut state, 100) == 0 { dice(&mut state, 9) as u8 } else { 0 };
            let (instrument, latency_ns) = (0, 0);
            let venue_ns = at;
            book.apply(&Tick { venue_ns, price, qty, latency_ns, instrument, kind, flags });
            let kind = if kind > 0 { kind } else { dice(&mut state, 3) as u8 % 2 * 2 };
            let tick =
                OrderTick { venue_ns, order, price, qty, latency_ns, instrument, kind, flags };
            orders.apply(&tick);
        }
        (book.view().depth(10), orders.view().levels(Side::Sell).count())
    });
    assert_eq!(count, 0, "{depth:?}");
    assert!(book.faults().overflow > 0 && orders.faults().overflow > 0, "the bounds were met");
    assert!(orders.faults().unknown_order > 0 && orders.book().faults().uncrossed_levels > 0);
}

/// Strategies on books, with parameters that make them act all the time.
const ON_BOOKS: &[(&str, &str)] = &[
    ("top_of_book_quoter", "interval_ms=50 settle_ms=1 max_position=20"),
    ("market_maker", "quantity=2 max_position=20 sample_ms=100 horizon_s=0.001 k=50"),
    ("order_book_imbalance", "hold_ms=100 short=true"),
    ("grid", "max_position=20 spacing=2 unit=ticks levels=4 quantity=1"),
    ("twap_execute", "quantity=300 duration_s=100 orders=200 patience_ms=100"),
];

/// Levels, best prices and trades around a price that walks, a millisecond apart.
fn tick_file(path: &std::path::Path, count: i64) -> TickFile {
    let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Perpetual, E9 / 100, E9, E9);
    let mut writer = TickWriter::<Tick>::create(path).unwrap();
    let (mut state, mut middle) = (9, 10_000);
    for at in 0..count {
        middle += dice(&mut state, 3) as i64 - 1;
        let side = if dice(&mut state, 2) == 1 { Side::Sell } else { Side::Buy };
        let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
        let qty = 1 + dice(&mut state, 20) as i64;
        let (kind, price) = match dice(&mut state, 10) {
            0..3 => (TickKind::Trade, middle + side.sign()),
            3..6 => (TickKind::Top, middle - side.sign()),
            away => (TickKind::Level, middle - side.sign() * away as i64),
        };
        let (kind, flags) = (kind as u8, ask.with(TickFlags::LAST).bits());
        let (venue_ns, latency_ns, instrument) = (at * 1_000_000, 0, 0);
        let tick = Tick { venue_ns, price, qty, latency_ns, instrument, kind, flags };
        writer.push(tick, venue_ns + 300_000).unwrap();
    }
    let about = Description { instruments: vec![spec.unwrap()], ..Description::default() };
    writer.finish(&about).unwrap();
    TickFile::open(path, Verify::OnRead).unwrap()
}

/// How often the loop of a replay allocates, and its fills.
fn allocations_on_ticks(name: &str, params: &str, file: TickFile) -> (u64, usize) {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let pairs: Vec<(String, String)> = params
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let strategy = entry.make(&entry.resolve(&pairs).unwrap(), 1).unwrap();
    let config = RunConfig { order_latency_ns: 700_000, ..config() };
    let specs = file.description().unwrap().instruments;
    let limits = BookLimits::around(Price::from_ticks(10_000));
    let books = vec![BookKind::Levels(limits.with_crosses(CrossPolicy::Uncross))];
    let pipeline = PipelineConfig {
        specs: specs.clone(),
        initial: config.capital,
        exits: config.exits,
        limits: config.limits,
        epoch: 0,
        books: books.clone(),
        active_from_ns: Nanos::MIN,
    };
    let venue = SimVenue::new(config.venue(), specs.clone()).with_books(&books);
    let prices = Prices { interval_ns: E9, periods_e3: 252_000 };
    let desk = Desk::new(pipeline, venue, 4_096, strategy, config.gate(&specs, prices));
    let settings = ReplayConfig {
        from_ns: i64::MIN,
        to_ns: i64::MAX,
        feed: FeedLatency::default(),
        sample_ns: E9,
        pace: Pace::Ahead,
    };
    let instruments = [InstrumentId(0)];
    let films = [Film { file: &file, instruments: &instruments }];
    let mut replay: Replay<'_, Tick, _, _> = Replay::new(&films, settings, desk).unwrap();
    let never = AtomicBool::new(false);
    let (count, ended) = allocations(|| replay.run(&never, |_, _| {}));
    ended.unwrap();
    (count, replay.recorder().fills().len())
}

/// Four times as long a run allocates no more often, but for the lists of results, which double
/// when they are full.
#[test]
fn a_replay_with_strategies_on_books_takes_its_memory_at_the_start() {
    const SHORT: i64 = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let file = |count| tick_file(&folder.path().join(format!("{count}.qtt")), count);
    for (name, params) in ON_BOOKS {
        // What is allocated once a process is not counted.
        allocations_on_ticks(name, params, file(SHORT));
        let (short, few) = allocations_on_ticks(name, params, file(SHORT));
        let (long, many) = allocations_on_ticks(name, params, file(4 * SHORT));
        eprintln!("{name}: {short} with {few} fills, {long} with {many}");
        assert!(many > few && few > 20, "{name}: {few}, then {many} fills");
        // Twice doubled: fills, executions, prices of the samples.
        assert!(long <= short + 2 * 4, "{name}: {short} allocations, then {long}");
    }
}

#[test]
fn rings_take_their_memory_at_the_start() {
    let setup = Setup::new(64, Wait::Park);
    let (mut writer, mut readers) = qt_ring::broadcast::<[u64; 16]>(&setup, 2).unwrap();
    let mut lossy = writer.add_lossy(&setup).unwrap();
    let (count, taken) = allocations(|| {
        let mut taken = 0;
        for number in 0..10_000 {
            writer.push_batch(&[[number; 16]; 40]);
            while writer.push([number; 16]).is_ok() {}
            for reader in readers.iter_mut().chain([&mut lossy]) {
                taken += usize::from(reader.wait() && reader.pop().is_some());
                taken += reader.drain(100, |_, _| {});
            }
            writer.wait();
        }
        taken
    });
    assert_eq!((count, taken), (0, 3 * 64 * 10_000));
}

#[test]
fn the_counter_counts() {
    let (count, list) = allocations(|| vec![1_u8; 10]);
    assert_eq!((count, list.len()), (1, 10));
    let (count, ()) = allocations(|| ());
    assert_eq!(count, 0);
}
