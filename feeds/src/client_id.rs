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
    for (place, byte) in digits.chunks_exact_mut(2).zip(order.get().to_be_bytes()) {
        place.copy_from_slice(&hex(byte));
    }
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

/// A byte as two digits.
#[inline(always)]
pub(crate) const fn hex(byte: u8) -> [u8; 2] {
    PAIRS[byte as usize]
}

/// The digits of every byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut at = 0;
    while at < pairs.len() {
        pairs[at] = [HEX[at >> 4], HEX[at & 15]];
        at += 1;
    }
    pairs
};

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

    proptest! {
        #[test]
        fn ids_come_back(epoch in any::<u16>(), counter in 1_u64..1 << 48) {
            let id = OrderId::new(epoch, counter);
            prop_assert_eq!(order(&text(id)), Some(id));
        }
    }
}
