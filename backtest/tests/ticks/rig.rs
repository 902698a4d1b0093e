//! The venue alone, without files and clocks: random streams and orders, fast. Commands can only
//! come out of a pipeline, so a small one makes them; it is told what the venue says, and its
//! books are compared with the venue's at the end.

use qt_backtest::venue::{SimVenue, VenueConfig};
use qt_engine::{BookKind, Bounded, Context, Delivery, Outbox, Pipeline, Strategy, Venue};
use qt_types::{
    BarFlags, Event, InstrumentId, Nanos, OrderTick, Payload, Price, Qty, Seq, Tick, Timer, Trade,
    VenueId,
};

use crate::harness::{Open, pipeline_config, spec};
use crate::naive::{NaiveMarket, NaiveVenue};
use crate::script::{Said, Step};

/// Takes the step that a timer's token names.
#[derive(Debug)]
struct Relay {
    steps: Vec<Step>,
}

impl Strategy for Relay {
    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.steps[timer.token as usize].take(ctx);
    }
}

/// What happens: a record at the venue, or a step of ours.
#[derive(Clone, Copy, Debug)]
pub enum Happening {
    Tick(Tick),
    Order(OrderTick),
    /// The next step.
    Step(i64),
}

impl Happening {
    fn time_ns(&self) -> i64 {
        match self {
            Self::Tick(tick) => tick.venue_ns,
            Self::Order(tick) => tick.venue_ns,
            Self::Step(ns) => *ns,
        }
    }
}

/// Both venues and the pipeline between them.
pub struct Rig {
    mint: Pipeline<Relay, Open>,
    outbox: Outbox,
    inbox: Bounded<Delivery>,
    fast: SimVenue,
    naive: NaiveVenue,
    said: Vec<Said>,
}

fn event(payload: Payload, now_ns: i64) -> Event {
    let (recv_ns, venue_ns) = (Nanos::new(now_ns), Nanos::new(now_ns));
    let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
    Event { seq, recv_ns, venue_ns, instrument, venue, payload }
}

impl Rig {
    pub fn new(
        config: &VenueConfig,
        book: BookKind,
        market: NaiveMarket,
        steps: Vec<Step>,
    ) -> Self {
        let (order_ns, report_ns) =
            (config.order_latency.shortest_ns(), config.response_latency.shortest_ns());
        let mut rig = Self {
            mint: Pipeline::new(pipeline_config(Vec::new(), config.limits), Relay { steps }, Open),
            outbox: Outbox::new(&config.limits),
            inbox: Bounded::new(512),
            fast: SimVenue::new(config.clone(), vec![spec()]).with_books(&[book]),
            naive: NaiveVenue::new(config.clone(), market, order_ns, report_ns),
            said: Vec::new(),
        };
        // The pipeline takes no orders before it has seen a price.
        let (price, qty) = (Price::from_ticks(100), Qty::from_lots(1));
        let trade = Trade { price, qty, aggressor: None, flags: BarFlags::NONE, row: 0 };
        rig.feed(Payload::Trade(trade), i64::MIN);
        rig
    }

    /// One event through the pipeline; its commands go to both venues.
    fn feed(&mut self, payload: Payload, now_ns: i64) {
        self.mint.step(&event(payload, now_ns), &mut self.outbox).unwrap();
        for command in self.outbox.commands.as_slice() {
            self.fast.submit(command, Nanos::new(now_ns));
            self.naive.submit(command, now_ns);
        }
        self.outbox.clear();
    }

    /// What happens before `until_ns`, in the order of time: commands arrive, reports reach us.
    fn run_before(&mut self, until_ns: i64) {
        loop {
            let report_ns = self.fast.next_ns().map_or(i64::MAX, Nanos::get);
            let command_ns = self.fast.next_command_ns().unwrap_or(i64::MAX);
            if report_ns.min(command_ns) >= until_ns {
                return;
            }
            if report_ns <= command_ns {
                self.hear(report_ns);
            } else {
                self.fast.apply_commands(command_ns).unwrap();
                self.naive.arrive_before(command_ns + 1);
            }
        }
    }

    /// Reports that reach us at `now_ns`.
    fn hear(&mut self, now_ns: i64) {
        self.inbox.clear();
        self.fast.poll(Nanos::new(now_ns), &mut self.inbox);
        for at in 0..self.inbox.len() {
            let Delivery { venue_ns, recv_ns, report, .. } = self.inbox.get(at).unwrap();
            self.said.push(Said::of(&report, venue_ns.get(), recv_ns.get()));
            self.feed(Payload::Report(report), now_ns);
        }
    }

    /// Plays all of it and holds one venue to the other after every happening.
    pub fn play(&mut self, happenings: &[Happening]) -> Result<&[Said], String> {
        let mut step = 0;
        for happening in happenings {
            let now_ns = happening.time_ns();
            self.run_before(now_ns);
            match happening {
                Happening::Tick(tick) => {
                    self.fast.on_tick(InstrumentId(0), tick, || 0).unwrap();
                    self.naive.on_tick(tick);
                }
                Happening::Order(tick) => {
                    self.fast.on_order_tick(InstrumentId(0), tick, 0).unwrap();
                    self.naive.on_order_tick(tick);
                }
                Happening::Step(..) => {}
            }
            self.hear(now_ns);
            if let Happening::Step(ns) = happening {
                let timer = Timer {
                    due_ns: Nanos::new(*ns),
                    token: step,
                    strategy: qt_types::StrategyId::FIRST,
                };
                step += 1;
                self.feed(Payload::Timer(timer), now_ns);
            }
        }
        self.run_before(i64::MAX);
        if self.said != self.naive.said {
            let differs = self.said.iter().zip(&self.naive.said).position(|(a, b)| a != b);
            let at = differs.unwrap_or_else(|| self.said.len().min(self.naive.said.len()));
            return Err(format!(
                "report {at}\n fast  {:?}\n naive {:?}",
                self.said.get(at),
                self.naive.said.get(at),
            ));
        }
        let ledger = self.mint.exposure().ledger;
        self.fast.compare(ledger).map_err(|error| format!("books: {error:?}"))?;
        let held = ledger.position(InstrumentId(0)).qty().lots();
        if held != self.naive.position {
            return Err(format!("position {held}, naive {}", self.naive.position));
        }
        Ok(&self.said)
    }
}
