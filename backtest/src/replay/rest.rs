//! The replay of one file while our side rests.

use qt_engine::{Gate, Halt, Strategy};
use qt_types::{Head, Nanos, VenueId};

use super::reel::Reel;
use super::{ReplayError, Replayed};
use crate::desk::Desk;
use crate::venue::SimVenue;

/// Records that are played at the venue without a look at anything else.
const STRETCH: usize = 128;

/// Stretches that the venue's side is ahead of ours at most: what it touched is still in the
/// cache.
const STRETCHES_MAX: usize = 8;

/// Reports that may be under way when the venue's side goes on.
const REPORTS_MAX: usize = 64;

/// A time in which nothing that we are told makes us ask for anything. So nothing that we do can
/// reach the venue, and its side is played to the end of that time at once, and ours after it:
/// no record of either has to wait for the other side.
pub(super) struct Rest {
    /// The end of that time, at our side (UTC ns).
    pub(super) until_ns: i64,
    /// No command takes less time than this.
    pub(super) order_ns: i64,
    /// Records before this time (UTC ns) are for warming up.
    pub(super) from_ns: i64,
}

impl Rest {
    /// Plays it, or as much of it as the sides may be apart. `false` where that is nothing.
    pub(super) fn play<R: Replayed, S: Strategy, G: Gate>(
        &self,
        at_venue: &mut Reel<'_, R>,
        at_ours: &mut Reel<'_, R>,
        desk: &mut Desk<S, G>,
    ) -> Result<bool, ReplayError> {
        let answered_ns = self.until_ns.saturating_add(self.order_ns);
        let played_ns = play_venue(at_venue, answered_ns, &mut desk.venue)?;
        let until_ns = self.until_ns.min(played_ns.saturating_sub(self.order_ns));
        if at_ours.recv_ns() > until_ns && desk.venue.next_report_ns() > until_ns {
            return Ok(false);
        }
        let before = (desk.sent, desk.pipeline.next_timer_ns());
        self.tell_ours(at_ours, until_ns, desk)?;
        let after = (desk.sent, desk.pipeline.next_timer_ns());
        if before != after || !desk.outbox.is_empty() {
            return Err(Halt::NotAtRest.into());
        }
        Ok(true)
    }

    /// Tells us of records and reports until `until_ns`; of one time the reports come first.
    #[inline(never)]
    fn tell_ours<R: Replayed, S: Strategy, G: Gate>(
        &self,
        reel: &mut Reel<'_, R>,
        until_ns: i64,
        desk: &mut Desk<S, G>,
    ) -> Result<(), ReplayError> {
        loop {
            let report_ns = desk.venue.next_report_ns();
            let stop_ns = until_ns.min(report_ns.saturating_sub(1));
            loop {
                reel.tell_span(stop_ns, self.from_ns, desk)?;
                let Some(recv_ns) = reel.recv_by(stop_ns) else { break };
                reel.tell(recv_ns, self.from_ns, desk)?;
                reel.advance()?;
            }
            if report_ns > until_ns {
                return Ok(());
            }
            desk.take_reports(report_ns)?;
        }
    }
}

/// Plays what happens at the venue until `until_ns`: records, and commands that are under way; a
/// record comes before a command of the same time. Returns until when it has played all there is.
fn play_venue<R: Replayed>(
    reel: &mut Reel<'_, R>,
    until_ns: i64,
    venue: &mut SimVenue,
) -> Result<i64, ReplayError> {
    let mut stretches = STRETCHES_MAX;
    loop {
        let command_ns = venue.next_command_ns().unwrap_or(i64::MAX);
        let stop_ns = until_ns.min(command_ns);
        while play_stretch(reel, stop_ns, venue)? {
            stretches -= 1;
            if stretches == 0 || venue.reports_under_way() > REPORTS_MAX {
                return Ok(reel.venue_ns().saturating_sub(1));
            }
        }
        if command_ns > until_ns || command_ns == i64::MAX {
            return Ok(until_ns);
        }
        venue.apply_commands(command_ns)?;
    }
}

/// Plays a few records at the venue, until `stop_ns`; whether there are more until then.
#[inline(never)]
fn play_stretch<R: Replayed>(
    reel: &mut Reel<'_, R>,
    stop_ns: i64,
    venue: &mut SimVenue,
) -> Result<bool, ReplayError> {
    let mut left = STRETCH;
    while left > 0 {
        let Some(record) = reel.head() else { return Ok(false) };
        if record.venue_ns() > stop_ns {
            return Ok(false);
        }
        left -= reel.play_span(left, stop_ns, venue)?;
    }
    Ok(true)
}

impl<R: Replayed> Reel<'_, R> {
    /// Plays at the venue the records that come next until `stop_ns`, which the first one is
    /// within, at most `most`. Returns how many it played.
    #[inline(always)]
    fn play_span(
        &mut self,
        most: usize,
        stop_ns: i64,
        venue: &mut SimVenue,
    ) -> Result<usize, ReplayError> {
        let (from, to) = self.span(most);
        let mut at = from;
        while at < to {
            let Some(record) = self.at(at).filter(|record| record.venue_ns() <= stop_ns) else {
                break;
            };
            if let Some(instrument) = self.instrument(&record) {
                let of = record.instrument();
                if record.level_or_trade(of).is_some() {
                    let ticks = self.ticks(of, (at, to)).map(|(_, tick)| tick);
                    let due = ticks.take_while(move |tick| tick.venue_ns <= stop_ns);
                    let again = |more: usize| {
                        let (_, tick) = self.tick_at(of, at.wrapping_add(more), to)?;
                        (tick.venue_ns <= stop_ns).then_some(tick)
                    };
                    let row = |more: usize| self.row_at(at.wrapping_add(more));
                    let count = venue.take_alone(instrument, due, (again, row));
                    if count > 0 {
                        at = at.wrapping_add(count);
                        continue;
                    }
                }
                record.play(venue, instrument, || self.row_at(at))?;
            }
            at = at.wrapping_add(1);
        }
        if at == from {
            return self.play_one(venue);
        }
        let count = at.wrapping_sub(from);
        self.advance_by(count)?;
        Ok(count)
    }

    /// Plays the next record at the venue, wherever it comes from.
    #[cold]
    fn play_one(&mut self, venue: &mut SimVenue) -> Result<usize, ReplayError> {
        if let Some(record) = self.head()
            && let Some(instrument) = self.instrument(&record)
        {
            record.play(venue, instrument, || self.row())?;
        }
        self.advance()?;
        Ok(1)
    }

    /// Tells us of the changes of a book and the trades of one instrument that come next until
    /// `stop_ns`.
    #[inline(always)]
    fn tell_span<S: Strategy, G: Gate>(
        &mut self,
        stop_ns: i64,
        from_ns: i64,
        desk: &mut Desk<S, G>,
    ) -> Result<(), ReplayError> {
        let (from, to) = self.whole_span();
        let Some(first) = self.at(from) else { return Ok(()) };
        let Some(instrument) = self.instrument(&first) else { return Ok(()) };
        let (of, mut at) = (first.instrument(), from);
        let Desk { pipeline, sequencer, outbox, .. } = desk;
        loop {
            let ticks = self.ticks(of, (at, to));
            let again = |more: usize| self.tick_at(of, at.wrapping_add(more), to);
            let (count, now_ns) = pipeline.take_changes(instrument, stop_ns, ticks, again);
            if count > 0 {
                sequencer.pass(count, now_ns);
                at = at.wrapping_add(count);
            }
            let Some(record) = (at < to).then(|| self.at(at)).flatten() else { break };
            let (venue_ns, recv_ns) = (record.venue_ns(), self.known_ns(&record));
            if record.instrument() != of || recv_ns > stop_ns {
                break;
            }
            if let Some(tick) = record.change() {
                let (seq, recv_ns) = sequencer.next(Nanos::new(recv_ns));
                let head = Head { seq, recv_ns, instrument, venue: VenueId(0) };
                pipeline.step_change(head, tick, outbox);
            } else if let Some(trade) = record.trade(venue_ns < from_ns, || self.row_at(at)) {
                let (seq, recv_ns) = sequencer.next(Nanos::new(recv_ns));
                let head = Head { seq, recv_ns, instrument, venue: VenueId(0) };
                pipeline.step_trade(head, Nanos::new(venue_ns), &trade, outbox);
            } else {
                break;
            }
            at = at.wrapping_add(1);
        }
        match at.wrapping_sub(from) {
            0 => Ok(()),
            count => Ok(self.advance_by(count)?),
        }
    }
}
