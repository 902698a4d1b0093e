//! The configuration file: settings under their names, parameters in a table of their own.

use std::path::{Path, PathBuf};

use super::keys::{self, Arity, KEYS};
use crate::failure::Failure;

/// Tables of the file whose entries are settings like those outside of any table.
const SECTION: &str = "backtest";
/// Tables that hold parameters.
const PARAM_TABLES: [&str; 2] = ["param", "params"];

/// The settings of the file at `path`, by name.
///
/// # Errors
/// When it cannot be read, is no TOML, or has a setting that does not exist.
pub fn read(path: &Path) -> Result<Vec<(&'static str, Vec<String>)>, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("{name}: the configuration cannot be read: {error}"))
            .hint("name another file with --config, or check the path")
    })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        Failure::usage(format!("{name}: not valid TOML: {}", error.to_string().trim()))
            .hint("quanttrade strategies new NAME writes a configuration to start from")
    })?;
    let mut found = Vec::new();
    add_table(path, &table, true, &mut found)?;
    Ok(found)
}

fn add_table(
    path: &Path,
    table: &toml::Table,
    is_top: bool,
    found: &mut Vec<(&'static str, Vec<String>)>,
) -> Result<(), Failure> {
    // What stands in the section wins over what stands above it.
    let plain = table.iter().filter(|(_, value)| !value.is_table());
    for (name, value) in plain.chain(table.iter().filter(|(_, value)| value.is_table())) {
        match value {
            toml::Value::Table(params) if PARAM_TABLES.contains(&name.as_str()) => {
                let mut pairs = Vec::new();
                for (param, value) in params {
                    // A table in it has the parameters of one of several strategies.
                    let toml::Value::Table(of) = value else {
                        pairs.push(format!("{param}={}", scalar(path, param, value)?));
                        continue;
                    };
                    for (name, value) in of {
                        pairs.push(format!("{param}.{name}={}", scalar(path, name, value)?));
                    }
                }
                put(found, "param", pairs);
            }
            toml::Value::Table(inner) if is_top && name == SECTION => {
                add_table(path, inner, false, found)?;
            }
            value => {
                let key = keys::find(name).ok_or_else(|| unknown(path, name))?;
                let values = values(path, key, value)?;
                let values = values.into_iter().map(|value| located(path, key.name, value));
                put(found, key.name, values.collect());
            }
        }
    }
    Ok(())
}

fn put(found: &mut Vec<(&'static str, Vec<String>)>, name: &'static str, values: Vec<String>) {
    match found.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) if name == "param" => old.extend(values),
        Some((_, old)) => *old = values,
        None => found.push((name, values)),
    }
}

fn unknown(path: &Path, name: &str) -> Failure {
    let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    let near = qt_strategies::nearest(&name.replace('_', "-"), &names);
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
    Failure::usage(format!("{}: there is no setting '{name}'{near}", path.display()))
        .hint("quanttrade config show lists all settings")
}

fn values(path: &Path, key: &keys::Key, value: &toml::Value) -> Result<Vec<String>, Failure> {
    match (key.arity, value) {
        (Arity::Flag, toml::Value::Boolean(on)) => Ok(vec![on.to_string()]),
        (Arity::Flag, other) => Err(Failure::usage(format!(
            "{}: {} is true or false, not {other}",
            path.display(),
            key.name
        ))),
        (Arity::Many(_), toml::Value::Array(list)) => {
            list.iter().map(|value| scalar(path, key.name, value)).collect()
        }
        (_, value) => Ok(vec![scalar(path, key.name, value)?]),
    }
}

fn scalar(path: &Path, name: &str, value: &toml::Value) -> Result<String, Failure> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(on) => Ok(on.to_string()),
        toml::Value::Datetime(time) => Ok(time.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => Err(Failure::usage(format!(
            "{}: {name} takes a single value, not {}",
            path.display(),
            value.type_str()
        ))),
    }
}

/// Settings whose value is, or may be, the path of a file that is read.
const IN_FILES: &[&str] = &[
    "data",
    "factors",
    "calendar",
    "fee-tiers",
    "funding",
    "margin-tiers",
    "feed-latency",
    "order-latency",
    "response-latency",
    "faults",
    "signals",
    "signal-latency",
    "approval-latency",
    "instruments",
    "risk-profile",
];

/// Paths in a file are meant from where the file is, if there is such a file; catalog ids and
/// paths from the working directory stay as they are.
fn located(config: &Path, key: &str, value: String) -> String {
    // What stands before the path: a symbol, or what a feed latency is counted from.
    let cut = match key {
        "data" | "funding" => value.find('='),
        "feed-latency" if value.starts_with("venue+") || value.starts_with("recorded+") => {
            value.find('+')
        }
        _ if value.starts_with("sampled:") => value.find(':'),
        _ => None,
    };
    let (before, path) = value.split_at(cut.map_or(0, |at| at + 1));
    let is_output = matches!(key, "report" | "out");
    if !is_output && !IN_FILES.contains(&key) {
        return value;
    }
    let Some(folder) = config.parent().filter(|folder| *folder != Path::new("")) else {
        return value;
    };
    let joined: PathBuf = folder.join(path);
    if Path::new(path).is_absolute() || (!joined.exists() && !is_output) {
        return value;
    }
    format!("{before}{}", joined.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &str, text: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("qt-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_file_gives_settings() {
        let path = write(
            "a.toml",
            "strategy = 'sma_cross'\ncapital = 50000\nfee_rate = 0.0005\ntouch-fills = true\n\
             data = ['x.csv', 'y.csv']\n[backtest]\ncapital = 60000\n[param]\nfast = 5\n\
             [param.other]\nslow = 7\n",
        );
        let found = read(&path).unwrap();
        let get = |name: &str| {
            found.iter().find(|(known, _)| *known == name).map(|(_, values)| values.join(";"))
        };
        assert_eq!(get("capital").as_deref(), Some("60000"));
        assert_eq!(get("fee-rate").as_deref(), Some("0.0005"));
        assert_eq!(get("touch-fills").as_deref(), Some("true"));
        assert_eq!(get("data").as_deref(), Some("x.csv;y.csv"));
        assert_eq!(get("param").as_deref(), Some("fast=5;other.slow=7"));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |name: &str, text: &str| read(&write(name, text)).unwrap_err().message;
        assert!(error("b.toml", "captial = 5").contains("did you mean capital?"));
        assert!(error("c.toml", "capital = [1, 2]").contains("single value"));
        assert!(error("d.toml", "no-check = 3").contains("true or false"));
        assert!(error("e.toml", "capital = ").contains("not valid TOML"));
        assert!(read(Path::new("missing.toml")).unwrap_err().message.contains("cannot be read"));
    }
}
