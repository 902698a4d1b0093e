//! The stretches of a replay in which neither side has news for the other: almost all of it.

use qt_engine::{Gate, Strategy, Venue};
use qt_types::Nanos;

use super::{EVENTS_PER_LOOK, Replay, ReplayError, Replayed, event};
use crate::desk::Desk;

impl<R: Replayed, S: Strategy, G: Gate> Replay<'_, R, S, G> {
    /// Plays record after record, the venue's side ahead of ours by the order latency, until
    /// there is more to look at than the two records that come next: a report, a command, a
    /// timer, a sample, another file. The general loop goes on from there, and could at any
    /// point: what this does, it does in the same order.
    #[inline(never)]
    pub(super) fn play_quiet(&mut self) -> Result<(), ReplayError> {
        let ([at_venue], [at_ours]) = (self.at_venue.as_mut_slice(), self.at_ours.as_mut_slice())
        else {
            return Ok(());
        };
        let (from_ns, to_ns) = (self.config.from_ns, self.config.to_ns);
        let (latency_ns, order_ns) = (self.config.feed_latency_ns, self.order_ns);
        let desk = &mut self.desk;
        // Only what is sent below changes when a command arrives next.
        let command_ns = desk.venue.next_command_ns().unwrap_or(i64::MAX);
        for _ in 0..EVENTS_PER_LOOK {
            let Some(record) = at_ours.head() else { break };
            let venue_ns = record.venue_ns();
            let recv_ns = at_ours.known_ns(&record).saturating_add(latency_ns);
            // What we do on hearing of it is at the venue then, and not before.
            let until_ns = recv_ns.saturating_add(order_ns);
            let timer_ns = desk.pipeline.next_timer_ns().map_or(i64::MAX, Nanos::get);
            if recv_ns > self.next_sample_ns.min(timer_ns)
                || until_ns >= command_ns.min(to_ns)
                || venue_ns >= to_ns
            {
                break;
            }
            while let Some(next) = at_venue.head()
                && next.venue_ns() <= until_ns
                && desk.hears_nothing_until(recv_ns)
            {
                if let Some(instrument) = at_venue.instrument(&next) {
                    next.play(&mut desk.venue, instrument, at_venue.row())?;
                }
                at_venue.advance()?;
            }
            // What comes first, or may be answered before what else happened at the venue.
            if !desk.hears_nothing_until(recv_ns) {
                break;
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
            if !desk.outbox.commands.is_empty() || !desk.outbox.denials.is_empty() {
                return Ok(desk.flush(Nanos::new(recv_ns))?);
            }
        }
        Ok(())
    }
}

impl<S: Strategy, G: Gate> Desk<S, G> {
    /// Whether no report is under way that reaches us by `ns` (UTC).
    #[inline(always)]
    fn hears_nothing_until(&self, ns: i64) -> bool {
        self.venue.next_ns().is_none_or(|report_ns| report_ns.get() > ns)
    }
}
