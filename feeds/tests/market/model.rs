//! A book as the engine would build it from the events of a feed, and the truth it is held against.

use std::collections::BTreeMap;
use std::sync::mpsc;

use qt_feeds::market::{Offered, Sink};
use qt_types::{Event, Payload, Side, TickFlags, TickKind};

/// Bids and asks: price in ticks, quantity in lots.
pub type Sides = [BTreeMap<i64, i64>; 2];

/// A book by the rules of `TickKind`.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub sides: Sides,
    /// Both sides were cleared since the last gap.
    pub is_in_step: bool,
    cleared: [bool; 2],
    pub gaps: u64,
    pub trades: Vec<(u32, i64, i64)>,
    pub marks: Vec<i64>,
    /// Of each the mark and the rate.
    pub fundings: Vec<(i64, i64)>,
    /// Events of the book that came while it was not in step, and were no begin of a new one.
    pub strays: u64,
}

impl Model {
    /// Takes an event in; the flags of the update that it closes.
    pub fn take(&mut self, event: &Event) -> Option<TickFlags> {
        let tick = match &event.payload {
            Payload::Tick(tick) => tick,
            Payload::Trade(trade) => {
                self.trades.push((trade.row, trade.price.ticks(), trade.qty.lots()));
                return None;
            }
            other => panic!("a feed does not tell {other:?}"),
        };
        let side = usize::from(tick.side() == Side::Sell);
        match tick.kind().expect("a kind that is known") {
            TickKind::Gap => {
                self.gaps += 1;
                self.is_in_step = false;
                self.cleared = [false; 2];
                return None;
            }
            TickKind::Clear => {
                self.sides[side].clear();
                self.cleared[side] = true;
                self.is_in_step |= self.cleared == [true; 2];
            }
            TickKind::Level => {
                self.strays += u64::from(!self.is_in_step);
                if tick.qty == 0 {
                    self.sides[side].remove(&tick.price);
                } else {
                    self.sides[side].insert(tick.price, tick.qty);
                }
            }
            TickKind::Mark => {
                self.marks.push(tick.price);
                return None;
            }
            TickKind::Funding => {
                self.fundings.push((tick.price, tick.qty));
                return None;
            }
            _ => return None,
        }
        tick.flags().has(TickFlags::LAST).then(|| tick.flags())
    }
}

/// A sink that hands everything on, and can be full.
pub struct Handed {
    pub to: mpsc::SyncSender<Event>,
}

impl Sink for Handed {
    fn event(&mut self, event: &Event) -> Offered {
        match self.to.try_send(*event) {
            Ok(()) => Offered::Taken,
            Err(_) => Offered::Dropped,
        }
    }
}
