//! An instrument as its venue lists it.

use qt_types::{InstrumentKind, InstrumentSpec, SpecError};

/// Whether it trades there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It trades.
    #[default]
    Trading,
    /// Trading stands still.
    Halted,
    /// Orders can only be cancelled.
    CancelOnly,
    /// The venue has a word for it that is not known here: no trading is assumed.
    Unknown,
    /// The venue does not list it.
    Gone,
}

impl Status {
    /// Whether orders can be placed.
    #[must_use]
    pub const fn trades(self) -> bool {
        matches!(self, Self::Trading)
    }
}

/// See the module. Steps and limits are in billionths; a limit that the venue does not set is zero.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listing {
    /// Its name there.
    pub symbol: String,
    /// What is bought with it.
    pub base: String,
    /// What is paid for it.
    pub quote: String,
    /// What kind of thing it is, in the words of [`InstrumentKind`].
    #[serde(skip)]
    pub kind: InstrumentKind,
    /// Whether it trades.
    pub status: Status,
    /// The step of its prices.
    pub tick_e9: i64,
    /// The step of its quantities.
    pub lot_e9: i64,
    /// What one of it is worth of what it is counted in: one, but for contracts.
    pub multiplier_e9: i64,
    /// The smallest and the largest quantity of an order.
    pub qty_min_e9: i64,
    /// See `qty_min_e9`.
    pub qty_max_e9: i64,
    /// What an order must be worth at least, in the quote currency.
    pub notional_min_e9: i64,
    /// The kinds of orders that it takes, in the venue's words.
    pub order_types: Vec<String>,
    /// Whether an order that rests can be made smaller.
    pub can_amend: bool,
    /// Whether an order can be replaced by another one in one request.
    pub can_replace: bool,
}

impl Listing {
    /// The units of the instrument.
    ///
    /// # Errors
    /// When the venue's steps are none.
    pub fn spec(&self) -> Result<InstrumentSpec, SpecError> {
        let (tick, lot, multiplier) = (self.tick_e9, self.lot_e9, self.multiplier_e9);
        InstrumentSpec::new(&self.symbol, &self.quote, self.kind, tick, lot, multiplier)
    }

    /// Whether prices and quantities are counted in the steps of `spec`.
    #[must_use]
    pub fn fits(&self, spec: &InstrumentSpec) -> bool {
        self.tick_e9 == spec.tick_e9() && self.lot_e9 == spec.lot_e9()
    }
}
