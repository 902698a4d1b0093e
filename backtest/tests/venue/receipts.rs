//! Trades that were recorded with two times: they happen at the venue at one of them, and are
//! known at the other.

use std::cell::RefCell;

use qt_engine::{Context, OrderUpdate, Strategy};
use qt_types::{Bar, Place, ReportKind, Trade};

use crate::harness::Case;
use crate::outcome::Outcome;
use crate::script::{BUY, Log, SELL, limit, market};

/// Two bars and their trades, each received so many ns after it happened.
fn case(delays: [i64; 6]) -> Case {
    let bars = [[100, 101, 99, 100], [104, 108, 97, 98], [98, 98, 98, 98]];
    let mut case = Case::new(&bars).prints(&[
        (10, 100, 5),
        (60, 99, 5),
        (90, 100, 5),
        (110, 104, 5),
        (150, 97, 5),
        (190, 98, 5),
    ]);
    for (print, delay) in case.prints.iter_mut().zip(delays) {
        print.recv_ns = print.venue_ns + delay;
    }
    case
}

fn bars_known(out: &Outcome) -> Vec<i64> {
    out.log.bars.iter().map(|(ns, ..)| ns.get()).collect()
}

#[test]
fn a_bar_is_known_with_the_last_of_its_trades() {
    // The trade at 90 is received at 120, that at 190 at 195.
    let out = case([0, 0, 30, 20, 0, 5]).at(0, market(BUY, 5)).run();
    assert_eq!(bars_known(&out), [120, 200, 300]);
    // Decided at 120: the trade at 110 is over, that at 150 is the first to be met.
    assert_eq!((out.fills(), out.fill_times()), (vec![(4, BUY, 97, 5)], vec![150]));
}

#[test]
fn the_feed_latency_comes_on_top() {
    let late = case([0, 0, 30, 20, 0, 5]).with(|config| config.feed_latency_ns = 31);
    let out = late.at(0, market(BUY, 5)).run();
    assert_eq!(bars_known(&out)[..2], [151, 231]);
    assert_eq!(out.fill_times(), [190]);
}

/// Writes down when it is told of what, and places an order at the first trade.
#[derive(Default)]
struct Listener {
    place: Option<Place>,
    /// Time (ns), what, and its last price.
    told: Vec<(i64, &'static str, i64)>,
}

impl Strategy for Listener {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.told.push((ctx.now_ns().get(), "bar", bar.close.ticks()));
    }

    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        self.told.push((ctx.now_ns().get(), "trade", trade.price.ticks()));
        self.place.take().into_iter().for_each(|place| ctx.place(place));
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        if update.report.kind == ReportKind::Filled {
            self.told.push((ctx.now_ns().get(), "fill", update.report.price.ticks()));
        }
    }

    fn warmup(&self) -> usize {
        0
    }
}

fn listen(case: &Case, place: Option<Place>) -> (Outcome, Vec<(i64, &'static str, i64)>) {
    let told = RefCell::new(Vec::new());
    let out = case.run_strategy(Listener { place, ..Listener::default() }, |listener| {
        told.borrow_mut().clone_from(&listener.told);
        Log::default()
    });
    (out, told.into_inner())
}

#[test]
fn trades_are_told_when_they_were_received_and_before_their_bar() {
    let (_, told) = listen(&case([0, 0, 30, 20, 0, 5]), None);
    let want = [
        (10, "trade", 100),
        (60, "trade", 99),
        (120, "trade", 100),
        (120, "bar", 100),
        (130, "trade", 104),
        (150, "trade", 97),
        (195, "trade", 98),
        (200, "bar", 98),
        (300, "bar", 98),
    ];
    assert_eq!(told, want);
}

#[test]
fn fills_happen_at_the_time_of_the_venue() {
    // The trade through the limit happens at 60 and is received at 95: the order is filled at 60,
    // and the report of it does not wait for the trade.
    let (out, told) = listen(&case([0, 35, 35, 0, 0, 0]), Some(limit(BUY, 5, 100)));
    assert_eq!((out.fills(), out.fill_times()), (vec![(1, BUY, 100, 5)], vec![60]));
    let want = [(10, "trade", 100), (60, "fill", 100), (95, "trade", 99), (125, "trade", 100)];
    assert_eq!(told[..4], want);
}

#[test]
fn recorded_times_without_delay_change_nothing() {
    let plain = case([0; 6]).at(0, market(BUY, 5)).at(1, market(SELL, 5));
    let mut silent = plain.clone();
    silent.prints.iter_mut().for_each(|print| print.recv_ns = i64::MIN);
    let (plain, silent) = (plain.run(), silent.run());
    assert_eq!((plain.hash, plain.fills()), (silent.hash, silent.fills()));
}
