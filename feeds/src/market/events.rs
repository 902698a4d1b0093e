//! From the updates of a decoder to the events of the engine: numbers to ticks and lots by the
//! instrument's steps, exactly. What does not fit is told and never rounded.

use qt_codec::{NumberError, Update};
use qt_types::{
    BarFlags, Event, InstrumentId, InstrumentSpec, Nanos, Payload, Seq, Side, Tick, TickFlags,
    TickKind, Trade, VenueId,
};

/// Where events go: the ring of a driver, or a test.
pub trait Sink: Send {
    /// Takes an event, or drops it; it never waits.
    fn event(&mut self, event: &Event) -> Offered;

    /// Whether there is room again after something was dropped. It is asked before an instrument
    /// is told anew, and also when nothing happens.
    fn is_ready(&mut self) -> bool {
        true
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It was taken.
    Taken,
    /// It is lost: the instrument has to be told anew.
    Dropped,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is an event now.
    Taken,
    /// Nobody had room for it.
    Dropped,
    /// Its price or its quantity is no whole number of steps: the instrument is not what it was
    /// taken for.
    Misfit,
}

/// Tells the updates of one instrument.
#[derive(Clone, Debug)]
pub struct Teller {
    instrument: InstrumentId,
    venue: VenueId,
    spec: InstrumentSpec,
    /// Trades so far.
    row: u32,
}

impl Teller {
    /// Tells of the instrument with these units, called `instrument` in the engine.
    #[must_use]
    pub const fn new(instrument: InstrumentId, venue: VenueId, spec: InstrumentSpec) -> Self {
        Self { instrument, venue, spec, row: 0 }
    }

    /// Its units.
    #[must_use]
    pub const fn spec(&self) -> &InstrumentSpec {
        &self.spec
    }

    /// Tells `update`, which was received at `recv_ns`.
    pub fn tell(&mut self, update: &Update, recv_ns: Nanos, sink: &mut dyn Sink) -> Told {
        let Ok((price, qty)) = self.steps(update) else { return Told::Misfit };
        // What has no time of the venue happened when we heard of it, as far as anybody knows.
        let venue_ns = update.venue_ns.unwrap_or(recv_ns);
        let no_side = update.kind == TickKind::Trade && update.side.is_none();
        let no_side = if no_side { TickFlags::NO_AGGRESSOR } else { TickFlags::NONE };
        let tick = Tick {
            venue_ns: venue_ns.get(),
            price,
            qty,
            latency_ns: 0,
            instrument: self.instrument.0,
            kind: update.kind as u8,
            flags: update.flags.with(no_side).bits(),
        };
        self.put(&tick, recv_ns, sink)
    }

    /// Tells that something may be missing.
    pub fn tell_gap(&mut self, recv_ns: Nanos, sink: &mut dyn Sink) -> Told {
        self.put(&self.of_ours(Tick::gap(), recv_ns), recv_ns, sink)
    }

    /// Tells that both sides are empty.
    pub fn tell_clear(&mut self, recv_ns: Nanos, sink: &mut dyn Sink) -> Told {
        for side in [Side::Buy, Side::Sell] {
            if self.put(&self.of_ours(Tick::clear(side), recv_ns), recv_ns, sink) != Told::Taken {
                return Told::Dropped;
            }
        }
        Told::Taken
    }

    /// Tells whether it trades.
    pub fn tell_status(&mut self, trades: bool, recv_ns: Nanos, sink: &mut dyn Sink) -> Told {
        let kind = TickKind::Status as u8;
        let tick = Tick { kind, qty: i64::from(trades), ..Tick::gap() };
        self.put(&self.of_ours(tick, recv_ns), recv_ns, sink)
    }

    const fn of_ours(&self, tick: Tick, recv_ns: Nanos) -> Tick {
        Tick { venue_ns: recv_ns.get(), instrument: self.instrument.0, ..tick }
    }

    /// Price and quantity as the engine counts them.
    fn steps(&self, update: &Update) -> Result<(i64, i64), NumberError> {
        let price = || update.price.to_price(&self.spec).map(|price| price.ticks());
        Ok(match update.kind {
            TickKind::Level | TickKind::Top | TickKind::Trade => {
                (price()?, update.qty.to_qty(&self.spec)?.lots())
            }
            TickKind::Clear | TickKind::Gap => (0, 0),
            TickKind::Status => (0, update.qty.scaled(0).ok_or(NumberError::NotMultiple)?),
            // A mark is worked out and lies between ticks: the nearest one is what is told.
            TickKind::Mark => (self.nearest(update)?, 0),
            TickKind::Funding => {
                (self.nearest(update)?, update.qty.scaled(9).ok_or(NumberError::TooFine)?)
            }
        })
    }

    /// The tick that is nearest to the price, the even one of two.
    fn nearest(&self, update: &Update) -> Result<i64, NumberError> {
        let unit = 10_i128.pow(u32::from(update.price.decimals()));
        let step = i128::from(self.spec.tick_e9()) * unit;
        let value = i128::from(update.price.mantissa()) * 1_000_000_000;
        let (whole, rest) = (value.div_euclid(step), value.rem_euclid(step));
        let is_up = 2 * rest > step || 2 * rest == step && whole % 2 != 0;
        i64::try_from(whole + i128::from(is_up)).map_err(|_| NumberError::TooLarge)
    }

    fn put(&mut self, tick: &Tick, recv_ns: Nanos, sink: &mut dyn Sink) -> Told {
        let payload = if tick.kind == TickKind::Trade as u8 {
            self.row = self.row.wrapping_add(1);
            let has_side = !tick.flags().has(TickFlags::NO_AGGRESSOR);
            Payload::Trade(Trade {
                price: tick.price(),
                qty: tick.qty(),
                aggressor: has_side.then(|| tick.side()),
                flags: BarFlags::NONE,
                row: self.row,
            })
        } else {
            Payload::Tick(*tick)
        };
        let event = Event {
            seq: Seq::default(),
            recv_ns,
            venue_ns: Nanos::new(tick.venue_ns),
            instrument: self.instrument,
            venue: self.venue,
            payload,
        };
        match sink.event(&event) {
            Offered::Taken => Told::Taken,
            Offered::Dropped => Told::Dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use qt_codec::venue::Venue;
    use qt_codec::{Decoder, Frame, Mode};
    use qt_types::InstrumentKind;

    use super::*;

    #[derive(Default)]
    struct Kept(Vec<Event>);

    impl Sink for Kept {
        fn event(&mut self, event: &Event) -> Offered {
            self.0.push(*event);
            Offered::Taken
        }
    }

    fn teller(tick_e9: i64, lot_e9: i64) -> Teller {
        let kind = InstrumentKind::Spot;
        let one = 1_000_000_000;
        let spec = InstrumentSpec::new("X", "USDT", kind, tick_e9, lot_e9, one).unwrap();
        Teller::new(InstrumentId(3), VenueId(1), spec)
    }

    fn trade(price: &str, qty: &str) -> Update {
        let text = format!(
            r#"{{"e":"trade","E":9,"s":"X","t":7,"p":"{price}","q":"{qty}","T":8,"m":true}}"#
        );
        let mut out = Vec::new();
        let mut decoder = Decoder::new(Venue::Binance, Mode::Strict);
        decoder.decode(&Frame::new(text.as_bytes()), &mut out).unwrap();
        out[0]
    }

    #[test]
    fn numbers_become_steps_or_are_refused() {
        let (mut teller, mut kept) = (teller(10_000_000, 1_000), Kept::default());
        let at = Nanos::new(99);
        assert_eq!(teller.tell(&trade("61685.99000000", "0.00150000"), at, &mut kept), Told::Taken);
        for (price, qty) in [("61685.995", "1"), ("1.00", "0.0000001"), ("99999999999999999", "1")]
        {
            assert_eq!(
                teller.tell(&trade(price, qty), at, &mut kept),
                Told::Misfit,
                "{price} {qty}"
            );
        }
        assert_eq!(kept.0.len(), 1, "nothing is rounded");
        let event = kept.0[0];
        let Payload::Trade(told) = event.payload else { panic!("{event:?}") };
        assert_eq!((told.price.ticks(), told.qty.lots()), (6_168_599, 1_500));
        assert_eq!(told.aggressor, Some(Side::Sell));
        assert_eq!((event.recv_ns, event.venue_ns), (at, Nanos::new(8_000_000)));
        assert_eq!((event.instrument, event.venue), (InstrumentId(3), VenueId(1)));
    }
}
