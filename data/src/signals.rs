//! Files of signals: one JSON object a line.
//!
//! A line is a signal as agents send it (`qt_codec::signal`), or an envelope around one that says
//! what a session knew of it: `{"arrived_at": TIME, "source": NAME, "signal": {..}}`. Without an
//! envelope a signal is taken to have been sent when it was issued, by the source that
//! `agent_name` names.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use jiff::Timestamp;
use qt_codec::signal::{SIGNAL_BYTES_MAX, SignalFault, SignalObject};
use qt_types::{Nanos, SourceId};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The longest line: a signal and what is around it.
const LINE_BYTES_MAX: usize = SIGNAL_BYTES_MAX + 1_024;
/// The name of a source that nobody has named.
const NO_NAME: &str = "unnamed";
const SOURCE_LENGTH_MAX: usize = 64;

/// A signal of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRecord {
    /// When it was sent, or had arrived (UTC ns).
    pub sent_ns: Nanos,
    /// Whose it is: [`SignalFile::sources`] from 1.
    pub source: SourceId,
    /// What it says.
    pub object: SignalObject,
}

/// A file of signals, in the order of the times at which they were sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignalFile {
    /// The signals.
    pub records: Vec<SignalRecord>,
    /// The names of the sources, in the order in which they come first.
    pub sources: Vec<String>,
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

/// What is wrong with a file of signals.
#[derive(Debug, thiserror::Error)]
pub enum SignalFileError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line.
    #[error("{path}: line {line}: {code}: {what}")]
    Line {
        /// Which file.
        path: String,
        /// From 1.
        line: u64,
        /// A stable code.
        code: &'static str,
        /// What is wrong.
        what: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    arrived_at: String,
    source: String,
    #[serde(borrow)]
    signal: &'a RawValue,
}

impl SignalFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or a line is no signal: which, and why.
    pub fn read(path: &Path) -> Result<Self, SignalFileError> {
        let name = path.display().to_string();
        let io = |source| SignalFileError::Io { path: name.clone(), source };
        let mut reader = BufReader::new(std::fs::File::open(path).map_err(io)?);
        let (mut file, mut line, mut hash) = (Self::default(), Vec::new(), Sha256::new());
        for number in 1.. {
            line.clear();
            let most = LINE_BYTES_MAX as u64 + 2;
            let read = reader.by_ref().take(most).read_until(b'\n', &mut line).map_err(io)?;
            if read == 0 {
                break;
            }
            hash.update(&line);
            let bytes = line.trim_ascii();
            if bytes.is_empty() {
                continue;
            }
            file.add(bytes).map_err(|fault| SignalFileError::Line {
                path: name.clone(),
                line: number,
                code: fault.code(),
                what: fault.to_string(),
            })?;
        }
        // Of one time the one that stands first comes first.
        file.records.sort_by_key(|record| record.sent_ns);
        file.sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        file.path = name;
        Ok(file)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), SignalFault> {
        if bytes.len() > LINE_BYTES_MAX {
            return Err(SignalFault::TooLarge { bytes: bytes.len(), max: LINE_BYTES_MAX });
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(bytes) else {
            // Not in an envelope: what is wrong with the signal itself is of more use.
            let object = SignalObject::read(bytes)?;
            let source = self.source(object.agent_name.as_deref().unwrap_or(NO_NAME))?;
            self.records.push(SignalRecord { sent_ns: object.issued_ns, source, object });
            return Ok(());
        };
        let arrived: Timestamp = envelope.arrived_at.parse().map_err(|_| {
            SignalFault::Time("arrived_at: a time as 2026-01-31T09:30:00.000000000Z")
        })?;
        let sent_ns = i64::try_from(arrived.as_nanosecond())
            .map_err(|_| SignalFault::Time("arrived_at is too far away"))?;
        let object = SignalObject::read(envelope.signal.get().as_bytes())?;
        let source = self.source(&envelope.source)?;
        self.records.push(SignalRecord { sent_ns: Nanos::new(sent_ns), source, object });
        Ok(())
    }

    /// The number of the source called `name`.
    fn source(&mut self, name: &str) -> Result<SourceId, SignalFault> {
        if name.is_empty() || name.len() > SOURCE_LENGTH_MAX {
            return Err(SignalFault::Malformed("source: 1 to 64 bytes".to_owned()));
        }
        let known = self.sources.iter().position(|it| it == name);
        let at = known.unwrap_or(self.sources.len());
        let id = u16::try_from(at + 1).map_err(|_| {
            SignalFault::Malformed("more than 65,535 sources in one file".to_owned())
        })?;
        if known.is_none() {
            self.sources.push(name.to_owned());
        }
        Ok(SourceId(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNAL: &str = r#"{"schema_version":1,"signal_id":"a","symbol":"X","action":"buy",
        "confidence":0.5,"horizon_seconds":60,"issued_at":"2026-01-31T09:30:01Z",
        "expires_at":"2026-01-31T09:31:00Z","agent_name":"one"}"#;

    fn read(text: &str) -> Result<SignalFile, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signals.jsonl");
        std::fs::write(&path, text).unwrap();
        SignalFile::read(&path)
            .map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
    }

    fn line() -> String {
        SIGNAL.replace('\n', "")
    }

    fn arrived(at: &str, source: &str) -> String {
        format!(r#"{{"arrived_at":"{at}","source":"{source}","signal":{}}}"#, line())
    }

    #[test]
    fn lines_with_and_without_an_envelope() {
        let (late, early) = (
            arrived("2026-01-31T09:30:05.000000001Z", "two"),
            arrived("2026-01-31T10:30:00+01:00", "one"),
        );
        let file = read(&format!("{late}\n\n  {early}\r\n{}\n{late}", line())).unwrap();
        assert_eq!(file.sources, ["two", "one"]);
        let told: Vec<_> = file
            .records
            .iter()
            .map(|it| (it.sent_ns.get() % 60_000_000_000, it.source.0))
            .collect();
        assert_eq!(told, [(0, 2), (1_000_000_000, 2), (5_000_000_001, 1), (5_000_000_001, 1)]);
        assert!(read("").unwrap().records.is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let later = line().replace("09:31:00", "09:29:00");
        let told = [
            (
                format!("{}\n{later}", line()),
                "FILE: line 2: SIGNAL_TIME: expires_at is not after issued_at",
            ),
            (
                arrived("soon", "one"),
                "FILE: line 1: SIGNAL_TIME: arrived_at: a time as 2026-01-31T09:30:00.000000000Z",
            ),
            (
                arrived("2026-01-31T09:30:05Z", ""),
                "FILE: line 1: SIGNAL_MALFORMED: it is no signal object: source: 1 to 64 bytes",
            ),
        ];
        for (text, wanted) in told {
            assert_eq!(read(&text).unwrap_err(), wanted);
        }
        let long = format!("{}{}", line(), " x".repeat(LINE_BYTES_MAX));
        assert!(
            read(&long).unwrap_err().contains("line 1: SIGNAL_TOO_LARGE"),
            "{}",
            read(&long).unwrap_err()
        );
        assert!(
            SignalFile::read(Path::new("no/such"))
                .unwrap_err()
                .to_string()
                .starts_with("no/such: cannot")
        );
    }
}
