//! Two instruments whose price ratio returns to its mean.

use qt_engine::{Context, Strategy, save_and_load, stored, values};
use qt_types::{Bar, InstrumentId, Nanos, Side};
use serde::{Deserialize, Serialize};

use super::{IN_RANGE, WINDOW_BARS_MAX};
use crate::indicator::ZScore;
use crate::param::{ParamSpec, Params, flag, float, int};
use crate::registry::{Hears, Instruments, ParamRule, StrategyEntry};

pub(super) const ENTRY: StrategyEntry = StrategyEntry {
    name: "pairs",
    summary: "trades the price ratio of two instruments back to its mean (long-short: short=true)",
    doc: "The spread is the logarithm of the first instrument's close over the second one's, \
          taken whenever both have completed a bar at the same time; z is how many standard \
          deviations (divisor n) it is above its mean over the last lookback such times \
          including this one. When both are flat and z is below -entry_z, the first one is \
          cheap: buys it and, with short=true, sells the second one short; sells and covers \
          once z is at -exit_z or above. When z is above entry_z, the second one is cheap: the \
          same with the two exchanged, until z is at exit_z or below. Each leg gets half of the \
          run's size. The default, short=false, trades the cheap leg alone, because a cash \
          account cannot be short; short=true needs a margin account. With it, a leg that is \
          left alone, as the other one was denied, refused or stopped out, is closed at the \
          next common bar. After an entry that did not end by z coming back, z must be within \
          entry_z once before there is another one. No z can reach sqrt(lookback - 1), so such \
          an entry_z is refused.",
    hears: Hears::Bars,
    instruments: Instruments::Exactly(2),
    params: PARAMS,
    rules: &[
        ParamRule { text: "exit_z < entry_z", holds: |p| p.float("exit_z") < p.float("entry_z") },
        ParamRule {
            text: "entry_z < sqrt(lookback - 1)",
            holds: |p| p.float("entry_z") < ((p.int("lookback") - 1) as f64).sqrt(),
        },
    ],
    build,
};

const PARAMS: &[ParamSpec] = &[
    int("lookback", 60, (3, WINDOW_BARS_MAX), "common bars in the mean and the deviation"),
    float("entry_z", 2.0, (0.1, 10.0), "enters beyond so many standard deviations"),
    float("exit_z", 0.5, (0.0, 10.0), "leaves within so many standard deviations"),
    flag("short", false, "also sell the dear leg short"),
];

/// What each leg gets of the run's size, in basis points.
const LEG_SHARE_BPS: u32 = 5_000;

/// The two instruments, in the order in which the run was given them.
const LEGS: [InstrumentId; 2] = [InstrumentId(0), InstrumentId(1)];

fn build(params: &Params, _: usize) -> Box<dyn Strategy> {
    Box::new(Pairs {
        score: ZScore::new(params.count("lookback")).expect(IN_RANGE),
        entry_z: params.float("entry_z"),
        exit_z: params.float("exit_z"),
        short: params.flag("short"),
        closes: [None; 2],
        is_armed: true,
    })
}

/// The last close of an instrument.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Close {
    /// When it was known (UTC ns).
    now_ns: Nanos,
    ticks: i64,
}

values!(Close);

/// The rule on both instruments.
#[derive(Clone, Debug)]
struct Pairs {
    score: ZScore,
    entry_z: f64,
    exit_z: f64,
    short: bool,
    closes: [Option<Close>; 2],
    /// Whether z has been within the entry bounds since the last entry.
    is_armed: bool,
}

stored!(Pairs {
    state: score, closes, is_armed;
    same: entry_z, exit_z, short;
});

impl Pairs {
    /// The logarithm of the ratio, if both instruments have completed a bar at the same time.
    #[inline]
    fn spread(&self) -> Option<f64> {
        let [Some(first), Some(second)] = self.closes else { return None };
        let is_common = first.now_ns == second.now_ns && first.ticks > 0 && second.ticks > 0;
        // The quotient of the same two numbers, however scaled, is always the same; a difference
        // of two logarithms would make a spread of pure rounding out of a constant ratio.
        is_common.then(|| (first.ticks as f64 / second.ticks as f64).ln())
    }

    fn decide(&mut self, z: f64, ctx: &mut Context<'_>) {
        self.is_armed |= z.abs() < self.entry_z;
        let [first, second] = LEGS.map(|leg| ctx.position(leg).lots().signum());
        // Which way the spread is held: up is long the first instrument, short the second one.
        let direction = (first - second).signum();
        let is_back = match direction {
            1 => z >= -self.exit_z,
            -1 => z <= self.exit_z,
            _ => false,
        };
        if is_back || self.is_alone([first, second], ctx) {
            self.is_armed |= is_back;
            close_both(ctx);
        } else if self.is_armed && LEGS.iter().all(|leg| ctx.is_flat(*leg)) {
            if z < -self.entry_z {
                self.enter(LEGS, ctx);
            } else if z > self.entry_z {
                self.enter([LEGS[1], LEGS[0]], ctx);
            }
        }
    }

    /// Whether one leg is held and the other one will not follow.
    fn is_alone(&self, signs: [i64; 2], ctx: &Context<'_>) -> bool {
        self.short
            && match signs {
                [0, other] => other != 0 && ctx.is_flat(LEGS[0]),
                [_, 0] => ctx.is_flat(LEGS[1]),
                _ => false,
            }
    }

    fn enter(&mut self, [cheap, dear]: [InstrumentId; 2], ctx: &mut Context<'_>) {
        self.is_armed = false;
        ctx.enter_share(cheap, Side::Buy, LEG_SHARE_BPS);
        if self.short {
            ctx.enter_share(dear, Side::Sell, LEG_SHARE_BPS);
        }
    }
}

/// Closes what is held and is not being closed yet.
fn close_both(ctx: &mut Context<'_>) {
    for leg in LEGS {
        if ctx.is_long(leg) || ctx.is_short(leg) {
            ctx.close(leg);
        }
    }
}

impl Strategy for Pairs {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let Some(close) = self.closes.get_mut(ctx.instrument().index()) else { return };
        *close = Some(Close { now_ns: ctx.now_ns(), ticks: bar.close.ticks() });
        let Some(z) = self.spread().and_then(|spread| self.score.update(spread)) else { return };
        if ctx.is_active() {
            self.decide(z, ctx);
        }
    }

    fn warmup(&self) -> usize {
        self.score.first_row()
    }

    save_and_load!();
}
