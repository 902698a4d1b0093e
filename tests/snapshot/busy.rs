//! A strategy that asks for everything there is: pairs, brackets, parents, pegs, icebergs, times,
//! changes, timers, parent orders. It is stored as a strategy of a user would be.

use qt_engine::{Algo, Execute, ParentReport, save_and_load, stored};
use qt_strategies::prelude::*;
use qt_types::{Denied, ParentId, PegReference};

use crate::world::Dice;

pub struct Busy {
    seed: u64,
    asked: u64,
    reports: u64,
    denied: u64,
    ended: u64,
    last_order: Option<OrderId>,
    last_parent: Option<ParentId>,
    average: Ema,
    lines: Box<dyn Indicator>,
    settings: usize,
}

stored!(Busy {
    state: seed, asked, reports, denied, ended, last_order, last_parent, average, lines;
    same: settings;
});

impl Busy {
    pub fn new(settings: usize) -> Self {
        Self {
            seed: 7,
            asked: 0,
            reports: 0,
            denied: 0,
            ended: 0,
            last_order: None,
            last_parent: None,
            average: Ema::new(5).expect("in range"),
            lines: indicator::parse("STOCH(5,3,3).slowk").expect("it is one"),
            settings,
        }
    }

    fn ask(&mut self, ctx: &mut Context<'_>) {
        let instrument = ctx.instrument();
        let Some(last) = ctx.last(instrument) else { return };
        self.asked += 1;
        let mut dice = Dice(self.seed);
        let side = if dice.is(2) { Side::Buy } else { Side::Sell };
        let at = |away: i64| Price::from_ticks(last.ticks() + away * side.sign());
        let place = |kind: OrderKind| {
            Place::new(instrument, side, kind).size(Size::Fixed(Qty::from_lots(4)))
        };
        let (stop, target) = (Some(at(-30)), Some(at(40)));
        let bracket = Bracket { stop, target, trail_bps: None };
        match dice.below(16) {
            0 => ctx.place(place(OrderKind::Market).bracket(bracket)),
            1 => ctx.place(place(OrderKind::Limit { price: at(-5) }).bracket(bracket)),
            2 => ctx.place(place(OrderKind::Stop { trigger: at(8) })),
            3 => ctx.place(place(OrderKind::StopLimit { trigger: at(6), limit: at(9) })),
            4 => {
                let distance = Distance::Ticks(12);
                ctx.place(place(OrderKind::TrailingStop { distance }));
            }
            5 => ctx.place(place(OrderKind::Pegged { to: PegReference::SameSide, offset: 0 })),
            6 => ctx.place(place(OrderKind::Limit { price: at(-3) }).display(Qty::from_lots(1))),
            7 => ctx.place(place(OrderKind::Limit { price: at(-4) }).post_only()),
            8 => ctx.place_oco(
                place(OrderKind::Limit { price: at(-9) }),
                place(OrderKind::Stop { trigger: at(11) }),
            ),
            9 => {
                let child = place(OrderKind::LimitIfTouched { trigger: at(5), limit: at(4) });
                ctx.place_oto(place(OrderKind::Limit { price: at(-1) }), &[child]);
            }
            10 => {
                let until = ctx.now_ns().saturating_add_ns(3_000_000_000);
                let order = place(OrderKind::Limit { price: at(-2) });
                ctx.place(order.tif(TimeInForce::Gtd(until)));
            }
            11 => ctx.place(place(OrderKind::Market).size(Size::Position)),
            12 => self.execute(&mut dice, instrument, side, ctx),
            13 => ctx.place(place(OrderKind::Limit { price: at(2) }).tif(TimeInForce::Ioc)),
            14 => ctx.enter(instrument, side),
            _ => ctx.place(place(OrderKind::Market).size(Size::Fixed(Qty::ZERO))),
        }
        if let Some(order) = self.last_order.take() {
            if dice.is(3) {
                ctx.cancel(order);
            } else {
                ctx.replace(order, OrderKind::Limit { price: at(-7) }, Qty::from_lots(5));
            }
        }
        // Nothing may pile up to the bound: old orders go.
        let oldest = ctx.orders().next().map(|order| order.id);
        if let Some(order) = oldest.filter(|_| ctx.orders().count() > 25) {
            ctx.cancel(order);
        }
        self.seed = dice.0;
    }

    fn execute(
        &mut self,
        dice: &mut Dice,
        instrument: InstrumentId,
        side: Side,
        ctx: &mut Context<'_>,
    ) {
        let algo = match dice.below(4) {
            0 => Algo::twap(5),
            1 => Algo::vwap(&[3, 1, 4]),
            2 => Algo::pov(2_000, Qty::from_lots(3)),
            _ => Algo::shortfall(6, 1e-6, 1.0, 1e-6),
        };
        let (duration_ns, patience_ns) = (20_000_000_000, 700_000_000);
        let qty = Qty::from_lots(12);
        let limit = None;
        let asked = Execute { instrument, side, qty, algo, duration_ns, patience_ns, limit };
        if let Some(parent) = self.last_parent.take() {
            if dice.is(2) {
                ctx.cancel_parent(parent);
            } else {
                ctx.amend_parent(parent, Qty::from_lots(20));
            }
        }
        self.last_parent = Some(ctx.execute(asked));
    }
}

impl Strategy for Busy {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.average.update(ctx.price_f64(bar.close));
        if let Some(spec) = ctx.spec(ctx.instrument()) {
            self.lines.update(&Candle::of(bar, spec));
        }
        self.ask(ctx);
        ctx.wake_at(ctx.now_ns().saturating_add_ns(900_000_000), self.asked as u32);
    }

    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.ask(ctx);
    }

    fn on_timer(&mut self, _: Timer, ctx: &mut Context<'_>) {
        self.ask(ctx);
    }

    fn on_order(&mut self, update: &OrderUpdate, _: &mut Context<'_>) {
        self.reports += 1;
        if update.report.kind == ReportKind::Accepted {
            self.last_order = Some(update.report.order);
        }
    }

    fn on_denied(&mut self, _: &Denied, _: &mut Context<'_>) {
        self.denied += 1;
    }

    fn on_parent(&mut self, _: &ParentReport, _: &mut Context<'_>) {
        self.ended += 1;
    }

    save_and_load!();
}
