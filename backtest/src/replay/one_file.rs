//! The replay of one file between two things that only the general loop knows: timers, samples,
//! the end.

use qt_engine::{Gate, Strategy, Venue};
use qt_types::Nanos;

use super::{EVENTS_PER_LOOK, Replay, ReplayError, Replayed, event};
use crate::desk::Desk;

impl<R: Replayed, S: Strategy, G: Gate> Replay<'_, R, S, G> {
    /// Plays record after record, the venue's side ahead of ours by the order latency, until a
    /// timer, a sample or the end of the data is next. The general loop goes on from there, and
    /// could at any point: what this does, it does in the same order. With one file there is no
    /// question which record is next, and no window to be opened and closed.
    #[inline(never)]
    pub(super) fn play_one_file(&mut self) -> Result<(), ReplayError> {
        let ([at_venue], [at_ours]) = (self.at_venue.as_mut_slice(), self.at_ours.as_mut_slice())
        else {
            return Ok(());
        };
        let (from_ns, to_ns) = (self.config.from_ns, self.config.to_ns);
        let order_ns = self.order_ns;
        let desk = &mut self.desk;
        let mut command_ns = desk.next_command_ns();
        for _ in 0..EVENTS_PER_LOOK {
            let Some(record) = at_ours.head() else { break };
            let venue_ns = record.venue_ns();
            let recv_ns = at_ours.known_ns(&record);
            // What we do on hearing of it is at the venue then, and not before.
            let until_ns = recv_ns.saturating_add(order_ns);
            let timer_ns = desk.pipeline.next_timer_ns().map_or(i64::MAX, Nanos::get);
            if recv_ns > self.next_sample_ns.min(timer_ns) || until_ns.max(venue_ns) >= to_ns {
                break;
            }
            // A record comes before a command of the same time.
            let first_ns = until_ns.min(command_ns);
            while at_venue.venue_ns() <= first_ns && desk.report_by(recv_ns).is_none() {
                let Some(next) = at_venue.head() else { break };
                if let Some(instrument) = at_venue.instrument(&next) {
                    next.play(&mut desk.venue, instrument, at_venue.row())?;
                }
                at_venue.advance()?;
            }
            if let Some(report_ns) = desk.report_by(recv_ns) {
                // It may be answered, or set a timer, before the record.
                desk.take_reports(report_ns)?;
                command_ns = desk.next_command_ns();
                continue;
            }
            if command_ns <= until_ns {
                desk.venue.apply_commands(command_ns)?;
                command_ns = desk.next_command_ns();
                continue;
            }
            if let Some(instrument) = at_ours.instrument(&record) {
                if let Some(change) = record.told_change() {
                    let mut event = event(change, venue_ns, recv_ns, instrument);
                    desk.sequencer.stamp(&mut event);
                    desk.pipeline.step(&event, &mut desk.outbox)?;
                } else {
                    let told = record.told(venue_ns < from_ns, at_ours.row());
                    desk.step(&mut event(told, venue_ns, recv_ns, instrument))?;
                }
            }
            at_ours.advance()?;
            if !desk.outbox.is_empty() {
                desk.flush(Nanos::new(recv_ns))?;
                command_ns = desk.next_command_ns();
            }
        }
        Ok(())
    }
}

impl<S: Strategy, G: Gate> Desk<S, G> {
    /// When a command reaches the venue next (UTC ns); the largest number for never.
    fn next_command_ns(&self) -> i64 {
        self.venue.next_command_ns().unwrap_or(i64::MAX)
    }

    /// When the next report reaches us, if it does by `ns` (UTC).
    #[inline(always)]
    fn report_by(&self, ns: i64) -> Option<i64> {
        self.venue.next_ns().map(Nanos::get).filter(|&report_ns| report_ns <= ns)
    }
}
