//! Reports in any order, doubled, and dropped and replayed, lead to the same order (B19).

use qt_engine::oms::{Anomaly, Effect};
use qt_types::{ExecId, Report, ReportKind};

use crate::support::{Desk, corrected, fill, plain, replaced};

/// xorshift64*: a stream is known by its number.
struct Dice(u64);

impl Dice {
    fn new(stream: u64) -> Self {
        Self(stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % bound
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What an honest venue says about an order of `total` lots, and how it stands with it then:
/// executed lots, their cost, the fees.
struct Story {
    reports: Vec<Report>,
    total: i64,
    /// The total in the end.
    qty: i64,
    filled: i64,
    cost: i128,
    fees: i128,
}

/// A venue plays an order: it accepts it, executes it in parts, takes some of them back, corrects
/// some, makes it larger or smaller, and may end it.
fn story(dice: &mut Dice) -> Story {
    let total = 1 + dice.below(40) as i64;
    let mut reports = vec![plain(ReportKind::Accepted)];
    let mut execs: Vec<(u64, i64)> = Vec::new();
    let (mut qty, mut filled, mut next) = (total, 0, 1 + dice.below(5) as u64);
    for _ in 0..dice.below(9) {
        match dice.below(8) {
            0..=3 if filled < qty => {
                let lots = 1 + dice.below((qty - filled) as usize) as i64;
                filled += lots;
                execs.push((next, lots));
                reports.push(fill(next, lots, qty - filled));
            }
            4 if !execs.is_empty() => {
                let (exec, lots) = execs.swap_remove(dice.below(execs.len()));
                filled -= lots;
                reports.push(Report { exec: ExecId(exec), ..plain(ReportKind::Busted) });
            }
            5 if !execs.is_empty() => {
                let at = dice.below(execs.len());
                let (of, before) = execs[at];
                let lots = 1 + dice.below((qty - filled + before) as usize) as i64;
                filled += lots - before;
                execs[at] = (next, lots);
                reports.push(corrected(of, next, lots, qty - filled));
            }
            6 => {
                qty = (filled + dice.below(20) as i64).max(1);
                reports.push(replaced(next, qty));
            }
            _ => {}
        }
        next += 1 + dice.below(3) as u64;
    }
    if dice.one_in(3) && filled < qty {
        reports.push(plain(ReportKind::Cancelled));
    }
    let cost = execs.iter().map(|&(exec, lots)| i128::from(lots) * (90 + i128::from(exec))).sum();
    let fees = execs.iter().map(|&(exec, _)| i128::from(exec)).sum();
    Story { reports, total, qty, filled, cost, fees }
}

fn shuffle<T>(dice: &mut Dice, list: &mut [T]) {
    for at in (1..list.len()).rev() {
        list.swap(at, dice.below(at + 1));
    }
}

/// Each report one to three times in any order; then the link is cut: what the venue says again
/// is all of it, from the start.
fn delivered(dice: &mut Dice, reports: &[Report]) -> Vec<Report> {
    let mut sent = Vec::with_capacity(reports.len() * 4);
    let replays = dice.one_in(2);
    for report in reports {
        // Dropped ones come with the replay.
        if !replays || !dice.one_in(3) {
            (0..=dice.below(3)).for_each(|_| sent.push(*report));
        }
    }
    shuffle(dice, &mut sent);
    if replays {
        sent.extend_from_slice(reports);
    }
    sent
}

/// How many streams: all of a million, in release builds.
const STREAMS: u64 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

#[test]
fn any_order_of_reports_leads_to_the_same_order() {
    let (mut busted, mut replaced_streams, mut waited) = (0, 0, 0);
    for stream in 0..STREAMS {
        let dice = &mut Dice::new(stream + 1);
        let story = story(dice);
        let mut desk = Desk::sent(story.total);
        for report in delivered(dice, &story.reports) {
            let effect = desk.tell(&report);
            waited += u64::from(effect == Effect::Illegal(Anomaly::Overfill));
            let order = desk.order();
            assert!(order.filled.lots() >= 0 && order.filled <= order.qty, "stream {stream}");
            assert_eq!(desk.position, order.filled.lots(), "stream {stream}");
        }
        let order = desk.order();
        let found = (order.filled.lots(), order.cost(), desk.position, desk.paid, desk.fees);
        let expected = (story.filled, story.cost, story.filled, story.cost, story.fees);
        assert_eq!(found, expected, "stream {stream}: {:#?}", story.reports);
        assert!(order.overfill().is_zero(), "stream {stream}");
        assert_eq!(order.qty.lots(), story.qty, "stream {stream}: {:#?}", story.reports);
        let has = |kind| story.reports.iter().any(|report| report.kind == kind);
        busted += u64::from(has(ReportKind::Busted) || has(ReportKind::Corrected));
        replaced_streams += u64::from(has(ReportKind::Replaced));
        let ends = has(ReportKind::Cancelled) || story.filled == order.qty.lots();
        assert_eq!(order.is_ended(), ends, "stream {stream}: {:#?}", story.reports);
    }
    // The generator does what it is for.
    for count in [busted, replaced_streams, waited] {
        assert!(count > STREAMS / 50, "{busted} {replaced_streams} {waited}");
    }
}

#[test]
fn more_than_was_ordered_is_never_applied() {
    for stream in 0..STREAMS / 10 {
        let dice = &mut Dice::new(stream + 1);
        let total = 1 + dice.below(20) as i64;
        let mut reports = vec![plain(ReportKind::Accepted)];
        let mut lots_told = 0;
        for exec in 1..=(2 + dice.below(8) as u64) {
            let lots = 1 + dice.below(15) as i64;
            lots_told += lots;
            reports.push(fill(exec, lots, 1));
        }
        let mut desk = Desk::sent(total);
        for report in delivered(dice, &reports) {
            desk.tell(&report);
            let order = desk.order();
            assert!(desk.position == order.filled.lots() && desk.position <= total);
        }
        let order = desk.order();
        assert_eq!(order.filled.lots() + order.overfill().lots(), lots_told, "stream {stream}");
        assert_eq!(order.overfill().is_zero(), lots_told <= total, "stream {stream}");
    }
}
