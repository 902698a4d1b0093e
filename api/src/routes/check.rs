//! The shape of what clients send, all faults at once. What an instrument or a limit has to say
//! comes later, from the session.

use rust_decimal::Decimal;

use crate::http::{ApiError, FieldError};
use qt_trading::amount::Amount;
use qt_trading::{AmendOrder, NewOrder, OrderKind, TimeInForce};

const SYMBOL_BYTES_MAX: usize = 32;
const CLIENT_ID_BYTES_MAX: usize = 36;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes `detail` of `field` unless `is_right`.
    pub fn unless(&mut self, is_right: bool, field: &str, detail: &str) {
        if !is_right {
            self.0.push(FieldError::new(field, detail));
        }
    }

    /// Nothing, or all that is wrong.
    ///
    /// # Errors
    /// 422 with every fault.
    pub fn done(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid_all(self.0)) }
    }
}

/// Whether `text` may be the name of an instrument.
#[must_use]
pub fn is_symbol(text: &str) -> bool {
    is_name(text, SYMBOL_BYTES_MAX)
}

fn is_name(text: &str, bytes_max: usize) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= bytes_max && text.bytes().all(is_plain)
}

/// Whether `text` has no control characters: databases refuse some, and logs lie with others.
#[must_use]
pub fn is_plain_text(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn is_positive(amount: Option<Amount>) -> bool {
    amount.is_none_or(|amount| amount.0 > Decimal::ZERO)
}

/// The shape of an order.
///
/// # Errors
/// 422 with every fault.
pub fn order(order: &NewOrder) -> Result<(), ApiError> {
    let mut faults = Faults::default();
    let kind = order.kind;
    let has_price = matches!(kind, OrderKind::Limit | OrderKind::StopLimit);
    let has_stop = matches!(kind, OrderKind::Stop | OrderKind::StopLimit | OrderKind::TakeProfit);
    faults.unless(is_symbol(&order.symbol), "symbol", "1 to 32 of A-Z a-z 0-9 . _ -");
    faults.unless(is_positive(Some(order.quantity)), "quantity", "must be greater than 0");
    faults.unless(is_positive(order.price), "price", "must be greater than 0");
    faults.unless(is_positive(order.stop_price), "stop_price", "must be greater than 0");
    let detail = "limit and stop_limit orders have a price, and no other kind has one";
    faults.unless(order.price.is_some() == has_price, "price", detail);
    let detail = "stop, stop_limit and take_profit orders have one, and no other kind";
    faults.unless(order.stop_price.is_some() == has_stop, "stop_price", detail);
    let detail = "only limit orders can be post_only";
    faults.unless(!order.post_only || kind == OrderKind::Limit, "post_only", detail);
    let is_at_once = matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    let detail = "what is filled at once cannot be post_only";
    faults.unless(!(order.post_only && is_at_once), "time_in_force", detail);
    let client_id = order.client_order_id.as_deref();
    let is_right = client_id.is_none_or(|id| is_name(id, CLIENT_ID_BYTES_MAX));
    faults.unless(is_right, "client_order_id", "1 to 36 of A-Z a-z 0-9 . _ -");
    faults.done()
}

/// The shape of a change.
///
/// # Errors
/// 422 with every fault.
pub fn amend(change: &AmendOrder) -> Result<(), ApiError> {
    let mut faults = Faults::default();
    let is_empty = *change == AmendOrder::default();
    faults.unless(!is_empty, "quantity", "give quantity, price or stop_price");
    faults.unless(is_positive(change.quantity), "quantity", "must be greater than 0");
    faults.unless(is_positive(change.price), "price", "must be greater than 0");
    faults.unless(is_positive(change.stop_price), "stop_price", "must be greater than 0");
    faults.done()
}

#[cfg(test)]
mod tests {
    use super::{is_symbol, order};
    use qt_trading::NewOrder;

    fn faults(text: &str) -> Vec<String> {
        let read: NewOrder = serde_json::from_str(text).unwrap();
        let faults = order(&read).err().map(|error| error.fields).unwrap_or_default();
        faults.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let good = r#"{"symbol":"BTC-USD","side":"buy","type":"limit","quantity":"1","price":"2"}"#;
        assert!(faults(good).is_empty());
        let bad = r#"{"symbol":"a b","side":"buy","type":"market","quantity":0,"price":"-1",
                      "post_only":true,"client_order_id":""}"#;
        let expected = ["symbol", "quantity", "price", "price", "post_only", "client_order_id"];
        assert_eq!(faults(bad), expected);
        let stop = r#"{"symbol":"A","side":"sell","type":"stop_loss","quantity":"1"}"#;
        assert_eq!(faults(stop), ["stop_price"]);
    }

    #[test]
    fn symbols_are_plain() {
        assert!(is_symbol("BTC-USD") && is_symbol("a.b_c"));
        for bad in ["", "../x", "a/b", "a%20b", "é", &"x".repeat(33)] {
            assert!(!is_symbol(bad), "{bad}");
        }
    }
}
