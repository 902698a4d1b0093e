//! What a venue says about an order, or about the account.

use serde::{Deserialize, Serialize};

use crate::{Cash, CurrencyId, ExecId, FxRate, OrderId, Price, Qty, RejectReason};

/// The kind of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ReportKind {
    /// The order rests or is in work.
    Accepted,
    /// The venue refuses the order.
    Rejected,
    /// A part or all of the order was executed.
    Filled,
    /// The order ended before it was filled.
    Cancelled,
    /// Price or quantity were changed.
    Replaced,
    /// The change or cancel asked for was refused; the order stands as it was.
    RequestRejected,
    /// The account paid for holding a position: `fee`, and no order.
    Carry,
    /// The order ended because its time was over (GTD, DAY).
    Expired,
    /// The venue took an execution back: the whole of `exec`, at its price and fee.
    Busted,
    /// The venue put one execution in the place of another: `of` is taken back, `exec` with
    /// price, quantity and fee takes its place.
    Corrected,
    /// Nobody can say what became of the order: no answer, or the link was lost. It bears its
    /// full exposure until another report proves how it stands. Made by gateways, not by venues.
    Unknown,
    /// The account paid for a derivative that it held at a funding instant: `fee` (negative where
    /// it received), at the mark `price`, and no order.
    Funding,
    /// The venue closed `qty` of the position at `price` with `fee`, because the margin was used
    /// up. No order.
    Liquidated,
    /// Trading in the instrument stops (`qty` 0) or goes on (`qty` 1). No order.
    Status,
    /// The instrument has expired: what was held of it (`qty`, none where nothing was) is settled
    /// in cash at `price`. No order.
    Settled,
    /// A currency (`fee_in`) is worth another amount of the account's from now on
    /// ([`Report::rate`]). No order.
    Rate,
    /// `fee` of a currency (`fee_in`) was bought with the account's, or sold for it where it is
    /// negative, at [`Report::rate`]. No order.
    Exchanged,
}

/// What a fee is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum FeeIn {
    /// The currency that the instrument is settled in.
    #[default]
    Quote,
    /// What the instrument is about, in billionths of a unit: a part of what was bought.
    Base,
    /// A currency of the account.
    Currency(CurrencyId),
}

/// Whether a fill added liquidity to the market or took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Liquidity {
    /// The order rested and was hit: maker fee.
    Maker,
    /// The order hit what rested: taker fee.
    #[default]
    Taker,
}

/// One report of a venue, as a rule about one order; flat and `Copy` so that it fits an event.
/// Fields that do not apply to the kind are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The order that the report is about; none where it is about the account.
    pub order: OrderId,
    /// Filled, busted, corrected: the venue's number of the execution. Replaced: of the change,
    /// where the venue numbers them; else zero, and the last report to come is the last change.
    pub exec: ExecId,
    /// Corrected: the execution that `exec` takes the place of.
    pub of: ExecId,
    /// Filled, corrected: the price in ticks. Replaced: the new limit or trigger.
    pub price: Price,
    /// Filled, corrected: how many lots were executed. Replaced: the new total. Cancelled,
    /// rejected, expired: how many lots of the order were executed in all, where the venue counts
    /// them.
    pub qty: Qty,
    /// How many lots of the order are still open.
    pub leaves: Qty,
    /// Filled: the fee; negative for a rebate. Carry, funding: what was paid. Exchanged: what was
    /// bought.
    pub fee: Cash,
    /// What `fee` is in; for a rate, whose it is.
    pub fee_in: FeeIn,
    /// What happened.
    pub kind: ReportKind,
    /// Rejected, cancelled: why. Replaced: why, where it was not asked for.
    pub reason: RejectReason,
    /// Filled: maker or taker.
    pub liquidity: Liquidity,
}

impl Report {
    /// A report of kind `kind` on `order` with nothing else in it.
    #[must_use]
    pub const fn plain(order: OrderId, kind: ReportKind, reason: RejectReason) -> Self {
        Self {
            order,
            exec: ExecId(0),
            of: ExecId(0),
            price: Price::ZERO,
            qty: Qty::ZERO,
            leaves: Qty::ZERO,
            fee: Cash::ZERO,
            fee_in: FeeIn::Quote,
            kind,
            reason,
            liquidity: Liquidity::Taker,
        }
    }
    /// A report of kind `kind` on `currency` at `rate`.
    #[must_use]
    pub const fn of_rate(kind: ReportKind, currency: CurrencyId, rate: FxRate) -> Self {
        Self {
            fee_in: FeeIn::Currency(currency),
            price: Price::from_ticks(rate.num()),
            qty: Qty::from_lots(rate.den()),
            ..Self::plain(OrderId::NONE, kind, RejectReason::None)
        }
    }

    /// Rate, exchanged: the currency and its rate, a fraction with `price` above and `qty` below.
    #[must_use]
    pub fn rate(&self) -> Option<(CurrencyId, FxRate)> {
        match self.fee_in {
            FeeIn::Currency(currency) => {
                Some((currency, FxRate::new(self.price.ticks(), self.qty.lots())?))
            }
            FeeIn::Quote | FeeIn::Base => None,
        }
    }
}
