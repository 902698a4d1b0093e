//! Domain events and the envelope that they travel in.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use qt_trading::KillLevel;
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, BacktestId, EventId, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Execution, Order};

/// Something that happened. Each kind has a stream of its own, named after it.
#[derive(Clone, Debug, PartialEq)]
pub enum DomainEvent {
    /// An order was executed, whole or in part.
    TradeExecuted(Box<TradeExecuted>),
    /// A strategy or a source of signals said what should be done.
    SignalGenerated(Box<SignalGenerated>),
    /// A limit was reached or passed.
    RiskAlert(Box<RiskAlert>),
    /// An order came into another state.
    OrderStateChanged(Box<OrderStateChanged>),
    /// A backtest is over.
    BacktestCompleted(Box<BacktestCompleted>),
    /// Trading was stopped, or let go on.
    KillSwitchChanged(Box<KillSwitchChanged>),
    /// A source of signals trades no more, since it is not what it was.
    SourceDemoted(Box<SourceDemoted>),
}

/// The names of all kinds of events.
pub const EVENT_TYPES: [&str; 7] = [
    "TradeExecuted",
    "SignalGenerated",
    "RiskAlert",
    "OrderStateChanged",
    "BacktestCompleted",
    "KillSwitchChanged",
    "SourceDemoted",
];

/// An order was executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TradeExecuted {
    /// The account.
    pub account_id: AccountId,
    /// The execution.
    #[serde(flatten)]
    pub execution: Execution,
}

/// Somebody or something said what should be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalGenerated {
    /// The signal.
    pub signal_id: Uuid,
    /// The strategy, where one made it or takes it.
    pub strategy_id: Option<StrategyUid>,
    /// For which symbol.
    pub symbol: String,
    /// `buy`, `sell`, `hold` or `close`.
    pub action: String,
    /// From 0 to 1.
    pub confidence: f64,
    /// All else that it says.
    pub detail: Value,
    /// When.
    pub at: Time,
}

/// A limit was reached or passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAlert {
    /// The alert.
    pub alert_id: Uuid,
    /// The account.
    pub account_id: Option<AccountId>,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// The control, as a stable code.
    pub control: String,
    /// For which symbol.
    pub symbol: Option<String>,
    /// The limit.
    pub limit: Option<Amount>,
    /// What it was held against.
    pub observed: Option<Amount>,
    /// In words.
    pub message: String,
    /// When.
    pub at: Time,
}

/// An order came into another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderStateChanged {
    /// The account.
    pub account_id: AccountId,
    /// The order as it is now.
    #[serde(flatten)]
    pub order: Order,
}

/// A backtest is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BacktestCompleted {
    /// The backtest.
    pub backtest_id: BacktestId,
    /// The strategy, where it was one of the tenant's.
    pub strategy_id: Option<StrategyUid>,
    /// `done`, `failed`, `cancelled` or `interrupted`.
    pub status: String,
    /// Its figures, where it is done.
    pub summary: Option<Value>,
    /// When.
    pub at: Time,
}

/// Trading was stopped, or let go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillSwitchChanged {
    /// At which level.
    pub level: KillLevel,
    /// Of what: a strategy, an account, a tenant or a venue; empty for everything.
    pub subject: String,
    /// Whether nothing may leave now.
    pub is_killed: bool,
    /// Why.
    pub reason: String,
    /// Who: one person, or the two who let it go on.
    pub people: Vec<String>,
    /// When.
    pub at: Time,
}

/// A source of signals was taken out of trading by machine: only a person lets it trade again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceDemoted {
    /// The source, and its strategy.
    pub source_id: StrategyUid,
    /// Its name.
    pub name: String,
    /// The test that found it: `claimed` or `beginning`.
    pub test: String,
    /// Why, in words.
    pub reason: String,
    /// Claims that were judged since it was let trade.
    pub judged: u64,
    /// Those that came true.
    pub hits: u64,
    /// The mean of what was claimed, from 0 to 1.
    pub mean_confidence: f64,
    /// When.
    pub at: Time,
}

impl DomainEvent {
    /// The name of its kind.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::TradeExecuted(_) => EVENT_TYPES[0],
            Self::SignalGenerated(_) => EVENT_TYPES[1],
            Self::RiskAlert(_) => EVENT_TYPES[2],
            Self::OrderStateChanged(_) => EVENT_TYPES[3],
            Self::BacktestCompleted(_) => EVENT_TYPES[4],
            Self::KillSwitchChanged(_) => EVENT_TYPES[5],
            Self::SourceDemoted(_) => EVENT_TYPES[6],
        }
    }

    /// The aggregate that it happened to: its kind and its identifier.
    #[must_use]
    pub fn aggregate(&self) -> (&'static str, String) {
        match self {
            Self::TradeExecuted(event) => ("Trade", event.execution.id.to_string()),
            Self::SignalGenerated(event) => {
                let id = event.strategy_id.map_or(event.signal_id, |id| id.0);
                ("TradingStrategy", id.to_string())
            }
            Self::RiskAlert(event) => {
                let id = event.account_id.map_or(event.alert_id, |id| id.0);
                ("Portfolio", id.to_string())
            }
            Self::OrderStateChanged(event) => ("Order", event.order.id.to_string()),
            Self::BacktestCompleted(event) => ("Backtest", event.backtest_id.to_string()),
            Self::KillSwitchChanged(event) => ("KillSwitch", event.subject.clone()),
            Self::SourceDemoted(event) => ("TradingStrategy", event.source_id.to_string()),
        }
    }

    /// When it happened.
    #[must_use]
    pub const fn occurred_at(&self) -> Time {
        match self {
            Self::TradeExecuted(event) => event.execution.executed_at,
            Self::SignalGenerated(event) => event.at,
            Self::RiskAlert(event) => event.at,
            Self::OrderStateChanged(event) => event.order.updated_at,
            Self::BacktestCompleted(event) => event.at,
            Self::KillSwitchChanged(event) => event.at,
            Self::SourceDemoted(event) => event.at,
        }
    }

    /// What it says, as JSON text.
    #[must_use]
    pub fn data(&self) -> String {
        let made = match self {
            Self::TradeExecuted(event) => serde_json::to_string(event),
            Self::SignalGenerated(event) => serde_json::to_string(event),
            Self::RiskAlert(event) => serde_json::to_string(event),
            Self::OrderStateChanged(event) => serde_json::to_string(event),
            Self::BacktestCompleted(event) => serde_json::to_string(event),
            Self::KillSwitchChanged(event) => serde_json::to_string(event),
            Self::SourceDemoted(event) => serde_json::to_string(event),
        };
        // A number that is not finite becomes `null` in JSON; nothing else can go wrong here.
        made.unwrap_or_else(|_| "null".to_owned())
    }
}

/// An event with all that its readers need, as it is kept and published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Its identifier: who has seen it drops the event when it comes again.
    pub event_id: EventId,
    /// The name of its kind.
    pub event_type: String,
    /// The version of what `data` looks like.
    pub event_version: u32,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Which aggregate it happened to.
    pub aggregate_id: String,
    /// That aggregate's kind.
    pub aggregate_type: String,
    /// When.
    pub occurred_at: Time,
    /// The request or session that it comes from.
    pub correlation_id: Option<String>,
    /// The event or command that caused it.
    pub causation_id: Option<String>,
    /// What it says, as JSON text.
    pub data: String,
}

impl Envelope {
    /// Puts an event into its envelope.
    #[must_use]
    pub fn new(
        tenant_id: TenantId,
        event: &DomainEvent,
        correlation_id: Option<String>,
        causation_id: Option<String>,
    ) -> Self {
        let (aggregate_type, aggregate_id) = event.aggregate();
        Self {
            event_id: EventId::new(),
            event_type: event.event_type().to_owned(),
            event_version: 1,
            tenant_id,
            aggregate_id,
            aggregate_type: aggregate_type.to_owned(),
            occurred_at: event.occurred_at(),
            correlation_id,
            causation_id,
            data: event.data(),
        }
    }

    /// The fields of an entry of a stream, in the order of the contract.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, String); 10] {
        [
            ("event_id", self.event_id.to_string()),
            ("event_type", self.event_type.clone()),
            ("event_version", self.event_version.to_string()),
            ("tenant_id", self.tenant_id.to_string()),
            ("aggregate_id", self.aggregate_id.clone()),
            ("aggregate_type", self.aggregate_type.clone()),
            ("occurred_at", self.occurred_at.to_string()),
            ("correlation_id", self.correlation_id.clone().unwrap_or_default()),
            ("causation_id", self.causation_id.clone().unwrap_or_default()),
            ("data", self.data.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_says_all_that_the_contract_asks_for() {
        let tenant = TenantId::new();
        let event = DomainEvent::KillSwitchChanged(Box::new(KillSwitchChanged {
            level: KillLevel::Tenant,
            subject: tenant.to_string(),
            is_killed: true,
            reason: "a test".to_owned(),
            people: vec!["ann".to_owned()],
            at: Time(1_700_000_000_000_000_001),
        }));
        let envelope = Envelope::new(tenant, &event, Some("request".to_owned()), None);
        let fields = envelope.fields();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let contract = "event_id event_type event_version tenant_id aggregate_id aggregate_type \
                        occurred_at correlation_id causation_id data";
        assert_eq!(names.join(" "), contract);
        assert_eq!(fields[1].1, "KillSwitchChanged");
        assert_eq!(fields[6].1, "2023-11-14T22:13:20.000000001Z");
        let data: Value = serde_json::from_str(&envelope.data).unwrap();
        assert_eq!(data["is_killed"], true);
        assert_eq!(data["level"], "tenant");
    }
}
