//! What bars are made of: a trade or a smaller bar, in the form of a bar.

use qt_types::BarFlags;

use crate::series::{BarRecord, TradeRecord};

/// The trade as a bar of one instant.
pub(super) fn of_trade(trade: &TradeRecord) -> BarRecord {
    BarRecord {
        open_ns: trade.venue_ns,
        close_ns: trade.venue_ns,
        open: trade.price,
        high: trade.price,
        low: trade.price,
        close: trade.price,
        volume: trade.qty,
        flags: trade.flags,
        row: 0,
    }
}

/// Adds `piece`, which follows in time, to the bar at hand, or begins a bar with it.
pub(super) fn add(part: &mut Option<BarRecord>, piece: &BarRecord, row: u32) {
    let Some(bar) = part else {
        *part = Some(BarRecord { row, ..*piece });
        return;
    };
    bar.close_ns = bar.close_ns.max(piece.close_ns);
    bar.high = bar.high.max(piece.high);
    bar.low = bar.low.min(piece.low);
    bar.close = piece.close;
    // A sum past the range of lots can only come of broken data: it stays at the largest.
    bar.volume = bar.volume.saturating_add(piece.volume);
    // A bar holds what any part of it holds; without volume it is only when no part has one.
    let no_volume = bar.flags.has(BarFlags::NO_VOLUME) && piece.flags.has(BarFlags::NO_VOLUME);
    bar.flags = bar.flags.with(piece.flags);
    if !no_volume {
        bar.flags = bar.flags.without(BarFlags::NO_VOLUME);
    }
}

/// Hands out the bar at hand and counts its row.
pub(super) fn take(part: &mut Option<BarRecord>, row: &mut u32) -> Option<BarRecord> {
    let bar = part.take()?;
    *row = row.saturating_add(1);
    Some(bar)
}
