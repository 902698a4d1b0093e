//! Nobody is told of a book that may be wrong, and nobody can look at it either.

use proptest::prelude::*;
use qt_engine::{
    BookInterest, BookKind, BookLimits, BookView, Context, Exits, Outbox, Pipeline, PipelineConfig,
    Sequencer, Strategy, book::StaleReason,
};
use qt_types::{
    BarFlags, Cash, E9, Event, InstrumentId, Limits, Nanos, Payload, Price, Qty, Seq, Side, Tick,
    TickFlags, TickKind, Trade, VenueId,
};

use crate::support::{Switch, spec};

const X: InstrumentId = InstrumentId(0);
/// The price of every bid and ask here: they never cross.
const BEST: [i64; 2] = [99, 101];

/// Counts the books that it is told of, and looks at the book on each trade.
#[derive(Default)]
struct Looker {
    told: Vec<Nanos>,
    looks: Vec<(bool, Option<StaleReason>)>,
}

impl Strategy for Looker {
    fn interest(&self) -> BookInterest {
        BookInterest::EveryUpdate
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        assert!(!book.is_stale() && ctx.book(X).is_some());
        self.told.push(ctx.now_ns());
    }

    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.looks.push((ctx.book(X).is_some(), ctx.stale_reason(X)));
    }
}

struct Desk {
    pipeline: Pipeline<Looker, Switch>,
    out: Outbox,
    sequencer: Sequencer,
    now_ns: i64,
}

impl Desk {
    fn new() -> Self {
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
        Self {
            pipeline: Pipeline::new(config, Looker::default(), Switch::default()),
            out: Outbox::new(&Limits::default()),
            sequencer: Sequencer::new(),
            now_ns: 0,
        }
    }

    fn step(&mut self, payload: Payload) {
        self.now_ns += 1;
        let (seq, recv_ns): (Seq, Nanos) = self.sequencer.next_run(1, Nanos::new(self.now_ns));
        let venue = VenueId(0);
        let event = Event { seq, recv_ns, venue_ns: recv_ns, instrument: X, venue, payload };
        assert_eq!(self.pipeline.step(&event, &mut self.out), Ok(()));
    }

    fn tick(&mut self, kind: TickKind, side: Side, qty: i64) {
        let flags = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
        let (kind, flags) = (kind as u8, flags.with(TickFlags::LAST).bits());
        let price = if kind == TickKind::Level as u8 { BEST[side as usize] } else { 0 };
        let tick = Tick { venue_ns: 0, price, qty, latency_ns: 0, instrument: 0, kind, flags };
        self.step(Payload::Tick(tick));
    }

    /// Whether the strategy can see a book, and why not.
    fn look(&mut self) -> (bool, Option<StaleReason>) {
        let (price, qty) = (Price::from_ticks(100), Qty::from_lots(1));
        let flags = BarFlags::NONE;
        self.step(Payload::Trade(Trade { price, qty, aggressor: None, flags, row: 0 }));
        self.pipeline.strategy().looks.last().copied().unwrap()
    }

    fn told(&self) -> usize {
        self.pipeline.strategy().told.len()
    }
}

#[test]
fn a_book_in_doubt_is_neither_told_nor_shown_until_it_is_built_anew() {
    let mut desk = Desk::new();
    desk.tick(TickKind::Level, Side::Buy, 5);
    desk.tick(TickKind::Level, Side::Sell, 5);
    assert_eq!((desk.told(), desk.look()), (2, (true, None)));
    desk.tick(TickKind::Gap, Side::Buy, 0);
    desk.tick(TickKind::Level, Side::Buy, 7);
    assert_eq!((desk.told(), desk.look()), (2, (false, Some(StaleReason::Gap))));
    desk.tick(TickKind::Clear, Side::Buy, 0);
    desk.tick(TickKind::Level, Side::Buy, 8);
    assert_eq!((desk.told(), desk.look()), (2, (false, Some(StaleReason::Gap))));
    desk.tick(TickKind::Clear, Side::Sell, 0);
    desk.tick(TickKind::Level, Side::Sell, 9);
    assert_eq!(desk.look(), (true, None));
    assert!(desk.told() > 2, "the book that was built anew is told");
}

proptest! {
    #[test]
    fn only_books_in_order_are_told(
        ticks in prop::collection::vec((0..8_u8, any::<bool>(), 1..50_i64), 1..200),
    ) {
        let mut desk = Desk::new();
        // Which sides were cleared since the last gap; none was lost at the beginning.
        let mut sound = [true; 2];
        let mut shown = [0; 2];
        for (what, is_sell, qty) in ticks {
            let side = if is_sell { Side::Sell } else { Side::Buy };
            let before = desk.told();
            let is_new = match what {
                0 => {
                    desk.tick(TickKind::Gap, side, 0);
                    sound = [false; 2];
                    false
                }
                1 | 2 => {
                    desk.tick(TickKind::Clear, side, 0);
                    sound[side as usize] = true;
                    shown[side as usize] = 0;
                    false
                }
                _ => {
                    desk.tick(TickKind::Level, side, qty);
                    let is_new = shown[side as usize] != qty;
                    shown[side as usize] = qty;
                    is_new
                }
            };
            let is_sound = sound == [true; 2];
            if is_new || !is_sound {
                prop_assert_eq!(desk.told() - before, usize::from(is_sound));
            }
            prop_assert_eq!(desk.look().0, is_sound);
        }
    }
}
