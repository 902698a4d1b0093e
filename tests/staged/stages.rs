//! A pipeline at the mercy of the dice, and the same events fed to three stages on threads.

use std::collections::VecDeque;
use std::thread;

use qt_engine::staged::{
    Apart, FollowGate, FollowStrategy, LeadGate, LeadStrategy, Source, Staged,
};
use qt_engine::{Command, Denial, Gate, Notice, Outbox, Pipeline, Sequencer, Sink, Strategy};
use qt_ring::{Consumer, Item, Producer, Setup, Wait, broadcast};
use qt_types::{Event, InstrumentId, Nanos, Payload, Seq, VenueId};

use crate::venue::{Venue, can_be};
use crate::world::{Dice, Make, Market, signal};

/// Commands, denials, notices.
pub type Out = (Vec<Command>, Vec<Denial>, Vec<Notice>);

/// What came of one event.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub out: Out,
    pub state: u64,
}

/// Events and what came of each.
pub type Tale = Vec<(Event, Seen)>;

fn taken(outbox: &mut Outbox) -> Out {
    let out = (
        outbox.commands.as_slice().to_vec(),
        outbox.denials.as_slice().to_vec(),
        outbox.notices.as_slice().to_vec(),
    );
    outbox.clear();
    out
}

/// A run of `steps` things that happen, in one pipeline.
pub fn fused(make: &Make, seed: u64, steps: usize) -> Tale {
    let mut pipeline = make.pipeline();
    let (mut sequencer, mut outbox) = (Sequencer::new(), Outbox::new(&make.limits()));
    let (mut venue, mut market, mut dice) = (Venue::default(), Market::new(), Dice(seed));
    let mut now_ns = 1_000_000_000;
    let mut tale = Tale::new();
    for _ in 0..steps {
        now_ns += dice.below(200_000_000);
        let now = Nanos::new(now_ns);
        let timer = pipeline.take_timer(now).map(|timer| (InstrumentId(0), Payload::Timer(timer)));
        let next = timer.unwrap_or_else(|| {
            let report = if dice.is(3) { venue.next(&market, &mut dice) } else { None };
            match report.filter(|told| can_be(told, &pipeline.exposure())) {
                Some((instrument, report)) => (instrument, Payload::Report(report)),
                None => market.next(now_ns, &mut dice),
            }
        });
        let mut waiting = VecDeque::from([next]);
        if let (InstrumentId(0), Payload::Bar(_)) = next {
            // At the same time, so that strategies on two of them see both.
            let bar = market.bar_of(InstrumentId(1), now_ns, &mut dice);
            waiting.push_back((InstrumentId(1), Payload::Bar(bar)));
        }
        waiting.extend(signal(make.strategy, now_ns, &mut dice));
        while let Some((instrument, payload)) = waiting.pop_front() {
            let (recv_ns, venue_ns, venue_id) = (now, now, VenueId(0));
            let mut event = Event {
                seq: Seq::default(),
                recv_ns,
                venue_ns,
                instrument,
                venue: venue_id,
                payload,
            };
            sequencer.stamp(&mut event);
            pipeline.step(&event, &mut outbox).expect("the books balance");
            let out = taken(&mut outbox);
            out.0.iter().for_each(|command| venue.submit(command));
            let denials = out.1.iter();
            waiting.extend(denials.map(|it| (it.instrument, Payload::Denied(it.denied))));
            let notices = out.2.iter();
            waiting.extend(notices.map(|it| (it.instrument, Payload::Report(it.report))));
            tale.push((event, Seen { out, state: pipeline.state_hash() }));
        }
    }
    tale
}

/// What goes wrong between two stages (0: strategy, 1: risk, 2: execution).
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    LostWish { stage: usize, at: usize },
    LostAnswer { stage: usize, at: usize },
}

impl Damage {
    /// The stage that is told something wrong.
    pub fn stage(self) -> usize {
        let (Self::LostWish { stage, .. } | Self::LostAnswer { stage, .. }) = self;
        stage
    }

    fn of_wishes(damage: Option<Self>, of: usize) -> usize {
        match damage {
            Some(Self::LostWish { stage, at }) if stage == of => at,
            _ => usize::MAX,
        }
    }

    fn of_answers(damage: Option<Self>, of: usize) -> usize {
        match damage {
            Some(Self::LostAnswer { stage, at }) if stage == of => at,
            _ => usize::MAX,
        }
    }
}

/// A stage that could not go on, and the event that it had.
#[derive(Debug)]
pub struct Broken {
    pub stage: usize,
    pub why: Apart,
    pub event: usize,
}

struct Say<T: Item>(Producer<T>);

impl<T: Item> Sink<T> for Say<T> {
    fn push(&mut self, item: T) -> bool {
        self.0.push_or_wait(item).is_ok()
    }
}

/// Loses the item number `lost`.
struct Hear<T: Item> {
    from: Consumer<T>,
    lost: usize,
    count: usize,
}

impl<T: Item> Hear<T> {
    fn new(from: Consumer<T>, lost: usize) -> Self {
        Self { from, lost, count: 0 }
    }
}

impl<T: Item> Source<T> for Hear<T> {
    fn take(&mut self) -> Result<T, Apart> {
        if self.count == self.lost {
            self.from.pop_or_wait();
        }
        self.count += 1;
        self.from.pop_or_wait().ok_or(Apart::Gone)
    }
}

/// What came of each event in each stage.
pub type Made = [Vec<Seen>; 3];

/// The first event after which a stage has put out something else, or is in another state.
pub fn other(tale: &Tale, made: &Made) -> Option<usize> {
    let is_other = |at: &usize| {
        let was = &tale[*at].1;
        made.iter().any(|seen| seen.get(*at) != Some(was))
    };
    (0..tale.len()).find(is_other)
}

/// The events of `tale` fed to three stages, made of `makes`, with rings for `room` items.
///
/// The cause, where a stage could not go on.
pub fn staged(
    makes: &[&Make; 3],
    tale: &Tale,
    room: usize,
    damage: Option<Damage>,
) -> Result<Made, Broken> {
    let setup = Setup::new(room, Wait::Park);
    let (wishes, wished) = broadcast(&setup, 2).expect("a power of two");
    let (answers, answered) = broadcast(&setup, 2).expect("a power of two");
    let [to_risk, to_execution]: [_; 2] = wished.try_into().expect("two readers");
    let [to_strategy, to_last]: [_; 2] = answered.try_into().expect("two readers");
    let strategy = makes[0].strategy();
    let lost = |of| (Damage::of_wishes(damage, of), Damage::of_answers(damage, of));
    let follow_risk = FollowStrategy::new(&*strategy, Hear::new(to_risk, lost(1).0));
    let follow_last = FollowStrategy::new(&*strategy, Hear::new(to_execution, lost(2).0));
    let stages = thread::scope(|scope| {
        let first = scope.spawn(move || {
            let lead = LeadStrategy::new(strategy, Say(wishes));
            let gate = FollowGate::new(Hear::new(to_strategy, lost(0).1));
            stage(makes[0].assemble(lead, gate), makes[0], 0, tale)
        });
        let second = scope.spawn(move || {
            let gate = LeadGate::new(makes[1].gate(), Say(answers));
            stage(makes[1].assemble(follow_risk, gate), makes[1], 1, tale)
        });
        let third = scope.spawn(move || {
            let gate = FollowGate::new(Hear::new(to_last, lost(2).1));
            stage(makes[2].assemble(follow_last, gate), makes[2], 2, tale)
        });
        [first, second, third].map(|thread| thread.join().expect("no stage panics"))
    });
    let (mut made, mut cause): (Vec<_>, Option<Broken>) = (Vec::new(), None);
    for stage in stages {
        match stage {
            Ok(seen) => made.push(seen),
            Err(broken) if broken.why != Apart::Gone => cause = Some(broken),
            Err(broken) => cause = cause.or(Some(broken)),
        }
    }
    cause.map_or_else(|| Ok(made.try_into().map_err(|_| ()).expect("three stages")), Err)
}

/// One stage takes in all events, as a driver does.
fn stage<S: Strategy + Staged, G: Gate + Staged>(
    mut pipeline: Pipeline<S, G>,
    make: &Make,
    stage: usize,
    tale: &Tale,
) -> Result<Vec<Seen>, Broken> {
    let mut outbox = Outbox::new(&make.limits());
    let mut seen = Vec::with_capacity(tale.len());
    for (at, (event, _)) in tale.iter().enumerate() {
        if matches!(event.payload, Payload::Timer(_)) {
            pipeline.take_timer(event.recv_ns);
        }
        let stepped = pipeline.step(event, &mut outbox);
        if let Some(why) = pipeline.apart() {
            return Err(Broken { stage, why, event: at });
        }
        stepped.expect("the books balance");
        seen.push(Seen { out: taken(&mut outbox), state: pipeline.state_hash() });
    }
    Ok(seen)
}
