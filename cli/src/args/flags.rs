//! Flags made from the table of settings, so that flags, environment and file cannot differ.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::settings::keys::{Arity, Group, KEYS, Key};

/// Values by the name of their setting.
pub type Given = BTreeMap<&'static str, Vec<String>>;

/// The settings of a run.
#[derive(Clone, Debug, Default)]
pub struct RunFlags(pub Given);

/// The settings that say how a file is read.
#[derive(Clone, Debug, Default)]
pub struct DataFlags(pub Given);

/// The settings of a sweep: those of a run but for where results go.
#[derive(Clone, Debug, Default)]
pub struct SweepFlags(pub Given);

impl SweepFlags {
    const fn has(key: &Key) -> bool {
        !matches!(key.group, Group::Output)
    }
}

impl DataFlags {
    const fn has(key: &Key) -> bool {
        matches!(key.group, Group::Data)
    }
}

impl RunFlags {
    const fn has(_: &Key) -> bool {
        true
    }
}

fn add(command: Command, has: fn(&Key) -> bool) -> Command {
    KEYS.iter().filter(|key| has(key)).fold(command, |command, key| command.arg(argument(key)))
}

fn argument(key: &'static Key) -> Arg {
    let mut help = key.help.to_owned();
    if !key.default.is_empty() {
        help.push_str(&format!(" [default: {}]", key.default));
    }
    let arg = Arg::new(key.name).long(key.name).help(help).help_heading(key.group.heading());
    match key.arity {
        Arity::Flag => arg.action(ArgAction::SetTrue),
        Arity::One(value) => arg.value_name(value).allow_negative_numbers(true),
        Arity::Many(value) => {
            arg.value_name(value).action(ArgAction::Append).allow_negative_numbers(true)
        }
    }
}

fn take(matches: &ArgMatches, has: fn(&Key) -> bool) -> Given {
    let mut given = Given::new();
    for key in KEYS.iter().filter(|key| has(key)) {
        let values: Vec<String> = match key.arity {
            Arity::Flag if matches.get_flag(key.name) => vec!["true".to_owned()],
            Arity::Flag => Vec::new(),
            Arity::One(_) | Arity::Many(_) => {
                matches.get_many::<String>(key.name).into_iter().flatten().cloned().collect()
            }
        };
        if !values.is_empty() {
            given.insert(key.name, values);
        }
    }
    given
}

macro_rules! from_table {
    ($name:ident) => {
        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                add(command, Self::has)
            }

            fn augment_args_for_update(command: Command) -> Command {
                add(command, Self::has)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
                Ok(Self(take(matches, Self::has)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
                self.0 = take(matches, Self::has);
                Ok(())
            }
        }
    };
}

from_table!(RunFlags);
from_table!(DataFlags);
from_table!(SweepFlags);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_are_taken_by_name() {
        let command = RunFlags::augment_args(Command::new("x"));
        let words = ["x", "--capital", "5", "--maker-rate", "-0.1", "--touch-fills"];
        let words = words.into_iter().chain(["--data", "a", "--data", "b"]);
        let matches = command.try_get_matches_from(words).unwrap();
        let given = RunFlags::from_arg_matches(&matches).unwrap().0;
        assert_eq!(given["capital"], ["5"]);
        assert_eq!(given["maker-rate"], ["-0.1"]);
        assert_eq!(given["touch-fills"], ["true"]);
        assert_eq!(given["data"], ["a", "b"]);
        assert_eq!(given.len(), 4);
    }
}
