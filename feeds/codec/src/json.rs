//! Reading of JSON that keeps the digits of its numbers.
//!
//! `serde_json` checks a frame once; what follows walks over text that is known to be JSON and
//! copies nothing. On other text it would give nonsense, but never panic or hang.

use std::borrow::Cow;
use std::mem;

use qt_types::Nanos;
use serde_json::value::RawValue;

use crate::cursor::Cursor;
use crate::feed::{LEVELS_MAX, Sides};
use crate::{FrameError, Level, Number, NumberError, time};

/// A frame that is JSON.
#[derive(Clone, Copy)]
pub(crate) struct Json<'a> {
    text: &'a str,
}

impl<'a> Json<'a> {
    /// Checks that `bytes` are one JSON value and nothing else.
    pub(crate) fn check(bytes: &'a [u8]) -> Result<Self, FrameError> {
        match serde_json::from_slice::<&RawValue>(bytes) {
            Ok(raw) => Ok(Self { text: raw.get() }),
            Err(error) => {
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                let before: usize =
                    lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default().to_owned();
                Err(FrameError::Json { at: before + error.column().saturating_sub(1), what })
            }
        }
    }

    /// The whole value.
    pub(crate) const fn text(&self) -> &'a str {
        self.text
    }

    /// Where `part`, which is a slice of this text, begins.
    fn offset(&self, part: &str) -> usize {
        let from = self.text.as_ptr() as usize;
        let offset = (part.as_ptr() as usize).checked_sub(from);
        offset.filter(|at| *at <= self.text.len()).unwrap_or(0)
    }

    /// The error that `name` is missing from the message `part`.
    pub(crate) fn missing(&self, part: &str, name: &'static str) -> FrameError {
        FrameError::Missing { at: self.offset(part), name }
    }

    /// The error that the value `part` of `name` is not `wanted`.
    pub(crate) fn wrong(&self, part: &str, name: &'static str, wanted: &'static str) -> FrameError {
        FrameError::Field { at: self.offset(part), name, wanted }
    }

    /// A price or quantity, bare or in quotes.
    pub(crate) fn number(&self, part: &str, name: &'static str) -> Result<Number, FrameError> {
        Number::parse(bare(part)).map_err(|source| self.bad_number(part, name, source))
    }

    /// A number that may be negative, bare or in quotes.
    pub(crate) fn signed(&self, part: &str, name: &'static str) -> Result<Number, FrameError> {
        Number::parse_signed(bare(part)).map_err(|source| self.bad_number(part, name, source))
    }

    #[cold]
    fn bad_number(&self, part: &str, name: &'static str, source: NumberError) -> FrameError {
        let at = self.offset(part);
        if part.is_empty() {
            self.missing(part, name)
        } else {
            FrameError::Number { at, name, source }
        }
    }

    /// A whole number without sign, bare or in quotes.
    pub(crate) fn uint(&self, part: &str, name: &'static str) -> Result<u64, FrameError> {
        let digits = bare(part);
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        match digits.parse() {
            Ok(value) if all_digits => Ok(value),
            _ if part.is_empty() => Err(self.missing(part, name)),
            _ => Err(self.wrong(part, name, "a whole number of 64 bits")),
        }
    }

    /// Milliseconds, microseconds or nanoseconds since 1970, bare or in quotes.
    pub(crate) fn epoch(&self, part: &str, name: &'static str) -> Result<Nanos, FrameError> {
        let count = self.uint(part, name)?;
        time::epoch(count).ok_or_else(|| self.wrong(part, name, "a time before 2262"))
    }

    /// `2021-04-17T16:43:37.075687Z`.
    pub(crate) fn iso(&self, part: &str, name: &'static str) -> Result<Nanos, FrameError> {
        let wanted = "a time like 2021-04-17T16:43:37.075687Z";
        time::iso(bare(part)).ok_or_else(|| self.wrong(part, name, wanted))
    }

    /// The value as a list of `[price, quantity, ..]` lists, added to `levels`; the third value of
    /// each, if there is one, goes to `third`.
    pub(crate) fn levels(
        &self,
        part: &'a str,
        name: &'static str,
        levels: &mut Vec<Level>,
        third: impl FnMut(&'a str),
    ) -> Result<(), FrameError> {
        self.levels_at(&mut Cursor::new(part), name, levels, third)
    }

    /// The same for the value at which `cursor` stands.
    fn levels_at(
        &self,
        cursor: &mut Cursor<'a>,
        name: &'static str,
        levels: &mut Vec<Level>,
        mut third: impl FnMut(&'a str),
    ) -> Result<(), FrameError> {
        if !cursor.enter(b'[') {
            return Err(self.wrong(cursor.rest(), name, "a list of levels"));
        }
        while cursor.more(b']') {
            let wanted = "a list of [price, quantity] lists";
            let whole = cursor.rest();
            // The second look at the list comes only if the first one has found a value.
            if !cursor.enter(b'[') || !cursor.more(b']') {
                return Err(self.wrong(whole, name, wanted));
            }
            let price = self.cell(cursor, "price")?;
            if !cursor.more(b']') {
                return Err(self.wrong(whole, name, wanted));
            }
            let qty_at = cursor.rest();
            let qty = self.cell(cursor, "quantity")?;
            if qty.mantissa() < 0 {
                return Err(self.bad_number(qty_at, "quantity", NumberError::Sign));
            }
            if cursor.more(b']') {
                third(cursor.value());
                while cursor.more(b']') {
                    cursor.value();
                }
            }
            if levels.len() == LEVELS_MAX {
                return Err(FrameError::TooLarge { limit: LEVELS_MAX, unit: "levels a side" });
            }
            levels.push(Level { price, qty });
        }
        Ok(())
    }

    /// The number at which `cursor` stands.
    #[inline]
    fn cell(&self, cursor: &mut Cursor<'a>, name: &'static str) -> Result<Number, FrameError> {
        match cursor.short_number() {
            Some(number) => Ok(number),
            None => self.signed(cursor.value(), name),
        }
    }

    /// The value as a list of objects, whose fields called `names` are price and quantity, added
    /// to `levels`.
    pub(crate) fn level_objects(
        &self,
        part: &'a str,
        name: &'static str,
        names: (&'static str, &'static str),
        levels: &mut Vec<Level>,
    ) -> Result<(), FrameError> {
        for item in self.items(part, name)? {
            let (mut price, mut qty) = ("", "");
            for (key, value) in fields(item) {
                match key {
                    _ if key == names.0 => price = value,
                    _ if key == names.1 => qty = value,
                    _ => {}
                }
            }
            self.push(levels, (price, names.0), (qty, names.1))?;
        }
        Ok(())
    }

    /// Adds a level.
    pub(crate) fn push(
        &self,
        levels: &mut Vec<Level>,
        price: (&str, &'static str),
        qty: (&str, &'static str),
    ) -> Result<(), FrameError> {
        if levels.len() == LEVELS_MAX {
            return Err(FrameError::TooLarge { limit: LEVELS_MAX, unit: "levels a side" });
        }
        let price = self.signed(price.0, price.1)?;
        let qty = self.number(qty.0, qty.1)?;
        levels.push(Level { price, qty });
        Ok(())
    }

    /// Both sides of a book as lists of `[price, quantity, ..]` lists.
    pub(crate) fn sides(
        &self,
        bids: &'a str,
        asks: &'a str,
        sides: &mut Sides,
    ) -> Result<(), FrameError> {
        sides.clear();
        self.levels(bids, "bids", &mut sides.bids, |_| {})?;
        self.levels(asks, "asks", &mut sides.asks, |_| {})
    }

    /// The values of a list.
    pub(crate) fn items(&self, part: &'a str, name: &'static str) -> Result<Items<'a>, FrameError> {
        items(part).ok_or_else(|| self.wrong(part, name, "a list"))
    }
}

/// The value without its quotes.
pub(crate) fn bare(value: &str) -> &str {
    value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(value)
}

/// The text of a string value.
pub(crate) fn text(value: &str) -> Cow<'_, str> {
    if value.contains('\\') {
        // Escapes are rare enough for the long way.
        return serde_json::from_str(value).map_or(Cow::Borrowed(bare(value)), Cow::Owned);
    }
    Cow::Borrowed(bare(value))
}

/// Whether the value is an object.
pub(crate) fn is_object(value: &str) -> bool {
    value.starts_with('{')
}

/// Whether the value is a list.
pub(crate) fn is_list(value: &str) -> bool {
    value.starts_with('[')
}

/// The names and values of an object; none for anything else. A field that is null is left out:
/// venues write that for "not there".
pub(crate) fn fields(value: &str) -> Fields<'_> {
    let mut cursor = Cursor::new(value);
    let object = cursor.enter(b'{');
    Fields { cursor, object, waiting: false }
}

/// See [`fields`]. Beside going over all, one can take a name and then its value, or not: what
/// is not taken is gone past only once.
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
    object: bool,
    waiting: bool,
}

impl<'a> Fields<'a> {
    /// The next name.
    #[inline]
    pub(crate) fn key(&mut self) -> Option<&'a str> {
        if self.waiting {
            self.cursor.value();
        }
        self.waiting = self.object && self.cursor.more(b'}');
        if !self.waiting {
            return None;
        }
        let key = bare(self.cursor.value());
        self.cursor.enter(b':');
        Some(key)
    }

    /// The value of the name that was taken last.
    #[inline]
    pub(crate) fn value(&mut self) -> &'a str {
        if !mem::take(&mut self.waiting) {
            return "";
        }
        self.cursor.value()
    }

    /// The text from the value of the name that was taken last, to whatever comes behind it.
    pub(crate) fn rest(&mut self) -> &'a str {
        self.cursor.rest()
    }

    /// Takes the value as a list of levels (see [`Json::levels`]); leaves it if it is no list.
    pub(crate) fn levels(
        &mut self,
        json: &Json<'a>,
        levels: &mut Vec<Level>,
    ) -> Option<Result<(), FrameError>> {
        if !self.waiting || !self.cursor.rest().starts_with('[') {
            return None;
        }
        self.waiting = false;
        Some(json.levels_at(&mut self.cursor, "levels", levels, |_| {}))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = self.key()?;
            let value = self.value();
            if value != "null" {
                return Some((key, value));
            }
        }
    }
}

/// The value of the field `name` of an object; empty when there is none.
pub(crate) fn field<'a>(object: &'a str, name: &str) -> &'a str {
    fields(object).find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}

/// The values of a list; `None` for anything else.
pub(crate) fn items(value: &str) -> Option<Items<'_>> {
    let mut cursor = Cursor::new(value);
    cursor.enter(b'[').then_some(Items { cursor })
}

/// See [`items`].
pub(crate) struct Items<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.cursor.more(b']').then(|| self.cursor.value())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_and_items() {
        let text = r#" { "a" : [1, "2]", {"b":"}\""}], "c":null,"d": -1.50e3 ,"e":"x\"y" } "#;
        let json = Json::check(text.as_bytes()).unwrap();
        let all: Vec<_> = fields(json.text()).collect();
        let list = r#"[1, "2]", {"b":"}\""}]"#;
        assert_eq!(all, [("a", list), ("d", "-1.50e3"), ("e", r#""x\"y""#)]);
        let inner: Vec<_> = items(list).unwrap().collect();
        assert_eq!(inner, ["1", "\"2]\"", r#"{"b":"}\""}"#]);
        assert_eq!(super::text(r#""x\"y""#), "x\"y");
        assert_eq!(field(json.text(), "d"), "-1.50e3");
        assert_eq!(field(json.text(), "c"), "");
        assert!(items("{}").is_none());
        assert_eq!(fields("[1]").count(), 0);
    }

    #[test]
    fn levels_keep_their_digits() {
        let text = r#"[["354.15000000","5.00",1618], [1.0e-4 ,2.50],["3","0","x",["4"]]]"#;
        let json = Json::check(text.as_bytes()).unwrap();
        let (mut levels, mut third) = (Vec::new(), Vec::new());
        json.levels(json.text(), "b", &mut levels, |cell| third.push(cell)).unwrap();
        let texts: Vec<String> =
            levels.iter().map(|level| format!("{}x{}", level.price, level.qty)).collect();
        assert_eq!(texts, ["354.15000000x5.00", "0.00010x2.50", "3x0"]);
        assert_eq!(third, ["1618", "\"x\""]);
    }

    #[test]
    fn errors_say_where() {
        let error = Json::check(b"{\"a\":1,\n\"b\":}").map(|json| json.text()).unwrap_err();
        assert!(matches!(error, FrameError::Json { at: 12, .. }), "{error:?}");
        let json = Json::check(br#"{"p":"1.x","b":[["1"]],"n":-1}"#).unwrap();
        let part = |name| field(json.text(), name);
        assert_eq!(
            json.number(part("p"), "p").unwrap_err().to_string(),
            "byte 5: 'p' is no decimal number"
        );
        let mut levels = Vec::new();
        for wrong in ["b", "p", "n"] {
            let error = json.levels(part(wrong), "b", &mut levels, |_| {}).unwrap_err();
            assert!(matches!(error, FrameError::Field { .. }), "{error:?}");
        }
        assert!(matches!(json.uint(part("n"), "n"), Err(FrameError::Field { at: 27, .. })));
        assert!(matches!(json.uint(part("q"), "q"), Err(FrameError::Missing { .. })));
        assert!(matches!(json.uint("+1", "q"), Err(FrameError::Field { .. })));
    }

    proptest! {
        #[test]
        fn text_that_is_no_json_is_left_in_the_end(text in "[\\[\\]{},:\"\\\\ a1é]{0,40}") {
            let steps = 2 * text.len() + 2;
            prop_assert!(fields(&text).take(steps + 1).count() <= steps);
            prop_assert!(items(&text).map_or(0, |items| items.take(steps + 1).count()) <= steps);
            let mut levels = Vec::new();
            if let Ok(json) = Json::check(text.as_bytes()) {
                let _ = json.levels(json.text(), "x", &mut levels, |_| {});
            }
            prop_assert!(levels.len() <= text.len());
        }
    }
}
