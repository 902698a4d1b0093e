//! Conditions between parameters, as the user writes them: `fast < slow`, `slow >= 2 * fast`.

use qt_strategies::param::{ParamValue, Params};

/// A comparison of two sums of products of parameters and numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    text: String,
    left: Term,
    compare: Compare,
    right: Term,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    Unequal,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Number(f64),
    Name(String),
    Binary(Box<Term>, u8, Box<Term>),
}

impl Constraint {
    /// Reads a condition: two expressions of numbers, parameter names, `+ - * /` and brackets,
    /// with `<`, `<=`, `>`, `>=`, `==` or `!=` between them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            |what: String| format!("condition '{text}': {what} (write it like \"fast < slow\")");
        let signs = [
            ("<=", Compare::LessOrEqual),
            (">=", Compare::GreaterOrEqual),
            ("==", Compare::Equal),
            ("!=", Compare::Unequal),
            ("<", Compare::Less),
            (">", Compare::Greater),
        ];
        let found = signs.iter().find_map(|(sign, compare)| {
            text.split_once(sign).map(|(left, right)| (left, *compare, right))
        });
        let (left, compare, right) =
            found.ok_or_else(|| wrong("there is no comparison in it".to_owned()))?;
        Ok(Self {
            text: text.trim().to_owned(),
            left: parse_all(left).map_err(wrong)?,
            compare,
            right: parse_all(right).map_err(wrong)?,
        })
    }

    /// The condition as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that only parameters in `known` are used.
    ///
    /// # Errors
    /// Which name is unknown.
    pub fn check_names(&self, known: &[&str]) -> Result<(), String> {
        let mut names = Vec::new();
        self.left.names(&mut names);
        self.right.names(&mut names);
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(format!(
                "condition '{}': there is no parameter {name} (parameters: {})",
                self.text,
                known.join(", ")
            )),
        }
    }

    /// Whether `params` meet it. A word or flag in it never does.
    #[must_use]
    pub fn holds(&self, params: &Params) -> bool {
        let (Some(a), Some(b)) = (self.left.value(params), self.right.value(params)) else {
            return false;
        };
        match self.compare {
            Compare::Less => a < b,
            Compare::LessOrEqual => a <= b,
            Compare::Greater => a > b,
            Compare::GreaterOrEqual => a >= b,
            Compare::Equal => a == b,
            Compare::Unequal => a != b,
        }
    }
}

impl Term {
    fn names(&self, into: &mut Vec<String>) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => into.push(name.clone()),
            Self::Binary(a, _, b) => {
                a.names(into);
                b.names(into);
            }
        }
    }

    fn value(&self, params: &Params) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Name(name) => {
                params.iter().find(|(known, _)| known == name).and_then(|(_, value)| match value {
                    ParamValue::Int(value) => Some(value as f64),
                    ParamValue::Float(value) => Some(value),
                    ParamValue::Flag(_) | ParamValue::Choice(_) => None,
                })
            }
            Self::Binary(a, sign, b) => {
                let (a, b) = (a.value(params)?, b.value(params)?);
                Some(match sign {
                    b'+' => a + b,
                    b'-' => a - b,
                    b'*' => a * b,
                    _ => a / b,
                })
            }
        }
    }
}

/// Brackets deeper than this are refused: the parser calls itself for each.
const DEPTH_MAX: usize = 64;

fn parse_all(text: &str) -> Result<Term, String> {
    let mut rest = text.trim_start();
    let term = parse_level(&mut rest, b"+-", 0)?;
    if rest.is_empty() { Ok(term) } else { Err(format!("'{rest}' does not belong there")) }
}

/// A chain of operands joined by one of `signs`; sums are made of products.
fn parse_level(rest: &mut &str, signs: &[u8], depth: usize) -> Result<Term, String> {
    let operand = |rest: &mut &str| {
        if signs == b"+-" { parse_level(rest, b"*/", depth) } else { parse_atom(rest, depth) }
    };
    let mut term = operand(rest)?;
    while let Some(sign) = rest.bytes().next().filter(|byte| signs.contains(byte)) {
        *rest = rest[1..].trim_start();
        term = Term::Binary(Box::new(term), sign, Box::new(operand(rest)?));
    }
    Ok(term)
}

fn parse_atom(rest: &mut &str, depth: usize) -> Result<Term, String> {
    if depth > DEPTH_MAX {
        return Err("too many brackets".to_owned());
    }
    if let Some(inside) = rest.strip_prefix('(') {
        *rest = inside.trim_start();
        let term = parse_level(rest, b"+-", depth + 1)?;
        let after = rest.strip_prefix(')').ok_or_else(|| "a ')' is missing".to_owned())?;
        *rest = after.trim_start();
        return Ok(term);
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after.trim_start();
    if word.is_empty() {
        return Err("a name or a number is missing".to_owned());
    }
    if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return word.parse().map(Term::Number).map_err(|_| format!("'{word}' is not a number"));
    }
    Ok(Term::Name(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use qt_strategies::param::{ParamSpec, int};

    use super::*;

    const SPECS: &[ParamSpec] =
        &[int("fast", 10, (1, 100), "fast"), int("slow", 20, (1, 100), "slow")];

    fn holds(text: &str) -> bool {
        let params = Params::resolve(SPECS, &[]).unwrap();
        Constraint::parse(text).unwrap().holds(&params)
    }

    #[test]
    fn conditions_are_read_and_checked() {
        assert!(holds("fast < slow") && holds("fast<slow") && !holds("fast >= slow"));
        assert!(holds("slow >= 2*fast") && !holds("slow > 2 * fast"));
        assert!(holds("slow - fast == 10") && holds("(slow + fast) / 3 == 10"));
        assert!(holds("fast != 11") && holds("slow - fast - 5 <= 5"));
        for bad in ["fast", "fast <", "< slow", "fast < slow )", "(fast < slow", "2x < slow"] {
            assert!(Constraint::parse(bad).is_err(), "{bad}");
        }
        let deep = format!("{}fast < slow", "(".repeat(10_000));
        assert!(Constraint::parse(&deep).is_err());
        let other = Constraint::parse("fats < slow").unwrap();
        assert!(other.check_names(&["fast", "slow"]).unwrap_err().contains("fats"));
    }
}
