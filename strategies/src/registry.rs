//! All strategies that a program knows.

use qt_engine::Strategy;

use crate::param::{ParamError, ParamSpec, Params};

/// How many instruments a strategy trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruments {
    /// Any number, each for itself.
    Each,
    /// Exactly this many, together.
    Exactly(usize),
}

/// What a strategy decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Hears {
    /// Completed bars.
    #[default]
    Bars,
    /// Order books, or trades as they print.
    Book,
}

/// A condition that several parameters must meet together.
#[derive(Clone, Copy, Debug)]
pub struct ParamRule {
    /// The condition as the user reads it: `fast < slow`.
    pub text: &'static str,
    /// Whether it holds.
    pub holds: fn(&Params) -> bool,
}

/// A strategy as the registry knows it.
#[derive(Clone, Copy, Debug)]
pub struct StrategyEntry {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// Its exact rule, in sentences.
    pub doc: &'static str,
    /// What it decides on.
    pub hears: Hears,
    /// How many instruments it trades.
    pub instruments: Instruments,
    /// Its parameters.
    pub params: &'static [ParamSpec],
    /// Conditions between them.
    pub rules: &'static [ParamRule],
    /// Makes one for `instruments` instruments. The parameters are checked before.
    pub build: fn(params: &Params, instruments: usize) -> Box<dyn Strategy>,
}

impl StrategyEntry {
    /// The parameters with `given` name-value pairs in the place of their defaults.
    ///
    /// # Errors
    /// When a name is unknown, a value is of the wrong type or out of range, or a rule is broken.
    pub fn resolve(&self, given: &[(String, String)]) -> Result<Params, ParamError> {
        let params = Params::resolve(self.params, given)?;
        for rule in self.rules {
            if !(rule.holds)(&params) {
                let values: Vec<String> = params
                    .iter()
                    .filter(|(name, _)| rule.text.contains(name))
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                return Err(ParamError(format!(
                    "{} needs {}, but here {}",
                    self.name,
                    rule.text,
                    values.join(", ")
                )));
            }
        }
        Ok(params)
    }

    /// Makes the strategy.
    ///
    /// # Errors
    /// When it cannot trade that many instruments.
    pub fn make(
        &self,
        params: &Params,
        instruments: usize,
    ) -> Result<Box<dyn Strategy>, ParamError> {
        match self.instruments {
            Instruments::Exactly(count) if count != instruments => Err(ParamError(format!(
                "{} trades exactly {count} instruments together, but {instruments} are given: \
                 pass --data {count} times",
                self.name
            ))),
            _ => Ok((self.build)(params, instruments)),
        }
    }
}

/// The strategies that a program knows: the built-in ones, and what a user's crate adds.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    entries: Vec<StrategyEntry>,
}

impl Registry {
    /// The built-in strategies.
    #[must_use]
    pub fn builtin() -> Self {
        Self { entries: crate::builtin::ENTRIES.to_vec() }
    }

    /// The same with one more; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, entry: StrategyEntry) -> Self {
        self.entries.retain(|known| known.name != entry.name);
        self.entries.push(entry);
        self
    }

    /// The strategy `name`.
    ///
    /// # Errors
    /// When there is none, with the nearest name.
    pub fn get(&self, name: &str) -> Result<&StrategyEntry, ParamError> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.entries.iter().map(|entry| entry.name).collect();
            let hint = crate::nearest(name, &names)
                .map_or_else(String::new, |near| format!(": did you mean {near}?"));
            ParamError(format!(
                "unknown strategy '{name}'{hint} (quanttrade strategies list shows all)"
            ))
        })
    }

    /// All strategies, in the order in which they are listed.
    pub fn iter(&self) -> impl Iterator<Item = &StrategyEntry> {
        self.entries.iter()
    }
}
