//! Typed parameters: one declaration serves the command line, the sweep, the service and the
//! dashboard.

use std::collections::BTreeMap;
use std::fmt;

use qt_types::Number;

/// One parameter of a strategy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamSpec {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line on what it does.
    pub doc: &'static str,
    /// Its type, default and range.
    pub kind: ParamKind,
    /// Whether it may be changed while the strategy runs: then [`Strategy::tune`] does so.
    ///
    /// [`Strategy::tune`]: qt_engine::Strategy::tune
    pub is_live: bool,
}

/// Type, default and range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamKind {
    /// A whole number.
    Int {
        /// Taken where none is given.
        default: i64,
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A number.
    Float {
        /// Taken where none is given.
        default: f64,
        /// Smallest value allowed.
        min: f64,
        /// Largest value allowed.
        max: f64,
    },
    /// Yes or no.
    Flag {
        /// Taken where none is given.
        default: bool,
    },
    /// One of several words.
    Choice {
        /// Taken where none is given.
        default: &'static str,
        /// All words allowed.
        options: &'static [&'static str],
    },
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamValue {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Flag(bool),
    /// A word.
    Choice(&'static str),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Flag(value) => write!(f, "{value}"),
            Self::Choice(value) => f.write_str(value),
        }
    }
}

/// What is wrong with a parameter. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamError(pub String);

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParamError {}

/// Builds the spec of a whole number.
#[must_use]
pub const fn int(
    name: &'static str,
    default: i64,
    (min, max): (i64, i64),
    doc: &'static str,
) -> ParamSpec {
    ParamSpec { name, doc, kind: ParamKind::Int { default, min, max }, is_live: false }
}

/// Builds the spec of a number.
#[must_use]
pub const fn float(
    name: &'static str,
    default: f64,
    (min, max): (f64, f64),
    doc: &'static str,
) -> ParamSpec {
    ParamSpec { name, doc, kind: ParamKind::Float { default, min, max }, is_live: false }
}

/// Builds the spec of a yes or no.
#[must_use]
pub const fn flag(name: &'static str, default: bool, doc: &'static str) -> ParamSpec {
    ParamSpec { name, doc, kind: ParamKind::Flag { default }, is_live: false }
}

/// Builds the spec of a choice.
#[must_use]
pub const fn choice(
    name: &'static str,
    default: &'static str,
    options: &'static [&'static str],
    doc: &'static str,
) -> ParamSpec {
    ParamSpec { name, doc, kind: ParamKind::Choice { default, options }, is_live: false }
}

impl ParamSpec {
    /// The same, which may be changed while the strategy runs.
    #[must_use]
    pub const fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// `value` as the number that stands for it.
    ///
    /// # Errors
    /// For a whole number that is too large to be told exactly.
    pub fn number(&self, value: ParamValue) -> Result<Number, ParamError> {
        Ok(Number::new(match (value, self.kind) {
            (ParamValue::Int(value), _) => {
                let number = value as f64;
                if number as i64 != value {
                    let name = self.name;
                    return Err(ParamError(format!("parameter {name}: {value} is too large")));
                }
                number
            }
            (ParamValue::Float(value), _) => value,
            (ParamValue::Flag(value), _) => f64::from(u8::from(value)),
            (ParamValue::Choice(word), ParamKind::Choice { options, .. }) => {
                options.iter().position(|option| *option == word).unwrap_or(0) as f64
            }
            (ParamValue::Choice(_), _) => 0.0,
        }))
    }

    /// The value that `number` stands for; `None` where it stands for none that is allowed.
    #[must_use]
    pub fn value(&self, number: Number) -> Option<ParamValue> {
        let number = number.get();
        let value = match self.kind {
            ParamKind::Int { min, max, .. } => {
                let value = number as i64;
                let is_one = value as f64 == number && (min..=max).contains(&value);
                is_one.then_some(ParamValue::Int(value))?
            }
            ParamKind::Float { min, max, .. } => {
                (min..=max).contains(&number).then_some(ParamValue::Float(number))?
            }
            ParamKind::Flag { .. } => match number {
                0.0 => ParamValue::Flag(false),
                1.0 => ParamValue::Flag(true),
                _ => return None,
            },
            ParamKind::Choice { options, .. } => {
                let at = number as usize;
                ParamValue::Choice(options.get(at).filter(|_| at as f64 == number)?)
            }
        };
        Some(value)
    }
    /// The value where none is given.
    #[must_use]
    pub const fn default(&self) -> ParamValue {
        match self.kind {
            ParamKind::Int { default, .. } => ParamValue::Int(default),
            ParamKind::Float { default, .. } => ParamValue::Float(default),
            ParamKind::Flag { default } => ParamValue::Flag(default),
            ParamKind::Choice { default, .. } => ParamValue::Choice(default),
        }
    }

    /// The range or the words allowed, as text.
    #[must_use]
    pub fn range(&self) -> String {
        match self.kind {
            ParamKind::Int { min, max, .. } => format!("{min}..{max}"),
            ParamKind::Float { min, max, .. } => format!("{min}..{max}"),
            ParamKind::Flag { .. } => "true|false".to_owned(),
            ParamKind::Choice { options, .. } => options.join("|"),
        }
    }

    /// The type's name.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            ParamKind::Int { .. } => "int",
            ParamKind::Float { .. } => "float",
            ParamKind::Flag { .. } => "flag",
            ParamKind::Choice { .. } => "choice",
        }
    }

    /// Reads `text` as a value of this parameter.
    ///
    /// # Errors
    /// When it is of another type or out of range.
    pub fn parse(&self, text: &str) -> Result<ParamValue, ParamError> {
        let (name, range) = (self.name, self.range());
        let wrong = |what: &str| {
            ParamError(format!("parameter {name}: '{text}' is not {what} (allowed: {range})"))
        };
        let outside = || ParamError(format!("parameter {name}: {text} is outside {range}"));
        match self.kind {
            ParamKind::Int { min, max, .. } => {
                let value: i64 = text.parse().map_err(|_| wrong("a whole number"))?;
                if value < min || value > max { Err(outside()) } else { Ok(ParamValue::Int(value)) }
            }
            ParamKind::Float { min, max, .. } => {
                let value: f64 = text.parse().map_err(|_| wrong("a number"))?;
                if !value.is_finite() {
                    return Err(wrong("a finite number"));
                }
                if value < min || value > max {
                    return Err(outside());
                }
                Ok(ParamValue::Float(value))
            }
            ParamKind::Flag { .. } => match text {
                "true" | "yes" | "1" => Ok(ParamValue::Flag(true)),
                "false" | "no" | "0" => Ok(ParamValue::Flag(false)),
                _ => Err(wrong("true or false")),
            },
            ParamKind::Choice { options, .. } => options
                .iter()
                .find(|option| **option == text)
                .map(|option| ParamValue::Choice(option))
                .ok_or_else(|| wrong("one of the words")),
        }
    }
}

/// The values of all parameters of one strategy, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    values: BTreeMap<&'static str, ParamValue>,
}

impl Params {
    /// The defaults of `specs`, overwritten by `given` name-value pairs.
    ///
    /// # Errors
    /// For an unknown name (with the nearest known one), a name given twice, a wrong type, or a
    /// value out of range.
    pub fn resolve(specs: &[ParamSpec], given: &[(String, String)]) -> Result<Self, ParamError> {
        let mut values: BTreeMap<_, _> =
            specs.iter().map(|spec| (spec.name, spec.default())).collect();
        let mut seen = Vec::new();
        for (name, text) in given {
            let spec = specs.iter().find(|spec| spec.name == name).ok_or_else(|| {
                let known: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
                let hint = crate::nearest(name, &known)
                    .map_or_else(String::new, |near| format!("; did you mean {near}?"));
                let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                ParamError(format!("unknown parameter {name}{hint} (parameters: {all})"))
            })?;
            if seen.contains(&spec.name) {
                return Err(ParamError(format!("parameter {name} is given twice")));
            }
            seen.push(spec.name);
            values.insert(spec.name, spec.parse(text)?);
        }
        Ok(Self { values })
    }

    /// The whole number `name`.
    ///
    /// # Panics
    /// When the strategy has no such parameter: a defect of its declaration.
    #[must_use]
    pub fn int(&self, name: &str) -> i64 {
        match self.values.get(name) {
            Some(ParamValue::Int(value)) => *value,
            other => panic!("{name} is declared as {other:?}, not as an int"),
        }
    }

    /// The whole number `name` as a count.
    ///
    /// # Panics
    /// When the strategy has no such parameter: a defect of its declaration.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.int(name)).unwrap_or(0)
    }

    /// The number `name`.
    ///
    /// # Panics
    /// When the strategy has no such parameter: a defect of its declaration.
    #[must_use]
    pub fn float(&self, name: &str) -> f64 {
        match self.values.get(name) {
            Some(ParamValue::Float(value)) => *value,
            other => panic!("{name} is declared as {other:?}, not as a float"),
        }
    }

    /// The yes or no `name`.
    ///
    /// # Panics
    /// When the strategy has no such parameter: a defect of its declaration.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(ParamValue::Flag(value)) => *value,
            other => panic!("{name} is declared as {other:?}, not as a flag"),
        }
    }

    /// The word `name`.
    ///
    /// # Panics
    /// When the strategy has no such parameter: a defect of its declaration.
    #[must_use]
    pub fn choice(&self, name: &str) -> &'static str {
        match self.values.get(name) {
            Some(ParamValue::Choice(value)) => value,
            other => panic!("{name} is declared as {other:?}, not as a choice"),
        }
    }

    /// The same with `value` for `name`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: ParamValue) -> Self {
        self.values.insert(name, value);
        self
    }

    /// All values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, ParamValue)> + '_ {
        self.values.iter().map(|(name, value)| (*name, *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[ParamSpec] = &[
        int("fast", 10, (1, 100), "fast length"),
        float("width", 2.0, (0.1, 10.0), "band width"),
        flag("short", false, "may go short"),
        choice("price", "close", &["close", "typical"], "which price"),
    ];

    fn resolve(given: &[(&str, &str)]) -> Result<Params, String> {
        let given: Vec<(String, String)> =
            given.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Params::resolve(SPECS, &given).map_err(|error| error.0)
    }

    #[test]
    fn values_are_typed_and_checked() {
        let params = resolve(&[("fast", "20"), ("short", "yes"), ("price", "typical")]).unwrap();
        assert_eq!((params.int("fast"), params.float("width")), (20, 2.0));
        assert!(params.flag("short") && params.choice("price") == "typical");
        let error = |given: &[(&str, &str)]| resolve(given).unwrap_err();
        assert!(error(&[("fsat", "1")]).contains("did you mean fast"));
        assert!(error(&[("fast", "0")]).contains("outside 1..100"));
        assert!(error(&[("fast", "1.5")]).contains("not a whole number"));
        assert!(error(&[("width", "NaN")]).contains("finite"));
        assert!(error(&[("price", "open")]).contains("close|typical"));
        assert!(error(&[("fast", "1"), ("fast", "2")]).contains("twice"));
    }
}
