//! The bench on few frames: what it says of itself is so.

use std::time::Duration;

use qt_journal::Record;
use serde_json::Value;

use super::*;

const COUNT: usize = 700;

/// Takes `times` frames in and proves it; the last messages.
fn run(frames: &Frames, key: Key, durable: Durable, times: usize) -> (Counts, Vec<Vec<u8>>) {
    let scratch = Scratch::new(&format!("latency-test-{key:?}-{durable:?}-{times}")).unwrap();
    let plan = Plan { frames, folder: scratch.path(), durable, key, writer: None };
    let mut path = Path::new(&plan, gate().unwrap()).unwrap().unwrap();
    let mut fed = Fed { path: &mut path, frames };
    let mut took = vec![0; times];
    let pace = Pace::BackToBack(100);
    let driven = drive(&mut fed, pace, 150, &mut took, Duration::from_secs(60)).unwrap();
    assert_eq!(driven.counted, times);
    // The whole is more than its parts: the reports are in it.
    let served: u64 = took.iter().map(|ns| u64::from(*ns)).sum();
    assert!(driven.elapsed.as_nanos() > u128::from(served));
    assert!(took.iter().all(|ns| *ns > 0));
    let messages = path.messages().map(<[u8]>::to_vec).collect();
    (finish(path, &plan).unwrap(), messages)
}

#[test]
fn every_frame_becomes_an_order_and_all_of_it_is_kept() {
    let frames = Frames::fixed(COUNT);
    let (counts, messages) = run(&frames, Key::Hmac, Durable::Memory, 1_650);
    assert_eq!((counts.frames, counts.orders, counts.gaps), (1_800, 1_800, 3));
    assert_eq!(counts.events, 1_800 * (frames::LEVELS as u64 + 1));
    // The hundred that rest are not filled.
    assert_eq!(counts.fills, 1_800 / 8 - 100 / 8);
    assert_eq!(messages.len(), path::BUFFERS);
    let mut sides = std::collections::BTreeSet::new();
    for message in &messages {
        let message: Value = serde_json::from_slice(message).unwrap();
        let params = &message["params"];
        assert_eq!((&params["timeInForce"], &params["type"]), (&"IOC".into(), &"LIMIT".into()));
        sides.insert(params["side"].as_str().unwrap().to_owned());
    }
    assert_eq!(sides.len(), 2, "the book decides");
}

#[test]
fn mixed_sizes_and_other_keys_go_the_same_way() {
    let frames = Frames::mixed(COUNT);
    let (counts, _) = run(&frames, Key::Ed25519, Durable::Memory, 600);
    assert_eq!((counts.frames, counts.orders), (750, 750));
    let (counts, _) = run(&frames, Key::Hmac, Durable::Disk, 20);
    assert_eq!((counts.frames, counts.orders), (170, 170));
}

#[test]
fn a_signature_that_is_wrong_is_found() {
    let frames = Frames::fixed(COUNT);
    for key in [Key::Hmac, Key::Ed25519] {
        let (_, messages) = run(&frames, key, Durable::Memory, 10);
        let message = &messages[0];
        assert!(key.has_signed(message));
        let other = String::from_utf8(message.clone()).unwrap().replace("BTCUSDT", "ETHUSDT");
        assert!(!key.has_signed(other.as_bytes()));
        assert!(!key.has_signed(b"{}") && !key.has_signed(&message[1..]));
    }
}

#[test]
fn a_frame_that_is_none_ends_the_run() {
    let frames = Frames::fixed(COUNT);
    let scratch = Scratch::new("latency-test-fault").unwrap();
    let (durable, key) = (Durable::Memory, Key::Hmac);
    let plan = Plan { frames: &frames, folder: scratch.path(), durable, key, writer: None };
    let mut path = Path::new(&plan, gate().unwrap()).unwrap().unwrap();
    let fault = path.take(b"{}", &mut stages::Unstamped);
    assert!(matches!(fault, Err(Fault::Frame(_))), "{fault:?}");
    // One order too few is told.
    path.take(frames.get(0), &mut stages::Unstamped).unwrap();
    path.counts.frames += 1;
    assert!(finish(path, &plan).is_err());
}

#[test]
fn the_journal_has_each_frame_before_its_order() {
    let frames = Frames::fixed(COUNT);
    let scratch = Scratch::new("latency-test-order").unwrap();
    let (durable, key) = (Durable::Memory, Key::Hmac);
    let plan = Plan { frames: &frames, folder: scratch.path(), durable, key, writer: None };
    let mut path = Path::new(&plan, gate().unwrap()).unwrap().unwrap();
    for number in 0..3 {
        path.take(frames.get(number), &mut stages::Unstamped).unwrap();
        path.answer().unwrap();
    }
    path.close().unwrap();
    let reader = qt_journal::JournalReader::open(&scratch.path().join("latency.qtj"), None);
    let kinds: Vec<char> = reader
        .unwrap()
        .filter_map(|entry| match entry.unwrap().record {
            Record::Event(event) => Some(match event.payload {
                qt_types::Payload::Tick(_) => 't',
                _ => 'r',
            }),
            Record::Command(_) => Some('c'),
            _ => None,
        })
        .collect();
    let one = format!("{}cr", "t".repeat(frames::LEVELS));
    assert_eq!(kinds.iter().collect::<String>(), one.repeat(3));
}

#[test]
fn stages_share_the_whole_and_a_ring_changes_nothing() {
    let frames = Frames::fixed(COUNT);
    let scratch = Scratch::new("latency-test-stages").unwrap();
    let (durable, key) = (Durable::Memory, Key::Hmac);
    let plan = Plan { frames: &frames, folder: scratch.path(), durable, key, writer: None };
    let path = Path::new(&plan, TimedGate::new(gate().unwrap())).unwrap().unwrap();
    let mut staged = Staged::new(path, &frames);
    let limit = Duration::from_secs(60);
    drive(&mut staged, Pace::BackToBack(usize::MAX), 120, &mut [0; 200], limit).unwrap();
    let (path, parts) = staged.into_parts();
    assert_eq!(finish(path, &plan).unwrap().orders, 320);
    // The warm-up is forgotten.
    assert!(parts.iter().all(|part| part.spread().n == 200 && part.spread().p50 > 0));

    let seats = Seats::find();
    let scratch = Scratch::new("latency-test-ring").unwrap();
    let plan = Plan { folder: scratch.path(), ..plan };
    let mut path = Path::new(&plan, gate().unwrap()).unwrap().unwrap();
    if seats.other.is_some() {
        let mut times = [0; 50];
        feed::drive(&seats, (&mut path, &frames), 1_000, 120, &mut times).unwrap();
        assert!(times.iter().all(|ns| *ns > 0));
        assert_eq!(finish(path, &plan).unwrap().orders, 170);
    }
}

#[test]
fn the_timing_of_stages_is_a_share_of_what_a_level_takes() {
    let spread = beside::timing();
    assert!(spread.n > 0 && spread.p50 > 0);
    let p50 = f64::from(frames::LEVELS as u32) * 50.0;
    let of = |name, p50| Measurement { name, p50, ..Measurement::default() };
    let timing = f64::from(beside::TIMED_EVENTS) / 2.0;
    let mut all = vec![of(BACK_TO_BACK, p50), of("beside/timing", timing), of("stage/risk", 1.0)];
    set_timing_share(&mut all);
    // Half a nanosecond of fifty.
    assert_eq!(all.iter().map(|of| of.share).collect::<Vec<_>>(), [None, Some(0.01), None]);
}
