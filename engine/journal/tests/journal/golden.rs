//! Journals of each format version, kept with what they say: a later program must read them.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use qt_journal::{
    CommandRecord, Control, Describer, Durable, Intention, JournalReader, Mark, NewIntention,
    Record, SnapshotRef, SpecRecord, Stamp,
};
use qt_types::{
    Activation, Asked, AskedFor, Bar, BarFlags, Cancel, Cash, CurrencyId, Denied, DenyReason,
    Distance, Event, ExecId, FeeIn, FxRate, Head, InstrumentId, InstrumentKind, InstrumentSpec,
    Liquidity, MaybePrice, Nanos, OrderId, OrderKind, OrderTick, Payload, PegReference, Price, Qty,
    RejectReason, Replace, Report, ReportKind, Seq, Side, Signal, SignalAction, SignalSize,
    SourceId, StrategyId, Tick, TimeInForce, Timer, Trade, VenueId,
};

use crate::support::Place;

fn folder(version: u32) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    golden.join(format!("version-{version}.qtj"))
}

/// What the journal says in words.
fn told(path: &Path) -> String {
    let mut describer = Describer::new();
    let entries = JournalReader::open(path, None).unwrap();
    entries.map(|entry| describer.line(&entry.unwrap()) + "\n").collect()
}

/// The same of one of this version. Its records must be those of [`records`] and [`frames`].
fn told_now(path: &Path) -> String {
    let (mut describer, mut text) = (Describer::new(), String::new());
    let of_frames = frames().into_iter().flat_map(|(head, ticks)| events(head, &ticks));
    let mut wanted = records().into_iter().chain(of_frames).chain([Record::End(stamp(90))]);
    for entry in JournalReader::open(path, None).unwrap() {
        let entry = entry.unwrap();
        writeln!(text, "{}", describer.line(&entry)).unwrap();
        assert_eq!(Some(entry.record), wanted.next());
    }
    assert_eq!(wanted.next(), None);
    text
}

#[test]
fn journals_of_earlier_versions_say_what_they_always_said() {
    for version in [1, 2, 3] {
        let path = folder(version);
        assert_eq!(told(&path), fs::read_to_string(path.with_extension("txt")).unwrap());
    }
}

/// A run goes on in it: what it writes is of this version.
#[test]
fn a_journal_of_version_1_is_gone_on_with() {
    let place = Place::new();
    fs::create_dir_all(place.path()).unwrap();
    let name = "segment-00000001.log";
    fs::copy(folder(1).join(name), place.path().join(name)).unwrap();
    let before = told(&place.path());
    let mut journal = place.open(Durable::Disk);
    let (head, ticks) = &frames()[0];
    journal.append_ticks(*head, ticks).unwrap();
    journal.close(stamp(95)).unwrap();
    let now = told(&place.path());
    let more = now.strip_prefix(&before).unwrap();
    assert_eq!(more.lines().count(), ticks.len() + 1);
}

#[test]
fn a_journal_of_version_4_says_what_it_always_said() {
    let path = folder(4);
    let list = path.with_extension("txt");
    let name = "segment-00000001.log";
    let place = written();
    if std::env::var_os("QT_GOLDEN").is_some() {
        fs::create_dir_all(&path).unwrap();
        fs::copy(place.path().join(name), path.join(name)).unwrap();
        fs::write(&list, told_now(&path)).unwrap();
    }
    let told = told_now(&path);
    assert_eq!(told, fs::read_to_string(&list).unwrap());
    // What is written now comes to the same.
    let (new, old) = (fs::read(place.path().join(name)), fs::read(path.join(name)));
    assert_eq!(new.unwrap().len(), old.unwrap().len());
    assert_eq!(told_now(&place.path()), told);
}

fn written() -> Place {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    for record in records() {
        journal.append(&record).unwrap();
    }
    for (head, ticks) in frames() {
        journal.append_ticks(head, &ticks).unwrap();
    }
    journal.close(stamp(90)).unwrap();
    place
}

/// Frames of venues: short and long numbers, a time that is not near, an instrument of its own.
fn frames() -> Vec<(Head, Vec<Tick>)> {
    let head = |seq| {
        let Stamp { seq, at_ns } = stamp(seq);
        Head { seq, recv_ns: at_ns, instrument: InstrumentId(1), venue: VenueId(2) }
    };
    let tick = Tick {
        venue_ns: stamp(80).at_ns.get() - 40,
        price: 7,
        qty: 8,
        latency_ns: 40,
        instrument: 1,
        kind: 0,
        flags: 0,
    };
    let last = Tick { price: -1, qty: 0, flags: 3, ..tick };
    let long = Tick { price: 1 << 40, qty: i64::MIN, venue_ns: 1, instrument: 9, ..tick };
    vec![(head(80), vec![tick, last]), (head(82), vec![long; 3])]
}

/// The events that are in a frame.
fn events(head: Head, ticks: &[Tick]) -> Vec<Record> {
    let Head { seq, recv_ns, instrument, venue } = head;
    let event = |(at, tick): (usize, &Tick)| {
        let seq = Seq::new(seq.get() + at as u64);
        let (venue_ns, payload) = (Nanos::new(tick.venue_ns), Payload::Tick(*tick));
        Record::Event(Event { seq, recv_ns, venue_ns, instrument, venue, payload })
    };
    ticks.iter().enumerate().map(event).collect()
}

fn stamp(seq: u64) -> Stamp {
    Stamp { seq: Seq::new(seq), at_ns: Nanos::new(1_706_693_400_000_000_000 + seq as i64) }
}

fn happened(seq: u64, payload: Payload) -> Record {
    let Stamp { seq, at_ns } = stamp(seq);
    let venue_ns = Nanos::new(at_ns.get() - 5_000_000_000 * i64::from(seq.get() % 2 == 0));
    let (instrument, venue) = (InstrumentId(1), VenueId(2));
    Record::Event(Event { seq, recv_ns: at_ns, venue_ns, instrument, venue, payload })
}

/// Every kind of everything.
fn records() -> Vec<Record> {
    let spec = InstrumentSpec::new("ÄBC", "EUR", InstrumentKind::InversePerpetual, 5, 7, 11);
    let spec = SpecRecord { instrument: InstrumentId(1), spec: spec.unwrap() };
    let mut all = vec![Record::Spec(spec), Record::Config(b"qty = 1\n".to_vec())];
    let mut seq = 0;
    for payload in payloads() {
        seq += 1;
        all.push(happened(seq, payload));
    }
    let kinds =
        [ReportKind::Accepted, ReportKind::Busted, ReportKind::Unknown, ReportKind::Settled];
    for kind in kinds {
        seq += 1;
        let report = Report::plain(OrderId::new(2, 5), kind, RejectReason::LinkLost);
        all.push(happened(seq, Payload::Report(report)));
    }
    for reason in DenyReason::ALL {
        seq += 1;
        let strategy = StrategyId::FIRST;
        let (order, side) = (OrderId::NONE, Some(Side::Sell));
        let denied = Denied { order, side, qty: Qty::ZERO, reason, strategy };
        all.push(happened(seq, Payload::Denied(denied)));
    }
    for intention in intentions() {
        all.push(Record::Command(CommandRecord { stamp: stamp(seq), intention }));
    }
    all.push(Record::Control(Control { stamp: stamp(seq), kind: 3, bytes: vec![1, 2, 3] }));
    all.push(Record::Snapshot(SnapshotRef { stamp: stamp(seq), bytes: 12, crc: 34 }));
    all.push(Record::Mark(Mark { stamp: stamp(seq), hash: 0x0123_4567_89ab_cdef }));
    all
}

fn payloads() -> Vec<Payload> {
    let (price, qty, row) = (Price::from_ticks(77), Qty::from_lots(9), 4);
    let flags = BarFlags::SESSION_END;
    let bar = Bar {
        open_ns: Nanos::new(-1),
        open: price,
        high: Price::from_ticks(80),
        low: Price::from_ticks(-1),
        close: price,
        volume: qty,
        half_spread: [1, 2, 3, -4],
        flags,
        row,
    };
    let tick = Tick {
        venue_ns: 1,
        price: 1 << 40,
        qty: -(1 << 40),
        latency_ns: 6,
        instrument: 9,
        kind: 7,
        flags: 3,
    };
    let short =
        Tick { venue_ns: 1_706_693_400_000_000_003, price: 5, qty: 6, instrument: 1, ..tick };
    let order = OrderTick {
        venue_ns: 2,
        order: u64::MAX,
        price: 3,
        qty: 4,
        latency_ns: 5,
        instrument: 1,
        kind: 4,
        flags: 8,
    };
    let fill = Report {
        order: OrderId::new(2, 5).part(3).unwrap(),
        exec: ExecId(6),
        of: ExecId(7),
        price,
        qty,
        leaves: Qty::from_lots(1),
        fee: Cash::from_nano(-1_234_567_890_123),
        fee_in: FeeIn::Base,
        kind: ReportKind::Corrected,
        reason: RejectReason::None,
        liquidity: Liquidity::Maker,
    };
    let rate = FxRate::new(800, 95_693).unwrap();
    let timer = Timer { due_ns: Nanos::MAX, token: Timer::ENGINE, strategy: StrategyId::FIRST };
    let mut all = vec![
        Payload::Bar(bar),
        Payload::Trade(Trade { price, qty, aggressor: None, flags, row }),
        Payload::Tick(short),
        Payload::Tick(tick),
        Payload::Order(order),
        Payload::Timer(timer),
        Payload::Report(fill),
        Payload::Report(Report::of_rate(ReportKind::Rate, CurrencyId(3), rate)),
    ];
    all.extend(requests(price, qty));
    all.extend(signals(price, qty));
    all
}

fn requests(price: Price, qty: Qty) -> [Payload; 3] {
    [
        asked(AskedFor::Place {
            side: Side::Sell,
            kind: OrderKind::StopLimit { trigger: price, limit: Price::from_ticks(76) },
            tif: TimeInForce::Day,
            qty,
            reduce_only: true,
            post_only: false,
        }),
        asked(AskedFor::Replace(Replace {
            order: OrderId::new(2, 5),
            kind: OrderKind::Limit { price },
            qty,
        })),
        asked(AskedFor::Cancel(Cancel { order: OrderId::new(2, 5) })),
    ]
}

fn signals(price: Price, qty: Qty) -> [Payload; 2] {
    let signal = Signal {
        id: *b"signal of 16 byt",
        expires_ns: Nanos::new(1_706_693_460_000_000_000),
        size: SignalSize::Open,
        limit: MaybePrice::NONE,
        stop: MaybePrice::NONE,
        target: MaybePrice::NONE,
        horizon_s: 0,
        confidence_e9: 0,
        strength_e9: 1_000_000_000,
        source: SourceId(1),
        action: SignalAction::Close,
    };
    let full = Signal {
        size: SignalSize::Target(qty),
        limit: Some(price).into(),
        stop: Some(Price::from_ticks(-3)).into(),
        target: Some(Price::from_ticks(0)).into(),
        horizon_s: 3_600,
        confidence_e9: 850_000_001,
        strength_e9: 500_000_000,
        source: SourceId(513),
        action: SignalAction::Buy,
        ..signal
    };
    [Payload::Signal(signal), Payload::Signal(full)]
}

fn asked(what: AskedFor) -> Payload {
    let outer = *b"sixteen bytes ok";
    Payload::Asked(Asked { outer, person: 12, strategy: StrategyId(1), what })
}

fn intentions() -> Vec<Intention> {
    let (one, two) = (Price::from_ticks(11), Price::from_ticks(12));
    let kinds = [
        OrderKind::Market,
        OrderKind::Limit { price: one },
        OrderKind::Stop { trigger: one },
        OrderKind::StopLimit { trigger: one, limit: two },
        OrderKind::TakeProfit { trigger: one },
        OrderKind::TrailingStop { distance: Distance::Ticks(3) },
        OrderKind::TrailingStop { distance: Distance::Bps(30) },
        OrderKind::LimitIfTouched { trigger: one, limit: two },
        OrderKind::Pegged { to: PegReference::Mid, offset: -2 },
    ];
    let tifs = [
        TimeInForce::Gtc,
        TimeInForce::Day,
        TimeInForce::Ioc,
        TimeInForce::Fok,
        TimeInForce::Gtd(Nanos::new(5)),
    ];
    let instrument = InstrumentId(1);
    let mut all: Vec<Intention> = kinds
        .into_iter()
        .enumerate()
        .map(|(at, kind)| {
            Intention::New(NewIntention {
                order: OrderId::new(2, at as u64 + 1),
                instrument,
                side: if at % 2 == 0 { Side::Buy } else { Side::Sell },
                kind,
                tif: tifs[at % tifs.len()],
                qty: Qty::from_lots(5),
                reduce_only: at % 3 == 0,
                post_only: at % 3 == 1,
                display: Qty::from_lots(at as i64),
                parent: OrderId::new(2, at as u64 % 4),
                activation: if at < 4 { Activation::FirstFill } else { Activation::CompleteFill },
                oco: OrderId::NONE,
            })
        })
        .collect();
    let order = OrderId::new(2, 1);
    let replace = Replace { order, kind: kinds[1], qty: Qty::from_lots(3) };
    all.push(Intention::Replace { instrument, replace });
    all.push(Intention::Cancel { instrument, cancel: Cancel { order } });
    all
}
