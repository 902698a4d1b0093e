//! What goes wrong between us and the venue, and at the venue: messages lost, held, refused,
//! doubled and late, executions taken back. What the market does is no fault.

use std::collections::VecDeque;

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_engine::{Command, Deal, Delivery, LedgerError};
use qt_types::{ExecId, InstrumentId, Nanos, OrderId, RejectReason, Report, ReportKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::SimVenue;
use super::agenda::{Happening, Planned};
use super::latency::Action;

/// A fault, for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Of which instrument; `None` for all.
    pub instrument: Option<InstrumentId>,
    /// From when on (UTC ns).
    pub from_ns: i64,
    /// Until when, this time no more (UTC ns).
    pub to_ns: i64,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// New orders are refused without a reason.
    Refuse {
        /// How many of them, in billionths.
        share_e9: i64,
    },
    /// The venue takes no more messages a second than this and refuses the rest.
    Throttle {
        /// How many.
        messages_max: u32,
    },
    /// There is no link to the venue: no report comes before it is back.
    Disconnect {
        /// Whether what we send waits for the link; else it is lost.
        is_held: bool,
        /// Whether the venue ends all our orders when it loses us.
        cancels: bool,
    },
    /// Reports are late, and what comes after them as well.
    LateReports {
        /// By how much, in ns.
        by_ns: i64,
        /// How many of them, in billionths.
        share_e9: i64,
    },
    /// Reports on orders come twice.
    RepeatReports {
        /// How many of them, in billionths.
        share_e9: i64,
    },
}

/// The faults of a run, at work.
#[derive(Clone, Debug)]
pub struct Faults {
    all: Vec<Fault>,
    random: ChaCha8Rng,
    /// When the messages of the last second arrived.
    arrived: VecDeque<i64>,
    /// When the last report reaches us: the next one does not before.
    last_ns: i64,
}

/// What happens to a message of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Goes,
    /// The link is away until then (UTC ns).
    Held(i64),
    Lost(i64),
}

const SECOND_NS: i64 = 1_000_000_000;

impl Stored for Faults {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(&self.random.get_word_pos());
        to.list(self.arrived.iter());
        to.put(&self.last_ns);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.random.set_word_pos(from.take()?);
        let mut arrived = Vec::new();
        from.list(&mut arrived, usize::MAX)?;
        self.arrived = arrived.into();
        self.last_ns = from.take()?;
        Ok(())
    }
}

impl Faults {
    /// `all`, with what is left to chance following from `seed`.
    #[must_use]
    pub fn new(all: Vec<Fault>, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { all, random, arrived: VecDeque::new(), last_ns: i64::MIN }
    }

    fn at(&self, instrument: InstrumentId, now_ns: i64) -> impl Iterator<Item = FaultKind> + '_ {
        let holds = move |fault: &&Fault| {
            let is_about = fault.instrument.is_none_or(|of| of == instrument);
            is_about && (fault.from_ns..fault.to_ns).contains(&now_ns)
        };
        self.all.iter().filter(holds).map(|fault| fault.kind)
    }

    fn sent(&self, now_ns: i64) -> Sent {
        for fault in &self.all {
            if let FaultKind::Disconnect { is_held, .. } = fault.kind
                && (fault.from_ns..fault.to_ns).contains(&now_ns)
            {
                return if is_held { Sent::Held(fault.to_ns) } else { Sent::Lost(fault.to_ns) };
            }
        }
        Sent::Goes
    }

    fn happens(&mut self, share_e9: i64) -> bool {
        self.random.random_range(0..1_000_000_000_i64) < share_e9
    }

    /// Why the venue does not take a message that arrives at `now_ns`, if it does not.
    fn refuses(
        &mut self,
        instrument: InstrumentId,
        is_new: bool,
        now_ns: i64,
    ) -> Option<RejectReason> {
        while self.arrived.front().is_some_and(|&then| then <= now_ns - SECOND_NS) {
            self.arrived.pop_front();
        }
        self.arrived.push_back(now_ns);
        let kinds: Vec<FaultKind> = self.at(instrument, now_ns).collect();
        for kind in kinds {
            match kind {
                FaultKind::Throttle { messages_max }
                    if self.arrived.len() > messages_max as usize =>
                {
                    // What was refused does not count against the next one.
                    self.arrived.pop_back();
                    return Some(RejectReason::Throttled);
                }
                FaultKind::Refuse { share_e9 } if is_new && self.happens(share_e9) => {
                    return Some(RejectReason::VenueRefused);
                }
                _ => {}
            }
        }
        None
    }

    /// When a report that would reach us at `recv_ns` does, and whether it does so twice.
    fn told(&mut self, instrument: InstrumentId, now_ns: i64, recv_ns: i64) -> (i64, bool) {
        let (mut recv_ns, mut is_twice) = (recv_ns, false);
        let kinds: Vec<FaultKind> = self.at(instrument, now_ns).collect();
        for kind in kinds {
            match kind {
                FaultKind::LateReports { by_ns, share_e9 } if self.happens(share_e9) => {
                    recv_ns = recv_ns.saturating_add(by_ns);
                }
                FaultKind::RepeatReports { share_e9 } => is_twice |= self.happens(share_e9),
                _ => {}
            }
        }
        recv_ns = recv_ns.max(self.last_ns);
        // One outage may end in the next one.
        while let Sent::Held(back_ns) | Sent::Lost(back_ns) = self.sent(recv_ns) {
            recv_ns = back_ns;
        }
        self.last_ns = recv_ns;
        (recv_ns, is_twice)
    }
}

impl SimVenue {
    /// Sends a command on its way while there may be no link; `true` when that was all.
    pub(super) fn send_in_trouble(&mut self, command: &Command, now_ns: i64) -> bool {
        let Some(faults) = &mut self.faults else { return false };
        let sent = faults.sent(now_ns);
        let (Sent::Held(back_ns) | Sent::Lost(back_ns)) = sent else { return false };
        let (order, instrument) = (command.order(), command.instrument());
        if matches!(command, Command::New(_)) {
            // Our side of the link cannot know what became of it.
            self.tell_locally(
                instrument,
                order,
                ReportKind::Unknown,
                RejectReason::LinkLost,
                now_ns,
            );
        }
        if let Sent::Held(_) = sent {
            let arrival_ns = self.order_latency.arrival_ns(Action::New, back_ns);
            self.put_on_way(arrival_ns, command);
            return true;
        }
        // Once the link is back the venue is asked, and never had it.
        let (kind, reason) = match command {
            Command::New(_) => (ReportKind::Rejected, RejectReason::LinkLost),
            Command::Replace(_) => (ReportKind::RequestRejected, RejectReason::InvalidReplace),
            Command::Cancel(_) => (ReportKind::RequestRejected, RejectReason::LinkLost),
        };
        let what = Happening::Asked { order, kind, reason };
        self.agenda.add(Planned { time_ns: back_ns, instrument, what });
        true
    }

    /// A report that our own side of the link makes up at `now_ns`.
    fn tell_locally(
        &mut self,
        instrument: InstrumentId,
        order: OrderId,
        kind: ReportKind,
        reason: RejectReason,
        now_ns: i64,
    ) {
        let time_ns = Nanos::new(now_ns);
        let report = Report::plain(order, kind, reason);
        let delivery = Delivery { instrument, venue_ns: time_ns, recv_ns: time_ns, report };
        let at = self.reports.partition_point(|other| other.recv_ns <= time_ns);
        self.reports.insert(at, delivery);
        self.note_next_report();
    }

    /// Refuses what arrives, where a fault says so; `true` when it did.
    pub(super) fn refuse_in_trouble(&mut self, command: &Command, now_ns: i64) -> bool {
        let Some(faults) = &mut self.faults else { return false };
        let (order, instrument) = (command.order(), command.instrument());
        let is_new = matches!(command, Command::New(_));
        let Some(reason) = faults.refuses(instrument, is_new, now_ns) else { return false };
        let report = match command {
            Command::New(_) => Report::plain(order, ReportKind::Rejected, reason),
            // The reason tells which of two requests was refused.
            Command::Replace(_) => {
                let reason = RejectReason::InvalidReplace;
                Report::plain(order, ReportKind::RequestRejected, reason)
            }
            Command::Cancel(_) => Report::plain(order, ReportKind::RequestRejected, reason),
        };
        self.send(instrument, now_ns, report);
        true
    }

    /// When a report reaches us after all, and whether it does so twice.
    pub(super) fn told_in_trouble(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
        recv_ns: i64,
    ) -> (i64, bool) {
        match &mut self.faults {
            Some(faults) => faults.told(instrument, now_ns, recv_ns),
            None => (recv_ns, false),
        }
    }

    /// The link breaks: nobody on our side knows what became of the orders that the venue has not
    /// answered yet, and the venue may end those that it has.
    pub(super) fn lose_link(&mut self, cancels: bool, now_ns: i64) {
        let mut unanswered: Vec<(InstrumentId, OrderId)> = Vec::new();
        for delivery in &self.reports {
            let is_answer =
                matches!(delivery.report.kind, ReportKind::Accepted | ReportKind::Rejected);
            if is_answer && delivery.recv_ns.get() >= now_ns {
                unanswered.push((delivery.instrument, delivery.report.order));
            }
        }
        for (_, command) in &self.commands {
            if let Command::New(new) = command {
                unanswered.push((new.instrument, new.order));
            }
        }
        for (instrument, order) in unanswered {
            let (kind, reason) = (ReportKind::Unknown, RejectReason::LinkLost);
            self.tell_locally(instrument, order, kind, reason, now_ns);
        }
        if cancels {
            for at in 0..self.orders.len() {
                if !self.orders[at].ended {
                    self.end(at, RejectReason::LinkLost, now_ns);
                }
            }
        }
    }

    /// Takes the last execution in `instrument` back: its price, quantity and fee. An order that
    /// it had filled whole does not come back.
    pub(super) fn bust(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let Some((order, exec, fill)) = self.tapes[instrument.index()].last_fill.take() else {
            return Ok(());
        };
        let undone = Deal { side: fill.side.opposite(), fee: -fill.fee, ..fill };
        self.account.book(&undone, now_ns)?;
        self.watch(instrument);
        self.counts.busts += 1;
        let report = Report::plain(order, ReportKind::Busted, RejectReason::TradeBusted);
        let Deal { price, qty, fee, fee_in, .. } = fill;
        self.send(instrument, now_ns, Report { exec, price, qty, fee, fee_in, ..report });
        match self.find(order) {
            Some(at) => self.orders[at].filled -= qty.lots(),
            None => {
                let (kind, reason) = (ReportKind::Cancelled, RejectReason::TradeBusted);
                self.send(instrument, now_ns, Report::plain(order, kind, reason));
            }
        }
        Ok(())
    }

    /// Remembers a fill that may be taken back.
    pub(super) fn remember_fill(&mut self, order: OrderId, exec: ExecId, fill: &Deal) {
        if self.config.scene.has_busts {
            self.tapes[fill.instrument.index()].last_fill = Some((order, exec, *fill));
        }
    }
}
