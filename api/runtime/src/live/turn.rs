//! One turn of a driver: every input in its fixed place, a bounded number of items of each.

use qt_engine::{Delivery, Gate, GatewayEvent, Halt, Strategy};
use qt_types::{
    ControlKind, Event, KillState, Nanos, Payload, RejectReason, Report, ReportKind, Seq, Target,
};

use super::blotter::Stand;
use super::booked::is_of_account;
use super::clock::Reading;
use super::driver::Driver;
use super::feed::FeedReader;
use super::link::Phase;
use super::reconcile::Step;

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// Takes in what there is, in this order: what we have to say ourselves, the venue, market
    /// data, decisions, timers; then looks after the link and what was not answered. `reading` is
    /// the time of all of it. Returns how many items there were.
    ///
    /// # Errors
    /// When the run must stop.
    pub fn turn(&mut self, reading: Reading) -> Result<usize, Halt> {
        self.look(reading);
        self.take_all()
    }

    /// A turn at `at_ns` (UTC), between the turn before and the last look: for an owner whose venue
    /// answers by the same clock, so that what was due meanwhile comes at its time.
    ///
    /// # Errors
    /// When the run must stop.
    pub fn turn_at(&mut self, at_ns: Nanos) -> Result<usize, Halt> {
        self.watch.put_at(at_ns.max(self.sequencer.now_ns()));
        self.take_all()
    }

    fn take_all(&mut self) -> Result<usize, Halt> {
        let mut taken = self.take_own()?;
        taken += self.take_venue()?;
        if self.takes_inputs() {
            taken += self.take_feeds()?;
            taken += self.take_decisions()?;
            taken += self.take_timers()?;
        }
        self.look_after_link()?;
        self.repeat_due_cancels();
        self.look_after_lines()?;
        self.compare()?;
        self.look_at_clocks()?;
        self.sound_alarms()?;
        Ok(taken)
    }

    /// The time is that of `reading` from now on; nothing is taken in.
    pub fn look(&mut self, reading: Reading) {
        if self.settings.follows_wall {
            self.watch.follow(reading, self.settings.clock_ns);
        } else {
            self.watch.look(reading);
        }
    }

    /// Whether market data, decisions and timers are taken.
    const fn takes_inputs(&self) -> bool {
        self.link.has_begun && !self.link.is_stopping
    }

    fn take_venue(&mut self) -> Result<usize, Halt> {
        let mut taken = 0;
        while taken < self.settings.batch
            && let Some(event) = self.port.next_event()
        {
            taken += 1;
            match event {
                GatewayEvent::Connected => self.connected()?,
                GatewayEvent::Disconnected => self.lost()?,
                // Late news of a link that was given up.
                _ if !self.link.is_up() => {}
                GatewayEvent::Heard { venue_ns, at_ns } => {
                    self.heard();
                    if let Some(venue_ns) = venue_ns {
                        self.heard_time(venue_ns, at_ns);
                    }
                }
                GatewayEvent::Report(delivery) if is_of_account(&delivery.report) => {
                    self.heard();
                    self.figures.reports += 1;
                    self.hear_of_account(&delivery)?;
                }
                GatewayEvent::Report(delivery) => {
                    self.heard();
                    self.figures.reports += 1;
                    let report = delivery.report;
                    let payload = Payload::Report(report);
                    let event = self.event(delivery.instrument, payload, delivery.venue_ns);
                    self.feed(event)?;
                    self.hear_report(&report);
                }
                GatewayEvent::Answer(number, answer) => {
                    self.heard();
                    self.answered(number, answer);
                }
            }
        }
        Ok(taken)
    }

    /// The venue has booked something without an order.
    fn hear_of_account(&mut self, delivery: &Delivery) -> Result<(), Halt> {
        // Whatever comes of it: what it did to the position is held against ours.
        self.link.compare_ns = self.watch.now_ns();
        if !self.books(delivery) {
            return Ok(());
        }
        self.figures.of_account += 1;
        let payload = Payload::Report(delivery.report);
        let event = self.event(delivery.instrument, payload, delivery.venue_ns);
        self.feed(event)
    }

    /// What a report means for what is to be asked.
    fn hear_report(&mut self, report: &Report) {
        if report.order.is_none() {
            return;
        }
        let now_ns = self.watch.now_ns();
        let Some(line) = self.blotter.line_mut(report.order) else {
            // Nobody of ours: what it did to the position is found by comparing.
            self.figures.foreign += 1;
            self.link.compare_ns = now_ns;
            return;
        };
        if !line.is_unanswered() {
            line.ask_ns = Nanos::MAX;
        }
        let is_strange = report.kind == ReportKind::RequestRejected
            && report.reason == RejectReason::UnknownOrder;
        let is_strange = is_strange || line.is_strange();
        if line.is_open() && (is_strange || report.kind == ReportKind::Busted) {
            line.ask_ns = now_ns;
        }
    }

    fn take_feeds(&mut self) -> Result<usize, Halt> {
        let mut taken = 0;
        for at in 0..self.feeds.len() {
            for _ in 0..self.settings.batch {
                let Some(event) = self.feeds.get_mut(at).and_then(FeedReader::pop) else {
                    break;
                };
                let recv_ns = self.watch.now_ns();
                // What the feed made up itself has no time of the venue.
                let venue_ns = if event.venue_ns == Nanos::MIN { recv_ns } else { event.venue_ns };
                self.feed(Event { recv_ns, venue_ns, ..event })?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    fn take_decisions(&mut self) -> Result<usize, Halt> {
        let mut taken = 0;
        loop {
            let last = Seq::new(self.sequencer.count());
            let decided = self.witness.next_decision(last).filter(|_| taken < self.settings.batch);
            let Some(decided) = decided else { break };
            self.feed_now(qt_types::InstrumentId::default(), Payload::Control(decided.control))?;
            taken += 1;
        }
        let (last, now_ns) = (Seq::new(self.sequencer.count()), self.sequencer.now_ns());
        self.witness.glance(last, now_ns, &self.pipeline.exposure(), &self.pipeline);
        Ok(taken)
    }

    fn take_timers(&mut self) -> Result<usize, Halt> {
        if !self.pipeline.may_wake() {
            return Ok(0);
        }
        let now_ns = self.watch.now_ns();
        // One that is set for now by the one before comes with the next turn.
        let due = self.pipeline.due_timers(now_ns).min(self.settings.batch);
        for _ in 0..due {
            if let Some(timer) = self.pipeline.take_timer(now_ns) {
                self.feed_now(qt_types::InstrumentId::default(), Payload::Timer(timer))?;
            }
        }
        Ok(due)
    }

    /// Orders of which nobody has said anything for too long are unknown, and are asked about.
    /// While nothing is wrong everything is compared now and then.
    fn look_after_lines(&mut self) -> Result<(), Halt> {
        if self.link.phase != Phase::Ready || self.reconciler.step != Step::Idle {
            return Ok(());
        }
        let now_ns = self.watch.now_ns();
        let is_due = self.blotter.open().any(|line| line.ask_ns <= now_ns);
        if is_due {
            let due = self.lines_where(|line| line.ask_ns <= now_ns);
            for &order in &due {
                let line = self.blotter.line(order);
                let line = line.filter(|it| it.stand == Stand::Sent || it.replace.is_some());
                if line.is_some() {
                    self.note_unknown(order)?;
                }
            }
            self.look_up(&due);
            let next_ns = now_ns.saturating_add_ns(self.settings.answer_ns);
            for &order in &due {
                if let Some(line) = self.blotter.line_mut(order) {
                    line.ask_ns = next_ns;
                }
            }
        } else if self.link.compare_ns <= now_ns && !self.link.is_stopping {
            self.compare_all();
        }
        Ok(())
    }

    /// A clock that is off by more than it may be: nothing may make a position larger until a
    /// person has looked at it.
    fn look_at_clocks(&mut self) -> Result<(), Halt> {
        if self.settings.follows_wall {
            return Ok(());
        }
        let off_ns = self.watch.offset_ns().saturating_abs();
        let off_ns = off_ns.max(self.link.offset_ns.saturating_abs());
        let is_off = off_ns > self.settings.clock_ns;
        let was_off = std::mem::replace(&mut self.alarms.clock, is_off);
        if is_off && !was_off {
            self.figures.clock_faults += 1;
            self.decide(ControlKind::Trip {
                target: Target::GLOBAL,
                state: KillState::ReduceOnly,
            })?;
        }
        Ok(())
    }

    /// A ring was full: the kill switch.
    fn sound_alarms(&mut self) -> Result<(), Halt> {
        let stalls = self.port.stalls();
        let has_stalled = std::mem::replace(&mut self.alarms.stalls, stalls) < stalls;
        if std::mem::take(&mut self.alarms.halt) | has_stalled {
            let (target, state) = (Target::GLOBAL, KillState::Halted);
            // Once is enough, until a person has armed it again.
            if !self.switch.is_halted {
                self.decide(ControlKind::Trip { target, state })?;
            }
        }
        Ok(())
    }

    /// When something is due next, if nothing comes before (UTC ns).
    #[must_use]
    pub fn next_ns(&self) -> Nanos {
        let timer = self.pipeline.next_timer_ns().filter(|_| self.takes_inputs());
        let own = if self.own.is_empty() { Nanos::MAX } else { self.watch.now_ns() };
        let of_link = self.next_of_link_ns().min(self.next_of_comparison_ns());
        own.min(of_link).min(timer.unwrap_or(Nanos::MAX))
    }

    /// Whether an input is waiting that the next turn takes.
    #[must_use]
    pub fn has_input(&self) -> bool {
        let has_feeds = || self.feeds.iter().any(|feed| !feed.is_empty());
        self.port.has_events() || (self.takes_inputs() && has_feeds())
    }

    /// Begins to end the run: market data, decisions and timers are taken no more, nothing new
    /// leaves, and orders that could open a position are cancelled where the settings say so.
    ///
    /// # Errors
    /// When the run must stop at once.
    pub fn begin_stop(&mut self) -> Result<(), Halt> {
        if self.link.is_stopping {
            return Ok(());
        }
        self.link.is_stopping = true;
        if self.settings.cancels_at_stop && self.link.has_begun {
            self.trip_venue(KillState::Halted)?;
        }
        Ok(())
    }

    /// Whether nothing is under way any more that could be waited for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.own.is_empty() && !self.blotter.open().any(super::blotter::Line::is_unanswered)
    }
}
