//! Indicators from text: `RSI(14)`, `MACD(12,26,9).hist`, `TRANGE`.

use super::Indicator;
use super::catalog::{ArgumentInfo, ArgumentKind, Arguments, IndicatorInfo, catalog};
use super::error::IndicatorError;

/// Builds an indicator from text such as `RSI(14)` or `MACD(12,26,9).hist`.
///
/// Capitals and spaces do not matter. Arguments that are left out from the right take their
/// defaults; an indicator of several values needs `.output`.
///
/// # Errors
/// If the text has another form, if no indicator has the name, or if an argument or the output is
/// not one that the indicator has.
pub fn parse(text: &str) -> Result<Box<dyn Indicator>, IndicatorError> {
    let call = Call::split(text)?;
    let info = find(call.name)?;
    let values = values(info, call.arguments)?;
    let output = output(info, call.output)?;
    let mut name = info.call(&values);
    if let Some(output) = info.outputs.get(output) {
        name.push('.');
        name.push_str(output);
    }
    (info.build)(&Arguments { values, output, name })
}

/// The parts of the text.
#[derive(Debug, PartialEq)]
struct Call<'a> {
    name: &'a str,
    arguments: &'a str,
    output: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn split(text: &'a str) -> Result<Self, IndicatorError> {
        let wrong = |reason| IndicatorError::Syntax { text: text.to_owned(), reason };
        let (name, arguments, rest) = match text.split_once('(') {
            Some((name, rest)) => {
                let closed = rest.split_once(')');
                let (arguments, rest) = closed.ok_or_else(|| wrong("a \")\" is missing"))?;
                (name, arguments, rest)
            }
            None => match text.find('.') {
                Some(dot) => (&text[..dot], "", &text[dot..]),
                None => (text, "", ""),
            },
        };
        let (name, rest) = (name.trim(), rest.trim());
        if name.is_empty() {
            return Err(wrong("the name is missing"));
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(wrong("a name consists of letters, digits and _"));
        }
        let output = match rest.strip_prefix('.') {
            Some(output) => Some(output.trim()),
            None if rest.is_empty() => None,
            None => return Err(wrong("only .output may follow the arguments")),
        };
        Ok(Self { name, arguments, output })
    }
}

fn find(name: &str) -> Result<&'static IndicatorInfo, IndicatorError> {
    let known = catalog().iter().find(|info| info.name.eq_ignore_ascii_case(name));
    known.ok_or_else(|| IndicatorError::UnknownName {
        name: name.to_owned(),
        nearest: nearest(name),
    })
}

fn values(info: &IndicatorInfo, text: &str) -> Result<Vec<f64>, IndicatorError> {
    let given: Vec<&str> = match text.trim() {
        "" => Vec::new(),
        text => text.split(',').map(str::trim).collect(),
    };
    if given.len() > info.arguments.len() {
        return Err(IndicatorError::ArgumentCount {
            name: info.name,
            most: info.arguments.len(),
            found: given.len(),
            usage: info.usage(),
        });
    }
    let arguments = info.arguments.iter().enumerate();
    arguments
        .map(|(index, argument)| match given.get(index) {
            Some(text) => value(info, argument, text),
            None => Ok(argument.default),
        })
        .collect()
}

fn value(info: &IndicatorInfo, argument: &ArgumentInfo, text: &str) -> Result<f64, IndicatorError> {
    let whole = argument.kind == ArgumentKind::Bars;
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let Some(value) = number.filter(|number| !whole || number.fract() == 0.0) else {
        return Err(IndicatorError::ArgumentText {
            name: info.name,
            argument: argument.name,
            wanted: if whole { "a whole number of bars" } else { "a number" },
            text: text.to_owned(),
            usage: info.usage(),
        });
    };
    let (name, min, max) = (info.name, argument.min, argument.max);
    if !(min..=max).contains(&value) {
        return Err(IndicatorError::ArgumentRange {
            name,
            argument: argument.name,
            value,
            min,
            max,
        });
    }
    Ok(value)
}

fn output(info: &IndicatorInfo, text: Option<&str>) -> Result<usize, IndicatorError> {
    let (name, outputs) = (info.name, info.outputs);
    match text {
        None if outputs.is_empty() => Ok(0),
        None => Err(IndicatorError::MissingOutput { name, outputs }),
        Some(text) => {
            outputs.iter().position(|output| output.eq_ignore_ascii_case(text)).ok_or_else(|| {
                IndicatorError::UnknownOutput { name, output: text.to_owned(), outputs }
            })
        }
    }
}

/// The known name that is most like the given one, if any is alike.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let names = || catalog().iter().map(|info| info.name);
    let close = names().map(|known| (edits(&name, known), known)).min();
    close.filter(|(edits, known)| *edits <= 1.max(known.len() / 3)).map(|(_, known)| known).or_else(
        || {
            names()
                .filter(|known| known.starts_with(&name) || name.starts_with(known))
                .max_by_key(|known| known.len())
        },
    )
}

/// How many letters must be inserted, removed or replaced to get from one name to the other.
fn edits(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    fn name(text: &str) -> String {
        parse(text).map(|indicator| indicator.name().to_owned()).expect("valid")
    }

    #[test]
    fn every_spelling_leads_to_the_usual_form() {
        assert_eq!(name("RSI(14)"), "RSI(14)");
        assert_eq!(name(" rsi ( 14 ) "), "RSI(14)");
        assert_eq!(name("rsi"), "RSI(14)");
        assert_eq!(name("rsi()"), "RSI(14)");
        assert_eq!(name("macd(10).Hist"), "MACD(10,26,9).hist");
        assert_eq!(name("sar"), "SAR(0.02,0.2)");
        assert_eq!(name("TRANGE"), "TRANGE");
        assert_eq!(name("bbands.upper"), "BBANDS(20,2).upper");
        assert_eq!(name("BBANDS(20,2.5).lower"), "BBANDS(20,2.5).lower");
    }

    #[test]
    fn first_rows_follow_from_the_arguments() {
        let row = |text| parse(text).map(|indicator| indicator.first_row()).expect("valid");
        assert_eq!(row("SMA(1)"), 0);
        assert_eq!(row("STOCH(14,3,3).slowk"), 17);
        assert_eq!(row("MACD(12,26,9).macd"), 33);
        assert_eq!(row("ULTOSC(28,7,14)"), 28);
    }

    #[test]
    fn messages_say_what_to_change() {
        assert_eq!(message("RSY(14)"), "there is no indicator \"RSY\"; did you mean RSI?");
        assert!(message("stochastic").contains("did you mean STOCH?"));
        assert!(message("zzzzzz").contains("list the indicators"));
        let text = "RSI takes 1 argument(s), but 2 were given; usage: RSI(14)";
        assert_eq!(message("RSI(14,3)"), text);
        let text = "RSI: period is 1, but it must be between 2 and 100000";
        assert_eq!(message("RSI(1)"), text);
        let text = "RSI: argument period must be a whole number of bars, but it is \"2.5\"; \
                    usage: RSI(14)";
        assert_eq!(message("RSI(2.5)"), text);
        assert!(message("RSI(x)").contains("but it is \"x\""));
        assert!(message("RSI(nan)").contains("but it is \"nan\""));
        assert!(message("RSI(-3)").contains("must be between"));
        assert!(message("SMA(1e300)").contains("must be between"));
        assert!(message("BBANDS(20,-1).upper").contains("deviations is -1"));
        let text = "MACD has several outputs; append one of .macd, .signal, .hist";
        assert_eq!(message("MACD(12,26,9)"), text);
        assert!(message("MACD.foo").contains("no output \"foo\"; append one of .macd"));
        assert!(message("RSI(14).upper").contains("write RSI without a dot"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "(14)", "RSI(14", "RSI(14)x", "RSI 14", "RSI(14)(2)", "é(3)", "RSI(14,)"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
