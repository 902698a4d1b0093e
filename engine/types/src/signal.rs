//! What a source of signals says about an instrument: an input like any other, with the time at
//! which it reached us.

use crate::{Nanos, Price, Qty, Side};

/// A source of signals, as a run or a session numbers them, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceId(pub u16);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    /// Be long.
    Buy,
    /// Be short, or out where that is not allowed.
    Sell,
    /// Nothing.
    Hold,
    /// Be out.
    Close,
}

impl SignalAction {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::Hold => "hold",
            Self::Close => "close",
        }
    }

    /// The side that it is for, where it is for one.
    #[must_use]
    pub const fn side(self) -> Option<Side> {
        match self {
            Self::Buy => Some(Side::Buy),
            Self::Sell => Some(Side::Sell),
            Self::Hold | Self::Close => None,
        }
    }
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalSize {
    /// It leaves that open.
    Open,
    /// So many lots.
    Quantity(Qty),
    /// As many as make the position this: negative for short.
    Target(Qty),
    /// As many as make the position worth this share of the equity, in billionths: negative for
    /// short.
    WeightE9(i64),
}

/// A price that may not be there, in eight bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaybePrice(i64);

impl MaybePrice {
    /// No price.
    pub const NONE: Self = Self(i64::MIN);

    /// The price; [`None`] where there is none.
    #[must_use]
    pub const fn get(self) -> Option<Price> {
        if self.0 == i64::MIN { None } else { Some(Price::from_ticks(self.0)) }
    }
}

impl From<Option<Price>> for MaybePrice {
    fn from(price: Option<Price>) -> Self {
        price.map_or(Self::NONE, |price| Self(price.ticks()))
    }
}

impl std::fmt::Debug for MaybePrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

/// A signal. Its event's `venue_ns` is when it was issued, `recv_ns` when it reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// As its source names it: sixteen bytes that mean nothing to the engine.
    pub id: [u8; 16],
    /// From when on it says nothing any more (UTC ns).
    pub expires_ns: Nanos,
    /// How much.
    pub size: SignalSize,
    /// The worst price to enter at.
    pub limit: MaybePrice,
    /// Where to give up.
    pub stop: MaybePrice,
    /// Where to take the profit.
    pub target: MaybePrice,
    /// How long from its issue on it is meant for, in seconds.
    pub horizon_s: u32,
    /// How sure its source is, in billionths: 0 to 1,000,000,000.
    pub confidence_e9: u32,
    /// How strong it is, in the same units; as strong as can be where it does not say.
    pub strength_e9: u32,
    /// Whose it is.
    pub source: SourceId,
    /// What is to be done.
    pub action: SignalAction,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_may_be_anything_but_the_least_number() {
        for ticks in [0, -5, i64::MAX] {
            let price = Some(Price::from_ticks(ticks));
            assert_eq!(MaybePrice::from(price).get(), price);
        }
        assert_eq!(MaybePrice::from(None).get(), None);
    }
}
