//! Limits under review: whether they could ever fire, and who may change them.

use std::collections::BTreeMap;

use qt_types::InstrumentSpec;

use crate::keys::{KEYS, Key};
use crate::limits::LimitSet;
use crate::profile::Profile;
use crate::unit::Holder;

/// A limit on the quantity of an order that is too large a part of a day to protect from
/// anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toothless {
    /// The instrument.
    pub symbol: String,
    /// The largest order that its limits let pass, in billionths of a unit.
    pub order_e9: i128,
    /// The usual volume of a day in billionths of a unit; `None` where nobody knows it.
    pub volume_e9: Option<i128>,
}

/// Every instrument whose largest order is more than `share_bps` of its usual daily volume
/// (`volumes_e9`, by symbol), or whose volume is not known.
#[must_use]
pub fn toothless(
    profile: &Profile,
    specs: &[InstrumentSpec],
    volumes_e9: &BTreeMap<String, i128>,
    share_bps: i128,
) -> Vec<Toothless> {
    let mut found = Vec::new();
    for spec in specs {
        let limits = profile.instrument(spec.symbol());
        let order_e9 = largest_order_e9(limits);
        let volume_e9 = volumes_e9.get(spec.symbol()).copied();
        let most = volume_e9.map(|volume| volume.saturating_mul(share_bps) / 10_000);
        if most.is_none_or(|most| order_e9 > most) {
            found.push(Toothless { symbol: spec.symbol().to_owned(), order_e9, volume_e9 });
        }
    }
    found
}

/// The largest order, in billionths of a unit, that `limits` of an instrument let pass by its
/// quantity and by its share of `day_volume` (C06).
#[must_use]
pub fn largest_order_e9(limits: &LimitSet) -> i128 {
    let volume = limits.get(Key::DayVolume).hard;
    let of_day = volume.saturating_mul(limits.get(Key::OrderAdvBps).hard) / 10_000;
    limits.get(Key::OrderQty).hard.min(of_day).max(0)
}

/// What a change of limits does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing.
    None,
    /// Every limit is at least as tight as before: one person may do it.
    Tightens,
    /// Some limit is wider: it takes two.
    Loosens,
}

/// What going from `before` to `after` does. A window, a volume or a median that a limit is
/// measured with is neither tighter nor wider by itself: changing one counts as loosening.
#[must_use]
pub fn change(holder: Holder, before: &LimitSet, after: &LimitSet) -> Change {
    let rows = KEYS.iter().filter(|row| row.holder == holder);
    rows.fold(Change::None, |so_far, row| {
        let (before, after) = (before.get(row.key), after.get(row.key));
        let is_measure = matches!(
            row.key,
            Key::DriftWindow
                | Key::DuplicateWindow
                | Key::DayVolume
                | Key::StressBps
                | Key::RatioWindow
                | Key::EntriesWindow
                | Key::LossWindow
                | Key::FillsWindow
                | Key::RefusalsWindow
        );
        let this = if before == after {
            Change::None
        } else if is_measure || after.hard > before.hard || after.soft > before.soft {
            Change::Loosens
        } else {
            Change::Tightens
        };
        so_far.max(this)
    })
}

/// The persons that a change needs: none, one, or two distinct ones.
#[must_use]
pub fn is_approved(change: Change, persons: &[u64]) -> bool {
    let distinct = |needed: usize| {
        let mut known: Vec<u64> = persons.iter().copied().filter(|&id| id != 0).collect();
        known.sort_unstable();
        known.dedup();
        known.len() >= needed
    };
    match change {
        Change::None => true,
        Change::Tightens => distinct(1),
        Change::Loosens => distinct(2),
    }
}
