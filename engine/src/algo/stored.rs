//! Algorithms as state: their names are those of this program, their curves as long as they are.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::curve::WHOLE;
use super::{Algo, Curve, Plan, SLICES_MAX};

/// The names that an algorithm may have.
const NAMES: [&str; 4] = ["twap", "vwap", "pov", "is"];

impl Serialize for Algo {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.name, &self.plan).serialize(to)
    }
}

/// A name as it stands in the program. Nothing of this takes memory: a stage reads what another
/// one has asked for.
struct Name(&'static str);

impl<'a> Deserialize<'a> for Name {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(OfName)
    }
}

struct OfName;

impl Visitor<'_> for OfName {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an algorithm")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        let known = NAMES.into_iter().find(|known| *known == name);
        known.map(Name).ok_or_else(|| E::custom("no algorithm has this name"))
    }
}

impl<'a> Deserialize<'a> for Algo {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        let (Name(name), plan) = <(Name, Plan)>::deserialize(from)?;
        Ok(Self { name, plan })
    }
}

impl Serialize for Curve {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(&self.done_e9[..self.slices])
    }
}

impl<'a> Deserialize<'a> for Curve {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(OfCurve)
    }
}

struct OfCurve;

impl<'a> Visitor<'a> for OfCurve {
    type Value = Curve;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the slices of a curve")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut from: A) -> Result<Curve, A::Error> {
        let mut curve = Curve { done_e9: [WHOLE; SLICES_MAX], slices: 0 };
        while let Some(done) = from.next_element()? {
            let slice = curve.done_e9.get_mut(curve.slices);
            *slice.ok_or_else(|| A::Error::custom("a curve has not as many slices"))? = done;
            curve.slices += 1;
        }
        if curve.slices == 0 {
            return Err(A::Error::custom("a curve has a slice"));
        }
        Ok(curve)
    }
}
