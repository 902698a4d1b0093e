//! Whether a change of a book fits the book: the one machine for all venues. A venue's flavour is
//! a [`Policy`].

/// How a decoder treats what comes before a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// The venue's own procedure: nothing of a book before its snapshot, nothing after a gap until
    /// the next one. What a live feed and a test of a recording want.
    #[default]
    Strict,
    /// Every change from the first line on, a snapshot replacing the book where it stands; changes
    /// told before it that it does not hold are told again behind it. A gap is told and counted,
    /// and the changes go on. What a backtest of a recording wants.
    FromFirstLine,
}

/// How a venue numbers the changes of a book, and where its snapshots come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// A change covers the ids `first..=last`, and the next one begins after `last`. A snapshot is
    /// asked for elsewhere and lies anywhere in the stream.
    Range,
    /// Like `Range`, but ids have holes and a change names the `last` of the one before it.
    LinkedRange,
    /// Each change has the id after the one before; snapshots come on the stream.
    Consecutive,
    /// Each change names the id before it; snapshots come on the stream.
    Linked,
    /// No ids; snapshots come on the stream.
    #[default]
    Unnumbered,
}

impl Policy {
    /// Whether snapshots are asked for elsewhere: then changes wait for one.
    #[must_use]
    pub const fn asks(self) -> bool {
        matches!(self, Self::Range | Self::LinkedRange)
    }
}

/// The ids of a change or of a snapshot (which has only `last`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ids {
    /// First id covered.
    pub first: u64,
    /// Last id covered.
    pub last: u64,
    /// The id named as the one before.
    pub previous: Option<u64>,
}

impl Ids {
    /// The ids of something that has only one.
    #[must_use]
    pub const fn one(id: u64) -> Self {
        Self { first: id, last: id, previous: None }
    }
}

/// What to do with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one: apply it.
    Apply,
    /// There is no snapshot yet: keep it, it may be needed.
    Hold,
    /// The snapshot holds it already, or there is none and it is of no use: drop it.
    Early,
    /// It was applied before: drop it.
    Stale,
    /// Something before it is missing: the book is not to be trusted.
    Gap,
}

/// What to do with a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotVerdict {
    /// It is the book now.
    Replace,
    /// The book is in order and newer.
    Older,
}

/// Where the synchronisation of one book stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum State {
    /// No snapshot, or something was lost since.
    #[default]
    Waiting,
    /// In order up to the id `last`. `bridged`: a change has followed the snapshot.
    Live { last: u64, bridged: bool },
}

/// The synchronisation of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BookSync {
    state: State,
}

impl BookSync {
    /// Whether the book waits for a snapshot.
    #[must_use]
    pub const fn needs_snapshot(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// The id that the book is in order up to.
    #[must_use]
    pub const fn last(&self) -> Option<u64> {
        match self.state {
            State::Waiting => None,
            State::Live { last, .. } => Some(last),
        }
    }

    /// Judges a change, and goes on to it when it is the next one. After a gap the book waits.
    pub fn delta(&mut self, policy: Policy, ids: Ids) -> Verdict {
        let State::Live { last, bridged } = self.state else {
            return if policy.asks() { Verdict::Hold } else { Verdict::Early };
        };
        let verdict = if bridged { follows(policy, last, ids) } else { bridges(policy, last, ids) };
        match verdict {
            Verdict::Apply => self.state = State::Live { last: ids.last, bridged: true },
            Verdict::Gap => self.state = State::Waiting,
            Verdict::Hold | Verdict::Early | Verdict::Stale => {}
        }
        verdict
    }

    /// Judges a snapshot, and goes on from it when it is good.
    pub fn snapshot(&mut self, policy: Policy, id: u64) -> SnapshotVerdict {
        if let State::Live { last, .. } = self.state
            && policy.asks()
            && id <= last
        {
            return SnapshotVerdict::Older;
        }
        self.state = State::Live { last: id, bridged: false };
        SnapshotVerdict::Replace
    }

    /// Takes `id` for the last one applied, whatever came before.
    pub const fn resume(&mut self, id: u64) {
        self.state = State::Live { last: id, bridged: true };
    }

    /// Something was lost: the book waits for a snapshot. Says whether it was in order before.
    pub const fn lose(&mut self) -> bool {
        let live = !self.needs_snapshot();
        self.state = State::Waiting;
        live
    }
}

/// Judges the first change after a snapshot with the id `snapshot`.
#[must_use]
pub const fn bridges(policy: Policy, snapshot: u64, ids: Ids) -> Verdict {
    match policy {
        Policy::LinkedRange => {
            // A change that ends at the snapshot is the documented first one, harmless as it is.
            let spans = ids.first <= snapshot && snapshot <= ids.last;
            if spans || names(ids, snapshot) {
                Verdict::Apply
            } else if ids.last < snapshot {
                Verdict::Early
            } else {
                Verdict::Gap
            }
        }
        _ => match follows(policy, snapshot, ids) {
            Verdict::Stale => Verdict::Early,
            verdict => verdict,
        },
    }
}

/// Judges a change of a book that is in order up to the id `last`.
const fn follows(policy: Policy, last: u64, ids: Ids) -> Verdict {
    let next = match policy {
        Policy::Range => ids.last > last && ids.first <= last.saturating_add(1),
        Policy::Consecutive => ids.last > last && ids.last - last == 1,
        // Ids may go down after a maintenance; the link still holds.
        Policy::Linked | Policy::LinkedRange => names(ids, last),
        Policy::Unnumbered => true,
    };
    if next {
        Verdict::Apply
    } else if ids.last <= last {
        Verdict::Stale
    } else {
        Verdict::Gap
    }
}

/// Whether the change names `id` as the one before it.
const fn names(ids: Ids, id: u64) -> bool {
    matches!(ids.previous, Some(previous) if previous == id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ids(first: u64, last: u64, previous: Option<u64>) -> Ids {
        Ids { first, last, previous }
    }

    fn live(policy: Policy, id: u64) -> BookSync {
        let mut sync = BookSync::default();
        assert_eq!(sync.snapshot(policy, id), SnapshotVerdict::Replace);
        sync
    }

    #[test]
    fn ranges_meet_the_snapshot_at_both_borders() {
        for (first, last, verdict) in [
            (95, 99, Verdict::Early),
            (95, 100, Verdict::Early),
            (95, 101, Verdict::Apply),
            (100, 105, Verdict::Apply),
            (101, 101, Verdict::Apply),
            (102, 102, Verdict::Gap),
        ] {
            let mut sync = live(Policy::Range, 100);
            assert_eq!(sync.delta(Policy::Range, ids(first, last, None)), verdict, "{first}");
            assert_eq!(sync.needs_snapshot(), verdict == Verdict::Gap);
        }
        let mut sync = live(Policy::Range, 100);
        assert_eq!(sync.delta(Policy::Range, ids(101, 103, None)), Verdict::Apply);
        assert_eq!(sync.delta(Policy::Range, ids(101, 103, None)), Verdict::Stale, "repeated");
        assert_eq!(sync.delta(Policy::Range, ids(105, 106, None)), Verdict::Gap);
        assert_eq!(sync.delta(Policy::Range, ids(107, 108, None)), Verdict::Hold);
        assert_eq!(sync.snapshot(Policy::Range, 110), SnapshotVerdict::Replace);
        assert_eq!(sync.snapshot(Policy::Range, 109), SnapshotVerdict::Older);
    }

    #[test]
    fn linked_ranges_take_the_documented_and_the_linked_first_change() {
        let policy = Policy::LinkedRange;
        for (first, last, previous, verdict) in [
            (90, 99, 80, Verdict::Early),
            (90, 100, 80, Verdict::Apply),
            (90, 120, 80, Verdict::Apply),
            (105, 120, 100, Verdict::Apply),
            (105, 120, 104, Verdict::Gap),
        ] {
            let mut sync = live(policy, 100);
            assert_eq!(sync.delta(policy, ids(first, last, Some(previous))), verdict, "{first}");
        }
        let mut sync = live(policy, 100);
        assert_eq!(sync.delta(policy, ids(90, 120, Some(80))), Verdict::Apply);
        assert_eq!(
            sync.delta(policy, ids(130, 140, Some(120))),
            Verdict::Apply,
            "a hole is normal"
        );
        assert_eq!(sync.delta(policy, ids(130, 140, Some(120))), Verdict::Stale);
        assert_eq!(sync.delta(policy, ids(141, 150, Some(139))), Verdict::Gap);
    }

    #[test]
    fn streams_with_their_own_snapshots_wait_for_them() {
        for policy in [Policy::Consecutive, Policy::Linked, Policy::Unnumbered] {
            let mut sync = BookSync::default();
            assert_eq!(sync.delta(policy, Ids::one(7)), Verdict::Early);
            assert!(sync.needs_snapshot());
        }
        let mut sync = live(Policy::Consecutive, 7);
        assert_eq!(sync.delta(Policy::Consecutive, Ids::one(8)), Verdict::Apply);
        assert_eq!(sync.delta(Policy::Consecutive, Ids::one(8)), Verdict::Stale);
        assert_eq!(sync.snapshot(Policy::Consecutive, 1), SnapshotVerdict::Replace, "a restart");
        assert_eq!(sync.delta(Policy::Consecutive, Ids::one(3)), Verdict::Gap);

        let mut sync = live(Policy::Linked, 50);
        assert_eq!(sync.delta(Policy::Linked, ids(50, 50, Some(50))), Verdict::Apply, "idle");
        assert_eq!(sync.delta(Policy::Linked, ids(9, 9, Some(50))), Verdict::Apply, "reset");
        assert_eq!(sync.delta(Policy::Linked, ids(12, 12, Some(9))), Verdict::Apply);
        assert_eq!(sync.delta(Policy::Linked, ids(14, 14, Some(13))), Verdict::Gap);
        assert_eq!(
            live(Policy::Unnumbered, 0).delta(Policy::Unnumbered, Ids::one(0)),
            Verdict::Apply
        );
    }

    #[test]
    fn a_loss_waits_for_a_snapshot() {
        let mut sync = live(Policy::Unnumbered, 0);
        assert!(sync.lose());
        assert!(!sync.lose(), "once");
        assert_eq!(sync.delta(Policy::Unnumbered, Ids::default()), Verdict::Early);
        assert_eq!(sync.last(), None);
    }

    proptest! {
        /// A stream without a break, cut anywhere by a snapshot: each id is applied exactly once.
        #[test]
        fn no_id_is_lost_or_applied_twice(
            sizes in prop::collection::vec(1_u64..5, 1..40),
            cut in 0_u64..100,
            linked in any::<bool>(),
        ) {
            let policy = if linked { Policy::LinkedRange } else { Policy::Range };
            let snapshot = 1_000 + cut.min(sizes.iter().sum::<u64>());
            let mut sync = BookSync::default();
            sync.snapshot(policy, snapshot);
            let (mut at, mut covered) = (1_000, snapshot);
            for size in sizes {
                let ids = ids(at + 1, at + size, Some(at));
                match sync.delta(policy, ids) {
                    Verdict::Apply => {
                        prop_assert!(ids.first <= covered + 1);
                        covered = ids.last;
                    }
                    verdict => {
                        prop_assert_eq!(verdict, Verdict::Early);
                        prop_assert!(ids.last <= snapshot);
                    }
                }
                at += size;
            }
            prop_assert_eq!(covered, at.max(snapshot));
        }

        /// A change that is missing is found out by the next one.
        #[test]
        fn a_missing_change_is_a_gap(keep in 1_u64..20, policy in 0..4_usize) {
            use Policy::{Consecutive, Linked, LinkedRange, Range};
            let policy = [Range, LinkedRange, Consecutive, Linked][policy];
            let mut sync = BookSync::default();
            sync.snapshot(policy, 100);
            for id in 101..=100 + keep {
                prop_assert_eq!(sync.delta(policy, ids(id, id, Some(id - 1))), Verdict::Apply);
            }
            let next = 102 + keep;
            prop_assert_eq!(sync.delta(policy, ids(next, next, Some(next - 1))), Verdict::Gap);
            prop_assert!(sync.needs_snapshot());
        }
    }
}
