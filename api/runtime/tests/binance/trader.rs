//! A strategy that places, changes and cancels by chance around a price.

use qt_engine::{Context, Strategy};
use qt_types::{OrderKind, Place, Price, Qty, Side, Size, Trade};

use crate::dice::Dice;

/// Sixty thousand in ticks of a cent.
pub const MIDDLE: i64 = 6_000_000;
/// The same in ticks of a dime, of which futures have theirs.
pub const MIDDLE_OF_FUTURES: i64 = 600_000;

#[derive(Clone, Debug)]
pub struct Trader {
    pub dice: Dice,
    /// Orders that it may have open.
    pub open_max: usize,
    /// Whether what it places rests far away from the market.
    pub is_far: bool,
    /// Places no more than so many.
    pub left: u32,
    /// The price around which it places, in ticks.
    pub middle: i64,
}

impl Trader {
    pub fn new(seed: u64) -> Self {
        let (dice, middle) = (Dice::new(seed), MIDDLE);
        Self { dice, open_max: 6, is_far: false, left: u32::MAX, middle }
    }

    /// The same with futures.
    pub fn of_futures(self) -> Self {
        Self { middle: MIDDLE_OF_FUTURES, ..self }
    }

    /// Places `count` orders that rest, and nothing else.
    pub fn rests(count: u32) -> Self {
        Self { is_far: true, left: count, open_max: 64, ..Self::new(0) }
    }
}

impl Strategy for Trader {
    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let open: Vec<_> = ctx.orders().map(|order| (order.id, order.kind, order.qty)).collect();
        let middle = self.middle;
        let (is_far, has_room) = (self.is_far, open.len() < self.open_max && self.left > 0);
        let dice = &mut self.dice;
        let side = if is_far || dice.is(500) { Side::Buy } else { Side::Sell };
        let away = if is_far { -middle / 50 } else { dice.between(-1_500, 1_500) };
        let limit = OrderKind::Limit { price: Price::from_ticks(middle + away) };
        let lots = Size::Fixed(Qty::from_lots(dice.between(20, 300)));
        let chosen = |dice: &mut Dice| open[dice.below(open.len() as u64) as usize];
        let what = if is_far { 0 } else { dice.below(10) };
        match what {
            0..=3 if has_room => {
                self.left -= 1;
                ctx.place(Place::new(instrument, side, limit).size(lots));
            }
            4 if has_room => {
                ctx.place(Place::new(instrument, side, OrderKind::Market).size(lots));
            }
            5 | 6 if !open.is_empty() => ctx.cancel(chosen(dice).0),
            7 | 8 if !open.is_empty() => {
                let (id, kind, qty) = chosen(dice);
                // Half of the time only less of it, which keeps its place.
                let (kind, qty) = match kind {
                    OrderKind::Limit { .. } if dice.is(500) && qty.lots() > 40 => {
                        (kind, Qty::from_lots(qty.lots() - dice.between(1, 20)))
                    }
                    _ => (limit, Qty::from_lots(qty.lots() + dice.between(-5, 20))),
                };
                if matches!(kind, OrderKind::Limit { .. }) && qty.lots() >= 20 {
                    ctx.replace(id, kind, qty);
                }
            }
            _ => {}
        }
    }
}
