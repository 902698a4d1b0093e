//! WebSocket frames (RFC 6455), the server's side: what it sends as bytes, what a client sends out
//! of untrusted bytes. Written out here because a fault has to be able to break a frame anywhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

/// How long a client's message may be over all its frames, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// How long the payload of a ping, pong or close may be, in bytes.
const CONTROL_BYTES_MAX: usize = 125;
/// What RFC 6455 appends to the client's key.
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message before.
    Continuation,
    /// Text.
    Text,
    /// Bytes.
    Binary,
    /// The end.
    Close,
    /// A question whether the other side lives.
    Ping,
    /// The answer to it.
    Pong,
}

impl Opcode {
    const fn code(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The answer to the key of a client's handshake.
#[must_use]
pub fn accept(key: &str) -> String {
    let both = [key.as_bytes(), ACCEPT_GUID.as_bytes()].concat();
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &both))
}

/// Whether it is what RFC 6455 wants as a key: 16 bytes in base64.
#[must_use]
pub fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// Appends one frame of the server.
pub fn encode(opcode: Opcode, is_last: bool, payload: &[u8], into: &mut Vec<u8>) {
    into.push(opcode.code() | if is_last { 0x80 } else { 0 });
    let length = payload.len();
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        into.push(short);
    } else if let Ok(medium) = u16::try_from(length) {
        into.push(126);
        into.extend_from_slice(&medium.to_be_bytes());
    } else {
        into.push(127);
        into.extend_from_slice(&(length as u64).to_be_bytes());
    }
    into.extend_from_slice(payload);
}

/// Appends a close frame.
pub fn encode_close(code: u16, reason: &str, into: &mut Vec<u8>) {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.bytes().take(CONTROL_BYTES_MAX - 2));
    encode(Opcode::Close, true, &payload, into);
}

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong with its payload.
    Pong(Vec<u8>),
    /// The end, with its code where there is one.
    Close(Option<u16>),
}

/// How a client broke the protocol; the connection is closed with [`Violation::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Reserved bits, an unknown opcode, no mask, a control frame that is long or in pieces.
    #[error("the frame is malformed")]
    Malformed,
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotText,
    /// More than [`MESSAGE_BYTES_MAX`].
    #[error("the message is too long")]
    TooLong,
}

impl Violation {
    /// The close code that RFC 6455 has for it.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Malformed => 1002,
            Self::NotText => 1007,
            Self::TooLong => 1009,
        }
    }
}

/// Puts a client's messages together.
#[derive(Debug, Default)]
pub struct Reader {
    /// What has come and is not used yet; never more than one frame and what was read with it.
    bytes: Vec<u8>,
    /// A message whose last frame has not come.
    begun: Option<(Opcode, Vec<u8>)>,
}

/// One frame, its payload unmasked.
struct Frame {
    opcode: Opcode,
    is_last: bool,
    payload: Vec<u8>,
}

impl Reader {
    /// More bytes of the client.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message.
    ///
    /// # Errors
    /// When the client breaks the protocol. The reader is of no use after that.
    pub fn next_message(&mut self) -> Result<Option<Message>, Violation> {
        while let Some(frame) = self.frame()? {
            match frame.opcode {
                Opcode::Ping => return Ok(Some(Message::Ping(frame.payload))),
                Opcode::Pong => return Ok(Some(Message::Pong(frame.payload))),
                Opcode::Close => return Ok(Some(Message::Close(close_code(&frame.payload)))),
                Opcode::Continuation => {
                    let Some((opcode, mut payload)) = self.begun.take() else {
                        return Err(Violation::Malformed);
                    };
                    if payload.len() + frame.payload.len() > MESSAGE_BYTES_MAX {
                        return Err(Violation::TooLong);
                    }
                    payload.extend_from_slice(&frame.payload);
                    if frame.is_last {
                        return whole(opcode, payload).map(Some);
                    }
                    self.begun = Some((opcode, payload));
                }
                Opcode::Text | Opcode::Binary if self.begun.is_some() => {
                    return Err(Violation::Malformed);
                }
                opcode if frame.is_last => return whole(opcode, frame.payload).map(Some),
                opcode => self.begun = Some((opcode, frame.payload)),
            }
        }
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<Frame>, Violation> {
        let [first, second, rest @ ..] = self.bytes.as_slice() else { return Ok(None) };
        let opcode = Opcode::of(first & 0x0F).ok_or(Violation::Malformed)?;
        let is_last = first & 0x80 != 0;
        let is_masked = second & 0x80 != 0;
        if first & 0x70 != 0 || !is_masked {
            return Err(Violation::Malformed);
        }
        let (length, begin) = match second & 0x7F {
            126 => match rest {
                [a, b, ..] => (u64::from(u16::from_be_bytes([*a, *b])), 4),
                _ => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(bytes) => (u64::from_be_bytes(*bytes), 10),
                None => return Ok(None),
            },
            short => (u64::from(short), 2),
        };
        let is_too_long_for_control = length > CONTROL_BYTES_MAX as u64 || !is_last;
        if opcode.is_control() && is_too_long_for_control {
            return Err(Violation::Malformed);
        }
        let length = usize::try_from(length).map_err(|_| Violation::TooLong)?;
        if length > MESSAGE_BYTES_MAX {
            return Err(Violation::TooLong);
        }
        let end = begin + 4 + length;
        if self.bytes.len() < end {
            return Ok(None);
        }
        let mask = [0, 1, 2, 3].map(|at| self.bytes[begin + at]);
        let masked = &self.bytes[begin + 4..end];
        let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        let frame = Frame { opcode, is_last, payload: payload.collect() };
        self.bytes.drain(..end);
        Ok(Some(frame))
    }
}

fn whole(opcode: Opcode, payload: Vec<u8>) -> Result<Message, Violation> {
    if opcode == Opcode::Binary {
        return Ok(Message::Binary(payload));
    }
    String::from_utf8(payload).map(Message::Text).map_err(|_| Violation::NotText)
}

fn close_code(payload: &[u8]) -> Option<u16> {
    payload.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..126 => bytes.push(0x80 | u8::try_from(short).expect("short")),
            medium => {
                bytes.push(0x80 | 126);
                bytes.extend_from_slice(&u16::try_from(medium).expect("medium").to_be_bytes());
            }
        }
        let mask = [7_u8, 1, 200, 33];
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    #[test]
    fn the_handshake_is_that_of_the_standard() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_key("dGhlIHNhbXBsZSBub25jZQ==") && !is_key("c2hvcnQ=") && !is_key("?"));
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let long = "x".repeat(300);
        let mut bytes = masked(0x81, b"one");
        bytes.extend(masked(0x01, b"tw"));
        bytes.extend(masked(0x89, b"between"));
        bytes.extend(masked(0x80, b"o"));
        bytes.extend(masked(0x81, long.as_bytes()));
        bytes.extend(masked(0x88, &1000_u16.to_be_bytes()));
        let mut reader = Reader::default();
        let mut found = Vec::new();
        for byte in bytes {
            reader.push(&[byte]);
            found.extend(reader.next_message().expect("well formed"));
        }
        let expected = [
            Message::Text("one".into()),
            Message::Ping(b"between".to_vec()),
            Message::Text("two".into()),
            Message::Text(long),
            Message::Close(Some(1000)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_breaks_the_protocol_has_its_close_code() {
        let no_mask = vec![0x81, 1, b'a'];
        let huge = [&[0x81, 0xFF][..], &u64::MAX.to_be_bytes()[..]].concat();
        let cases = [
            (no_mask, 1002),
            (huge, 1009),
            (masked(0xF1, b""), 1002),
            (masked(0x83, b""), 1002),
            (masked(0x80, b"no beginning"), 1002),
            (masked(0x09, b"a ping in pieces"), 1002),
            (masked(0x89, &[0; 126]), 1002),
            (masked(0x81, &[0xFF, 0xFE]), 1007),
        ];
        for (bytes, code) in cases {
            let mut reader = Reader::default();
            reader.push(&bytes);
            assert_eq!(reader.next_message().expect_err("refused").code(), code, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_nor_keep_much(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..40)
        ) {
            let mut reader = Reader::default();
            for part in parts {
                reader.push(&part);
                while let Ok(Some(_)) = reader.next_message() {}
            }
        }
    }
}
