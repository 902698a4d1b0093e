//! Two pipelines that are fed the same: one goes on all the time, the other is put aside and
//! restored from its bytes again and again.

use std::collections::VecDeque;

use qt_engine::{Balance, Ledger, Outbox, Sequencer};
use qt_risk::RiskGate;
use qt_types::{
    Cash, CurrencyId, Event, InstrumentId, Level, Nanos, Payload, Seq, StrategyId, Target, VenueId,
};

use crate::venue::{Venue, can_be};
use crate::world::{Dice, Make, Market, Tested, signal};

pub struct Twins {
    make: Make,
    pub one: Tested,
    other: Tested,
    sequencers: [Sequencer; 2],
    outs: [Outbox; 2],
    venue: Venue,
    market: Market,
    dice: Dice,
    now_ns: i64,
    bytes: Vec<u8>,
    pub counts: Counts,
}

/// What happened, so that it is seen that something did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub cuts: usize,
    pub commands: usize,
    pub denials: usize,
    pub notices: usize,
    pub bytes_max: usize,
}

impl Twins {
    pub fn new(make: Make, seed: u64) -> Self {
        Self::with(make, seed, |_| {})
    }

    /// The same after `change` of both gates. Those that are restored begin with a gate that
    /// nobody has changed.
    pub fn with(make: Make, seed: u64, change: impl Fn(&mut RiskGate)) -> Self {
        let changed = || {
            let mut gate = make.gate();
            change(&mut gate);
            make.pipeline_with(gate)
        };
        let (one, other) = (changed(), changed());
        let out = Outbox::new(&make.limits());
        Self {
            one,
            other,
            sequencers: [Sequencer::new(); 2],
            outs: [out.clone(), out],
            venue: Venue::default(),
            market: Market::new(),
            dice: Dice(seed),
            now_ns: 1_000_000_000,
            bytes: Vec::new(),
            counts: Counts::default(),
            make,
        }
    }

    /// `steps` times something happens; between two of them, one time in `one_in`, a cut.
    pub fn run(&mut self, steps: usize, one_in: i64) {
        for _ in 0..steps {
            if self.dice.is(one_in) {
                self.cut();
            }
            self.now_ns += self.dice.below(200_000_000);
            while let Some(timer) = self.one.take_timer(Nanos::new(self.now_ns)) {
                assert_eq!(self.other.take_timer(Nanos::new(self.now_ns)), Some(timer));
                self.feed(InstrumentId(0), Payload::Timer(timer));
            }
            let report =
                if self.dice.is(3) { self.venue.next(&self.market, &mut self.dice) } else { None };
            let report = report.filter(|told| can_be(told, &self.one.exposure()));
            let (instrument, payload) = match report {
                Some((instrument, report)) => (instrument, Payload::Report(report)),
                None => self.market.next(self.now_ns, &mut self.dice),
            };
            self.feed(instrument, payload);
            if let Some((of, said)) = signal(self.make.strategy, self.now_ns, &mut self.dice) {
                self.feed(of, said);
            }
            if let (InstrumentId(0), Payload::Bar(_)) = (instrument, payload) {
                // At the same time, so that strategies on two of them see both.
                let bar = self.market.bar_of(InstrumentId(1), self.now_ns, &mut self.dice);
                self.feed(InstrumentId(1), Payload::Bar(bar));
            }
        }
        self.cut();
    }

    /// The other one is made anew from its bytes, which are those of the one that goes on.
    pub fn cut(&mut self) {
        let name = self.make.strategy;
        self.one.snapshot(&self.sequencers[0], &mut self.bytes).expect("it can be stored");
        let mut others = Vec::new();
        self.other.snapshot(&self.sequencers[1], &mut others).expect("it can be stored");
        assert!(self.bytes == others, "{name}: another state after {} cuts", self.counts.cuts);
        let (restored, sequencer) =
            self.make.pipeline().restore(&others).expect("it can be restored");
        (self.other, self.sequencers[1]) = (restored, sequencer);
        let mut again = Vec::new();
        self.other.snapshot(&self.sequencers[1], &mut again).expect("it can be stored");
        assert!(again == others, "{name}: another state right after a restore");
        self.counts.cuts += 1;
        self.counts.bytes_max = self.counts.bytes_max.max(others.len());
    }

    /// The last snapshot.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One event, and the denials and notices that it causes.
    fn feed(&mut self, instrument: InstrumentId, payload: Payload) {
        let mut waiting = VecDeque::from([(instrument, payload)]);
        while let Some((instrument, payload)) = waiting.pop_front() {
            self.step(instrument, payload);
            let out = &mut self.outs[0];
            for command in out.commands.as_slice() {
                self.venue.submit(command);
            }
            let denials = out.denials.as_slice().iter();
            waiting
                .extend(denials.map(|denial| (denial.instrument, Payload::Denied(denial.denied))));
            let notices = out.notices.as_slice().iter();
            waiting
                .extend(notices.map(|notice| (notice.instrument, Payload::Report(notice.report))));
            self.counts.commands += out.commands.len();
            self.counts.denials += out.denials.len();
            self.counts.notices += out.notices.len();
            self.outs.iter_mut().for_each(Outbox::clear);
        }
    }

    fn step(&mut self, instrument: InstrumentId, payload: Payload) {
        let now_ns = Nanos::new(self.now_ns);
        let (recv_ns, venue_ns, venue) = (now_ns, now_ns, VenueId(0));
        let event = Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue, payload };
        let mut events = [event; 2];
        let [first, second] = &mut events;
        self.sequencers[0].stamp(first);
        self.sequencers[1].stamp(second);
        assert_eq!(first, second);
        let one = self.one.step(first, &mut self.outs[0]);
        let other = self.other.step(second, &mut self.outs[1]);
        assert_eq!(one, other);
        one.unwrap_or_else(|halt| panic!("{}: {halt} after {first:?}", self.make.strategy));
        let [one, other] = &self.outs;
        let name = self.make.strategy;
        assert_eq!(one.commands.as_slice(), other.commands.as_slice(), "{name}");
        assert_eq!(one.denials.as_slice(), other.denials.as_slice(), "{name}");
        assert_eq!(one.notices.as_slice(), other.notices.as_slice(), "{name}");
        assert_eq!(self.one.state_hash(), self.other.state_hash());
        assert_eq!(self.one.next_timer_ns(), self.other.next_timer_ns());
        assert_eq!(self.one.booked(), self.other.booked());
        assert_eq!(self.one.rests_until_ns(), self.other.rests_until_ns());
        assert_eq!(self.one.gate().denials(), self.other.gate().denials());
        self.check_books(first);
    }

    /// The books of several strategies together are those of the account, but for its capital and
    /// its exchanges of money; and each limit is held against the right position.
    fn check_books(&mut self, after: &Event) {
        let exposure = self.one.exposure();
        let ledger = exposure.ledger;
        if ledger.strategies() == 0 {
            return;
        }
        let ids: Vec<StrategyId> =
            (0..ledger.strategies()).map(|at| StrategyId(at as u16)).collect();
        for (at, spec) in exposure.specs.iter().enumerate() {
            let id = InstrumentId(at as u16);
            let units = |of: &Ledger| {
                let position = of.position(id);
                i128::from(position.qty().lots()) * i128::from(spec.lot_e9())
                    + i128::from(position.dust_e9())
            };
            let own: i128 = ids.iter().filter_map(|&of| ledger.own(of)).map(units).sum();
            assert_eq!(own, units(ledger), "position in {id:?} after {after:?}");
            for &of in &ids {
                let held = self.one.gate().position(Target::new(Level::Strategy, of.0), id);
                assert_eq!(held, ledger.held_by(of, id), "of {of:?} in {id:?} after {after:?}");
            }
        }
        for currency in 0..ledger.currencies() {
            let currency = CurrencyId(currency as u8);
            let sum = |part: fn(&Balance) -> Cash| {
                let own = ids.iter().filter_map(|&of| ledger.own(of));
                own.fold(Cash::ZERO, |sum, own| sum + part(own.balance(currency)))
            };
            let all = ledger.balance(currency);
            assert_eq!(sum(Balance::fees), all.fees(), "fees after {after:?}");
            assert_eq!(sum(Balance::carry), all.carry(), "carry after {after:?}");
            assert_eq!(sum(Balance::funding), all.funding(), "funding after {after:?}");
            let begun = all.initial() + all.exchanged();
            assert_eq!(sum(Balance::funds) + begun, all.funds(), "money after {after:?}");
        }
    }
}
