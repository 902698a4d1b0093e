//! The limits by name: what each is for, in which unit, and what the profiles set.

use crate::unit::Holder::{self, Instrument, Node};
use crate::unit::Unit;

/// The name of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Key {
    /// The largest quantity of one order, in units (C06).
    OrderQty,
    /// The most that one order may be worth, at its worst price (C07).
    OrderNotional,
    /// The usual volume of a day, in units: what order_adv_bps is a share of (C06).
    DayVolume,
    /// The largest quantity of one order as a share of day_volume (C06).
    OrderAdvBps,
    /// How many times the median of the strategy's last orders one may be worth (C08).
    UnitMultiple,
    /// How far a price may be on the losing side of the reference price (C09).
    CollarBps,
    /// The same before the open, in auctions and at the close; the tighter one holds (C09).
    AuctionCollarBps,
    /// How far the reference price may have moved within drift_window_ms (C09).
    DriftBps,
    /// The window of drift_bps; 0: off.
    DriftWindow,
    /// How old the reference price may be (C10).
    ReferenceAge,
    /// How often one and the same order may be sent within duplicate_window_ms (C12).
    Duplicates,
    /// The window of duplicates; 0: off.
    DuplicateWindow,
    /// 1: orders may meet own ones and the venue settles it; 0: denied here (C13).
    SelfTrade,
    /// The largest long position, every buy order filled, in units (C14).
    Long,
    /// The largest short position, every sell order filled, in units (C14).
    Short,
    /// The bad move that portfolio_risk_bps is measured with (C15).
    StressBps,
    /// Open orders in the instrument, per account (C16).
    LineOrders,
    /// How far a fill may be from the reference price at sending (C31).
    FillBandBps,
    /// The largest share of the equity in one instrument (C14).
    PositionShareBps,
    /// The most that positions and open orders may be worth (C15).
    Exposure,
    /// The same as a share of the equity: 10000 is once (C15).
    LeverageBps,
    /// The loss of a move of stress_bps in everything, as a share of the equity (C15).
    PortfolioRiskBps,
    /// Open orders (C16).
    OpenOrders,
    /// The most that open orders may be worth (C17).
    Unexecuted,
    /// New orders a second (C18).
    OrdersPerSecond,
    /// How many of them at once (C18).
    OrdersBurst,
    /// New orders and changes a second; cancels have no limit (C18).
    MessagesPerSecond,
    /// How many of them at once (C18).
    MessagesBurst,
    /// New orders and changes per fill within ratio_window_ms (C19).
    OrdersPerFill,
    /// The window of orders_per_fill; 0: off.
    RatioWindow,
    /// Entries within entries_window_ms after which the strategy is disabled (C20).
    Entries,
    /// The window of entries; 0: off.
    EntriesWindow,
    /// The most that may be lost in a day (C22).
    DailyLoss,
    /// The same as a share of the equity at the start of the day (C22).
    DailyLossBps,
    /// The most that may be lost from the highest equity (C23).
    Drawdown,
    /// The same as a share of that equity (C23).
    DrawdownBps,
    /// The most that may be lost within loss_window_ms (C24).
    WindowLoss,
    /// The window of window_loss; 0: off.
    LossWindow,
    /// Fills within fills_window_ms (C24).
    Fills,
    /// The window of fills; 0: off.
    FillsWindow,
    /// Refusals of the venue within refusals_window_ms (C25).
    Refusals,
    /// The window of refusals; 0: off.
    RefusalsWindow,
    /// Orders whose fate is not known (C27).
    UnknownOrders,
    /// How far off the clock may be (C11).
    ClockOffset,
    /// How long our position may differ from the venue's (C28).
    ReconcileTime,
}

/// One row of the table of limits. The numbers of the profiles are text, as in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The limit.
    pub key: Key,
    /// Its name in a file.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What it belongs to.
    pub holder: Holder,
    /// The number of the profile `research`.
    pub research: &'static str,
    /// The number of the profile `paper`.
    pub paper: &'static str,
    /// What it is for.
    pub about: &'static str,
}

const fn row(
    key: Key,
    name: &'static str,
    (unit, holder): (Unit, Holder),
    (research, paper): (&'static str, &'static str),
    about: &'static str,
) -> KeyRow {
    KeyRow { key, name, unit, holder, research, paper, about }
}

/// Every limit, by its key.
pub const KEYS: [KeyRow; 45] = [
    row(
        Key::OrderQty,
        "order_qty",
        (Unit::Quantity, Instrument),
        ("1000000000000", "1000000"),
        "The largest quantity of one order, in units (C06).",
    ),
    row(
        Key::OrderNotional,
        "order_notional",
        (Unit::Money, Instrument),
        ("1000000000000000", "20000"),
        "The most that one order may be worth, at its worst price (C07).",
    ),
    row(
        Key::DayVolume,
        "day_volume",
        (Unit::Quantity, Instrument),
        ("1000000000000000", "1000000"),
        "The usual volume of a day, in units: what order_adv_bps is a share of (C06).",
    ),
    row(
        Key::OrderAdvBps,
        "order_adv_bps",
        (Unit::Bps, Instrument),
        ("10000", "1000"),
        "The largest quantity of one order as a share of day_volume (C06).",
    ),
    row(
        Key::UnitMultiple,
        "unit_multiple",
        (Unit::Count, Instrument),
        ("1000000000", "100"),
        "How many times the median of the strategy's last orders one may be worth (C08).",
    ),
    row(
        Key::CollarBps,
        "collar_bps",
        (Unit::Bps, Instrument),
        ("1000000000", "500"),
        "How far a price may be on the losing side of the reference price (C09).",
    ),
    row(
        Key::AuctionCollarBps,
        "auction_collar_bps",
        (Unit::Bps, Instrument),
        ("1000000000", "500"),
        "The same before the open, in auctions and at the close; the tighter one holds (C09).",
    ),
    row(
        Key::DriftBps,
        "drift_bps",
        (Unit::Bps, Instrument),
        ("1000000000", "1000"),
        "How far the reference price may have moved within drift_window_ms (C09).",
    ),
    row(
        Key::DriftWindow,
        "drift_window_ms",
        (Unit::Millis, Instrument),
        ("0", "60000"),
        "The window of drift_bps; 0: off.",
    ),
    row(
        Key::ReferenceAge,
        "reference_age_ms",
        (Unit::Millis, Instrument),
        ("1000000000000", "5000"),
        "How old the reference price may be (C10).",
    ),
    row(
        Key::Duplicates,
        "duplicates",
        (Unit::Count, Instrument),
        ("32", "3"),
        "How often one and the same order may be sent within duplicate_window_ms (C12).",
    ),
    row(
        Key::DuplicateWindow,
        "duplicate_window_ms",
        (Unit::Millis, Instrument),
        ("0", "1000"),
        "The window of duplicates; 0: off.",
    ),
    row(
        Key::SelfTrade,
        "self_trade_allowed",
        (Unit::Count, Instrument),
        ("1", "0"),
        "1: orders may meet own ones and the venue settles it; 0: denied here (C13).",
    ),
    row(
        Key::Long,
        "long",
        (Unit::Quantity, Instrument),
        ("1000000000000", "1000000"),
        "The largest long position, every buy order filled, in units (C14).",
    ),
    row(
        Key::Short,
        "short",
        (Unit::Quantity, Instrument),
        ("1000000000000", "1000000"),
        "The largest short position, every sell order filled, in units (C14).",
    ),
    row(
        Key::StressBps,
        "stress_bps",
        (Unit::Bps, Instrument),
        ("500", "500"),
        "The bad move that portfolio_risk_bps is measured with (C15).",
    ),
    row(
        Key::LineOrders,
        "instrument_orders",
        (Unit::Count, Instrument),
        ("1000000", "50"),
        "Open orders in the instrument, per account (C16).",
    ),
    row(
        Key::FillBandBps,
        "fill_band_bps",
        (Unit::Bps, Instrument),
        ("1000000000", "1000"),
        "How far a fill may be from the reference price at sending (C31).",
    ),
    row(
        Key::PositionShareBps,
        "position_share_bps",
        (Unit::Bps, Node),
        ("1000000000", "1000"),
        "The largest share of the equity in one instrument (C14).",
    ),
    row(
        Key::Exposure,
        "exposure",
        (Unit::Money, Node),
        ("1000000000000000", "100000"),
        "The most that positions and open orders may be worth (C15).",
    ),
    row(
        Key::LeverageBps,
        "leverage_bps",
        (Unit::Bps, Node),
        ("1000000000", "10000"),
        "The same as a share of the equity: 10000 is once (C15).",
    ),
    row(
        Key::PortfolioRiskBps,
        "portfolio_risk_bps",
        (Unit::Bps, Node),
        ("1000000000", "500"),
        "The loss of a move of stress_bps in everything, as a share of the equity (C15).",
    ),
    row(
        Key::OpenOrders,
        "open_orders",
        (Unit::Count, Node),
        ("1000000", "200"),
        "Open orders (C16).",
    ),
    row(
        Key::Unexecuted,
        "unexecuted",
        (Unit::Money, Node),
        ("1000000000000000", "100000"),
        "The most that open orders may be worth (C17).",
    ),
    row(
        Key::OrdersPerSecond,
        "orders_per_s",
        (Unit::Count, Node),
        ("1000000000", "10"),
        "New orders a second (C18).",
    ),
    row(
        Key::OrdersBurst,
        "orders_burst",
        (Unit::Count, Node),
        ("1000000000", "20"),
        "How many of them at once (C18).",
    ),
    row(
        Key::MessagesPerSecond,
        "messages_per_s",
        (Unit::Count, Node),
        ("1000000000", "20"),
        "New orders and changes a second; cancels have no limit (C18).",
    ),
    row(
        Key::MessagesBurst,
        "messages_burst",
        (Unit::Count, Node),
        ("1000000000", "40"),
        "How many of them at once (C18).",
    ),
    row(
        Key::OrdersPerFill,
        "orders_per_fill",
        (Unit::Count, Node),
        ("1000000000", "500"),
        "New orders and changes per fill within ratio_window_ms (C19).",
    ),
    row(
        Key::RatioWindow,
        "ratio_window_ms",
        (Unit::Millis, Node),
        ("0", "3600000"),
        "The window of orders_per_fill; 0: off.",
    ),
    row(
        Key::Entries,
        "entries",
        (Unit::Count, Node),
        ("65536", "2000"),
        "Entries within entries_window_ms after which the strategy is disabled (C20).",
    ),
    row(
        Key::EntriesWindow,
        "entries_window_ms",
        (Unit::Millis, Node),
        ("0", "86400000"),
        "The window of entries; 0: off.",
    ),
    row(
        Key::DailyLoss,
        "daily_loss",
        (Unit::Money, Node),
        ("1000000000000000", "2000"),
        "The most that may be lost in a day (C22).",
    ),
    row(
        Key::DailyLossBps,
        "daily_loss_bps",
        (Unit::Bps, Node),
        ("1000000000", "200"),
        "The same as a share of the equity at the start of the day (C22).",
    ),
    row(
        Key::Drawdown,
        "drawdown",
        (Unit::Money, Node),
        ("1000000000000000", "15000"),
        "The most that may be lost from the highest equity (C23).",
    ),
    row(
        Key::DrawdownBps,
        "drawdown_bps",
        (Unit::Bps, Node),
        ("1000000000", "1500"),
        "The same as a share of that equity (C23).",
    ),
    row(
        Key::WindowLoss,
        "window_loss",
        (Unit::Money, Node),
        ("1000000000000000", "1000"),
        "The most that may be lost within loss_window_ms (C24).",
    ),
    row(
        Key::LossWindow,
        "loss_window_ms",
        (Unit::Millis, Node),
        ("0", "60000"),
        "The window of window_loss; 0: off.",
    ),
    row(
        Key::Fills,
        "fills",
        (Unit::Count, Node),
        ("65536", "600"),
        "Fills within fills_window_ms (C24).",
    ),
    row(
        Key::FillsWindow,
        "fills_window_ms",
        (Unit::Millis, Node),
        ("0", "60000"),
        "The window of fills; 0: off.",
    ),
    row(
        Key::Refusals,
        "refusals",
        (Unit::Count, Node),
        ("65536", "20"),
        "Refusals of the venue within refusals_window_ms (C25).",
    ),
    row(
        Key::RefusalsWindow,
        "refusals_window_ms",
        (Unit::Millis, Node),
        ("0", "60000"),
        "The window of refusals; 0: off.",
    ),
    row(
        Key::UnknownOrders,
        "unknown_orders",
        (Unit::Count, Node),
        ("1000000", "0"),
        "Orders whose fate is not known (C27).",
    ),
    row(
        Key::ClockOffset,
        "clock_offset_ms",
        (Unit::Millis, Node),
        ("1000000000000", "500"),
        "How far off the clock may be (C11).",
    ),
    row(
        Key::ReconcileTime,
        "reconcile_ms",
        (Unit::Millis, Node),
        ("1000000000000", "5000"),
        "How long our position may differ from the venue's (C28).",
    ),
];

const _: () = {
    let mut at = 0;
    while at < KEYS.len() {
        assert!(KEYS[at].key as usize == at, "a row stands at the place of its key");
        at += 1;
    }
};

impl Key {
    /// How many there are.
    pub const COUNT: usize = KEYS.len();

    /// Its row of the table.
    #[must_use]
    pub const fn row(self) -> &'static KeyRow {
        &KEYS[self as usize]
    }

    /// The key named `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        KEYS.iter().find(|row| row.name == name).map(|row| row.key)
    }
}
