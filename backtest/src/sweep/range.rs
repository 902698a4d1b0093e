//! The values of one parameter in a sweep.

use qt_types::{E9, format_scaled, parse_e9};

/// The most values that one range may have.
const VALUES_MAX: usize = 100_000;

/// A parameter and the values to try, as text: the strategy's own parser reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamRange {
    /// The parameter.
    pub name: String,
    /// Its values, in order, at least one.
    pub values: Vec<String>,
}

impl ParamRange {
    /// Reads `name=from:to:step`, `name=from:to` (step 1), `name=a,b,c` or `name=value`. Steps
    /// are decimal and exact: 0.1:0.3:0.1 has three values.
    ///
    /// # Errors
    /// What is wrong, and the forms that are understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let forms = "write name=from:to:step, name=a,b,c or name=value";
        let (name, range) =
            text.split_once('=').ok_or_else(|| format!("'{text}' has no '=': {forms}"))?;
        let (name, range) = (name.trim(), range.trim());
        if name.is_empty() || range.is_empty() {
            return Err(format!("'{text}' is incomplete: {forms}"));
        }
        let values = if range.contains(':') {
            Self::steps(name, range).map_err(|error| format!("{error}; {forms}"))?
        } else {
            range.split(',').map(|value| value.trim().to_owned()).collect()
        };
        if values.iter().any(String::is_empty) {
            return Err(format!("'{text}' has an empty value: {forms}"));
        }
        Ok(Self { name: name.to_owned(), values })
    }

    fn steps(name: &str, range: &str) -> Result<Vec<String>, String> {
        let parts: Vec<&str> = range.split(':').collect();
        let number = |part: &str| parse_e9(part).map_err(|error| format!("{name}: {error}"));
        let (from, to, step) = match parts.as_slice() {
            [from, to] => (number(from)?, number(to)?, E9),
            [from, to, step] => (number(from)?, number(to)?, number(step)?),
            _ => return Err(format!("{name}: '{range}' has too many ':'")),
        };
        if step <= 0 {
            return Err(format!("{name}: the step must be above zero"));
        }
        if from > to {
            return Err(format!("{name}: the range {range} runs backwards"));
        }
        let count = (i128::from(to) - i128::from(from)) / i128::from(step) + 1;
        if count > VALUES_MAX as i128 {
            return Err(format!("{name}: {count} values are more than {VALUES_MAX}"));
        }
        let value = |k: i128| format_scaled(i128::from(from) + k * i128::from(step), 9);
        Ok((0..count).map(value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let values = |text: &str| ParamRange::parse(text).unwrap().values;
        assert_eq!(values("fast=5:20:5"), ["5", "10", "15", "20"]);
        assert_eq!(values("fast=5:7"), ["5", "6", "7"]);
        assert_eq!(values("w=0.1:0.3:0.1"), ["0.1", "0.2", "0.3"]);
        assert_eq!(values("w=-1:1:1"), ["-1", "0", "1"]);
        assert_eq!(values("mode = a, b"), ["a", "b"]);
        for bad in ["fast", "=1", "fast=", "fast=9:1", "fast=1:9:0", "fast=1:2:3:4", "f=1,,2"] {
            assert!(ParamRange::parse(bad).is_err(), "{bad}");
        }
        assert!(ParamRange::parse("f=0:1:0.000000001").unwrap_err().contains("more than"));
    }
}
