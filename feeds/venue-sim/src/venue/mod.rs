//! The venues: what each says over the wire. Only here do their names occur.

pub mod binance;

/// Which venue is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venue {
    /// Binance Spot.
    BinanceSpot,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::BinanceSpot];

    /// Its name on the command line.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::BinanceSpot => "binance-spot",
        }
    }

    /// The venue of that name.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.text() == text)
    }
}
