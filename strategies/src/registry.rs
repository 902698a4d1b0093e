//! All strategies that a program knows.

use qt_engine::Strategy;
use qt_types::Number;

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
    /// Signals: it runs on bars and on books.
    Signals,
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
        self.checked(Params::resolve(self.params, given)?)
    }

    /// `params`, if they meet all conditions.
    fn checked(&self, params: Params) -> Result<Params, ParamError> {
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

    /// `params` with `text` for the parameter `name` of a strategy that runs: where the parameter
    /// is, the number that stands for the value, and all of them from then on.
    ///
    /// # Errors
    /// When there is no such parameter, it cannot be changed while the strategy runs, or its value
    /// is not allowed.
    pub fn change(
        &self,
        params: &Params,
        name: &str,
        text: &str,
    ) -> Result<(u16, Number, Params), ParamError> {
        let names = |live: bool| -> Vec<&str> {
            let all = self.params.iter().filter(|spec| spec.is_live || !live);
            all.map(|spec| spec.name).collect()
        };
        let Some(at) = self.params.iter().position(|spec| spec.name == name) else {
            let near = crate::nearest(name, &names(false));
            let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            return Err(ParamError(format!("{} has no parameter {name}{near}", self.name)));
        };
        let spec = &self.params[at];
        if !spec.is_live {
            let live = names(true);
            let live = if live.is_empty() { "none".to_owned() } else { live.join(", ") };
            return Err(ParamError(format!(
                "{name} is fixed while {} runs (it can change: {live})",
                self.name
            )));
        }
        let value = spec.parse(text)?;
        let number = spec.number(value)?;
        let params = self.checked(params.clone().with(spec.name, value))?;
        Ok((u16::try_from(at).unwrap_or(u16::MAX), number, params))
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
