//! The link to the venue: up, down, lost without a word, and when orders may leave.

use qt_engine::{Gate, Halt, Strategy};
use qt_types::{ControlKind, KillState, Level, Nanos, OrderId, Target};

use super::driver::Driver;
use super::port::Request;
use super::settings::OnLoss;

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is none; the next attempt comes then (UTC ns).
    Down(Nanos),
    /// It is being made, since then (UTC ns).
    Connecting(Nanos),
    /// It stands, and what happened meanwhile is being found out. Only cancels leave.
    Comparing,
    /// Orders may leave.
    Ready,
}

/// The link and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) phase: Phase,
    /// The last sign of life (UTC ns).
    heard_ns: Nanos,
    /// How far the venue's clock was ahead at the last one that told its time (ns).
    pub(super) offset_ns: i64,
    pause_ns: i64,
    /// Whether it was ever in step in this process: before that nothing is traded.
    pub(super) has_begun: bool,
    /// The last moment at which both sides were in step (UTC ns).
    pub(super) in_step_ns: Nanos,
    /// Whether the run is to end: nothing new leaves.
    pub(super) is_stopping: bool,
    /// When everything is compared next, while nothing is wrong (UTC ns).
    pub(super) compare_ns: Nanos,
    /// There was no room for a cancel: until then none is repeated (UTC ns).
    cancels_ns: Nanos,
}

/// How long a cancel or a question for which there is no room waits before the next attempt (ns).
pub(super) const FULL_NS: i64 = 1_000_000;

impl Default for Link {
    fn default() -> Self {
        Self {
            phase: Phase::Down(Nanos::MIN),
            heard_ns: Nanos::MIN,
            offset_ns: 0,
            pause_ns: 0,
            has_begun: false,
            in_step_ns: Nanos::MIN,
            is_stopping: false,
            compare_ns: Nanos::MAX,
            cancels_ns: Nanos::MIN,
        }
    }
}

impl Link {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Comparing | Phase::Ready)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }
}

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// How far the link has come.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.link.phase
    }

    /// Whether both sides were ever in step: from then on market data and decisions are taken.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.link.has_begun
    }

    /// Whether the run is to end.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.link.is_stopping
    }

    /// The venue has given a sign of life.
    pub(super) fn heard(&mut self) {
        self.link.heard_ns = self.watch.now_ns();
    }

    /// The venue's clock said `venue_ns` in what came at `at_ns` (UTC).
    pub(super) fn heard_time(&mut self, venue_ns: Nanos, at_ns: Nanos) {
        self.link.offset_ns = venue_ns.get().saturating_sub(at_ns.get());
    }

    /// The link stands: cancels that nobody has answered leave first, then the venue is asked.
    pub(super) fn connected(&mut self) -> Result<(), Halt> {
        if self.link.is_up() {
            // It was lost and made again, and nobody has said so.
            self.lost()?;
        }
        self.link.phase = Phase::Comparing;
        self.link.pause_ns = 0;
        self.heard();
        self.repeat_cancels(Nanos::MAX);
        self.compare_all();
        Ok(())
    }

    /// The link is gone. What was sent and not answered is unknown from now on.
    pub(super) fn lost(&mut self) -> Result<(), Halt> {
        let now_ns = self.watch.now_ns();
        let was_up = self.link.is_up();
        let settings = self.settings;
        let pause_ns = (self.link.pause_ns * 2).clamp(settings.retry_ns, settings.retry_max_ns);
        self.link.pause_ns = pause_ns;
        self.link.phase = Phase::Down(now_ns.saturating_add_ns(pause_ns));
        self.reconciler.stop();
        if !was_up {
            return Ok(());
        }
        self.figures.links_lost += 1;
        self.doubt_unanswered()?;
        // What was lost on the way before anybody knew is asked for, too.
        let silent_ns = now_ns.saturating_add_ns(-settings.silence_ns);
        self.link.in_step_ns = self.link.in_step_ns.min(silent_ns);
        if !self.link.has_begun {
            return Ok(());
        }
        self.hold_venue(match settings.on_loss {
            OnLoss::Cancel => KillState::Halted,
            OnLoss::Keep => KillState::ReduceOnly,
        })
    }

    /// What was sent and not answered is unknown.
    pub(super) fn doubt_unanswered(&mut self) -> Result<(), Halt> {
        for order in self.lines_where(|line| line.is_unanswered()) {
            self.note_unknown(order)?;
        }
        Ok(())
    }

    pub(super) fn lines_where(
        &self,
        which: impl Fn(&super::blotter::Line) -> bool,
    ) -> Vec<OrderId> {
        let lines = self.blotter.open().filter(|line| which(line));
        let mut orders: Vec<OrderId> = lines.map(|line| line.order).collect();
        // Places are used again: the order of the ids is that of the sending.
        orders.sort_unstable();
        orders
    }

    /// Both sides are in step: orders may leave.
    pub(super) fn in_step(&mut self) -> Result<(), Halt> {
        let now_ns = self.watch.now_ns();
        self.breaks.clear();
        self.link.compare_ns = now_ns.saturating_add_ns(self.settings.compare_ns);
        self.link.in_step_ns = now_ns;
        if self.link.is_ready() {
            return Ok(());
        }
        self.link.phase = Phase::Ready;
        self.link.has_begun = true;
        let is_held = self.switch.machine.is_some();
        if is_held && !self.switch.person && !self.link.is_stopping {
            let target = Target::new(Level::Venue, u16::from(self.settings.venue.0));
            self.decide(ControlKind::Arm { target })?;
        }
        Ok(())
    }

    /// What is due of the link itself.
    pub(super) fn look_after_link(&mut self) -> Result<(), Halt> {
        let now_ns = self.watch.now_ns();
        match self.link.phase {
            Phase::Down(next_ns) => self.connect(next_ns),
            Phase::Connecting(since_ns)
                if since_ns.saturating_add_ns(self.settings.connect_ns) <= now_ns =>
            {
                self.port.request(Request::Disconnect);
                self.lost()?;
            }
            Phase::Comparing | Phase::Ready if self.silent_ns() <= now_ns => {
                self.figures.silences += 1;
                self.port.request(Request::Disconnect);
                self.lost()?;
            }
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, due_ns: Nanos) {
        let now_ns = self.watch.now_ns();
        if due_ns <= now_ns && self.port.request(Request::Connect) {
            self.link.phase = Phase::Connecting(now_ns);
        }
    }

    /// When the link is taken to be lost if nothing more is heard (UTC ns).
    fn silent_ns(&self) -> Nanos {
        self.link.heard_ns.saturating_add_ns(self.settings.silence_ns)
    }

    /// Sends the cancels that nobody has answered in time once more: to cancel twice does no harm.
    /// They leave whenever the link is up, whatever else is wrong.
    pub(super) fn repeat_due_cancels(&mut self) {
        let now_ns = self.watch.now_ns();
        if self.link.is_up() && self.next_cancel_ns() <= now_ns {
            self.repeat_cancels(now_ns);
        }
    }

    /// Those that are due at `due_ns` (UTC).
    fn repeat_cancels(&mut self, due_ns: Nanos) {
        let now_ns = self.watch.now_ns();
        for order in self.lines_where(|line| line.cancel.is_some_and(|it| it.1 <= due_ns)) {
            let Some(line) = self.blotter.line_mut(order) else { continue };
            let Some((command, _)) = line.cancel else { continue };
            if !self.port.submit(&command, now_ns) {
                self.figures.commands_full += 1;
                self.alarms.halt = true;
                self.link.cancels_ns = now_ns.saturating_add_ns(FULL_NS);
                return;
            }
            self.figures.cancels_repeated += 1;
            line.left(&command, now_ns.saturating_add_ns(self.settings.answer_ns));
        }
    }

    /// When a cancel is due next (UTC ns).
    fn next_cancel_ns(&self) -> Nanos {
        let cancels = self.blotter.open().filter_map(|line| line.cancel);
        let due_ns = cancels.map(|(_, due_ns)| due_ns).min();
        due_ns.map_or(Nanos::MAX, |due_ns| due_ns.max(self.link.cancels_ns))
    }

    /// When something of the link is due next (UTC ns).
    pub(super) fn next_of_link_ns(&self) -> Nanos {
        match self.link.phase {
            Phase::Down(next_ns) => next_ns,
            Phase::Connecting(since_ns) => since_ns.saturating_add_ns(self.settings.connect_ns),
            Phase::Comparing | Phase::Ready => self.silent_ns().min(self.next_cancel_ns()),
        }
    }
}
