//! The venue's limits: fixed windows by its own clock, of which it says itself how much is used.

use qt_types::Nanos;

use super::wire::Limit;

/// Limits that are kept, at most.
const WINDOWS_MAX: usize = 16;
/// Of the weight, questions leave so much alone (in a hundred): for orders and cancels.
const FOR_COMMANDS: u64 = 20;
/// Of the weight, new orders leave so much alone: for cancels.
const FOR_CANCELS: u64 = 5;

const MINUTE_NS: i64 = 60_000_000_000;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Weight,
    Orders,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    counts: Counts,
    length_ns: i64,
    limit: u64,
    used: u64,
    /// Which of its windows it is, counted from 1970.
    number: i64,
}

impl Window {
    fn used(&self, now_ns: i64) -> u64 {
        if now_ns.div_euclid(self.length_ns) == self.number { self.used } else { 0 }
    }

    fn add(&mut self, now_ns: i64, more: u64) {
        (self.used, self.number) =
            (self.used(now_ns).saturating_add(more), now_ns.div_euclid(self.length_ns));
    }
}

/// Who wants to send something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To know something.
    Question,
    /// A new order, or a change that places one.
    Order,
    /// The end of an order.
    Cancel,
}

/// How much of what may be sent.
#[derive(Debug)]
pub(super) struct Budget {
    windows: Vec<Window>,
    shut_ns: Nanos,
}

impl Budget {
    /// Nothing used yet; `weight` a minute, and so many `orders` in which time (ns).
    pub(super) fn new(weight: u64, orders: &[(u64, i64)]) -> Self {
        let window = |counts, limit, length_ns| {
            let (used, number) = (0, i64::MIN);
            Window { counts, length_ns, limit, used, number }
        };
        let mut windows = vec![window(Counts::Weight, weight, MINUTE_NS)];
        let orders = orders.iter().filter(|(_, length_ns)| *length_ns > 0);
        windows.extend(orders.map(|(limit, length_ns)| window(Counts::Orders, *limit, *length_ns)));
        Self { windows, shut_ns: Nanos::MIN }
    }

    /// So much of the weight of a window was used at `now_ns` (the venue's clock), as it says
    /// without a word about the limit.
    pub(super) fn used_weight(&mut self, length_ns: i64, used: u64, now_ns: Nanos) {
        self.used(Counts::Weight, length_ns, used, now_ns);
    }

    /// The same of orders.
    pub(super) fn used_orders(&mut self, length_ns: i64, used: u64, now_ns: Nanos) {
        self.used(Counts::Orders, length_ns, used, now_ns);
    }

    fn used(&mut self, counts: Counts, length_ns: i64, used: u64, now_ns: Nanos) {
        let is_it = |it: &&mut Window| it.counts == counts && it.length_ns == length_ns;
        if let Some(window) = self.windows.iter_mut().find(is_it) {
            (window.used, window.number) = (used, now_ns.get().div_euclid(length_ns));
        }
    }

    /// Takes in what the venue says at `now_ns` (its clock).
    pub(super) fn learn(&mut self, limits: &[Limit<'_>], now_ns: Nanos) {
        for limit in limits {
            let counts = match &*limit.kind {
                "REQUEST_WEIGHT" => Counts::Weight,
                "ORDERS" => Counts::Orders,
                _ => continue,
            };
            let unit_ns: i64 = match &*limit.interval {
                "SECOND" => 1_000_000_000,
                "MINUTE" => 60_000_000_000,
                "HOUR" => 3_600_000_000_000,
                "DAY" => 86_400_000_000_000,
                _ => continue,
            };
            let Some(length_ns) = unit_ns.checked_mul(i64::from(limit.number)) else { continue };
            if length_ns == 0 {
                continue;
            }
            let (used, number) = (limit.count, now_ns.get().div_euclid(length_ns));
            let told = Window { counts, length_ns, limit: limit.limit, used, number };
            let is_same = |it: &&mut Window| it.counts == counts && it.length_ns == length_ns;
            if let Some(window) = self.windows.iter_mut().find(is_same) {
                *window = told;
            } else if self.windows.len() < WINDOWS_MAX {
                self.windows.push(told);
            }
        }
    }

    /// The venue takes nothing before `until_ns` (UTC, our clock).
    pub(super) fn shut(&mut self, until_ns: Nanos) {
        self.shut_ns = self.shut_ns.max(until_ns);
    }

    /// Whether the venue takes anything at `now_ns` (our clock), as far as is known.
    pub(super) fn is_open(&self, now_ns: Nanos) -> bool {
        self.shut_ns <= now_ns
    }

    /// Whether something that weighs `weight` may be sent at `venue_ns` (the venue's clock); then
    /// it counts.
    pub(super) fn take(&mut self, purpose: Purpose, weight: u64, venue_ns: Nanos) -> bool {
        let now_ns = venue_ns.get();
        let has_room = self.windows.iter().all(|window| {
            let used = window.used(now_ns);
            match (window.counts, purpose) {
                (Counts::Orders, Purpose::Order) => used < window.limit,
                (Counts::Orders, _) | (Counts::Weight, Purpose::Cancel) => true,
                (Counts::Weight, _) => {
                    let kept = if purpose == Purpose::Order { FOR_CANCELS } else { FOR_COMMANDS };
                    let left = window.limit - window.limit / 100 * kept;
                    used.saturating_add(weight) <= left
                }
            }
        });
        if !has_room {
            return false;
        }
        for window in &mut self.windows {
            match (window.counts, purpose) {
                (Counts::Weight, _) => window.add(now_ns, weight),
                (Counts::Orders, Purpose::Order) => window.add(now_ns, 1),
                (Counts::Orders, _) => {}
            }
        }
        true
    }

    /// The weight that is used at `venue_ns`.
    pub(super) fn weight_used(&self, venue_ns: Nanos) -> u64 {
        let weights = self.windows.iter().filter(|it| it.counts == Counts::Weight);
        weights.map(|it| it.used(venue_ns.get())).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn limit(
        kind: &'static str,
        interval: &'static str,
        number: u32,
        of: (u64, u64),
    ) -> Limit<'static> {
        let (kind, interval) = (kind.into(), interval.into());
        Limit { kind, interval, number, limit: of.0, count: of.1 }
    }

    #[test]
    fn cancels_go_when_nothing_else_does() {
        let mut budget = Budget::new(100, &[]);
        let now = Nanos::new(7 * MINUTE);
        for _ in 0..8 {
            assert!(budget.take(Purpose::Question, 10, now));
        }
        assert!(!budget.take(Purpose::Question, 1, now));
        assert!(budget.take(Purpose::Order, 15, now));
        assert!(!budget.take(Purpose::Order, 1, now));
        assert!(budget.take(Purpose::Cancel, 1, now));
        assert_eq!(budget.weight_used(now), 96);
        let next = Nanos::new(8 * MINUTE);
        assert!(budget.take(Purpose::Question, 80, next), "windows are fixed, and begin anew");
    }

    #[test]
    fn what_the_venue_says_counts() {
        let mut budget = Budget::new(6_000, &[]);
        let now = Nanos::new(MINUTE * 1_000 + 5);
        budget.learn(
            &[
                limit("ORDERS", "SECOND", 10, (50, 49)),
                limit("ORDERS", "DAY", 1, (160_000, 7)),
                limit("REQUEST_WEIGHT", "MINUTE", 1, (1_200, 1_100)),
                limit("RAW_REQUESTS", "MINUTE", 5, (1, 9)),
                limit("NEWS", "MINUTE", 5, (1, 9)),
                limit("ORDERS", "FORTNIGHT", 5, (1, 9)),
                limit("ORDERS", "SECOND", 0, (1, 9)),
            ],
            now,
        );
        assert_eq!(budget.weight_used(now), 1_100);
        assert!(!budget.take(Purpose::Question, 20, now));
        assert!(budget.take(Purpose::Order, 1, now));
        assert!(!budget.take(Purpose::Order, 1, now), "50 orders in ten seconds");
        assert!(budget.take(Purpose::Cancel, 1, now));
        assert!(budget.take(Purpose::Order, 1, Nanos::new(now.get() + 10_000_000_000)));
    }

    #[test]
    fn headers_say_how_much_is_used_and_not_of_how_much() {
        const SECOND: i64 = 1_000_000_000;
        let mut budget = Budget::new(100, &[(3, 10 * SECOND)]);
        let now = Nanos::new(7 * MINUTE);
        budget.used_weight(MINUTE, 79, now);
        budget.used_weight(5 * MINUTE, 99, now);
        assert_eq!(budget.weight_used(now), 79);
        assert!(budget.take(Purpose::Question, 1, now) && !budget.take(Purpose::Question, 1, now));
        budget.used_orders(10 * SECOND, 2, now);
        assert!(budget.take(Purpose::Order, 1, now) && !budget.take(Purpose::Order, 1, now));
        assert!(budget.take(Purpose::Order, 1, Nanos::new(7 * MINUTE + 10 * SECOND)));
    }

    #[test]
    fn a_venue_that_is_shut() {
        let mut budget = Budget::new(10, &[]);
        budget.shut(Nanos::new(50));
        budget.shut(Nanos::new(20));
        assert!(!budget.is_open(Nanos::new(49)));
        assert!(budget.is_open(Nanos::new(50)));
    }
}
