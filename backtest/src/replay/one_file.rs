//! The replay of one file between two things that only the general loop knows: samples, the end.

use qt_engine::{Gate, Strategy};
use qt_types::{Head, Nanos, VenueId};

use super::reel::Reel;
use super::rest::Rest;
use super::{EVENTS_PER_LOOK, Replay, ReplayError, Replayed, event};
use crate::desk::Desk;
use crate::venue::SimVenue;

impl<R: Replayed, S: Strategy, G: Gate> Replay<'_, R, S, G> {
    /// Plays record after record, the venue's side ahead of ours by the order latency, until a
    /// sample or the end of the data is next. The general loop goes on from there, and
    /// could at any point: what this does, it does in the same order. With one file there is no
    /// question which record is next, and no window to be opened and closed.
    #[inline(never)]
    pub(super) fn play_one_file(&mut self) -> Result<(), ReplayError> {
        let ([at_venue], [at_ours]) = (self.at_venue.as_mut_slice(), self.at_ours.as_mut_slice())
        else {
            return Ok(());
        };
        let (order_ns, from_ns) = (self.order_ns, self.config.from_ns);
        let mut bounds = Bounds::new(self.next_sample_ns, self.config.to_ns, order_ns);
        let desk = &mut self.desk;
        bounds.look(desk);
        for _ in 0..EVENTS_PER_LOOK {
            let Some(head) = at_ours.head() else { break };
            let recv_ns = at_ours.known_ns(&head);
            if bounds.rest_ns > recv_ns {
                let rest = Rest { until_ns: bounds.rest_ns, order_ns, from_ns };
                let is_done = rest.play(at_venue, at_ours, desk)?;
                bounds.look(desk);
                if is_done {
                    continue;
                }
            }
            // What reaches us next: a record, or a timer, which comes after a record of its time.
            let next_ns = recv_ns.min(bounds.timer_ns);
            // What we do on hearing of it is at the venue then, and not before.
            let until_ns = next_ns.wrapping_add(order_ns);
            let mut first_ns = until_ns;
            if until_ns.max(head.venue_ns()) >= bounds.stop_ns {
                if bounds.is_end(next_ns, until_ns.max(head.venue_ns())) {
                    break;
                }
                // A record comes before a command of the same time.
                first_ns = until_ns.min(bounds.command_ns);
            }
            if at_venue.play_to(first_ns, next_ns, &mut desk.venue)? {
                // It may be answered, or set a timer, before that.
                desk.take_reports(desk.venue.next_report_ns())?;
                bounds.look(desk);
                continue;
            }
            if bounds.command_ns <= until_ns {
                desk.venue.apply_commands(bounds.command_ns)?;
                bounds.look(desk);
                continue;
            }
            if recv_ns > bounds.timer_ns {
                desk.wake(bounds.timer_ns)?;
                bounds.look(desk);
                continue;
            }
            let is_answered = at_ours.tell(recv_ns, from_ns, desk)?;
            at_ours.advance()?;
            if is_answered {
                if !desk.outbox.is_empty() {
                    desk.flush(Nanos::new(recv_ns))?;
                }
                bounds.look(desk);
            }
        }
        Ok(())
    }
}

/// What ends the run of records, or comes between two of them (UTC ns).
#[derive(Default)]
struct Bounds {
    /// When a command reaches the venue next; the largest number for never.
    command_ns: i64,
    /// The next timer; the largest number for none.
    timer_ns: i64,
    sample_ns: i64,
    to_ns: i64,
    /// Until when our side can rest: the next sample, and the end.
    rest_max_ns: i64,
    /// Until when it rests.
    rest_ns: i64,
    /// The next sample and the end, in times at which an answer is at the venue.
    stop_max_ns: i64,
    /// The same, no later than a command.
    stop_ns: i64,
}

impl Bounds {
    /// Those that do not change between two samples; the others have to be looked up.
    fn new(sample_ns: i64, to_ns: i64, order_ns: i64) -> Self {
        let end_ns = to_ns.saturating_sub(order_ns).saturating_sub(1);
        Self {
            sample_ns,
            to_ns,
            rest_max_ns: sample_ns.min(end_ns),
            stop_max_ns: sample_ns.saturating_add(order_ns).saturating_add(1).min(to_ns),
            ..Self::default()
        }
    }

    /// Looks up anew what may have changed.
    #[inline]
    fn look<S: Strategy, G: Gate>(&mut self, desk: &Desk<S, G>) {
        self.timer_ns = desk.next_wake_ns();
        self.command_ns = desk.venue.next_command_ns().unwrap_or(i64::MAX);
        self.stop_ns = self.stop_max_ns.min(self.command_ns);
        let rests_ns = desk.pipeline.rests_until_ns().min(desk.next_signal_ns());
        self.rest_ns = rests_ns.min(self.rest_max_ns);
    }

    /// Whether a sample or the end is next: what is known at `next_ns`, and all that is done by
    /// `until_ns`, is not for this loop.
    const fn is_end(&self, next_ns: i64, until_ns: i64) -> bool {
        next_ns > self.sample_ns || until_ns >= self.to_ns
    }
}

impl<R: Replayed> Reel<'_, R> {
    /// Plays at the venue what happens there by `first_ns`, or until a report reaches us by
    /// `recv_ns`; whether one does.
    #[inline(always)]
    fn play_to(
        &mut self,
        first_ns: i64,
        recv_ns: i64,
        venue: &mut SimVenue,
    ) -> Result<bool, ReplayError> {
        let mut is_told = venue.next_report_ns() <= recv_ns;
        while !is_told && self.venue_ns() <= first_ns {
            let Some(record) = self.head() else { break };
            if let Some(instrument) = self.instrument(&record) {
                record.play(venue, instrument, || self.row())?;
            }
            self.advance()?;
            is_told = venue.next_report_ns() <= recv_ns;
        }
        Ok(is_told)
    }

    /// Tells us of the next record. Whether anybody may have answered it.
    #[inline(always)]
    pub(super) fn tell<S: Strategy, G: Gate>(
        &self,
        recv_ns: i64,
        from_ns: i64,
        desk: &mut Desk<S, G>,
    ) -> Result<bool, ReplayError> {
        let Some(record) = self.head() else { return Ok(false) };
        let Some(instrument) = self.instrument(&record) else { return Ok(false) };
        if let Some(tick) = record.change() {
            let (seq, recv_ns) = desk.sequencer.next(Nanos::new(recv_ns));
            let head = Head { seq, recv_ns, instrument, venue: VenueId(0) };
            return Ok(desk.pipeline.step_change(head, tick, &mut desk.outbox));
        }
        let venue_ns = record.venue_ns();
        if let Some(trade) = record.trade(venue_ns < from_ns, || self.row()) {
            let (seq, recv_ns) = desk.sequencer.next(Nanos::new(recv_ns));
            let head = Head { seq, recv_ns, instrument, venue: VenueId(0) };
            desk.pipeline.step_trade(head, Nanos::new(venue_ns), &trade, &mut desk.outbox);
            return Ok(true);
        }
        let payload = record.told(venue_ns < from_ns, self.row());
        desk.step(&mut event(payload, venue_ns, recv_ns, instrument))?;
        Ok(true)
    }
}
