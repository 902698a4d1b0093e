//! Checksums over the digits of the best levels.

use crc32fast::Hasher;

use crate::{Level, Number};

/// How a venue computes the checksum of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The ten best asks, then the ten best bids: price and quantity without point and without
    /// zeros in front.
    AsksThenBids,
    /// The 25 best of both sides by turns, bid first: `price:quantity:price:quantity`.
    ByTurns,
}

impl Scheme {
    /// The CRC-32 of a book; both sides best first.
    pub(crate) fn crc<'a>(
        self,
        bids: impl Iterator<Item = &'a Level>,
        asks: impl Iterator<Item = &'a Level>,
    ) -> u32 {
        let mut hasher = Hasher::new();
        match self {
            Self::AsksThenBids => {
                for level in asks.take(10).chain(bids.take(10)) {
                    digits(&mut hasher, level.price);
                    digits(&mut hasher, level.qty);
                }
            }
            Self::ByTurns => {
                let (mut bids, mut asks, mut first) = (bids.take(25), asks.take(25), true);
                loop {
                    let turn = [bids.next(), asks.next()];
                    if turn == [None, None] {
                        break;
                    }
                    for level in turn.into_iter().flatten() {
                        for number in [level.price, level.qty] {
                            if !first {
                                hasher.update(b":");
                            }
                            first = false;
                            plain(&mut hasher, number);
                        }
                    }
                }
            }
        }
        hasher.finalize()
    }
}

/// The digits of the mantissa, which has no zeros in front.
fn digits(hasher: &mut Hasher, number: Number) {
    let mut text = [0_u8; 20];
    hasher.update(decimal(number.mantissa().unsigned_abs(), 1, &mut text));
}

/// The number as it was written.
fn plain(hasher: &mut Hasher, number: Number) {
    let mut text = [0_u8; 20];
    let decimals = usize::from(number.decimals());
    let digits = decimal(number.mantissa().unsigned_abs(), decimals + 1, &mut text);
    if number.mantissa() < 0 {
        hasher.update(b"-");
    }
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    hasher.update(whole);
    if decimals > 0 {
        hasher.update(b".");
        hasher.update(fraction);
    }
}

/// `value` in decimal, with zeros in front to make `width` digits (20 at most).
fn decimal(mut value: u64, width: usize, text: &mut [u8; 20]) -> &[u8] {
    let mut from = text.len();
    while from > 0 && (value > 0 || text.len() - from < width) {
        from -= 1;
        text[from] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(texts: &[(&str, &str)]) -> Vec<Level> {
        let level = |(price, qty): &(&str, &str)| Level {
            price: Number::parse(price).unwrap(),
            qty: Number::parse(qty).unwrap(),
        };
        texts.iter().map(level).collect()
    }

    #[test]
    fn both_schemes_hash_the_text_that_they_say() {
        let bids = levels(&[("0.05005", "0.00000500"), ("0.05000", "0.00000500")]);
        let asks = levels(&[("30234", "0.052"), ("30243.90", "10"), ("30250", "1.0")]);
        let crc = |scheme: Scheme| scheme.crc(bids.iter(), asks.iter());
        let text = b"3023452302439010302501050055005000500";
        let digits = crc32fast::hash(text);
        assert_eq!(crc(Scheme::AsksThenBids), digits);
        let text = b"0.05005:0.00000500:30234:0.052:0.05000:0.00000500:30243.90:10:30250:1.0";
        assert_eq!(crc(Scheme::ByTurns), crc32fast::hash(text));
        assert_eq!(Scheme::ByTurns.crc([].iter(), [].iter()), crc32fast::hash(b""));
    }

    #[test]
    fn only_the_best_count() {
        let many: Vec<Level> = (1..=40).flat_map(|n| levels(&[(&n.to_string(), "1")])).collect();
        for (scheme, depth) in [(Scheme::AsksThenBids, 10), (Scheme::ByTurns, 25)] {
            let all = scheme.crc(many.iter(), many.iter());
            assert_eq!(all, scheme.crc(many[..depth].iter(), many[..depth].iter()));
            assert_ne!(all, scheme.crc(many[..depth - 1].iter(), many.iter()));
        }
    }

    #[test]
    fn extremes_fit_the_buffer() {
        let mut text = [0; 20];
        assert_eq!(decimal(u64::MAX, 1, &mut text), b"18446744073709551615");
        assert_eq!(decimal(0, 1, &mut text), b"0");
        assert_eq!(decimal(7, 19, &mut text), b"0000000000000000007");
        let least = Number::new(i64::MIN, 18).unwrap();
        plain(&mut Hasher::new(), least);
    }
}
