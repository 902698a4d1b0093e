//! From a request to its text: the values into their places, what is to be signed, the signature.

use qt_codec::{DecimalText, Scales};
use qt_types::{OrderId, Price, Qty, Side};
use zeroize::Zeroizing;

use crate::Midstate;
use crate::client_id::{self, CLIENT_ID_BYTES, ClientId};
use crate::out::Out;

use super::filled::{Filled, Message};
use super::order::{EncodeError, NewOrder, OrderKind, Request};
use super::sign::{Signature, Signer};
use super::template::{Field, Fields, Template};

const BUY: &[u8] = b"BUY";
const SELL: &[u8] = b"SELL";
/// Times in milliseconds have 13 digits from 2001 to 2286.
const TIME_MIN: u64 = 1_000_000_000_000;
const TIME_MAX: u64 = 9_999_999_999_999;

/// The texts of a request of one shape.
pub(super) struct Form {
    /// What is signed; nothing where no signature is wanted.
    payload: Option<Payload>,
    /// What is sent.
    message: Text,
}

/// What is signed.
struct Payload {
    text: Text,
    /// Its first blocks, as far as they are always the same.
    begin: Option<Midstate>,
    /// As far as they are those of the order that is expected.
    expected: Option<(PlainId, Midstate)>,
}

/// The id of a new order.
type PlainId = [u8; CLIENT_ID_BYTES];

/// Room for what is written of a payload before there is more than its id.
const EXPECTED_BYTES: usize = 256;

impl Payload {
    fn new(template: Template, signer: &Signer) -> Self {
        let begin = signer.after(template.prefix());
        Self { text: Text::new(template), begin, expected: None }
    }

    /// Takes in the blocks that nothing differs in but the id of the order, if it comes first.
    fn expect(&mut self, id: PlainId, signer: &Signer) {
        let template = &self.text.template;
        let [(end, Field::Id), (next, _), ..] = template.places() else { return };
        let mut begin = Zeroizing::new([0; EXPECTED_BYTES]);
        let mut out = Out::new(&mut *begin);
        let parts = (template.bytes().get(..*end), template.bytes().get(*end..*next));
        let (Some(before), Some(behind)) = parts else { return };
        if [before, &id, behind].into_iter().any(|part| out.put(part).is_none()) {
            return;
        }
        let length = out.length();
        let begin = begin.get(..length).unwrap_or_default();
        self.expected = signer.after(begin).map(|begin| (id, begin));
    }
}

/// A text, and what it was last: for either side, whose names differ in length.
struct Text {
    template: Template,
    filled: [Filled; 2],
}

impl Text {
    fn new(template: Template) -> Self {
        Self { filled: [Filled::new(&template), Filled::new(&template)], template }
    }

    #[inline]
    fn fill(&mut self, fields: &Fields<'_>) -> Option<Message<'_>> {
        let [buy, other] = &mut self.filled;
        let is_buy = fields.get(Field::Side).len() == BUY.len();
        if is_buy { buy } else { other }.fill(&self.template, fields)
    }

    #[inline]
    fn write(&mut self, fields: &Fields<'_>, buffer: &mut [u8]) -> Option<usize> {
        let [buy, other] = &mut self.filled;
        let is_buy = fields.get(Field::Side).len() == BUY.len();
        if is_buy { buy } else { other }.write(&self.template, fields, buffer)
    }
}

/// The values of a request as texts.
pub(super) struct Texts {
    side: &'static [u8],
    price: DecimalText,
    stop: DecimalText,
    qty: DecimalText,
    id: ClientId,
    old: ClientId,
    time: DecimalText,
}

impl Texts {
    #[inline(always)]
    pub(super) fn new(request: &Request, at_ms: u64, scales: &Scales) -> Result<Self, EncodeError> {
        let mut texts = Self {
            side: b"",
            price: DecimalText::EMPTY,
            stop: DecimalText::EMPTY,
            qty: DecimalText::EMPTY,
            id: ClientId::EMPTY,
            old: ClientId::EMPTY,
            time: time(at_ms)?,
        };
        match request {
            Request::New(new) => texts.order(new, 0, scales)?,
            Request::Replace(replace) => {
                let before = replace.revision.checked_sub(1).ok_or(EncodeError::Id)?;
                texts.order(&replace.new, replace.revision, scales)?;
                texts.old = id(replace.new.id, before)?;
            }
            Request::Cancel(cancel) => texts.old = id(cancel.id, cancel.revision)?,
            Request::Modify(modify) => {
                texts.old = id(modify.id, 0)?;
                texts.side = side(modify.side);
                texts.price = price(modify.price, scales)?;
                texts.qty = qty(modify.qty, scales)?;
            }
            Request::Amend(amend) => {
                texts.old = id(amend.id, amend.revision)?;
                texts.id = texts.old;
                texts.qty = qty(amend.qty, scales)?;
            }
        }
        Ok(texts)
    }

    #[inline(always)]
    fn order(&mut self, new: &NewOrder, revision: u16, scales: &Scales) -> Result<(), EncodeError> {
        self.id = id(new.id, revision)?;
        self.side = side(new.side);
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

    #[inline(always)]
    pub(super) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields::new();
        fields.set(Field::Side, self.side);
        fields.set(Field::Price, self.price.as_bytes());
        fields.set(Field::Stop, self.stop.as_bytes());
        fields.set(Field::Qty, self.qty.as_bytes());
        fields.set(Field::Id, self.id.as_bytes());
        fields.set(Field::Old, self.old.as_bytes());
        fields.set(Field::Time, self.time.as_bytes());
        fields
    }
}

impl Form {
    /// What is signed, if anything is, and what is sent.
    pub(super) fn new(payload: Option<Template>, message: Template, signer: &Signer) -> Self {
        let payload = payload.map(|template| Payload::new(template, signer));
        Self { payload, message: Text::new(message) }
    }

    /// The next order is most likely `id`: what of its signature hangs on nothing else is worked
    /// out.
    pub(super) fn expect(&mut self, order: OrderId, signer: &Signer) {
        if let Some(payload) = self.payload.as_mut().filter(|_| !order.is_none()) {
            payload.expect(client_id::text(order), signer);
        }
    }

    /// The signature of the text that has `fields` in its places; `None` if none is wanted.
    #[inline]
    pub(super) fn sign(
        &mut self,
        fields: &Fields<'_>,
        signer: &Signer,
    ) -> Result<Option<Signature>, EncodeError> {
        let Some(payload) = &mut self.payload else { return Ok(None) };
        let begin = match &payload.expected {
            Some((id, begin)) if fields.get(Field::Id) == id => Some(begin),
            _ => payload.begin.as_ref(),
        };
        let text = payload.text.fill(fields).ok_or(EncodeError::NoRoom)?;
        Ok(Some(signer.sign(text, begin)))
    }

    /// Writes what is sent; its length comes back.
    #[inline]
    pub(super) fn write(
        &mut self,
        fields: &Fields<'_>,
        buffer: &mut [u8],
    ) -> Result<usize, EncodeError> {
        self.message.write(fields, buffer).ok_or(EncodeError::NoRoom)
    }
}

#[inline(always)]
const fn side(side: Side) -> &'static [u8] {
    match side {
        Side::Buy => BUY,
        Side::Sell => SELL,
    }
}

#[inline]
fn id(order: OrderId, revision: u16) -> Result<ClientId, EncodeError> {
    if order.is_none() { Err(EncodeError::Id) } else { Ok(ClientId::new(order, revision)) }
}

#[inline(always)]
fn price(price: Price, scales: &Scales) -> Result<DecimalText, EncodeError> {
    let is_positive = price.ticks() > 0;
    scales.price.text(price.ticks()).filter(|_| is_positive).ok_or(EncodeError::Price)
}

#[inline(always)]
fn qty(qty: Qty, scales: &Scales) -> Result<DecimalText, EncodeError> {
    let is_positive = qty.lots() > 0;
    scales.qty.text(qty.lots()).filter(|_| is_positive).ok_or(EncodeError::Qty)
}

/// A time of the usual number of digits: others are in other units.
#[inline]
pub(super) fn time(at_ms: u64) -> Result<DecimalText, EncodeError> {
    if !(TIME_MIN..=TIME_MAX).contains(&at_ms) {
        return Err(EncodeError::Time);
    }
    Ok(DecimalText::whole(at_ms))
}
