//! What was to be sent, as bytes.

use qt_engine::NewOrder;
use qt_types::{
    Cancel, Distance, InstrumentId, Nanos, OrderKind, Price, Qty, Replace, TimeInForce,
};

use super::bytes::{In, Malformed, Out};
use super::codes;
use super::event::order;
use crate::intention::{Intention, NewIntention};

const NEW: u8 = 0;
const REPLACE: u8 = 1;
const CANCEL: u8 = 2;

pub fn write(out: &mut Out<'_>, intention: &Intention) {
    match intention {
        Intention::New(new) => {
            out.u8(NEW);
            write_new(out, new);
        }
        Intention::Replace { instrument, replace } => {
            out.u8(REPLACE);
            out.u16(instrument.0);
            out.u64(replace.order.get());
            write_kind(out, &replace.kind);
            out.i64(replace.qty.lots());
        }
        Intention::Cancel { instrument, cancel } => {
            out.u8(CANCEL);
            out.u16(instrument.0);
            out.u64(cancel.order.get());
        }
    }
}

pub fn read(from: &mut In<'_>) -> Result<Intention, Malformed> {
    Ok(match from.u8()? {
        NEW => Intention::New(read_new(from)?),
        REPLACE => Intention::Replace {
            instrument: InstrumentId(from.u16()?),
            replace: Replace {
                order: order(from.u64()?),
                kind: read_kind(from)?,
                qty: Qty::from_lots(from.i64()?),
            },
        },
        CANCEL => Intention::Cancel {
            instrument: InstrumentId(from.u16()?),
            cancel: Cancel { order: order(from.u64()?) },
        },
        _ => return Err(Malformed("a command of no known kind")),
    })
}

/// A new order, field by field: as it was made, and as it was read back.
macro_rules! write_fields {
    ($out:ident, $new:ident) => {
        $out.u64($new.order.get());
        $out.u16($new.instrument.0);
        $out.u8(codes::side_code($new.side));
        write_kind($out, &$new.kind);
        write_tif($out, $new.tif);
        $out.i64($new.qty.lots());
        $out.u8($new.reduce_only.into());
        $out.u8($new.post_only.into());
        $out.i64($new.display.lots());
        $out.u64($new.parent.get());
        $out.u8(codes::activation_code($new.activation));
        $out.u64($new.oco.get());
    };
}

fn write_new(out: &mut Out<'_>, new: &NewIntention) {
    write_fields!(out, new);
}

/// What [`write`] makes of the intention of `new`.
#[inline(always)]
pub fn write_sent(out: &mut Out<'_>, new: &NewOrder) {
    out.u8(NEW);
    write_fields!(out, new);
}

fn read_new(from: &mut In<'_>) -> Result<NewIntention, Malformed> {
    Ok(NewIntention {
        order: order(from.u64()?),
        instrument: InstrumentId(from.u16()?),
        side: codes::side(from.u8()?)?,
        kind: read_kind(from)?,
        tif: read_tif(from)?,
        qty: Qty::from_lots(from.i64()?),
        reduce_only: from.flag()?,
        post_only: from.flag()?,
        display: Qty::from_lots(from.i64()?),
        parent: order(from.u64()?),
        activation: codes::activation(from.u8()?)?,
        oco: order(from.u64()?),
    })
}

#[inline]
pub fn write_kind(out: &mut Out<'_>, kind: &OrderKind) {
    let mut one = |number: u8, price: Price| {
        out.u8(number);
        out.i64(price.ticks());
    };
    match *kind {
        OrderKind::Market => out.u8(0),
        OrderKind::Limit { price } => one(1, price),
        OrderKind::Stop { trigger } => one(2, trigger),
        OrderKind::StopLimit { trigger, limit } => {
            one(3, trigger);
            out.i64(limit.ticks());
        }
        OrderKind::TakeProfit { trigger } => one(4, trigger),
        OrderKind::TrailingStop { distance: Distance::Ticks(ticks) } => {
            out.u8(5);
            out.i64(ticks);
        }
        OrderKind::TrailingStop { distance: Distance::Bps(bps) } => {
            out.u8(6);
            out.u32(bps);
        }
        OrderKind::LimitIfTouched { trigger, limit } => {
            one(7, trigger);
            out.i64(limit.ticks());
        }
        OrderKind::Pegged { to, offset } => {
            out.u8(8);
            out.u8(codes::peg_code(to));
            out.i64(offset);
        }
    }
}

pub fn read_kind(from: &mut In<'_>) -> Result<OrderKind, Malformed> {
    let number = from.u8()?;
    let mut price = || from.i64().map(Price::from_ticks);
    Ok(match number {
        0 => OrderKind::Market,
        1 => OrderKind::Limit { price: price()? },
        2 => OrderKind::Stop { trigger: price()? },
        3 => OrderKind::StopLimit { trigger: price()?, limit: price()? },
        4 => OrderKind::TakeProfit { trigger: price()? },
        5 => OrderKind::TrailingStop { distance: Distance::Ticks(from.i64()?) },
        6 => OrderKind::TrailingStop { distance: Distance::Bps(from.u32()?) },
        7 => OrderKind::LimitIfTouched { trigger: price()?, limit: price()? },
        8 => OrderKind::Pegged { to: codes::peg(from.u8()?)?, offset: from.i64()? },
        _ => return Err(Malformed("an order of no known type")),
    })
}

#[inline]
pub fn write_tif(out: &mut Out<'_>, tif: TimeInForce) {
    match tif {
        TimeInForce::Gtc => out.u8(0),
        TimeInForce::Day => out.u8(1),
        TimeInForce::Ioc => out.u8(2),
        TimeInForce::Fok => out.u8(3),
        TimeInForce::Gtd(until_ns) => {
            out.u8(4);
            out.i64(until_ns.get());
        }
    }
}

pub fn read_tif(from: &mut In<'_>) -> Result<TimeInForce, Malformed> {
    Ok(match from.u8()? {
        0 => TimeInForce::Gtc,
        1 => TimeInForce::Day,
        2 => TimeInForce::Ioc,
        3 => TimeInForce::Fok,
        4 => TimeInForce::Gtd(Nanos::new(from.i64()?)),
        _ => return Err(Malformed("a time in force that is none")),
    })
}
