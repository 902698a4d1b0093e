//! The shape of a JSON text: names in their order, and kinds of values.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Null,
    Truth,
    Number,
    Text,
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Shape {
    pub fn of(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shaper)
    }
}

struct Shaper;

impl<'de> Visitor<'de> for Shaper {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Truth)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Number)
    }
    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Text)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        Ok(Shape::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = map.next_entry()? {
            all.push(one);
        }
        Ok(Shape::Object(all))
    }
}

/// Where `real` differs from the documented shape; nothing when it does not. A documented object
/// without fields stands for any, an empty list for any list. `may_lack`: fields that only some
/// orders have may be missing.
pub fn difference(documented: &Shape, real: &Shape, may_lack: bool) -> Option<String> {
    match (documented, real) {
        (Shape::Object(wanted), Shape::Object(_)) if wanted.is_empty() => None,
        (Shape::Object(wanted), Shape::Object(found)) => {
            let names = |all: &[(String, Shape)]| {
                all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
            };
            let known = names(found);
            let mut expected = names(wanted);
            if may_lack {
                expected.retain(|name| known.contains(name));
            }
            if expected != known {
                return Some(format!("documented {:?}, found {known:?}", names(wanted)));
            }
            found.iter().find_map(|(name, real)| {
                let (_, documented) = wanted.iter().find(|(known, _)| known == name)?;
                difference(documented, real, may_lack).map(|inner| format!("{name}: {inner}"))
            })
        }
        (Shape::Array(wanted), Shape::Array(found)) => {
            let (wanted, found) = (wanted.first()?, found.first()?);
            difference(wanted, found, may_lack).map(|inner| format!("[0]: {inner}"))
        }
        (wanted, found) if wanted == found => None,
        (wanted, found) => Some(format!("documented {wanted:?}, found {found:?}")),
    }
}
