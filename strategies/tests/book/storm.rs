//! All of them in a market and at a venue where everything goes wrong: one-sided and empty books,
//! halts, gaps, jumps, rejects, late answers, partial fills.

use proptest::prelude::*;
use qt_engine::Command;
use qt_types::{OrderKind, RejectReason, ReportKind, Side};

use crate::stage::{AUTO_LOTS, MS_NS, Stage};

/// The largest position is 35 lots.
const CASES: &[&str] = &[
    "market_maker sample_ms=1 max_position=0.035 k=5 gamma=2",
    "market_maker sample_ms=1 max_position=0.035 k=1000 gamma=0.01 move_ticks=4",
    "order_book_imbalance levels=1 entry=0.3 hold_ms=40 short=true",
    "order_book_imbalance mode=quote levels=2 entry=0.1 hold_ms=40 short=true",
    "grid levels=5 spacing=3 unit=ticks max_position=0.035",
    "twap_execute quantity=0.035 duration_s=1 orders=7 patience_ms=30",
    "twap_execute side=sell quantity=0.035 duration_s=1 orders=35 patience_ms=0",
    "execute_algo quantity=0.035 duration_s=1 slices=7 patience_ms=30",
    "execute_algo algo=is side=sell quantity=0.035 duration_s=1 slices=35 patience_ms=0 aversion=1",
];
const MOST: i64 = 35;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Book { mid: i64, spread: i64, bids: i64, asks: i64 },
    OneSided { bid: bool },
    Empty,
    Halt(bool),
    Gap,
    Wait { ms: i64 },
    Answer,
    AnswerAll,
    Fill { which: usize, lots: i64 },
    Refuse { which: usize, reason: RejectReason },
    RefuseRequest { which: usize },
}

fn happening() -> impl Strategy<Value = Happening> {
    let reason = prop::sample::select(vec![
        RejectReason::WouldTake,
        RejectReason::InsufficientFunds,
        RejectReason::SelfTrade,
        RejectReason::SessionEnd,
    ]);
    prop_oneof![
        12 => (960_i64..1_040, 1_i64..6, 1_i64..99, 1_i64..99)
            .prop_map(|(mid, spread, bids, asks)| Happening::Book { mid, spread, bids, asks }),
        1 => any::<bool>().prop_map(|bid| Happening::OneSided { bid }),
        1 => Just(Happening::Empty),
        1 => any::<bool>().prop_map(Happening::Halt),
        1 => Just(Happening::Gap),
        6 => (1_i64..60).prop_map(|ms| Happening::Wait { ms }),
        4 => Just(Happening::Answer),
        4 => Just(Happening::AnswerAll),
        6 => (any::<prop::sample::Index>(), 1_i64..12)
            .prop_map(|(which, lots)| Happening::Fill { which: which.index(64), lots }),
        2 => (any::<prop::sample::Index>(), reason)
            .prop_map(|(which, reason)| Happening::Refuse { which: which.index(64), reason }),
        1 => any::<prop::sample::Index>()
            .prop_map(|which| Happening::RefuseRequest { which: which.index(64) }),
    ]
}

fn play(stage: &mut Stage, happening: Happening) {
    let orders = stage.orders();
    let pick = |which: usize| orders.get(which % orders.len().max(1)).copied();
    match happening {
        Happening::Book { mid, spread, bids, asks } => {
            stage.sides([(Some(mid), bids), (Some(mid + spread), asks)]);
        }
        Happening::OneSided { bid: true } => stage.book(1_000, None),
        Happening::OneSided { bid: false } => stage.book(None, 1_000),
        Happening::Empty => stage.book(None, None),
        Happening::Halt(is_halted) => stage.halt(is_halted),
        Happening::Gap => stage.gap(),
        Happening::Wait { ms } => stage.wait(ms * MS_NS),
        Happening::Answer if !stage.sent.is_empty() => {
            let command = stage.sent.remove(0);
            stage.answer_one(&command);
        }
        Happening::Answer => {}
        Happening::AnswerAll => stage.answer(),
        Happening::Fill { which, lots } => {
            let resting = pick(which).filter(|order| !order.reduce_only);
            if let Some((order, OrderKind::Limit { price })) = resting.map(|o| (o, o.kind)) {
                stage.fill(&order, lots.min(order.leaves().lots()), price.ticks());
            }
        }
        Happening::Refuse { which, reason } => {
            if let Some(order) = pick(which) {
                stage.report(order.id, ReportKind::Cancelled, reason);
            }
        }
        Happening::RefuseRequest { which } => {
            let requests = stage.sent.iter().enumerate();
            let requests = requests.filter(|(_, command)| !matches!(command, Command::New(_)));
            let places: Vec<usize> = requests.map(|(place, _)| place).collect();
            if let Some(&place) = places.get(which % places.len().max(1)) {
                let command = stage.sent.remove(place);
                let reason = match command {
                    Command::Replace(_) => RejectReason::InvalidReplace,
                    _ => RejectReason::UnknownOrder,
                };
                stage.report(command.order(), ReportKind::RequestRejected, reason);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// That no order meets one of ours is checked by the stage with every order.
    #[test]
    fn limits_hold_whatever_happens(
        case in prop::sample::select(CASES),
        happenings in prop::collection::vec(happening(), 1..400),
    ) {
        let (name, params) = case.split_once(' ').expect("parameters");
        let mut stage = Stage::new(name, params);
        for happening in happenings {
            play(&mut stage, happening);
            let held = stage.position();
            let most = match name {
                // What is to be done, and not a lot more.
                "twap_execute" | "execute_algo" => MOST,
                "order_book_imbalance" => AUTO_LOTS,
                _ => MOST + AUTO_LOTS - 1,
            };
            prop_assert!(held.abs() <= most, "{} holds {} after {:?}", case, held, happening);
            let orders = stage.orders();
            let open = |side: Side| -> i64 {
                let of_side = orders.iter().filter(|order| order.side == side);
                of_side.filter(|order| !order.reduce_only).map(|order| order.leaves().lots()).sum()
            };
            let reach = (held + open(Side::Buy)).max(open(Side::Sell) - held);
            prop_assert!(reach <= most, "{} could come to {} after {:?}", case, reach, happening);
            // A quote that fills on its way out turns the position while it is being closed.
            let closes = orders.iter().filter(|order| order.reduce_only).count();
            let quotes = orders.len() - closes;
            let most = if name == "grid" { 11 } else { 2 };
            prop_assert!(quotes <= most && closes <= 2, "{}: {} and {}", case, quotes, closes);
        }
    }
}
