//! What a client asks a backtest for, and what the run is given.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use qt_trading::Refusal;
use qt_trading::amount::Amount;
use qt_trading::ids::StrategyUid;

/// A backtest that somebody wants: of a stored strategy, or of the type and parameters given here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestRequest {
    /// A stored strategy of the tenant.
    #[serde(default)]
    pub strategy_id: Option<StrategyUid>,
    /// A strategy type, where no stored one is named.
    #[serde(default)]
    pub strategy_type: Option<String>,
    /// Parameters of the type; missing ones take their defaults.
    #[serde(default)]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// A data set: its identifier, or `shared:NAME`. Never a path or an address.
    #[serde(default)]
    pub data: Option<String>,
    /// First day or time (RFC 3339), inclusive.
    #[serde(default, alias = "from")]
    pub start_date: Option<String>,
    /// Last day or time, exclusive.
    #[serde(default, alias = "to")]
    pub end_date: Option<String>,
    /// What the account begins with; 100,000 when absent.
    #[serde(default)]
    pub initial_capital: Option<Amount>,
    /// Fee as a share of the value traded, like "0.001".
    #[serde(default, alias = "commission")]
    pub fee_rate: Option<Amount>,
    /// Slippage in hundredths of a percent, like "5".
    #[serde(default)]
    pub slippage_bps: Option<Amount>,
    /// Fixed quantity of an entry.
    #[serde(default)]
    pub quantity: Option<Amount>,
}

/// Everything that a run is given. It is stored with the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobConfig {
    /// The strategy type.
    pub strategy_type: String,
    /// All parameters that were given, as texts.
    pub parameters: BTreeMap<String, String>,
    /// The data set, as the request named it.
    pub data: String,
    /// Version of the data.
    pub data_version: String,
    /// First time.
    pub from: Option<String>,
    /// Last time, exclusive.
    pub to: Option<String>,
    /// What the account begins with.
    pub initial_capital: Amount,
    /// Fee as a share of the value traded.
    pub fee_rate: Option<Amount>,
    /// Slippage in hundredths of a percent.
    pub slippage_bps: Option<Amount>,
    /// Fixed quantity of an entry.
    pub quantity: Option<Amount>,
}

impl BacktestRequest {
    /// Looks at what needs no other data: dates, amounts, parameters.
    ///
    /// # Errors
    /// With the field that is wrong.
    pub fn check(&self, range_days_max: i64) -> Result<(), Refusal> {
        if self.strategy_id.is_some() == self.strategy_type.is_some() {
            return Err(invalid("strategy_id", "give either strategy_id or strategy_type"));
        }
        let from = time("start_date", self.start_date.as_deref())?;
        let to = time("end_date", self.end_date.as_deref())?;
        if let (Some(from), Some(to)) = (from, to) {
            let days = to.duration_since(from).as_secs() / 86_400;
            if days < 0 || from == to {
                return Err(invalid("end_date", "it must be after start_date"));
            }
            if days > range_days_max {
                let words = format!("{days} days are asked for, {range_days_max} are allowed");
                return Err(invalid("end_date", words));
            }
        }
        let positive = [("initial_capital", self.initial_capital), ("quantity", self.quantity)];
        for (field, value) in positive {
            if value.is_some_and(|value| value.0 <= 0.into()) {
                return Err(invalid(field, "it must be greater than zero"));
            }
        }
        let shares = [("fee_rate", self.fee_rate, 1), ("slippage_bps", self.slippage_bps, 10_000)];
        for (field, value, most) in shares {
            if value.is_some_and(|value| value.0 < 0.into() || value.0 >= most.into()) {
                return Err(invalid(field, format!("it must be from 0 to below {most}")));
            }
        }
        self.parameters().map(drop)
    }

    /// The parameters as texts.
    ///
    /// # Errors
    /// When one is neither number, text nor truth value, or would be taken for something else.
    pub fn parameters(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let text = |(name, value): (&String, &serde_json::Value)| {
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let text = match value {
                serde_json::Value::String(text) if text.len() <= 100 => Some(text.clone()),
                serde_json::Value::Number(number) => Some(number.to_string()),
                serde_json::Value::Bool(is_on) => Some(is_on.to_string()),
                _ => None,
            };
            text.filter(|_| is_name && !name.is_empty() && name.len() <= 64)
                .map(|text| (name.clone(), text))
                .ok_or_else(|| {
                    let words = format!("{name}: give a number, a text or a truth value");
                    invalid("parameters", words)
                })
        };
        if self.parameters.len() > 100 {
            return Err(invalid("parameters", "at most 100 of them"));
        }
        self.parameters.iter().map(text).collect()
    }
}

fn invalid(field: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal::Invalid { field, detail: detail.into() }
}

/// A day (its beginning in UTC) or a time.
fn time(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let day = |text: &str| -> Option<Timestamp> {
        let day: Date = text.parse().ok()?;
        day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    let is_day = text.len() == "2026-01-31".len();
    let read = if is_day { day(text) } else { text.parse().ok() };
    let wrong =
        || invalid(field, "write a day like 2026-01-31, or a time like 2026-01-31T00:00:00Z");
    read.map(Some).ok_or_else(wrong)
}

impl JobConfig {
    /// The words after `quanttrade`, with `data` as what `--data` is given.
    #[must_use]
    pub fn arguments(&self, data: &str) -> Vec<String> {
        let mut words = vec!["backtest".to_owned()];
        let mut add = |flag: &str, value: &str| {
            words.push(format!("--{flag}={value}"));
        };
        add("data", data);
        add("strategy", &self.strategy_type);
        for (name, value) in &self.parameters {
            add("param", &format!("{name}={value}"));
        }
        let optional = [
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("fee-rate", self.fee_rate.map(|value| value.to_string())),
            ("slippage-bps", self.slippage_bps.map(|value| value.to_string())),
            ("qty", self.quantity.map(|value| value.to_string())),
        ];
        for (flag, value) in optional {
            if let Some(value) = value {
                add(flag, &value);
            }
        }
        add("capital", &self.initial_capital.to_string());
        add("report", "report.html");
        words.extend(
            ["--json", "--quiet", "--progress-lines", "--allow-no-trades"].map(str::to_owned),
        );
        words.push("--threads=1".to_owned());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::BacktestRequest;
    use qt_trading::Refusal;

    fn read(json: &str) -> BacktestRequest {
        serde_json::from_str(json).unwrap()
    }

    fn field(json: &str) -> &'static str {
        match read(json).check(3_660) {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_is_looked_at_field_by_field() {
        let good = r#"{"strategy_type":"sma_cross","parameters":{"fast":5,"slow":"20"},
            "data":"shared:SP500","start_date":"2020-01-01","end_date":"2021-01-01T00:00:00Z",
            "initial_capital":"5000","fee_rate":"0.001","slippage_bps":"5"}"#;
        assert_eq!(read(good).check(3_660), Ok(()));
        for (wrong, json) in [
            ("strategy_id", "{}"),
            ("start_date", r#"{"strategy_type":"a","start_date":"yesterday"}"#),
            ("start_date", r#"{"strategy_type":"a","start_date":"2020-02-30"}"#),
            (
                "end_date",
                r#"{"strategy_type":"a","start_date":"2021-01-01","end_date":"2020-01-01"}"#,
            ),
            (
                "end_date",
                r#"{"strategy_type":"a","start_date":"1990-01-01","end_date":"2020-01-01"}"#,
            ),
            ("initial_capital", r#"{"strategy_type":"a","initial_capital":"0"}"#),
            ("fee_rate", r#"{"strategy_type":"a","fee_rate":"1"}"#),
            ("slippage_bps", r#"{"strategy_type":"a","slippage_bps":"-1"}"#),
            ("parameters", r#"{"strategy_type":"a","parameters":{"x":[1]}}"#),
            ("parameters", r#"{"strategy_type":"a","parameters":{"x y":1}}"#),
        ] {
            assert_eq!(field(json), wrong, "{json}");
        }
        assert!(serde_json::from_str::<BacktestRequest>(r#"{"path":"/etc/passwd"}"#).is_err());
    }
}
