//! Whether a person is asked about a signal, and what that person is shown.

use std::sync::Arc;

use qt_codec::signal::{SignalObject, SizeObject};
use qt_types::{Side, SignalAction};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Approvals;
use crate::signals::{ApprovalPolicy, Ask};
use qt_store::{
    Actor, AskControl, HitlPolicy, HitlTerms, NewHitlRequest, SignalRow, SourceRow, Urgency,
};
use qt_trading::amount::Amount;
use qt_trading::{
    Desk, Doing, Instrument, NewOrder, OrderKind, Portfolio, Quote, Refusal, RiskStatus,
    TimeInForce,
};

const ONE_E9: i64 = 1_000_000_000;

/// Billionths as a decimal.
fn decimal(e9: i64) -> Decimal {
    Decimal::from_i128_with_scale(e9.into(), 9).normalize()
}

/// What is known of the market and the account when somebody is asked.
pub(super) struct Surroundings {
    pub(super) instrument: Option<Instrument>,
    pub(super) quote: Option<Arc<Quote>>,
    pub(super) portfolio: Arc<Portfolio>,
}

impl Surroundings {
    /// What an entry would be done at: the other side of the market, else its last price.
    pub(super) fn price(&self, action: SignalAction) -> Option<Amount> {
        let quote = self.quote.as_ref()?;
        let side = match action.side() {
            Some(Side::Buy) => quote.ask,
            Some(Side::Sell) => quote.bid,
            None => None,
        };
        side.or(quote.last)
    }

    fn position(&self, symbol: &str) -> Decimal {
        let held = self.portfolio.positions.iter().find(|it| it.symbol == symbol);
        held.map_or(Decimal::ZERO, |it| it.quantity.0)
    }

    /// So much would be traded at most, in units, and what that is worth; none where that cannot
    /// be said. A position on the other side is closed first, all of it, and where the source does
    /// not go short a signal to sell closes whatever there is.
    fn order(
        &self,
        signal: &SignalObject,
        budget: Amount,
        may_short: bool,
    ) -> Option<(Decimal, Decimal)> {
        let instrument = self.instrument.as_ref()?;
        // In another currency than the account's nobody here knows what it is worth.
        if instrument.currency != self.portfolio.currency {
            return None;
        }
        let market = self.price(signal.action)?.0;
        let price = match (signal.limit_price_e9.map(decimal), signal.action.side()) {
            // A limit to buy is the most that is paid; one to sell is the least that is got.
            (Some(limit), Some(Side::Buy)) => limit,
            (Some(limit), Some(Side::Sell)) => limit.max(market),
            _ => market,
        };
        let unit_at = |price: Decimal| price.checked_mul(instrument.contract_size.0);
        let (unit, market_unit) = (unit_at(price)?.abs(), unit_at(market)?.abs());
        if unit.is_zero() {
            return None;
        }
        let worth = |money: Decimal| money.checked_div(unit);
        let size = match (signal.action, signal.size) {
            (SignalAction::Hold | SignalAction::Close, _) => Decimal::ZERO,
            (_, SizeObject::QuantityE9(e9) | SizeObject::TargetE9(e9)) => decimal(e9).abs(),
            (_, SizeObject::WeightE9(e9)) => {
                worth(self.portfolio.equity.0.checked_mul(decimal(e9).abs())?)?
            }
            // The source leaves it open; it is no more than its budget.
            (_, SizeObject::Open) => worth(budget.0)?,
        };
        let held = self.position(&signal.symbol);
        let (closed, opened) = match signal.action {
            SignalAction::Close => (held.abs(), Decimal::ZERO),
            SignalAction::Sell if !may_short && !held.is_zero() => (held.abs(), Decimal::ZERO),
            SignalAction::Sell if held > Decimal::ZERO => (held, size),
            SignalAction::Buy if held < Decimal::ZERO => (held.abs(), size),
            _ => (Decimal::ZERO, size),
        };
        // What is closed is closed at the market, whatever the limit of the entry.
        let worth = closed.checked_mul(market_unit)?.checked_add(opened.checked_mul(unit)?)?;
        Some((closed.checked_add(opened)?, worth))
    }

    fn notional(&self, signal: &SignalObject, budget: Amount, may_short: bool) -> Option<Amount> {
        let (_, worth) = self.order(signal, budget, may_short)?;
        Some(Amount(worth.round_dp(9).normalize()))
    }
}

/// Whether what follows from a signal of `source` to sell may go short.
fn may_short(source: &SourceRow) -> bool {
    let said = source.follow.get("short");
    said.is_some_and(|it| *it != Value::Bool(false) && it.as_str() != Some("false"))
}

/// Why a person is asked by what the policy says of the signal alone.
fn plain_triggers(
    terms: &HitlTerms,
    signal: &SignalObject,
    notional: Option<Amount>,
) -> Vec<String> {
    let mut triggers = Vec::new();
    if signal.confidence_e9 < terms.confidence_e9 {
        triggers.push("low_confidence".to_owned());
    }
    match (notional, terms.notional) {
        (Some(notional), Some(above)) if notional > above => {
            triggers.push("high_notional".to_owned());
        }
        (None, Some(_)) => triggers.push("unknown_notional".to_owned()),
        _ => {}
    }
    triggers
}

/// Controls of which so much would be used that a person is asked.
fn control_triggers(controls: &[AskControl], rooms: &[RiskStatus]) -> Vec<String> {
    let is_reached = |ask: &AskControl, room: &RiskStatus| {
        let share = decimal(ask.share_e9.into());
        room.control == ask.control
            && room.limit.0.checked_mul(share).is_none_or(|from| room.observed.0 >= from)
    };
    let reached = controls.iter().filter(|ask| rooms.iter().any(|room| is_reached(ask, room)));
    reached.map(trigger_of).collect()
}

fn trigger_of(ask: &AskControl) -> String {
    format!("control:{}", ask.control)
}

/// What the signal comes to, for people.
fn recommendation(signal: &SignalObject, row: &SignalRow) -> Value {
    let price = |e9: Option<i64>| e9.map(|e9| Amount(decimal(e9)));
    let (quantity, target, weight) = match signal.size {
        SizeObject::Open => (None, None, None),
        SizeObject::QuantityE9(e9) => (Some(Amount(decimal(e9))), None, None),
        SizeObject::TargetE9(e9) => (None, Some(Amount(decimal(e9))), None),
        SizeObject::WeightE9(e9) => (None, None, Some(e9 as f64 / ONE_E9 as f64)),
    };
    json!({
        "action": row.action,
        "symbol": signal.symbol,
        "quantity": quantity,
        "target_position": target,
        "weight": weight,
        "limit_price": price(signal.limit_price_e9),
        "stop_loss": price(signal.stop_loss_e9),
        "take_profit": price(signal.take_profit_e9),
        "horizon_seconds": signal.horizon_s,
        "reasoning": signal.reasoning,
    })
}

/// What should be known beside it.
fn context(
    around: &Surroundings,
    row: &SignalRow,
    source: &SourceRow,
    policy: &HitlPolicy,
) -> Value {
    let quote = around.quote.as_deref();
    json!({
        "source": source.name,
        "position": Amount(around.position(&row.symbol)),
        "equity": around.portfolio.equity,
        "currency": around.portfolio.currency,
        "bid": quote.and_then(|it| it.bid),
        "ask": quote.and_then(|it| it.ask),
        "last": quote.and_then(|it| it.last),
        "quoted_at": quote.map(|it| it.as_of),
        "source_budget": source.budget.notional,
        "policy_version": policy.version,
    })
}

/// Why a person is to be asked about a signal, and what was known then.
struct Found {
    signal: SignalObject,
    desk: Arc<dyn Desk>,
    around: Surroundings,
    notional: Option<Amount>,
    policy: Arc<HitlPolicy>,
    triggers: Vec<String>,
}

impl ApprovalPolicy for Approvals {
    fn would_ask<'a>(
        &'a self,
        signal: &'a SignalRow,
        source: &'a SourceRow,
    ) -> Doing<'a, Result<bool, Refusal>> {
        Box::pin(async move { Ok(self.found(signal, source).await?.is_some()) })
    }

    fn asks<'a>(
        &'a self,
        signal: &'a SignalRow,
        source: &'a SourceRow,
    ) -> Doing<'a, Result<Option<Ask>, Refusal>> {
        Box::pin(self.asked(signal, source))
    }
}

impl Approvals {
    /// None where nobody is to be asked.
    async fn found(&self, row: &SignalRow, source: &SourceRow) -> Result<Option<Found>, Refusal> {
        let Ok(signal) = SignalObject::read(row.body.as_bytes()) else { return Ok(None) };
        // It leads to no order.
        if signal.action == SignalAction::Hold {
            return Ok(None);
        }
        let tenant = row.tenant;
        let policy = self.policy(tenant).await?;
        let desk = self.trading.desk(tenant).await?;
        let around = self.around(&row.symbol, &*desk);
        let notional = around.notional(&signal, source.budget.notional, may_short(source));
        let mut triggers = plain_triggers(&policy.terms, &signal, notional);
        if policy.terms.asks_first && !self.has_approved(tenant, source.id).await? {
            triggers.push("new_source".to_owned());
        }
        if !policy.terms.controls.is_empty() {
            let controls = &policy.terms.controls;
            triggers.extend(match tried(&*desk, &around, &signal, source).await? {
                Some(rooms) => control_triggers(controls, &rooms),
                // Nobody can say that it is below the share.
                None => controls.iter().map(trigger_of).collect(),
            });
        }
        if triggers.is_empty() {
            return Ok(None);
        }
        Ok(Some(Found { signal, desk, around, notional, policy, triggers }))
    }

    async fn asked(&self, row: &SignalRow, source: &SourceRow) -> Result<Option<Ask>, Refusal> {
        let Some(found) = self.found(row, source).await? else { return Ok(None) };
        let Found { signal, desk, around, notional, policy, triggers } = found;
        let tenant = row.tenant;
        let task_data = serde_json::from_str(&row.body).unwrap_or(Value::Null);
        let asked = NewHitlRequest {
            signal: row.id,
            source: source.id,
            symbol: row.symbol.clone(),
            urgency: Urgency::of_value(notional, policy.terms.notional),
            triggers: triggers.clone(),
            task_data,
            recommendation: recommendation(&signal, row),
            confidence_e9: row.confidence_e9,
            notional,
            context: context(&around, row, source, &policy),
            expires_at: row.expires_at,
        };
        let request = self.store.ask_human(Actor::service(tenant), asked).await?;
        self.has_asked(&*desk, tenant, &request);
        Ok(Some(Ask { triggers }))
    }

    /// What is known of a market and of the account.
    pub(super) fn around(&self, symbol: &str, desk: &dyn Desk) -> Surroundings {
        let instrument = self.market.instrument(symbol);
        let quote = self.market.quote(symbol);
        Surroundings { instrument, quote, portfolio: desk.portfolio() }
    }
}

/// What every limit would say of the order that the signal may lead to; none where nobody can say.
async fn tried(
    desk: &dyn Desk,
    around: &Surroundings,
    signal: &SignalObject,
    source: &SourceRow,
) -> Result<Option<Vec<RiskStatus>>, Refusal> {
    let tried = around.order(signal, source.budget.notional, may_short(source));
    let Some((quantity, _)) = tried else { return Ok(None) };
    let side = match signal.action.side() {
        Some(Side::Buy) => qt_trading::Side::Buy,
        Some(Side::Sell) => qt_trading::Side::Sell,
        None if around.position(&signal.symbol) < Decimal::ZERO => qt_trading::Side::Buy,
        None => qt_trading::Side::Sell,
    };
    let lot = around.instrument.as_ref().map_or(Decimal::ONE, |it| it.lot_size.0);
    let lots = quantity.checked_div(lot).unwrap_or_default().ceil();
    let quantity = Amount(lots.checked_mul(lot).unwrap_or_default());
    if quantity.0.is_zero() {
        return Ok(Some(Vec::new()));
    }
    let order = NewOrder {
        symbol: signal.symbol.clone(),
        side,
        kind: OrderKind::Market,
        quantity,
        price: None,
        stop_price: None,
        time_in_force: TimeInForce::Ioc,
        post_only: false,
        reduce_only: signal.action == SignalAction::Close,
        client_order_id: None,
        strategy_id: Some(source.id),
    };
    match desk.try_out(order).await {
        Ok(rooms) => Ok(Some(rooms)),
        Err(refusal @ Refusal::Unavailable { .. }) => Err(refusal),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_trading::ids::AccountId;
    use qt_trading::time::Time;

    fn amount(text: &str) -> Amount {
        Amount(text.parse().unwrap())
    }

    fn signal(more: &str) -> SignalObject {
        let body = format!(
            r#"{{"schema_version": 1, "signal_id": "s", "symbol": "BTC-USD", "action": "buy",
            "confidence": 0.8, "horizon_seconds": 60, "issued_at": "2026-01-31T09:30:00Z",
            "expires_at": "2026-01-31T09:35:00Z"{more}}}"#
        );
        SignalObject::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_policy_asks_below_its_confidence_and_above_its_notional() {
        let terms = HitlTerms::default();
        let triggers = |e9: u32, notional: Option<&str>| {
            let signal = SignalObject { confidence_e9: e9, ..signal("") };
            plain_triggers(&terms, &signal, notional.map(amount)).join(" ")
        };
        assert_eq!(triggers(850_000_000, Some("10000")), "");
        assert_eq!(triggers(849_999_999, Some("10000")), "low_confidence");
        assert_eq!(triggers(850_000_000, Some("10000.000000001")), "high_notional");
        assert_eq!(triggers(0, None), "low_confidence unknown_notional");
        let never = HitlTerms { confidence_e9: 0, notional: None, ..terms };
        assert!(plain_triggers(&never, &signal(""), None).is_empty());
    }

    #[test]
    fn a_control_asks_from_its_share_on() {
        let ask = AskControl { control: "MAX_ORDER_QTY".to_owned(), share_e9: 800_000_000 };
        let room = |control: &str, observed: &str| RiskStatus {
            control: control.to_owned(),
            level: "account".to_owned(),
            symbol: None,
            limit: amount("10"),
            observed: amount(observed),
            unit: String::new(),
        };
        let asked = |room| control_triggers(std::slice::from_ref(&ask), &[room]);
        assert_eq!(asked(room("MAX_ORDER_QTY", "8")), ["control:MAX_ORDER_QTY"]);
        assert!(asked(room("MAX_ORDER_QTY", "7.999999999")).is_empty());
        assert!(asked(room("MAX_POSITION", "9")).is_empty());
    }

    fn around(currency: &str) -> Surroundings {
        let some = |text: &str| Some(amount(text));
        let instrument = Instrument {
            symbol: "BTC-USD".to_owned(),
            venue: "SIM".to_owned(),
            kind: "future".to_owned(),
            currency: currency.to_owned(),
            tick_size: amount("0.01"),
            lot_size: amount("0.001"),
            min_notional: None,
            contract_size: amount("5"),
            session_state: "open".to_owned(),
        };
        let quote = Quote {
            symbol: "BTC-USD".to_owned(),
            bid: some("98"),
            bid_quantity: None,
            ask: some("102"),
            ask_quantity: None,
            last: some("100"),
            last_quantity: None,
            open: None,
            high: None,
            low: None,
            volume: amount("0"),
            change: None,
            is_stale: false,
            as_of: Time(0),
        };
        let none = amount("0");
        let held = qt_trading::Position {
            symbol: "BTC-USD".to_owned(),
            quantity: amount("-3"),
            average_price: amount("90"),
            mark_price: None,
            market_value: none,
            unrealized_pnl: none,
            realized_pnl: none,
            fees: none,
            opened_at: None,
        };
        let portfolio = Portfolio {
            account_id: AccountId::new(),
            account_type: "paper".to_owned(),
            currency: "USD".to_owned(),
            equity: amount("100000"),
            cash: none,
            initial_capital: none,
            realized_pnl: none,
            unrealized_pnl: none,
            day_pnl: none,
            fees: none,
            gross_exposure: none,
            net_exposure: none,
            open_orders: 0,
            positions: vec![held],
            as_of: Time(0),
        };
        let (instrument, quote) = (Some(instrument), Some(Arc::new(quote)));
        Surroundings { instrument, quote, portfolio: Arc::new(portfolio) }
    }

    #[test]
    fn the_notional_is_the_most_that_the_order_may_be_worth() {
        let (usd, eur) = (around("USD"), around("EUR"));
        let budget = amount("7000");
        let sell = |more: &str| {
            let sold = signal(more);
            SignalObject { action: SignalAction::Sell, ..sold }
        };
        for (signal, wanted) in [
            (signal(r#", "quantity": "2""#), "2550"),
            (signal(r#", "quantity": "2", "limit_price": "90""#), "2430"),
            (sell(r#", "quantity": "2""#), "980"),
            (sell(r#", "quantity": "2", "limit_price": "90""#), "980"),
            (sell(r#", "quantity": "2", "limit_price": "110""#), "1100"),
            (signal(r#", "target_position": "4""#), "3570"),
            (signal(r#", "weight": 0.25"#), "26530"),
            (signal(""), "8530"),
            (SignalObject { action: SignalAction::Close, ..signal("") }, "1500"),
            (SignalObject { action: SignalAction::Hold, ..signal("") }, "0"),
        ] {
            assert_eq!(usd.notional(&signal, budget, true), Some(amount(wanted)), "{signal:?}");
            assert_eq!(eur.notional(&signal, budget, true), None);
        }
        let blind = Surroundings { quote: None, ..usd };
        assert_eq!(blind.notional(&signal(""), budget, true), None);
    }

    #[test]
    fn what_closes_a_position_counts_by_all_of_it() {
        let held = |quantity: &str| {
            let mut around = around("USD");
            let mut portfolio = Portfolio::clone(&around.portfolio);
            portfolio.positions[0].quantity = amount(quantity);
            around.portfolio = Arc::new(portfolio);
            around
        };
        let small = signal(r#", "quantity": "0.001""#);
        let sell = SignalObject { action: SignalAction::Sell, ..small.clone() };
        for (quantity, signal, may_short, wanted) in [
            ("3", &sell, false, "1470"),
            ("3", &sell, true, "1470.49"),
            ("-3", &sell, false, "1470"),
            ("-3", &sell, true, "0.49"),
            ("0", &sell, false, "0.49"),
            ("3", &small, false, "0.51"),
            ("-3", &small, false, "1530.51"),
        ] {
            let notional = held(quantity).notional(signal, amount("7000"), may_short);
            assert_eq!(notional, Some(amount(wanted)), "{quantity} {may_short} {signal:?}");
        }
    }
}
