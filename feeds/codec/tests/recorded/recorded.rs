//! Recorded files: where they are, and all of their updates.

use std::io::Read;
use std::path::{Path, PathBuf};

use qt_codec::recording::{self, Direction, Format};
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode, Update};

/// The folder with real market data: `QT_SHARED`, else `../shared` beside the workspace.
pub fn shared() -> Option<PathBuf> {
    let folder = match std::env::var_os("QT_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
    };
    if folder.join("market-data/l2_stream").is_dir() {
        return Some(folder);
    }
    println!("skipped: no reference material at {} (set QT_SHARED)", folder.display());
    None
}

/// The content of `file` below the folder, unpacked.
pub fn read(shared: &Path, file: &str) -> Vec<u8> {
    let bytes = std::fs::read(shared.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let mut out = Vec::new();
    if file.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).expect("gzip");
        return out;
    }
    if file.ends_with(".zip") {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("zip");
        archive.by_index(0).expect("one file").read_to_end(&mut out).expect("zip");
        return out;
    }
    bytes
}

/// A frame of a recording and when it was received.
pub struct Recorded {
    pub recv_ns: i64,
    pub url: Option<String>,
    pub bytes: Vec<u8>,
}

/// The frames of `file` that came from the venue, in the order of the file.
pub fn frames(shared: &Path, file: &str) -> Vec<Recorded> {
    let bytes = read(shared, file);
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let format = Format::of(&lines).unwrap_or_else(|| panic!("{file}: no known format"));
    let companion = file.replace(".jsonl", ".meta.jsonl");
    let metas = (format == Format::Bare && shared.join(&companion).is_file())
        .then(|| read(shared, &companion));
    let mut metas = metas.iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
    let mut frames = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        let mut line = match recording::line(format, line) {
            Ok(Some(line)) => line,
            Ok(None) => continue,
            Err(error) => panic!("{file}:{}: {error}", at + 1),
        };
        if let Some(meta) = metas.next() {
            let meta = recording::meta(meta).unwrap_or_else(|e| panic!("{companion}: {e}"));
            (line.recv_ns, line.direction, line.url) = (meta.recv_ns, meta.direction, meta.url);
        }
        if line.direction != Direction::Sent {
            frames.push(Recorded {
                recv_ns: line.recv_ns.map_or(0, qt_types::Nanos::get),
                url: line.url.map(std::borrow::Cow::into_owned),
                bytes: line.frame.to_vec(),
            });
        }
    }
    frames
}

impl Recorded {
    pub fn frame(&self) -> Frame<'_> {
        Frame { bytes: &self.bytes, url: self.url.as_deref(), symbol: None }
    }
}

/// Whose frames they are: the first one that tells.
pub fn venue(frames: &[Recorded]) -> Venue {
    frames.iter().find_map(|recorded| Venue::of(&recorded.frame())).expect("a known venue")
}

/// Decodes all frames, which must all be readable; `each` sees the updates of each frame.
pub fn decode(
    frames: &[Recorded],
    mode: Mode,
    mut each: impl FnMut(&Decoder, &[Update]),
) -> Decoder {
    let mut decoder = Decoder::new(venue(frames), mode);
    let mut out = Vec::new();
    for recorded in frames {
        if let Err(error) = decoder.decode(&recorded.frame(), &mut out) {
            panic!("{error}: {}", String::from_utf8_lossy(&recorded.bytes));
        }
        each(&decoder, &out);
        out.clear();
    }
    decoder
}
