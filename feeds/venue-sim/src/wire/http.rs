//! HTTP/1.1 as far as clients of exchanges use it: requests out of untrusted bytes, answers as
//! bytes. Written out here, and not taken from a library, because a fault has to be able to cut an
//! answer after any byte.

use std::fmt::Write as _;

/// How long the head of a request may be, in bytes.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How long a body may be, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How many headers a request may have.
pub const HEADERS_MAX: usize = 100;

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST` ..., as sent.
    pub method: String,
    /// What stands before the question mark, as sent.
    pub path: String,
    /// What stands behind it, as sent: signatures cover these very bytes.
    pub query: String,
    /// The body, as sent.
    pub body: Vec<u8>,
    /// Whether the connection stays open after the answer.
    pub keeps_alive: bool,
    /// Names in lower case, values trimmed.
    headers: Vec<(String, String)>,
}

impl Request {
    /// The first header of that name; `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the header has that word in its list of words, in any case.
    #[must_use]
    pub fn header_has(&self, name: &str, word: &str) -> bool {
        let values = self.headers.iter().filter(|(known, _)| known == name);
        let mut words = values.flat_map(|(_, value)| value.split(','));
        words.any(|candidate| candidate.trim().eq_ignore_ascii_case(word))
    }

    /// Whether it asks for a WebSocket.
    #[must_use]
    pub fn wants_socket(&self) -> bool {
        self.method == "GET"
            && self.header_has("upgrade", "websocket")
            && self.header_has("connection", "upgrade")
    }
}

/// Why bytes are no request; the connection is closed after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The first line is not `METHOD /path HTTP/1.1`.
    #[error("the request line cannot be read")]
    Line,
    /// A header has no colon, or bytes that no header may have.
    #[error("a header cannot be read")]
    Header,
    /// The head is longer than [`HEAD_BYTES_MAX`] or has more than [`HEADERS_MAX`] headers.
    #[error("the head of the request is too long")]
    HeadTooLong,
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("the body of the request is too long")]
    BodyTooLong,
    /// The body has no length that can be read.
    #[error("the body of the request needs one content-length")]
    Length,
    /// Not HTTP/1.0 or HTTP/1.1.
    #[error("this version of HTTP is not spoken here")]
    Version,
}

impl BadRequest {
    /// The status that answers it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Line | Self::Header => 400,
            Self::HeadTooLong => 431,
            Self::BodyTooLong => 413,
            Self::Length => 411,
            Self::Version => 505,
        }
    }
}

/// The request at the beginning of `bytes` and how long it is there; nothing when more has to come.
///
/// # Errors
/// When these bytes can never become a request.
pub fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, BadRequest> {
    let Some(head_end) = bytes.windows(4).take(HEAD_BYTES_MAX).position(|w| w == b"\r\n\r\n")
    else {
        let too_long = bytes.len() > HEAD_BYTES_MAX;
        return if too_long { Err(BadRequest::HeadTooLong) } else { Ok(None) };
    };
    let head = std::str::from_utf8(&bytes[..head_end]).map_err(|_| BadRequest::Header)?;
    let mut lines = head.split("\r\n");
    let (method, path, query, is_11) = request_line(lines.next().unwrap_or_default())?;
    let headers = headers(lines)?;
    let mut request =
        Request { method, path, query, body: Vec::new(), keeps_alive: is_11, headers };
    if request.header_has("connection", "close") {
        request.keeps_alive = false;
    } else if request.header_has("connection", "keep-alive") {
        request.keeps_alive = true;
    }
    let length = body_length(&request)?;
    let begin = head_end + 4;
    let Some(body) = bytes.get(begin..begin + length) else { return Ok(None) };
    request.body = body.to_vec();
    Ok(Some((request, begin + length)))
}

fn request_line(line: &str) -> Result<(String, String, String, bool), BadRequest> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BadRequest::Line);
    };
    let is_11 = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        other if other.starts_with("HTTP/") => return Err(BadRequest::Version),
        _ => return Err(BadRequest::Line),
    };
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(BadRequest::Line);
    }
    // Through a proxy the target is a whole address.
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    if !target.starts_with('/') || target.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(BadRequest::Line);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok((method.to_owned(), path.to_owned(), query.to_owned(), is_11))
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<(String, String)>, BadRequest> {
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(BadRequest::Header)?;
        let is_token = |byte: u8| byte.is_ascii_graphic() && byte != b'(' && byte != b')';
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(BadRequest::Header);
        }
        if headers.len() == HEADERS_MAX {
            return Err(BadRequest::HeadTooLong);
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(headers)
}

/// A body is as long as its one content-length says; a body in chunks is not spoken here.
fn body_length(request: &Request) -> Result<usize, BadRequest> {
    if request.header("transfer-encoding").is_some() {
        return Err(BadRequest::Length);
    }
    let mut lengths = request.headers.iter().filter(|(name, _)| name == "content-length");
    let Some((_, text)) = lengths.next() else { return Ok(0) };
    if lengths.next().is_some() || text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadRequest::Length);
    }
    match text.parse::<usize>() {
        Ok(length) if length <= BODY_BYTES_MAX => Ok(length),
        _ => Err(BadRequest::BodyTooLong),
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers besides length, type and connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The type of the body.
    pub content_type: &'static str,
}

impl Response {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body, content_type: "application/json;charset=UTF-8" }
    }

    /// An answer in words.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self { status, headers: Vec::new(), body, content_type: "text/plain;charset=UTF-8" }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn bytes(&self, keeps_alive: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        // Writing into a String cannot fail.
        let _ = write!(head, "content-type: {}\r\n", self.content_type);
        let _ = write!(head, "content-length: {}\r\n", self.body.len());
        let connection = if keeps_alive { "keep-alive" } else { "close" };
        let _ = write!(head, "connection: {connection}\r\n");
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_bytes());
        bytes
    }
}

/// The words behind a status.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Answer",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_read_when_it_is_whole_and_not_before() {
        let bytes = b"POST /a/b?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET";
        for end in 0..bytes.len() - 3 {
            assert_eq!(parse(&bytes[..end]), Ok(None), "{end}");
        }
        let (request, used) = parse(bytes).expect("a request").expect("whole");
        assert_eq!(used, bytes.len() - 3);
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/a/b", "x=1&y=%20"));
        assert_eq!((request.header("host"), &request.body[..]), (Some("h"), &b"abc"[..]));
        assert!(request.keeps_alive && !request.wants_socket());
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_status() {
        let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX + 1));
        let cases: &[(&str, u16)] = &[
            ("hello\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 411),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 411),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            (&long, 431),
            (&many, 431),
        ];
        for (text, status) in cases {
            let refused = parse(text.as_bytes()).expect_err("no request");
            assert_eq!(refused.status(), *status, "{}", &text[..text.len().min(60)]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let mut begun = b"GET /x HTTP/1.1\r\n".to_vec();
            begun.extend_from_slice(&bytes);
            begun.extend_from_slice(b"\r\n\r\n");
            let _ = parse(&begun);
        }
    }
}
