//! Records in words, the story of an order, snapshots, and commands of a real pipeline.

use std::fs;

use qt_engine::{
    Command, Context, Exits, Exposure, Gate, OrderRequest, Outbox, Pipeline, PipelineConfig,
    SizeRequest, Strategy,
};
use qt_journal::{
    CommandRecord, Control, Describer, Durable, Entry, Intention, JournalError, Lsn, Mark, Record,
    SpecRecord, Stamp, read_snapshot, snapshot_name, story, verify, write_snapshot,
};
use qt_types::{
    Bar, BarFlags, Cash, Denied, DenyReason, E9, Event, ExecId, FeeIn, InstrumentId,
    InstrumentKind, InstrumentSpec, Limits, Liquidity, Nanos, OrderId, OrderKind, Payload, Price,
    Qty, RejectReason, Report, ReportKind, Seq, Side, Size, StrategyId, TimeInForce, Timer, Trade,
    VenueId,
};

use crate::support::{MARK, Place, event};

const START: i64 = 1_706_693_400_000_000_000;

fn spec() -> Record {
    let kind = InstrumentKind::Spot;
    let spec = InstrumentSpec::new("BTCUSDT", "USDT", kind, E9 / 100, E9 / 100_000, E9).unwrap();
    Record::Spec(SpecRecord { instrument: InstrumentId(3), spec })
}

fn stamp(seq: u64, after_ns: i64) -> Stamp {
    Stamp { seq: Seq::new(seq), at_ns: Nanos::new(START + after_ns) }
}

fn happened(seq: u64, after_ns: i64, payload: Payload) -> Record {
    let Stamp { seq, at_ns } = stamp(seq, after_ns);
    let (instrument, venue) = (InstrumentId(3), VenueId(0));
    Record::Event(Event { seq, recv_ns: at_ns, venue_ns: at_ns, instrument, venue, payload })
}

fn report(order: OrderId, kind: ReportKind) -> Report {
    Report::plain(order, kind, RejectReason::None)
}

/// Wants one order, a change of it, its end.
struct Once(usize);

impl Strategy for Once {
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        self.0 += 1;
        let limit = |ticks| OrderKind::Limit { price: Price::from_ticks(ticks) };
        match self.0 {
            1 => {
                let bracket = qt_types::Bracket {
                    stop: Some(Price::from_ticks(40)),
                    target: Some(Price::from_ticks(200)),
                    trail_bps: None,
                };
                let size = Size::Fixed(Qty::from_lots(5));
                let tif = TimeInForce::Gtd(Nanos::new(START));
                let place = qt_types::Place::new(InstrumentId(0), Side::Buy, limit(90));
                ctx.place(place.size(size).bracket(bracket).tif(tif));
            }
            2 => ctx.replace(OrderId::new(1, 1), limit(91), Qty::from_lots(6)),
            _ => ctx.cancel(OrderId::new(1, 1)),
        }
    }
}

/// Denies nothing.
struct Yes;

impl Gate for Yes {
    fn size(&self, _: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(7))
    }
    fn check(&mut self, _: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        Ok(())
    }
}

/// Commands as a pipeline makes them: an order with a stop and a target, a change, a cancel.
fn commands() -> Vec<Command> {
    let limits = Limits::default();
    let config = PipelineConfig {
        specs: vec![InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9).unwrap()],
        initial: Cash::from_nano(1_000_000 * i128::from(E9)),
        exits: Exits::default(),
        limits,
        epoch: 1,
        books: vec![],
        active_from_ns: Nanos::MIN,
    };
    let mut pipeline = Pipeline::new(config, Once(0), Yes);
    let (mut out, mut sent) = (Outbox::new(&limits), Vec::new());
    let mut step = |seq: u64, payload| {
        let at = Nanos::new(seq as i64);
        let instrument = InstrumentId(0);
        let (seq, venue) = (Seq::new(seq), VenueId(0));
        let event = Event { seq, recv_ns: at, venue_ns: at, instrument, venue, payload };
        out.clear();
        pipeline.step(&event, &mut out).unwrap();
        sent.extend(out.commands.as_slice());
    };
    let price = Price::from_ticks(100);
    for seq in 0..3 {
        let bar = Bar {
            open_ns: Nanos::new(seq as i64),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::from_lots(1),
            half_spread: [0; 4],
            flags: BarFlags::NONE,
            row: 0,
        };
        step(2 * seq + 1, Payload::Bar(bar));
        let id = OrderId::new(1, 1);
        let accepted =
            report(id, if seq == 0 { ReportKind::Accepted } else { ReportKind::Replaced });
        let (price, qty) = (Price::from_ticks(91), Qty::from_lots(6));
        step(2 * seq + 2, Payload::Report(Report { price, qty, leaves: qty, ..accepted }));
    }
    sent
}

#[test]
fn commands_of_a_pipeline_come_back_as_intentions() {
    let sent = commands();
    let kinds: Vec<u8> = sent
        .iter()
        .map(|command| match command {
            Command::New(_) => 0,
            Command::Replace(_) => 1,
            Command::Cancel(_) => 2,
        })
        .collect();
    assert!([0, 1, 2].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    for command in &sent {
        journal.append_command(stamp(1, 0), command).unwrap();
    }
    journal.close(stamp(1, 0)).unwrap();
    let mut left = sent.iter();
    for entry in crate::support::entries(&place.path()) {
        let Record::Command(found) = entry.record else { continue };
        let command = left.next().unwrap();
        assert_eq!(found, CommandRecord::new(stamp(1, 0), command));
        assert_eq!(found.intention, *command);
        assert_eq!(found.intention.order(), command.order());
        assert_eq!(found.intention.instrument(), command.instrument());
        assert!(sent.iter().all(|other| other == command || found.intention != *other));
    }
    assert!(left.next().is_none());
}

fn new_order(order: OrderId, qty: i64, kind: OrderKind) -> Intention {
    Intention::New(qt_journal::NewIntention {
        order,
        instrument: InstrumentId(3),
        side: Side::Buy,
        kind,
        tif: TimeInForce::Gtc,
        qty: Qty::from_lots(qty),
        reduce_only: false,
        post_only: true,
        display: Qty::ZERO,
        parent: OrderId::NONE,
        activation: qt_types::Activation::FirstFill,
        oco: OrderId::NONE,
    })
}

/// Records, and what their lines end with.
fn in_words() -> Vec<(Record, &'static str)> {
    let id = OrderId::new(1, 12);
    let limit = OrderKind::Limit { price: Price::from_ticks(4_321_056) };
    let fill = Report {
        exec: ExecId(77),
        price: Price::from_ticks(4_321_050),
        qty: Qty::from_lots(50_000),
        leaves: Qty::from_lots(100_000),
        fee: Cash::from_nano(21_605_250_000),
        fee_in: FeeIn::Quote,
        liquidity: Liquidity::Maker,
        ..report(id, ReportKind::Filled)
    };
    let trade = Trade {
        price: Price::from_ticks(4_321_100),
        qty: Qty::from_lots(1),
        aggressor: Some(Side::Sell),
        flags: BarFlags::NONE,
        row: 0,
    };
    let denied = Denied {
        order: OrderId::NONE,
        side: Some(Side::Sell),
        qty: Qty::from_lots(100_000),
        reason: DenyReason::MaxOrderQty,
        strategy: StrategyId::FIRST,
    };
    let due_ns = Nanos::new(START + 1);
    vec![
        (spec(), "spec BTCUSDT instrument 3 spot USDT tick 0.01 lot 0.00001 multiplier 1"),
        (Record::Config(b"{\"a\":\n1}".to_vec()), "config {\\\"a\\\":\\n1}"),
        (Record::Config(vec![0xff; 9]), "config 9 bytes"),
        (Record::Event(event(10)), "event BTCUSDT bid 50000.1 holds 0.00011, complete"),
        (happened(1, 0, Payload::Trade(trade)), "BTCUSDT trade of 0.00001 at 43211, taken by sell"),
        (
            happened(2, 0, Payload::Timer(Timer { due_ns, token: 8, strategy: StrategyId::FIRST })),
            "timer 8, due 2024-01-31T09:30:00.000000001Z",
        ),
        (
            Record::Command(CommandRecord {
                stamp: stamp(2, 5),
                intention: new_order(id, 150_000, limit),
            }),
            "command send BTCUSDT order 12 buy 1.5 limit 43210.56 gtc post-only",
        ),
        (
            happened(3, 9, Payload::Report(fill)),
            "BTCUSDT order 12 filled quantity 0.5 price 43210.5 open 1 fee 21.60525 execution 77 \
             maker",
        ),
        (
            happened(4, 9, Payload::Denied(denied)),
            "denied a new order on BTCUSDT sell 1 because MAX_ORDER_QTY",
        ),
        (
            Record::Control(Control { stamp: stamp(4, 9), kind: 2, bytes: vec![1; 3] }),
            "control kind 2, 3 bytes",
        ),
        (Record::Mark(Mark { stamp: stamp(4, 9), hash: 0xab }), "mark state 00000000000000ab"),
        (Record::End(stamp(4, 10)), "end stopped in order"),
    ]
}

#[test]
fn every_record_is_one_line_in_plain_words() {
    let mut describer = Describer::new();
    for (at, (record, words)) in in_words().into_iter().enumerate() {
        let lsn = Lsn::new(at as u64 + 1);
        let line = describer.line(&Entry { lsn, epoch: 1, record });
        assert!(line.ends_with(words), "{line}\n{words}");
        assert!(!line.contains('\n') && line.contains(&format!(" {lsn} ")), "{line}");
    }
    let end = Entry { lsn: Lsn::new(9), epoch: 1, record: Record::End(stamp(4, 10)) };
    let line = Describer::new().line(&end);
    assert_eq!(line, "2024-01-31T09:30:00.000000010Z 9 4 end stopped in order");
    // Without its spec a number keeps its unit.
    let tick = Entry { lsn: Lsn::new(9), epoch: 1, record: Record::Event(event(10)) };
    let line = Describer::new().line(&tick);
    assert!(line.ends_with("instrument 3 bid 5000010 ticks holds 11 lots, complete"), "{line}");
}

/// Any record has a line, whatever its numbers.
#[test]
fn extreme_numbers_have_words_too() {
    let most = Report {
        price: Price::from_ticks(i64::MIN),
        qty: Qty::from_lots(i64::MAX),
        leaves: Qty::from_lots(i64::MIN),
        fee: Cash::from_nano(i128::MIN),
        ..report(OrderId::new(u16::MAX, u64::MAX), ReportKind::Corrected)
    };
    let mut describer = Describer::new();
    describer.see(&spec());
    let at = Stamp { seq: Seq::new(u64::MAX), at_ns: Nanos::MIN };
    let Record::Event(mut event) = happened(1, 0, Payload::Report(most)) else { return };
    (event.seq, event.recv_ns) = (at.seq, at.at_ns);
    let line = describer.line(&Entry { lsn: Lsn::new(1), epoch: 1, record: Record::Event(event) });
    assert!(line.starts_with("1677-09-21T00:12:43.145224192Z 1 18446744073709551615 "), "{line}");
    event.recv_ns = Nanos::MAX;
    let line = describer.line(&Entry { lsn: Lsn::new(1), epoch: 1, record: Record::Event(event) });
    assert!(line.starts_with("2262-04-11T23:47:16.854775807Z"), "{line}");
}

#[test]
fn the_story_of_an_order_has_all_of_it_and_nothing_else() {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    let (id, other) = (OrderId::new(1, 12), OrderId::new(1, 13));
    let part = id.part(2).unwrap();
    let limit = OrderKind::Limit { price: Price::from_ticks(4_321_056) };
    let command = |seq, after_ns, intention| {
        Record::Command(CommandRecord { stamp: stamp(seq, after_ns), intention })
    };
    let refused = Denied {
        order: id,
        side: None,
        qty: Qty::from_lots(9),
        reason: DenyReason::RateMessages,
        strategy: StrategyId::FIRST,
    };
    let cancelled = Report::plain(part, ReportKind::Cancelled, RejectReason::Requested);
    let records = [
        spec(),
        command(1, 0, new_order(id, 150_000, limit)),
        command(1, 0, new_order(other, 150_000, limit)),
        happened(2, 1_500, Payload::Report(report(id, ReportKind::Accepted))),
        happened(3, 1_700, Payload::Report(report(other, ReportKind::Accepted))),
        happened(4, 2_000, Payload::Denied(refused)),
        command(4, 2_000, new_order(part, 1, OrderKind::Market)),
        happened(5, 1_000_002_000, Payload::Report(cancelled)),
    ];
    for record in &records {
        journal.append(record).unwrap();
    }
    journal.close(stamp(5, 1_000_002_000)).unwrap();
    let told = story(&place.path(), id).unwrap();
    assert_eq!(
        told.to_string(),
        "order 12\n\
         2024-01-31T09:30:00.000000000Z 2 after event 1: send BTCUSDT order 12 buy 1.5 limit \
         43210.56 gtc post-only\n\
         2024-01-31T09:30:00.000001500Z 4 after event 2, +1500 ns: BTCUSDT order 12 accepted open \
         0\n\
         2024-01-31T09:30:00.000002000Z 6 after event 4, +500 ns: denied a change of order 12 \
         0.00009 because RATE_MESSAGES\n\
         2024-01-31T09:30:00.000002000Z 7 after event 4, +0 ns: send BTCUSDT order 12.2 buy \
         0.00001 market gtc post-only\n\
         2024-01-31T09:30:01.000002000Z 8 after event 5, +1000000000 ns: BTCUSDT order 12.2 \
         cancelled open 0 because REQUESTED"
    );
    assert_eq!(story(&place.path(), part).unwrap().steps.len(), 2);
    let nobody = story(&place.path(), OrderId::new(1, 99)).unwrap();
    assert_eq!(nobody.to_string(), "order 99: the journal says nothing of it");
}

#[test]
fn a_snapshot_is_kept_whole_or_refused() {
    let place = Place::new();
    let mut journal = place.open(Durable::Disk);
    journal.append_event(&event(1)).unwrap();
    let state: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    let reference = write_snapshot(journal.path(), MARK, stamp(1, 0), &state).unwrap();
    journal.append(&Record::Snapshot(reference)).unwrap();
    let empty = write_snapshot(journal.path(), MARK, stamp(2, 0), &[]).unwrap();
    journal.append(&Record::Snapshot(empty)).unwrap();
    journal.close(stamp(1, 0)).unwrap();
    let path = place.path();
    assert_eq!(read_snapshot(&path, MARK, reference).unwrap(), state);
    assert_eq!(read_snapshot(&path, MARK, empty).unwrap(), []);
    let report = verify(&path).unwrap();
    assert!(report.is_whole(), "{report}");
    let found = qt_journal::recover(&path, Some(MARK), |_| {}).unwrap();
    assert_eq!(found.snapshot, Some((Lsn::new(3), empty)));
    let text = report.to_string();
    assert!(text.contains("4 records: 1 event 2 snapshot 1 end"), "{text}");
    assert!(text.ends_with("whole; the last run was stopped in order"), "{text}");

    let file = path.join(snapshot_name(Seq::new(1)));
    let whole = fs::read(&file).unwrap();
    for byte in (0..100).chain((100..whole.len()).step_by(997)) {
        let mut changed = whole.clone();
        changed[byte] ^= 1;
        fs::write(&file, &changed).unwrap();
        let error = read_snapshot(&path, MARK, reference).unwrap_err();
        assert!(error.is_damage(), "byte {byte}: {error}");
    }
    for length in [0, 7, 79, 80, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(read_snapshot(&path, MARK, reference).unwrap_err().is_damage());
    }
    fs::write(&file, [whole.as_slice(), &[0]].concat()).unwrap();
    assert!(read_snapshot(&path, MARK, reference).unwrap_err().is_damage());
    assert!(!verify(&path).unwrap().is_whole());
    fs::remove_file(&file).unwrap();
    assert!(matches!(read_snapshot(&path, MARK, reference), Err(JournalError::Io { .. })));
    let other = qt_journal::Fingerprint([1; 32]);
    let error = read_snapshot(&path, other, empty).unwrap_err();
    assert!(matches!(error, JournalError::OtherConfiguration { .. }), "{error}");
}
