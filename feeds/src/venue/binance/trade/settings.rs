//! What a session at the venue is made from.

use qt_types::CurrencyId;

use super::super::setup::{Access, SetupError};
use super::profile::Profile;
use super::traded::Traded;

/// How a session goes about the venue.
#[derive(Clone, Debug)]
pub struct TradeSettings {
    /// Which venue.
    pub profile: &'static Profile,
    /// Where it is, if not where the profile says (`http://host:port`).
    pub base: Option<String>,
    /// The key and what signs.
    pub access: Access,
    /// What is traded. Where the venue has no positions no asset may be a part of two of them:
    /// nobody could tell by the balance whose it is.
    pub traded: Vec<Traded>,
    /// The currencies of the account's books, by their names at the venue: commissions are booked
    /// in them.
    pub currencies: Vec<(String, CurrencyId)>,
    /// Where the venue has no positions: what the account held of each base asset before the first
    /// order of this journal, in billionths of a unit, as [`super::Standing::baseline`] said then.
    /// None at that first start: then what there is counts as held before.
    pub baseline: Option<Vec<(String, i64)>>,
    /// How late a request may reach the venue (ms).
    pub recv_window_ms: u32,
    /// An order that comes here so long after it was handed over is not sent (ns).
    pub late_ns: i64,
    /// So often the venue is asked for the time, which is the sign of life (ns).
    pub beat_ns: i64,
    /// A connection over which nothing came for so long is lost (ns).
    pub silence_ns: i64,
    /// A question that the venue has not answered for so long has failed (ns).
    pub patience_ns: i64,
}

impl TradeSettings {
    /// The usual ones.
    #[must_use]
    pub fn new(profile: &'static Profile, access: Access, traded: Vec<Traded>) -> Self {
        Self {
            profile,
            base: None,
            access,
            traded,
            currencies: Vec::new(),
            baseline: None,
            recv_window_ms: super::super::setup::WINDOW_MS_DEFAULT,
            late_ns: 1_000_000_000,
            beat_ns: 1_000_000_000,
            silence_ns: 3_000_000_000,
            patience_ns: 10_000_000_000,
        }
    }

    pub(super) fn check(&self) -> Result<(), TradeError> {
        if self.traded.is_empty() {
            return Err(TradeError::Nothing);
        }
        for (at, one) in self.traded.iter().enumerate() {
            for other in self.traded.iter().skip(at + 1) {
                if one.symbol == other.symbol || one.instrument == other.instrument {
                    return Err(TradeError::Twice(one.symbol.clone()));
                }
                // Positions are told apart by what they are in.
                if self.profile.has_positions() {
                    continue;
                }
                let shared = [&one.base, &one.quote].into_iter().find(|asset| {
                    **asset == other.base || (**asset == one.base && **asset == other.quote)
                });
                if let Some(asset) = shared {
                    let (one, other) = (one.symbol.clone(), other.symbol.clone());
                    return Err(TradeError::Shared { asset: asset.clone(), one, other });
                }
            }
        }
        Ok(())
    }
}

/// Why there is no such session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TradeError {
    /// No instruments.
    #[error("nothing is to be traded: name at least one symbol")]
    Nothing,
    /// One instrument is there twice.
    #[error("{0} is there twice: name each symbol once")]
    Twice(String),
    /// Two instruments have an asset in common that one of them holds.
    #[error(
        "{one} and {other} both move the balance of {asset}: which position is whose could not be \
         told by it; trade them in two accounts"
    )]
    Shared {
        /// The asset.
        asset: String,
        /// An instrument that has it.
        one: String,
        /// Another one.
        other: String,
    },
    /// An instrument without units.
    #[error("{0} has a tick or a lot that is not positive")]
    Units(String),
    /// The symbol or the window is none.
    #[error(transparent)]
    Setup(#[from] SetupError),
}
