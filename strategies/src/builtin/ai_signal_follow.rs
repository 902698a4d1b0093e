//! Does what a source of signals says.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::{
    Bracket, InstrumentId, Nanos, OrderKind, Place, Qty, Side, Signal, SignalAction, SignalSize,
    Size, TimeInForce, Timer,
};

use crate::param::{Params, flag, float, int};
use crate::registry::{Hears, Instruments, StrategyEntry};

const NANOS_PER_MS: i64 = 1_000_000;
const NANOS_PER_S: i64 = 1_000_000_000;
const ONE_E9: u32 = 1_000_000_000;
const ONE_BPS: u32 = 10_000;

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "ai_signal_follow",
    summary: "follows the signals of a source: entry, size, horizon, stop and target",
    doc: "Looks at signals of the source `source` (0: of every one). One that has expired by the \
          time at which it arrives, or whose confidence is below threshold, does nothing; so does \
          `hold`. `close` cancels what rests and closes the position. `buy` and `sell` close a \
          position of the other side and open one of theirs (short only with short=true, which \
          needs a margin account). A signal of the side that is held opens nothing; it only \
          makes the position last until its own horizon where that is later. The size is what \
          the signal says; where it leaves that open, it is the run's sizing rule, scaled from \
          the share `least` at the threshold to all of it at full confidence, and by the \
          signal's strength. Stop and target are the signal's, else the run's exits; a signal \
          with a stop or a target on the wrong side of the last price does nothing. A limit price \
          makes the entry a limit order until the signal expires. At the horizon, counted from \
          the issue of the signal, what rests is cancelled and the position closed. A signal \
          that arrives more than late_ms after its issue is late and not followed; with \
          late_flat=true it closes what there is in its instrument. late_ms=0: none is late.",
    hears: Hears::Signals,
    instruments: Instruments::Each,
    params: &[
        int("source", 0, (0, 65_535), "number of the source; 0: all of them"),
        float("threshold", 0.6, (0.0, 1.0), "confidence below which a signal does nothing"),
        float("least", 0.25, (0.01, 1.0), "share of the full size at the threshold"),
        flag("short", false, "also go short"),
        int("late_ms", 0, (0, 86_400_000), "age at which a signal is late, ms; 0: never"),
        flag("late_flat", false, "a late signal closes the position"),
    ],
    rules: &[],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    let market = || Market { round: 0, until_ns: Nanos::MIN };
    Box::new(AiSignalFollow {
        source: u16::try_from(params.int("source")).unwrap_or(0),
        threshold_e9: (params.float("threshold") * f64::from(ONE_E9)).round() as u32,
        least_bps: (params.float("least") * f64::from(ONE_BPS)).round() as u32,
        short: params.flag("short"),
        late_ns: params.int("late_ms").saturating_mul(NANOS_PER_MS),
        late_flat: params.flag("late_flat"),
        markets: (0..instruments).map(|_| market()).collect(),
    })
}

/// The rule on all instruments.
#[derive(Clone, Debug)]
struct AiSignalFollow {
    source: u16,
    threshold_e9: u32,
    least_bps: u32,
    short: bool,
    /// From this age on a signal is late (ns); 0: never.
    late_ns: i64,
    late_flat: bool,
    markets: Box<[Market]>,
}

stored!(AiSignalFollow {
    each: markets;
    same: source, threshold_e9, least_bps, short, late_ns, late_flat;
});

/// What there is to know of one instrument.
#[derive(Clone, Debug)]
struct Market {
    /// Goes up with each horizon, so that the timer of an earlier one means nothing.
    round: u16,
    /// The end of the horizon (UTC ns).
    until_ns: Nanos,
}

stored!(Market {
    state: round, until_ns;
});

impl AiSignalFollow {
    /// From the share `least` at the threshold to the whole at full confidence, by the strength.
    fn share_bps(&self, signal: &Signal) -> u32 {
        let (over, room) =
            (signal.confidence_e9 - self.threshold_e9, ONE_E9.saturating_sub(self.threshold_e9));
        let more = u64::from(ONE_BPS.saturating_sub(self.least_bps));
        let scaled = match room {
            0 => more,
            room => more * u64::from(over) / u64::from(room),
        };
        let share = u64::from(self.least_bps) + scaled;
        let share = share * u64::from(signal.strength_e9) / u64::from(ONE_E9);
        u32::try_from(share).unwrap_or(ONE_BPS).max(1)
    }

    /// How much to enter from flat; `None` for nothing.
    fn size(&self, signal: &Signal, ctx: &Context<'_>) -> Option<Size> {
        let fixed = |qty: Qty| (qty.lots() > 0).then_some(Size::Fixed(qty));
        match signal.size {
            SignalSize::Open => Some(Size::Share(self.share_bps(signal))),
            SignalSize::Quantity(qty) => fixed(qty),
            SignalSize::Target(qty) => fixed(Qty::from_lots(qty.lots().saturating_abs())),
            SignalSize::WeightE9(weight) => {
                let (price, spec) = (ctx.last(ctx.instrument())?, ctx.spec(ctx.instrument())?);
                let share = i128::from(weight.unsigned_abs());
                let budget = ctx.equity().nano().checked_mul(share)? / i128::from(ONE_E9);
                fixed(spec.lots_for(qt_types::Cash::from_nano(budget), price))
            }
        }
    }

    /// Lets the position last until `until_ns`.
    fn last_until(&mut self, until_ns: Nanos, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        market.round = market.round.wrapping_add(1);
        market.until_ns = until_ns;
        ctx.wake_at(until_ns, token(instrument, market.round));
    }

    fn enter(&mut self, side: Side, signal: &Signal, until_ns: Nanos, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let (Some(price), Some(size)) = (ctx.last(instrument), self.size(signal, ctx)) else {
            return;
        };
        let of_run = ctx.exits_at(side, price);
        let stop = signal.stop.get().or(of_run.stop);
        let trail_bps = of_run.trail_bps.filter(|_| signal.stop.get().is_none());
        let target = signal.target.get().or(of_run.target);
        let entry = signal.limit.get().unwrap_or(price);
        // Against the side in which the price is to go.
        let behind = |of: qt_types::Price| (of.ticks() - entry.ticks()) * side.sign();
        if stop.is_some_and(|stop| behind(stop) >= 0)
            || target.is_some_and(|target| behind(target) <= 0)
        {
            return;
        }
        let held = ctx.position(instrument).lots() * side.sign();
        let is_resting = ctx.orders().any(|order| order.instrument == instrument);
        if held < 0 || is_resting {
            ctx.cancel_all(instrument);
            ctx.close(instrument);
        }
        let (kind, tif) = match signal.limit.get() {
            Some(price) => (OrderKind::Limit { price }, TimeInForce::Gtd(signal.expires_ns)),
            None => (OrderKind::Market, TimeInForce::Gtc),
        };
        let bracket = Bracket { stop, target, trail_bps };
        ctx.place(Place::new(instrument, side, kind).tif(tif).size(size).bracket(bracket));
        self.last_until(until_ns, ctx);
    }
}

/// What tells the timer of one instrument's horizon from all others.
fn token(instrument: InstrumentId, round: u16) -> u32 {
    u32::from(round) << 16 | u32::from(instrument.0)
}

impl Strategy for AiSignalFollow {
    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        let is_meant = self.source == 0 || signal.source.0 == self.source;
        let is_over = signal.expires_ns <= ctx.now_ns();
        if !is_meant || is_over || signal.confidence_e9 < self.threshold_e9 || !ctx.is_active() {
            return;
        }
        let instrument = ctx.instrument();
        let held = ctx.position(instrument).lots();
        let issued_ns = ctx.venue_ns().get();
        let age_ns = ctx.now_ns().get().saturating_sub(issued_ns);
        if self.late_ns > 0 && age_ns > self.late_ns {
            if self.late_flat {
                ctx.cancel_all(instrument);
                ctx.close(instrument);
            }
            return;
        }
        let until_ns = issued_ns.saturating_add(i64::from(signal.horizon_s) * NANOS_PER_S);
        let until_ns = Nanos::new(until_ns);
        let side = match signal.action {
            SignalAction::Hold => return,
            SignalAction::Close => None,
            SignalAction::Buy => Some(Side::Buy),
            SignalAction::Sell => Some(Side::Sell).filter(|_| self.short),
        };
        match side {
            None => {
                ctx.cancel_all(instrument);
                ctx.close(instrument);
            }
            // A forecast whose time has passed is none.
            Some(_) if until_ns <= ctx.now_ns() => {}
            Some(side) if held.signum() == side.sign() => {
                let is_later = |market: &Market| until_ns > market.until_ns;
                if self.markets.get(instrument.index()).is_some_and(is_later) {
                    self.last_until(until_ns, ctx);
                }
            }
            Some(side) => self.enter(side, signal, until_ns, ctx),
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        let instrument = InstrumentId(timer.token as u16);
        let is_current = |market: &Market| token(instrument, market.round) == timer.token;
        if self.markets.get(instrument.index()).is_some_and(is_current) {
            ctx.cancel_all(instrument);
            ctx.close(instrument);
        }
    }

    save_and_load!();
}
