//! The ids that our orders have at a venue: always of one length, so that a request is as long
//! whatever its order is called.

use qt_types::OrderId;

/// How long such an id is.
pub const CLIENT_ID_BYTES: usize = MARK.len() + 16;
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

/// The order that `text` names; `None` for an id that is not ours.
#[must_use]
pub fn order(text: &[u8]) -> Option<OrderId> {
    let digits = text.strip_prefix(MARK)?;
    if digits.len() != 16 {
        return None;
    }
    let mut number = 0_u64;
    for byte in digits {
        let digit = HEX.iter().position(|digit| digit == byte)?;
        number = (number << 4) | digit as u64;
    }
    let order = OrderId::new((number >> 48) as u16, number);
    (!order.is_none()).then_some(order)
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
    }
}
