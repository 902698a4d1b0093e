//! What a request says, by name: out of a form, a JSON body or the `params` of a socket. Numbers
//! stay the digits that were sent.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::exchange::units::{UnitsError, parse_units};

use super::errors::{Refused, invalid};

/// More fields than any request has.
const FIELDS_MAX: usize = 100;

/// The fields of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields {
    all: BTreeMap<String, String>,
}

impl Fields {
    /// Out of a query or a form: `a=1&b=%20`.
    pub(super) fn of_form(text: &str) -> Result<Self, Refused> {
        let mut all = BTreeMap::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let decoded = decode(name).zip(decode(value));
            let (name, value) =
                decoded.ok_or_else(|| Refused::new("EGeneral:Invalid arguments"))?;
            if all.len() == FIELDS_MAX {
                return Err(Refused::new("EGeneral:Too many arguments"));
            }
            all.insert(name, value);
        }
        Ok(Self { all })
    }

    /// Out of a JSON object. Texts lose their quotes, everything else stays as it is written;
    /// what is null is not there.
    pub(super) fn of_json(text: &str) -> Option<Self> {
        let map: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        let mut all = BTreeMap::new();
        for (name, value) in map {
            let text = value.get();
            let value = if text.starts_with('"') {
                serde_json::from_str(text).ok()?
            } else {
                text.to_owned()
            };
            if value != "null" && all.len() < FIELDS_MAX {
                all.insert(name, value);
            }
        }
        Some(Self { all })
    }

    /// The field, unless it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.all.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The field, which must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Refused> {
        self.text(name).ok_or_else(|| invalid(name))
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    /// Adds a field, or gives it another value.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.all.insert(name.to_owned(), value.to_owned());
    }

    /// True or false; false when it is not there.
    pub(super) fn truth(&self, name: &str) -> Result<bool, Refused> {
        Ok(self.maybe_truth(name)?.unwrap_or(false))
    }

    /// True or false, where it is there.
    pub(super) fn maybe_truth(&self, name: &str) -> Result<Option<bool>, Refused> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "True" | "TRUE" | "1") => Ok(Some(true)),
            Some("false" | "False" | "FALSE" | "0") => Ok(Some(false)),
            Some(_) => Err(invalid(name)),
        }
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| invalid(name))
    }

    /// A list: `a,b`, or one in JSON.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, Refused> {
        let Some(text) = self.text(name) else { return Ok(Vec::new()) };
        if text.starts_with('[') {
            let all: Vec<serde_json::Value> =
                serde_json::from_str(text).map_err(|_| invalid(name))?;
            let one = |value: &serde_json::Value| match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            return Ok(all.iter().map(one).collect());
        }
        Ok(text.split(',').map(|one| one.trim().to_owned()).collect())
    }

    /// The objects of a list in JSON.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, Refused> {
        let text = self.need(name)?;
        let all: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| invalid(name))?;
        all.iter().map(|raw| Self::of_json(raw.get()).ok_or_else(|| invalid(name))).collect()
    }

    /// The fields of an object in JSON, where it is there.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        Self::of_json(text).map(Some).ok_or_else(|| invalid(name))
    }
}

/// The units of 10^-`decimals` in a number that may be written with an exponent, as clients do
/// that make JSON out of floating point.
pub(super) fn units(text: &str, decimals: u8) -> Result<i64, UnitsError> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return parse_units(text, decimals);
    };
    let exponent: i32 = exponent.parse().map_err(|_| UnitsError::NoNumber)?;
    if !(-30..=30).contains(&exponent) {
        return Err(UnitsError::TooFine);
    }
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() + part.len() > 60 || !is_digits(whole) || !is_digits(part) {
        return Err(UnitsError::NoNumber);
    }
    let all = format!("{whole}{part}");
    let point = i32::try_from(whole.len()).unwrap_or(0) + exponent;
    let plain = match usize::try_from(point) {
        Ok(point) if point >= all.len() => format!("{all:0<point$}"),
        Ok(point) if point > 0 => format!("{}.{}", &all[..point], &all[point..]),
        _ => format!("0.{}{all}", "0".repeat(point.unsigned_abs() as usize)),
    };
    parse_units(&format!("{sign}{plain}"), decimals)
}

/// `%41+b` is `A b`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let [high, low, tail @ ..] = rest else { return None };
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = tail;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_and_objects_say_the_same() {
        let form = Fields::of_form("price=37500&volume=1.250&x=%20y+z").expect("a form");
        let json = Fields::of_json(r#"{"price":37500,"volume":1.250,"x":" y z","n":null}"#);
        assert_eq!(Some(form), json);
        assert!(Fields::of_form("a=%zz").is_err() && Fields::of_form("a=%ff").is_err());
        assert_eq!(Fields::of_json("[1]"), None);
        let lists = Fields::of_form("a=x,y&b=[\"x\",7]").expect("a form");
        assert_eq!(lists.list("a"), Ok(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(lists.list("b"), Ok(vec!["x".to_owned(), "7".to_owned()]));
        assert_eq!(lists.list("c"), Ok(Vec::new()));
    }

    #[test]
    fn numbers_keep_every_digit_however_they_are_written() {
        for (text, wanted) in [
            ("1.25", Ok(125_000_000)),
            ("1e-05", Ok(1_000)),
            ("1.5E2", Ok(15_000_000_000)),
            ("-2.5e0", Ok(-250_000_000)),
            ("1e-9", Err(UnitsError::TooFine)),
            ("1e99", Err(UnitsError::TooFine)),
            ("1e", Err(UnitsError::NoNumber)),
            ("e5", Err(UnitsError::NoNumber)),
            ("+5", Err(UnitsError::NoNumber)),
            ("", Err(UnitsError::NoNumber)),
        ] {
            assert_eq!(units(text, 8), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = units(&text, 8);
            let _ = Fields::of_json(&text);
            if let Ok(fields) = Fields::of_form(&text) {
                for name in fields.names() {
                    let _ = (fields.list(name), fields.truth(name), fields.whole(name));
                    let _ = (fields.objects(name), fields.object(name));
                }
            }
        }
    }
}
