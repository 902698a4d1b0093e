//! From a request to its text: the values into their places, what is to be signed, the signature.

use qt_codec::{DecimalText, Scales};
use qt_types::{OrderId, Price, Qty, Side};
use zeroize::Zeroizing;

use crate::Midstate;
use crate::client_id::{self, CLIENT_ID_BYTES};
use crate::out::Out;

use super::order::{EncodeError, NewOrder, OrderKind, Request};
use super::sign::{Signature, Signer};
use super::template::{Field, Fields, Template};

/// Room for the longest text that is signed.
const PAYLOAD_BYTES: usize = 1_024;
/// Times in milliseconds have so many digits from 2001 to 2286.
const TIME_BYTES: usize = 13;
const TIME_MIN: u64 = 1_000_000_000_000;
const TIME_MAX: u64 = 9_999_999_999_999;

/// The texts of a request of one shape.
pub(super) struct Form {
    /// What is signed; nothing where no signature is wanted.
    pub(super) payload: Option<Payload>,
    /// What is sent.
    pub(super) message: Template,
}

/// What is signed.
pub(super) struct Payload {
    template: Template,
    begin: Option<(Midstate, usize)>,
}

impl Payload {
    pub(super) fn new(template: Template, signer: &Signer) -> Self {
        // Whole blocks of what is always the same.
        let skip = template.prefix().len() / 64 * 64;
        let begin = signer.after(template.prefix()).map(|begin| (begin, skip));
        Self { template, begin }
    }
}

/// Memory for what is signed, taken once and wiped in the end: the API key is a part of it.
pub(super) struct Scratch(Box<Zeroizing<[u8; PAYLOAD_BYTES]>>);

impl Scratch {
    pub(super) fn new() -> Self {
        Self(Box::new(Zeroizing::new([0; PAYLOAD_BYTES])))
    }
}

/// The values of a request as texts.
pub(super) struct Texts {
    side: &'static [u8],
    price: DecimalText,
    stop: DecimalText,
    qty: DecimalText,
    id: [u8; CLIENT_ID_BYTES],
    old: [u8; CLIENT_ID_BYTES],
    time: [u8; TIME_BYTES],
}

impl Texts {
    #[inline]
    pub(super) fn new(request: &Request, at_ms: u64, scales: &Scales) -> Result<Self, EncodeError> {
        let mut texts = Self {
            side: b"",
            price: DecimalText::EMPTY,
            stop: DecimalText::EMPTY,
            qty: DecimalText::EMPTY,
            id: [0; CLIENT_ID_BYTES],
            old: [0; CLIENT_ID_BYTES],
            time: time(at_ms)?,
        };
        match request {
            Request::New(new) => texts.order(new, scales)?,
            Request::Replace(replace) => {
                texts.order(&replace.new, scales)?;
                texts.old = id(replace.old)?;
            }
            Request::Cancel(cancel) => texts.old = id(cancel.id)?,
            Request::Amend(amend) => {
                texts.old = id(amend.id)?;
                texts.id = texts.old;
                texts.qty = qty(amend.qty, scales)?;
            }
        }
        Ok(texts)
    }

    #[inline]
    fn order(&mut self, new: &NewOrder, scales: &Scales) -> Result<(), EncodeError> {
        self.id = id(new.id)?;
        self.side = match new.side {
            Side::Buy => b"BUY",
            Side::Sell => b"SELL",
        };
        self.qty = qty(new.qty, scales)?;
        match new.kind {
            OrderKind::Limit(limit, _) | OrderKind::PostOnly(limit) => {
                self.price = price(limit, scales)?;
            }
            OrderKind::StopLimit { stop, price: limit, .. } => {
                self.price = price(limit, scales)?;
                self.stop = price(stop, scales)?;
            }
            OrderKind::Market => {}
        }
        Ok(())
    }

    #[inline]
    pub(super) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::new();
        fields.set(Field::Side, self.side);
        fields.set(Field::Price, self.price.as_bytes());
        fields.set(Field::Stop, self.stop.as_bytes());
        fields.set(Field::Qty, self.qty.as_bytes());
        fields.set(Field::Id, &self.id);
        fields.set(Field::Old, &self.old);
        fields.set(Field::Time, &self.time);
        fields
    }
}

impl Form {
    /// The signature of the text that has `fields` in its places; `None` if none is wanted.
    #[inline]
    pub(super) fn sign(
        &self,
        fields: &Fields<'_>,
        signer: &Signer,
        scratch: &mut Scratch,
    ) -> Result<Option<Signature>, EncodeError> {
        let Some(payload) = &self.payload else { return Ok(None) };
        let mut out = Out::new(&mut scratch.0[..]);
        payload.template.write(fields, &mut out).ok_or(EncodeError::NoRoom)?;
        let length = out.length();
        let text = scratch.0.get(..length).unwrap_or_default();
        let begin = payload.begin.as_ref().map(|(begin, skip)| (begin, *skip));
        Ok(Some(signer.sign(text, begin)))
    }

    /// Writes what is sent; its length comes back.
    #[inline]
    pub(super) fn write(
        &self,
        fields: &Fields<'_>,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let mut out = Out::new(buffer);
        self.message.write(fields, &mut out).ok_or(EncodeError::NoRoom)?;
        Ok(out.length())
    }
}

#[inline]
fn id(order: OrderId) -> Result<[u8; CLIENT_ID_BYTES], EncodeError> {
    if order.is_none() { Err(EncodeError::Id) } else { Ok(client_id::text(order)) }
}

#[inline]
fn price(price: Price, scales: &Scales) -> Result<DecimalText, EncodeError> {
    let is_positive = price.ticks() > 0;
    scales.price.text(price.ticks()).filter(|_| is_positive).ok_or(EncodeError::Price)
}

#[inline]
fn qty(qty: Qty, scales: &Scales) -> Result<DecimalText, EncodeError> {
    let is_positive = qty.lots() > 0;
    scales.qty.text(qty.lots()).filter(|_| is_positive).ok_or(EncodeError::Qty)
}

/// A time of the usual number of digits: others are in other units.
#[inline]
pub(super) fn time(at_ms: u64) -> Result<[u8; TIME_BYTES], EncodeError> {
    if !(TIME_MIN..=TIME_MAX).contains(&at_ms) {
        return Err(EncodeError::Time);
    }
    let (mut text, mut rest) = ([0; TIME_BYTES], at_ms);
    for place in text.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    Ok(text)
}
