//! Every change of a file is noticed, and none of them makes reading panic.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use qt_data::ticks::{TickFile, Verify};
use qt_types::Tick;

use crate::support::{level, write};

// A file of two blocks whose second one is short, so that there are zeros behind it.
fn sample() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.qtt");
        let ticks: Vec<(Tick, i64)> = (0..4_101).map(|at| (level(at, at, 1), at + 50)).collect();
        write(&path, "BTCUSDT", &ticks);
        std::fs::read(&path).unwrap()
    })
}

// Description and index of the sample, which are under checksums that every open compares.
const TAIL_BYTES: usize = 256;

fn put(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("y.qtt");
    std::fs::write(&path, bytes).unwrap();
    path
}

// Opens and reads everything, as a replay does.
fn read_all(path: &Path, verify: Verify) -> Result<u64, String> {
    let file = TickFile::open(path, verify).map_err(|error| error.to_string())?;
    let mut count = 0;
    for index in 0..file.blocks() {
        let block = file.block::<Tick>(index).map_err(|error| error.to_string())?;
        count += block.iter().map(|tick| u64::from(tick.kind < 8)).sum::<u64>();
    }
    Ok(count)
}

#[test]
fn the_sample_itself_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), sample());
    assert_eq!(read_all(&path, Verify::Full), Ok(4_101));
    assert_eq!(sample().len() % 64, 0);
}

#[test]
fn every_cut_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let length = sample().len();
    for cut in [0, 1, 7, 8, 100, 191, 192, 193, 4096, length / 2, length - 64, length - 1] {
        let path = put(folder.path(), &sample()[..cut]);
        let error = TickFile::open(&path, Verify::Index).unwrap_err().to_string();
        assert!(error.contains("y.qtt"), "{error}");
        assert!(cut < 192 || error.contains(&format!("has {cut} bytes, not the {length}")));
    }
    let mut longer = sample().to_vec();
    longer.push(0);
    let path = put(folder.path(), &longer);
    assert!(TickFile::open(&path, Verify::Index).is_err());
    let missing = TickFile::open(&folder.path().join("none.qtt"), Verify::Index).unwrap_err();
    assert!(missing.to_string().contains("no such file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn a_flipped_bit_anywhere_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = sample().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let path = put(folder.path(), &bytes);
        prop_assert!(read_all(&path, Verify::Full).is_err(), "byte {at} bit {bit}");
        // Checked as it is read, a replay of all of it notices as well.
        prop_assert!(read_all(&path, Verify::OnRead).is_err(), "byte {at} bit {bit}");
        let _ = read_all(&path, Verify::Index);
    }

    #[test]
    fn the_parts_with_structure_are_noticed(from_end in 1..=TAIL_BYTES, byte in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = sample().to_vec();
        let at = bytes.len() - from_end;
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let path = put(folder.path(), &bytes);
        prop_assert!(TickFile::open(&path, Verify::Index).is_err());
    }

    // Checksums do not stop someone who recomputes them: reading must stay within the file.
    #[test]
    fn lies_with_good_checksums_do_not_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = sample().to_vec();
        let tail = bytes.len() - TAIL_BYTES..bytes.len();
        for (at, byte) in edits {
            // In the header's numbers, the description or the index.
            let places = 16..136;
            let at = at.index(places.len() + tail.len());
            let at = if at < places.len() { 16 + at } else { tail.start + at - places.len() };
            bytes[at] = byte;
        }
        reseal(&mut bytes);
        let path = put(folder.path(), &bytes);
        for verify in [Verify::Index, Verify::OnRead, Verify::Full] {
            let _ = read_all(&path, verify);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_file(mut bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let folder = tempfile::tempdir().unwrap();
        prop_assert!(TickFile::open(&put(folder.path(), &bytes), Verify::Full).is_err());
        if bytes.len() >= 192 {
            bytes[..192].copy_from_slice(&sample()[..192]);
            let length = bytes.len() as u64;
            bytes[80..88].copy_from_slice(&length.to_le_bytes());
            reseal(&mut bytes);
            prop_assert!(TickFile::open(&put(folder.path(), &bytes), Verify::Full).is_err());
        }
    }
}

// Puts right checksums over description, index and header, where they are inside the file.
fn reseal(bytes: &mut [u8]) {
    let wide = |bytes: &[u8], at: usize| {
        usize::try_from(u64::from_le_bytes(*bytes[at..].first_chunk().unwrap())).unwrap()
    };
    for (place, crc_at) in [(48, 128), (64, 132)] {
        let (offset, length) = (wide(bytes, place), wide(bytes, place + 8));
        let end = length.checked_next_multiple_of(64).and_then(|length| offset.checked_add(length));
        if let Some(part) = end.and_then(|end| bytes.get(offset..end)) {
            let crc = crc32fast::hash(part);
            bytes[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        }
    }
    let crc = crc32fast::hash(&bytes[..188]);
    bytes[188..192].copy_from_slice(&crc.to_le_bytes());
}
