//! A recording in several files: each of them can be read by itself.

use std::time::{Duration, Instant};

use qt_codec::recording::{self, Direction, Format};
use qt_codec::venue::Venue as Spoken;
use qt_codec::{Decoder, Frame, Mode};
use qt_feeds::drive::{Authorities, Settings as Sockets};
use qt_feeds::market::{Offered, Settings, Sink, Want, listings, start};
use qt_feeds::record;
use qt_runtime::live::{Clock, SystemClock, Watch};
use qt_types::{Event, InstrumentId, Nanos, TickKind, VenueId};
use qt_venue_sim::server::{Server, Settings as Sim};
use qt_venue_sim::venue::Venue;

/// The test gives up after so long: never how long anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn sockets() -> Sockets {
    let (mut clock, mut watch) = (SystemClock::start(), Watch::new(Nanos::MIN));
    let clock = Box::new(move || watch.look(clock.read()));
    Sockets { clock, authorities: Authorities::Native, witness: None }
}

struct Deaf;

impl Sink for Deaf {
    fn event(&mut self, _: &Event) -> Offered {
        Offered::Taken
    }
}

/// Levels that are told of after the snapshot of a file, read by itself, and gaps.
fn read(bytes: &[u8]) -> (usize, usize) {
    let (mut decoder, mut out) = (Decoder::new(Spoken::Binance, Mode::Strict), Vec::new());
    let (mut levels, mut gaps) = (0, 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(Some(line)) = recording::line(Format::Wrapped, line) else { continue };
        if line.direction == Direction::Sent {
            continue;
        }
        out.clear();
        let frame = Frame { url: line.url.as_deref(), ..Frame::new(line.frame) };
        decoder.decode(&frame, &mut out).unwrap();
        levels += out.iter().filter(|it| it.kind == TickKind::Level).count();
        gaps += out.iter().filter(|it| it.kind == TickKind::Gap).count();
    }
    (levels, gaps)
}

#[test]
fn each_file_of_a_recording_can_be_read_by_itself() {
    let exchange = Server::start(Sim::new(Venue::BinanceSpot)).unwrap();
    let url = format!("http://{}", exchange.addr);
    let symbols = ["BTCUSDT".to_owned()];
    let found = listings("binance-spot", Some(&url), &symbols, sockets()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.jsonl");
    // A file has some hundred changes.
    let (recorder, recording) = record::begin(&path, 48 << 10).unwrap();
    let settings = Settings {
        feed: "binance-spot".to_owned(),
        url: Some(url),
        venue: VenueId(0),
        instruments: vec![(InstrumentId(0), found[0].spec().unwrap(), Want::default())],
        seed: 1,
        drive: Sockets { witness: Some(Box::new(recorder)), ..sockets() },
    };
    let handle = start(settings, Box::new(Deaf)).unwrap();
    let (begun, mut files) = (Instant::now(), 1);
    while files < 4 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", recording.recorded());
        std::thread::sleep(Duration::from_millis(10));
        let now = recording.recorded().files;
        if now != files {
            files = now;
            handle.ask_books();
        }
    }
    // The snapshot of the last one comes yet.
    std::thread::sleep(Duration::from_secs(2));
    handle.stop().unwrap();
    let recorded = recording.finish().unwrap();
    for number in 1..=files.min(recorded.files) {
        let name =
            if number == 1 { path.clone() } else { path.with_extension(format!("{number}.jsonl")) };
        let (levels, gaps) = read(&std::fs::read(&name).unwrap());
        assert!(levels > 50 && gaps == 0, "file {number} of {files}: {levels} levels, {gaps} gaps");
    }
}
