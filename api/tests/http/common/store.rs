//! The store of a test: the real one on SQLite, or one whose database never answers.

use std::path::Path;

use qt_store::audit::{AuditEntry, AuditFilter, AuditRow, Audits};
use qt_store::domain::TradingStrategy;
use qt_store::orders::{ExecutionFilter, OrderFilter, Projected, Stream};
use qt_store::outcomes::{ClaimCounts, ClaimRow, Demotion};
use qt_store::{
    Account, Accounts, Actor, AlertRow, Alerts, Answer, ArmProgress, ArmTerms, Begun, DayRow,
    Decided, DeliveryRow, DueDelivery, EquityPoint, Hitl, HitlDecision, HitlFigures, HitlPolicy,
    HitlRequest, HitlStatus, HitlTerms, Idempotency, Kept, KillRow, Kills, LimitAgreed,
    LimitProposal, LimitSet, Limits, NewHitlDecision, NewHitlRequest, NewSignal, NewWebhook,
    ObservationRow, Observations, Orders, Outcomes, Page, PortfolioHistory, SignalFilter,
    SignalKept, SignalRow, SignalSettled, Signals, Slice, SourceMode, SourceRow, Sources, Store,
    StoreError, StoreSettings, Strategies, StrategyFilter, Tried, Urgency, WebhookRow, Webhooks,
};
use qt_trading::ids::{AccountId, ExecutionUid, OrderUid, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Execution, KillLevel, Order, Switch};
use serde_json::Value;
use uuid::Uuid;

/// A new store on SQLite in `folder`.
pub async fn open(folder: &Path) -> Store {
    let settings = StoreSettings::new(None, None, folder).expect("settings of SQLite");
    Store::open(&settings).await.expect("SQLite opens")
}

/// A store whose database is away.
pub struct Away;

fn away<'a, T: Send + 'a>() -> Kept<'a, T> {
    Box::pin(async { Err(StoreError::Unavailable("the test took it away".to_owned())) })
}

macro_rules! away {
    ($($of:ident { $(fn $name:ident($($kind:ty),*) -> $answer:ty;)+ })+) => {$(
        impl $of for Away {
            $(away!(@one $name ($($kind),*) $answer);)+
        }
    )+};
    (@one $name:ident () $answer:ty) => {
        fn $name(&self) -> Kept<'_, $answer> { away() }
    };
    (@one $name:ident ($a:ty) $answer:ty) => {
        fn $name(&self, _: $a) -> Kept<'_, $answer> { away() }
    };
    (@one $name:ident ($a:ty, $b:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b) -> Kept<'_, $answer> { away() }
    };
    (@one $name:ident ($a:ty, $b:ty, $c:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b, _: $c) -> Kept<'_, $answer> { away() }
    };
    (@one $name:ident ($a:ty, $b:ty, $c:ty, $d:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b, _: $c, _: $d) -> Kept<'_, $answer> { away() }
    };
    (@one $name:ident ($a:ty, $b:ty, $c:ty, $d:ty, $e:ty) $answer:ty) => {
        fn $name(&self, _: $a, _: $b, _: $c, _: $d, _: $e) -> Kept<'_, $answer> { away() }
    };
}

away! {
    Accounts {
        fn paper_account(TenantId) -> Account;
        fn accounts(TenantId) -> Vec<Account>;
        fn tenants() -> Vec<TenantId>;
    }
    Alerts {
        fn alerts(TenantId, Page) -> Slice<AlertRow>;
    }
    Audits {
        fn audit(TenantId, AuditEntry) -> ();
        fn audit_rows(TenantId, AuditFilter, Page) -> Slice<AuditRow>;
        fn audit_chain(TenantId, u64, u32) -> Vec<AuditRow>;
        fn audit_end(TenantId) -> (u64, String);
    }
    Idempotency {
        fn begin_request(TenantId, String, String, [u8; 32], Uuid) -> Begun;
        fn finish_request(TenantId, String, String, Answer) -> ();
        fn lose_request(TenantId, String, String) -> ();
        fn expire_requests(TenantId) -> u64;
    }
    Kills {
        fn kills(TenantId) -> Vec<KillRow>;
        fn keep_switch(Actor, Switch) -> KillRow;
        fn approve_arm(Actor, KillLevel, String, String, ArmTerms) -> ArmProgress;
    }
    Limits {
        fn keep_limits(Actor, LimitSet) -> ();
        fn limit_history(TenantId, u32) -> Vec<LimitSet>;
        fn propose_limits(Actor, u64, Value) -> LimitProposal;
        fn limit_proposals(TenantId) -> Vec<LimitProposal>;
        fn agree_limits(Actor, Uuid, bool) -> LimitAgreed;
    }
    Observations {
        fn add_observation(TenantId, ObservationRow) -> bool;
        fn observations(TenantId, Page) -> Slice<ObservationRow>;
    }
    Orders {
        fn order(TenantId, OrderUid) -> Order;
        fn orders(TenantId, OrderFilter, Page) -> Slice<Order>;
        fn execution(TenantId, ExecutionUid) -> Execution;
        fn executions(TenantId, ExecutionFilter, Page) -> Slice<Execution>;
        fn projected(Stream) -> u64;
        fn rewind(Stream, u64) -> ();
        fn project(Stream, Vec<Projected>) -> u64;
    }
    Outcomes {
        fn unclaimed(TenantId, Time, u32) -> Vec<SignalRow>;
        fn keep_claims(TenantId, Vec<ClaimRow>) -> ();
        fn open_claims(TenantId, (Time, Uuid), std::ops::Range<Time>, u32) -> Vec<ClaimRow>;
        fn settle_claims(TenantId, Vec<ClaimRow>) -> ();
        fn judged_claims(TenantId, StrategyUid, Time, u32) -> Vec<ClaimRow>;
        fn claim_counts(TenantId, StrategyUid) -> ClaimCounts;
        fn trial_of(TenantId, StrategyUid, SourceMode, Time) -> Time;
        fn demote_source(Actor, StrategyUid, Demotion) -> Option<SourceRow>;
    }
    PortfolioHistory {
        fn equity(TenantId, AccountId, Time, Time, u32) -> Vec<EquityPoint>;
        fn days(TenantId, AccountId, u32) -> Vec<DayRow>;
    }
    Hitl {
        fn hitl_policy(TenantId) -> HitlPolicy;
        fn set_hitl_policy(Actor, u64, HitlTerms) -> HitlPolicy;
        fn ask_human(Actor, NewHitlRequest) -> HitlRequest;
        fn hitl_request(TenantId, Uuid) -> (HitlRequest, Option<HitlDecision>);
        fn hitl_pending(TenantId, Option<Urgency>, Time, Page) -> Slice<HitlRequest>;
        fn decide(Actor, NewHitlDecision) -> Decided;
        fn note_hitl_outcome(Actor, Uuid, HitlStatus, serde_json::Value) -> bool;
        fn hitl_unreleased(TenantId) -> Vec<(HitlRequest, HitlDecision)>;
        fn expire_hitl(Actor) -> Vec<HitlRequest>;
        fn hitl_decisions(TenantId, Page) -> Slice<(HitlRequest, HitlDecision)>;
        fn has_approved(TenantId, StrategyUid) -> bool;
        fn hitl_figures(TenantId, Time) -> HitlFigures;
        fn hitl_unmirrored(TenantId, Time, u32) -> Vec<(HitlRequest, Option<HitlDecision>)>;
        fn hitl_mirrored(TenantId, HitlRequest) -> ();
        fn hitl_mirror_lost(TenantId, Time) -> u64;
    }
    Signals {
        fn keep_signals(TenantId, Vec<NewSignal>) -> Vec<SignalKept>;
        fn settle_signals(TenantId, Vec<SignalSettled>) -> ();
        fn replace_signal(SignalRow) -> bool;
        fn signals_known(TenantId, StrategyUid, Vec<String>) -> Vec<String>;
        fn signals_left(TenantId, Time, u32) -> Vec<SignalRow>;
        fn signal(TenantId, Uuid) -> SignalRow;
        fn signals(TenantId, SignalFilter, Page) -> Slice<SignalRow>;
    }
    Sources {
        fn create_source(Actor, SourceRow) -> SourceRow;
        fn sources(TenantId) -> Vec<SourceRow>;
        fn source(TenantId, StrategyUid) -> SourceRow;
        fn source_of_subject(TenantId, String) -> SourceRow;
        fn set_source_mode(Actor, StrategyUid, SourceMode, SourceMode, String) -> SourceRow;
        fn rotate_source_key(Actor, StrategyUid, Time) -> SourceRow;
        fn delete_source(Actor, StrategyUid) -> ();
    }
    Webhooks {
        fn create_webhook(Actor, NewWebhook) -> WebhookRow;
        fn webhooks(TenantId) -> Vec<WebhookRow>;
        fn delete_webhook(Actor, Uuid) -> ();
        fn deliveries(TenantId, Uuid, Page) -> Slice<DeliveryRow>;
        fn tenants_with_webhooks() -> Vec<TenantId>;
        fn take_up_events(TenantId, u32) -> u64;
        fn due_deliveries(TenantId, Uuid, Time, Time, u32) -> Vec<DueDelivery>;
        fn delivery_tried(TenantId, Uuid, Tried) -> ();
        fn forget_deliveries(TenantId, Time) -> u64;
    }
    Strategies {
        fn strategy(TenantId, StrategyUid) -> TradingStrategy;
        fn strategies(TenantId, StrategyFilter, Page) -> Slice<TradingStrategy>;
        fn active_strategies(TenantId) -> Vec<TradingStrategy>;
        fn save_strategy(Actor, TradingStrategy, &'static str) -> TradingStrategy;
        fn delete_strategy(Actor, StrategyUid) -> ();
    }
}
