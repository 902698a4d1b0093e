//! All layers of settings put together, each value with where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::{Arity, CONFLICTS, EXCLUSIVE, KEYS, Key, find};
use super::{anchor, file};
use crate::failure::Failure;

/// Where a value came from, in rising precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

#[derive(Clone, Debug)]
struct Setting {
    values: Vec<String>,
    origin: Origin,
}

/// From where settings are taken.
#[derive(Clone, Debug, Default)]
pub struct Sources<'a> {
    /// The configuration file that was named.
    pub config: Option<&'a Path>,
    /// The file of a run, such as `backtest FILE.toml`; above the configuration file.
    pub run_file: Option<&'a Path>,
    /// What the command line says.
    pub flags: Option<&'a BTreeMap<&'static str, Vec<String>>>,
}

/// The name of the configuration file that is looked for in the working directory.
pub const CONFIG_FILE: &str = "quanttrade.toml";

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    settings: BTreeMap<&'static str, Setting>,
    files: Vec<PathBuf>,
}

impl Layers {
    /// Takes all sources together.
    ///
    /// # Errors
    /// When a file cannot be used or two settings of one source contradict each other.
    pub fn gather(sources: &Sources<'_>) -> Result<Self, Failure> {
        Self::gather_with(sources, &|name| std::env::var(name).ok())
    }

    /// Takes the flags of `sources` alone: no file and no environment has a say.
    ///
    /// # Errors
    /// When two of them contradict each other.
    pub fn only(sources: &Sources<'_>) -> Result<Self, Failure> {
        let mut layers = Self::default();
        let flags = sources.flags.into_iter().flatten();
        layers.add(flags.map(|(name, values)| (*name, values.clone())).collect(), &|_| {
            Origin::Flag
        })?;
        Ok(layers)
    }

    fn gather_with(
        sources: &Sources<'_>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let mut layers = Self::default();
        let found = sources.config.map(Path::to_path_buf).or_else(|| {
            let named = variable("QUANTTRADE_CONFIG").map(PathBuf::from);
            let beside = Path::new(CONFIG_FILE);
            named.or_else(|| beside.is_file().then(|| beside.to_path_buf()))
        });
        let run_file = sources.run_file.map(Path::to_path_buf);
        let same = found.is_some() && found == run_file;
        for path in found.filter(|_| !same).into_iter().chain(run_file) {
            let settings = file::read(&path)?;
            layers.add(settings, &|_| Origin::File(path.clone()))?;
            layers.files.push(path);
        }
        layers.add(from_environment(variable)?, &|name| {
            let key = find(name).map_or_else(String::new, |key| key.variable());
            Origin::Environment(key)
        })?;
        if let Some(flags) = sources.flags {
            let flags = flags.iter().map(|(name, values)| (*name, values.clone())).collect();
            layers.add(flags, &|_| Origin::Flag)?;
        }
        Ok(layers)
    }

    fn add(
        &mut self,
        settings: Vec<(&'static str, Vec<String>)>,
        origin: &dyn Fn(&'static str) -> Origin,
    ) -> Result<(), Failure> {
        check_conflicts(&settings, origin)?;
        let strategy = |name: &str| settings.iter().any(|(known, _)| *known == name);
        if strategy("strategy") && self.changes_strategy(&settings) {
            // Parameters of another strategy mean nothing to this one.
            self.settings.remove("param");
        }
        for (name, mut values) in settings {
            for rival in rivals(name) {
                self.settings.remove(rival);
            }
            if name == "param"
                && let Some(lower) = self.settings.get(name)
            {
                values = merged(&lower.values, values);
            }
            self.settings.insert(name, Setting { values, origin: origin(name) });
        }
        Ok(())
    }

    fn changes_strategy(&self, settings: &[(&'static str, Vec<String>)]) -> bool {
        let new = settings.iter().find(|(name, _)| *name == "strategy").map(|(_, values)| values);
        let old = self.settings.get("strategy").map(|setting| &setting.values);
        old.is_some() && old != new
    }

    /// The same with these parameters and no others.
    pub fn with_params(&self, params: &[(String, String)]) -> Self {
        let mut layers = self.clone();
        let values = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        layers.settings.insert("param", Setting { values, origin: Origin::Flag });
        layers
    }

    /// The configuration files that were read, the weakest first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The value of `name`, or its default; `None` when it has neither.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.given(name)
            .or_else(|| find(name).map(|key| key.default).filter(|default| !default.is_empty()))
    }

    /// The value of `name` if somebody set it.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.settings.get(name).and_then(|setting| setting.values.last()).map(String::as_str)
    }

    /// All values of `name`.
    pub fn many(&self, name: &str) -> &[String] {
        self.settings.get(name).map_or(&[], |setting| &setting.values)
    }

    /// Whether `name` is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.given(name) == Some("true")
    }

    /// Where the value of `name` came from.
    pub fn origin(&self, name: &str) -> Origin {
        self.settings.get(name).map_or(Origin::Default, |setting| setting.origin.clone())
    }

    /// `--name`, and where a value that is not from the command line came from: for messages.
    pub fn place(&self, name: &str) -> String {
        match self.origin(name) {
            Origin::Flag | Origin::Default => format!("--{name}"),
            origin => format!("{name} ({origin})"),
        }
    }

    /// The arguments that make the same settings without files and environment.
    pub fn arguments(&self) -> Vec<String> {
        self.arguments_with(|_, value| value.to_owned())
    }

    /// The same, with the whole path of every file, so that they mean the same in any directory.
    pub fn anchored_arguments(&self) -> Vec<String> {
        self.arguments_with(anchor::anchored)
    }

    fn arguments_with(&self, put: impl Fn(&Key, &str) -> String) -> Vec<String> {
        let mut words = Vec::new();
        for key in KEYS {
            let Some(setting) = self.settings.get(key.name) else { continue };
            if matches!(key.name, "report" | "out" | "full-curve") {
                continue;
            }
            match key.arity {
                Arity::Flag if setting.values.last().is_some_and(|on| on == "true") => {
                    words.push(format!("--{}", key.name));
                }
                Arity::Flag => {}
                Arity::One(_) | Arity::Many(_) => {
                    for value in &setting.values {
                        words.extend([format!("--{}", key.name), put(key, value)]);
                    }
                }
            }
        }
        words
    }
}

fn from_environment(
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(&'static str, Vec<String>)>, Failure> {
    let mut found = Vec::new();
    for key in KEYS {
        let Some(text) = variable(&key.variable()).filter(|text| !text.is_empty()) else {
            continue;
        };
        let values = match key.arity {
            Arity::Flag => vec![on_or_off(&key.variable(), &text)?],
            Arity::One(_) => vec![text],
            Arity::Many(_) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        };
        found.push((key.name, values));
    }
    Ok(found)
}

fn on_or_off(variable: &str, text: &str) -> Result<String, Failure> {
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok("true".to_owned()),
        "0" | "false" | "no" | "off" => Ok("false".to_owned()),
        _ => Err(Failure::usage(format!("{variable} is '{text}': set it to true or false"))),
    }
}

/// What a setting replaces when it comes from a higher layer.
fn rivals(name: &str) -> impl Iterator<Item = &'static str> {
    let in_groups = EXCLUSIVE.iter().filter(move |group| group.contains(&name));
    let grouped = in_groups.flat_map(|group| group.iter().copied());
    let paired = CONFLICTS.iter().filter(move |(a, _)| *a == name).map(|(_, b)| *b);
    grouped.chain(paired).filter(move |rival| *rival != name)
}

fn check_conflicts(
    settings: &[(&'static str, Vec<String>)],
    origin: &dyn Fn(&'static str) -> Origin,
) -> Result<(), Failure> {
    for (name, _) in settings {
        let rival = rivals(name).find(|rival| settings.iter().any(|(other, _)| other == rival));
        if let Some(rival) = rival {
            return Err(Failure::usage(format!(
                "{name} and {rival} do not go together ({})",
                origin(name)
            ))
            .hint(format!("leave one of --{name} and --{rival} away")));
        }
    }
    Ok(())
}

/// `lower` with the pairs of `higher` in the place of those with the same name. One strategy's name
/// may be in front of a parameter or not.
fn merged(lower: &[String], higher: Vec<String>) -> Vec<String> {
    let name = |pair: &str| -> (Option<String>, String) {
        let name = pair.split('=').next().unwrap_or_default().trim();
        match name.split_once('.') {
            Some((of, name)) => (Some(of.to_owned()), name.to_owned()),
            None => (None, name.to_owned()),
        }
    };
    let is_same = |old: &str, new: &str| {
        let ((old_of, old), (new_of, new)) = (name(old), name(new));
        old == new && (old_of == new_of || old_of.is_none() || new_of.is_none())
    };
    let kept = lower.iter().filter(|old| !higher.iter().any(|new| is_same(old, new)));
    kept.cloned().chain(higher.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(
        variables: &[(&str, &str)],
        flags: &[(&'static str, &[&str])],
    ) -> Result<Layers, Failure> {
        let flags: BTreeMap<&'static str, Vec<String>> = flags
            .iter()
            .map(|(name, values)| (*name, values.iter().map(|v| (*v).to_owned()).collect()))
            .collect();
        let sources = Sources { flags: Some(&flags), ..Sources::default() };
        Layers::gather_with(&sources, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn flags_win_over_the_environment_and_both_over_defaults() {
        let layers = gather(
            &[("QUANTTRADE_CAPITAL", "7"), ("QUANTTRADE_SEED", "3")],
            &[("capital", &["9"])],
        )
        .unwrap();
        assert_eq!((layers.one("capital"), layers.origin("capital")), (Some("9"), Origin::Flag));
        assert_eq!(layers.one("seed"), Some("3"));
        assert_eq!(layers.place("seed"), "seed (environment QUANTTRADE_SEED)");
        assert_eq!((layers.one("weight"), layers.given("weight")), (Some("0.95"), None));
        assert_eq!(layers.arguments(), ["--capital", "9", "--seed", "3"]);
    }

    #[test]
    fn a_higher_layer_replaces_rivals_and_one_layer_has_none() {
        let layers = gather(&[("QUANTTRADE_QTY", "7")], &[("weight", &["0.5"])]).unwrap();
        assert_eq!((layers.given("qty"), layers.given("weight")), (None, Some("0.5")));
        let error = gather(&[], &[("qty", &["1"]), ("weight", &["0.5"])]).unwrap_err();
        assert!(error.message.contains("do not go together"), "{error}");
        let layers = gather(&[("QUANTTRADE_FEE_RATE", "0.1")], &[("maker-rate", &["0"])]).unwrap();
        assert_eq!(layers.given("fee-rate"), None);
        let both = [("maker-rate", &["0"] as &[&str]), ("taker-rate", &["0"])];
        assert!(gather(&[], &both).is_ok());
    }

    #[test]
    fn parameters_are_merged_by_name_unless_the_strategy_changes() {
        let base = [("QUANTTRADE_STRATEGY", "sma_cross"), ("QUANTTRADE_PARAM", "fast=5, slow=20")];
        let layers = gather(&base, &[("param", &["fast=7"])]).unwrap();
        assert_eq!(layers.many("param"), ["slow=20", "fast=7"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let replaced = layers.with_params(&[pair("fast", "9")]);
        assert_eq!(replaced.arguments(), ["--strategy", "sma_cross", "--param", "fast=9"]);
        let layers = gather(&base, &[("param", &["sma_cross.fast=7"])]).unwrap();
        assert_eq!(layers.many("param"), ["slow=20", "sma_cross.fast=7"]);
        let two = gather(&[("QUANTTRADE_PARAM", "a.fast=5")], &[("param", &["b.fast=7"])]).unwrap();
        assert_eq!(two.many("param"), ["a.fast=5", "b.fast=7"]);
        let layers = gather(&base, &[("strategy", &["macd"]), ("param", &["fast=7"])]).unwrap();
        assert_eq!(layers.many("param"), ["fast=7"]);
        assert!(gather(&[("QUANTTRADE_NO_CHECK", "maybe")], &[]).is_err());
    }
}
