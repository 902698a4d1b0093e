//! The kill switch in the middle of everything (B11): at each of its levels every open order that
//! could open a position is cancelled with the switch itself, and nothing but cancels leaves until
//! it is armed again.

use std::collections::{BTreeSet, VecDeque};

use qt_engine::oms::Pending;
use qt_engine::{Command, Outbox, Sequencer};
use qt_types::{
    Control, ControlKind, Event, InstrumentId, KillState, Level, Nanos, OrderId, Payload, Seq,
    Target, VenueId,
};

use crate::venue::Venue;
use crate::world::{Dice, Make, Market, Tested};

const LEVELS: [Level; 5] =
    [Level::Strategy, Level::Account, Level::Tenant, Level::Venue, Level::Global];

struct Flow {
    pipeline: Tested,
    sequencer: Sequencer,
    out: Outbox,
    venue: Venue,
    market: Market,
    dice: Dice,
    now_ns: i64,
}

/// The commands that left.
#[derive(Default)]
struct Left {
    opened: usize,
    cancelled: BTreeSet<OrderId>,
}

impl Flow {
    fn new(seed: u64) -> Self {
        let make = Make::new("busy", "");
        Self {
            pipeline: make.pipeline(),
            sequencer: Sequencer::new(),
            out: Outbox::new(&make.limits()),
            venue: Venue::default(),
            market: Market::new(),
            dice: Dice(seed),
            now_ns: 1_000_000_000,
        }
    }

    /// So many things happen, and nobody decides anything.
    fn run(&mut self, steps: usize, left: &mut Left) {
        for _ in 0..steps {
            self.now_ns += self.dice.below(20_000_000);
            while let Some(timer) = self.pipeline.take_timer(Nanos::new(self.now_ns)) {
                self.feed(InstrumentId(0), Payload::Timer(timer), left);
            }
            let report =
                if self.dice.is(3) { self.venue.next(&self.market, &mut self.dice) } else { None };
            let (instrument, payload) = match report {
                Some((instrument, report)) => (instrument, Payload::Report(report)),
                None => self.market.next(self.now_ns, &mut self.dice),
            };
            if !matches!(payload, Payload::Control(_)) {
                self.feed(instrument, payload, left);
            }
        }
    }

    fn decide(&mut self, kind: ControlKind) -> Left {
        let mut left = Left::default();
        let control = Control { kind, person: 1 };
        self.feed(InstrumentId(0), Payload::Control(control), &mut left);
        left
    }

    /// One event, and the denials and notices that it causes.
    fn feed(&mut self, instrument: InstrumentId, payload: Payload, left: &mut Left) {
        let mut waiting = VecDeque::from([(instrument, payload)]);
        while let Some((instrument, payload)) = waiting.pop_front() {
            let now_ns = Nanos::new(self.now_ns);
            let (recv_ns, venue_ns, venue) = (now_ns, now_ns, VenueId(0));
            let seq = Seq::default();
            let mut event = Event { seq, recv_ns, venue_ns, instrument, venue, payload };
            self.sequencer.stamp(&mut event);
            self.pipeline.step(&event, &mut self.out).expect("it goes on");
            for command in self.out.commands.as_slice() {
                self.venue.submit(command);
                match command {
                    Command::Cancel(cancel) => {
                        left.cancelled.insert(cancel.cancel.order);
                    }
                    Command::New(_) | Command::Replace(_) => left.opened += 1,
                }
            }
            let denials = self.out.denials.as_slice().iter();
            waiting.extend(denials.map(|it| (it.instrument, Payload::Denied(it.denied))));
            let notices = self.out.notices.as_slice().iter();
            waiting.extend(notices.map(|it| (it.instrument, Payload::Report(it.report))));
            self.out.clear();
        }
    }

    /// Open orders that could open a position and that nobody has asked to end yet.
    fn opening(&self) -> BTreeSet<OrderId> {
        let orders = self.pipeline.exposure().orders.iter();
        let opening = orders.filter(|it| !it.reduce_only && it.pending() != Pending::Cancel);
        opening.map(|order| order.id).collect()
    }
}

#[test]
fn nothing_but_cancels_leaves_a_killed_pipeline_and_all_of_them_do() {
    let (mut cancelled, mut kills, mut armed) = (0, 0, 0);
    for (seed, level) in (1..).zip(LEVELS.into_iter().cycle().take(60)) {
        let target = Target::new(level, 0);
        let mut flow = Flow::new(seed);
        let mut before = Left::default();
        flow.run(600 + usize::try_from(seed).unwrap_or(0) * 7, &mut before);
        if before.opened < 20 {
            // A settlement of everything came early: there is nothing to kill.
            continue;
        }
        let opening = flow.opening();
        let state = KillState::Halted;
        let mut killed = flow.decide(ControlKind::Trip { target, state });
        assert_eq!(killed.opened, 0, "{level:?}, seed {seed}");
        assert_eq!(killed.cancelled, opening, "{level:?}, seed {seed}");
        cancelled += opening.len();
        kills += 1;
        flow.run(1_500, &mut killed);
        assert_eq!(killed.opened, 0, "{level:?}, seed {seed}");

        let mut after = flow.decide(ControlKind::Arm { target });
        flow.run(600, &mut after);
        armed += usize::from(after.opened > 20);
    }
    assert!(kills > 40 && armed > 30, "{kills} kills, and {armed} times it went on");
    assert!(cancelled > 3 * kills, "{cancelled} orders were open at {kills} kills");
}
