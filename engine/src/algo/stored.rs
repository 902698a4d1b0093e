//! Algorithms as state: their names are those of this program, their curves as long as they are.

use serde::de::Error;
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

impl<'a> Deserialize<'a> for Algo {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        let (name, plan) = <(String, Plan)>::deserialize(from)?;
        let known = NAMES.into_iter().find(|known| *known == name);
        let name = known.ok_or_else(|| Error::custom("no algorithm has this name"))?;
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
        let done = Vec::<u32>::deserialize(from)?;
        if done.is_empty() || done.len() > SLICES_MAX {
            return Err(Error::custom("a curve has a slice, and not too many"));
        }
        let mut done_e9 = [WHOLE; SLICES_MAX];
        done_e9[..done.len()].copy_from_slice(&done);
        Ok(Self { done_e9, slices: done.len() })
    }
}
