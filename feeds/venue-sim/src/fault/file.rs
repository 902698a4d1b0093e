//! A plan as a file.
//!
//! ```toml
//! seed = 7
//!
//! [[fault]]
//! what = "drop-delta"
//! symbol = "BTCUSDT"
//! at_ms = 5000
//! every_ms = 10000
//! count = 3
//! ```

use serde::Deserialize;
use toml::Spanned;

use super::kind::Fault;
use super::plan::{Plan, RULES_MAX};
use super::rule::{Params, Rule};
use super::{ConnectionKind, RequestKind};
use crate::exchange::Nanos;

/// Largest file in bytes.
const BYTES_MAX: usize = 1 << 20;

/// Why a file is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no TOML, or has a field that no rule has: the text says where.
    #[error("the fault plan cannot be read: {0}")]
    Toml(String),
    /// A rule is wrong.
    #[error("the fault plan, line {line}: {field}: {what}")]
    Rule {
        /// The line on which the rule says what goes wrong, from one.
        line: usize,
        /// Which field.
        field: String,
        /// What is wrong with it.
        what: String,
    },
    /// It is too long.
    #[error("the fault plan has more than {0}")]
    Long(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    fault: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    what: Spanned<String>,
    at_ms: Option<u64>,
    until_ms: Option<u64>,
    every_ms: Option<u64>,
    after: Option<u64>,
    every: Option<u64>,
    probability: Option<f64>,
    times: Option<u64>,
    count: Option<u64>,
    for_ms: Option<u64>,
    symbol: Option<String>,
    stream: Option<String>,
    account: Option<String>,
    connection: Option<String>,
    request: Option<String>,
    delay_ms: Option<u64>,
    by_ms: Option<i64>,
    by: Option<u64>,
    status: Option<u16>,
    code: Option<i64>,
    retry_ms: Option<u64>,
    parts: Option<u64>,
    bytes: Option<u64>,
    rate: Option<u64>,
    ppm: Option<i64>,
    tick: Option<String>,
    side: Option<String>,
    part: Option<String>,
    how: Option<String>,
    rule: Option<String>,
    asset: Option<String>,
    amount: Option<String>,
}

impl Plan {
    /// Reads a plan that begins at `start_ns`.
    ///
    /// # Errors
    /// With the line and the field, when a rule makes no sense.
    pub fn parse(text: &str, start_ns: Nanos) -> Result<Self, PlanError> {
        if text.len() > BYTES_MAX {
            return Err(PlanError::Long("1 MiB"));
        }
        let file: File = toml::from_str(text).map_err(|e| PlanError::Toml(e.to_string()))?;
        if file.fault.len() > RULES_MAX {
            return Err(PlanError::Long("1000 rules"));
        }
        let rules: Result<Vec<Rule>, PlanError> =
            file.fault.into_iter().map(|raw| rule(raw, text)).collect();
        Ok(Self::new(rules?, file.seed, start_ns))
    }
}

fn rule(raw: Raw, text: &str) -> Result<Rule, PlanError> {
    let before = text.get(..raw.what.span().start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let wrong = |field: &str, what: String| PlanError::Rule { line, field: field.into(), what };
    let name = raw.what.get_ref();
    let what = Fault::from_text(name).ok_or_else(|| {
        wrong("what", format!("there is no fault {name:?}; --list-faults prints them all"))
    })?;
    let connection = named(&raw.connection, ConnectionKind::ALL, ConnectionKind::text);
    let connection = connection.map_err(|what| wrong("connection", what))?;
    let request = named(&raw.request, RequestKind::ALL, RequestKind::text);
    let request = request.map_err(|what| wrong("request", what))?;
    let chance_e6 = match raw.probability {
        None => None,
        Some(chance) if (0.0..=1.0).contains(&chance) => Some((chance * 1e6).round() as u32),
        Some(_) => return Err(wrong("probability", "it must lie between 0 and 1".into())),
    };
    for (field, value) in [
        ("every_ms", raw.every_ms),
        ("every", raw.every),
        ("times", raw.times),
        ("count", raw.count),
    ] {
        if value == Some(0) {
            return Err(wrong(field, "it must be above zero".into()));
        }
    }
    let params = Params {
        delay_ms: raw.delay_ms,
        by_ms: raw.by_ms,
        by: raw.by,
        status: raw.status,
        code: raw.code,
        retry_ms: raw.retry_ms,
        parts: raw.parts,
        bytes: raw.bytes,
        rate: raw.rate,
        ppm: raw.ppm,
        tick: raw.tick,
        side: raw.side,
        part: raw.part,
        how: raw.how,
        rule: raw.rule,
        asset: raw.asset,
        amount: raw.amount,
    };
    check(what, &params).map_err(|(field, what)| wrong(field, what))?;
    Ok(Rule {
        what: Some(what),
        at_ms: raw.at_ms.unwrap_or(0),
        until_ms: raw.until_ms,
        every_ms: raw.every_ms,
        after: raw.after,
        every: raw.every,
        chance_e6,
        times: raw.times,
        count: raw.count,
        for_ms: raw.for_ms,
        symbol: raw.symbol,
        stream: raw.stream,
        account: raw.account,
        connection,
        request,
        params,
    })
}

/// The one of `all` with that name.
fn named<T: Copy, const N: usize>(
    name: &Option<String>,
    all: [T; N],
    text: fn(T) -> &'static str,
) -> Result<Option<T>, String> {
    let Some(name) = name else { return Ok(None) };
    let found = all.into_iter().find(|one| text(*one) == name);
    let names: Vec<&str> = all.into_iter().map(text).collect();
    found.map(Some).ok_or_else(|| format!("{name:?} is none of {}", names.join(", ")))
}

/// Whether a fault has the fields that it takes, and no others.
fn check(what: Fault, params: &Params) -> Result<(), (&'static str, String)> {
    let given = [
        ("delay_ms", params.delay_ms.is_some()),
        ("by_ms", params.by_ms.is_some()),
        ("by", params.by.is_some()),
        ("status", params.status.is_some()),
        ("code", params.code.is_some()),
        ("retry_ms", params.retry_ms.is_some()),
        ("parts", params.parts.is_some()),
        ("bytes", params.bytes.is_some()),
        ("rate", params.rate.is_some()),
        ("ppm", params.ppm.is_some()),
        ("tick", params.tick.is_some()),
        ("side", params.side.is_some()),
        ("part", params.part.is_some()),
        ("how", params.how.is_some()),
        ("rule", params.rule.is_some()),
        ("asset", params.asset.is_some()),
        ("amount", params.amount.is_some()),
    ];
    for (field, is_given) in given {
        if is_given && !what.params().contains(&field) {
            return Err((field, format!("{} does not take it", what.text())));
        }
        // Without these there is nothing that could be done.
        let is_needed = matches!(field, "tick" | "asset" | "amount" | "by_ms" | "rule");
        if is_needed && !is_given && what.params().contains(&field) {
            return Err((field, format!("{} needs it", what.text())));
        }
    }
    let one_of = |field, value: &Option<String>, all: &[&str]| match value {
        Some(value) if !all.contains(&value.as_str()) => {
            Err((field, format!("{value:?} is none of {}", all.join(", "))))
        }
        _ => Ok(()),
    };
    one_of("side", &params.side, &["buy", "sell"])?;
    one_of("part", &params.part, &["cancel", "new"])?;
    one_of("how", &params.how, &["status", "code", "drop", "silence"])
}
