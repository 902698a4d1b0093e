//! What goes wrong at the venue and on the way there, through the whole pipeline. The harness
//! runs every case event by event as well, and holds the venue's books to ours at the end.

use proptest::prelude::*;
use qt_backtest::venue::{
    Fault, FaultKind, Happening, InstrumentRule, LatencyModel, Planned, Session, VenueConfig,
};
use qt_types::{E9, InstrumentId, RejectReason, ReportKind, Tick, TimeInForce};

use crate::harness::{CAPITAL, Case, Outcome};
use crate::script::{BUY, SELL, Step, at, limit, market};

const SECOND: i64 = E9;

fn book() -> Case<Tick> {
    Case::book(&[(95, 10)], &[(105, 10)])
}

fn session(config: &mut VenueConfig, time_ns: i64, session: Session) {
    let what = Happening::Session(session);
    config.scene.agenda.push(Planned { time_ns, instrument: InstrumentId(0), what });
}

/// The session `kind` from 20 to 40.
fn closed(case: Case<Tick>, kind: Session) -> Case<Tick> {
    case.with(|config| {
        session(config, 20, kind);
        session(config, 40, Session::Open);
    })
}

fn fault(case: Case<Tick>, from_ns: i64, to_ns: i64, kind: FaultKind) -> Case<Tick> {
    case.with(|config| {
        config.scene.faults.push(Fault { instrument: None, from_ns, to_ns, kind });
        if let FaultKind::Disconnect { cancels, .. } = kind {
            let what = Happening::LinkLost { cancels };
            let instrument = InstrumentId(0);
            config.scene.agenda.push(Planned { time_ns: from_ns, instrument, what });
        }
    })
}

fn bust(case: Case<Tick>, time_ns: i64) -> Case<Tick> {
    case.with(|config| {
        let (instrument, what) = (InstrumentId(0), Happening::Bust);
        config.scene.agenda.push(Planned { time_ns, instrument, what });
        config.scene.has_busts = true;
    })
}

/// What was said of order `order`: what, why and when it reached us.
fn said(done: &Outcome, order: u64) -> Vec<(ReportKind, RejectReason, i64)> {
    let of_order = done.said.iter().filter(|said| said.order == order);
    of_order.map(|said| (said.kind, said.reason, said.recv_ns)).collect()
}

use ReportKind::{Accepted, Busted, Cancelled, Filled, Rejected, RequestRejected, Unknown};
const NONE: RejectReason = RejectReason::None;

#[test]
fn in_a_halt_nothing_fills_and_nothing_new_is_taken() {
    let case = closed(book(), Session::Halted).place(10, limit(BUY, 1, 100));
    let case = case.place(15, limit(BUY, 1, 99)).place(25, limit(BUY, 1, 98));
    let case = case.step(28, Step::Cancel(2)).trade(30, SELL, 97, 50).trade(50, SELL, 100, 1);
    let mut case = case;
    case.looks = vec![30, 45];
    let done = case.run();
    assert_eq!(done.fill_times(), [50], "the trade of 30 went through the price");
    assert_eq!(said(&done, 2).last(), Some(&(Cancelled, RejectReason::Requested, 28)));
    assert_eq!(said(&done, 3), [(Rejected, RejectReason::Halted, 25)]);
    let halted: Vec<bool> = done.seen.iter().map(|seen| seen.is_halted).collect();
    assert_eq!(halted, [true, false], "as in a halt that the data tells of");
}

#[test]
fn after_a_halt_orders_meet_the_market_as_it_stands() {
    let case = closed(book(), Session::Halted).place(10, limit(BUY, 1, 100));
    let done = case.level(30, SELL, 98, 5).run();
    assert_eq!((done.fills(), done.fill_times()), (vec![(1, 98, 1, false)], vec![40]));
}

#[test]
fn an_auction_collects_what_rests() {
    let case = closed(book(), Session::Auction).place(25, market(BUY, 1));
    let case =
        case.place(26, limit(BUY, 2, 105)).place(27, limit(BUY, 1, 100).tif(TimeInForce::Ioc));
    let done = case.trade(30, SELL, 90, 50).run();
    assert_eq!(said(&done, 1), [(Rejected, RejectReason::AuctionOnly, 25)]);
    assert_eq!(said(&done, 3), [(Rejected, RejectReason::AuctionOnly, 27)]);
    assert_eq!((done.fills(), done.fill_times()), (vec![(2, 105, 2, false)], vec![40]));
}

#[test]
fn orders_are_refused_by_chance_that_follows_from_the_seed() {
    let refused = |share_e9: i64, seed: u64| {
        let mut case = fault(book(), 10, 60, FaultKind::Refuse { share_e9 });
        case.venue.scene.seed = seed;
        for at in 0..40 {
            case = case.place(10 + at, limit(BUY, 1, 90));
        }
        let ends = case.run().ends();
        assert!(ends.iter().all(|end| end.1 == RejectReason::VenueRefused));
        ends.iter().map(|end| end.0).collect::<Vec<u64>>()
    };
    assert_eq!((refused(E9, 1).len(), refused(0, 1).len()), (40, 0));
    let half = refused(E9 / 2, 1);
    assert!((10..30).contains(&half.len()) && half == refused(E9 / 2, 1));
    assert_ne!(half, refused(E9 / 2, 2));
}

#[test]
fn a_throttle_counts_the_messages_of_a_second() {
    let case = fault(book(), 0, 9 * SECOND, FaultKind::Throttle { messages_max: 2 });
    let case = case.place(10, limit(BUY, 1, 90)).place(20, limit(BUY, 1, 90));
    // The second of 10 is over at 10 + 1 s; then one more is taken, and the next one is not.
    let case = case.step(30, Step::Cancel(1)).place(SECOND + 9, limit(BUY, 1, 90));
    let case = case.place(SECOND + 10, limit(BUY, 1, 90)).place(SECOND + 11, limit(BUY, 1, 90));
    let done = case.run();
    let throttled: Vec<u64> = done.ends().iter().map(|end| end.0).collect();
    assert_eq!(throttled, [1, 3, 5]);
    assert!(done.ends().iter().all(|end| end.1 == RejectReason::Throttled));
    assert_eq!(said(&done, 1).last().unwrap().0, RequestRejected);
}

/// Seven each way, and no link from 20 to 100.
fn away(is_held: bool, cancels: bool) -> Case<Tick> {
    let case = fault(book(), 20, 100, FaultKind::Disconnect { is_held, cancels });
    case.with(|config| {
        config.order_latency = LatencyModel::constant(7);
        config.response_latency = LatencyModel::constant(7);
    })
}

#[test]
fn without_a_link_nobody_knows_what_became_of_an_order() {
    let case = away(false, false).place(5, limit(BUY, 1, 100)).place(10, limit(BUY, 2, 90));
    let case = case.place(30, limit(BUY, 3, 90)).step(40, Step::Cancel(2));
    let done = case.trade(50, SELL, 100, 1).run();
    // Answered in time, filled while we could not hear it.
    assert_eq!(said(&done, 1), [(Accepted, NONE, 19), (Filled, NONE, 100)]);
    // There at 17, but the answer would have come at 24. The cancel was lost.
    let lost = RejectReason::LinkLost;
    assert_eq!(
        said(&done, 2),
        [(Unknown, lost, 20), (Accepted, NONE, 100), (RequestRejected, lost, 107)]
    );
    // Lost; the venue says so when it can be asked again.
    assert_eq!(said(&done, 3), [(Unknown, lost, 30), (Rejected, lost, 107)]);
}

#[test]
fn what_waits_for_the_link_arrives_after_it() {
    let done = away(true, false).place(30, market(BUY, 1)).level(60, SELL, 103, 5).run();
    let lost = RejectReason::LinkLost;
    assert_eq!(said(&done, 1), [(Unknown, lost, 30), (Accepted, NONE, 114), (Filled, NONE, 114)]);
    assert_eq!((done.fills()[0].1, done.fill_times()[0]), (103, 107));
}

#[test]
fn a_venue_may_end_all_orders_when_it_loses_us() {
    let case = away(false, true).place(5, limit(BUY, 1, 100)).trade(50, SELL, 100, 1);
    let done = case.run();
    let lost = RejectReason::LinkLost;
    assert_eq!(said(&done, 1), [(Accepted, NONE, 19), (Cancelled, lost, 100)]);
    assert_eq!(done.position, 0, "the trade of 50 met nothing");
}

#[test]
fn late_and_doubled_reports_are_booked_once_and_in_order() {
    let late = FaultKind::LateReports { by_ns: 30, share_e9: E9 };
    let case = fault(book(), 10, 20, late).place(12, limit(BUY, 1, 90));
    let done = case.place(25, limit(BUY, 1, 90)).run();
    assert_eq!(said(&done, 1), [(Accepted, NONE, 42)]);
    assert_eq!(said(&done, 2), [(Accepted, NONE, 42)], "nothing overtakes");
    let twice = FaultKind::RepeatReports { share_e9: E9 };
    let case = fault(book(), 10, 90, twice).place(12, limit(BUY, 3, 100));
    let done = case.trade(20, SELL, 100, 2).trade(30, SELL, 100, 1).run();
    assert_eq!((done.position, done.recorded, done.fills().len()), (3, 2, 2));
}

#[test]
fn an_execution_is_taken_back_with_its_fee() {
    let fees = |config: &mut VenueConfig| config.fees.taker_e9 = 1_000_000;
    let done = bust(book().with(fees).place(10, market(BUY, 5)), 30).run();
    let busted = RejectReason::TradeBusted;
    assert_eq!(
        said(&done, 1)[2..],
        [(Busted, busted, 30), (Cancelled, busted, 30)],
        "the order does not come back"
    );
    assert_eq!((done.position, done.cash, done.fees), (0, CAPITAL, "0".parse().unwrap()));
    // What rests goes on with what was taken from it.
    let case = book().place(10, limit(BUY, 5, 100)).trade(20, SELL, 100, 2);
    let done = bust(case, 30).trade(40, SELL, 100, 9).run();
    let fills: Vec<i64> = done.fills().iter().map(|fill| fill.2).collect();
    assert_eq!((fills, done.position), (vec![2, 5], 5));
    assert_eq!(bust(book(), 30).run().position, 0, "nothing to take back");
}

#[test]
fn the_venue_holds_orders_to_its_rules_of_the_day() {
    let old = InstrumentRule {
        tick_e9: Some(5 * E9),
        lot_e9: Some(2 * E9),
        qty_min_e9: Some(4 * E9),
        notional_min: Some("500".parse().unwrap()),
        below_e9: Some(E9 / 5),
        above_e9: Some(E9 / 10),
        ..InstrumentRule::default()
    };
    let new = InstrumentRule { from_ns: 100, tick_e9: Some(E9), ..InstrumentRule::default() };
    let ends = |ns: i64, lots: i64, ticks: i64| {
        let mut case = book().place(ns, limit(BUY, lots, ticks));
        case.venue.scene.rules = vec![vec![old, new]];
        case.level(200, BUY, 94, 1).run().ends().first().map(|end| end.1)
    };
    assert_eq!(ends(10, 6, 90), None);
    assert_eq!(ends(10, 6, 91), Some(RejectReason::TickSize));
    assert_eq!(ends(10, 7, 90), Some(RejectReason::LotSize));
    assert_eq!(ends(10, 2, 90), Some(RejectReason::LotSize));
    assert_eq!(ends(10, 4, 90), Some(RejectReason::MinNotional), "360");
    // From 80 to 110 around the middle of 100.
    assert_eq!([ends(10, 8, 75), ends(10, 8, 115)], [Some(RejectReason::PriceBand); 2]);
    assert_eq!([ends(10, 8, 80), ends(10, 8, 110)], [None; 2]);
    assert_eq!(ends(100, 1, 91), None, "new rules");
    // A change that breaks them is refused, and the order stays as it was.
    let mut case = book().place(10, limit(BUY, 6, 90)).step(20, Step::Replace(1, at(92), 6));
    case.venue.scene.rules = vec![vec![old]];
    let done = case.trade(30, SELL, 89, 6).run();
    assert_eq!(done.ends(), [(1, RejectReason::InvalidReplace)]);
    assert_eq!(done.fills(), [(1, 90, 6, true)]);
}

fn any_kind() -> impl Strategy<Value = FaultKind> {
    prop_oneof![
        (0..=E9).prop_map(|share_e9| FaultKind::Refuse { share_e9 }),
        (1_u32..4).prop_map(|messages_max| FaultKind::Throttle { messages_max }),
        any::<(bool, bool)>()
            .prop_map(|(is_held, cancels)| FaultKind::Disconnect { is_held, cancels }),
        (0_i64..40, 0..=E9)
            .prop_map(|(by_ns, share_e9)| FaultKind::LateReports { by_ns, share_e9 }),
        (0..=E9).prop_map(|share_e9| FaultKind::RepeatReports { share_e9 }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever goes wrong: event by event gives the same, and both sides' books agree.
    #[test]
    fn the_books_agree_whatever_goes_wrong(
        faults in prop::collection::vec((0_i64..200, 0_i64..80, any_kind()), 0..4),
        halts in prop::collection::vec((0_i64..200, any::<bool>()), 0..4),
        busts in prop::collection::vec(0_i64..220, 0..3),
        orders in prop::collection::vec((1_i64..200, any::<bool>(), 94_i64..107, 1_i64..4), 1..12),
        moves in prop::collection::vec((1_i64..200, any::<bool>(), 94_i64..107, 0_i64..6), 0..12),
        latency in 0_i64..20,
        seed in 0_u64..9,
    ) {
        let mut case = book().perpetual();
        for (from_ns, length_ns, kind) in faults {
            case = fault(case, from_ns, from_ns + length_ns, kind);
        }
        for (from_ns, is_auction) in halts {
            let kind = if is_auction { Session::Auction } else { Session::Halted };
            case = case.with(|config| {
                session(config, from_ns, kind);
                session(config, from_ns + 25, Session::Open);
            });
        }
        for time_ns in busts {
            case = bust(case, time_ns);
        }
        let side = |buys| if buys { BUY } else { SELL };
        for &(ns, buys, price, lots) in &orders {
            let at_market = price % 3 == 0;
            let rests = limit(side(buys), lots, price);
            case = case.place(ns, if at_market { market(side(buys), lots) } else { rests });
        }
        for number in 1..orders.len() as u64 / 2 {
            case = case.step(60 + 10 * number as i64, Step::Cancel(number));
        }
        let mut moves = moves;
        moves.sort_unstable();
        for (ns, sells, price, lots) in moves {
            case = if lots == 0 {
                case.trade(ns, side(!sells), price, 3)
            } else {
                case.level(ns, side(!sells), price, lots)
            };
        }
        case = case.with(|config| {
            config.order_latency = LatencyModel::constant(latency);
            config.response_latency = LatencyModel::constant(latency / 2);
            (config.scene.seed, config.fees.taker_e9) = (seed, 1_000_000);
            (config.initial, config.scene.margin) = (CAPITAL, Some(Default::default()));
        });
        case.run();
    }
}
