//! What a person may make of a signal: less of the same, and never anything else.
//!
//! The rule looks at two whole signals, so that nothing can get past it that a field of the change
//! does not name: size smaller and on the same side, the limit where it is never worse for us, the
//! stop closer to where we enter, the horizon shorter. All else is as the source has said it.

use std::collections::BTreeMap;

use qt_codec::signal::{SignalObject, SizeObject};
use qt_types::{Side, SignalAction};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::http::FieldError;
use qt_trading::amount::Amount;

/// What is to be another: only what is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifiedAction {
    /// A smaller quantity, where the signal has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Amount>,
    /// A position nearer to zero, where the signal aims at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_position: Option<Amount>,
    /// A share of the equity nearer to zero, where the signal has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// A limit that is better for us, or one where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Amount>,
    /// A stop closer to the entry, or one where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<Amount>,
    /// A shorter horizon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_seconds: Option<u32>,
}

impl ModifiedAction {
    /// The body of a signal with what is given in the place of what was there. All other fields
    /// stay as they were written, digit by digit.
    ///
    /// # Errors
    /// Where the body is no object, which a signal that was kept always is.
    pub fn body(&self, body: &str) -> Result<String, serde_json::Error> {
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(body)?;
        let mut put = |name: &str, value: Box<RawValue>| fields.insert(name.to_owned(), value);
        let amounts = [
            ("quantity", self.quantity),
            ("target_position", self.target_position),
            ("limit_price", self.limit_price),
            ("stop_loss", self.stop_loss),
        ];
        for (name, amount) in amounts {
            if let Some(amount) = amount {
                put(name, to_raw_value(&amount)?);
            }
        }
        if let Some(weight) = self.weight {
            put("weight", to_raw_value(&weight)?);
        }
        if let Some(horizon) = self.horizon_seconds {
            put("horizon_seconds", to_raw_value(&horizon)?);
        }
        serde_json::to_string(&fields)
    }
}

/// The body of the signal `body` changed as a person says, where that makes it less. `price_e9` is
/// what the market would have us enter at; none where there is no market.
///
/// # Errors
/// The field that is in the way.
pub fn changed(
    body: &str,
    change: &ModifiedAction,
    price_e9: Option<i64>,
) -> Result<String, FieldError> {
    let unreadable = |detail: String| FieldError::new("modified_action", detail);
    let before = SignalObject::read(body.as_bytes()).map_err(|it| unreadable(it.to_string()))?;
    sizes(&before, change)?;
    let made = change.body(body).map_err(|error| unreadable(error.to_string()))?;
    let after = SignalObject::read(made.as_bytes()).map_err(|it| unreadable(it.to_string()))?;
    less(&before, &after, price_e9)?;
    Ok(made)
}

/// A size is changed only where there is one of that kind; what the signal leaves open cannot be
/// shown to become less.
fn sizes(before: &SignalObject, change: &ModifiedAction) -> Result<(), FieldError> {
    let given = [
        ("quantity", change.quantity.is_some(), matches!(before.size, SizeObject::QuantityE9(_))),
        (
            "target_position",
            change.target_position.is_some(),
            matches!(before.size, SizeObject::TargetE9(_)),
        ),
        ("weight", change.weight.is_some(), matches!(before.size, SizeObject::WeightE9(_))),
    ];
    match given.into_iter().find(|(_, is_given, is_there)| *is_given && !is_there) {
        Some((name, ..)) => Err(fault(name, "the signal has none that could be made smaller")),
        None => Ok(()),
    }
}

fn fault(name: &str, detail: &str) -> FieldError {
    FieldError::new(format!("modified_action.{name}"), detail)
}

/// Whether `after` is less than `before`, and nothing but less.
///
/// # Errors
/// The first field in which it is not.
pub fn less(
    before: &SignalObject,
    after: &SignalObject,
    price_e9: Option<i64>,
) -> Result<(), FieldError> {
    let rest = SignalObject {
        size: before.size,
        limit_price_e9: before.limit_price_e9,
        stop_loss_e9: before.stop_loss_e9,
        horizon_s: before.horizon_s,
        ..after.clone()
    };
    let whole = |detail: &str| Err(FieldError::new("modified_action", detail));
    if rest != *before {
        return whole("only size, limit_price, stop_loss and horizon_seconds may be changed");
    }
    if after == before {
        return whole("it changes nothing: give a smaller value, or approve");
    }
    size(before.size, after.size)?;
    limit(before, after)?;
    stop(before, after, price_e9)?;
    if after.horizon_s > before.horizon_s {
        return Err(fault("horizon_seconds", "it may only become shorter"));
    }
    Ok(())
}

fn size(before: SizeObject, after: SizeObject) -> Result<(), FieldError> {
    let is_nearer_to_zero = |before: i64, after: i64| {
        after == before || (after.signum() == before.signum() && after.abs() <= before.abs())
    };
    let (name, is_less) = match (before, after) {
        (SizeObject::Open, SizeObject::Open) => return Ok(()),
        (SizeObject::QuantityE9(before), SizeObject::QuantityE9(after)) => {
            ("quantity", is_nearer_to_zero(before, after))
        }
        (SizeObject::TargetE9(before), SizeObject::TargetE9(after)) => {
            ("target_position", is_nearer_to_zero(before, after))
        }
        (SizeObject::WeightE9(before), SizeObject::WeightE9(after)) => {
            ("weight", is_nearer_to_zero(before, after))
        }
        _ => return Err(FieldError::new("modified_action", "the kind of size may not change")),
    };
    let detail = "it may only become smaller, on the same side and not zero (reject it instead)";
    if is_less { Ok(()) } else { Err(fault(name, detail)) }
}

/// The way in which the price is to go: 1 up, -1 down; none for what enters nothing.
fn way(action: SignalAction) -> Option<i64> {
    action.side().map(|side| if side == Side::Buy { 1 } else { -1 })
}

fn limit(before: &SignalObject, after: &SignalObject) -> Result<(), FieldError> {
    if after.limit_price_e9 == before.limit_price_e9 {
        return Ok(());
    }
    let Some(way) = way(before.action) else {
        return Err(fault("limit_price", "a signal that enters nothing has none"));
    };
    let is_better = match (before.limit_price_e9, after.limit_price_e9) {
        (Some(before), Some(after)) => {
            i128::from(after) * i128::from(way) <= i128::from(before) * i128::from(way)
        }
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let detail = "it may only become better for us: lower to buy, higher to sell";
    if is_better { Ok(()) } else { Err(fault("limit_price", detail)) }
}

fn stop(
    before: &SignalObject,
    after: &SignalObject,
    price_e9: Option<i64>,
) -> Result<(), FieldError> {
    let is_same = after.stop_loss_e9 == before.stop_loss_e9;
    if is_same && after.limit_price_e9 == before.limit_price_e9 {
        return Ok(());
    }
    let Some(way) = way(before.action) else {
        return if is_same {
            Ok(())
        } else {
            Err(fault("stop_loss", "a signal that enters nothing has none"))
        };
    };
    let along = |price: i64| i128::from(price) * i128::from(way);
    let is_closer = match (before.stop_loss_e9, after.stop_loss_e9) {
        (Some(before), Some(after)) => along(after) >= along(before),
        (None, _) => true,
        (Some(_), None) => false,
    };
    if !is_closer {
        return Err(fault("stop_loss", "it may only come closer to the entry"));
    }
    // Beyond the entry it would be met at once, and the signal would do nothing.
    let entry = after.limit_price_e9.or(price_e9);
    let is_beyond =
        after.stop_loss_e9.zip(entry).is_some_and(|(stop, at)| along(stop) >= along(at));
    let name = if is_same { "limit_price" } else { "stop_loss" };
    let detail = "the stop has to stay on its side of the entry: below it to buy, above to sell";
    if is_beyond { Err(fault(name, detail)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
