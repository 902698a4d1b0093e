//! Ids as the venue writes them: whole numbers of nineteen digits in spot, UUIDs elsewhere. Both
//! carry the exchange's own number, so that they can be read back.

use crate::exchange::SymbolId;

use super::profile::Category;

/// What ids of orders in spot begin from.
const SPOT_ORDER: u64 = 1_000_000_000_000_000_000;
/// What ids of trades in spot begin from.
const SPOT_TRADE: u64 = 2_000_000_000_000_000_000;
/// How far the trades of one symbol are from those of the next.
const SPOT_SYMBOL: u64 = 20_000_000_000_000_000;
/// Bits of a number in the last part of a UUID.
const LAST_BITS: u32 = 48;
/// Bits of a number in the part before.
const MIDDLE_BITS: u32 = 12;

/// What a UUID names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Order,
    Trade(SymbolId),
    Funding(SymbolId),
}

impl Kind {
    /// The first parts of the UUID, which differ from id to id.
    fn head(self, id: u64) -> (u32, u16) {
        let salt = match self {
            Self::Order => 0x6f72_6465,
            Self::Trade(symbol) => 0x7472_0000 | u64::from(symbol.0),
            Self::Funding(symbol) => 0x6675_0000 | u64::from(symbol.0),
        };
        let mixed = (id ^ salt.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 32) as u32, (mixed >> 16) as u16)
    }
}

fn uuid(kind: Kind, id: u64) -> String {
    let (first, second) = kind.head(id);
    let last = id & ((1 << LAST_BITS) - 1);
    let middle = (id >> LAST_BITS) & ((1 << MIDDLE_BITS) - 1);
    let third = id >> (LAST_BITS + MIDDLE_BITS);
    format!("{first:08x}-{second:04x}-5{third:03x}-8{middle:03x}-{last:012x}")
}

fn number(kind: Kind, text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [_, _, third, middle, last] = parts[..] else { return None };
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let third = hex(third.strip_prefix('5')?)?;
    let middle = hex(middle.strip_prefix('8')?)?;
    let high = third.checked_shl(LAST_BITS + MIDDLE_BITS)? | (middle << LAST_BITS);
    let id = high | hex(last)?;
    // What was changed anywhere is another id, which nobody has.
    (uuid(kind, id) == text).then_some(id)
}

/// The id of an order.
pub(super) fn order(category: Category, id: u64) -> String {
    match category {
        Category::Spot => SPOT_ORDER.saturating_add(id).to_string(),
        Category::Linear => uuid(Kind::Order, id),
    }
}

/// The exchange's number of an order.
pub(super) fn order_of(category: Category, text: &str) -> Option<u64> {
    match category {
        Category::Spot => text.parse::<u64>().ok()?.checked_sub(SPOT_ORDER),
        Category::Linear => number(Kind::Order, text),
    }
}

/// The id of a trade.
pub(super) fn trade(category: Category, symbol: SymbolId, id: u64) -> String {
    match category {
        Category::Spot => {
            let begin = SPOT_TRADE + SPOT_SYMBOL * u64::from(symbol.0 % 100);
            begin.saturating_add(id).to_string()
        }
        Category::Linear => uuid(Kind::Trade(symbol), id),
    }
}

/// The id of a funding.
pub(super) fn funding(symbol: SymbolId, number: u64) -> String {
    uuid(Kind::Funding(symbol), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_no_others_are() {
        let large = (1 << 53) + 7;
        for category in [Category::Spot, Category::Linear] {
            for id in [1, 77, 1 << 48, large] {
                let text = order(category, id);
                assert_eq!(order_of(category, &text), Some(id), "{text}");
                assert_ne!(trade(category, SymbolId(0), id), trade(category, SymbolId(1), id));
            }
            for wrong in ["", "-", "12", "a-b-c-d-e", "ffffffff-0000-5000-8000-000000000001"] {
                assert_eq!(order_of(category, wrong), None, "{wrong}");
            }
        }
        assert_eq!(order(Category::Spot, 7).len(), 19);
        assert_eq!(order(Category::Linear, 7).len(), 36);
        let short = "00000000-0000-5fffffff-8fffffff-ffffffffffffff";
        assert_eq!(order_of(Category::Linear, short), None);
    }
}
