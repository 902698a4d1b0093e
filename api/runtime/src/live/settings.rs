//! How a driver goes about a venue.

use qt_types::VenueId;

/// A millisecond and a second in nanoseconds.
const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;

/// What happens to open orders when the link is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnLoss {
    /// All that could open a position are cancelled: at once as far as we are concerned, at the
    /// venue as soon as anything reaches it.
    #[default]
    Cancel,
    /// They stay. Nothing that makes a position larger is approved meanwhile.
    Keep,
}

/// What the account may hold when a run begins in a new journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Opening {
    /// Nothing.
    #[default]
    Flat,
    /// Anything: what is found there at the first comparison is not the run's.
    AsFound,
}

/// How long a driver waits for what, and what it does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The venue's index in the run.
    pub venue: VenueId,
    /// What happens to open orders when the link is lost.
    pub on_loss: OnLoss,
    /// Whether they are cancelled when the run is stopped.
    pub cancels_at_stop: bool,
    /// A command that was not answered for so long is asked about (ns).
    pub answer_ns: i64,
    /// An order or a change that the gateway's thread comes to so long after it was handed over is
    /// not sent (ns).
    pub late_ns: i64,
    /// What reaches the venue so long after it was handed over is surely refused there: if the
    /// venue does not know an order by then, it never had it (ns). The venue's own window, which
    /// counts from then, with the way there and back, and the error of both clocks.
    pub absence_ns: i64,
    /// A link that was silent for so long is lost: twice the time between two signs of life (ns).
    pub silence_ns: i64,
    /// A question that was not answered for so long is asked again (ns).
    pub question_ns: i64,
    /// An attempt to connect takes no longer (ns).
    pub connect_ns: i64,
    /// The first pause before the next attempt to connect; it doubles up to the longest (ns).
    pub retry_ns: i64,
    /// The longest one (ns).
    pub retry_max_ns: i64,
    /// Everything is compared with the venue so often while nothing is wrong (ns).
    pub compare_ns: i64,
    /// How much further back than to the last moment at which both were in step the venue is asked
    /// for executions (ns).
    pub history_ns: i64,
    /// So many comparisons in a row must find something wrong until it is a break: what is under
    /// way while they are made looks wrong once.
    pub attempts: u32,
    /// So many comparisons in a row that find anything wrong, each something else, are a break as
    /// well.
    pub attempts_max: u32,
    /// The pause between them, and the first one after a question that was refused, which doubles
    /// up to `retry_max_ns` (ns).
    pub attempt_ns: i64,
    /// The clocks of the machine and of the venue may be off by so much (ns).
    pub clock_ns: i64,
    /// Whether the time of the run follows the wall clock where that is further away than
    /// `clock_ns`, instead of saying that it is: for a venue that is in the same process, and has
    /// no other clock.
    pub follows_wall: bool,
    /// What the account may hold at the beginning.
    pub opening: Opening,
    /// Whether there may be orders in the account that are not ours. What those that were seen
    /// may have executed is no break.
    pub accepts_foreign: bool,
    /// So many items of each ring are taken in one turn.
    pub batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            venue: VenueId(0),
            on_loss: OnLoss::Cancel,
            cancels_at_stop: true,
            answer_ns: SECOND,
            late_ns: SECOND,
            absence_ns: 6 * SECOND,
            silence_ns: 2 * SECOND,
            question_ns: 2 * SECOND,
            connect_ns: 5 * SECOND,
            retry_ns: 250 * MILLI,
            retry_max_ns: 30 * SECOND,
            compare_ns: 5 * SECOND,
            history_ns: 60 * SECOND,
            attempts: 4,
            attempts_max: 16,
            attempt_ns: 250 * MILLI,
            clock_ns: 500 * MILLI,
            follows_wall: false,
            opening: Opening::Flat,
            accepts_foreign: false,
            batch: 256,
        }
    }
}
