//! Fees by what was traded in the 30 days before.

use qt_engine::stored;
use qt_types::{Cash, E9};

use super::Fees;

/// The fees from some volume on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTier {
    /// The least volume of the 30 days before.
    pub volume: Cash,
    /// The rates.
    pub fees: Fees,
}

/// The table of a venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeTiers {
    /// The tiers, the lowest first.
    pub tiers: Vec<FeeTier>,
    /// What was traded in the 30 days before the first fill, as much on each of them.
    pub volume_before: Cash,
}

/// How many days count.
const DAYS: usize = 30;
const DAY_NS: i64 = 86_400 * E9;

/// A table at work: what was traded on each of the last days (UTC).
#[derive(Clone, Debug)]
pub struct Volume {
    tiers: Vec<FeeTier>,
    before: Cash,
    /// The day that goes on, counted from 1970; `None` before the first fill.
    today: Option<i64>,
    traded_today: Cash,
    /// The days before it; the place of a day is its number modulo 30.
    days: [Cash; DAYS],
    sum: Cash,
}

stored!(Volume {
    state: today, traded_today, days, sum;
    made: tiers, before;
});

impl Volume {
    /// `tiers` before anything was traded.
    #[must_use]
    pub fn new(mut tiers: FeeTiers) -> Self {
        tiers.tiers.sort_by_key(|tier| tier.volume);
        Self {
            tiers: tiers.tiers,
            before: tiers.volume_before,
            today: None,
            traded_today: Cash::ZERO,
            days: [Cash::ZERO; DAYS],
            sum: Cash::ZERO,
        }
    }

    /// The fees at `now_ns`; `None` below the first tier. The tier of a day is that of the 30 days
    /// before it, whatever is traded on it.
    pub fn fees(&mut self, now_ns: i64) -> Option<Fees> {
        self.turn_to(now_ns.div_euclid(DAY_NS));
        let reached = self.tiers.iter().rev().find(|tier| tier.volume <= self.sum);
        reached.map(|tier| tier.fees)
    }

    /// Takes note of a fill worth `worth` at `now_ns`.
    pub fn add(&mut self, worth: Cash, now_ns: i64) {
        self.turn_to(now_ns.div_euclid(DAY_NS));
        self.traded_today += worth.abs();
    }

    fn turn_to(&mut self, day: i64) {
        let Some(today) = self.today else {
            let part = Cash::from_nano(self.before.nano() / DAYS as i128);
            self.days = [part; DAYS];
            self.sum = self.days.iter().copied().sum();
            self.today = Some(day);
            return;
        };
        if day <= today {
            return;
        }
        // A month without a fill leaves nothing; more days need not be looked at.
        for passed in today..day.min(today.saturating_add(DAYS as i64 + 1)) {
            let place = passed.rem_euclid(DAYS as i64) as usize;
            self.days[place] = std::mem::take(&mut self.traded_today);
        }
        self.sum = self.days.iter().copied().sum();
        self.today = Some(day);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cash(text: &str) -> Cash {
        text.parse().unwrap()
    }

    fn volume(before: &str) -> Volume {
        let tier = |volume: &str, taker_e9| {
            let fees = Fees { maker_e9: taker_e9 / 2, taker_e9 };
            FeeTier { volume: cash(volume), fees }
        };
        let tiers = vec![tier("3000", 800), tier("0", 1_000), tier("1000", 900)];
        Volume::new(FeeTiers { tiers, volume_before: cash(before) })
    }

    #[test]
    fn the_tier_of_a_day_is_that_of_the_thirty_days_before_it() {
        let mut volume = volume("0");
        let mut taker = |day: i64, worth: &str| {
            let fees = volume.fees(day * DAY_NS).unwrap().taker_e9;
            volume.add(cash(worth), day * DAY_NS + 1);
            fees
        };
        assert_eq!([taker(0, "1000"), taker(0, "0")], [1_000, 1_000], "today counts tomorrow");
        assert_eq!([taker(1, "2000"), taker(2, "0")], [900, 800]);
        // On day 30 the last of the thirty days before is day 0, on day 31 it is day 1.
        assert_eq!([taker(30, "0"), taker(31, "0"), taker(32, "0")], [800, 900, 1_000]);
        assert_eq!([taker(500, "5000"), taker(501, "0"), taker(9_000, "0")], [1_000, 800, 1_000]);
    }

    #[test]
    fn what_was_traded_before_fades() {
        // 3,000: 100 a day. After a day without a fill 2,900 of it are left, after 21 days 900.
        let mut volume = volume("3000");
        let mut taker = |day: i64| volume.fees(day * DAY_NS).unwrap().taker_e9;
        assert_eq!([taker(5), taker(6), taker(25), taker(26)], [800, 900, 900, 1_000]);
    }
}
