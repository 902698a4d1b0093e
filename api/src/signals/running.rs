//! The strategy of a source in its tenant's session: it follows the source's signals, within the
//! source's budget.

use qt_store::{LateFallback, SourceRow};
use qt_strategies::Registry;
use qt_trading::{Desk, KillLevel, LimitValue, MarketData, Refusal, StrategyRun};
use serde_json::Value;

/// The type of it.
pub const FOLLOW: &str = "ai_signal_follow";

/// The strategy of `source`.
#[must_use]
pub fn run_of(source: &SourceRow, market: &dyn MarketData) -> StrategyRun {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let follow = source.follow.iter().map(|(name, value)| (name.clone(), text(value)));
    let own = [
        ("source", source.number.to_string()),
        ("late_ms", source.late_after_ms.to_string()),
        ("late_flat", (source.fallback == LateFallback::Flat).to_string()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let symbols = match source.symbols.as_slice() {
        [] => market.instruments().into_iter().map(|it| it.symbol).collect(),
        some => some.to_vec(),
    };
    let limit = |name: &str, value| LimitValue {
        name: name.to_owned(),
        level: "strategy".to_owned(),
        symbol: None,
        value,
        unit: String::new(),
    };
    StrategyRun {
        id: source.id,
        strategy_type: FOLLOW.to_owned(),
        symbols,
        parameters: follow.chain(own).collect(),
        limits: vec![
            limit("exposure", source.budget.notional),
            limit("daily_loss", source.budget.loss),
        ],
    }
}

/// Whether the kill switch of `source` is tripped.
pub(super) fn is_killed(desk: &dyn Desk, source: &SourceRow) -> bool {
    let subject = source.id.to_string();
    desk.switches().iter().any(|it| it.is_killed && it.is_of(KillLevel::Strategy, &subject))
}

/// Brings the session to what `source` says: its strategy runs where it is live.
///
/// # Errors
/// When the session does not take it.
pub async fn bring(
    desk: &dyn Desk,
    source: &SourceRow,
    market: &dyn MarketData,
    person: &str,
) -> Result<(), Refusal> {
    if source.is_live() {
        return desk.activate(run_of(source, market), person.to_owned()).await;
    }
    match desk.deactivate(source.id, person.to_owned()).await {
        Err(Refusal::NotFound) => Ok(()),
        done => done,
    }
}

/// Whether `follow` are parameters of the strategy, without those that the source gives itself.
///
/// # Errors
/// Which is not, and why.
pub fn check_follow(
    follow: &serde_json::Map<String, Value>,
    registry: &Registry,
) -> Result<(), String> {
    let own = ["source", "late_ms", "late_flat"];
    if let Some(name) = follow.keys().find(|name| own.contains(&name.as_str())) {
        return Err(format!("{name} follows from the source itself: leave it out"));
    }
    let entry = registry.get(FOLLOW).map_err(|why| why.to_string())?;
    let texts: Vec<(String, String)> = follow
        .iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect();
    entry.resolve(&texts).map(|_| ()).map_err(|why| why.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use qt_store::{SourceBudget, SourceMode};
    use qt_trading::amount::Amount;
    use qt_trading::ids::{StrategyUid, TenantId};
    use qt_trading::time::Time;

    pub fn source() -> SourceRow {
        SourceRow {
            tenant: TenantId::new(),
            id: StrategyUid::new(),
            number: 1,
            name: "analyst".to_owned(),
            mode: SourceMode::Shadow,
            subject: None,
            key_version: 1,
            old_key_until: None,
            follow: serde_json::Map::new(),
            symbols: vec!["BTC-USD".to_owned()],
            budget: SourceBudget {
                notional: Amount(10_000.into()),
                loss: Amount(500.into()),
                rate_per_minute: 60,
            },
            late_after_ms: 0,
            fallback: LateFallback::Ignore,
            created_at: Time(0),
            by: "ann".to_owned(),
        }
    }

    #[test]
    fn parameters_of_the_strategy_are_held_against_its_type() {
        let registry = Registry::builtin();
        let follow = |text: &str| check_follow(&serde_json::from_str(text).unwrap(), &registry);
        follow(r#"{"threshold": 0.7, "short": true}"#).unwrap();
        follow("{}").unwrap();
        for bad in [r#"{"source": 3}"#, r#"{"threshold": 2}"#, r#"{"nonsense": 1}"#] {
            follow(bad).unwrap_err();
        }
    }
}
