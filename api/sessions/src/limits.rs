//! The limits of a paper account that nobody has set any for.

use qt_risk::{Account, Allowed, Profile, ProfileName, Sizing};
use qt_types::{Cash, E9};

/// The capital of a paper account.
pub const CAPITAL: Cash = Cash::from_nano(100_000 * E9 as i128);

/// Positions may be worth twice the equity, long or short.
pub const ACCOUNT: Account = Account::Margin { leverage_e9: 2 * E9 };

/// A strategy that leaves the size open trades a twentieth of the equity.
pub const SIZING: Sizing = Sizing::Weight { weight_e9: E9 / 20 };

/// What differs from the profile `paper`: every default instrument can be bought or sold in a
/// quantity of one, and a client that trades by hand or by program is not held up.
const CHANGES: [(&str, &str, &str); 8] = [
    ("instrument", "order_notional", "100000"),
    ("instrument", "duplicates", "32"),
    ("instrument", "self_trade_allowed", "1"),
    ("instrument", "instrument_orders", "200"),
    ("instrument", "unit_multiple", "1000000000"),
    ("instrument", "reference_age_ms", "15000"),
    ("instrument", "long", "1000000"),
    ("instrument", "short", "1000000"),
];

/// The same for each level.
const OF_LEVELS: [(&str, &str); 16] = [
    ("position_share_bps", "20000"),
    ("exposure", "200000"),
    ("leverage_bps", "20000"),
    ("portfolio_risk_bps", "1000"),
    ("unexecuted", "200000"),
    ("open_orders", "400"),
    ("orders_per_s", "1000"),
    ("orders_burst", "2000"),
    ("messages_per_s", "2000"),
    ("messages_burst", "4000"),
    ("orders_per_fill", "1000000000"),
    ("entries", "20000"),
    ("fills", "20000"),
    ("refusals", "1000"),
    ("daily_loss", "10000"),
    ("daily_loss_bps", "1000"),
];

/// The limits.
pub fn profile() -> Profile {
    let mut profile = Profile::new(ProfileName::Paper);
    profile.allow(Allowed::All);
    let levels = ["strategy", "account", "tenant", "global"];
    let of_levels =
        levels.iter().flat_map(|level| OF_LEVELS.map(|(key, text)| (*level, key, text)));
    for (table, key, text) in CHANGES.into_iter().chain(of_levels) {
        // A test holds them to be right: what were wrong would stay at the tighter default.
        let _ = profile.set(table, key, text);
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_one() {
        let mut profile = Profile::new(ProfileName::Paper);
        for (table, key, text) in CHANGES {
            profile.set(table, key, text).unwrap();
        }
        for (key, text) in OF_LEVELS {
            profile.set("account", key, text).unwrap();
        }
        assert_eq!(super::profile().first_missing(), None);
    }
}
