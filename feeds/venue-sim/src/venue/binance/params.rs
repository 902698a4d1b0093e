//! The parameters of a request, out of a query string, a form or a JSON object, and the venue's
//! rules of what each may look like.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::exchange::units::{UnitsError, parse_units};

use super::codes::{self, Code};

/// How many parameters a request may have.
const PARAMS_MAX: usize = 64;
/// What symbols look like.
const SYMBOL_RANGE: &str = r"^[\w\-._&&[^a-z]]{1,50}$";
/// What client ids look like.
const CLIENT_ID_RANGE: &str = r"^[\.A-Z\:/a-z0-9_-]{1,36}$";
/// What whole numbers look like.
const WHOLE_RANGE: &str = r"^[0-9]{1,20}$";
/// What decimal numbers look like.
const DECIMAL_RANGE: &str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$";

/// Parameters, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Out of a query string and a form; where both have a parameter, the query's counts.
    pub(super) fn of_form(query: &str, body: &str) -> Result<Self, Code> {
        let mut all = Self { pairs: form(query)? };
        for (name, value) in form(body)? {
            if all.raw(&name).is_none() {
                all.pairs.push((name, value));
            }
        }
        Ok(all)
    }

    /// Out of a JSON object: strings as they are, all else as it is written.
    pub(super) fn of_json(json: Option<&RawValue>) -> Result<Self, Code> {
        let bad = || Code::new(-1135, "JSON sent for parameter 'params' is not valid");
        let Some(json) = json else { return Ok(Self::default()) };
        let map: BTreeMap<String, &RawValue> =
            serde_json::from_str(json.get()).map_err(|_| bad())?;
        if map.len() > PARAMS_MAX {
            return Err(Code::new(-1101, "Too many parameters sent for this endpoint."));
        }
        let mut pairs = Vec::with_capacity(map.len());
        for (name, value) in map {
            let text = value.get();
            let value = if text.starts_with('"') {
                serde_json::from_str(text).map_err(|_| bad())?
            } else {
                text.to_owned()
            };
            // What is null is not there.
            if value != "null" {
                pairs.push((name, value));
            }
        }
        Ok(Self { pairs })
    }

    /// All of them, in the order in which they came (of JSON: by name).
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The parameter as it came.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Gives a parameter another value.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.pairs.retain(|(known, _)| known != name);
        self.pairs.push((name.to_owned(), value.to_owned()));
    }

    /// Refuses what the call does not know.
    pub(super) fn only(&self, known: &[&str], implied: &[&str]) -> Result<(), Code> {
        let is_known =
            |name: &String| known.contains(&name.as_str()) || implied.contains(&name.as_str());
        let (sent, read) =
            (self.pairs.len(), self.pairs.iter().filter(|(name, _)| is_known(name)).count());
        if sent == read {
            return Ok(());
        }
        if known.is_empty() {
            let msg = format!("Too many parameters; expected '{read}' and received '{sent}'.");
            return Err(Code::new(-1101, msg));
        }
        let msg = format!(
            "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        );
        Err(Code::new(-1104, msg))
    }

    /// A parameter that may be missing and must not be empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Code> {
        match self.raw(name) {
            Some("") => Err(codes::empty(name)),
            other => Ok(other),
        }
    }

    /// A parameter that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Code> {
        self.raw(name).filter(|text| !text.is_empty()).ok_or_else(|| codes::missing(name))
    }

    /// The name of a symbol, looking like one.
    pub(super) fn symbol(&self) -> Result<&str, Code> {
        let text = self.need("symbol")?;
        is_symbol(text).then_some(text).ok_or_else(|| codes::illegal("symbol", SYMBOL_RANGE))
    }

    /// A client id.
    pub(super) fn client_id(&self, name: &str) -> Result<Option<&str>, Code> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
        if text.len() > 36 || !text.bytes().all(is_legal) {
            return Err(codes::illegal(name, CLIENT_ID_RANGE));
        }
        Ok(Some(text))
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Code> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(codes::illegal(name, WHOLE_RANGE));
        }
        text.parse().map(Some).map_err(|_| codes::overflowed(name))
    }

    /// A limit: from one to `max`, `usual` when it is not there.
    pub(super) fn limit(&self, usual: usize, max: usize) -> Result<usize, Code> {
        match self.whole("limit")? {
            None => Ok(usual),
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=max).contains(limit))
                .ok_or_else(|| codes::invalid("limit")),
        }
    }

    /// True or false.
    pub(super) fn truth(&self, name: &str) -> Result<Option<bool>, Code> {
        match self.text(name)? {
            None => Ok(None),
            Some("true" | "TRUE" | "True") => Ok(Some(true)),
            Some("false" | "FALSE" | "False") => Ok(Some(false)),
            Some(_) => Err(codes::invalid(name)),
        }
    }

    /// A decimal number in units of 10^-`decimals`.
    pub(super) fn decimal(&self, name: &str, decimals: u8) -> Result<Option<i64>, Code> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_part = |text: &str| {
            (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_part(whole) || !is_part(part) {
            return Err(codes::illegal(name, DECIMAL_RANGE));
        }
        match parse_units(text, decimals) {
            Ok(units) => Ok(Some(units)),
            Err(UnitsError::TooFine) => Err(codes::too_precise(name)),
            Err(UnitsError::TooLarge) => Err(codes::overflowed(name)),
            Err(UnitsError::NoNumber) => Err(codes::illegal(name, DECIMAL_RANGE)),
        }
    }

    /// A list of names, as `["A","B"]`.
    pub(super) fn names(&self, name: &str) -> Result<Option<Vec<String>>, Code> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let names: Vec<String> = serde_json::from_str(text).map_err(|_| {
            codes::illegal(name, r#"^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$"#)
        })?;
        for (at, one) in names.iter().enumerate() {
            if names[..at].contains(one) {
                return Err(Code::new(-1151, "Symbol is present multiple times in the list."));
            }
        }
        if names.is_empty() { Err(codes::empty(name)) } else { Ok(Some(names)) }
    }
}

/// Whether it looks like a symbol. Letters of any script are allowed, small Latin ones are not.
fn is_symbol(text: &str) -> bool {
    let is_legal =
        |c: char| (c.is_alphanumeric() && !c.is_ascii_lowercase()) || matches!(c, '-' | '_' | '.');
    (1..=50).contains(&text.chars().count()) && text.chars().all(is_legal)
}

/// `a=1&b=2`, decoded.
fn form(text: &str) -> Result<Vec<(String, String)>, Code> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in text.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let decoded = decode(name).zip(decode(value));
        let (name, value) =
            decoded.ok_or_else(|| Code::new(-1100, "Illegal characters found in a parameter."))?;
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(Code::new(-1101, "Duplicate values for a parameter detected."));
        }
        if pairs.len() == PARAMS_MAX {
            return Err(Code::new(-1101, "Too many parameters sent for this endpoint."));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
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
                let byte = digit(high)? * 16 + digit(low)?;
                bytes.push(u8::try_from(byte).ok()?);
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

    fn code(result: Result<impl Sized, Code>) -> i32 {
        result.err().map_or(0, |code| code.code)
    }

    #[test]
    fn a_query_counts_before_a_form_and_nothing_twice() {
        let params = Params::of_form("a=1&b=%20x", "b=2&c=3+4").expect("parameters");
        assert_eq!((params.raw("a"), params.raw("b")), (Some("1"), Some(" x")));
        assert_eq!(params.raw("c"), Some("3 4"));
        assert_eq!(code(Params::of_form("a=1&a=1", "")), -1101);
        assert_eq!(code(Params::of_form("a=%zz", "")), -1100);
        assert_eq!(code(Params::of_form("a=%ff", "")), -1100);
    }

    #[test]
    fn each_malformed_parameter_has_its_code() {
        let params = |text: &str| Params::of_form(text, "").expect("parameters");
        assert_eq!(code(params("").symbol()), -1102);
        assert_eq!(code(params("symbol=").symbol()), -1102);
        assert_eq!(code(params("symbol=btcusdt").symbol()), -1100);
        assert_eq!(code(params("symbol=%EF%BC%91%EF%BC%92").symbol()), 0);
        assert_eq!(code(params("x=1.5").decimal("x", 8)), 0);
        assert_eq!(code(params("x=-1").decimal("x", 8)), -1100);
        assert_eq!(code(params("x=1.").decimal("x", 8)), -1100);
        assert_eq!(code(params("x=1e3").decimal("x", 8)), -1100);
        assert_eq!(code(params("x=0.000000001").decimal("x", 8)), -1111);
        assert_eq!(code(params("x=99999999999999999999").decimal("x", 8)), -1108);
        assert_eq!(code(params("x=").decimal("x", 8)), -1105);
        assert_eq!(code(params("x=12a").whole("x")), -1100);
        assert_eq!(code(params("limit=0").limit(5, 10)), -1130);
        assert_eq!(code(params("c=a%20b").client_id("c")), -1100);
        assert_eq!(code(params("a=1&b=2").only(&["a"], &[])), -1104);
        assert_eq!(code(params("a=1").only(&[], &[])), -1101);
    }

    #[test]
    fn json_keeps_numbers_as_they_are_written() {
        let json = r#"{"b":0.10,"a":"x","c":[1],"d":null}"#;
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let params = Params::of_json(Some(raw)).expect("parameters");
        let pairs: Vec<_> = params.pairs().iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(pairs, ["a=x", "b=0.10", "c=[1]"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            if let Ok(params) = Params::of_form(&text, &text) {
                for (name, _) in params.pairs().to_vec() {
                    let _ = params.decimal(&name, 8);
                    let _ = params.whole(&name);
                    let _ = params.names(&name);
                }
            }
        }
    }
}
