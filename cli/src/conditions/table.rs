//! Reading of the small files that conditions come from: TOML tables and CSV with a header.

use std::path::{Path, PathBuf};

use qt_data::stamp::{DateOrder, StampForm, StampParser};

use crate::failure::Failure;
use crate::settings::number;

/// A file that was read.
pub struct Source {
    path: PathBuf,
    text: String,
}

/// A TOML table with the place that messages name.
pub struct Entry<'a> {
    place: String,
    table: &'a toml::Table,
}

/// A CSV file as its header and rows; values are trimmed.
pub struct Csv<'a> {
    source: &'a Source,
    names: Vec<String>,
    rows: Vec<(usize, Vec<&'a str>)>,
}

impl Source {
    /// The file at `path`, which the setting `name` gave.
    pub fn read(name: &str, path: &str) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("--{name} {path}: {error}")))
            .map_err(|failure| failure.hint("docs/CLI.md, Files of conditions, shows its form"))?;
        Ok(Self { path: PathBuf::from(path), text })
    }

    fn place(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// The file as TOML.
    pub fn toml(&self) -> Result<toml::Table, Failure> {
        self.text.parse().map_err(|error: toml::de::Error| self.wrong(error.to_string().trim_end()))
    }

    /// That something is wrong with it.
    pub fn wrong(&self, what: &str) -> Failure {
        Failure::usage(format!("{}: {what}", self.place()))
    }

    /// The array of tables `name` of `table`; nothing else may stand beside `known`.
    pub fn entries<'a>(
        &self,
        table: &'a toml::Table,
        name: &str,
        known: &[&str],
    ) -> Result<Vec<Entry<'a>>, Failure> {
        if let Some(odd) = table.keys().find(|key| *key != name && !known.contains(&key.as_str())) {
            return Err(self.wrong(&format!("there is no '{odd}' here; [[{name}]] is expected")));
        }
        let Some(toml::Value::Array(all)) = table.get(name) else {
            return Err(self.wrong(&format!("no [[{name}]] is in it")));
        };
        let entry = |(at, value): (usize, &'a toml::Value)| match value {
            toml::Value::Table(table) => {
                let place = format!("{}: [[{name}]] number {}", self.place(), at + 1);
                Ok(Entry { place, table })
            }
            _ => Err(self.wrong(&format!("{name} must be written as [[{name}]]"))),
        };
        all.iter().enumerate().map(entry).collect()
    }

    /// The file as CSV with a header.
    pub fn csv(&self) -> Result<Csv<'_>, Failure> {
        let lines = self.text.lines().map(|line| line.trim_start_matches('\u{feff}').trim());
        let mut lines = lines.enumerate().filter(|(_, line)| !line.is_empty());
        let Some((_, header)) = lines.next() else { return Err(self.wrong("it is empty")) };
        let separator = if header.contains(';') { ';' } else { ',' };
        let names: Vec<String> = header
            .split(separator)
            .map(|name| name.trim().trim_matches('"').to_lowercase().replace(['_', ' '], ""))
            .collect();
        let mut rows = Vec::new();
        for (at, line) in lines {
            let row: Vec<&str> =
                line.split(separator).map(|cell| cell.trim().trim_matches('"')).collect();
            if row.len() != names.len() {
                let (got, want) = (row.len(), names.len());
                return Err(self.wrong(&format!("line {}: {got} values, not {want}", at + 1)));
            }
            rows.push((at + 1, row));
        }
        Ok(Csv { source: self, names, rows })
    }
}

impl<'a> Csv<'a> {
    /// The place of the first column called by one of `names` (lower case, without `_`).
    pub fn column(&self, names: &[&str]) -> Option<usize> {
        self.names.iter().position(|name| names.contains(&name.as_str()))
    }

    /// The same for a column that must be there; `what` is what it holds.
    pub fn need(&self, names: &[&str], what: &str) -> Result<usize, Failure> {
        self.column(names).ok_or_else(|| {
            let head = self.names.join(", ");
            self.source.wrong(&format!(
                "no column holds the {what}: one must be called {} (there are {head})",
                names.join(" or ")
            ))
        })
    }

    /// Line numbers and values.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[&'a str])> + '_ {
        self.rows.iter().map(|(line, row)| (*line, row.as_slice()))
    }

    /// That something is wrong with line `line`.
    pub fn wrong(&self, line: usize, what: &str) -> Failure {
        self.source.wrong(&format!("line {line}: {what}"))
    }
}

impl Entry<'_> {
    /// That something is wrong with it.
    pub fn wrong(&self, what: &str) -> Failure {
        Failure::usage(format!("{}: {what}", self.place))
    }

    /// The entry, if all its names are among `known`.
    pub fn only(self, known: &[&str]) -> Result<Self, Failure> {
        match self.table.keys().find(|key| !known.contains(&key.as_str())) {
            Some(odd) => {
                let known = known.join(", ");
                Err(self.wrong(&format!("there is no '{odd}'; there are {known}")))
            }
            None => Ok(self),
        }
    }

    /// The value of `name` as text.
    pub fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.table.get(name) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(toml::Value::Integer(number)) => Ok(Some(number.to_string())),
            Some(toml::Value::Float(number)) => Ok(Some(number.to_string())),
            Some(toml::Value::Boolean(on)) => Ok(Some(on.to_string())),
            Some(toml::Value::Datetime(time)) => Ok(Some(time.to_string())),
            Some(_) => Err(self.wrong(&format!("{name} takes a single value"))),
        }
    }

    /// The array of tables `name` inside of it.
    pub fn inner(&self, name: &str) -> Result<Vec<Entry<'_>>, Failure> {
        let Some(toml::Value::Array(all)) = self.table.get(name) else {
            return Err(self.wrong(&format!("no {name} is in it")));
        };
        all.iter()
            .enumerate()
            .map(|(at, value)| match value {
                toml::Value::Table(table) => {
                    let place = format!("{}, {name} number {}", self.place, at + 1);
                    Ok(Entry { place, table })
                }
                _ => Err(self.wrong(&format!("{name} must be a list of tables"))),
            })
            .collect()
    }

    fn read<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let wrong = |what: String| self.wrong(&format!("{name}: {what}"));
        self.text(name)?.map(|text| read(&text).map_err(wrong)).transpose()
    }

    /// The value of `name` as billionths.
    pub fn e9(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.read(name, number::e9)
    }

    /// The same above zero.
    pub fn positive_e9(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.read(name, |text| match number::e9(text)? {
            value if value > 0 => Ok(value),
            _ => Err(format!("'{text}' is not above zero")),
        })
    }

    /// The value of `name` as a share in billionths: `0.5` or `50%`, from 0 to 1.
    pub fn share_e9(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.read(name, |text| match number::share_e9(text)? {
            share if (0..=qt_types::E9).contains(&share) => Ok(share),
            _ => Err(format!("'{text}' is not from 0 to 1")),
        })
    }

    /// The value of `name` as money, zero or more.
    pub fn cash(&self, name: &str) -> Result<Option<qt_types::Cash>, Failure> {
        self.read(name, |text| match text.trim().parse::<qt_types::Cash>()? {
            cash if cash >= qt_types::Cash::ZERO => Ok(cash),
            _ => Err(format!("'{text}' is below zero")),
        })
    }

    /// The value of `name` as a length of time in ns.
    pub fn duration_ns(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.read(name, number::duration_ns)
    }

    /// The value of `name` as a time (UTC ns).
    pub fn time_ns(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.read(name, time_ns)
    }

    /// Whether `name` is on.
    pub fn is_on(&self, name: &str) -> Result<bool, Failure> {
        let on = self.read(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("'{text}' is neither true nor false")),
        })?;
        Ok(on.unwrap_or(false))
    }

    /// What is asked for, which must be there.
    pub fn need<T>(&self, name: &str, value: Option<T>) -> Result<T, Failure> {
        value.ok_or_else(|| self.wrong(&format!("{name} is missing")))
    }
}

/// A time in UTC: a date, a date with a time, or seconds, ms, us or ns since 1970.
pub fn time_ns(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let wrong =
        || format!("'{text}' is no time: write 2020-01-31, 2020-01-31T09:30:00Z or ns since 1970");
    let form = StampForm::of(text.as_bytes(), None).ok_or_else(wrong)?;
    let mut parser = StampParser::new(form, DateOrder::MonthFirst, None);
    parser.parse(text.as_bytes(), None).map_err(|_| wrong())
}

/// `[SYMBOL=]PATH`; a file whose own name has a `=` wins.
pub fn split(given: &str) -> (Option<String>, &str) {
    match given.split_once('=') {
        Some((symbol, path)) if !symbol.is_empty() && !Path::new(given).exists() => {
            (Some(symbol.to_owned()), path)
        }
        _ => (None, given),
    }
}
