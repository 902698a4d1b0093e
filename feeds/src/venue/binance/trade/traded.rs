//! What is traded, and from the venue's decimal texts to ticks, lots and amounts: exactly, or not
//! at all.

use qt_codec::{Number, Scales};
use qt_types::{Cash, CurrencyId, FeeIn, InstrumentId, InstrumentSpec, Price, Qty, Side};

use super::super::setup::{Family, Market};

/// An instrument as the venue has it: from the rules that it publishes.
#[derive(Clone, Debug)]
pub struct Traded {
    /// Its index in the run.
    pub instrument: InstrumentId,
    /// Its name at the venue.
    pub symbol: String,
    /// Its units.
    pub spec: InstrumentSpec,
    /// What is bought and sold.
    pub base: String,
    /// What it is paid with.
    pub quote: String,
    /// Whether the venue takes stop-limit orders in it.
    pub takes_stop_limits: bool,
    /// Whether a quantity can be made smaller.
    pub can_amend: bool,
    /// Whether an order can be replaced by another.
    pub can_replace: bool,
}

impl Traded {
    /// What requests about it have in common; none for an instrument without units.
    pub(super) fn market(&self, recv_window_ms: u32, family: Family) -> Option<Market> {
        let scales = Scales::of(&self.spec)?;
        let symbol = self.symbol.clone();
        Some(Market { symbol, scales, recv_window_ms, family })
    }

    /// A price; none where it is no number of ticks.
    pub(super) fn price(&self, text: &str) -> Option<Price> {
        Number::parse(text).ok()?.to_price(&self.spec).ok()
    }

    /// A quantity; none where it is no number of lots.
    pub(super) fn qty(&self, text: &str) -> Option<Qty> {
        Number::parse(text).ok()?.to_qty(&self.spec).ok()
    }

    /// A position; none where it is no number of lots.
    pub(super) fn position(&self, text: &str) -> Option<Qty> {
        let (units, lot) = (units_e9(text)?, self.spec.lot_e9());
        (lot > 0 && units % lot == 0).then(|| Qty::from_lots(units / lot))
    }
}

/// `BUY` or `SELL`.
pub(super) fn side(text: &str) -> Option<Side> {
    match text {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// An amount of an asset in billionths of a unit; none where it is finer.
pub(super) fn units_e9(text: &str) -> Option<i64> {
    Number::parse_signed(text).ok()?.normalized().scaled(9)
}

/// A commission as the books take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fee {
    pub(super) amount: Cash,
    pub(super) fee_in: FeeIn,
    /// Whether it is in an asset that the account's books do not have: it is not in them.
    pub(super) is_unbooked: bool,
}

/// The commission `amount` of `asset` on an execution of `of`.
pub(super) fn fee(
    of: &Traded,
    currencies: &[(String, CurrencyId)],
    amount: &str,
    asset: &str,
) -> Option<Fee> {
    let amount = Cash::from_nano(i128::from(units_e9(amount)?));
    let fee = |fee_in| Some(Fee { amount, fee_in, is_unbooked: false });
    if amount == Cash::ZERO || asset == of.quote {
        return fee(FeeIn::Quote);
    }
    // What a derivative is about is not what the account has of it.
    if asset == of.base && !of.spec.is_derivative() {
        return fee(FeeIn::Base);
    }
    match currencies.iter().find(|(name, _)| name == asset) {
        Some((_, currency)) => fee(FeeIn::Currency(*currency)),
        None => Some(Fee { amount: Cash::ZERO, fee_in: FeeIn::Quote, is_unbooked: true }),
    }
}
