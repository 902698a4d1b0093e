//! Decisions from another process, through a socket in the session's folder.
//!
//! Each connection is one line of words and one line of JSON in answer. Only the owner of the
//! session can open the socket.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The name of the socket in the folder of a session.
pub const NAME: &str = "control.sock";

/// The longest line that is taken, in bytes.
const LINE_MAX: usize = 1_024;

/// The longest answer that is taken, in bytes.
const ANSWER_MAX: usize = 4 << 20;

/// How long the other side may take for its line.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a decision may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// A path by which the socket in `folder` can be named: that of a socket may have about a hundred
/// bytes, however deep the folder is. The file keeps the folder open.
fn short(folder: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    let open = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()));
    Ok((open, path))
}

/// The socket of a session, while it runs.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Opens the socket in `folder`. Each line that comes is handed to `answer`, which says what to
    /// answer. What a process left behind that has ended is replaced.
    ///
    /// # Errors
    /// When a session that runs has one there, or the system allows none.
    pub fn open(
        folder: &Path,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let path = folder.join(NAME);
        if path.exists() {
            match connect(folder) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    fs::remove_file(&path)?;
                }
                Err(error) => return Err(error),
                Ok(_) => return Err(ErrorKind::AddrInUse.into()),
            }
        }
        // In a folder that nobody else can look into, until only the owner can open it.
        let inner = folder.join(format!(".control-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&inner)?;
        let listener = bind(&inner, &path);
        let _ = fs::remove_dir_all(&inner);
        let listener = listener?;
        let answer = Arc::new(answer);
        // The thread lives as long as the program.
        std::thread::Builder::new().name("control".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => {
                        // Each for itself: nobody waits for another one's answer. Whoever went
                        // away does not want to know, and gets none without a thread.
                        let answer = Arc::clone(&answer);
                        let serve = move || drop(serve(stream, &*answer));
                        let _ = std::thread::Builder::new().spawn(serve);
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(100)),
                }
            }
        })?;
        Ok(Self { path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn bind(inner: &Path, path: &Path) -> io::Result<UnixListener> {
    let (_open, name) = short(inner, NAME)?;
    let listener = UnixListener::bind(name)?;
    let made = inner.join(NAME);
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(made, path)?;
    Ok(listener)
}

fn connect(folder: &Path) -> io::Result<UnixStream> {
    let (_open, path) = short(folder, NAME)?;
    UnixStream::connect(path)
}

fn serve(mut stream: UnixStream, answer: &impl Fn(&str) -> String) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let Some(line) = read_line(&mut stream, LINE_MAX, PATIENCE)? else {
        return stream
            .write_all(b"{\"ok\":false,\"message\":\"one line of at most 1,024 bytes\"}\n");
    };
    let mut text = answer(&line);
    text.push('\n');
    stream.write_all(text.as_bytes())
}

/// A line of at most `most` bytes that is complete within `patience`; `None` where it is longer,
/// is no text, or breaks off.
fn read_line(
    stream: &mut UnixStream,
    most: usize,
    patience: Duration,
) -> io::Result<Option<String>> {
    let until = Instant::now() + patience;
    let (mut bytes, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let count = stream.read(&mut part)?;
        bytes.extend_from_slice(&part[..count]);
        if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            bytes.truncate(end);
            let is_fit = bytes.len() <= most;
            return Ok(String::from_utf8(bytes).ok().filter(|_| is_fit));
        }
        if count == 0 || bytes.len() > most {
            return Ok(None);
        }
    }
}

/// Says `line` to the session in `folder`. Returns its answer; `None` where no session runs there.
///
/// # Errors
/// When there is no such folder, the session belongs to somebody else, or it does not answer.
pub fn ask(folder: &Path, line: &str) -> io::Result<Option<String>> {
    let mut stream = match connect(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => return Ok(None),
        other => other?,
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    read_line(&mut stream, ANSWER_MAX, ANSWER_PATIENCE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    /// A folder whose path is longer than that of a socket may be.
    fn folder(name: &str) -> PathBuf {
        let deep = format!("qt-socket-{}-{name}/{}", std::process::id(), "deep/".repeat(30));
        let folder = std::env::temp_dir().join(deep);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn one_line_is_answered_by_one_line_and_only_to_the_owner() {
        let folder = folder("a");
        let socket = Socket::open(&folder, |line| format!("<{line}>")).unwrap();
        assert_eq!(ask(&folder, "kill grid").unwrap().as_deref(), Some("<kill grid>"));
        let kept = fs::metadata(folder.join(NAME)).unwrap();
        assert!(kept.file_type().is_socket());
        assert_eq!(kept.permissions().mode() & 0o777, 0o600);
        let second = Socket::open(&folder, |_| String::new()).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AddrInUse);
        drop(socket);
        assert!(ask(&folder, "status").unwrap().is_none());
        assert!(ask(&folder.join("none"), "status").is_err());
    }

    #[test]
    fn what_is_no_line_is_refused_and_the_next_one_is_served() {
        let folder = folder("b");
        let _socket = Socket::open(&folder, |line| format!("<{line}>")).unwrap();
        let long = "x".repeat(LINE_MAX + 1);
        assert!(ask(&folder, &long).unwrap().unwrap().contains("1,024 bytes"));
        let mut stream = connect(&folder).unwrap();
        stream.write_all(&[0xff, 0xfe, b'\n']).unwrap();
        let answer = read_line(&mut stream, LINE_MAX, PATIENCE).unwrap().unwrap();
        assert!(answer.contains("1,024 bytes"));
        // One that never ends its line, and one that goes away.
        let mut hangs = connect(&folder).unwrap();
        hangs.write_all(b"kil").unwrap();
        drop(connect(&folder).unwrap());
        assert_eq!(ask(&folder, "arm").unwrap().as_deref(), Some("<arm>"));
    }

    #[test]
    fn what_a_dead_process_left_is_replaced() {
        let folder = folder("c");
        let (_open, path) = short(&folder, NAME).unwrap();
        drop(UnixListener::bind(path).unwrap());
        assert!(folder.join(NAME).exists() && ask(&folder, "status").unwrap().is_none());
        let _socket = Socket::open(&folder, |_| "here".to_owned()).unwrap();
        assert_eq!(ask(&folder, "status").unwrap().as_deref(), Some("here"));
    }
}
