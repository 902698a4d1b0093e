//! Random streams and orders, made from random words: a word is one happening, so that a failing
//! case shrinks to few of them.

use qt_backtest::venue::{Fees, LatencyModel, QueueModel, SelfTrade, VenueConfig};
use qt_types::{
    Bracket, Distance, OrderKind, OrderTick, OrderTickKind, Place, Side, Tick, TickFlags, TickKind,
    TimeInForce,
};

use crate::harness::{order_tick, tick, venue_config};
use crate::rig::Happening;
use crate::script::{BUY, SELL, Step, at, place, price};

/// The bytes of a word, read one after the other.
pub struct Word(u64);

impl Word {
    pub const fn new(word: u64) -> Self {
        Self(word)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> i64 {
        let number = (self.0 % bound) as i64;
        self.0 /= bound;
        number
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { BUY } else { SELL }
    }
}

/// A venue of every kind.
pub fn config(word: u64) -> VenueConfig {
    let mut word = Word::new(word);
    let models = [
        QueueModel::RiskAverse,
        QueueModel::ProbPower { n: 3 },
        QueueModel::ProbPower { n: 1 },
        QueueModel::ProbLog,
        QueueModel::Front,
    ];
    let modes = [SelfTrade::ExpireTaker, SelfTrade::ExpireMaker, SelfTrade::ExpireBoth];
    VenueConfig {
        queue_model: models[word.below(5) as usize],
        self_trade: modes[word.below(3) as usize],
        no_impact: word.below(4) == 0,
        whole_fills: word.below(4) == 0,
        order_latency: LatencyModel::constant(word.below(3) * 2),
        response_latency: LatencyModel::constant(word.below(3) * 2),
        fees: Fees { maker_e9: -100_000, taker_e9: 500_000 },
        ..venue_config()
    }
}

/// A level near the middle: bids from 95 to 101, asks from 99 to 105.
fn near(word: &mut Word, side: Side) -> i64 {
    (if side == BUY { 95 } else { 99 }) + word.below(7)
}

/// A record by price at `ns`; `tops` for a feed of best prices.
pub fn record(word: &mut Word, ns: i64, tops: bool) -> Tick {
    let (kind, side) = (word.below(16), word.side());
    let level = if tops { TickKind::Top } else { TickKind::Level };
    let mut told = match kind {
        0..5 => tick(ns, TickKind::Trade, side, 96 + word.below(9), 1 + word.below(12)),
        5 => tick(ns, TickKind::Clear, side, 0, 0),
        6 => tick(ns, TickKind::Top, side, near(word, side), 1 + word.below(8)),
        _ => tick(ns, level, side, near(word, side), word.below(9)),
    };
    let bits = |flag: TickFlags| flag.bits();
    match word.below(8) {
        0 => told.flags &= !bits(TickFlags::LAST),
        1 if kind < 5 => told.flags |= bits(TickFlags::NO_AGGRESSOR),
        2 if kind >= 5 => told.flags |= bits(TickFlags::SNAPSHOT),
        _ => {}
    }
    told
}

/// A record by order at `ns`.
pub fn order_record(word: &mut Word, ns: i64) -> OrderTick {
    let (kind, side) = (word.below(16), word.side());
    let kind = match kind {
        0..6 => OrderTickKind::Add,
        6..10 => OrderTickKind::Execute,
        10 => OrderTickKind::Reduce,
        11 => OrderTickKind::Delete,
        12 | 13 => OrderTickKind::Modify,
        14 => OrderTickKind::Trade,
        _ => OrderTickKind::Clear,
    };
    let about = (1 + word.below(10) as u64, near(word, side), 1 + word.below(7));
    let mut told = order_tick(ns, kind, side, about);
    if word.below(8) == 0 {
        told.flags &= !TickFlags::LAST.bits();
    }
    told
}

/// A step of ours: an order or a change, sometimes two or three orders that hang together.
pub fn step(word: &mut Word) -> Step {
    let together = word.below(8);
    let first = single(word);
    let Step::Place(one) = first else { return first };
    let mut next = || match single(word) {
        Step::Place(place) => place,
        _ => place(one.side, 3, at(100)),
    };
    match together {
        0 => Step::Pair(one, next()),
        1 => Step::Chain(one, next(), next()),
        _ => first,
    }
}

fn single(word: &mut Word) -> Step {
    let (what, side) = (word.below(20), word.side());
    let (lots, near, far) = (1 + word.below(8), 95 + word.below(11), 95 + word.below(11));
    let kind = match what {
        16 | 17 => return Step::Cancel(1 + word.below(6) as u64),
        18 => return Step::Replace(1 + word.below(6) as u64, at(near), lots),
        19 => {
            let kind = OrderKind::Stop { trigger: price(near) };
            return Step::Replace(1 + word.below(6) as u64, kind, lots);
        }
        0 | 1 => OrderKind::Market,
        2 => OrderKind::Stop { trigger: price(near) },
        3 => OrderKind::StopLimit { trigger: price(near), limit: price(far) },
        4 => OrderKind::TakeProfit { trigger: price(near) },
        5 => OrderKind::TrailingStop { distance: Distance::Ticks(1 + word.below(4)) },
        _ => at(near),
    };
    let order = place(side, lots, kind);
    Step::Place(match word.below(16) {
        0 => order.tif(TimeInForce::Ioc),
        1 => order.tif(TimeInForce::Fok),
        2 | 3 if matches!(kind, OrderKind::Limit { .. }) => order.post_only(),
        4 => order.reduce_only(),
        5..8 => bracketed(order, word),
        _ => order,
    })
}

/// With a stop or a trailing stop and a target around the entry.
fn bracketed(order: Place, word: &mut Word) -> Place {
    let entry = match order.kind {
        OrderKind::Limit { price } | OrderKind::StopLimit { trigger: price, .. } => price.ticks(),
        OrderKind::Stop { trigger } => trigger.ticks(),
        _ => 100,
    };
    let sign = order.side.sign();
    let stop = price(entry - sign * (1 + word.below(3)));
    let target = price(entry + sign * (1 + word.below(3)));
    order.bracket(match word.below(4) {
        0 => Bracket { stop: Some(stop), target: Some(target), trail_bps: None },
        1 => Bracket { stop: Some(stop), target: None, trail_bps: None },
        2 => Bracket { stop: None, target: Some(target), trail_bps: None },
        _ => Bracket { stop: None, target: Some(target), trail_bps: Some(200) },
    })
}

/// What the streams consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    Levels,
    Tops,
    Orders,
}

/// The happenings that `words` stand for, a third of them ours.
pub fn happenings(words: &[u64], feed: Feed) -> (Vec<Happening>, Vec<Step>) {
    let (mut now_ns, mut steps) = (0, Vec::new());
    let one = |&word: &u64| {
        let mut word = Word::new(word);
        now_ns += word.below(4);
        if word.below(3) == 0 {
            steps.push(step(&mut word));
            return Happening::Step(now_ns);
        }
        match feed {
            Feed::Orders => Happening::Order(order_record(&mut word, now_ns)),
            _ => Happening::Tick(record(&mut word, now_ns, feed == Feed::Tops)),
        }
    };
    let happenings = words.iter().map(one).collect();
    (happenings, steps)
}
