//! A strategy that asks for something at every bar.

use qt_engine::{Context, OrderUpdate, Strategy, save_and_load, stored};
use qt_types::{
    Bar, Bracket, Distance, OrderId, OrderKind, Place, Price, Qty, ReportKind, Side, Size,
};

/// Asks for something at every bar: brackets, stops, trailing stops, changes, cancels, orders
/// that are denied.
#[derive(Default)]
pub struct Busy {
    bars: u64,
    last_order: Option<OrderId>,
}

stored!(Busy {
    state: bars, last_order;
});

impl Strategy for Busy {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.bars += 1;
        let at = |ticks: i64| Price::from_ticks(bar.close.ticks() + ticks);
        let side = if self.bars.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let place = |kind: OrderKind| {
            Place::new(ctx.instrument(), side, kind).size(Size::Fixed(Qty::from_lots(3)))
        };
        let away = 40 * side.sign();
        let bracket = Bracket { stop: Some(at(-away)), target: Some(at(away)), trail_bps: None };
        let trail = OrderKind::TrailingStop { distance: Distance::Ticks(30) };
        let order = match self.bars % 6 {
            0 => place(OrderKind::Market).bracket(bracket),
            1 => place(OrderKind::Limit { price: at(-away / 2) }),
            2 => place(OrderKind::Stop { trigger: at(away / 2) }),
            3 => place(trail),
            4 => place(OrderKind::Market).size(Size::Position),
            _ => place(OrderKind::Limit { price: at(0) }).size(Size::Fixed(Qty::ZERO)),
        };
        ctx.place(order);
        if let Some(order) = self.last_order.take() {
            if self.bars.is_multiple_of(3) {
                ctx.cancel(order);
            } else {
                ctx.replace(order, OrderKind::Limit { price: at(-away) }, Qty::from_lots(2));
            }
        }
        // Nothing may pile up to the bound: old orders go.
        let oldest = ctx.orders().next().map(|order| order.id);
        if ctx.orders().count() > 30
            && let Some(order) = oldest
        {
            ctx.cancel(order);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, _: &mut Context<'_>) {
        if update.report.kind == ReportKind::Accepted {
            self.last_order = Some(update.report.order);
        }
    }

    save_and_load!();
}
