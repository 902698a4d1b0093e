//! ITCH: generated streams make books that hold together; damaged ones are refused by their place.

use std::collections::BTreeMap;

use proptest::prelude::*;
use qt_data::import::itch::{Frames, ItchMarket, Message, decode};
use qt_data::import::{ImportOptions, import_bytes};
use qt_types::{OrderTick, Side};

use crate::book::Orders;
use crate::support::{imported, short_orders};

const NAME: &str = "01302019.NASDAQ_ITCH50";

fn stream(messages: u64, stocks: u16, seed: u64) -> Vec<u8> {
    ItchMarket { seed, messages, stocks }.bytes()
}

#[test]
fn a_generated_day_makes_sound_books() {
    let bytes = stream(60_000, 3, 7);
    let options = ImportOptions::default();
    let (done, ticks) = imported::<OrderTick>(NAME, &bytes, &options).unwrap();
    assert_eq!(done.description.facts, Vec::new());
    let names: Vec<&str> = done.description.instruments.iter().map(|spec| spec.symbol()).collect();
    assert_eq!(names, ["S0000", "S0001", "S0002"]);
    // 09:29:59 in New York is 14:29:59 UTC in winter.
    assert_eq!(done.times.venue_first, 1_548_858_599_000_000_000);
    let mut books: Vec<Orders> = (0..3).map(|_| Orders::default()).collect();
    for (at, (tick, _)) in ticks.iter().enumerate() {
        let book = &mut books[usize::from(tick.instrument)];
        book.apply(tick);
        if at % 97 == 0 && tick.flags & 2 != 0 {
            let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
            assert!(bid.zip(ask).is_none_or(|(bid, ask)| bid < ask), "{at}: {bid:?} {ask:?}");
        }
    }
    for book in &books {
        assert_eq!(book.faults, Vec::<String>::new());
        assert!(book.traded > 1_000 && book.resting.len() > 10);
    }
}

#[test]
fn a_stream_has_messages_of_all_kinds_and_is_always_the_same() {
    let bytes = stream(50_000, 4, 1);
    assert!(bytes == stream(50_000, 4, 1));
    assert!(bytes != stream(50_000, 4, 2));
    let mut kinds = BTreeMap::new();
    let mut frames = Frames::new(&bytes);
    for frame in frames.by_ref() {
        *kinds.entry(frame[0] as char).or_insert(0) += 1;
        assert!(!matches!(decode(frame).unwrap().1, Message::Unknown(_)));
    }
    assert_eq!(frames.passed(), bytes.len());
    let all: String = kinds.keys().collect();
    assert_eq!(all, "ACDEFHIPQRSUX", "{kinds:?}");
    assert_eq!(kinds.values().sum::<i32>(), 50_000 + 6 + 2 * 4);
}

#[test]
fn one_stock_can_be_picked() {
    let bytes = stream(20_000, 5, 3);
    let all = imported::<OrderTick>(NAME, &bytes, &ImportOptions::default()).unwrap().1;
    let options = ImportOptions { symbol: Some("S0003".to_owned()), ..ImportOptions::default() };
    let (done, one) = imported::<OrderTick>(NAME, &bytes, &options).unwrap();
    assert_eq!(done.description.facts, Vec::new(), "the others' orders are no fault");
    let third = all.iter().filter(|(tick, _)| tick.instrument == 3);
    let plain = |(tick, _): &(OrderTick, i64)| (tick.order, tick.kind, tick.qty, tick.venue_ns);
    assert!(third.map(plain).eq(one.iter().map(plain)));
    assert_eq!(done.description.instruments.len(), 1);
}

// One message with its length before it.
fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    // Locate 1, tracking 0, ten hours after midnight.
    let mut body = vec![kind, 0, 1, 0, 0];
    body.extend_from_slice(&36_000_000_000_000_u64.to_be_bytes()[2..]);
    body.extend(parts.concat());
    [&(body.len() as u16).to_be_bytes()[..], &body].concat()
}

fn add(order: u64, side: &[u8], shares: u32, price: u32) -> Vec<u8> {
    let (order, shares, price) = (order.to_be_bytes(), shares.to_be_bytes(), price.to_be_bytes());
    message(b'A', &[&order, side, &shares, b"AAPL    ", &price])
}

#[test]
fn messages_by_hand() {
    let (one, two) = (1_u64.to_be_bytes(), 2_u64.to_be_bytes());
    let shares = |shares: u32| shares.to_be_bytes();
    let (price, matched) = (1_000_200_u32.to_be_bytes(), [0; 8]);
    let bytes = [
        message(b'H', &[b"AAPL    ", b"T", b" ", b"    "]),
        add(1, b"B", 100, 1_000_000),
        message(b'E', &[&one, &shares(30), &matched]),
        message(b'C', &[&one, &shares(10), &matched, b"Y", &price]),
        message(b'C', &[&one, &shares(10), &matched, b"N", &price]),
        message(b'X', &[&one, &shares(5)]),
        message(b'U', &[&one, &two, &shares(80), &price]),
        message(b'P', &[&[0; 8], b"B", &shares(7), b"AAPL    ", &price, &matched]),
        message(b'Q', &[&500_u64.to_be_bytes(), b"AAPL    ", &price, &matched, b"O"]),
        message(b'Q', &[&[0; 8], b"AAPL    ", &price, &matched, b"O"]),
        message(b'B', &[&matched]),
        message(b'E', &[&one, &shares(30), &matched]),
        message(b'z', b"what is this".chunks(3).collect::<Vec<_>>().as_slice()),
        message(b'D', &[&two]),
        vec![0, 0],
        message(b'S', &[b"E"]),
    ]
    .concat();
    let options = ImportOptions { tick_e9: Some(10_000_000), ..ImportOptions::default() };
    let (done, ticks) = imported::<OrderTick>(NAME, &bytes, &options).unwrap();
    assert_eq!(
        short_orders(&ticks),
        [
            "status 0 L 0 1",
            "add 1 L 10000 100",
            "execute 1 L 10000 30",
            "execute 1 L 10002 10",
            "reduce 1 L 10002 10",
            "reduce 1 L 10000 5",
            "delete 1 10000 45",
            "add 2 L 10002 80",
            "trade 0 Ln 10002 7",
            "trade 0 Ln 10002 500",
            "delete 2 L 10002 80",
            "status 0 L 0 0",
        ]
    );
    assert_eq!(done.rows, 16);
    assert_eq!(done.count("broken trades"), 1);
    assert_eq!(done.count("messages about unknown orders (left out)"), 1);
    assert_eq!(done.count("messages of an unknown type (left out)"), 1);
}

#[test]
fn damage_is_refused_where_it_is() {
    let first = add(1, b"B", 100, 1_000_000);
    let why = |bytes: &[u8]| {
        import_bytes(bytes, NAME, &ImportOptions::default()).unwrap_err().to_string()
    };
    let cut = [first.clone(), add(2, b"B", 1, 1)[..20].to_vec()].concat();
    let text = why(&cut);
    assert!(text.contains("byte 38") && text.contains("after 1 whole ones"), "{text}");
    let mut long = message(b'D', &[&[0; 8], b"!"]);
    long.splice(0..0, first.iter().copied());
    let text = why(&long);
    assert!(text.contains("byte 38 holds a message 'D' of 20 bytes, not 19"), "{text}");
    let text = why(&[first.clone(), add(3, b"x", 1, 1)].concat());
    assert!(text.contains("of the side 'x'"), "{text}");
    let mut late = first.clone();
    late[7..13].copy_from_slice(&[255; 6]);
    assert!(why(&late).contains("past the end of the day"), "{}", why(&late));
    let nameless = import_bytes(&first, "stream.itch", &ImportOptions::default()).unwrap_err();
    assert!(nameless.to_string().contains("--date"), "{nameless}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn damaged_streams_give_books_or_errors(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = stream(400, 2, 5);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()));
        let format = Some(qt_data::import::ImportFormat::Itch);
        let options = ImportOptions { format, ..ImportOptions::default() };
        let _ = import_bytes(&bytes, NAME, &options);
    }
}
