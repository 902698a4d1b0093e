//! The ids that our orders have at a venue: always of one length, so that a request is as long
//! whatever its order is called.

use qt_types::OrderId;

/// How long such an id is.
pub const CLIENT_ID_BYTES: usize = MARK.len() + 16;
/// How long the id of an order is that has taken the place of another one under the same name with
/// us: a letter and four digits more.
pub const REVISED_BYTES: usize = CLIENT_ID_BYTES + 5;
/// Stands before the number of a revision.
const REVISION_MARK: u8 = b'r';
/// Tells our orders from those that someone placed by hand.
const MARK: &[u8; 2] = b"qt";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The id of `order` at a venue.
#[must_use]
#[inline]
pub fn text(order: OrderId) -> [u8; CLIENT_ID_BYTES] {
    let mut text = [0; CLIENT_ID_BYTES];
    let (mark, digits) = text.split_at_mut(MARK.len());
    mark.copy_from_slice(MARK);
    digits.copy_from_slice(hex_of(order.get()).as_flattened());
    text
}

/// The id of one of the orders that a venue has had in the place of one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId {
    bytes: [u8; REVISED_BYTES],
    length: u8,
}

impl ClientId {
    /// No id.
    pub const EMPTY: Self = Self { bytes: [0; REVISED_BYTES], length: 0 };

    /// The id of `order` after `revision` changes for each of which the venue has made another
    /// order of it.
    #[must_use]
    #[inline]
    pub fn new(order: OrderId, revision: u16) -> Self {
        let mut bytes = [0; REVISED_BYTES];
        if let Some(place) = bytes.first_chunk_mut() {
            *place = text(order);
        }
        if revision == 0 {
            return Self { bytes, length: CLIENT_ID_BYTES as u8 };
        }
        let [high, low] = revision.to_be_bytes();
        let [_, _, _, _, digits @ ..] = hex([0, 0, high, low]);
        let [.., mark, a, b, c, d] = &mut bytes;
        (*mark, [*a, *b, *c, *d]) = (REVISION_MARK, digits);
        Self { bytes, length: REVISED_BYTES as u8 }
    }

    /// As the venue has it.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// The order that `text` names; `None` for an id that is not ours.
#[must_use]
pub fn order(text: &[u8]) -> Option<OrderId> {
    revision(text).map(|(order, _)| order)
}

/// The order that `text` names, and how many orders of the venue came before this one in its place.
#[must_use]
pub fn revision(text: &[u8]) -> Option<(OrderId, u16)> {
    let (whole, revision) = match text.strip_prefix(MARK)? {
        [whole @ .., REVISION_MARK, a, b, c, d] => (whole, number(&[*a, *b, *c, *d])?),
        whole => (whole, 0),
    };
    let is_revised = text.len() == REVISED_BYTES;
    // A revision is written only where there is one: no order has two names.
    if whole.len() != 16 || is_revised != (revision != 0) {
        return None;
    }
    let number = number(whole)?;
    let order = OrderId::new((number >> 48) as u16, number);
    (!order.is_none()).then_some((order, u16::try_from(revision).ok()?))
}

fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for byte in digits {
        let digit = HEX.iter().position(|digit| digit == byte)?;
        number = (number << 4) | digit as u64;
    }
    Some(number)
}

/// `number` as 16 digits.
#[inline(always)]
pub(crate) const fn hex_of(number: u64) -> [[u8; 8]; 2] {
    [hex(((number >> 32) as u32).to_be_bytes()), hex((number as u32).to_be_bytes())]
}

/// Four bytes as eight digits, all of them at a time in a word.
#[inline(always)]
pub(crate) const fn hex(bytes: [u8; 4]) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Apart, and then each in two halves, the upper one first.
    let word = u32::from_le_bytes(bytes) as u64;
    let word = (word | word << 16) & 0x0000_ffff_0000_ffff;
    let word = (word | word << 8) & 0x00ff_00ff_00ff_00ff;
    let halves = (word >> 4 | word << 8) & (0x0f * EACH);
    // Ten is an `a`, 39 places behind what follows the nine.
    let letters = (halves.wrapping_add(6 * EACH) >> 4) & EACH;
    let digits = halves.wrapping_add(b'0' as u64 * EACH);
    digits.wrapping_add(letters.wrapping_mul(39)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_of_others_are_not_ours() {
        assert_eq!(&text(OrderId::new(7, 0x1234)), b"qt0007000000001234");
        for other in [
            "",
            "qt",
            "qt000700000000123",
            "qt00070000000012345",
            "qT0007000000001234",
            "qt000700000000123G",
            "qt000700000000123A",
            "qt0000000000000000",
            "web_5b1c3d",
            "qt0007000000001234r",
            "qt0007000000001234r000",
            "qt0007000000001234r0000",
            "qt0007000000001234r00001",
            "qt0007000000001234x0001",
            "qt0007000000001234r000G",
        ] {
            assert_eq!(order(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn every_byte_has_its_digits() {
        for byte in 0..=u8::MAX {
            let bytes = [byte, !byte, 0, byte];
            let wanted: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex(bytes), wanted.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn ids_come_back(epoch in any::<u16>(), counter in 1_u64..1 << 48) {
            let id = OrderId::new(epoch, counter);
            prop_assert_eq!(order(&text(id)), Some(id));
        }

        #[test]
        fn revisions_come_back(
            epoch in any::<u16>(),
            counter in 1_u64..1 << 48,
            at in any::<u16>(),
        ) {
            let id = OrderId::new(epoch, counter);
            let named = ClientId::new(id, at);
            prop_assert_eq!(revision(named.as_bytes()), Some((id, at)));
            prop_assert!(named.as_bytes().starts_with(&text(id)));
            prop_assert!(named.as_bytes().len() <= 36, "the venue takes 36 characters");
        }

        #[test]
        fn whatever_is_read_is_written_again(text in "qt[0-9a-f]{16}(r[0-9a-f]{4})?") {
            if let Some((order, at)) = revision(text.as_bytes()) {
                let written = ClientId::new(order, at);
                prop_assert_eq!(written.as_str(), text);
            }
        }
    }
}
