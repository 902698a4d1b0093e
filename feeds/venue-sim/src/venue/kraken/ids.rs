//! The venue's ids: a letter for the kind and fifteen more, `OQCLML-BW3P3-BUCMWZ`. They are the
//! exchange's own numbers in another dress, so that each can be found again without a table.

/// Letters and digits of ids.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How many of them an id has behind the letter of its kind.
const CHARS: usize = 16;
/// Bits of a number that is dressed.
const BITS: u32 = 80;
/// Makes numbers that follow each other look unlike; odd, so that there is a way back.
const STIR: u128 = 0x9e37_79b9_7f4a_7c15_f39d;
/// Its inverse modulo 2^80.
const UNSTIR: u128 = inverse(STIR);

const fn inverse(odd: u128) -> u128 {
    // Newton's iteration doubles the right bits each time.
    let (mut found, mut round) = (odd, 0);
    while round < 7 {
        found = found.wrapping_mul(2_u128.wrapping_sub(odd.wrapping_mul(found)));
        round += 1;
    }
    found & ((1 << BITS) - 1)
}

/// What an id is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An order.
    Order,
    /// An execution, or an amendment.
    Trade,
    /// A line of the ledger.
    Ledger,
}

impl Kind {
    const fn letter(self) -> char {
        match self {
            Self::Order => 'O',
            Self::Trade => 'T',
            Self::Ledger => 'L',
        }
    }
}

/// A number of at most 80 bits in the venue's dress.
pub(super) fn id(kind: Kind, number: u128) -> String {
    let mut stirred = number.wrapping_mul(STIR) & ((1 << BITS) - 1);
    let mut letters = [0_u8; CHARS];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS[(stirred & 31) as usize];
        stirred >>= 5;
    }
    let mut text = String::with_capacity(CHARS + 3);
    text.push(kind.letter());
    for (at, letter) in letters.into_iter().enumerate() {
        if at == 5 || at == 10 {
            text.push('-');
        }
        text.push(char::from(letter));
    }
    text
}

/// The number in an id of that kind.
pub(super) fn number(kind: Kind, text: &str) -> Option<u128> {
    let rest = text.strip_prefix(kind.letter())?;
    let [a, b, c] = rest.split('-').collect::<Vec<_>>().try_into().ok()?;
    if (a.len(), b.len(), c.len()) != (5, 5, 6) {
        return None;
    }
    let mut stirred = 0_u128;
    for byte in [a, b, c].concat().bytes() {
        let at = LETTERS.iter().position(|letter| *letter == byte)?;
        stirred = stirred << 5 | at as u128;
    }
    Some(stirred.wrapping_mul(UNSTIR) & ((1 << BITS) - 1))
}

/// The id of an order.
pub(super) fn order(number: u64) -> String {
    id(Kind::Order, u128::from(number))
}

/// The order of an id.
pub(super) fn order_number(text: &str) -> Option<u64> {
    u64::try_from(number(Kind::Order, text)?).ok()
}

/// The id of an execution: both sides of a trade have their own.
pub(super) fn execution(symbol: u16, trade: u64, buys: bool) -> String {
    let side = u128::from(symbol) << 1 | u128::from(buys);
    id(Kind::Trade, side << 64 | u128::from(trade))
}

/// The symbol, the trade and the side of an execution's id.
pub(super) fn execution_number(text: &str) -> Option<(u16, u64, bool)> {
    let number = number(Kind::Trade, text)?;
    let (side, trade) = (number >> 64, number & u128::from(u64::MAX));
    Some((u16::try_from(side >> 1).ok()?, u64::try_from(trade).ok()?, side & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_again() {
        for number in [0, 1, 2, 1 << 53, u64::MAX] {
            let text = order(number);
            assert_eq!((text.len(), text.starts_with('O')), (19, true), "{text}");
            assert_eq!(order_number(&text), Some(number), "{text}");
            for (symbol, buys) in [(0, false), (7, true), (4_095, true)] {
                let text = execution(symbol, number, buys);
                assert_eq!(execution_number(&text), Some((symbol, number, buys)), "{text}");
            }
        }
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn what_is_no_id_has_no_number() {
        let good = order(7);
        for text in ["", "O", "OQCLML-BW3P3", "TQCLML-BW3P3-BUCMWZ", "Oqclml-bw3p3-bucmwz", "é"] {
            assert_eq!(order_number(text), None, "{text}");
        }
        assert_eq!(order_number(&good.to_lowercase()), None);
        assert_eq!(order_number(&format!("{good}A")), None);
    }
}
