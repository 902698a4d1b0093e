//! Trailing stops.

use qt_types::{Bracket, Distance};

use crate::harness::Case;
use crate::script::{BUY, SELL, market, trailing};

#[test]
fn a_trailing_stop_moves_on_completed_bars_only() {
    // Placed at the close 100 with distance 5: trigger 95. Bar 1 rises to 110 and falls to 96:
    // within the bar the trigger is still 95. From bar 2 on it is 105, and bar 2 falls to 104.
    let bars = [[100, 101, 99, 100], [100, 110, 96, 108], [108, 109, 104, 106], [106; 4]];
    let long = Case::new(&bars).at(0, market(BUY, 10));
    let out = long.clone().at(0, trailing(SELL, 10, Distance::Ticks(5))).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 105, 10)]);
    // 10 x (108 - 100) = 80, then 10 x (105 - 100) = 50.
    assert_eq!(out.equity(), [10_000, 10_080, 10_050, 10_050]);
}

#[test]
fn a_gap_through_a_trailing_stop_fills_at_the_open() {
    let bars = [[100, 101, 99, 100], [100, 110, 96, 108], [103, 109, 102, 106], [106; 4]];
    let long = Case::new(&bars).at(0, market(BUY, 10));
    let out = long.at(0, trailing(SELL, 10, Distance::Ticks(5))).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (2, SELL, 103, 10)]);
}

#[test]
fn a_trailing_stop_never_goes_back() {
    // Highs 110, 107, 108: the trigger stays at 105; bar 4 falls through it.
    let bars = [
        [100, 101, 99, 100],
        [100, 110, 96, 108],
        [108, 108, 106, 107],
        [107, 108, 106, 106],
        [106, 106, 103, 104],
        [104; 4],
    ];
    let out =
        Case::new(&bars).at(0, market(BUY, 10)).at(0, trailing(SELL, 10, Distance::Ticks(5))).run();
    assert_eq!(out.fills(), [(1, BUY, 100, 10), (4, SELL, 105, 10)]);
}

#[test]
fn a_distance_in_basis_points_is_rounded_half_even() {
    // 500 bps of 110 are 5.5 ticks: to the even 6, trigger 104. Bar 2 falls to 105: not hit;
    // bar 3 to 104: hit.
    let bars =
        [[100, 101, 99, 100], [100, 110, 97, 108], [108, 109, 105, 106], [106, 107, 104, 105]];
    let case =
        |bps| Case::new(&bars).at(0, market(BUY, 10)).at(0, trailing(SELL, 10, Distance::Bps(bps)));
    assert_eq!(case(500).run().fills(), [(1, BUY, 100, 10), (3, SELL, 104, 10)]);
    // 409 bps of 110 are 4.499: 4, trigger 106. Bar 2 falls through it.
    assert_eq!(case(409).run().fills()[1], (2, SELL, 106, 10));
    // 410 bps of 110 are 4.51: 5, trigger 105.
    assert_eq!(case(410).run().fills()[1], (2, SELL, 105, 10));
}

#[test]
fn a_buying_trailing_stop_mirrors_it() {
    // Placed at 100, distance 5: trigger 105. Bar 1 falls to 90 and rises to 104: trigger 105
    // within the bar, 95 from bar 2 on, which rises to 96.
    let bars = [[100, 101, 99, 100], [100, 104, 90, 92], [92, 96, 91, 94], [94; 4]];
    let short = Case::new(&bars).margin(2).at(0, market(SELL, 10));
    let out = short.clone().at(0, trailing(BUY, 10, Distance::Ticks(5))).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 95, 10)]);
    // 500 bps of 90 are 4.5: to the even 4, trigger 94.
    let out = short.at(0, trailing(BUY, 10, Distance::Bps(500))).run();
    assert_eq!(out.fills(), [(1, SELL, 100, 10), (2, BUY, 94, 10)]);
}

#[test]
fn the_trailing_stop_of_a_bracket_starts_from_the_price_paid() {
    // Decided at 100, filled at the open of 110; 1000 bps: trigger 110 - 11 = 99, not 90. Bar 1
    // falls to 100 and closes at 120 (its high): the trigger in bar 2 is 120 - 12 = 108.
    let bars = [[100, 101, 99, 100], [110, 120, 100, 120], [120, 121, 107, 115], [115; 4]];
    let bracket = Bracket { trail_bps: Some(1_000), ..Bracket::default() };
    let out = Case::new(&bars).at(0, market(BUY, 10).bracket(bracket)).run();
    assert_eq!(out.fills(), [(1, BUY, 110, 10), (2, SELL, 108, 10)]);
    let bars = [[100, 101, 99, 100], [110, 120, 98, 120], [120; 4]];
    let out = Case::new(&bars).at(0, market(BUY, 10).bracket(bracket)).run();
    assert_eq!(out.fills(), [(1, BUY, 110, 10), (1, SELL, 99, 10)]);
}

#[test]
fn an_entry_inside_a_bar_lets_its_trailing_stop_follow_only_the_close() {
    // A limit at 98 fills in bar 1, whose high of 130 may have come before it. The trailing
    // stop (1000 bps: 10 of 98) may follow the close 104: 104 - 10 = 94, not 130 - 13 = 117.
    let bars = [[100, 101, 99, 100], [100, 130, 97, 104], [104, 105, 95, 100], [100, 101, 93, 99]];
    let bracket = Bracket { trail_bps: Some(1_000), ..Bracket::default() };
    let entry = crate::script::limit(BUY, 10, 98).bracket(bracket);
    let out = Case::new(&bars).at(0, entry).run();
    // Bar 2 has a high of 105: 105 - 10 (10.5 to the even 10) = 95: hit in bar 3 at 95.
    assert_eq!(out.fills(), [(1, BUY, 98, 10), (3, SELL, 95, 10)]);
}
