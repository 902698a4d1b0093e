//! What can be asked for.

use qt_types::{OrderId, Price, Qty, Side};

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Until it is filled or cancelled.
    Gtc,
    /// What can be had at once; the rest is cancelled.
    Ioc,
    /// All of it at once, or nothing.
    Fok,
}

impl Life {
    pub(super) const ALL: [Self; 3] = [Self::Gtc, Self::Ioc, Self::Fok];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
        }
    }
}

/// What kind of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderKind {
    /// At a price or better.
    Limit(Price, Life),
    /// At a price, and refused if it would take liquidity (`LIMIT_MAKER`; of futures `GTX`).
    PostOnly(Price),
    /// At once.
    Market,
    /// A limit order once the market has reached the stop (`STOP_LOSS_LIMIT`).
    StopLimit {
        /// Where it comes to life.
        stop: Price,
        /// Its price then.
        price: Price,
        /// How long it lives then.
        life: Life,
    },
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Its id with us, which becomes its client id at the venue.
    pub id: OrderId,
    /// Buy or sell.
    pub side: Side,
    /// What kind it is.
    pub kind: OrderKind,
    /// How much, in lots.
    pub qty: Qty,
    /// Whether it may only make a position smaller: where the venue has positions.
    pub reduce_only: bool,
}

/// Cancels an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The order.
    pub id: OrderId,
    /// How often another order took its place at the venue ([`Replace::revision`]).
    pub revision: u16,
}

/// Makes an order smaller; it keeps its place in the queue and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amend {
    /// The order.
    pub id: OrderId,
    /// How often another order took its place at the venue ([`Replace::revision`]).
    pub revision: u16,
    /// Its new quantity in lots, with what is filled already; it must be less than it was.
    pub qty: Qty,
}

/// Cancels an order of which nothing was executed and, only if that was done, places another in its
/// place: it is the same order with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace {
    /// The one that comes, under the id that both have with us.
    pub new: NewOrder,
    /// How many orders of the venue came before it under that id; at least one, which goes.
    pub revision: u16,
}

/// Gives an order another price, another quantity, or both; it stays the same order at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modify {
    /// The order.
    pub id: OrderId,
    /// Its side, which stays: the venue wants it named.
    pub side: Side,
    /// Its price from then on.
    pub price: Price,
    /// Its quantity in lots from then on, with what is filled already.
    pub qty: Qty,
}

/// Anything that can be asked for about orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// See [`NewOrder`].
    New(NewOrder),
    /// See [`Cancel`].
    Cancel(Cancel),
    /// See [`Amend`].
    Amend(Amend),
    /// See [`Replace`].
    Replace(Replace),
    /// See [`Modify`].
    Modify(Modify),
}

/// Why a request was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EncodeError {
    /// A price that is not positive, or too large to be written.
    Price,
    /// A quantity that is not positive, or too large to be written.
    Qty,
    /// No order id.
    Id,
    /// Not a time in milliseconds between 2001 and 2286.
    Time,
    /// The buffer is too small ([`super::REQUEST_BYTES_MAX`] is enough for any).
    NoRoom,
}

impl EncodeError {
    /// What to tell a person.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Price => "the price is not positive or too large",
            Self::Qty => "the quantity is not positive or too large",
            Self::Id => "the order has no id",
            Self::Time => "the time is not one in milliseconds",
            Self::NoRoom => "the buffer is too small",
        }
    }
}

impl std::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for EncodeError {}
