//! What the venue's codes and texts of errors mean, as data. `docs/VENUE.md` shows this table, and
//! a test holds the page against it.

use qt_types::RejectReason as Reason;

/// What an error says about what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It was not done, and will not be.
    Refused(Reason),
    /// It was not done: we ask too often.
    TooOften,
    /// It was not done: by the venue's clock it came too late, or too early.
    Clock,
    /// It was not done: the key is none, may not do that, or its secret is another one.
    Keys,
    /// There is no such order.
    NoOrder,
    /// It may have been done or not.
    Unknown,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The venue's code.
    pub code: i32,
    /// What its text contains; empty for all other texts with this code.
    pub text: &'static str,
    /// What that means.
    pub meaning: Meaning,
}

const fn row(code: i32, text: &'static str, meaning: Meaning) -> Row {
    Row { code, text, meaning }
}

const fn refused(code: i32, text: &'static str, reason: Reason) -> Row {
    row(code, text, Meaning::Refused(reason))
}

/// Codes and texts; the first row that fits counts. A code that is not in it is a refusal.
pub const TABLE: &[Row] = &[
    row(-1000, "", Meaning::Unknown),
    row(-1001, "", Meaning::Unknown),
    row(-1002, "", Meaning::Keys),
    row(-1003, "", Meaning::TooOften),
    row(-1006, "", Meaning::Unknown),
    row(-1007, "", Meaning::Unknown),
    row(-1008, "", Meaning::Unknown),
    refused(-1013, "PRICE_FILTER", Reason::TickSize),
    refused(-1013, "LOT_SIZE", Reason::LotSize),
    refused(-1013, "NOTIONAL", Reason::MinNotional),
    refused(-1013, "PERCENT_PRICE", Reason::PriceBand),
    refused(-1013, "PRICE_RANGE", Reason::PriceBand),
    refused(-1013, "MAX_NUM", Reason::OrdersOpenMax),
    refused(-1013, "Market is closed", Reason::Halted),
    refused(-1013, "zero or less", Reason::MinNotional),
    refused(-1013, "", Reason::VenueRefused),
    row(-1015, "", Meaning::TooOften),
    row(-1016, "", Meaning::Unknown),
    row(-1021, "", Meaning::Clock),
    row(-1022, "", Meaning::Keys),
    refused(-1034, "", Reason::Throttled),
    refused(-1111, "rice", Reason::TickSize),
    refused(-1111, "", Reason::LotSize),
    refused(-1112, "", Reason::NoLiquidity),
    refused(-1121, "", Reason::InstrumentExpired),
    refused(-2010, "insufficient balance", Reason::InsufficientFunds),
    refused(-2010, "immediately match and take", Reason::WouldTake),
    // There is an open order of that id: whether it is ours, and how it stands, is to be asked.
    row(-2010, "Duplicate order", Meaning::Unknown),
    refused(-2010, "Market is closed", Reason::Halted),
    refused(-2010, "zero or less", Reason::MinNotional),
    refused(-2010, "liquidity is less", Reason::NoLiquidity),
    refused(-2010, "", Reason::VenueRefused),
    refused(-2011, "cancel restrictions", Reason::InvalidReplace),
    row(-2011, "", Meaning::NoOrder),
    row(-2013, "", Meaning::NoOrder),
    row(-2014, "", Meaning::Keys),
    row(-2015, "", Meaning::Keys),
    refused(-2021, "", Reason::InvalidReplace),
    refused(-2022, "", Reason::InvalidReplace),
    row(-2026, "", Meaning::NoOrder),
    refused(-2038, "", Reason::InvalidReplace),
    refused(-2039, "", Reason::UnknownOrder),
];

/// Codes that futures have of their own, or use otherwise; all others mean what [`TABLE`] says.
pub const OF_FUTURES: &[Row] = &[
    refused(-2018, "", Reason::InsufficientFunds),
    refused(-2019, "", Reason::InsufficientFunds),
    refused(-2020, "", Reason::NoLiquidity),
    refused(-2021, "", Reason::VenueRefused),
    refused(-2022, "", Reason::NothingToReduce),
    refused(-2023, "", Reason::Liquidated),
    refused(-2024, "", Reason::NothingToReduce),
    refused(-2025, "", Reason::OrdersOpenMax),
    refused(-2026, "", Reason::VenueRefused),
    refused(-2027, "", Reason::InsufficientFunds),
    refused(-2028, "", Reason::InsufficientFunds),
    refused(-4003, "", Reason::LotSize),
    refused(-4004, "", Reason::LotSize),
    refused(-4005, "", Reason::LotSize),
    refused(-4014, "", Reason::TickSize),
    refused(-4016, "", Reason::PriceBand),
    refused(-4023, "", Reason::LotSize),
    refused(-4061, "", Reason::VenueRefused),
    refused(-4108, "", Reason::Halted),
    // There is an open order of that id: whether it is ours, and how it stands, is to be asked.
    row(-4116, "", Meaning::Unknown),
    refused(-4120, "", Reason::VenueRefused),
    refused(-4131, "", Reason::PriceBand),
    refused(-4164, "", Reason::MinNotional),
    refused(-5021, "", Reason::NotImmediate),
    refused(-5022, "", Reason::WouldTake),
    refused(-5027, "", Reason::InvalidReplace),
];

/// What status, code and text of an error mean. Whatever has gone wrong inside the venue (5xx) says
/// nothing about what became of the request.
#[must_use]
pub fn meaning(status: u16, code: i32, text: &str) -> Meaning {
    meaning_with(&[], status, code, text)
}

/// The same where the rows of `own` come before those of [`TABLE`].
#[must_use]
pub fn meaning_with(own: &[Row], status: u16, code: i32, text: &str) -> Meaning {
    if status >= 500 {
        return Meaning::Unknown;
    }
    let fits = |row: &&Row| row.code == code && text.contains(row.text);
    let known = own.iter().chain(TABLE).find(fits).map(|row| row.meaning);
    match status {
        429 | 418 => Meaning::TooOften,
        403 if known.is_none() => Meaning::TooOften,
        _ => known.unwrap_or(Meaning::Refused(Reason::VenueRefused)),
    }
}

/// Why an order was refused, by the reason in its report.
pub const REJECTED: &[(&str, Reason)] = &[
    ("INSUFFICIENT_BALANCES", Reason::InsufficientFunds),
    ("WOULD_MATCH_IMMEDIATELY", Reason::WouldTake),
    ("STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY", Reason::VenueRefused),
    ("OCO_BAD_PRICES", Reason::VenueRefused),
];

/// The reason of an order that was refused.
#[must_use]
pub fn rejected(text: &str) -> Reason {
    // Some are told by the code of an error.
    if let Ok(code) = text.parse::<i32>() {
        return match meaning(400, code, "") {
            Meaning::Refused(reason) => reason,
            Meaning::TooOften => Reason::Throttled,
            _ => Reason::VenueRefused,
        };
    }
    REJECTED.iter().find(|(name, _)| *name == text).map_or(Reason::VenueRefused, |row| row.1)
}

/// Why the venue ended an order, by the expiry reason in its report.
pub const EXPIRED: &[(&str, Reason)] = &[
    ("UNFILLED_IOC_QUANTITY_EXPIRED", Reason::NotImmediate),
    ("UNFILLED_FOK_ORDER_EXPIRED", Reason::NotImmediate),
    ("INSUFFICIENT_LIQUIDITY", Reason::NoLiquidity),
    ("EXECUTION_RULE_PRICE_RANGE_EXCEEDED", Reason::PriceBand),
    ("OCO_TRIGGER", Reason::OcoFilled),
    ("OTO_PHASE_ONE_EXPIRED", Reason::ParentEnded),
    ("EXCHANGE_CANCELED", Reason::VenueRefused),
    ("REJECTED", Reason::VenueRefused),
];

/// The reason of an order that ended by itself: what the venue says, else what follows from the
/// order's kind and its time in force.
#[must_use]
pub fn expired(expiry: &str, kind: &str, life: &str) -> Reason {
    if let Some(row) = EXPIRED.iter().find(|(name, _)| *name == expiry) {
        // A limit order that wants all at once ends because of that, whatever was in the book.
        let is_book = row.1 == Reason::NoLiquidity;
        if !(is_book && matches!(life, "IOC" | "FOK") && kind != "MARKET") {
            return row.1;
        }
    }
    match (kind, life) {
        ("MARKET", _) => Reason::NoLiquidity,
        (_, "IOC" | "FOK") => Reason::NotImmediate,
        (_, "GTX") => Reason::WouldTake,
        _ => Reason::VenueRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_reached_by_its_own_text() {
        for (at, row) in TABLE.iter().enumerate() {
            let text = format!("some words {} and more", row.text);
            assert_eq!(meaning(400, row.code, &text), row.meaning, "{row:?}");
            // No row hides behind one before it.
            let hides = |before: &&Row| before.code == row.code && row.text.contains(before.text);
            let hidden = TABLE[..at].iter().find(hides);
            assert!(hidden.is_none(), "{row:?} behind {hidden:?}");
            assert_eq!(meaning(503, row.code, &text), Meaning::Unknown);
        }
    }

    #[test]
    fn futures_have_words_of_their_own() {
        for row in OF_FUTURES {
            assert_eq!(meaning_with(OF_FUTURES, 400, row.code, "words"), row.meaning, "{row:?}");
            assert_eq!(meaning_with(OF_FUTURES, 500, row.code, "words"), Meaning::Unknown);
        }
        let both =
            |code, text| (meaning_with(OF_FUTURES, 400, code, text), meaning(400, code, text));
        let reduce = Meaning::Refused(Reason::NothingToReduce);
        let replace = Meaning::Refused(Reason::InvalidReplace);
        assert_eq!(both(-2022, "ReduceOnly Order is rejected."), (reduce, replace));
        let same = Meaning::NoOrder;
        assert_eq!(both(-2011, "Unknown order sent."), (same, same));
        assert_eq!(expired("", "LIMIT", "GTX"), Reason::WouldTake);
    }

    #[test]
    fn texts_of_the_documents() {
        use Meaning::{NoOrder, Refused, TooOften, Unknown};
        let filter = |name: &str| format!("Filter failure: {name}");
        for (status, code, text, wanted) in [
            (400, -1013, filter("PRICE_FILTER"), Refused(Reason::TickSize)),
            (400, -1013, filter("PERCENT_PRICE_BY_SIDE"), Refused(Reason::PriceBand)),
            (400, -1013, filter("PERCENT_PRICE"), Refused(Reason::PriceBand)),
            (400, -1013, filter("LOT_SIZE"), Refused(Reason::LotSize)),
            (400, -1013, filter("MARKET_LOT_SIZE"), Refused(Reason::LotSize)),
            (400, -1013, filter("MIN_NOTIONAL"), Refused(Reason::MinNotional)),
            (400, -1013, filter("NOTIONAL"), Refused(Reason::MinNotional)),
            (400, -1013, filter("MAX_NUM_ORDERS"), Refused(Reason::OrdersOpenMax)),
            (400, -1013, filter("EXCHANGE_MAX_NUM_ORDERS"), Refused(Reason::OrdersOpenMax)),
            (400, -1013, filter("ICEBERG_PARTS"), Refused(Reason::VenueRefused)),
            (400, -1013, filter("MAX_POSITION"), Refused(Reason::VenueRefused)),
            (400, -1013, "something new".into(), Refused(Reason::VenueRefused)),
            (
                400,
                -1111,
                "Parameter 'price' has too much precision.".into(),
                Refused(Reason::TickSize),
            ),
            (
                400,
                -1111,
                "Parameter 'quantity' has too much precision.".into(),
                Refused(Reason::LotSize),
            ),
            (
                400,
                -2010,
                "Account has insufficient balance for requested action.".into(),
                Refused(Reason::InsufficientFunds),
            ),
            (
                400,
                -2010,
                "Order would immediately match and take.".into(),
                Refused(Reason::WouldTake),
            ),
            (400, -2010, "Duplicate order sent.".into(), Unknown),
            (400, -2010, "Market is closed.".into(), Refused(Reason::Halted)),
            (400, -2010, "words of tomorrow".into(), Refused(Reason::VenueRefused)),
            (400, -2011, "Unknown order sent.".into(), NoOrder),
            (
                400,
                -2011,
                "Order was not canceled due to cancel restrictions.".into(),
                Refused(Reason::InvalidReplace),
            ),
            (400, -2013, "Order does not exist.".into(), NoOrder),
            (429, -1003, "Too many requests".into(), TooOften),
            (418, 0, String::new(), TooOften),
            (403, 0, String::new(), TooOften),
            (400, -9999, "unheard of".into(), Refused(Reason::VenueRefused)),
            (500, -2010, "Market is closed.".into(), Unknown),
            (504, 0, String::new(), Unknown),
            (400, -1006, "An unexpected response was received".into(), Unknown),
            (400, -1007, "Timeout waiting for response".into(), Unknown),
        ] {
            assert_eq!(meaning(status, code, &text), wanted, "{status} {code} {text}");
        }
    }

    #[test]
    fn ends_without_a_wish() {
        for (expiry, kind, life, wanted) in [
            ("", "LIMIT", "IOC", Reason::NotImmediate),
            ("", "LIMIT", "FOK", Reason::NotImmediate),
            ("", "MARKET", "GTC", Reason::NoLiquidity),
            ("", "LIMIT", "GTC", Reason::VenueRefused),
            ("INSUFFICIENT_LIQUIDITY", "LIMIT", "IOC", Reason::NotImmediate),
            ("INSUFFICIENT_LIQUIDITY", "MARKET", "", Reason::NoLiquidity),
            ("EXCHANGE_CANCELED", "LIMIT", "GTC", Reason::VenueRefused),
            ("EXECUTION_RULE_PRICE_RANGE_EXCEEDED", "LIMIT", "GTC", Reason::PriceBand),
            ("news", "MARKET", "GTC", Reason::NoLiquidity),
        ] {
            assert_eq!(expired(expiry, kind, life), wanted, "{expiry} {kind} {life}");
        }
        assert_eq!(rejected("INSUFFICIENT_BALANCES"), Reason::InsufficientFunds);
        assert_eq!(rejected("-2010"), Reason::VenueRefused);
        assert_eq!(rejected("-1015"), Reason::Throttled);
        assert_eq!(rejected("NEWS"), Reason::VenueRefused);
    }
}
