//! States that a replay keeps on its way: a later one begins with any of them and ends as the
//! whole one.

mod common;
#[path = "common/scribe.rs"]
mod scribe;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use qt_backtest::replay::Pace;
use qt_backtest::run_ticks::TickStage;
use qt_data::ticks::{TickFile, Verify};
use qt_engine::Strategy;
use qt_journal::{Durable, Fingerprint, Journal, Options, snapshots_in};
use qt_runtime::rehearsal::{self, Origin};
use qt_strategies::Registry;
use qt_types::{E9, Tick};

use scribe::Scribe;

fn quoter(max: &str) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get("top_of_book_quoter").unwrap();
    let params = [("interval_ms", "500"), ("max_position", max)];
    let params: Vec<_> = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    entry.make(&entry.resolve(&params).unwrap(), 1).unwrap()
}

#[test]
fn a_replay_begins_with_any_state_that_one_has_kept() {
    let folder = tempfile::tempdir().unwrap();
    let market = folder.path().join("market.qtt");
    common::write_market(&market, 6_000);
    let files = [TickFile::open(&market, Verify::OnRead).unwrap()];
    let config = common::config();
    let stage = TickStage::new(&config, &files, E9, Pace::Naive).unwrap();
    let path: PathBuf = folder.path().join("run.qtj");
    let options = Options::new(Fingerprint([7; 32]), Durable::Memory);
    let scribe = Box::new(Scribe::new(Journal::open(&path, &options).unwrap().0, Vec::new()));
    let never = AtomicBool::new(false);
    stage.run_witnessed::<Tick>(quoter("20"), scribe, &never, &mut |_, _| {}).unwrap();

    let every = NonZeroU64::new(1_000);
    let keep = |max: &str| {
        rehearsal::replay_and_keep(&path, &stage, quoter(max), Origin::Start, every).unwrap()
    };
    let whole = keep("20");
    assert_eq!(whole.differences, 0, "{whole:?}");
    let kept = snapshots_in(&path).unwrap();
    assert_eq!((kept.len() as u64, whole.kept), (whole.events / 1_000, whole.kept));
    assert!(whole.kept >= 5, "{whole:?}");
    for (at, seq) in kept.iter().enumerate() {
        // After a thousand events, or at the next quiet moment.
        assert!((1_000..1_100).contains(&(seq.get() - 1_000 * at as u64)), "{kept:?}");
        let from = Origin::Snapshot(*seq);
        let tail = rehearsal::replay(&path, &stage, quoter("20"), from).unwrap();
        assert_eq!((tail.differences, &tail.state), (0, &whole.state), "{tail:?}");
        assert_eq!((tail.from_event, tail.kept), (Some(seq.get()), 0));
        assert_eq!(tail.events, whole.events - seq.get());
    }
    let last = rehearsal::replay(&path, &stage, quoter("20"), Origin::LastSnapshot).unwrap();
    assert_eq!(last.from_event, kept.last().map(|seq| seq.get()));
    // No record names them: the journal is as whole as it was.
    assert!(qt_journal::verify(&path).unwrap().is_whole());

    // What is not the run that was recorded keeps nothing from where it parts on.
    let others = keep("2");
    assert!(others.differences > 0 && others.kept < whole.kept, "{others:?}");
    // A state that is damaged is named.
    let file = path.join(qt_journal::snapshot_name(kept[1]));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let from = Origin::Snapshot(kept[1]);
    let error = rehearsal::replay(&path, &stage, quoter("20"), from).unwrap_err().to_string();
    assert!(error.contains("checksum is another one"), "{error}");
}
