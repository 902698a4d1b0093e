//! Any record at all, for property tests.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use qt_types::{
    Activation, Asked, AskedFor, Bar, BarFlags, Cancel, Cash, ControlKind, CurrencyId, Denied,
    DenyReason, Distance, Event, ExecId, FeeIn, Head, InstrumentId, InstrumentKind, InstrumentSpec,
    KillState, Level, Liquidity, MaybePrice, Nanos, Number, OrderId, OrderKind, OrderTick, Payload,
    PegReference, Price, Qty, RejectReason, Replace, Report, ReportKind, Seq, Side, Signal,
    SignalAction, SignalSize, SourceId, StrategyId, Target, Tick, TimeInForce, Timer, Trade,
    VenueId,
};

use super::codes;
use crate::intention::{Intention, NewIntention};
use crate::record::{CommandRecord, Control, Mark, Record, SnapshotRef, SpecRecord, Stamp};

/// Numbers that are small, large, or at the edge of what four bytes hold.
fn number() -> impl Strategy<Value = i64> {
    let edges = [i64::MIN, i64::MAX, 0, -1, 1 << 31, (1 << 31) - 1, -(1 << 31), -(1 << 31) - 1];
    prop_oneof![any::<i64>(), -1_000_i64..1_000, select(edges.to_vec())]
}

fn price() -> impl Strategy<Value = Price> {
    number().prop_map(Price::from_ticks)
}

fn qty() -> impl Strategy<Value = Qty> {
    number().prop_map(Qty::from_lots)
}

fn nanos() -> impl Strategy<Value = Nanos> {
    number().prop_map(Nanos::new)
}

fn order() -> impl Strategy<Value = OrderId> {
    any::<u64>().prop_map(super::event::order)
}

/// All that a table of numbers has.
fn all<T: Clone + std::fmt::Debug + 'static, E>(read: fn(u8) -> Result<T, E>) -> Vec<T> {
    (0..=u8::MAX).filter_map(|code| read(code).ok()).collect()
}

fn side() -> impl Strategy<Value = Side> {
    select(all(codes::side))
}

fn tick_halves() -> impl Strategy<Value = (i64, i64, i64, u32, u16, u8, u8)> {
    (number(), number(), number(), any::<u32>(), 0_u16..4, any::<u8>(), any::<u8>())
}

fn payload() -> impl Strategy<Value = Payload> {
    let bar = (
        (nanos(), price(), price(), price(), price(), qty()),
        (any::<[i32; 4]>(), any::<u32>(), any::<u32>()),
    );
    let bar = bar.prop_map(|((open_ns, open, high, low, close, volume), (half, flags, row))| {
        let flags = BarFlags::from_bits(flags);
        Payload::Bar(Bar { open_ns, open, high, low, close, volume, half_spread: half, flags, row })
    });
    let trade = (price(), qty(), of(side()), any::<u32>(), any::<u32>());
    let trade = trade.prop_map(|(price, qty, aggressor, flags, row)| {
        Payload::Trade(Trade { price, qty, aggressor, flags: BarFlags::from_bits(flags), row })
    });
    let tick =
        tick_halves().prop_map(|(venue_ns, price, qty, latency_ns, instrument, kind, flags)| {
            Payload::Tick(Tick { venue_ns, price, qty, latency_ns, instrument, kind, flags })
        });
    let order_tick = (any::<u64>(), tick_halves());
    let order_tick = order_tick.prop_map(|(order, halves)| {
        let (venue_ns, price, qty, latency_ns, instrument, kind, flags) = halves;
        Payload::Order(OrderTick {
            venue_ns,
            order,
            price,
            qty,
            latency_ns,
            instrument,
            kind,
            flags,
        })
    });
    let timer = (nanos(), any::<u32>(), strategy());
    let timer = timer
        .prop_map(|(due_ns, token, strategy)| Payload::Timer(Timer { due_ns, token, strategy }));
    let denied = (order(), of(side()), qty(), select(DenyReason::ALL.to_vec()), strategy());
    let denied = denied.prop_map(|(order, side, qty, reason, strategy)| {
        Payload::Denied(Denied { order, side, qty, reason, strategy })
    });
    let report = report().prop_map(Payload::Report);
    prop_oneof![bar, trade, tick, order_tick, timer, report, denied, control(), asked(), signal()]
}

fn signal() -> impl Strategy<Value = Payload> {
    let action = select(vec![
        SignalAction::Buy,
        SignalAction::Sell,
        SignalAction::Hold,
        SignalAction::Close,
    ]);
    let size = prop_oneof![
        Just(SignalSize::Open),
        qty().prop_map(SignalSize::Quantity),
        qty().prop_map(SignalSize::Target),
        any::<i64>().prop_map(SignalSize::WeightE9),
    ];
    let maybe = || of(price()).prop_map(MaybePrice::from);
    let shares = (0..=1_000_000_000_u32, 0..=1_000_000_000_u32);
    let head = (any::<[u8; 16]>(), nanos(), any::<u32>(), any::<u16>(), action);
    (head, size, maybe(), maybe(), maybe(), shares).prop_map(
        |((id, expires_ns, horizon_s, source, action), size, limit, stop, target, shares)| {
            Payload::Signal(Signal {
                id,
                expires_ns,
                size,
                limit,
                stop,
                target,
                horizon_s,
                confidence_e9: shares.0,
                strength_e9: shares.1,
                source: SourceId(source),
                action,
            })
        },
    )
}

fn asked() -> impl Strategy<Value = Payload> {
    let place = (side(), kind(), tif(), qty(), any::<bool>(), any::<bool>());
    let place = place.prop_map(|(side, kind, tif, qty, reduce_only, post_only)| AskedFor::Place {
        side,
        kind,
        tif,
        qty,
        reduce_only,
        post_only,
    });
    let replace = (order(), kind(), qty());
    let replace =
        replace.prop_map(|(order, kind, qty)| AskedFor::Replace(Replace { order, kind, qty }));
    let cancel = order().prop_map(|order| AskedFor::Cancel(Cancel { order }));
    let head = (any::<[u8; 16]>(), any::<u64>(), strategy());
    (head, prop_oneof![place, replace, cancel]).prop_map(|((outer, person, strategy), what)| {
        Payload::Asked(Asked { outer, person, strategy, what })
    })
}

fn strategy() -> impl Strategy<Value = StrategyId> {
    prop_oneof![Just(StrategyId::FIRST), any::<u16>().prop_map(StrategyId)]
}

fn control() -> impl Strategy<Value = Payload> {
    let levels: Vec<Level> = all(codes::level);
    let target = (select(levels), any::<u16>());
    let target = target.prop_map(|(level, index)| Target { level, index });
    let states: Vec<KillState> = all(codes::kill_state);
    let numbers = (strategy(), any::<u16>(), any::<u64>(), any::<i128>());
    let kind = (0..9, target, select(states), numbers);
    let kind = kind.prop_map(|(what, target, state, (strategy, number, bits, hard))| match what {
        0 => ControlKind::Trip { target, state },
        1 => ControlKind::Arm { target },
        2 => ControlKind::Resume,
        3 => ControlKind::Pause,
        4 => ControlKind::Activate { strategy },
        5 => ControlKind::Deactivate { strategy },
        6 => ControlKind::Tune { strategy, param: number, value: Number::from_bits(bits) },
        7 => ControlKind::Limit { target, key: number, hard },
        _ => ControlKind::CloseOut,
    });
    (kind, any::<u64>())
        .prop_map(|(kind, person)| Payload::Control(qt_types::Control { kind, person }))
}

fn report() -> impl Strategy<Value = Report> {
    let fee_in = prop_oneof![
        Just(FeeIn::Quote),
        Just(FeeIn::Base),
        any::<u8>().prop_map(|id| FeeIn::Currency(CurrencyId(id))),
    ];
    let numbers = (order(), any::<u64>(), any::<u64>(), price(), qty(), qty(), any::<i128>());
    let kinds = (
        fee_in,
        select(all(codes::report_kind)),
        select(RejectReason::ALL.to_vec()),
        select(all(codes::liquidity)),
    );
    (numbers, kinds).prop_map(|(numbers, (fee_in, kind, reason, liquidity))| {
        let _: (ReportKind, Liquidity) = (kind, liquidity);
        let (order, exec, of, price, qty, leaves, fee) = numbers;
        let (exec, of, fee) = (ExecId(exec), ExecId(of), Cash::from_nano(fee));
        Report { order, exec, of, price, qty, leaves, fee, fee_in, kind, reason, liquidity }
    })
}

/// Any event; its tick often is of its time and instrument.
pub fn event() -> impl Strategy<Value = Event> {
    let head = (any::<u64>(), nanos(), nanos(), 0_u16..4, any::<u8>());
    (head, payload(), any::<bool>(), any::<bool>()).prop_map(|(head, mut payload, near, same)| {
        let (seq, recv_ns, far_ns, instrument, venue) = head;
        let near_ns = Nanos::new(recv_ns.get().saturating_sub(1_234_567));
        let venue_ns = if near { near_ns } else { far_ns };
        match &mut payload {
            Payload::Tick(tick) if same => tick.venue_ns = venue_ns.get(),
            Payload::Order(tick) if same => tick.venue_ns = venue_ns.get(),
            _ => {}
        }
        Event {
            seq: Seq::new(seq),
            recv_ns,
            venue_ns,
            instrument: InstrumentId(instrument),
            venue: VenueId(venue),
            payload,
        }
    })
}

/// Ticks of one frame of a venue, and the head of the first one's event.
pub fn ticks() -> impl Strategy<Value = (Head, Vec<Tick>)> {
    let head = (any::<u32>(), nanos(), 0_u16..4, any::<u8>());
    let level = prop_oneof![
        3 => (-1_000_i64..1_000, 0_i64..1_000, any::<u8>(), any::<u8>()),
        1 => (number(), number(), any::<u8>(), any::<u8>()),
    ];
    let levels = prop_oneof![
        proptest::collection::vec((-9_i64..9, 0_i64..9, any::<u8>(), any::<u8>()), 1..40),
        proptest::collection::vec(level, 1..40),
    ];
    (head, tick_halves(), any::<bool>(), levels).prop_map(|(head, halves, near, levels)| {
        let (seq, recv_ns, instrument, venue) = head;
        let (far_ns, _, _, latency_ns, own, _, _) = halves;
        let venue_ns = if near { recv_ns.get().saturating_sub(1_234_567) } else { far_ns };
        let tick = |(price, qty, kind, flags)| Tick {
            venue_ns,
            price,
            qty,
            latency_ns,
            instrument: own,
            kind,
            flags,
        };
        let (seq, instrument) = (Seq::new(seq.into()), InstrumentId(instrument));
        let head = Head { seq, recv_ns, instrument, venue: VenueId(venue) };
        (head, levels.into_iter().map(tick).collect())
    })
}

fn kind() -> impl Strategy<Value = OrderKind> {
    prop_oneof![
        Just(OrderKind::Market),
        price().prop_map(|price| OrderKind::Limit { price }),
        price().prop_map(|trigger| OrderKind::Stop { trigger }),
        (price(), price()).prop_map(|(trigger, limit)| OrderKind::StopLimit { trigger, limit }),
        price().prop_map(|trigger| OrderKind::TakeProfit { trigger }),
        number().prop_map(|n| OrderKind::TrailingStop { distance: Distance::Ticks(n) }),
        any::<u32>().prop_map(|n| OrderKind::TrailingStop { distance: Distance::Bps(n) }),
        (price(), price())
            .prop_map(|(trigger, limit)| OrderKind::LimitIfTouched { trigger, limit }),
        (select(all(codes::peg)), number())
            .prop_map(|(to, offset): (PegReference, i64)| OrderKind::Pegged { to, offset }),
    ]
}

fn tif() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        select(vec![TimeInForce::Gtc, TimeInForce::Day, TimeInForce::Ioc, TimeInForce::Fok]),
        nanos().prop_map(TimeInForce::Gtd),
    ]
}

fn intention() -> impl Strategy<Value = Intention> {
    let new = (
        (order(), any::<u16>(), side(), kind(), tif(), qty()),
        (any::<bool>(), any::<bool>(), qty(), order(), select(all(codes::activation)), order()),
    );
    let new = new.prop_map(|((order, instrument, side, kind, tif, qty), rest)| {
        let (reduce_only, post_only, display, parent, activation, oco) = rest;
        let activation: Activation = activation;
        let instrument = InstrumentId(instrument);
        Intention::New(NewIntention {
            order,
            instrument,
            side,
            kind,
            tif,
            qty,
            reduce_only,
            post_only,
            display,
            parent,
            activation,
            oco,
        })
    });
    let replace = (any::<u16>(), order(), kind(), qty());
    let replace = replace.prop_map(|(instrument, order, kind, qty)| Intention::Replace {
        instrument: InstrumentId(instrument),
        replace: Replace { order, kind, qty },
    });
    let cancel = (any::<u16>(), order()).prop_map(|(instrument, order)| Intention::Cancel {
        instrument: InstrumentId(instrument),
        cancel: Cancel { order },
    });
    prop_oneof![new, replace, cancel]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (any::<u64>(), nanos()).prop_map(|(seq, at_ns)| Stamp { seq: Seq::new(seq), at_ns })
}

fn spec() -> impl Strategy<Value = Record> {
    let units = (1_i64..1 << 40, 1_i64..1 << 40, 1_i64..1 << 40);
    let kinds = select(all(codes::instrument_kind));
    (any::<u16>(), ".{0,30}", "[A-Z]{0,4}", kinds, units).prop_filter_map(
        "tick x lot x multiplier must fit",
        |(instrument, symbol, currency, kind, (tick, lot, multiplier))| {
            let kind: InstrumentKind = kind;
            let spec = InstrumentSpec::new(&symbol, &currency, kind, tick, lot, multiplier).ok()?;
            Some(Record::Spec(SpecRecord { instrument: InstrumentId(instrument), spec }))
        },
    )
}

/// Any record.
pub fn record() -> impl Strategy<Value = Record> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        1 => spec(),
        1 => bytes().prop_map(Record::Config),
        8 => event().prop_map(Record::Event),
        4 => (stamp(), intention())
            .prop_map(|(stamp, intention)| Record::Command(CommandRecord { stamp, intention })),
        1 => (stamp(), any::<u16>(), bytes())
            .prop_map(|(stamp, kind, bytes)| Record::Control(Control { stamp, kind, bytes })),
        1 => (stamp(), any::<u64>(), any::<u32>())
            .prop_map(|(stamp, bytes, crc)| Record::Snapshot(SnapshotRef { stamp, bytes, crc })),
        1 => (stamp(), any::<u64>()).prop_map(|(stamp, hash)| Record::Mark(Mark { stamp, hash })),
        1 => stamp().prop_map(Record::End),
    ]
}
