//! LOBSTER's order book files say what each message does: every message applied to the row before
//! gives the next row, at every price that both rows show.

use std::collections::BTreeMap;
use std::path::Path;

use qt_data::import::ImportOptions;
use qt_types::{OrderTick, OrderTickKind, Side};

use crate::support::{imported, market_data};

/// Of a level that does not exist the file says this price.
const NO_LEVEL: i64 = 9_999_999_999;

// Shares by price (in ten-thousandths), of the asks and of the bids.
fn row(line: &str) -> [BTreeMap<i64, i64>; 2] {
    let cells: Vec<i64> = line.split(',').map(|cell| cell.trim().parse().unwrap()).collect();
    let side = |first: usize| {
        let levels = cells.chunks_exact(4).map(|level| (level[first], level[first + 1]));
        levels.filter(|(price, _)| price.abs() != NO_LEVEL).collect()
    };
    [side(0), side(2)]
}

// What a message does to the shares at its price.
fn change(tick: &OrderTick) -> i64 {
    match tick.kind().unwrap() {
        OrderTickKind::Add => tick.qty,
        OrderTickKind::Reduce | OrderTickKind::Delete | OrderTickKind::Execute => -tick.qty,
        _ => 0,
    }
}

// How many levels were compared, and in how many of them the message was at work.
fn check(folder: &Path, messages: &str, books: &str) -> (u64, u64) {
    let bytes = std::fs::read(folder.join(messages)).unwrap();
    let (done, ticks) = imported::<OrderTick>(messages, &bytes, &ImportOptions::default()).unwrap();
    let spec = &done.description.instruments[0];
    let scale = spec.tick_e9() / 100_000;
    let books = std::fs::read_to_string(folder.join(books)).unwrap();
    let rows: Vec<_> = books.lines().map(row).collect();
    assert_eq!(rows.len(), ticks.len());
    let (mut compared, mut touched) = (0, 0);
    for (at, (tick, _)) in ticks.iter().enumerate().skip(1) {
        for (side, (before, after)) in rows[at - 1].iter().zip(&rows[at]).enumerate() {
            let mine = (tick.side() == Side::Sell) == (side == 0);
            for (price, shares) in after {
                let Some(old) = before.get(price) else { continue };
                let here = mine && tick.price * scale == *price;
                let want = old + if here { change(tick) } else { 0 };
                assert_eq!(*shares, want, "message {} at {price}", at + 1);
                compared += 1;
                touched += u64::from(here && change(tick) != 0);
            }
        }
    }
    (compared, touched)
}

#[test]
fn ten_levels_follow_from_the_messages() {
    let Some(folder) = market_data() else { return };
    let name = "AAPL_2012-06-21_34200000_57600000";
    let messages = format!("{name}_message_10.head.csv");
    let (compared, touched) =
        check(&folder.join("lobster"), &messages, &format!("{name}_orderbook_10.head.csv"));
    assert_eq!((compared, touched), (19_314, 291));
}

#[test]
fn the_best_level_follows_from_the_messages() {
    let Some(folder) = market_data() else { return };
    let name = "GOOG_2012-06-21_34200000_45000000";
    let messages = format!("{name}_message_1.csv");
    let (compared, touched) =
        check(&folder.join("lobster"), &messages, &format!("{name}_orderbook_1.csv"));
    assert_eq!((compared, touched), (34_058, 8_728));
}
