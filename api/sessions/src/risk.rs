//! What limits say, as clients see it.

use qt_engine::OrderRequest;
use qt_risk::{Headroom, MONEY_OFF, Reject, RejectContext, Retry, RiskGate, Unit};
use qt_types::{Denied, DenyReason, InstrumentSpec, StrategyId};
use rust_decimal::Decimal;

use super::units::scaled;
use qt_trading::amount::Amount;
use qt_trading::{Refusal, RiskRejection, RiskStatus};

/// A count or share this large holds nothing back.
const OFF: i128 = 1_000_000_000;

/// Why an order was denied. `before`: how many denials the gate had made until then.
pub fn refusal(
    gate: &RiskGate,
    before: u64,
    denied: &Denied,
    spec: Option<&InstrumentSpec>,
    config_version: u64,
) -> Refusal {
    let told = gate.denial().filter(|_| gate.denials() > before).zip(spec);
    let Some((denial, spec)) = told else { return Refusal::Risk(Box::new(plain(denied))) };
    let context = RejectContext { config_version, ..RejectContext::default() };
    let reject = Reject::new(denial, spec, context);
    let amount = |text: &str| text.parse::<Decimal>().ok().map(Amount);
    let reference = reject.reference.as_ref();
    Refusal::Risk(Box::new(RiskRejection {
        control: reject.code.text().to_owned(),
        level: reject.level.text().to_owned(),
        limit: amount(&reject.limit),
        observed: amount(&reject.observed),
        unit: Some(reject.unit.to_owned()),
        reference_price: reference.and_then(|(price, ..)| amount(price)),
        reference_age_ms: reference.map(|(.., age_ns)| age_ns / 1_000_000),
        config_version,
        retryable: reject.retry != Retry::No,
    }))
}

/// A denial of which the gate says no more.
fn plain(denied: &Denied) -> RiskRejection {
    let can_change = !matches!(denied.reason, DenyReason::InvalidOrder | DenyReason::InvalidPrice);
    RiskRejection {
        control: denied.reason.text().to_owned(),
        level: "account".to_owned(),
        limit: None,
        observed: None,
        unit: None,
        reference_price: None,
        reference_age_ms: None,
        config_version: 0,
        retryable: can_change,
    }
}

/// What the limits say of `request` of `strategy`.
pub fn statuses(
    gate: &RiskGate,
    strategy: StrategyId,
    request: &OrderRequest,
    exposure: &qt_engine::Exposure<'_>,
) -> Vec<RiskStatus> {
    let symbol = exposure.spec(request.instrument).map(|spec| spec.symbol().to_owned());
    let all = gate.explain(strategy, request, exposure);
    let shown = all.iter().filter(|room| says_something(room));
    shown.map(|room| status(room, symbol.as_deref())).collect()
}

/// Whether it is a limit that is on, or one that fails.
const fn says_something(room: &Headroom) -> bool {
    let is_off = match room.unit {
        Unit::Money | Unit::Quantity => room.limit >= MONEY_OFF,
        _ => room.limit >= OFF,
    };
    let is_flag = room.limit == 0 && room.observed == 0;
    room.headroom < 0 || !(is_off || is_flag)
}

fn status(room: &Headroom, symbol: Option<&str>) -> RiskStatus {
    let is_scaled = matches!(room.unit, Unit::Money | Unit::Quantity);
    let amount = |number: i128| scaled(number, if is_scaled { 9 } else { 0 });
    let is_of_instrument = room.level == qt_risk::Level::Instrument;
    RiskStatus {
        control: room.reason.text().to_owned(),
        level: room.level.text().to_owned(),
        symbol: symbol.filter(|_| is_of_instrument).map(str::to_owned),
        limit: amount(room.limit),
        observed: amount(room.observed),
        unit: room.unit.text().to_owned(),
    }
}
