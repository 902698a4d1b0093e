//! What goes wrong between us and the exchange.

use crate::dice::Dice;
use crate::exchange::{MILLI, SECOND};

/// What goes wrong, per thousand where nothing else is said.
#[derive(Clone, Debug)]
pub struct Plan {
    pub lose_request: u64,
    /// Commands take so much longer than questions.
    pub slow_command_ns: i64,
    pub lose_report: u64,
    pub double_report: u64,
    /// Late ones overtake nobody: they come up to `late_ns` later than others.
    pub late: u64,
    pub late_ns: i64,
    pub lose_answer: u64,
    pub fail_answer: u64,
    /// On average so long between two cuts of the link; never with zero.
    pub cut_every_ns: i64,
    pub cut_ns: (i64, i64),
    /// Cuts that nobody tells of.
    pub silent: u64,
    /// On average so long between two fills of what rests; never with zero.
    pub fill_every_ns: i64,
    /// Fills that are taken back.
    pub bust: u64,
    /// How far back its list of executions reaches.
    pub history_ns: i64,
    /// What arrives so long after it was sent is refused.
    pub window_ns: i64,
    /// How far its clock is ahead.
    pub clock_ns: i64,
}

impl Plan {
    /// Nothing goes wrong, and nothing fills by itself.
    pub fn calm() -> Self {
        Self {
            lose_request: 0,
            slow_command_ns: 0,
            lose_report: 0,
            double_report: 0,
            late: 0,
            late_ns: 0,
            lose_answer: 0,
            fail_answer: 0,
            cut_every_ns: 0,
            cut_ns: (0, 0),
            silent: 0,
            fill_every_ns: 0,
            bust: 0,
            history_ns: i64::MAX / 4,
            window_ns: 5 * SECOND,
            clock_ns: 0,
        }
    }

    /// As rough, but all that is executed is known of in time: the limits of the gate hold.
    pub fn rough_and_told(dice: &mut Dice) -> Self {
        Self { lose_report: 0, late: 0, bust: 0, ..Self::rough(dice) }
    }

    /// Everything goes wrong, as often as `dice` say.
    pub fn rough(dice: &mut Dice) -> Self {
        let mut often = |most: u64| if dice.is(500) { dice.below(most) } else { 0 };
        Self {
            lose_request: often(150),
            lose_report: often(150),
            double_report: often(400),
            late: often(400),
            late_ns: 2 * SECOND,
            lose_answer: often(200),
            fail_answer: often(200),
            cut_every_ns: if often(2) > 0 { 0 } else { 4 * SECOND },
            cut_ns: (MILLI, 6 * SECOND),
            silent: often(1_000),
            fill_every_ns: 150 * MILLI,
            bust: often(60),
            ..Self::calm()
        }
    }
}
