//! Lines of a recorded file: when, where from, which frame. Reading the file is its owner's work.
//!
//! A recording is text of one frame a line, in one of the [`Format`]s.

use std::borrow::Cow;

use qt_types::Nanos;

use crate::FrameError;
use crate::json::{self, Json};

/// How the lines of a recorded file look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `1723161254036059768 {frame}`: the time of receipt in ns, a space, the frame.
    Stamped,
    /// `{"ts_ns":1628952395799805000,"dir":"recv","url":"..","msg":{frame}}`. `dir` is `recv`,
    /// `send` or `http` and may be left out, as may `url`.
    Wrapped,
    /// `{frame}`. A second file may describe each line (see [`meta`]).
    Bare,
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// It came from the venue.
    #[default]
    Received,
    /// It was sent to the venue.
    Sent,
    /// It is the response to a request.
    Response,
}

/// A line of a recorded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// When the frame was received, where the line says so.
    pub recv_ns: Option<Nanos>,
    /// Which way it went.
    pub direction: Direction,
    /// Where to or from, where the line says so.
    pub url: Option<Cow<'a, str>>,
    /// The frame.
    pub frame: &'a [u8],
}

/// What the companion of a bare file says of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta<'a> {
    /// When the frame was received.
    pub recv_ns: Option<Nanos>,
    /// Which way it went.
    pub direction: Direction,
    /// Where to or from.
    pub url: Option<Cow<'a, str>>,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stamped, Self::Wrapped, Self::Bare];

    /// The format of a file that begins with `lines`: the first line that is not blank tells.
    /// `None` when it looks like none of them.
    #[must_use]
    pub fn of(lines: &[&[u8]]) -> Option<Self> {
        let line = lines.iter().map(|line| line.trim_ascii()).find(|line| !line.is_empty())?;
        match line.first()? {
            b'0'..=b'9' => {
                let space = line.iter().position(|byte| *byte == b' ')?;
                let stamped = line[..space].iter().all(u8::is_ascii_digit)
                    && matches!(line.get(space + 1), Some(b'{' | b'['));
                stamped.then_some(Self::Stamped)
            }
            b'{' => {
                // A last line that is cut short must not decide: only the outermost names count.
                let text = std::str::from_utf8(line).ok()?;
                let wrapped =
                    ["ts_ns", "msg"].iter().all(|name| !json::field(text, name).is_empty());
                Some(if wrapped { Self::Wrapped } else { Self::Bare })
            }
            b'[' => Some(Self::Bare),
            _ => None,
        }
    }
}

/// Reads one line; `None` for a blank one.
///
/// # Errors
/// When the line does not have the `format`. The frame itself is not looked at: the decoder does.
pub fn line(format: Format, bytes: &[u8]) -> Result<Option<Line<'_>>, FrameError> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Ok(None);
    }
    let line = match format {
        Format::Bare => {
            Line { recv_ns: None, direction: Direction::Received, url: None, frame: bytes }
        }
        Format::Stamped => {
            let wanted = "a time in ns, a space and a frame";
            let wrong = FrameError::Field { at: 0, name: "line", wanted };
            let space = memchr::memchr(b' ', bytes).ok_or_else(|| wrong.clone())?;
            let (stamp, frame) = bytes.split_at(space);
            let digits = stamp.iter().all(u8::is_ascii_digit);
            let stamp = std::str::from_utf8(stamp).ok().filter(|_| digits);
            let stamp = stamp.and_then(|text| text.parse().ok()).ok_or(wrong)?;
            let recv_ns = Some(Nanos::new(stamp));
            let direction = Direction::Received;
            Line { recv_ns, direction, url: None, frame: frame.trim_ascii_start() }
        }
        Format::Wrapped => wrapped(bytes)?,
    };
    Ok(Some(line))
}

fn wrapped(bytes: &[u8]) -> Result<Line<'_>, FrameError> {
    let json = Json::check(bytes)?;
    let (mut stamp, mut msg) = ("", "");
    let (mut direction, mut url) = (Direction::Received, None);
    for (key, value) in json::fields(json.text()) {
        match key {
            "ts_ns" => stamp = value,
            "dir" => direction = direction_of(&json, value)?,
            "url" => url = Some(json::text(value)),
            "msg" => msg = value,
            _ => {}
        }
    }
    if msg.is_empty() {
        return Err(json.missing(json.text(), "msg"));
    }
    let late = || json.wrong(stamp, "ts_ns", "a time in ns before 2262");
    let stamp = i64::try_from(json.uint(stamp, "ts_ns")?).map_err(|_| late())?;
    let stamp = Nanos::new(stamp);
    Ok(Line { recv_ns: Some(stamp), direction, url, frame: msg.as_bytes() })
}

/// Reads a line of the companion of a bare file: `{"recv":"1633998512.06","dir":"in","url":".."}`;
/// `recv` counts seconds, `dir` is `in`, `out` or `http`, other fields do not matter.
///
/// # Errors
/// When it is no such line.
pub fn meta(bytes: &[u8]) -> Result<Meta<'_>, FrameError> {
    let json = Json::check(bytes)?;
    let mut meta = Meta::default();
    for (key, value) in json::fields(json.text()) {
        match key {
            "recv" => {
                let seconds = json.number(value, "recv")?.scaled(9).map(Nanos::new);
                let wanted = "a time in seconds before 2262";
                meta.recv_ns = Some(seconds.ok_or_else(|| json.wrong(value, "recv", wanted))?);
            }
            "dir" => meta.direction = direction_of(&json, value)?,
            "url" => meta.url = Some(json::text(value)),
            _ => {}
        }
    }
    Ok(meta)
}

fn direction_of(json: &Json<'_>, value: &str) -> Result<Direction, FrameError> {
    match json::bare(value) {
        "recv" | "in" => Ok(Direction::Received),
        "send" | "out" => Ok(Direction::Sent),
        "http" => Ok(Direction::Response),
        _ => Err(json.wrong(value, "dir", "recv, send or http (in, out or http)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        for (lines, format) in [
            (&["", "1723161254036059768 {\"a\":1}"][..], Some(Format::Stamped)),
            (&["{\"ts_ns\":1,\"msg\":{}}"], Some(Format::Wrapped)),
            (&["{\"ts_ns\":1}"], Some(Format::Bare)),
            (&["[1,2]"], Some(Format::Bare)),
            (&["12,13"], None),
            (&["date,open"], None),
            (&["1 2"], None),
            (&[""], None),
        ] {
            let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(Format::of(&bytes), format, "{lines:?}");
        }
    }

    #[test]
    fn lines_are_taken_apart() {
        let of = |format, text: &'static str| line(format, text.as_bytes()).unwrap().unwrap();
        let stamped = of(Format::Stamped, "17 {\"a\":1}\r\n");
        assert_eq!((stamped.recv_ns, stamped.frame), (Some(Nanos::new(17)), &b"{\"a\":1}"[..]));
        let text = r#"{"ts_ns":1628952396228346000,"dir":"http","url":"x?a=1","msg":[1, 2]}"#;
        let wrapped = of(Format::Wrapped, text);
        assert_eq!(wrapped.frame, b"[1, 2]");
        assert_eq!(wrapped.recv_ns, Some(Nanos::new(1_628_952_396_228_346_000)));
        assert_eq!(
            (wrapped.direction, wrapped.url.as_deref()),
            (Direction::Response, Some("x?a=1"))
        );
        assert_eq!(of(Format::Bare, " 5 ").frame, b"5");
        assert_eq!(line(Format::Bare, b" \r\n"), Ok(None));
        for (format, text) in [
            (Format::Stamped, "x {}"),
            (Format::Stamped, "99999999999999999999 {}"),
            (Format::Stamped, "{}"),
            (Format::Wrapped, "{\"ts_ns\":1}"),
            (Format::Wrapped, "{\"ts_ns\":-1,\"msg\":{}}"),
            (Format::Wrapped, "{\"ts_ns\":1,\"dir\":\"up\",\"msg\":{}}"),
            (Format::Wrapped, "{\"ts_ns\":1,\"msg\":{}"),
        ] {
            assert!(line(format, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn companions_are_read() {
        let text = br#"{"n": 1, "recv": "1633998512.0633569", "dir": "in", "src": "x:2"}"#;
        let found = meta(text).unwrap();
        assert_eq!(found.recv_ns, Some(Nanos::new(1_633_998_512_063_356_900)));
        assert_eq!(found.direction, Direction::Received);
        assert!(meta(b"{\"recv\":\"soon\"}").is_err());
        assert_eq!(meta(b"{}"), Ok(Meta::default()));
    }
}
