//! The simulated venue behind the port of a gateway.

use std::collections::VecDeque;

use qt_backtest::venue::SimVenue;
use qt_engine::{
    Answer, Bounded, Command, Delivery, Gateway, GatewayEvent, LedgerError, Question, Sink, Venue,
};
use qt_types::{Event, Nanos, Payload, Qty, Side, Tick, TickFlags, TickKind, Trade};

use super::records::Records;

/// Reports that are taken from the venue at once.
const BATCH: usize = 64;

/// A simulated venue that is fed with what its driver hears of the market. A command arrives there
/// after the order latency, behind all that the market did until then, and before what it does
/// later; so the same market data and commands with the same times give the same reports, whenever
/// the gateway is looked at in between.
#[derive(Debug)]
pub struct SimGateway {
    pub(super) venue: SimVenue,
    pub(super) records: Records,
    /// What is on its way to us, and when it reaches us (UTC ns).
    coming: VecDeque<(Nanos, GatewayEvent)>,
    is_up: bool,
    /// Whether what the venue says goes nowhere, since it was said before.
    is_repeating: bool,
    /// The way there and back (ns).
    round_trip_ns: i64,
    buffer: Bounded<Delivery>,
    pub(super) row: u32,
    fault: Option<LedgerError>,
}

impl SimGateway {
    /// A gateway to `venue`, without a link. Answers to questions take `round_trip_ns`.
    #[must_use]
    pub fn new(venue: SimVenue, round_trip_ns: i64) -> Self {
        Self {
            venue,
            records: Records::default(),
            coming: VecDeque::new(),
            is_up: false,
            is_repeating: false,
            round_trip_ns,
            buffer: Bounded::new(BATCH),
            row: 0,
            fault: None,
        }
    }

    /// From now on, or not any more, the past is made again: what the venue says was said before,
    /// or is found by asking.
    pub fn set_repeating(&mut self, is_repeating: bool) {
        self.is_repeating = is_repeating;
    }

    /// What the venue's books found wrong with themselves: then nothing it says can be trusted.
    #[must_use]
    pub const fn fault(&self) -> Option<LedgerError> {
        self.fault
    }

    /// The venue.
    #[must_use]
    pub const fn venue(&self) -> &SimVenue {
        &self.venue
    }

    /// The market as the driver has heard it, with the time at which it did.
    pub fn market(&mut self, event: &Event) {
        let tick = match &event.payload {
            Payload::Tick(tick) => *tick,
            Payload::Trade(trade) => tick_of(trade),
            _ => return,
        };
        let recv_ns = event.recv_ns;
        self.advance(recv_ns);
        self.row = self.row.wrapping_add(1);
        // It happens there when we hear of it: nothing else is in the journal.
        let tick = Tick { venue_ns: recv_ns.get(), ..tick };
        let row = self.row;
        let played = self.venue.on_tick(event.instrument, &tick, || row);
        self.note(played);
        self.collect();
    }

    /// Commands that arrive before `now_ns` (UTC) do.
    fn advance(&mut self, now_ns: Nanos) {
        while let Some(due_ns) = self.venue.next_command_ns()
            && due_ns < now_ns.get()
        {
            let applied = self.venue.apply_commands(due_ns);
            self.note(applied);
            if self.fault.is_some() {
                return;
            }
        }
        self.collect();
    }

    fn note(&mut self, done: Result<(), LedgerError>) {
        if let Err(fault) = done {
            self.fault.get_or_insert(fault);
        }
    }

    /// Writes down what the venue has said, and sends it on its way.
    fn collect(&mut self) {
        self.venue.take_rested().for_each(drop);
        while self.venue.next_ns().is_some() {
            self.venue.poll(Nanos::MAX, &mut self.buffer);
            for delivery in self.buffer.as_slice() {
                self.records.told(delivery);
                if self.is_up && !self.is_repeating {
                    self.coming.push_back((delivery.recv_ns, GatewayEvent::Report(*delivery)));
                }
            }
            self.buffer.clear();
        }
    }

    /// A command that leaves, or left, at `now_ns` (UTC).
    pub fn send(&mut self, command: &Command, now_ns: Nanos) {
        self.records.sent(command);
        self.venue.submit(command, now_ns);
        self.collect();
    }

    fn say(&mut self, at_ns: Nanos, event: GatewayEvent) {
        self.coming.push_back((at_ns, event));
    }

    fn answer(&self, question: Question) -> (Vec<Answer>, Nanos) {
        let mut parts = Vec::new();
        match question {
            Question::Order { order, .. } => {
                parts.extend(self.records.order(order).map(Answer::Order));
                parts.extend(self.records.executions_of(order).map(Answer::Execution));
            }
            Question::Open => parts.extend(self.records.open().map(Answer::Order)),
            Question::Executions { since_ns } => {
                parts.extend(self.records.executions_since(since_ns).map(Answer::Execution));
            }
            Question::Positions => {
                let ledger = self.venue.ledger();
                let held = ledger.held().iter().map(|&it| (it, ledger.position(it).qty()));
                let held = held.filter(|(_, lots)| *lots != Qty::ZERO);
                parts.extend(held.map(|(it, lots)| Answer::Position(it, lots)));
            }
        }
        (parts, self.records.reaches_ns())
    }
}

impl Gateway for SimGateway {
    fn connect(&mut self, now_ns: Nanos) {
        self.is_up = true;
        self.say(now_ns, GatewayEvent::Connected);
    }

    fn disconnect(&mut self, _now_ns: Nanos) {
        self.is_up = false;
        self.coming.clear();
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, _now_ns: Nanos) {
        self.send(command, handed_ns);
    }

    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        self.advance(now_ns);
        let at_ns = now_ns.saturating_add_ns(self.round_trip_ns);
        let (parts, reaches_ns) = self.answer(question);
        for part in parts.into_iter().chain([Answer::End { reaches_ns }]) {
            self.say(at_ns, GatewayEvent::Answer(number, part));
        }
    }

    fn poll(&mut self, now_ns: Nanos, out: &mut Bounded<GatewayEvent>) {
        self.advance(now_ns);
        while let Some((at_ns, event)) = self.coming.front() {
            if *at_ns > now_ns || !out.push(*event) {
                break;
            }
            self.coming.pop_front();
        }
    }

    fn next_ns(&self) -> Option<Nanos> {
        let command_ns = self.venue.next_command_ns().map(|ns| Nanos::new(ns.saturating_add(1)));
        let coming_ns = self.coming.front().map(|(at_ns, _)| *at_ns);
        command_ns.into_iter().chain(coming_ns).min()
    }
}

/// A trade as the venue plays it; the caller knows its instrument and times.
#[must_use]
pub fn tick_of(trade: &Trade) -> Tick {
    let flags = match trade.aggressor {
        Some(Side::Buy) => TickFlags::NONE,
        Some(Side::Sell) => TickFlags::ASK,
        None => TickFlags::NO_AGGRESSOR,
    };
    Tick {
        venue_ns: 0,
        price: trade.price.ticks(),
        qty: trade.qty.lots(),
        latency_ns: 0,
        instrument: 0,
        kind: TickKind::Trade as u8,
        flags: flags.bits(),
    }
}
