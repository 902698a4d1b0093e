//! Asking an agent: on a schedule, or when the price has moved, within a budget.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::budget::Budget;
use super::intake::{AgentIntake, AgentResult};
use super::service::{AgentService, Ended, NewTask};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// The wait after a first failure, and the longest.
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_LONGEST: Duration = Duration::from_secs(600);

/// The market as it is shown to an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketContext {
    /// Quote, candles and whatever else there is.
    pub shown: Value,
    /// The middle price; none without one.
    pub price: Option<Decimal>,
}

/// Where the context of a task comes from.
pub trait Context: Send + Sync {
    /// The market of `symbol`; none for one that is not there.
    fn context(&self, symbol: &str) -> Option<MarketContext>;
}

/// What is asked, of whom, when.
#[derive(Clone, Debug)]
pub struct TaskTerms {
    /// For whom.
    pub tenant: TenantId,
    /// The kind of agent, as the service names it.
    pub agent_type: String,
    /// The agent, as its registered source names it.
    pub agent_name: String,
    /// About what.
    pub symbols: Vec<String>,
    /// How often each is asked about; none for never by the clock.
    pub every: Option<Duration>,
    /// By how much the price must have moved since the last task to ask at once, as a ratio.
    pub moved: Option<Decimal>,
    /// Tasks in any hour.
    pub per_hour: usize,
    /// How long a task may take.
    pub time: Duration,
    /// How often prices are looked at.
    pub look: Duration,
    /// The shape of a signal, as JSON Schema.
    pub schema: Value,
}

/// Asks an agent.
pub struct AgentTasks {
    terms: TaskTerms,
    service: AgentService,
    context: Arc<dyn Context>,
    intake: AgentIntake,
}

impl std::fmt::Debug for AgentTasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentTasks").field("terms", &self.terms).finish_non_exhaustive()
    }
}

/// When a symbol was asked about last, and at which price.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    at: Option<Instant>,
    price: Option<Decimal>,
}

impl Asked {
    fn is_due(&self, terms: &TaskTerms, price: Option<Decimal>, now: Instant) -> bool {
        let Some(at) = self.at else { return true };
        if terms.every.is_some_and(|every| now.duration_since(at) >= every) {
            return true;
        }
        match (terms.moved, self.price, price) {
            (Some(moved), Some(before), Some(price)) if !before.is_zero() => {
                let change = price.checked_sub(before).and_then(|it| it.checked_div(before));
                change.is_some_and(|change| change.abs() >= moved)
            }
            _ => false,
        }
    }
}

impl AgentTasks {
    /// Asks `service` by `terms`; answers go to `intake`.
    #[must_use]
    pub fn new(
        terms: TaskTerms,
        service: AgentService,
        context: Arc<dyn Context>,
        intake: AgentIntake,
    ) -> Self {
        Self { terms, service, context, intake }
    }

    /// Works until it is dropped. One task at a time: an agent that is slow is asked less often.
    pub async fn run(self) {
        let mut budget = Budget::new(self.terms.per_hour);
        let mut asked = vec![Asked::default(); self.terms.symbols.len()];
        let mut retry = RETRY_FIRST;
        loop {
            for (symbol, asked) in self.terms.symbols.iter().zip(&mut asked) {
                let Some(market) = self.context.context(symbol) else { continue };
                if !asked.is_due(&self.terms, market.price, Instant::now()) {
                    continue;
                }
                if let Err(wait) = budget.spend(std::time::Instant::now()) {
                    let wait_s = wait.as_secs();
                    tracing::debug!(symbol, wait_s, "the budget of tasks is used up");
                    continue;
                }
                *asked = Asked { at: Some(Instant::now()), price: market.price };
                match self.ask(symbol, market).await {
                    Ok(()) => retry = RETRY_FIRST,
                    Err(error) => {
                        tracing::warn!(error, symbol, "the agent service was not asked");
                        tokio::time::sleep(retry).await;
                        retry = (retry * 2).min(RETRY_LONGEST);
                    }
                }
            }
            tokio::time::sleep(self.terms.look).await;
        }
    }

    async fn ask(&self, symbol: &str, market: MarketContext) -> Result<(), String> {
        let task = self.task(symbol, market.shown);
        let task_id = self.service.post(&task).await.map_err(|error| error.to_string())?;
        let (answer, failure) = match self.service.wait(&task_id, self.terms.time).await {
            Ended::Completed(answer) => (answer, None),
            Ended::Failed(why) => ("null".to_owned(), Some(why)),
        };
        let result = AgentResult {
            tenant: self.terms.tenant,
            agent_name: self.terms.agent_name.clone(),
            task_id,
            failure,
            answer,
            arrived_at: Time::now(),
        };
        let mut pause = Duration::from_millis(200);
        for _ in 0..8 {
            match self.intake.take(&result).await {
                Ok(_) => return Ok(()),
                Err(waits) => tracing::warn!(%waits, symbol, "an agent's answer waits"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err("the answer was given up: neither store nor session took it".to_owned())
    }

    fn task(&self, symbol: &str, market: Value) -> NewTask {
        NewTask {
            agent_type: self.terms.agent_type.clone(),
            task_description: format!(
                "Look at the market of {symbol} in input_data.market_context and say what should \
                 be done. Answer with one JSON object of the schema in \
                 input_data.expected_output, alone or between ```json fences, with a signal_id \
                 of your own, issued_at now and expires_at when it no longer holds. Say hold when \
                 you are not sure. Anything else than this object is only kept to be read."
            ),
            input_data: json!({
                "mode": "trading_signal",
                "market_context": market,
                "expected_output": self.terms.schema,
            }),
            priority: "normal".to_owned(),
            timeout_minutes: self.terms.time.as_secs().div_ceil(60),
            config: json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(every: Option<u64>, moved: Option<&str>) -> TaskTerms {
        TaskTerms {
            tenant: TenantId::new(),
            agent_type: "trading_strategy".to_owned(),
            agent_name: "trading_strategy_agent".to_owned(),
            symbols: vec!["BTC-USD".to_owned()],
            every: every.map(Duration::from_secs),
            moved: moved.map(|text| text.parse().unwrap()),
            per_hour: 10,
            time: Duration::from_secs(60),
            look: Duration::from_secs(1),
            schema: json!({}),
        }
    }

    #[test]
    fn it_is_asked_by_the_clock_or_when_the_price_has_moved() {
        let now = Instant::now();
        let later = now + Duration::from_secs(100);
        let price = |text: &str| Some(text.parse::<Decimal>().unwrap());
        let asked = Asked { at: Some(now), price: price("100") };
        assert!(Asked::default().is_due(&terms(None, None), None, now));
        assert!(asked.is_due(&terms(Some(100), None), None, later));
        assert!(!asked.is_due(&terms(Some(101), None), None, later));
        let by_price = terms(None, Some("0.01"));
        for (now_at, is_due) in [("101", true), ("99", true), ("100.99", false), ("99.01", false)] {
            assert_eq!(asked.is_due(&by_price, price(now_at), later), is_due, "{now_at}");
        }
        assert!(!asked.is_due(&by_price, None, later));
    }
}
