//! What can be wrong with the text or the arguments of an indicator.

/// An indicator could not be built; the text says what to change.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IndicatorError {
    /// The text is not of the form `NAME(1,2).output`.
    #[error("\"{text}\" is not an indicator: {reason}; write NAME, NAME(20) or NAME(20,2).output")]
    Syntax {
        /// The text as it was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No indicator has this name.
    #[error("there is no indicator \"{name}\"{}", hint(*.nearest))]
    UnknownName {
        /// The name as it was given.
        name: String,
        /// The most similar known name, if any is similar.
        nearest: Option<&'static str>,
    },
    /// More arguments than the indicator has.
    #[error("{name} takes {most} argument(s), but {found} were given; usage: {usage}")]
    ArgumentCount {
        /// The indicator.
        name: &'static str,
        /// The largest number of arguments that it takes.
        most: usize,
        /// The number that was given.
        found: usize,
        /// How it is written, with its default arguments.
        usage: String,
    },
    /// An argument that is not a number, or not a whole one where one is needed.
    #[error("{name}: argument {argument} must be {wanted}, but it is \"{text}\"; usage: {usage}")]
    ArgumentText {
        /// The indicator.
        name: &'static str,
        /// The argument.
        argument: &'static str,
        /// The kind of number that is needed.
        wanted: &'static str,
        /// The text of the argument.
        text: String,
        /// How the indicator is written, with its default arguments.
        usage: String,
    },
    /// An argument outside its range.
    #[error("{name}: {argument} is {value}, but it must be between {min} and {max}")]
    ArgumentRange {
        /// The indicator.
        name: &'static str,
        /// The argument.
        argument: &'static str,
        /// The value that was given.
        value: f64,
        /// The smallest value allowed.
        min: f64,
        /// The largest value allowed.
        max: f64,
    },
    /// An output that the indicator does not have.
    #[error("{name} has no output \"{output}\"; {}", choices(name, outputs))]
    UnknownOutput {
        /// The indicator.
        name: &'static str,
        /// The output that was asked for.
        output: String,
        /// The outputs that it has; empty if it has a single, unnamed one.
        outputs: &'static [&'static str],
    },
    /// An indicator of several outputs without saying which one is wanted.
    #[error("{name} has several outputs; {}", choices(name, outputs))]
    MissingOutput {
        /// The indicator.
        name: &'static str,
        /// The outputs that it has.
        outputs: &'static [&'static str],
    },
}

fn hint(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None => "; list the indicators to see the names".to_owned(),
    }
}

fn choices(name: &str, outputs: &[&str]) -> String {
    if outputs.is_empty() {
        return format!("it has one value only, so write {name} without a dot");
    }
    let list: Vec<String> = outputs.iter().map(|output| format!(".{output}")).collect();
    format!("append one of {}", list.join(", "))
}

/// The largest period of any indicator, bars.
pub const PERIOD_MAX: usize = 100_000;

/// Checks a period, in bars, against its range.
pub(crate) fn period(
    name: &'static str,
    argument: &'static str,
    value: usize,
    min: usize,
) -> Result<usize, IndicatorError> {
    if (min..=PERIOD_MAX).contains(&value) {
        return Ok(value);
    }
    let (value, min, max) = (value as f64, min as f64, PERIOD_MAX as f64);
    Err(IndicatorError::ArgumentRange { name, argument, value, min, max })
}

/// Checks a factor, without unit, against 0 to `max`.
pub(crate) fn factor(
    name: &'static str,
    argument: &'static str,
    value: f64,
    max: f64,
) -> Result<f64, IndicatorError> {
    if (0.0..=max).contains(&value) {
        return Ok(value);
    }
    Err(IndicatorError::ArgumentRange { name, argument, value, min: 0.0, max })
}
