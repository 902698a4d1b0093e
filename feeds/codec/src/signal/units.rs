//! A signal in the units of its instrument.

use qt_types::{
    InstrumentSpec, MaybePrice, Price, Qty, Side, Signal, SignalSize, SourceId, round_half_even,
};

use super::{SignalFault, SignalObject, SizeObject};

const ONE_E9: u32 = 1_000_000_000;

impl SignalObject {
    /// The signal of `source` on the instrument. Agents know nothing of ticks and lots, so what
    /// they say is rounded: a limit to the side where it is no worse, stop and target to the
    /// nearest tick, sizes towards zero.
    ///
    /// # Errors
    /// When its size is less than a lot, or a price cannot be one of the instrument's.
    pub fn on(&self, spec: &InstrumentSpec, source: SourceId) -> Result<Signal, SignalFault> {
        let lots = |e9: i64| {
            let lots = e9 / spec.lot_e9();
            if lots == 0 && e9 != 0 {
                return Err(SignalFault::Size("the size is less than one lot of the instrument"));
            }
            Ok(Qty::from_lots(lots))
        };
        let size = match self.size {
            SizeObject::Open => SignalSize::Open,
            SizeObject::QuantityE9(e9) => SignalSize::Quantity(lots(e9)?),
            SizeObject::TargetE9(e9) => SignalSize::Target(lots(e9)?),
            SizeObject::WeightE9(e9) => SignalSize::WeightE9(e9),
        };
        let tick_e9 = spec.tick_e9();
        let nearest =
            |e9: i64| i64::try_from(round_half_even(e9.into(), tick_e9.into())).unwrap_or(i64::MAX);
        let limit = |e9: i64| match self.action.side() {
            Some(Side::Sell) => -(-e9).div_euclid(tick_e9),
            _ => e9.div_euclid(tick_e9),
        };
        let limit = price(self.limit_price_e9, "limit_price", spec, limit)?;
        let stop = price(self.stop_loss_e9, "stop_loss", spec, nearest)?;
        let target = price(self.take_profit_e9, "take_profit", spec, nearest)?;
        Ok(Signal {
            id: self.id_bytes(),
            expires_ns: self.expires_ns,
            size,
            limit,
            stop,
            target,
            horizon_s: self.horizon_s,
            confidence_e9: self.confidence_e9,
            strength_e9: self.strength_e9.unwrap_or(ONE_E9),
            source,
            action: self.action,
        })
    }
}

/// Only dated contracts have prices of zero and below.
fn price(
    e9: Option<i64>,
    field: &'static str,
    spec: &InstrumentSpec,
    ticks: impl Fn(i64) -> i64,
) -> Result<MaybePrice, SignalFault> {
    let Some(e9) = e9 else { return Ok(MaybePrice::NONE) };
    let ticks = ticks(e9);
    if ticks <= 0 && !spec.is_derivative() {
        let detail = "less than a tick of the instrument".to_owned();
        return Err(SignalFault::Price { field, detail });
    }
    Ok(Some(Price::from_ticks(ticks)).into())
}
