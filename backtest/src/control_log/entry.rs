//! An entry of the control log as one line of JSON.

use qt_risk::{ArmRefusal, ControlAction, ControlEvent, KillState, Level, Person, Target};
use qt_types::Nanos;
use serde_json::{Value, json};

const LEVELS: [Level; 6] = [
    Level::Strategy,
    Level::Account,
    Level::Tenant,
    Level::Venue,
    Level::Global,
    Level::Instrument,
];

const STATES: [KillState; 3] = [KillState::Active, KillState::ReduceOnly, KillState::Halted];

const REFUSALS: [ArmRefusal; 8] = [
    ArmRefusal::NotTripped,
    ArmRefusal::UnknownTarget,
    ArmRefusal::ReasonMissing,
    ArmRefusal::SamePerson,
    ArmRefusal::SameSession,
    ArmRefusal::WrongTenant,
    ArmRefusal::Expired,
    ArmRefusal::LogFailed,
];

/// `event` as text.
pub(super) fn to_text(event: &ControlEvent) -> String {
    let (action, detail) = match event.action {
        ControlAction::Trip { state } => ("trip", json!(state.text())),
        ControlAction::ArmRequested => ("arm_requested", Value::Null),
        ControlAction::Armed { first } => ("armed", json!(first)),
        ControlAction::Refused { why } => ("refused", json!(why.text())),
    };
    json!({
        "number": event.number,
        "at_ns": event.at_ns.get(),
        "level": event.target.level.text(),
        "index": event.target.index,
        "action": action,
        "detail": detail,
        "person": event.person.id,
        "session": event.person.session,
        "tenant": event.person.tenant,
        "reason": event.reason,
        "ticket": event.ticket,
    })
    .to_string()
}

/// The event that `bytes` stand for.
pub(super) fn from_text(bytes: &[u8]) -> Result<ControlEvent, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let wrong = |name: &str| format!("the entry has no sound '{name}'");
    let number = |name: &str| value[name].as_u64().ok_or_else(|| wrong(name));
    let text = |name: &str| value[name].as_str().ok_or_else(|| wrong(name));
    let small = |name: &str| u16::try_from(number(name)?).map_err(|_| wrong(name));
    let level = text("level")?;
    let level = LEVELS.into_iter().find(|known| known.text() == level);
    let detail = value["detail"].as_str().unwrap_or_default();
    let state = || STATES.into_iter().find(|known| known.text() == detail);
    let why = || REFUSALS.into_iter().find(|known| known.text() == detail);
    let action = match text("action")? {
        "trip" => state().map(|state| ControlAction::Trip { state }),
        "arm_requested" => Some(ControlAction::ArmRequested),
        "armed" => value["detail"].as_u64().map(|first| ControlAction::Armed { first }),
        "refused" => why().map(|why| ControlAction::Refused { why }),
        _ => None,
    };
    Ok(ControlEvent {
        number: number("number")?,
        at_ns: Nanos::new(value["at_ns"].as_i64().ok_or_else(|| wrong("at_ns"))?),
        target: Target::new(level.ok_or_else(|| wrong("level"))?, small("index")?),
        action: action.ok_or_else(|| wrong("action"))?,
        person: Person {
            id: number("person")?,
            session: number("session")?,
            tenant: if value["tenant"].is_null() { None } else { Some(small("tenant")?) },
        },
        reason: text("reason")?.to_owned(),
        ticket: text("ticket")?.to_owned(),
    })
}
