//! A frame of a venue taken in as a whole does what its levels do one by one: the same commands,
//! the same state to the last byte.

use proptest::prelude::*;
use proptest::strategy::Strategy as Drawn;
use qt_engine::{
    BookInterest, BookKind, BookLimits, BookView, Context, Deaf, Exits, Exposure, Gate,
    OrderRequest, Outbox, Pipeline, PipelineConfig, Sequencer, SizeRequest, Strategy,
    save_and_load, stored,
};
use qt_types::{
    Cash, DenyReason, E9, Event, Head, InstrumentId, Lacks, Limits, Nanos, OrderKind, Payload,
    Place, Price, Qty, Side, Size, Tick, TickFlags, TickKind, TimeInForce, VenueId,
};

use crate::support::spec;

/// Orders that follow from the book; some wait with us.
#[derive(Default)]
struct Watcher {
    told: u64,
    seen: i64,
    every_update: bool,
}

stored!(Watcher {
    state: told, seen;
    same: every_update;
});

impl Strategy for Watcher {
    fn interest(&self) -> BookInterest {
        if self.every_update { BookInterest::EveryUpdate } else { BookInterest::TopChange }
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.told += 1;
        for side in [Side::Buy, Side::Sell] {
            for (price, qty) in book.levels(side) {
                self.seen = self.seen.wrapping_mul(31).wrapping_add(price.ticks() * 7 + qty.lots());
            }
        }
        let Some((price, _)) = book.best(Side::Buy) else { return };
        let order = match self.seen.rem_euclid(11) {
            0 => OrderKind::Stop { trigger: Price::from_ticks(price.ticks() + 3) },
            1..4 => OrderKind::Limit { price },
            _ => return,
        };
        let place = Place::new(InstrumentId(0), Side::Buy, order).tif(TimeInForce::Gtc);
        ctx.place(place.size(Size::Fixed(Qty::from_lots(1 + self.seen.rem_euclid(5)))));
    }

    save_and_load!();
}

/// Hears nothing for a while after it has looked, and now and then wants the account closed out.
#[derive(Default)]
struct Ears {
    seen_ns: i64,
    look_ns: i64,
    looks: u64,
    pause_ns: i64,
}

stored!(Ears {
    state: seen_ns, look_ns, looks;
    same: pause_ns;
});

impl Gate for Ears {
    fn size(&self, _: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(7))
    }

    fn check(&mut self, _: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        Ok(())
    }

    fn hears(&mut self, _: InstrumentId, now_ns: Nanos) -> bool {
        self.seen_ns = now_ns.get();
        self.seen_ns >= self.look_ns
    }

    fn deaf_until_ns(&self, _: InstrumentId, _: &Exposure<'_>) -> Deaf {
        Deaf { to_best_ns: self.look_ns, to_rest_ns: self.look_ns }
    }

    fn observe(&mut self, event: &Event, _: &Exposure<'_>) -> bool {
        self.seen_ns = event.recv_ns.get();
        if self.seen_ns < self.look_ns {
            return false;
        }
        self.looks = self.looks.wrapping_mul(31).wrapping_add(event.seq.get());
        self.look_ns = event.recv_ns.get() + self.pause_ns;
        self.looks.is_multiple_of(13)
    }

    save_and_load!();
}

fn pipeline(every_update: bool, pause_ns: i64, lacks: Lacks) -> Pipeline<Watcher, Ears> {
    let book = BookLimits { window_ticks: 256, far_levels_max: 64, ..BookLimits::default() };
    let config = PipelineConfig {
        specs: vec![spec()],
        initial: Cash::from_nano(1_000_000 * i128::from(E9)),
        exits: Exits::default(),
        limits: Limits::default(),
        epoch: 1,
        books: vec![BookKind::Levels(book)],
        active_from_ns: Nanos::MIN,
    };
    let strategy = Watcher { every_update, ..Watcher::default() };
    let gate = Ears { pause_ns, ..Ears::default() };
    Pipeline::new(config, strategy, gate).with_lacks(lacks)
}

/// The levels of a frame, and how long after the one before it came.
fn frame() -> impl Drawn<Value = (i64, Vec<Tick>)> {
    let level = (80_i64..120, 0_i64..4, any::<bool>(), 0..20);
    let levels = prop::collection::vec(level, 1..25);
    (0_i64..40, levels, 0..10).prop_map(|(after_ns, levels, end)| {
        let tick = |(price, qty, is_ask, last): (i64, i64, bool, i32)| {
            let side = if is_ask { TickFlags::ASK } else { TickFlags::NONE };
            // An update may end within a frame.
            let end = if last == 0 { TickFlags::LAST } else { TickFlags::NONE };
            let (kind, flags) = (TickKind::Level as u8, side.with(end).bits());
            Tick { venue_ns: 0, price, qty, latency_ns: 0, instrument: 0, kind, flags }
        };
        let mut ticks: Vec<Tick> = levels.into_iter().map(tick).collect();
        if end > 0
            && let Some(last) = ticks.last_mut()
        {
            last.flags |= TickFlags::LAST.bits();
        }
        (after_ns, ticks)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_frame_is_its_levels(
        frames in prop::collection::vec(frame(), 1..40),
        every_update in any::<bool>(),
        pause_ns in 0_i64..200,
        holds_stops in any::<bool>(),
    ) {
        let lacks = if holds_stops { Lacks::STOP } else { Lacks::NOTHING };
        let mut one_by_one = pipeline(every_update, pause_ns, lacks);
        let mut whole = pipeline(every_update, pause_ns, lacks);
        let mut outs = [Outbox::new(&Limits::default()), Outbox::new(&Limits::default())];
        let mut sequencer = Sequencer::new();
        let (instrument, venue) = (InstrumentId(0), VenueId(0));
        let mut now_ns = 1_000;
        for (after_ns, mut ticks) in frames {
            now_ns += after_ns;
            ticks.iter_mut().for_each(|tick| tick.venue_ns = now_ns - 7);
            let (seq, recv_ns) = sequencer.next_run(ticks.len(), Nanos::new(now_ns));
            for (at, tick) in ticks.iter().enumerate() {
                let seq = qt_types::Seq::new(seq.get() + at as u64);
                let (venue_ns, payload) = (Nanos::new(tick.venue_ns), Payload::Tick(*tick));
                let event = Event { seq, recv_ns, venue_ns, instrument, venue, payload };
                prop_assert_eq!(one_by_one.step(&event, &mut outs[0]), Ok(()));
            }
            let head = Head { seq, recv_ns, instrument, venue };
            whole.step_frame(head, &ticks, &mut outs[1]);
            prop_assert_eq!(outs[0].commands.as_slice(), outs[1].commands.as_slice());
            prop_assert_eq!(outs[0].denials.as_slice(), outs[1].denials.as_slice());
            prop_assert_eq!(outs[0].notices.as_slice(), outs[1].notices.as_slice());
            outs.iter_mut().for_each(Outbox::clear);
            prop_assert_eq!(one_by_one.state_hash(), whole.state_hash());
        }
        let mut states = [Vec::new(), Vec::new()];
        prop_assert_eq!(one_by_one.snapshot(&sequencer, &mut states[0]), Ok(()));
        prop_assert_eq!(whole.snapshot(&sequencer, &mut states[1]), Ok(()));
        prop_assert_eq!(&states[0], &states[1]);
    }
}
