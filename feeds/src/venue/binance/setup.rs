//! What is known before the first order: the market, the key.

use std::sync::Arc;

use qt_codec::Scales;

use crate::{KeySecret, Keys, Secret};

use super::sign::Signer;

/// Longest symbol, in bytes of UTF-8.
const SYMBOL_BYTES_MAX: usize = 48;
/// The venue's keys have 64 letters and digits.
const KEY_BYTES_MAX: usize = 128;
/// What the venue takes where nothing is said, and its limit.
pub(super) const WINDOW_MS_DEFAULT: u32 = 5_000;
const WINDOW_MS_MAX: u32 = 60_000;

/// Which market of the venue: the parameters of requests differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Family {
    /// What is bought is owned.
    #[default]
    Spot,
    /// Futures margined in dollars, in one-way mode.
    Usdm,
}

/// What the requests of one symbol have in common.
#[derive(Clone, Debug)]
pub struct Market {
    /// The symbol, as the venue writes it.
    pub symbol: String,
    /// Its tick and its lot.
    pub scales: Scales,
    /// How late a request may reach the venue (ms): later ones are refused there.
    pub recv_window_ms: u32,
    /// Where it is traded.
    pub family: Family,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Access {
    pub(super) api_key: Arc<Secret>,
    pub(super) signer: Arc<Signer>,
}

/// Why requests cannot be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// A symbol that is empty, too long, or has other characters than letters and digits.
    #[error("the symbol is empty, too long, or has characters that are no letters or digits")]
    Symbol,
    /// A key that is none.
    #[error("the API key is empty, too long, or has characters that are no letters or digits")]
    ApiKey,
    /// A window that the venue does not take.
    #[error("the receive window is not between 1 and 60000 ms")]
    Window,
}

impl Access {
    /// The key and what signs with its secret.
    ///
    /// # Errors
    /// When the key cannot be one.
    pub fn new(api_key: Secret, signer: Signer) -> Result<Self, SetupError> {
        let bytes = api_key.bytes();
        let is_sound = !bytes.is_empty()
            && bytes.len() <= KEY_BYTES_MAX
            && bytes.iter().all(u8::is_ascii_alphanumeric);
        if !is_sound {
            return Err(SetupError::ApiKey);
        }
        Ok(Self { api_key: Arc::new(api_key), signer: Arc::new(signer) })
    }

    /// Those of a file or of the environment.
    ///
    /// # Errors
    /// When the key cannot be one.
    pub fn from_keys(keys: Keys) -> Result<Self, SetupError> {
        let signer = match keys.secret {
            KeySecret::Hmac(key) => Signer::Hmac(key),
            KeySecret::Ed25519(key) => Signer::Ed25519(key),
        };
        Self::new(keys.api_key, signer)
    }

    /// The key, for the header of a request by REST.
    #[must_use]
    pub fn api_key(&self) -> &[u8] {
        self.api_key.bytes()
    }
}

impl Market {
    pub(super) fn check(&self) -> Result<(), SetupError> {
        // Whatever else would mean something in JSON or in a query is no part of a symbol.
        let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if self.symbol.is_empty()
            || self.symbol.len() > SYMBOL_BYTES_MAX
            || !self.symbol.chars().all(is_part)
        {
            return Err(SetupError::Symbol);
        }
        if !(1..=WINDOW_MS_MAX).contains(&self.recv_window_ms) {
            return Err(SetupError::Window);
        }
        Ok(())
    }
}
