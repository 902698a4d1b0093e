//! What is wrong with a session, for a person; and what is counted of it.

use std::fmt;

use qt_types::Nanos;

use crate::machine::Closed;

/// Something that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The venue does not take the key.
    Keys(i32, String),
    /// The venue's clock and ours are too far apart, or a request was on its way for too long.
    Clock(String),
    /// The venue takes no requests before then (UTC).
    Shut(Nanos, String),
    /// The connection closed, or never came to be.
    Link(Closed),
    /// The venue ended the stream of the account.
    StreamEnded,
    /// The venue would not let us in, for another reason.
    LogOn(i32, String),
    /// Something of it cannot be read, or is no number of ticks or lots.
    Unfit(String),
    /// More was waiting to be taken than is kept.
    Overflow,
    /// Whoever runs the session does not let it begin.
    Refused(String),
    /// The account has two positions for a symbol, one bought and one sold: which of them an order
    /// is about could not be told.
    Mode,
    /// The venue wants more margin for these positions.
    Margin(String),
    /// What was done to orders is not told where the account is listened to.
    Deaf,
    /// The timers that cancel orders whose owner is gone cannot be set.
    Timers(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(code, text) => write!(
                f,
                "the venue does not take the key ({code}: {text}): check that key and secret \
                 belong together, that it may trade and read, and from which addresses it may be \
                 used"
            ),
            Self::Clock(text) => write!(
                f,
                "the venue finds the time of a request wrong ({text}): check this machine's clock, \
                 and how long the way to the venue takes"
            ),
            Self::Shut(until_ns, text) => write!(
                f,
                "the venue takes no requests of this address or key before {} ms UTC ({text}): \
                 ask less often",
                until_ns.get() / 1_000_000
            ),
            Self::Link(Closed::NotOpened { status, .. }) => match status {
                Some(status) => write!(
                    f,
                    "the venue does not open a connection (status {status}): is it the right \
                     address?"
                ),
                None => write!(
                    f,
                    "no connection to the venue: check the address, the network and the certificate"
                ),
            },
            Self::Link(Closed::ByVenue(code, text)) => {
                write!(f, "the venue closed the connection ({code} {text})")
            }
            Self::Link(Closed::Broken | Closed::Asked) => write!(f, "the connection broke"),
            Self::StreamEnded => write!(f, "the venue ended the stream of the account"),
            Self::LogOn(code, text) => write!(f, "the venue refuses the session ({code}: {text})"),
            Self::Unfit(text) => write!(
                f,
                "what the venue says cannot be taken as it is ({text}): compare the units of the \
                 instrument with the venue's"
            ),
            Self::Refused(text) => write!(f, "{text}"),
            Self::Mode => write!(
                f,
                "the account is in hedge mode, with two positions for a symbol: close all \
                 positions and set the position mode to one-way"
            ),
            Self::Margin(symbols) => write!(
                f,
                "the venue says that the margin of {symbols} is running out: make the position \
                 smaller or pay in, or it closes the position by itself"
            ),
            Self::Deaf => {
                write!(f, "orders were taken, and the stream of the account did not tell of them")
            }
            Self::Timers(text) => write!(
                f,
                "the timer that cancels orders when this program is gone cannot be set ({text}): \
                 unless that changes, the venue cancels what is open"
            ),
            Self::Overflow => {
                write!(f, "reports were not taken in time: the session begins again")
            }
        }
    }
}

/// What is counted of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TradeFigures {
    /// Messages that came.
    pub messages: u64,
    /// Those that could not be read.
    pub unreadable: u64,
    /// Events of kinds that nobody knows.
    pub unknown: u64,
    /// Values of fields that nobody knows.
    pub unknown_values: u64,
    /// Reports that were passed on.
    pub reports: u64,
    /// Reports that had come before.
    pub doubled: u64,
    /// Reports about orders of others, in instruments of ours.
    pub foreign: u64,
    /// Reports about instruments that are not traded here.
    pub elsewhere: u64,
    /// Reports and rows that are no number of ticks or lots.
    pub unfit: u64,
    /// Commissions in assets that the books do not have.
    pub fees_unbooked: u64,
    /// Balances that changed without a trade: deposits, withdrawals, transfers.
    pub transfers: u64,
    /// Commands that left.
    pub sent: u64,
    /// Commands that did not leave, because the limits are used up.
    pub throttled: u64,
    /// Commands that did not leave, because they came too late or there was no link.
    pub not_sent: u64,
    /// Answers that say that nobody knows what became of a request.
    pub unsure: u64,
    /// Orders and questions that were refused for a rule of the venue that is not what it was: a
    /// step of prices or quantities, trading that stands still, an instrument that is gone.
    pub rules_refused: u64,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that were not.
    pub failed: u64,
    /// Connections that were put in the place of an older one in time.
    pub rotations: u64,
    /// Payments for holding positions that the stream of the account told of.
    pub fundings: u64,
    /// Executions by which the venue closed a position by itself.
    pub liquidations: u64,
    /// How often a timer that cancels what is open was set.
    pub timers_set: u64,
    /// How often that failed.
    pub timers_failed: u64,
    /// The weight of requests that was used in this minute, as far as is known.
    pub weight_used: u64,
}

/// How a session stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether it is logged on and hears of the account.
    pub is_up: bool,
    /// What was wrong last.
    pub trouble: Option<Trouble>,
    /// What the account held of each base asset before the first order of the journal, in
    /// billionths of a unit: to be kept and handed in at the next start.
    pub baseline: Option<Vec<(String, i64)>>,
    /// What the account holds of each asset, in billionths of a unit, as it was told last; known
    /// before the session is up for the first time.
    pub held: Option<Vec<(String, i64)>>,
    /// What the venue's clock is ahead of ours (ns).
    pub offset_ns: i64,
    /// Counts.
    pub figures: TradeFigures,
}
