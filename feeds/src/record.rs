//! A recorder: what goes over the sockets of a feed, line by line into files that are read like any
//! other recording.
//!
//! A thread of its own writes. What it cannot keep up with is lost and counted, never waited for.
//! Every write ends with a whole line.

#![expect(clippy::disallowed_types, reason = "this is where the files of a recording are")]

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use qt_types::Nanos;
use serde_json::value::RawValue;

use crate::drive::Witness;

/// Messages that wait to be written, and their bytes.
const WAITING_MAX: usize = 1 << 16;
const WAITING_BYTES_MAX: u64 = 256 << 20;
/// What is written at once.
const WRITE_BYTES: usize = 1 << 20;
/// The direction of answers to requests.
const ANSWERED: &str = "http";
/// How long a line waits at most until it is written.
const LATEST: Duration = Duration::from_millis(200);

/// One thing that was seen.
struct Seen {
    at_ns: Nanos,
    direction: &'static str,
    url: Arc<str>,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Counts {
    lines: AtomicU64,
    bytes: AtomicU64,
    waiting: AtomicU64,
    lost: AtomicU64,
    files: AtomicU64,
    is_broken: AtomicBool,
}

impl Counts {
    fn recorded(&self) -> Recorded {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Recorded {
            lines: of(&self.lines),
            bytes: of(&self.bytes),
            lost: of(&self.lost),
            files: of(&self.files),
        }
    }
}

/// What a recording has come to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Recorded {
    /// Lines written.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that there was no time or no room for.
    pub lost: u64,
    /// Files.
    pub files: u64,
}

/// The recorder's end at the sockets.
pub struct Recorder {
    to: SyncSender<Seen>,
    counts: Arc<Counts>,
    /// The last address: mostly it is the same.
    url: Arc<str>,
}

/// The recorder's other end: how it goes, and how it ended.
pub struct Recording {
    counts: Arc<Counts>,
    thread: JoinHandle<io::Result<()>>,
}

/// Begins a recording in the file `path`, which must not exist. Another file (`name.2.jsonl`, ..)
/// is begun where one has as much as `file_bytes_max` of what came over links.
///
/// # Errors
/// When the file is there already or cannot be made, or there is no thread.
pub fn begin(path: &Path, file_bytes_max: u64) -> io::Result<(Recorder, Recording)> {
    let file = made(path)?;
    let (to, seen) = sync_channel(WAITING_MAX);
    let counts = Arc::new(Counts::default());
    counts.files.store(1, Ordering::Relaxed);
    let writer = Writer {
        path: path.to_owned(),
        file,
        file_bytes: 0,
        file_bytes_max: file_bytes_max.max(1),
        buffer: Vec::with_capacity(WRITE_BYTES),
        buffer_bytes: 0,
        counts: Arc::clone(&counts),
    };
    let builder = std::thread::Builder::new().name("recorder".to_owned());
    let thread = builder.spawn(move || writer.run(&seen))?;
    let recorder = Recorder { to, counts: Arc::clone(&counts), url: "".into() };
    Ok((recorder, Recording { counts, thread }))
}

fn made(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

impl Recorder {
    fn see(&mut self, direction: &'static str, url: &str, bytes: &[u8], at_ns: Nanos) {
        let size = bytes.len() as u64;
        let waiting = self.counts.waiting.load(Ordering::Relaxed);
        if waiting.saturating_add(size) > WAITING_BYTES_MAX {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if *self.url != *url {
            self.url = url.into();
        }
        let seen = Seen { at_ns, direction, url: Arc::clone(&self.url), bytes: bytes.to_vec() };
        self.counts.waiting.fetch_add(size, Ordering::Relaxed);
        if self.to.try_send(seen).is_err() {
            self.counts.waiting.fetch_sub(size, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Witness for Recorder {
    fn received(&mut self, url: &str, bytes: &[u8], now_ns: Nanos) {
        self.see("recv", url, bytes, now_ns);
    }

    fn sent(&mut self, url: &str, bytes: &[u8], now_ns: Nanos) {
        self.see("send", url, bytes, now_ns);
    }

    fn answered(&mut self, url: &str, status: u16, body: &[u8], now_ns: Nanos) {
        // What says no is no market data, and its words are not the venue's to keep.
        if status == 200 {
            self.see(ANSWERED, url, body, now_ns);
        }
    }
}

impl Recording {
    /// What has been written so far.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        self.counts.recorded()
    }

    /// Whether nothing can be written any more: the disk is full, or the file is gone.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.counts.is_broken.load(Ordering::Relaxed)
    }

    /// Waits until all is written; the recorder must be gone by then.
    ///
    /// # Errors
    /// When something could not be written.
    pub fn finish(self) -> io::Result<Recorded> {
        let counts = Arc::clone(&self.counts);
        self.thread.join().map_err(|_| io::Error::other("the recorder has ended by itself"))??;
        Ok(counts.recorded())
    }
}

/// The thread that writes.
struct Writer {
    path: PathBuf,
    file: File,
    /// What came and went over links and is in this file. Answers do not count: a file that was
    /// begun has the books asked for, and must not be full of them.
    file_bytes: u64,
    file_bytes_max: u64,
    buffer: Vec<u8>,
    /// The same of what is in the buffer.
    buffer_bytes: u64,
    counts: Arc<Counts>,
}

impl Writer {
    fn run(mut self, seen: &Receiver<Seen>) -> io::Result<()> {
        let result = self.write_all(seen);
        if result.is_err() {
            self.counts.is_broken.store(true, Ordering::Relaxed);
        }
        result
    }

    fn write_all(&mut self, seen: &Receiver<Seen>) -> io::Result<()> {
        loop {
            match seen.recv_timeout(LATEST) {
                Ok(one) => {
                    self.take(&one);
                    // What waits already goes with it.
                    while self.buffer.len() < WRITE_BYTES
                        && let Ok(one) = seen.try_recv()
                    {
                        self.take(&one);
                    }
                    self.write()?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.file.sync_data()
    }

    fn take(&mut self, seen: &Seen) {
        self.counts.waiting.fetch_sub(seen.bytes.len() as u64, Ordering::Relaxed);
        self.counts.lines.fetch_add(1, Ordering::Relaxed);
        let before = self.buffer.len();
        put(&mut self.buffer, seen);
        if seen.direction != ANSWERED {
            self.buffer_bytes += (self.buffer.len() - before) as u64;
        }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.file_bytes >= self.file_bytes_max {
            self.file.sync_data()?;
            let number = self.counts.files.fetch_add(1, Ordering::Relaxed) + 1;
            self.file = made(&numbered(&self.path, number))?;
            self.file_bytes = 0;
        }
        self.file.write_all(&self.buffer)?;
        self.file_bytes += std::mem::take(&mut self.buffer_bytes);
        self.counts.bytes.fetch_add(self.buffer.len() as u64, Ordering::Relaxed);
        self.buffer.clear();
        Ok(())
    }
}

/// `market.jsonl` and 2 as `market.2.jsonl`.
fn numbered(path: &Path, number: u64) -> PathBuf {
    let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
    path.with_extension(match extension {
        Some(extension) => format!("{number}.{extension}"),
        None => number.to_string(),
    })
}

/// One line.
fn put(line: &mut Vec<u8>, seen: &Seen) {
    let head =
        format!(r#"{{"ts_ns":{},"dir":"{}","url":"#, seen.at_ns.get().max(0), seen.direction);
    line.extend_from_slice(head.as_bytes());
    line.extend_from_slice(serde_json::Value::from(&*seen.url).to_string().as_bytes());
    line.extend_from_slice(b",\"msg\":");
    let is_json = serde_json::from_slice::<&RawValue>(&seen.bytes).is_ok();
    if is_json {
        // Between the parts of JSON a line may end, which means nothing there; in them none can.
        let from = line.len();
        line.extend_from_slice(seen.bytes.trim_ascii());
        for byte in line.iter_mut().skip(from).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    } else {
        let text = String::from_utf8_lossy(&seen.bytes);
        line.extend_from_slice(serde_json::Value::from(&*text).to_string().as_bytes());
    }
    line.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use qt_codec::recording::{self, Direction, Format};

    use super::*;

    #[test]
    fn what_was_seen_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.jsonl");
        let (mut recorder, recording) = begin(&path, 400).unwrap();
        assert!(begin(&path, 1).is_err(), "nothing is written over");
        let at = Nanos::new(1_700_000_000_000_000_001);
        recorder.sent("ws://v/ws", b"{\"id\":1}", at);
        recorder.answered("http://v/depth?symbol=A", 200, b"{\n\"lastUpdateId\" : 1.10\r\n}", at);
        recorder.answered("http://v/secret", 429, b"{}", at);
        recorder.received("ws://v/ws", b"\xff no JSON \n", at);
        for _ in 0..20 {
            // Each for itself, so that the files change.
            let before = recording.recorded().bytes;
            recorder.received("ws://v/ws", b"{\"e\":\"trade\",\"p\":\"0.10\"}", at);
            while recording.recorded().bytes == before {
                std::thread::yield_now();
            }
        }
        drop(recorder);
        let recorded = recording.finish().unwrap();
        assert_eq!((recorded.lines, recorded.lost), (23, 0));
        assert!(recorded.files > 3, "{recorded:?}");
        let mut lines = Vec::new();
        for number in 1..=recorded.files {
            let path = if number == 1 { path.clone() } else { numbered(&path, number) };
            let bytes = std::fs::OpenOptions::new().read(true).open(path).unwrap();
            let text = io::read_to_string(bytes).unwrap();
            assert!(text.ends_with("}\n"));
            lines.extend(text.lines().map(String::from));
        }
        assert_eq!(lines.len(), 23);
        let read: Vec<_> = lines
            .iter()
            .map(|line| recording::line(Format::Wrapped, line.as_bytes()).unwrap().unwrap())
            .collect();
        assert!(read.iter().all(|line| line.recv_ns == Some(at)));
        let ways: Vec<_> = read.iter().take(4).map(|line| line.direction).collect();
        let (sent, http, recv) = (Direction::Sent, Direction::Response, Direction::Received);
        assert_eq!(ways, [sent, http, recv, recv]);
        assert_eq!(read[1].frame, b"{ \"lastUpdateId\" : 1.10  }");
        assert_eq!(read[1].url.as_deref(), Some("http://v/depth?symbol=A"));
        assert_eq!(read[3].frame, b"{\"e\":\"trade\",\"p\":\"0.10\"}");
    }

    #[test]
    fn a_disk_that_takes_no_more_is_told() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        // Where a file of that name must be new, one that is there cannot be tried: so its writer
        // is.
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let counts = Arc::new(Counts::default());
        let writer = Writer {
            path: PathBuf::from("x"),
            file,
            file_bytes: 0,
            file_bytes_max: u64::MAX,
            buffer: Vec::new(),
            buffer_bytes: 0,
            counts: Arc::clone(&counts),
        };
        let (to, seen) = sync_channel(4);
        let (direction, url) = ("recv", "u".into());
        to.send(Seen { at_ns: Nanos::new(1), direction, url, bytes: b"{}".to_vec() }).unwrap();
        assert!(writer.run(&seen).is_err());
        assert!(counts.is_broken.load(Ordering::Relaxed));
    }
}
