//! A strategy that places, changes and cancels by chance, the same in every run, until it is over;
//! then it cancels what it has.

use qt_engine::{Context, OrderUpdate, Strategy};
use qt_types::{OrderKind, Place, Price, Qty, ReportKind, Side, Size, Trade};

use crate::dice::Dice;

#[derive(Clone, Debug)]
pub struct Trader {
    dice: Dice,
    /// Orders that it may have open.
    open_max: usize,
    /// Trades of a later row than this it does not act on any more.
    last_row: u32,
    /// Whether it cancels what is open after that.
    cancels: bool,
    /// Whether it makes its order larger, once.
    changes: bool,
    pub unknown: u64,
}

impl Trader {
    pub fn new(seed: u64, open_max: usize, last_row: u32) -> Self {
        Self {
            dice: Dice::new(seed),
            open_max,
            last_row,
            cancels: true,
            changes: false,
            unknown: 0,
        }
    }

    /// Places `count` limit orders, one with each trade, and leaves them.
    pub fn places(count: usize) -> Self {
        Self { cancels: false, ..Self::new(0, count, 0) }
    }
}

impl Trader {
    /// Places one limit order, and makes it larger with the next trade.
    pub fn changes() -> Self {
        Self { changes: true, ..Self::places(1) }
    }
}

impl Strategy for Trader {
    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let open: Vec<_> = ctx.orders().map(|order| (order.id, order.kind, order.qty)).collect();
        let at = |away: i64| OrderKind::Limit { price: Price::from_ticks(1_000 + away) };
        if self.last_row == 0 {
            if self.changes && !open.is_empty() {
                self.changes = false;
                ctx.replace(open[0].0, at(-1), Qty::from_lots(20));
            }
            if open.len() < self.open_max {
                let lots = Size::Fixed(Qty::from_lots(10));
                ctx.place(Place::new(instrument, Side::Buy, at(-1)).size(lots));
            }
            return;
        }
        if trade.row > self.last_row {
            if self.cancels {
                open.iter().for_each(|order| ctx.cancel(order.0));
            }
            return;
        }
        let dice = &mut self.dice;
        let side = if dice.is(500) { Side::Buy } else { Side::Sell };
        let lots = Qty::from_lots(dice.between(1, 6));
        let place = |kind| Place::new(instrument, side, kind).size(Size::Fixed(lots));
        let chosen = |dice: &mut Dice| open[dice.below(open.len() as u64) as usize];
        match dice.below(10) {
            0..=3 if open.len() < self.open_max => ctx.place(place(at(dice.between(-5, 5)))),
            4 if open.len() < self.open_max => ctx.place(place(OrderKind::Market)),
            5 | 6 if !open.is_empty() => ctx.cancel(chosen(dice).0),
            7 if !open.is_empty() => {
                let (id, kind, qty) = chosen(dice);
                if matches!(kind, OrderKind::Limit { .. }) {
                    let qty = Qty::from_lots(qty.lots() + dice.between(-1, 2));
                    ctx.replace(id, at(dice.between(-5, 5)), qty);
                }
            }
            _ => {}
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, _ctx: &mut Context<'_>) {
        self.unknown += u64::from(update.report.kind == ReportKind::Unknown);
    }
}
