//! Types of strategies, and parameters between JSON and the registry.

use axum::Json;
use axum::extract::State;
use qt_strategies::{Hears, Instruments, ParamKind, ParamValue, Registry, StrategyEntry};
use serde::Serialize;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::http::page::Page;
use crate::http::{ApiError, Caller, Shared};
use qt_auth::Right;

/// A parameter of a type of strategies.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Parameter {
    /// Its name.
    name: &'static str,
    /// `int`, `float`, `flag` or `choice`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Taken where none is given.
    default: Value,
    /// The smallest value allowed.
    #[schema(value_type = Option<f64>)]
    minimum: Option<Number>,
    /// The largest value allowed.
    #[schema(value_type = Option<f64>)]
    maximum: Option<Number>,
    /// All words allowed.
    options: Option<&'static [&'static str]>,
    /// Whether it may change while the strategy runs.
    is_live: bool,
    /// What it does.
    documentation: &'static str,
}

/// A type of strategies.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StrategyType {
    /// Its name, as `strategy_type` takes it.
    name: &'static str,
    /// What it does, in a line.
    summary: &'static str,
    /// Its exact rule.
    documentation: &'static str,
    /// `bars` or `book`: what it decides on.
    hears: &'static str,
    /// How many symbols it trades together; none for any number, each for itself.
    symbols_exactly: Option<usize>,
    /// Its parameters.
    parameters: Vec<Parameter>,
    /// Conditions between them.
    rules: Vec<&'static str>,
}

impl From<&StrategyEntry> for StrategyType {
    fn from(entry: &StrategyEntry) -> Self {
        let number = |value: f64| Number::from_f64(value);
        let parameters = entry.params.iter().map(|spec| {
            let (minimum, maximum, options) = match spec.kind {
                ParamKind::Int { min, max, .. } => (Some(min.into()), Some(max.into()), None),
                ParamKind::Float { min, max, .. } => (number(min), number(max), None),
                ParamKind::Flag { .. } => (None, None, None),
                ParamKind::Choice { options, .. } => (None, None, Some(options)),
            };
            Parameter {
                name: spec.name,
                kind: spec.type_name(),
                default: json(spec.default()),
                minimum,
                maximum,
                options,
                is_live: spec.is_live,
                documentation: spec.doc,
            }
        });
        Self {
            name: entry.name,
            summary: entry.summary,
            documentation: entry.doc,
            hears: match entry.hears {
                Hears::Bars => "bars",
                Hears::Book => "book",
                Hears::Signals => "signals",
            },
            symbols_exactly: match entry.instruments {
                Instruments::Each => None,
                Instruments::Exactly(count) => Some(count),
            },
            parameters: parameters.collect(),
            rules: entry.rules.iter().map(|rule| rule.text).collect(),
        }
    }
}

/// The built-in types of strategies with their parameters.
#[utoipa::path(
    get,
    path = "/strategy-types",
    tag = "strategies",
    security(("bearer" = [])),
    responses((status = 200, body = Page<StrategyType>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Page<StrategyType>>, ApiError> {
    caller.need(Right::ReadMarket)?;
    let items = app.registry.iter().map(StrategyType::from).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

fn json(value: ParamValue) -> Value {
    match value {
        ParamValue::Int(value) => value.into(),
        ParamValue::Float(value) => value.into(),
        ParamValue::Flag(value) => value.into(),
        ParamValue::Choice(word) => word.into(),
    }
}

/// A value of JSON as the registry reads it; none for what no parameter can be.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Parameters as the session takes them.
#[must_use]
pub fn texts(parameters: &Map<String, Value>) -> Vec<(String, String)> {
    let pairs = parameters.iter();
    pairs.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

/// All parameters of the type `name`, with `given` in the place of their defaults.
///
/// # Errors
/// 422 for a type or parameter that does not exist, or a value that is not allowed.
pub fn resolved(
    registry: &Registry,
    name: &str,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let entry = registry.iter().find(|entry| entry.name == name).ok_or_else(|| {
        ApiError::invalid("strategy_type", "there is no such type, /strategy-types lists all")
    })?;
    let mut pairs = Vec::new();
    for (name, value) in given {
        let text = text(value).ok_or_else(|| {
            ApiError::invalid(format!("parameters.{name}"), "must be a number, a flag or a word")
        })?;
        // One at a time, so that the fault has its field.
        let pair = (name.clone(), text);
        let is_own_fault = |text: &str| !entry.rules.iter().any(|rule| text.contains(rule.text));
        if let Err(error) = entry.resolve(std::slice::from_ref(&pair))
            && is_own_fault(&error.0)
        {
            return Err(ApiError::invalid(format!("parameters.{name}"), error.0));
        }
        pairs.push(pair);
    }
    let all = entry.resolve(&pairs).map_err(|error| ApiError::invalid("parameters", error.0))?;
    Ok(all.iter().map(|(name, value)| (name.to_owned(), json(value))).collect())
}

#[cfg(test)]
mod tests {
    use qt_strategies::Registry;
    use serde_json::{Map, Value, json};

    use super::{StrategyType, resolved, texts};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn missing_parameters_take_their_defaults_and_wrong_ones_are_named() {
        let registry = Registry::builtin();
        let entry = registry.iter().find(|entry| !entry.rules.is_empty()).unwrap();
        let all = resolved(&registry, entry.name, &Map::new()).unwrap();
        assert_eq!(all.len(), entry.params.len());
        assert_eq!(texts(&all).len(), all.len());
        let bad = resolved(&registry, entry.name, &object(json!({"nonsense": 1}))).unwrap_err();
        assert_eq!(bad.fields[0].field, "parameters.nonsense");
        let first = entry.params[0].name;
        let bad = resolved(&registry, entry.name, &object(json!({first: [1]}))).unwrap_err();
        assert_eq!(bad.fields[0].field, format!("parameters.{first}"));
        let none = resolved(&registry, "no_such_type", &Map::new()).unwrap_err();
        assert_eq!(none.fields[0].field, "strategy_type");
    }

    #[test]
    fn every_type_is_described() {
        for entry in Registry::builtin().iter() {
            let described = serde_json::to_value(StrategyType::from(entry)).unwrap();
            assert_eq!(described["parameters"].as_array().unwrap().len(), entry.params.len());
            assert!(!described["documentation"].as_str().unwrap().is_empty(), "{}", entry.name);
        }
    }
}
