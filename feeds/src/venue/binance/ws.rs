//! Requests by the WebSocket API.

use std::fmt::Write;

use qt_types::OrderId;

use crate::client_id::hex_of;

use super::order::{EncodeError, Request};
use super::params::{Param, Shape, Value};
use super::setup::{Access, Market, SetupError};
use super::template::{Field, Fields, Template};
use super::writer::{Form, Texts, time};

/// How the venue knows whose requests they are.
#[derive(Clone, Debug)]
pub enum WsAccess {
    /// By the key and the signature in each of them.
    Signed(Access),
    /// By [`WsOrders::log_on`], which came before them on the same connection and needs a key of
    /// Ed25519. Nothing is left to sign.
    LoggedOn(Access),
}

/// Writes the requests of one symbol.
pub struct WsOrders {
    market: Market,
    access: Access,
    forms: Vec<Form>,
    log_on: Form,
    /// The number of the shape of the last request.
    last: usize,
}

impl WsOrders {
    /// Prepares all that can be written before there is an order.
    ///
    /// # Errors
    /// When the symbol or the window is not one.
    pub fn new(market: Market, access: WsAccess) -> Result<Self, SetupError> {
        market.check()?;
        let (access, is_signed) = match access {
            WsAccess::Signed(access) => (access, true),
            WsAccess::LoggedOn(access) => (access, false),
        };
        let form = |method: &str, mut params: Vec<Param>, is_signed: bool| {
            params.push(("timestamp", Value::Time));
            if is_signed {
                params.push(("apiKey", Value::Key));
            }
            // The order in which the venue puts them together for the signature.
            params.sort_by_key(|(name, _)| *name);
            let key = access.api_key();
            let payload = is_signed.then(|| payload(&params, key));
            Form::new(payload, message((method, key), &params, is_signed), &access.signer)
        };
        let forms = Shape::all()
            .map(|shape| form(method(shape), shape.params(&market), is_signed))
            .collect();
        let log_on = form("session.logon", Vec::new(), true);
        Ok(Self { forms, log_on, market, access, last: 0 })
    }

    /// Writes `request`, which is the connection's request `number` and is sent at `at_ms`
    /// (UTC ms, by the venue's clock), into `buffer`. Its length comes back.
    ///
    /// # Errors
    /// When a value cannot be one of an order, or there is no room; `buffer` then holds anything.
    #[inline]
    pub fn encode(
        &mut self,
        number: u64,
        request: &Request,
        at_ms: u64,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let texts = Texts::new(request, at_ms, &self.market.scales)?;
        let number = hex_of(number);
        let mut fields = texts.fields();
        fields.set(Field::Number, number.as_flattened());
        self.last = Shape::of(request).number();
        // There is one for each shape.
        let form = self.forms.get_mut(self.last).ok_or(EncodeError::NoRoom)?;
        let signature = form.sign(&fields, &self.access.signer)?;
        if let Some(signature) = &signature {
            fields.set(Field::Signature, signature.text());
        }
        form.write(&fields, buffer)
    }

    /// The next request is most likely the new order `id`, of the shape of the last request: what
    /// of its signature hangs on the key and the id alone is worked out now, while there is time.
    /// Where another request comes nothing is lost.
    pub fn expect(&mut self, id: OrderId) {
        if let Some(form) = self.forms.get_mut(self.last) {
            form.expect(id, &self.access.signer);
        }
    }

    /// Writes the request that logs on to the connection.
    ///
    /// # Errors
    /// When the time is none, or there is no room.
    pub fn log_on(
        &mut self,
        number: u64,
        at_ms: u64,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let (time, number) = (time(at_ms)?, hex_of(number));
        let mut fields = Fields::new();
        fields.set(Field::Time, time.as_bytes());
        fields.set(Field::Number, number.as_flattened());
        let signature = self.log_on.sign(&fields, &self.access.signer)?;
        if let Some(signature) = &signature {
            fields.set(Field::Signature, signature.text());
        }
        self.log_on.write(&fields, buffer)
    }
}

const fn method(shape: Shape) -> &'static str {
    match shape {
        Shape::New(_) | Shape::Reduce(_) => "order.place",
        Shape::Replace(_) => "order.cancelReplace",
        Shape::Cancel => "order.cancel",
        Shape::Amend => "order.amend.keepPriority",
        Shape::Modify => "order.modify",
    }
}

/// What is signed: the parameters as they are, nothing encoded.
fn payload(params: &[Param], key: &[u8]) -> Template {
    let mut template = Template::new();
    for (at, (name, value)) in params.iter().enumerate() {
        let mut text = if at == 0 { String::new() } else { "&".to_owned() };
        text.push_str(name);
        text.push('=');
        match value {
            Value::Text(value) => text.push_str(value),
            // Writing to a string never fails.
            Value::Number(value) => drop(write!(text, "{value}")),
            Value::Field(_) | Value::Time | Value::Key => {}
        }
        template.text(&text);
        match value {
            Value::Field(field) => template.place(*field),
            Value::Time => template.place(Field::Time),
            Value::Key => template.put(key),
            Value::Text(_) | Value::Number(_) => {}
        }
    }
    template
}

/// What is sent.
fn message((method, key): (&str, &[u8]), params: &[Param], is_signed: bool) -> Template {
    let mut template = Template::new();
    template.text("{\"id\":\"");
    template.place(Field::Number);
    template.text(&format!("\",\"method\":\"{method}\",\"params\":{{"));
    for (at, (name, value)) in params.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // Neither a symbol nor a key has a character that JSON would want escaped.
        match value {
            Value::Text(text) => template.text(&format!("{comma}\"{name}\":\"{text}\"")),
            Value::Number(number) => template.text(&format!("{comma}\"{name}\":{number}")),
            Value::Time => {
                template.text(&format!("{comma}\"{name}\":"));
                template.place(Field::Time);
            }
            Value::Field(field) => {
                template.text(&format!("{comma}\"{name}\":\""));
                template.place(*field);
                template.text("\"");
            }
            Value::Key => {
                template.text(&format!("{comma}\"{name}\":\""));
                template.put(key);
                template.text("\"");
            }
        }
    }
    if is_signed {
        template.text(",\"signature\":\"");
        template.place(Field::Signature);
        template.text("\"");
    }
    template.text("}}");
    template
}
