//! What a venue lacks: data, so that another venue is another value and no other code.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A set of things that a venue cannot do by itself and the engine does in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Lacks(u16);

impl Lacks {
    /// Nothing: the venue does it all.
    pub const NOTHING: Self = Self(0);
    /// Stop orders.
    pub const STOP: Self = Self(1);
    /// Stop-limit orders.
    pub const STOP_LIMIT: Self = Self(1 << 1);
    /// Market-if-touched orders, also known as take-profit orders.
    pub const TAKE_PROFIT: Self = Self(1 << 2);
    /// Limit-if-touched orders.
    pub const LIMIT_IF_TOUCHED: Self = Self(1 << 3);
    /// Trailing stops.
    pub const TRAILING_STOP: Self = Self(1 << 4);
    /// Pairs of which one order cancels the other.
    pub const OCO: Self = Self(1 << 5);
    /// Orders that wait for another one to be filled, brackets among them.
    pub const OTO: Self = Self(1 << 6);
    /// Orders that show a part of themselves at a time.
    pub const ICEBERG: Self = Self(1 << 7);
    /// Orders whose price follows the book.
    pub const PEG: Self = Self(1 << 8);
    /// Orders that end at a time.
    pub const GTD: Self = Self(1 << 9);
    /// Orders that end with the session.
    pub const DAY: Self = Self(1 << 10);
    /// Orders that take what can be had at once and end.
    pub const IOC: Self = Self(1 << 11);
    /// Orders that are executed whole and at once, or not at all.
    pub const FOK: Self = Self(1 << 12);
    /// Orders that only ever add liquidity.
    pub const POST_ONLY: Self = Self(1 << 13);
    /// Orders that only ever make a position smaller.
    pub const REDUCE_ONLY: Self = Self(1 << 14);
    /// Another price or quantity for an order that is there.
    pub const AMEND: Self = Self(1 << 15);

    /// Each thing that can be lacking, with its name.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::STOP, "stop"),
        (Self::STOP_LIMIT, "stop_limit"),
        (Self::TAKE_PROFIT, "take_profit"),
        (Self::LIMIT_IF_TOUCHED, "limit_if_touched"),
        (Self::TRAILING_STOP, "trailing_stop"),
        (Self::OCO, "oco"),
        (Self::OTO, "oto"),
        (Self::ICEBERG, "iceberg"),
        (Self::PEG, "peg"),
        (Self::GTD, "gtd"),
        (Self::DAY, "day"),
        (Self::IOC, "ioc"),
        (Self::FOK, "fok"),
        (Self::POST_ONLY, "post_only"),
        (Self::REDUCE_ONLY, "reduce_only"),
        (Self::AMEND, "amend"),
    ];

    /// Whether all of `other` is lacking.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set and `other` together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and in `other`.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is lacking.
    #[must_use]
    #[inline]
    pub const fn is_nothing(self) -> bool {
        self.0 == 0
    }
}

/// The names, comma-separated.
impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            Self::ALL.iter().filter(|(one, _)| self.has(*one)).map(|(_, name)| *name).collect();
        f.write_str(&names.join(","))
    }
}

/// Reads comma-separated names, with `-` for `_` where one likes; `all` is all of them.
impl FromStr for Lacks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut lacks = Self::NOTHING;
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "all" {
                lacks = Self::ALL.iter().fold(lacks, |lacks, (one, _)| lacks.with(*one));
                continue;
            }
            let plain = name.replace('-', "_");
            let known = Self::ALL.iter().find(|(_, known)| *known == plain);
            let (one, _) = known.ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|(_, name)| *name).collect();
                format!("'{name}' is nothing that a venue can lack: {}, all", names.join(", "))
            })?;
            lacks = lacks.with(*one);
        }
        Ok(lacks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_sets_and_back() {
        assert_eq!("post-only".parse(), Ok(Lacks::POST_ONLY));
        assert_eq!("post_only".parse(), Ok(Lacks::POST_ONLY));
        let lacks: Lacks = "oco, stop".parse().unwrap();
        assert_eq!(lacks, Lacks::STOP.with(Lacks::OCO));
        assert_eq!(lacks.to_string(), "stop,oco");
        assert_eq!("".parse(), Ok(Lacks::NOTHING));
        let all: Lacks = "all".parse().unwrap();
        assert!(Lacks::ALL.iter().all(|(one, _)| all.has(*one)));
        assert_eq!(all.to_string().parse(), Ok(all));
        let error = "stop,moc".parse::<Lacks>().unwrap_err();
        assert!(error.starts_with("'moc' is nothing that a venue can lack: stop, "), "{error}");
    }
}
