//! A feed is recorded, and what was written is the market that was told.

use std::time::{Duration, Instant};

use qt_codec::recording::{self, Direction, Format};
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode};
use qt_feeds::drive;
use qt_feeds::market::{Settings, Want, listings, start};
use qt_feeds::record;
use qt_types::{InstrumentId, TickKind, VenueId};

use crate::captured::{driven, played_depth};
use crate::model::{Handed, Model};
use crate::server::Server;

/// The book of a recording, in ticks and lots of a hundred-millionth.
fn book_of(text: &[u8], mode: Mode) -> (Model, u64) {
    let (mut decoder, mut out, mut model) =
        (Decoder::new(Venue::Binance, mode), Vec::new(), Model::default());
    let mut unreadable = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let line = match recording::line(Format::Wrapped, line) {
            Ok(Some(line)) if line.direction != Direction::Sent => line,
            Ok(_) => continue,
            Err(_) => {
                unreadable += 1;
                continue;
            }
        };
        out.clear();
        let _ =
            decoder.decode(&Frame { url: line.url.as_deref(), ..Frame::new(line.frame) }, &mut out);
        for update in &out {
            let side = update.side.map_or(0, |side| side as usize);
            match update.kind {
                TickKind::Clear => model.sides[side].clear(),
                TickKind::Level => {
                    let (price, qty) = (update.price.scaled(8), update.qty.scaled(8));
                    let (price, qty) = price.zip(qty).expect("they fit");
                    if qty == 0 {
                        model.sides[side].remove(&price);
                    } else {
                        model.sides[side].insert(price, qty);
                    }
                }
                _ => {}
            }
        }
    }
    (model, unreadable)
}

#[test]
fn what_is_recorded_is_what_was_told() {
    const COUNT: usize = 2_000;
    let server = Server::start(played_depth(COUNT));
    let url = format!("http://{}", server.address);
    let symbols = ["BTCUSDT".to_owned()];
    let found = listings("binance-spot", Some(&url), &symbols, driven()).expect("a listing");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("market.jsonl");
    let (recorder, recording) = record::begin(&path, u64::MAX).expect("a file");
    let (to, events) = std::sync::mpsc::sync_channel(1 << 20);
    let settings = Settings {
        feed: "binance-spot".to_owned(),
        url: Some(url),
        venue: VenueId(1),
        instruments: vec![(InstrumentId(0), found[0].spec().expect("a spec"), Want::default())],
        seed: 1,
        drive: drive::Settings { witness: Some(Box::new(recorder)), ..driven() },
    };
    let handle = start(settings, Box::new(Handed { to })).expect("a feed");
    let until = Instant::now() + Duration::from_secs(60);
    while handle.figures().frames <= COUNT as u64 || !handle.figures().instruments[0].is_in_step {
        assert!(Instant::now() < until, "{:?}", handle.figures());
        std::thread::sleep(Duration::from_millis(5));
    }
    handle.stop().expect("an end in order");
    let recorded = recording.finish().expect("all is written");
    assert_eq!(recorded.lost, 0);
    let mut told = Model::default();
    events.try_iter().for_each(|event| {
        told.take(&event);
    });
    assert!(told.is_in_step && !told.sides[0].is_empty());
    let text = std::fs::read(&path).expect("a file");
    for mode in [Mode::Strict, Mode::FromFirstLine] {
        let (model, unreadable) = book_of(&text, mode);
        assert_eq!((model.sides == told.sides, unreadable), (true, 0), "{mode:?}");
    }
    // What a machine that fails leaves behind: a last line that is cut is one line less.
    let (model, unreadable) = book_of(&text[..text.len() - 20], Mode::Strict);
    assert!(unreadable == 1 && !model.sides[0].is_empty());
}
