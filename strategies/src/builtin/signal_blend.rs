//! One opinion out of those of several sources.

use qt_engine::{Context, Strategy, save_and_load, stored};
use qt_types::{InstrumentId, Nanos, Side, Signal, Timer};

use crate::param::{Params, flag, float};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

const NANOS_PER_S: i64 = 1_000_000_000;
/// Sources that are listened to on one instrument.
const SOURCES_MAX: usize = 16;
/// What a source that has said nothing yet is taken to have: one hit and one miss.
const PRIOR: f64 = 1.0;

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "signal_blend",
    summary: "blends the signals of several sources by how often each was right",
    doc: "Keeps the latest signal of each of up to 16 sources on an instrument until its horizon \
          ends, counted from its issue. Then, or when the source says something else, it is \
          judged: right if the price went its way since it arrived, half right if it did not \
          move. The accuracy of a source is (right + 1) / (judged + 2), where what was judged \
          counts less by the factor decay with each later one. Its weight is its accuracy less \
          floor, at least 0. The blend is the mean of all signals that hold, +confidence for buy \
          and -confidence for sell, by these weights. Buys when it is at or above enter, sells \
          when it falls below exit; with short=true also the other way round, which needs a \
          margin account. Sizes are those of the run's rule, stops and targets the run's exits. \
          A signal that has expired when it arrives is not listened to.",
    hears: Hears::Signals,
    instruments: Instruments::Each,
    params: &[
        float("enter", 0.5, (0.01, 1.0), "blend at which a position is opened"),
        float("exit", 0.1, (-1.0, 1.0), "blend below which it is closed"),
        float("floor", 0.4, (0.0, 0.49), "accuracy of which nothing counts"),
        float("decay", 0.98, (0.5, 1.0), "how much of what was judged before counts"),
        flag("short", false, "also go short"),
    ],
    rules: &[ParamRule { text: "exit < enter", holds: |p| p.float("exit") < p.float("enter") }],
    build,
};

fn build(params: &Params, instruments: usize) -> Box<dyn Strategy> {
    let market = || Market { voices: vec![Voice::default(); SOURCES_MAX].into_boxed_slice() };
    Box::new(SignalBlend {
        enter: params.float("enter"),
        exit: params.float("exit"),
        floor: params.float("floor"),
        decay: params.float("decay"),
        short: params.flag("short"),
        markets: (0..instruments).map(|_| market()).collect(),
    })
}

/// The rule on all instruments.
#[derive(Clone, Debug)]
struct SignalBlend {
    enter: f64,
    exit: f64,
    floor: f64,
    decay: f64,
    short: bool,
    markets: Box<[Market]>,
}

stored!(SignalBlend {
    each: markets;
    same: enter, exit, floor, decay, short;
});

#[derive(Clone, Debug)]
struct Market {
    voices: Box<[Voice]>,
}

stored!(Market {
    each: voices;
});

/// A source on one instrument.
#[derive(Clone, Debug, Default)]
struct Voice {
    /// Its number; 0 for nobody yet.
    source: u16,
    right: f64,
    judged: f64,
    /// What it says: confidence with the sign of the side, the price in ticks when that arrived,
    /// and until when it holds.
    opinion: Option<(f64, i64, Nanos)>,
}

stored!(Voice {
    state: source, right, judged, opinion;
});

impl Voice {
    fn accuracy(&self) -> f64 {
        (self.right + PRIOR) / (self.judged + 2.0 * PRIOR)
    }

    /// Judges what it says by the price now, and forgets it.
    fn judge(&mut self, price: i64, decay: f64) {
        let Some((says, before, _)) = self.opinion.take() else { return };
        let went = (price - before).signum() as f64 * says.signum();
        self.right = self.right * decay + f64::midpoint(went, 1.0);
        self.judged = self.judged * decay + 1.0;
    }
}

impl Market {
    /// The place of a source: its own, or a free one.
    fn find(&mut self, source: u16) -> Option<(usize, &mut Voice)> {
        let is_it = |voice: &Voice| voice.source == source || voice.source == 0;
        self.voices.iter_mut().enumerate().find(|(_, voice)| is_it(voice))
    }

    /// From -1 to 1; 0 where nobody says anything that counts.
    fn blend(&self, floor: f64) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for voice in &self.voices {
            let Some((says, ..)) = voice.opinion else { continue };
            let weight = (voice.accuracy() - floor).max(0.0);
            sum += weight * says;
            weights += weight;
        }
        if weights > 0.0 { sum / weights } else { 0.0 }
    }
}

impl SignalBlend {
    /// Trades by what all of them say now.
    fn decide(&self, instrument: InstrumentId, ctx: &mut Context<'_>) {
        let Some(market) = self.markets.get(instrument.index()) else { return };
        let blend = market.blend(self.floor);
        let is_done = (ctx.is_long(instrument) && blend < self.exit)
            || (ctx.is_short(instrument) && -blend < self.exit);
        if is_done {
            ctx.close(instrument);
        }
        let side = if blend >= self.enter {
            Some(Side::Buy)
        } else {
            (self.short && -blend >= self.enter).then_some(Side::Sell)
        };
        if let Some(side) = side
            && (is_done || ctx.is_flat(instrument))
        {
            ctx.enter(instrument, side);
        }
    }
}

impl Strategy for SignalBlend {
    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        let (instrument, now_ns) = (ctx.instrument(), ctx.now_ns());
        let horizon_ns = i64::from(signal.horizon_s) * NANOS_PER_S;
        let until_ns = Nanos::new(ctx.venue_ns().get().saturating_add(horizon_ns));
        let Some(price) = ctx.last(instrument).map(|price| price.ticks()) else { return };
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        if signal.expires_ns <= now_ns || signal.source.0 == 0 {
            return;
        }
        let Some((at, voice)) = market.find(signal.source.0) else { return };
        voice.source = signal.source.0;
        voice.judge(price, self.decay);
        let says = signal.action.side().map(|side| {
            let confidence = f64::from(signal.confidence_e9) * 1e-9;
            if side == Side::Buy { confidence } else { -confidence }
        });
        if let Some(says) = says.filter(|_| until_ns > now_ns) {
            voice.opinion = Some((says, price, until_ns));
            let at = u32::try_from(at).unwrap_or(0);
            ctx.wake_at(until_ns, at << 16 | u32::from(instrument.0));
        }
        self.decide(instrument, ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        let instrument = InstrumentId(timer.token as u16);
        let Some(price) = ctx.last(instrument).map(|price| price.ticks()) else { return };
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let voice = market.voices.get_mut((timer.token >> 16) as usize);
        let due = |voice: &&mut Voice| {
            voice.opinion.is_some_and(|(.., until_ns)| until_ns <= ctx.now_ns())
        };
        if let Some(voice) = voice.filter(due) {
            voice.judge(price, self.decay);
            self.decide(instrument, ctx);
        }
    }

    save_and_load!();
}
