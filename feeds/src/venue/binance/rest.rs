//! Requests by REST: the query, percent-encoded and signed.

use super::order::{EncodeError, Request};
use super::params::{Param, Shape, Value};
use super::setup::{Access, Market, SetupError};
use super::sign::Signer;
use super::template::{Field, Template};
use super::writer::{Form, Texts};

/// Longest text of a signature: 88 characters, of which each may take three.
const SIGNATURE_BYTES: usize = 3 * 88;

/// Writes the queries of one symbol. The key goes into the header `X-MBX-APIKEY`.
pub struct RestOrders {
    market: Market,
    access: Access,
    forms: Vec<Form>,
}

impl RestOrders {
    /// Prepares all that can be written before there is an order.
    ///
    /// # Errors
    /// When the symbol or the window is not one.
    pub fn new(market: Market, access: Access) -> Result<Self, SetupError> {
        market.check()?;
        let form = |shape: Shape| {
            let mut params = shape.params(&market);
            params.push(("timestamp", Value::Time));
            let mut message = query(&params);
            message.text("&signature=");
            message.place(Field::Signature);
            Form::new(Some(query(&params)), message, &access.signer)
        };
        Ok(Self { forms: Shape::all().map(form).collect(), market, access })
    }

    /// The method and the path that a query of `request` belongs to.
    #[must_use]
    pub const fn target(request: &Request) -> (&'static str, &'static str) {
        match request {
            Request::New(_) => ("POST", "/api/v3/order"),
            Request::Cancel(_) => ("DELETE", "/api/v3/order"),
            Request::Replace(_) => ("POST", "/api/v3/order/cancelReplace"),
            Request::Amend(_) => ("PUT", "/api/v3/order/amend/keepPriority"),
            Request::Modify(_) => ("PUT", "/fapi/v1/order"),
        }
    }

    /// Writes the query of `request`, which is sent at `at_ms` (UTC ms, by the venue's clock),
    /// into `buffer`. Its length comes back.
    ///
    /// # Errors
    /// When a value cannot be one of an order, or there is no room; `buffer` then holds anything.
    #[inline]
    pub fn encode(
        &mut self,
        request: &Request,
        at_ms: u64,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let texts = Texts::new(request, at_ms, &self.market.scales)?;
        let mut fields = texts.fields();
        // There is one for each shape.
        let form = self.forms.get_mut(Shape::of(request).number()).ok_or(EncodeError::NoRoom)?;
        let signature = form.sign(&fields, &self.access.signer)?;
        let text = signature.as_ref().map_or(&b""[..], |signature| signature.text());
        let mut encoded = [0; SIGNATURE_BYTES];
        // Hex is as it is.
        let text = match &*self.access.signer {
            Signer::Hmac(_) => text,
            Signer::Ed25519(_) => {
                let length = percent(text, &mut encoded);
                encoded.get(..length).unwrap_or_default()
            }
        };
        fields.set(Field::Signature, text);
        form.write(&fields, buffer)
    }
}

/// The query without the signature, which is over exactly this text.
fn query(params: &[Param]) -> Template {
    let mut template = Template::new();
    for (at, (name, value)) in params.iter().enumerate() {
        let mark = if at == 0 { "" } else { "&" };
        match value {
            Value::Text(text) => template.text(&format!("{mark}{name}={}", encoded(text))),
            Value::Number(number) => template.text(&format!("{mark}{name}={number}")),
            // It goes into a header.
            Value::Key => {}
            // Digits, points and letters: nothing to encode.
            Value::Field(field) => {
                template.text(&format!("{mark}{name}="));
                template.place(*field);
            }
            Value::Time => {
                template.text(&format!("{mark}{name}="));
                template.place(Field::Time);
            }
        }
    }
    template
}

/// `text` percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = vec![0; 3 * text.len()];
    let length = percent(text.as_bytes(), &mut encoded);
    encoded.truncate(length);
    String::from_utf8_lossy(&encoded).into_owned()
}

/// Writes `text` percent-encoded (RFC 3986) to `out`, which has room for three times as much; how
/// long it is comes back.
fn percent(text: &[u8], out: &mut [u8]) -> usize {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut length = 0;
    let mut put = |byte: u8| {
        if let Some(place) = out.get_mut(length) {
            *place = byte;
            length += 1;
        }
    };
    for byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            put(*byte);
        } else {
            put(b'%');
            put(HEX[usize::from(byte >> 4)]);
            put(HEX[usize::from(byte & 15)]);
        }
    }
    length
}
