//! What is counted of a live run: nothing is dropped, repeated or in doubt without being counted.

use serde::Serialize;

/// The counts of a run so far, and how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VenueFigures {
    /// Commands that were handed to the gateway.
    pub sent: u64,
    /// Commands that did not leave, because the link was down or not in step. Of each the strategy
    /// was told.
    pub held_back: u64,
    /// Cancels that were sent once more, since nobody had answered them.
    pub cancels_repeated: u64,
    /// Orders that became unknown.
    pub unknown: u64,
    /// Orders that are unknown now.
    pub unknown_now: u64,
    /// Reports of the venue.
    pub reports: u64,
    /// Reports about orders that are not ours, or long forgotten.
    pub foreign: u64,
    /// Orders in the account that are not ours and are open, as of the last comparison.
    pub foreign_open: u64,
    /// How often a position had moved by what orders that are not ours may have executed.
    pub foreign_moves: u64,
    /// Bookings of the venue without an order: payments for positions, and positions that it
    /// closed by itself.
    pub of_account: u64,
    /// Reports that were missing and were found by asking.
    pub found: u64,
    /// Questions that were asked.
    pub questions: u64,
    /// Questions that were refused, or not answered in time or in full, and were asked again.
    pub questions_repeated: u64,
    /// How often everything was compared with the venue.
    pub comparisons: u64,
    /// How often that ended with something that could not be explained.
    pub breaks: u64,
    /// How often the link was lost.
    pub links_lost: u64,
    /// Of those, how often it was silent without having been closed.
    pub silences: u64,
    /// Commands for which there was no room on their way to the gateway: the kill switch.
    pub commands_full: u64,
    /// How often there was no room for reports: the kill switch.
    pub reports_full: u64,
    /// Market data that was dropped.
    pub feed_dropped: u64,
    /// How often a clock was further off than it may be: only positions may be made smaller.
    pub clock_faults: u64,
    /// How often the kill switch was pulled by the machine, for whatever reason.
    pub trips: u64,
}
