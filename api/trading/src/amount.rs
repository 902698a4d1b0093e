//! Decimal numbers in JSON: money, prices and quantities are texts, never floats.

use std::fmt::{self, Display, Formatter};

use rust_decimal::Decimal;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact decimal. It is written as a text; a text or a whole number is read, a number with a
/// fraction is refused because JSON readers on the way may have rounded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, utoipa::ToSchema)]
#[schema(value_type = String, example = "101.25")]
pub struct Amount(pub Decimal);

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl From<Decimal> for Amount {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number as a text, like \"101.25\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        let value = is_plain.then(|| Decimal::from_str_exact(text).ok()).flatten();
        value.map(Amount).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn texts_and_whole_numbers_are_read_and_fractions_refused() {
        let read = |json: &str| serde_json::from_str::<Amount>(json);
        assert_eq!(read("\"101.250\"").unwrap().to_string(), "101.25");
        assert_eq!(read("3").unwrap().to_string(), "3");
        assert_eq!(serde_json::to_string(&read("\"-0.10\"").unwrap()).unwrap(), "\"-0.1\"");
        for bad in ["1.5", "\"1e3\"", "\"NaN\"", "\"\"", "\" 1\"", "\"1_000\"", "null", "true"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("\"99999999999999999999999999999999\"").is_err());
    }
}
