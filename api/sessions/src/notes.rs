//! What a session writes into its journal beside its events: in JSON, each of a kind.

use qt_journal::Control;
use serde::{Deserialize, Serialize};

use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::time::Time;
use qt_trading::{LimitValue, Switch};

/// What a session has to remember that is in no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SessionNote {
    /// The name of a person whose number follows in events.
    Person {
        /// The number.
        number: u64,
        /// The name.
        name: String,
    },
    /// What a client calls the order that it asks for next.
    Client {
        /// The order.
        order: OrderUid,
        /// The client's name of it.
        client_order_id: String,
    },
    /// Another strategy in a slot, from the next event on.
    Cast(Cast),
    /// Under which lease what follows was written.
    Holder {
        /// Its epoch.
        epoch: u64,
    },
    /// What is said of the decision about a kill switch that comes next.
    Switch {
        /// Who decided.
        people: Vec<String>,
        /// Why.
        reason: String,
        /// The time that names the trip; without it that of the event.
        #[serde(default)]
        at: Option<Time>,
    },
    /// The kill switch of a strategy that has no place, tripped or armed.
    Bar(Switch),
    /// Limits that are in force from the next events on.
    Limits(Limits),
    /// The account's equity at the start of a UTC day, in billionths.
    Day {
        /// The day, counted from 1970-01-01.
        day: i64,
        /// The equity, in JSON as text: buffered numbers of this width cannot be read back.
        #[serde(with = "as_text")]
        equity_nano: i128,
    },
}

/// A strategy in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// The slot, from 0.
    pub slot: u16,
    /// The tenant's strategy.
    pub strategy: StrategyUid,
    /// Its type, as the registry names it.
    pub strategy_type: String,
    /// On which symbols.
    pub symbols: Vec<String>,
    /// All parameters.
    pub parameters: Vec<(String, String)>,
    /// Limits of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitValue>,
}

/// Limits that were changed. Where the process ended before all of them were events, the next one
/// goes on with those that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Rises by one with each change; 1 are those that a session begins with.
    pub version: u64,
    /// Who changed them.
    pub people: Vec<String>,
    /// When.
    pub at: Time,
    /// Those that changed.
    pub changes: Vec<LimitValue>,
}

/// The kind under which all of them stand in a journal.
pub const KIND: u16 = 0x5354;

impl SessionNote {
    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        // Plain data has no way to fail; an empty note would be read as none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What `control` says; none for what is not a session's own.
    ///
    /// # Errors
    /// When it is a session's own and cannot be read.
    pub fn read(control: &Control) -> Result<Option<Self>, serde_json::Error> {
        (control.kind == KIND).then(|| serde_json::from_slice(&control.bytes)).transpose()
    }
}

/// Whole numbers as texts; plain numbers are read as well.
mod as_text {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        deserializer.deserialize_any(Whole)
    }

    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = i128;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number or its text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<i128, E> {
            text.parse().map_err(E::custom)
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<i128, E> {
            Ok(number.into())
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<i128, E> {
            Ok(number.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use qt_journal::Stamp;
    use qt_types::{Nanos, Seq};

    use super::*;

    fn control(kind: u16, bytes: Vec<u8>) -> Control {
        Control { stamp: Stamp { seq: Seq::new(1), at_ns: Nanos::new(2) }, kind, bytes }
    }

    #[test]
    fn every_note_comes_back() {
        let cast = Cast {
            slot: 3,
            strategy: StrategyUid::new(),
            strategy_type: "sma_cross".to_owned(),
            symbols: vec!["AAPL".to_owned()],
            parameters: vec![("fast".to_owned(), "5".to_owned())],
            limits: vec![LimitValue {
                name: "exposure".to_owned(),
                level: "strategy".to_owned(),
                symbol: None,
                value: "5000".parse().map(qt_trading::amount::Amount).unwrap(),
                unit: String::new(),
            }],
        };
        let day = |equity_nano| SessionNote::Day { day: -1, equity_nano };
        let all = [
            SessionNote::Person { number: u64::MAX, name: "a \"b\"".to_owned() },
            SessionNote::Client { order: OrderUid::new(), client_order_id: "x-1".to_owned() },
            SessionNote::Cast(cast),
            SessionNote::Holder { epoch: u64::MAX },
            day(100_000_000_000_000),
            day(i128::MIN),
            day(i128::MAX),
        ];
        for note in all {
            let read = SessionNote::read(&control(KIND, note.bytes()));
            assert_eq!(read.unwrap(), Some(note));
        }
        let old = br#"{"kind":"day","day":7,"equity_nano":-5}"#.to_vec();
        let read = SessionNote::read(&control(KIND, old)).unwrap();
        assert_eq!(read, Some(SessionNote::Day { day: 7, equity_nano: -5 }));
        assert!(SessionNote::read(&control(KIND, b"{}".to_vec())).is_err());
        assert_eq!(SessionNote::read(&control(KIND + 1, b"{}".to_vec())).unwrap(), None);
    }
}
