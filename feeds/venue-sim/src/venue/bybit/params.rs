//! The parameters of a request: of a query, or of a body or an argument in JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::exchange::SymbolId;
use crate::exchange::units::{UnitsError, parse_units};

use super::codes::{self, Code};

/// Longest id of an order that its owner gives it.
const LINK_ID_CHARS_MAX: usize = 36;
/// How many fields a request may have.
const FIELDS_MAX: usize = 200;

/// See the module. What is empty or null was not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params {
    fields: BTreeMap<String, String>,
    /// Lists of objects: the orders of a batch.
    lists: BTreeMap<String, Vec<Self>>,
}

impl Params {
    /// Out of a query.
    pub(super) fn of_query(query: &str) -> Result<Self, Code> {
        let mut params = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| codes::params(format!("{name} invalid")))?;
            params.set(name, value)?;
        }
        Ok(params)
    }

    /// Out of the text of an object.
    pub(super) fn of_json(text: &str) -> Result<Self, Code> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let value: Value =
            serde_json::from_str(text).map_err(|_| codes::params("the body is no JSON"))?;
        Self::of_value(&value)
    }

    /// Out of an object.
    pub(super) fn of_value(value: &Value) -> Result<Self, Code> {
        let Value::Object(map) = value else {
            return Err(codes::params("the body is no object"));
        };
        let mut params = Self::default();
        for (name, value) in map {
            match value {
                Value::Null => {}
                Value::String(text) => params.set(name, text.clone())?,
                Value::Number(number) => params.set(name, number.to_string())?,
                Value::Bool(truth) => params.set(name, truth.to_string())?,
                Value::Array(all) => {
                    let all: Result<_, _> = all.iter().map(Self::of_value).collect();
                    params.lists.insert(name.clone(), all?);
                }
                Value::Object(_) => return Err(codes::params(format!("{name} invalid"))),
            }
        }
        Ok(params)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Code> {
        if self.fields.len() >= FIELDS_MAX {
            return Err(codes::params("too many fields"));
        }
        if !value.is_empty() {
            self.fields.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// Adds a field that the request's surroundings say.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        self
    }

    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Code> {
        self.raw(name).ok_or_else(|| codes::missing(name))
    }

    /// The objects of a list.
    pub(super) fn list(&self, name: &str) -> Option<&[Self]> {
        self.lists.get(name).map(Vec::as_slice)
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Code> {
        let wrong = |_| codes::params(format!("{name} invalid"));
        self.raw(name).map(|text| text.parse::<i64>().map_err(wrong)).transpose()
    }

    /// A number in units of 10^-`decimals`; `code` is what is wrong with one that is none.
    pub(super) fn units(
        &self,
        name: &str,
        decimals: u8,
        code: impl Fn(UnitsError) -> Code,
    ) -> Result<Option<i64>, Code> {
        self.raw(name).map(|text| parse_units(text, decimals).map_err(&code)).transpose()
    }

    pub(super) fn truth(&self, name: &str) -> Result<bool, Code> {
        match self.raw(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(codes::params(format!("{name} invalid"))),
        }
    }

    /// How many are asked for.
    pub(super) fn limit(&self, usual: usize, most: usize) -> Result<usize, Code> {
        let Some(wanted) = self.whole("limit")? else { return Ok(usual) };
        let wanted = usize::try_from(wanted).ok().filter(|wanted| *wanted > 0);
        wanted.map(|wanted| wanted.min(most)).ok_or_else(|| codes::params("limit invalid"))
    }

    /// The id that the owner gives an order.
    pub(super) fn link_id(&self) -> Result<Option<&str>, Code> {
        let Some(text) = self.raw("orderLinkId") else { return Ok(None) };
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.len() > LINK_ID_CHARS_MAX || !text.bytes().all(is_legal) {
            return Err(codes::params("orderLinkId invalid"));
        }
        Ok(Some(text))
    }
}

/// What of a list was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    pub(super) time_ns: i64,
    pub(super) symbol: SymbolId,
    pub(super) id: u64,
}

impl Cursor {
    /// As it is told: encoded once for a query.
    pub(super) fn text(self) -> String {
        format!("{}%3A{}%2C{}", self.time_ns, self.symbol.0, self.id)
    }

    /// The one that a request names; clients encode it once more, or do not.
    pub(super) fn of(params: &Params) -> Result<Option<Self>, Code> {
        let Some(text) = params.raw("cursor") else { return Ok(None) };
        let read = || {
            let text = decoded(text)?;
            let (time, rest) = text.split_once(':')?;
            let (symbol, id) = rest.split_once(',')?;
            let symbol = SymbolId(symbol.parse().ok()?);
            Some(Self { time_ns: time.parse().ok()?, symbol, id: id.parse().ok()? })
        };
        read().map(Some).ok_or_else(|| codes::params("cursor invalid"))
    }
}

/// Text with its percent signs read; nothing where they cannot be.
fn decoded(text: &str) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_bodies_are_the_same_fields() {
        let query = Params::of_query("category=linear&qty=1.5&reduceOnly=true&price=&a=%41")
            .expect("a query");
        let body = r#"{"category":"linear","qty":1.5,"reduceOnly":true,"price":null,"a":"A"}"#;
        assert_eq!(Params::of_json(body).expect("a body"), query);
        assert_eq!(query.raw("price"), None);
        assert_eq!(query.truth("reduceOnly"), Ok(true));
        for wrong in ["[]", "1", "{", "{\"a\":{}}", "{\"a\":[1]}"] {
            assert!(Params::of_json(wrong).is_err(), "{wrong}");
        }
        for wrong in ["a=%", "a=%zz", "a=%ff"] {
            assert!(Params::of_query(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_comes_back_encoded_once_or_twice() {
        let cursor = Cursor { time_ns: 17, symbol: SymbolId(1), id: 9 };
        for text in [cursor.text(), "17:1,9".to_owned(), cursor.text().replace('%', "%25")] {
            let params = Params::of_query(&format!("cursor={text}")).expect("a query");
            assert_eq!(Cursor::of(&params), Ok(Some(cursor)), "{text}");
        }
        let wrong = Params::of_query("cursor=x").expect("a query");
        assert!(Cursor::of(&wrong).is_err());
    }

    #[test]
    fn ids_of_orders_have_36_letters_at_most() {
        let of = |id: &str| Params::default().with("orderLinkId", id);
        assert!(of(&"a".repeat(36)).link_id().is_ok() && of("a_B-9").link_id().is_ok());
        for wrong in ["a".repeat(37), "a b".to_owned(), "ü".to_owned(), "a.b".to_owned()] {
            assert!(of(&wrong).link_id().is_err(), "{wrong}");
        }
    }
}
