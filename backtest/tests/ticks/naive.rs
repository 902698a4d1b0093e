//! The venue as `docs/FILLS.md` describes it, as slowly and plainly as it can be written: prices
//! as they are, lists searched from the front, every sum taken anew. What `SimVenue` is held to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use qt_backtest::venue::VenueConfig;
use qt_engine::book::naive::{NaiveBook, NaiveOrderBook};
use qt_engine::{Command, NewOrder};
use qt_types::{OrderId, OrderKind, Price, RejectReason, Replace, Report, ReportKind, Side};

use crate::script::Said;

/// Where an order stands at its price.
#[derive(Clone, Debug)]
pub enum Place {
    /// Nowhere: it does not rest.
    None,
    /// By price: lots ahead, and lots traded there since the level was told.
    Behind { ahead: f64, traded: f64 },
    /// By order: the venue's orders that were there before it.
    After(BTreeSet<u64>),
}

#[derive(Clone, Debug)]
pub struct Naive {
    pub new: NewOrder,
    pub qty: i64,
    /// As its owner asked for.
    pub asked: i64,
    pub filled: i64,
    pub kind: OrderKind,
    pub place: Place,
    /// A protective order whose entry has not been filled.
    pub is_asleep: bool,
    pub is_released: bool,
    /// Trailing stops: the best price since it listens.
    pub best: Option<i64>,
    pub is_over: bool,
}

/// The book, by price or by order.
pub enum NaiveMarket {
    Levels(NaiveBook),
    Orders(NaiveOrderBook),
}

pub struct NaiveVenue {
    pub config: VenueConfig,
    pub market: NaiveMarket,
    pub orders: Vec<Naive>,
    commands: VecDeque<(i64, Command)>,
    /// What our own fills took of what is displayed.
    pub taken: BTreeMap<(u8, i64), i64>,
    pub last_trade: Option<i64>,
    pub has_tops: bool,
    pub position: i64,
    pub said: Vec<Said>,
    order_ns: i64,
    report_ns: i64,
}

/// Whether a buyer would rather have `a` than `b`, and a seller the other way round.
pub fn is_better_for(side: Side, a: i64, b: i64) -> bool {
    if side == Side::Buy { a < b } else { a > b }
}

impl Naive {
    pub fn leaves(&self) -> i64 {
        self.qty - self.filled
    }

    pub fn limit(&self) -> Option<i64> {
        match self.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { limit: price, .. } => {
                Some(price.ticks())
            }
            _ => None,
        }
    }

    /// Whether it may trade at `price`.
    pub fn accepts(&self, price: i64) -> bool {
        self.limit().is_none_or(|limit| !is_better_for(self.new.side, limit, price))
    }

    pub fn rests(&self) -> bool {
        !self.is_over && !matches!(self.place, Place::None)
    }

    pub fn waits(&self) -> bool {
        let triggered_types =
            self.kind.is_stop() || matches!(self.kind, OrderKind::TakeProfit { .. });
        triggered_types && !self.is_released && !self.is_asleep && !self.is_over
    }

    /// Whether a price releases it.
    pub fn is_released_by(&self, seen: i64) -> bool {
        let rose = self.new.side == Side::Buy;
        let against = |level: i64| if rose { seen >= level } else { seen <= level };
        match self.kind {
            OrderKind::Stop { trigger } | OrderKind::StopLimit { trigger, .. } => {
                against(trigger.ticks())
            }
            OrderKind::TakeProfit { trigger } => {
                if rose {
                    seen <= trigger.ticks()
                } else {
                    seen >= trigger.ticks()
                }
            }
            OrderKind::TrailingStop { distance } => {
                let Some(best) = self.best else { return false };
                let ticks = match distance {
                    qt_types::Distance::Ticks(ticks) => ticks,
                    qt_types::Distance::Bps(bps) => {
                        let scaled = i128::from(best) * i128::from(bps);
                        (qt_types::round_half_even(scaled, 10_000) as i64).max(1)
                    }
                };
                against(if rose { best + ticks } else { best - ticks })
            }
            _ => false,
        }
    }

    pub fn follow(&mut self, seen: i64) {
        if matches!(self.kind, OrderKind::TrailingStop { .. }) {
            let better = |best: i64| {
                if self.new.side == Side::Buy { best.min(seen) } else { best.max(seen) }
            };
            self.best = Some(self.best.map_or(seen, better));
        }
    }
}

impl NaiveVenue {
    pub fn new(config: VenueConfig, market: NaiveMarket, order_ns: i64, report_ns: i64) -> Self {
        Self {
            config,
            market,
            orders: Vec::new(),
            commands: VecDeque::new(),
            taken: BTreeMap::new(),
            last_trade: None,
            has_tops: false,
            position: 0,
            said: Vec::new(),
            order_ns,
            report_ns,
        }
    }

    pub fn submit(&mut self, command: &Command, now_ns: i64) {
        self.commands.push_back((now_ns + self.order_ns, *command));
    }

    /// Commands that arrive before `until_ns`.
    pub fn arrive_before(&mut self, until_ns: i64) {
        while let Some(&(now_ns, command)) = self.commands.front()
            && now_ns < until_ns
        {
            self.commands.pop_front();
            match command {
                Command::New(new) => self.take_in(new, now_ns),
                Command::Replace(change) => self.replace(&change.replace, now_ns),
                Command::Cancel(end) => match self.find(end.cancel.order) {
                    Some(at) => self.end(at, RejectReason::Requested, now_ns),
                    None => self.refuse(end.cancel.order, RejectReason::UnknownOrder, now_ns),
                },
                #[allow(unreachable_patterns, reason = "kinds that no case sends")]
                _ => {}
            }
            self.wake_limits(now_ns);
        }
    }

    /// An order comes with all that hang on it in the same message; those that wait for another
    /// one sleep.
    fn take_in(&mut self, new: NewOrder, now_ns: i64) {
        let mut message = vec![new];
        loop {
            let news = self.commands.iter().take_while(|c| matches!(c.1, Command::New(_)));
            let names = |id: OrderId| !id.is_none() && message.iter().any(|m| m.order == id);
            let found = news.enumerate().find_map(|(at, (_, command))| match command {
                Command::New(next) if names(next.parent) || names(next.oco) => Some((at, *next)),
                _ => None,
            });
            let Some((at, next)) = found else { break };
            self.commands.remove(at);
            message.push(next);
        }
        let first = self.orders.len();
        for new in message {
            let refused = if !new.parent.is_none() && self.find(new.parent).is_none() {
                Some(RejectReason::ParentEnded)
            } else if !new.oco.is_none() && !new.is_protective() && self.find(new.oco).is_none() {
                Some(RejectReason::OcoFilled)
            } else {
                None
            };
            if let Some(reason) = refused {
                self.say(Report::plain(new.order, ReportKind::Rejected, reason), now_ns);
                continue;
            }
            if let Some(partner) = self.find(new.oco) {
                self.orders[partner].new.oco = new.order;
            }
            self.say(Report::plain(new.order, ReportKind::Accepted, RejectReason::None), now_ns);
            self.orders.push(Naive {
                qty: new.qty.lots(),
                asked: new.qty.lots(),
                filled: 0,
                kind: new.kind,
                place: Place::None,
                is_asleep: !new.parent.is_none(),
                is_released: false,
                best: None,
                is_over: false,
                new,
            });
        }
        for at in first..self.orders.len() {
            self.come(at, now_ns);
        }
    }

    fn replace(&mut self, change: &Replace, now_ns: i64) {
        let Some(at) = self.find(change.order) else {
            return self.refuse(change.order, RejectReason::UnknownOrder, now_ns);
        };
        let order = &mut self.orders[at];
        let same = std::mem::discriminant(&order.kind) == std::mem::discriminant(&change.kind);
        let lots = change.qty.lots();
        if !same || lots <= order.filled || order.is_released {
            return self.refuse(change.order, RejectReason::InvalidReplace, now_ns);
        }
        let keeps_place = order.kind == change.kind && lots <= order.qty;
        (order.kind, order.qty, order.asked) = (change.kind, lots, lots);
        if !keeps_place {
            order.place = Place::None;
        }
        self.say_change(at, RejectReason::None, now_ns);
        if !keeps_place {
            self.come(at, now_ns);
        }
    }

    /// How an order stands after a change.
    pub fn say_change(&mut self, at: usize, reason: RejectReason, now_ns: i64) {
        let order = &self.orders[at];
        let mut report = Report::plain(order.new.order, ReportKind::Replaced, reason);
        report.qty = qt_types::Qty::from_lots(order.qty);
        report.leaves = qt_types::Qty::from_lots(order.leaves());
        report.price = match order.kind {
            OrderKind::Limit { price } | OrderKind::StopLimit { limit: price, .. } => price,
            OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => trigger,
            _ => Price::ZERO,
        };
        self.say(report, now_ns);
    }

    pub fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|order| order.new.order == id && !order.is_over)
    }

    pub fn say(&mut self, report: Report, now_ns: i64) {
        self.said.push(Said::of(&report, now_ns, now_ns + self.report_ns));
    }

    fn refuse(&mut self, order: OrderId, reason: RejectReason, now_ns: i64) {
        self.say(Report::plain(order, ReportKind::RequestRejected, reason), now_ns);
    }

    pub fn end(&mut self, at: usize, reason: RejectReason, now_ns: i64) {
        self.orders[at].is_over = true;
        let (id, qty) = (self.orders[at].new.order, self.orders[at].filled);
        let qty = qt_types::Qty::from_lots(qty);
        self.say(Report { qty, ..Report::plain(id, ReportKind::Cancelled, reason) }, now_ns);
        for leg in 0..self.orders.len() {
            let order = &self.orders[leg];
            if order.new.parent == id && order.is_asleep && !order.is_over {
                self.end(leg, RejectReason::ParentEnded, now_ns);
            }
        }
    }
}
