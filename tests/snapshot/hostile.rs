//! Bytes that are no snapshot, or not any more: an error, never a panic.

use qt_engine::hash::StateHash;
use qt_engine::snapshot::FORMAT;
use qt_engine::{Exits, SnapshotError};
use qt_types::Lacks;

use crate::twins::Twins;
use crate::world::{Dice, Make};

/// A state with something in every list, and what it was made from.
fn full() -> (Make, Vec<u8>) {
    let exits = Exits { stop_bps: Some(50), target_bps: Some(80), trail_bps: None };
    let lacks = [Lacks::STOP, Lacks::OCO, Lacks::PEG, Lacks::ICEBERG, Lacks::GTD];
    let make = Make { exits, ..Make::new("busy", "") }.lacking(&lacks);
    let full = (1..50).map(|seed| {
        let mut twins = Twins::new(make.clone(), seed);
        twins.run(1_500, 1_000);
        twins
    });
    let has_all = |twins: &Twins| {
        twins.one.parents().count() > 0 && twins.one.exposure().orders.iter().count() > 5
    };
    let twins = full.into_iter().find(has_all).expect("one of the seeds fills them");
    let bytes = twins.bytes().to_vec();
    (make, bytes)
}

/// Puts the sum over `bytes` at their end, as whoever means it to be read would.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut hash = StateHash::default();
    for word in bytes.chunks(8) {
        let mut whole = [0; 8];
        whole[..word.len()].copy_from_slice(word);
        hash.fold(u64::from_le_bytes(whole));
    }
    if bytes.len().is_multiple_of(8) {
        hash.fold(0);
    }
    hash.fold(bytes.len() as u64);
    bytes.extend(hash.get().to_le_bytes());
    bytes
}

fn error_of(make: &Make, bytes: &[u8]) -> Option<SnapshotError> {
    make.pipeline().restore(bytes).err()
}

#[test]
fn a_snapshot_that_was_cut_is_an_error() {
    let (make, bytes) = full();
    for len in (0..bytes.len()).step_by(7).chain(bytes.len() - 20..bytes.len()) {
        let error = error_of(&make, &bytes[..len]).expect("something is missing");
        let expected = if len < 4 { SnapshotError::NotASnapshot } else { SnapshotError::Damaged };
        assert_eq!(error, expected, "{len}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(error_of(&make, &longer), Some(SnapshotError::Damaged));
    assert_eq!(error_of(&make, &bytes), None);
}

#[test]
fn a_snapshot_with_a_bit_flipped_is_an_error() {
    let (make, bytes) = full();
    let mut dice = Dice(3);
    for at in (6..bytes.len()).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << dice.below(8);
        assert_eq!(error_of(&make, &flipped), Some(SnapshotError::Damaged), "{at}");
    }
}

#[test]
fn another_format_is_told_before_all_else() {
    let (make, mut bytes) = full();
    bytes[4] += 1;
    bytes.truncate(100);
    assert_eq!(error_of(&make, &bytes), Some(SnapshotError::Format(FORMAT + 1)));
    assert_eq!(error_of(&make, b"QTT1 and more"), Some(SnapshotError::NotASnapshot));
}

/// Damage under a sum that fits, as no accident makes it: some of it is a state, most is an
/// error, none of it a panic or a list that grows.
#[test]
fn no_bytes_make_it_panic() {
    let (make, bytes) = full();
    let body = &bytes[..bytes.len() - 8];
    assert_eq!(seal(body.to_vec()), bytes);
    let mut dice = Dice(11);
    let mut errors = 0;
    for _ in 0..8_000 {
        let mut changed = body.to_vec();
        match dice.below(4) {
            0 => changed.truncate(6 + dice.below(body.len() as i64 - 6) as usize),
            1 => {
                let at = 6 + dice.below(body.len() as i64 - 6) as usize;
                changed[at..].iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
            }
            _ => {
                for _ in 0..=dice.below(3) {
                    let at = 6 + dice.below(body.len() as i64 - 6) as usize;
                    changed[at] =
                        [0, 1, 0x7F, 0x80, 0xFF, dice.below(256) as u8][dice.below(6) as usize];
                }
            }
        }
        errors += usize::from(error_of(&make, &seal(changed)).is_some());
    }
    assert!(errors > 4_000, "{errors}");
}
