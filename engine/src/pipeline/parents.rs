//! Parent orders in the pipeline: they see what happens after the strategy has, and their
//! children go the way of every order.

use qt_types::{Cancel, Event, Intent, Nanos, OrderId, ParentId, Payload, Price, StrategyId};

use super::Pipeline;
use crate::algo::Ask;
use crate::oms::Pending;
use crate::outbox::Outbox;
use crate::port::{Context, Exposure, Gate, OrderUpdate, Strategy};

/// How often one event may make one parent act.
const ROUNDS_MAX: usize = 4;

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// A report may be about a child.
    pub(super) fn child_reported(&mut self, update: &OrderUpdate<'_>, now_ns: Nanos) {
        if update.order.works_for.is_none() && self.parents.is_empty() {
            return;
        }
        for booked in self.execution.booked.as_slice() {
            let child = self.execution.orders.find(booked.order);
            if let Some(id) = child.map(|order| order.works_for).filter(|id| !id.is_none())
                && let Some(parent) = self.parents.find(id)
            {
                parent.on_booked(booked);
            }
        }
        let child = update.order;
        match self.parents.find(child.works_for) {
            Some(parent) => parent.on_child(child, update.report, now_ns),
            // What the venue opens again after the end of its parent has nobody to work for.
            None if !child.works_for.is_none()
                && !child.is_ended()
                && child.pending() != Pending::Cancel =>
            {
                self.begin_turn(child.strategy);
                self.intents.push(Intent::Cancel(Cancel { order: child.id }));
            }
            None => {}
        }
    }

    /// Lets parent orders see the event and act.
    #[inline(never)]
    pub(super) fn run_parents(&mut self, event: &Event, out: &mut Outbox) {
        self.note_volume(event);
        let now_ns = event.recv_ns;
        self.take_asks(now_ns);
        for at in 0..self.parents.len() {
            for _ in 0..ROUNDS_MAX {
                if !self.run_parent(at, now_ns, out) {
                    break;
                }
            }
        }
        self.tell_parents(event, out);
    }

    /// What the market traded counts for the parents of its instrument.
    fn note_volume(&mut self, event: &Event) {
        let (price, lots) = match &event.payload {
            Payload::Trade(trade) => (trade.price, trade.qty.lots()),
            Payload::Order(tick) if tick.is_trade() => (Price::from_ticks(tick.price), tick.qty),
            Payload::Bar(bar) => (bar.close, bar.volume.lots()),
            _ => return,
        };
        for at in 0..self.parents.len() {
            if let Some(parent) = self.parents.at(at)
                && parent.report.asked.instrument == event.instrument
            {
                parent.on_trade(price, lots);
            }
        }
    }

    /// Begins, changes and ends parent orders as the strategy asked.
    fn take_asks(&mut self, now_ns: Nanos) {
        let mut at = 0;
        while let Some(ask) = self.asks.get(at) {
            at += 1;
            match ask {
                Ask::Execute(id, strategy, asked) => {
                    self.parents.next_id = id.0.saturating_add(1);
                    self.parents.begin((id, strategy), asked, &exposure!(self), now_ns);
                    if self.execution.ledger.strategies() > 0 {
                        self.risk.gate.asks_for(strategy);
                    }
                    self.risk.gate.watch_parent(id, Some(asked.qty));
                }
                Ask::Amend(id, qty) => {
                    if let Some(parent) = self.parents.find(id) {
                        parent.amend(qty);
                    }
                }
                Ask::Cancel(id) => {
                    if let Some(parent) = self.parents.find(id) {
                        parent.cancel();
                    }
                }
            }
        }
        self.asks.clear();
    }

    /// Lets the parent at `at` act once; whether it may have more to do.
    fn run_parent(&mut self, at: usize, now_ns: Nanos, out: &mut Outbox) -> bool {
        let exposure = exposure!(self);
        let Some(parent) = self.parents.at(at) else { return false };
        let (id, before) = (parent.report.id, parent.report.asked.qty);
        let strategy = parent.report.strategy;
        parent.check(exposure.orders);
        let intent = parent.work(&exposure, now_ns);
        if exposure.book(parent.report.asked.instrument).is_none() {
            // Between bars there is nothing that a child could meet.
            parent.wake_ns = Nanos::MAX;
        }
        let (qty, is_over) = (parent.report.asked.qty, parent.is_over());
        if (qty != before || is_over) && !parent.is_told {
            self.risk.gate.watch_parent(id, (!is_over).then_some(qty));
        }
        let Some(intent) = intent else { return false };
        let denials = out.denials.len();
        self.intents.clear();
        self.begin_turn(strategy);
        self.intents.push(intent);
        self.risk.gate.works_for(id);
        self.decide(out);
        self.risk.gate.works_for(ParentId::NONE);
        let is_denied = out.denials.len() > denials;
        let order = self.made.first().copied().unwrap_or(OrderId::NONE);
        if let Some(child) = self.execution.orders.get_mut(order) {
            child.works_for = id;
        }
        let Some(parent) = self.parents.at(at) else { return false };
        if is_denied {
            parent.on_denied(now_ns);
        }
        parent.on_decided(&intent, order, now_ns);
        parent.check(&self.execution.orders);
        // Once more, so that it knows when to look at the clock.
        true
    }

    /// What is asked for from now on is of `strategy`, where there are several.
    fn begin_turn(&mut self, strategy: StrategyId) {
        if self.execution.ledger.strategies() > 0 {
            self.intents.begin_turn(Some(strategy));
        }
    }

    /// Tells the strategy of parent orders that have ended.
    fn tell_parents(&mut self, event: &Event, out: &mut Outbox) {
        for at in 0..self.parents.len() {
            let Some(parent) = self.parents.at(at) else { break };
            if !parent.is_over() || parent.is_told {
                continue;
            }
            parent.is_told = true;
            let report = parent.report;
            let mut context = context!(self, event, true);
            self.strategy.on_parent(&report, &mut context);
        }
        self.parents.forget();
        if !self.intents.is_empty() {
            self.decide(out);
        }
    }
}
