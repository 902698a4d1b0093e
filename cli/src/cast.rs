//! The strategies of a run: what the registry says of each, and all of them as one.

use std::collections::BTreeMap;

use qt_backtest::report::strategies::StrategyHead;
use qt_engine::{Ensemble, Strategy};
use qt_strategies::registry::{Hears, Instruments, StrategyEntry};
use qt_strategies::{ParamValue, Params};
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;
use crate::settings::{Role, RunPlan};
use crate::version;

/// The strategies of a run.
pub struct Cast<'a> {
    members: Vec<Member<'a>>,
}

/// One of them.
pub struct Member<'a> {
    /// What it is called in this run.
    pub name: String,
    /// What the registry says of it.
    pub entry: &'a StrategyEntry,
    /// Its checked parameters.
    pub params: Params,
    symbols: Vec<String>,
}

impl<'a> Cast<'a> {
    /// The strategies that `plan` names.
    ///
    /// # Errors
    /// When there is no such strategy, a parameter is wrong, or they decide on data of two kinds.
    pub fn new(plan: &RunPlan, session: &'a Session) -> Result<Self, Failure> {
        let member = |role: &Role| {
            let entry = session.registry.get(&role.strategy)?;
            let params = entry.resolve(&role.params).map_err(|error| {
                let hint = format!("{} strategies show {}", version::program(), entry.name);
                Failure::from(error).hint(hint)
            })?;
            let (name, symbols) = (role.name.clone(), role.symbols.clone());
            Ok::<_, Failure>(Member { name, entry, params, symbols })
        };
        let members: Vec<Member<'a>> = plan.roles.iter().map(member).collect::<Result<_, _>>()?;
        let first = |hears: Hears| members.iter().find(|member| member.entry.hears == hears);
        if let (Some(bars), Some(book)) = (first(Hears::Bars), first(Hears::Book)) {
            let what = format!(
                "{} decides on bars, {} on order books: they cannot run together",
                bars.name, book.name
            );
            return Err(Failure::usage(what).hint("run them apart"));
        }
        Ok(Self { members })
    }

    /// What they decide on: signals where all of them do.
    pub fn hears(&self) -> Hears {
        let all = self.members.iter().map(|member| member.entry.hears);
        all.reduce(|one, other| if one == Hears::Signals { other } else { one }).unwrap_or_default()
    }

    /// What the only one is, whatever it is called; the names of several, as one.
    pub fn name(&self) -> String {
        if let [only] = self.members.as_slice() {
            return only.entry.name.to_owned();
        }
        let names: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        names.join("+")
    }

    /// All of them.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// How many bars come before the first decision in a run of so many instruments, where that
    /// can be told.
    pub fn warmup(&self, instruments: usize) -> Option<usize> {
        let of = |member: &Member<'_>| {
            let count = match member.entry.instruments {
                Instruments::Exactly(count) if !member.symbols.is_empty() => count,
                _ => instruments,
            };
            member.entry.make(&member.params, count).ok().map(|strategy| strategy.warmup())
        };
        self.members.iter().map(of).max().flatten()
    }

    /// How many instruments they may enter, each counted once for each of them.
    pub fn shares(&self, symbols: &[&str]) -> usize {
        self.members
            .iter()
            .map(|member| member.trades(symbols).iter().filter(|on| **on).count())
            .sum()
    }

    /// The only one, where it trades all instruments.
    pub fn only(&self) -> Option<&Member<'a>> {
        match self.members.as_slice() {
            [only] if only.symbols.is_empty() => Some(only),
            _ => None,
        }
    }

    /// All of them as one, over the instruments `symbols`. One that trades all of them is itself.
    ///
    /// # Errors
    /// When one names an instrument that there is not, or cannot trade that many.
    pub fn make(&self, symbols: &[&str]) -> Result<Box<dyn Strategy>, Failure> {
        if let Some(only) = self.only() {
            return Ok(only.entry.make(&only.params, symbols.len())?);
        }
        Ok(Box::new(self.ensemble(symbols)?))
    }

    /// All of them, each with books of its own, also where there is one.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn ensemble(&self, symbols: &[&str]) -> Result<Ensemble, Failure> {
        let mut all = Ensemble::new();
        for member in &self.members {
            all = all.with(member.make(symbols)?, member.trades(symbols));
        }
        Ok(all)
    }

    /// The parameters, by name: those of several with the strategy's name in front.
    pub fn params(&self) -> BTreeMap<String, Value> {
        let is_one = self.members.len() == 1;
        let of = |member: &Member<'_>| {
            let name = member.name.clone();
            let named = move |param: &str| {
                if is_one { param.to_owned() } else { format!("{name}.{param}") }
            };
            let all = member.params.iter().map(|(param, value)| (named(param), json_of(value)));
            all.collect::<Vec<_>>()
        };
        self.members.iter().flat_map(of).collect()
    }

    /// What the result says of each; nothing where there is one.
    pub fn heads(&self, symbols: &[&str]) -> Vec<StrategyHead> {
        if self.only().is_some() {
            return Vec::new();
        }
        let head = |member: &Member<'_>| StrategyHead {
            name: member.name.clone(),
            strategy: member.entry.name.to_owned(),
            symbols: member.traded(symbols),
            params: member.params.iter().map(|(n, value)| (n.to_owned(), json_of(value))).collect(),
        };
        self.members.iter().map(head).collect()
    }
}

impl Member<'_> {
    /// What it trades of `symbols`.
    fn trades(&self, symbols: &[&str]) -> Vec<bool> {
        let trades =
            |symbol: &&str| self.symbols.is_empty() || self.symbols.iter().any(|it| it == symbol);
        symbols.iter().map(trades).collect()
    }

    fn traded(&self, symbols: &[&str]) -> Vec<String> {
        let all = symbols.iter().zip(self.trades(symbols));
        all.filter(|(_, on)| *on).map(|(symbol, _)| (*symbol).to_owned()).collect()
    }

    fn make(&self, symbols: &[&str]) -> Result<Box<dyn Strategy>, Failure> {
        let unknown = self.symbols.iter().find(|it| !symbols.contains(&it.as_str()));
        if let Some(unknown) = unknown {
            let hint = format!("the run has: {}", symbols.join(", "));
            let text = format!("{} is to trade {unknown}, which the run has not", self.name);
            return Err(Failure::usage(text).hint(hint));
        }
        let Instruments::Exactly(count) = self.entry.instruments else {
            return Ok(self.entry.make(&self.params, symbols.len())?);
        };
        // One of several instruments knows them by their places.
        let is_first = self.trades(symbols).iter().take(count).all(|on| *on);
        let traded = self.traded(symbols).len();
        if count > 1 && traded == count && !is_first {
            let text = format!("{} needs its instruments to be the first of the run", self.name);
            return Err(Failure::usage(text).hint("give their --data first"));
        }
        self.entry.make(&self.params, traded).map_err(|error| {
            Failure::from(error).hint(format!("say which: {}@{}", self.name, symbols.join("+")))
        })
    }
}

fn json_of(value: ParamValue) -> Value {
    match value {
        ParamValue::Int(value) => json!(value),
        ParamValue::Float(value) => json!(value),
        ParamValue::Flag(value) => json!(value),
        ParamValue::Choice(value) => json!(value),
    }
}
