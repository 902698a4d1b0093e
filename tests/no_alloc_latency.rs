//! Tick to trade takes all of its memory before it begins: from the bytes of a frame to the bytes
//! of a signed order, with every limit on and all of it journaled, nothing is allocated. Counts the
//! allocations of the running thread.

mod counting;

#[path = "no_alloc_latency/bench.rs"]
mod bench;

use bench::latency::frames::Frames;
use bench::latency::keys::Key;
use bench::latency::path::{self, Path, Plan};
use bench::latency::stages::Unstamped;
use bench::risk_rig::{self, Limits};
use qt_journal::Durable;

#[test]
fn from_a_frame_to_a_signed_order() {
    for (name, frames) in [("fixed", Frames::fixed(2_000)), ("mixed", Frames::mixed(2_000))] {
        let folder = tempfile::tempdir().expect("there are temporary files");
        let (durable, key) = (Durable::Memory, Key::Hmac);
        let plan = Plan { frames: &frames, folder: folder.path(), durable, key, writer: None };
        let specs: Vec<_> = path::spec().into_iter().collect();
        let gate = risk_rig::gate(Limits::All, &specs).expect("sound limits");
        let path = Path::new(&plan, gate).expect("a folder takes a journal");
        let mut path = path.expect("sound constants");
        let mut pass = |from: u64, to: u64| {
            for number in from..to {
                path.take(frames.get(number), &mut Unstamped).expect("an order");
                path.answer().expect("its report is taken");
            }
        };
        // Orders come to rest, and the book fills.
        pass(0, 500);
        let (count, ()) = counting::allocations(|| pass(500, 5_000));
        assert_eq!(count, 0, "{name}");
    }
}
