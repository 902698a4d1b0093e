//! What was noticed about the data, by name, with the first place of each.

use super::row::Place;
use crate::ticks::QualityFact;

/// Counts of what was noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    list: Vec<(&'static str, u64, Place)>,
}

impl Facts {
    /// Counts `name` once more.
    pub fn add(&mut self, name: &'static str, place: Place) {
        match self.list.iter_mut().find(|(other, _, _)| *other == name) {
            Some((_, count, _)) => *count += 1,
            None => self.list.push((name, 1, place)),
        }
    }

    /// Adds what `later` noticed.
    pub fn extend(&mut self, later: &Self) {
        for (name, count, first) in &later.list {
            match self.list.iter_mut().find(|(other, _, _)| other == name) {
                Some((_, total, _)) => *total += count,
                None => self.list.push((name, *count, *first)),
            }
        }
    }

    /// How often `name` was noticed.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.list.iter().find(|(other, _, _)| *other == name).map_or(0, |(_, count, _)| *count)
    }

    /// All of it, in the order of first notice, as a tick file keeps it.
    #[must_use]
    pub fn quality(&self) -> Vec<QualityFact> {
        let fact = |(name, count, first): &(&str, u64, Place)| QualityFact {
            name: (*name).to_owned(),
            count: *count,
            first: first.to_string(),
        };
        self.list.iter().map(fact).collect()
    }
}
