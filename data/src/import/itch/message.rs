//! NASDAQ ITCH 5.0: the messages, and their decoder.

/// Bytes of the part that all messages begin with.
const HEAD_BYTES: usize = 11;

/// Every message type with its length. Types of later versions of the protocol are in it.
const LENGTHS: [(u8, u8); 23] = [
    (b'S', 12),
    (b'R', 39),
    (b'H', 25),
    (b'Y', 20),
    (b'L', 26),
    (b'V', 35),
    (b'W', 12),
    (b'K', 28),
    (b'J', 35),
    (b'h', 21),
    (b'A', 36),
    (b'F', 40),
    (b'E', 31),
    (b'C', 36),
    (b'X', 23),
    (b'D', 19),
    (b'U', 35),
    (b'P', 44),
    (b'Q', 40),
    (b'B', 19),
    (b'I', 50),
    (b'N', 20),
    (b'O', 48),
];

const fn by_type() -> [u8; 256] {
    let mut lengths = [0; 256];
    let mut at = 0;
    while at < LENGTHS.len() {
        let (kind, length) = LENGTHS[at];
        lengths[kind as usize] = length;
        at += 1;
    }
    lengths
}

const LENGTH_OF: [u8; 256] = by_type();

/// The length of messages of type `kind`; `None` for a type that is not known.
#[must_use]
pub const fn length_of(kind: u8) -> Option<usize> {
    match LENGTH_OF[kind as usize] {
        0 => None,
        length => Some(length as usize),
    }
}

/// When a message was sent, and about what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The stock's number of the day; zero in messages about all.
    pub locate: u16,
    /// Nanoseconds since midnight in New York.
    pub since_midnight_ns: i64,
}

/// What a message says. Prices have four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `S`: the day's course.
    System {
        /// `O S Q M E C`: start of messages, of system hours, of market hours; their ends.
        event: u8,
    },
    /// `H`: whether a stock trades.
    Action {
        /// The stock, padded with spaces.
        stock: [u8; 8],
        /// `H` halted, `P` paused, `Q` quotes only, `T` trading.
        state: u8,
    },
    /// `A`, `F`: an order rests.
    Add {
        /// Its number of the day.
        order: u64,
        /// Whether it sells.
        sells: bool,
        /// How many shares.
        shares: u32,
        /// The stock, padded with spaces.
        stock: [u8; 8],
        /// Its price.
        price: u32,
    },
    /// `E`: shares of a resting order were executed at its price.
    Execute {
        /// The order.
        order: u64,
        /// How many shares.
        shares: u32,
    },
    /// `C`: the same at another price.
    ExecuteAt {
        /// The order.
        order: u64,
        /// How many shares.
        shares: u32,
        /// Whether it counts as a trade of its own; others are told in a bulk print.
        printable: bool,
        /// The price.
        price: u32,
    },
    /// `X`: fewer shares of an order rest.
    Cancel {
        /// The order.
        order: u64,
        /// How many fewer.
        shares: u32,
    },
    /// `D`: an order rests no more.
    Delete {
        /// The order.
        order: u64,
    },
    /// `U`: an order is replaced by another one, which waits behind all others.
    Replace {
        /// The order that rests no more.
        old: u64,
        /// The order that rests now.
        new: u64,
        /// How many shares rest now.
        shares: u32,
        /// At which price.
        price: u32,
    },
    /// `P`: a trade with an order that was not shown.
    Trade {
        /// How many shares.
        shares: u32,
        /// The stock, padded with spaces.
        stock: [u8; 8],
        /// The price.
        price: u32,
    },
    /// `Q`: the trades of an auction.
    Cross {
        /// How many shares; zero when nobody met.
        shares: u64,
        /// The stock, padded with spaces.
        stock: [u8; 8],
        /// The price.
        price: u32,
    },
    /// `B`: an execution did not count.
    Broken {
        /// Its match number.
        matched: u64,
    },
    /// A known message that says nothing about orders or trades: its type.
    Silent(u8),
    /// A message of a type that is not known.
    Unknown(u8),
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItchIssue {
    /// No bytes at all.
    Empty,
    /// Another length than messages of its type have.
    Length {
        /// The type.
        kind: u8,
        /// The bytes there are.
        bytes: usize,
        /// The bytes there should be.
        wanted: usize,
    },
    /// A side that is neither `B` nor `S`.
    Side(u8),
}

impl std::fmt::Display for ItchIssue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |byte: u8| (byte as char).escape_debug().to_string();
        match self {
            Self::Empty => f.write_str("an empty message"),
            Self::Length { kind, bytes, wanted } => {
                write!(f, "a message '{}' of {bytes} bytes, not {wanted}", shown(*kind))
            }
            Self::Side(side) => write!(f, "an order of the side '{}'", shown(*side)),
        }
    }
}

/// Decodes one message, without the two bytes of its length.
///
/// # Errors
/// When it has not the form of its type.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<(Head, Message), ItchIssue> {
    let Some(kind) = bytes.first().copied() else { return Err(ItchIssue::Empty) };
    let message = match kind {
        b'A' => {
            let m: &[u8; 36] = exact(bytes)?;
            add(at(m, 11), m[19], at(m, 20), at(m, 24), at(m, 32))?
        }
        b'D' => {
            let m: &[u8; 19] = exact(bytes)?;
            Message::Delete { order: wide(at(m, 11)) }
        }
        b'U' => {
            let m: &[u8; 35] = exact(bytes)?;
            let (old, new) = (wide(at(m, 11)), wide(at(m, 19)));
            Message::Replace { old, new, shares: word(at(m, 27)), price: word(at(m, 31)) }
        }
        b'E' => {
            let m: &[u8; 31] = exact(bytes)?;
            Message::Execute { order: wide(at(m, 11)), shares: word(at(m, 19)) }
        }
        b'X' => {
            let m: &[u8; 23] = exact(bytes)?;
            Message::Cancel { order: wide(at(m, 11)), shares: word(at(m, 19)) }
        }
        b'F' => {
            let m: &[u8; 40] = exact(bytes)?;
            add(at(m, 11), m[19], at(m, 20), at(m, 24), at(m, 32))?
        }
        b'C' => {
            let m: &[u8; 36] = exact(bytes)?;
            Message::ExecuteAt {
                order: wide(at(m, 11)),
                shares: word(at(m, 19)),
                printable: m[31] != b'N',
                price: word(at(m, 32)),
            }
        }
        b'P' => {
            let m: &[u8; 44] = exact(bytes)?;
            Message::Trade { shares: word(at(m, 20)), stock: at(m, 24), price: word(at(m, 32)) }
        }
        _ => rare(kind, bytes)?,
    };
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
        // Only a message of an unknown type can be so short.
        return Ok((Head { locate: 0, since_midnight_ns: 0 }, message));
    };
    let [_, l0, l1, _, _, t0, t1, t2, t3, t4, t5] = *head;
    let ns = u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]);
    Ok((Head { locate: u16::from_be_bytes([l0, l1]), since_midnight_ns: ns as i64 }, message))
}

// The messages of which there are few.
fn rare(kind: u8, bytes: &[u8]) -> Result<Message, ItchIssue> {
    Ok(match kind {
        b'S' => {
            let m: &[u8; 12] = exact(bytes)?;
            Message::System { event: m[11] }
        }
        b'H' => {
            let m: &[u8; 25] = exact(bytes)?;
            Message::Action { stock: at(m, 11), state: m[19] }
        }
        b'Q' => {
            let m: &[u8; 40] = exact(bytes)?;
            Message::Cross { shares: wide(at(m, 11)), stock: at(m, 19), price: word(at(m, 27)) }
        }
        b'B' => {
            let m: &[u8; 19] = exact(bytes)?;
            Message::Broken { matched: wide(at(m, 11)) }
        }
        _ => match length_of(kind) {
            Some(wanted) if wanted != bytes.len() => return Err(length(bytes, wanted)),
            Some(_) => Message::Silent(kind),
            None => Message::Unknown(kind),
        },
    })
}

#[inline]
fn add(
    order: [u8; 8],
    side: u8,
    shares: [u8; 4],
    stock: [u8; 8],
    price: [u8; 4],
) -> Result<Message, ItchIssue> {
    let sells = match side {
        b'B' => false,
        b'S' => true,
        other => return Err(ItchIssue::Side(other)),
    };
    Ok(Message::Add { order: wide(order), sells, shares: word(shares), stock, price: word(price) })
}

#[inline]
fn exact<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], ItchIssue> {
    <&[u8; N]>::try_from(bytes).map_err(|_| length(bytes, N))
}

#[cold]
fn length(bytes: &[u8], wanted: usize) -> ItchIssue {
    let kind = bytes.first().copied().unwrap_or(0);
    ItchIssue::Length { kind, bytes: bytes.len(), wanted }
}

// `N` bytes from `from` on, which all callers keep inside the message.
#[inline]
fn at<const M: usize, const N: usize>(message: &[u8; M], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&message[from..from + N]);
    part
}

#[inline]
const fn word(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}

#[inline]
const fn wide(bytes: [u8; 8]) -> u64 {
    u64::from_be_bytes(bytes)
}

/// The messages in a piece of a file: two bytes of length before each.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Frames<'a> {
    /// The messages at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that were passed so far: where the next message begins.
    #[must_use]
    pub const fn passed(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let [high, low] = *rest.first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let message = rest.get(2..2 + length)?;
        self.at += 2 + length;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length as u8).collect();
        bytes[0] = kind;
        if matches!(kind, b'A' | b'F') {
            bytes[19] = b'S';
        }
        bytes
    }

    #[test]
    fn every_type_is_known_by_its_length() {
        for (kind, length) in LENGTHS.iter() {
            let bytes = message(*kind, usize::from(*length));
            let (head, _) = decode(&bytes).unwrap();
            assert_eq!(head, Head { locate: 0x0102, since_midnight_ns: 0x0506_0708_090a });
            for wrong in [&bytes[..bytes.len() - 1], &message(*kind, bytes.len() + 1)] {
                let issue = decode(wrong).unwrap_err();
                let text = issue.to_string();
                assert!(text.contains(&format!("not {length}")), "{text}");
            }
        }
        assert_eq!(decode(&message(b'z', 30)).unwrap().1, Message::Unknown(b'z'));
        assert_eq!(decode(b"z").unwrap().1, Message::Unknown(b'z'));
        assert_eq!(decode(&[]), Err(ItchIssue::Empty));
        assert_eq!(length_of(b'T'), None);
    }

    #[test]
    fn fields_are_where_the_specification_has_them() {
        let order = 0x0b0c_0d0e_0f10_1112;
        let stock = [0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f];
        let said = |kind, length| decode(&message(kind, length)).unwrap().1;
        let (shares, price) = (0x1415_1617, 0x2021_2223);
        let add = Message::Add { order, sells: true, shares, stock, price };
        assert_eq!((said(b'A', 36), said(b'F', 40)), (add, add));
        let shares = 0x1314_1516;
        assert_eq!(said(b'E', 31), Message::Execute { order, shares });
        assert_eq!(said(b'X', 23), Message::Cancel { order, shares });
        let at = Message::ExecuteAt { order, shares, printable: true, price };
        assert_eq!(said(b'C', 36), at);
        assert_eq!(said(b'D', 19), Message::Delete { order });
        let new = 0x1314_1516_1718_191a;
        let (shares, price) = (0x1b1c_1d1e, 0x1f20_2122);
        assert_eq!(said(b'U', 35), Message::Replace { old: order, new, shares, price });
        let (shares, price) = (0x1415_1617, 0x2021_2223);
        assert_eq!(said(b'P', 44), Message::Trade { shares, stock, price });
        let stock = [0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a];
        assert_eq!(said(b'Q', 40), Message::Cross { shares: order, stock, price: 0x1b1c_1d1e });
        let stock = [0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12];
        assert_eq!(said(b'H', 25), Message::Action { stock, state: 0x13 });
        assert_eq!(said(b'S', 12), Message::System { event: 0x0b });
        assert_eq!(said(b'B', 19), Message::Broken { matched: order });
        let mut odd = message(b'A', 36);
        odd[19] = b'x';
        assert_eq!(decode(&odd), Err(ItchIssue::Side(b'x')));
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_and_decoded_without_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = decode(&bytes);
            let mut frames = Frames::new(&bytes);
            let mut passed = 0;
            for frame in frames.by_ref() {
                passed += frame.len() + 2;
                let _ = decode(frame);
            }
            prop_assert_eq!(passed, frames.passed());
        }
    }
}
