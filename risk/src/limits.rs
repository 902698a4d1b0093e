//! Limits as data: a hard and a soft number per key, and a set of them for every level.

use std::collections::BTreeMap;

use qt_engine::{StateHash, stored, values};
use qt_types::{Cash, format_scaled};
use serde::{Deserialize, Serialize};

use crate::keys::{KEYS, Key};
use crate::measure::SHARE_OFF_BPS;
use crate::unit::{Holder, Unit};

/// An amount of money so large that no sum can pass it, in nano-units: 1e15 units.
pub const MONEY_OFF: i128 = 1_000_000_000_000_000_000_000_000;

/// One limit. What is observed may be equal to it: only more is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Above this an order is counted as a warning and passes. At most `hard`.
    pub soft: i128,
    /// Above this an order is denied.
    pub hard: i128,
}

impl Limit {
    /// A limit without a warning before it.
    #[must_use]
    pub const fn hard(hard: i128) -> Self {
        Self { soft: hard, hard }
    }

    /// A limit that warns above `soft`.
    #[must_use]
    pub fn with_soft(self, soft: i128) -> Self {
        Self { soft: soft.min(self.hard), hard: self.hard }
    }

    /// What stands for a limit that nobody has set: nothing passes.
    pub const MISSING: Self = Self { soft: i128::MIN, hard: i128::MIN };

    /// Whether a limit of `unit` holds nothing back, and is not measured where measuring costs: an
    /// amount of money of [`MONEY_OFF`] or more, a share of [`SHARE_OFF_BPS`] or more.
    #[must_use]
    pub const fn is_off(self, unit: Unit) -> bool {
        match unit {
            Unit::Money => self.soft >= MONEY_OFF,
            Unit::Bps => self.soft >= SHARE_OFF_BPS,
            Unit::Quantity | Unit::Count | Unit::Millis | Unit::Ticks => false,
        }
    }

    /// Whether nobody has set it.
    #[must_use]
    pub const fn is_missing(self) -> bool {
        self.hard == i128::MIN
    }
}

/// The limits of one instrument or one node; those that nobody has set deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSet {
    values: [Limit; Key::COUNT],
}

impl Default for LimitSet {
    fn default() -> Self {
        Self { values: [Limit::MISSING; Key::COUNT] }
    }
}

values!(Limit);
stored!(LimitSet {
    state: values;
});

impl LimitSet {
    /// Mixes all of them into `hash`.
    pub(crate) fn fold_into(&self, hash: &mut StateHash) {
        for limit in &self.values {
            hash.fold_i128(limit.soft);
            hash.fold_i128(limit.hard);
        }
    }

    /// The limit `key`; one that is missing denies everything.
    #[must_use]
    #[inline(always)]
    pub const fn get(&self, key: Key) -> Limit {
        self.values[key as usize]
    }

    /// Sets the limit `key`.
    pub const fn set(&mut self, key: Key, limit: Limit) {
        self.values[key as usize] = limit;
    }

    /// The same with the hard limit `key`.
    #[must_use]
    pub const fn with(mut self, key: Key, hard: i128) -> Self {
        self.set(key, Limit::hard(hard));
        self
    }

    /// The first limit of a `holder` that nobody has set.
    #[must_use]
    pub fn first_missing(&self, holder: Holder) -> Option<Key> {
        let of_holder = KEYS.iter().filter(|row| row.holder == holder);
        of_holder.map(|row| row.key).find(|&key| self.get(key).is_missing())
    }

    /// Sets what `values` names: `key = number` or `key.soft = number`, in the units of the key.
    ///
    /// # Errors
    /// A sentence that says which line is wrong, why and what is possible.
    pub fn read(
        &mut self,
        holder: Holder,
        values: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        // Hard limits first: a soft one is held against its hard one.
        for (name, text) in values.iter().filter(|(name, _)| !name.ends_with(".soft")) {
            let key = key_of(name, holder)?;
            self.set(key, Limit::hard(number_of(key, text)?));
        }
        for (name, text) in values {
            let Some(base) = name.strip_suffix(".soft") else { continue };
            let key = key_of(base, holder)?;
            let (limit, soft) = (self.get(key), number_of(key, text)?);
            if limit.is_missing() || soft > limit.hard {
                return Err(format!("{name} = {text}: above {base}, or {base} is not set"));
            }
            self.set(key, limit.with_soft(soft));
        }
        Ok(())
    }
}

/// `text` as the number that the limit `key` is kept as, in the unit of the key.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read_limit(key: Key, text: &str) -> Result<i128, String> {
    number_of(key, text)
}

fn key_of(name: &str, holder: Holder) -> Result<Key, String> {
    Key::from_name(name).filter(|key| key.row().holder == holder).ok_or_else(|| {
        let names: Vec<&str> =
            KEYS.iter().filter(|row| row.holder == holder).map(|row| row.name).collect();
        format!("'{name}' is no limit of this table; there are: {}", names.join(", "))
    })
}

/// The largest count that is kept exactly within a window.
pub const RECENT_MAX: i128 = 65_536;

/// The largest count of equal orders that is looked for.
pub const DUPLICATES_MAX: i128 = 32;

/// `text` as the number that the limit `key` is kept as.
fn number_of(key: Key, text: &str) -> Result<i128, String> {
    let row = key.row();
    let fail = |why: &str| Err(format!("{} = {text}: {why}", row.name));
    let number = match row.unit {
        Unit::Quantity | Unit::Money => match text.trim().parse::<Cash>() {
            Ok(amount) => amount.nano(),
            Err(why) => return fail(&why),
        },
        Unit::Bps | Unit::Count | Unit::Millis | Unit::Ticks => match text.trim().parse::<i64>() {
            Ok(count) => i128::from(count),
            Err(_) => return fail("not a whole number"),
        },
    };
    let most = match key {
        Key::Entries | Key::Fills | Key::Refusals => RECENT_MAX,
        Key::Duplicates => DUPLICATES_MAX,
        // A thousand years: the sum with a time stays in range.
        _ if row.unit == Unit::Millis => 1_000_000_000_000_000,
        _ => 1 << 100,
    };
    let least = match key {
        Key::OrdersPerSecond | Key::MessagesPerSecond | Key::DayVolume | Key::OrdersPerFill => 1,
        _ => 0,
    };
    if number < least || number > most {
        return fail(&format!("outside {least} to {}", text_of(row.unit, most)));
    }
    Ok(number)
}

/// A number of `unit` as text.
#[must_use]
pub fn text_of(unit: Unit, number: i128) -> String {
    match unit {
        Unit::Quantity | Unit::Money => format_scaled(number, 9),
        Unit::Bps | Unit::Count | Unit::Millis | Unit::Ticks => number.to_string(),
    }
}
