//! Signals, as bytes.

use qt_types::{MaybePrice, Nanos, Price, Qty, Signal, SignalAction, SignalSize, SourceId};

use super::bytes::{In, Malformed, Out};

const BUY: u8 = 1;
const SELL: u8 = 2;
const HOLD: u8 = 3;
const CLOSE: u8 = 4;

const OPEN: u8 = 0;
const QUANTITY: u8 = 1;
const TARGET: u8 = 2;
const WEIGHT: u8 = 3;

/// Shares are billionths of one.
const ONE_E9: u32 = 1_000_000_000;

pub fn write(out: &mut Out<'_>, signal: &Signal) {
    out.put(signal.id);
    out.u16(signal.source.0);
    out.u8(match signal.action {
        SignalAction::Buy => BUY,
        SignalAction::Sell => SELL,
        SignalAction::Hold => HOLD,
        SignalAction::Close => CLOSE,
    });
    out.i64(signal.expires_ns.get());
    out.u32(signal.horizon_s);
    out.u32(signal.confidence_e9);
    out.u32(signal.strength_e9);
    let (kind, number) = match signal.size {
        SignalSize::Open => (OPEN, None),
        SignalSize::Quantity(qty) => (QUANTITY, Some(qty.lots())),
        SignalSize::Target(qty) => (TARGET, Some(qty.lots())),
        SignalSize::WeightE9(e9) => (WEIGHT, Some(e9)),
    };
    out.u8(kind);
    if let Some(number) = number {
        out.i64(number);
    }
    for price in [signal.limit, signal.stop, signal.target] {
        out.u8(price.get().is_some().into());
        if let Some(price) = price.get() {
            out.i64(price.ticks());
        }
    }
}

pub fn read(from: &mut In<'_>) -> Result<Signal, Malformed> {
    let (id, source) = (from.take()?, SourceId(from.u16()?));
    let action = match from.u8()? {
        BUY => SignalAction::Buy,
        SELL => SignalAction::Sell,
        HOLD => SignalAction::Hold,
        CLOSE => SignalAction::Close,
        _ => return Err(Malformed("a signal of no known action")),
    };
    let (expires_ns, horizon_s) = (Nanos::new(from.i64()?), from.u32()?);
    let (confidence_e9, strength_e9) = (share(from)?, share(from)?);
    let size = match from.u8()? {
        OPEN => SignalSize::Open,
        QUANTITY => SignalSize::Quantity(Qty::from_lots(from.i64()?)),
        TARGET => SignalSize::Target(Qty::from_lots(from.i64()?)),
        WEIGHT => SignalSize::WeightE9(from.i64()?),
        _ => return Err(Malformed("a signal of no known size")),
    };
    let (limit, stop, target) = (price(from)?, price(from)?, price(from)?);
    Ok(Signal {
        id,
        expires_ns,
        size,
        limit,
        stop,
        target,
        horizon_s,
        confidence_e9,
        strength_e9,
        source,
        action,
    })
}

fn share(from: &mut In<'_>) -> Result<u32, Malformed> {
    let share = from.u32()?;
    if share > ONE_E9 { Err(Malformed("a share above one")) } else { Ok(share) }
}

fn price(from: &mut In<'_>) -> Result<MaybePrice, Malformed> {
    if !from.flag()? {
        return Ok(MaybePrice::NONE);
    }
    match MaybePrice::from(Some(Price::from_ticks(from.i64()?))) {
        MaybePrice::NONE => Err(Malformed("a price out of range")),
        price => Ok(price),
    }
}
