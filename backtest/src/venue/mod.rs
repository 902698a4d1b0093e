//! The simulated venue: holds our orders and fills them against replayed bars and trades, by the
//! rules of `docs/SEMANTICS.md`.

mod account;
mod agenda;
mod bars;
mod book;
mod borrow;
mod commands;
mod config;
mod execute;
mod expire;
mod expiry;
mod faults;
mod happen;
mod latency;
mod liquidation;
mod margin;
mod matching;
mod money;
mod order;
mod path;
mod prints;
mod queue;
mod reports;
mod rules;
mod session;
mod side_bar;
mod stored;
mod volume;

use std::collections::VecDeque;

use qt_engine::{BookKind, Bounded, Command, Deal, Delivery, Ledger, LedgerError, Sink, Venue};
use qt_types::{
    Bar, BarFlags, Cash, CurrencyId, ExecId, InstrumentId, InstrumentSpec, Lacks, Nanos, OrderId,
    Price, Qty, RejectReason, Report, ReportKind, Side,
};
use serde::{Deserialize, Serialize};

use account::VenueAccount;
use agenda::Agenda;
pub use agenda::{Happening, Planned};
use book::BookMarket;
pub use config::{Fees, FillAt, Scene, SelfTrade, VenueConfig};
use faults::Faults;
pub use faults::{Fault, FaultKind};
pub use latency::LatencyModel;
pub(crate) use latency::{Action, Latency};
pub use margin::{Bracket, MarginMode, MarginRules, MarginTable};
use matching::Outcome;
pub use money::{FeeAsset, Money};
use order::SimOrder;
pub use path::{FillPath, Rested};
pub use queue::QueueModel;
pub(crate) use reports::report_event;
pub use rules::InstrumentRule;
pub use session::Session;
use side_bar::SideBar;
use volume::Volume;
pub use volume::{FeeTier, FeeTiers};

/// What the venue counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueCounts {
    /// Fills larger than their bar's volume.
    pub fills_over_volume: u64,
    /// Fills larger than a tenth of their bar's volume.
    pub fills_over_tenth: u64,
    /// Bars in which both a stop and a target could have been hit.
    pub ambiguous_bars: u64,
    /// What those bars would have brought more, had the target been hit first.
    pub ambiguous_gain: Cash,
    /// Orders refused at the fill for want of money.
    pub insufficient_funds: u64,
    /// Orders refused at the fill for want of a position.
    pub short_not_allowed: u64,
    /// Funding instants at which there was a position.
    pub fundings: u64,
    /// How often positions were closed because their margin was used up.
    pub liquidations: u64,
    /// Executions that were taken back.
    pub busts: u64,
    /// Positions that were settled because their instrument had expired.
    pub settlements: u64,
    /// How often money was exchanged for another currency.
    pub exchanges: u64,
    /// Orders that were refused, by reason.
    pub refused: [u64; RejectReason::ALL.len()],
}

/// The state of one instrument's market at the venue.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Tape {
    /// The bar being played, or the last one played.
    bar: Bar,
    close_ns: i64,
    /// Whether the bar's open was played and its end was not.
    is_open: bool,
    /// Whether the bar has begun and its open is yet to be played.
    is_opening: bool,
    /// Whether a stop and a target could both have been hit in the bar.
    is_ambiguous: bool,
    /// Lots that we may still trade in the bar; `None` without a cap.
    budget: Option<i64>,
    /// What meets the market here: our orders, and a position whose margin is watched.
    live: u32,
    /// The same while nothing trades.
    parked: u32,
    session: Session,
    is_watched: bool,
    /// The last execution that may be taken back.
    last_fill: Option<(OrderId, ExecId, Deal)>,
}

/// Fills for which there is room from the start.
const FILLS_RESERVED: usize = 4_096;

/// The simulated venue.
#[derive(Debug)]
pub struct SimVenue {
    config: VenueConfig,
    account: VenueAccount,
    tapes: Vec<Tape>,
    /// Empty in runs without books.
    markets: Vec<Option<BookMarket>>,
    /// Whether the open of any tape is yet to be played.
    opening: bool,
    orders: Vec<SimOrder>,
    /// Whether any of them has ended.
    has_ended: bool,
    /// Whether an order that hangs on another one, or one with a trigger, has come since there
    /// was none.
    has_children: bool,
    has_triggers: bool,
    commands: VecDeque<(i64, Command)>,
    /// Whether an order that hangs on another one has been under way since nothing was.
    has_ties_under_way: bool,
    reports: VecDeque<Delivery>,
    /// When the first of them reaches us (UTC ns); the largest number for never.
    next_report_ns: i64,
    /// The source row of each execution, and how it came about.
    executions: Vec<(u32, FillPath)>,
    /// How the next one comes about.
    path: FillPath,
    /// What fees were worth that were taken in something else than money of the instrument.
    fee_values: Vec<(ExecId, Cash)>,
    /// Orders that joined a queue and were not told of yet.
    rested: Vec<Rested>,
    counts: VenueCounts,
    fees: Fees,
    order_latency: Latency,
    response_latency: Latency,
    /// Orders in work of one step, in order; kept for its memory.
    scratch: Vec<usize>,
    /// What one order took of each level, where orders have no impact.
    own_sweep: Vec<(i64, i64)>,
    /// When the time of the next order is over (UTC ns).
    next_expiry_ns: i64,
    agenda: Agenda,
    /// Positions whose margin is watched.
    watched: u32,
    /// `None` where nothing goes wrong.
    faults: Option<Box<Faults>>,
    /// `None` where the fees do not depend on what was traded.
    volume: Option<Box<Volume>>,
}

impl SimVenue {
    /// A venue with these instruments. All memory that it will need is taken here.
    #[must_use]
    pub fn new(config: VenueConfig, specs: Vec<InstrumentSpec>) -> Self {
        let empty = Bar {
            open_ns: Nanos::MIN,
            open: Price::ZERO,
            high: Price::ZERO,
            low: Price::ZERO,
            close: Price::ZERO,
            volume: Qty::ZERO,
            half_spread: [0; 4],
            flags: BarFlags::NO_VOLUME,
            row: 0,
        };
        let tape = Tape {
            bar: empty,
            close_ns: i64::MIN,
            is_open: false,
            is_opening: false,
            is_ambiguous: false,
            budget: None,
            live: 0,
            parked: 0,
            session: Session::Open,
            is_watched: false,
            last_fill: None,
        };
        let room = config.limits.orders_open_max;
        Self {
            tapes: vec![tape; specs.len()],
            opening: false,
            account: VenueAccount::new(&config, specs),
            orders: Vec::with_capacity(room),
            has_ended: false,
            has_children: false,
            has_triggers: false,
            commands: VecDeque::with_capacity(room * 4),
            has_ties_under_way: false,
            reports: VecDeque::with_capacity(room * 4),
            next_report_ns: i64::MAX,
            executions: Vec::with_capacity(FILLS_RESERVED),
            path: FillPath::Market,
            fee_values: Vec::new(),
            rested: Vec::with_capacity(room),
            counts: VenueCounts::default(),
            fees: config.fees,
            markets: Vec::new(),
            order_latency: Latency::new(config.order_latency.clone()),
            response_latency: Latency::new(config.response_latency.clone()),
            scratch: Vec::with_capacity(room),
            own_sweep: Vec::new(),
            next_expiry_ns: i64::MAX,
            agenda: Agenda::new(config.scene.agenda.clone()),
            watched: 0,
            faults: faults_of(&config.scene),
            volume: config.scene.fee_tiers.clone().map(|tiers| Box::new(Volume::new(tiers))),
            config,
        }
    }

    /// The same with the books `kinds`, by instrument; instruments beyond its end have none.
    #[must_use]
    pub fn with_books(self, kinds: &[BookKind]) -> Self {
        Self { markets: kinds.iter().map(BookMarket::new).collect(), ..self }
    }

    /// The shortest time that a command is under way.
    #[must_use]
    pub fn shortest_order_latency_ns(&self) -> i64 {
        if self.faults.is_some() {
            // Our own side of the link may say something at any time.
            return 0;
        }
        self.config.order_latency.shortest_ns()
    }

    /// The shortest time that a report is under way.
    #[must_use]
    pub fn shortest_response_latency_ns(&self) -> i64 {
        if self.faults.is_some() {
            return 0;
        }
        self.config.response_latency.shortest_ns()
    }

    /// Whether nothing is in work, under way or borrowed at a fee: then a bar can change nothing
    /// here.
    #[must_use]
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.orders.is_empty()
            && self.commands.is_empty()
            && self.reports.is_empty()
            && !self.account.is_borrowing()
            && self.watched == 0
            && self.agenda.next_ns() == i64::MAX
    }

    /// What it cannot do by itself.
    #[must_use]
    pub const fn lacks(&self) -> Lacks {
        self.config.lacks
    }

    /// Whether executions may be taken back.
    #[must_use]
    pub const fn has_busts(&self) -> bool {
        self.config.scene.has_busts
    }

    /// What the venue counted so far.
    #[must_use]
    pub const fn counts(&self) -> &VenueCounts {
        &self.counts
    }

    /// The source row of the bar in which execution `exec` happened.
    #[must_use]
    pub fn row_of(&self, exec: ExecId) -> u32 {
        let index = usize::try_from(exec.0).unwrap_or(usize::MAX).wrapping_sub(1);
        self.executions.get(index).map_or(u32::MAX, |&(row, _)| row)
    }

    /// The venue's own books.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.account.ledger()
    }

    /// Compares the venue's books with `other`, which was told of every fill and fee: both must
    /// balance and have the same cash, realised profit and positions.
    ///
    /// # Errors
    /// When they do not.
    pub fn compare(&self, other: &Ledger) -> Result<(), LedgerError> {
        let own = self.account.ledger();
        own.check()?;
        other.check()?;
        let same = |index: usize| {
            let instrument = InstrumentId(u16::try_from(index).unwrap_or(u16::MAX));
            own.position(instrument) == other.position(instrument)
        };
        let same_money = |at: usize| {
            let currency = CurrencyId(u8::try_from(at).unwrap_or(u8::MAX));
            own.balance(currency) == other.balance(currency)
        };
        let agree = own.currencies() == other.currencies()
            && (0..own.currencies()).all(same_money)
            && (0..self.tapes.len()).all(same);
        if agree { Ok(()) } else { Err(LedgerError::Unbalanced) }
    }

    /// When the next command reaches the venue, the time of an order is over, or something
    /// happens that is planned (UTC ns).
    #[must_use]
    #[inline]
    pub fn next_command_ns(&self) -> Option<i64> {
        let set_ns = self.next_expiry_ns.min(self.agenda.next_ns());
        match self.commands.front() {
            Some(&(arrival_ns, _)) => Some(arrival_ns.min(set_ns)),
            None => (set_ns < i64::MAX).then_some(set_ns),
        }
    }

    /// The fee of a fill worth `worth`.
    fn fee_of(&mut self, worth: Cash, liquidity: qt_types::Liquidity, now_ns: i64) -> Option<Cash> {
        if let Some(volume) = &mut self.volume {
            self.fees = volume.fees(now_ns).unwrap_or(self.config.fees);
        }
        self.fees.of(worth, liquidity)
    }

    /// The rates of the last fee.
    const fn fees_now(&self) -> Fees {
        self.fees
    }

    /// Charges the fee for short positions in `instrument` at the end of a bar, where there is
    /// one, and says so in a report of its own.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn charge_borrowing(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if !self.account.is_borrowing() {
            return Ok(());
        }
        let fee = self.account.charge(instrument, now_ns)?;
        if fee != Cash::ZERO {
            let report = Report::plain(OrderId::NONE, ReportKind::Carry, RejectReason::None);
            self.send(instrument, now_ns, Report { fee, ..report });
            self.cover(instrument, now_ns)?;
        }
        Ok(())
    }

    fn put_on_way(&mut self, arrival_ns: i64, command: &Command) {
        if let Command::New(new) = command {
            self.has_ties_under_way |= !new.parent.is_none() || !new.oco.is_none();
        }
        self.commands.push_back((arrival_ns, *command));
    }

    fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|order| order.id == id && !order.ended)
    }

    /// Takes out what has ended; whether something has.
    #[inline]
    fn sweep(&mut self) -> bool {
        let has_ended = std::mem::take(&mut self.has_ended);
        if has_ended {
            self.sweep_ended();
        }
        has_ended
    }

    #[inline(never)]
    fn sweep_ended(&mut self) {
        for order in self.orders.iter().filter(|order| order.ended) {
            self.tapes[order.instrument.index()].went();
        }
        self.orders.retain(|order| !order.ended);
        self.has_children &= !self.orders.is_empty();
        self.has_triggers &= !self.orders.is_empty();
    }
}

impl Venue for SimVenue {
    fn submit(&mut self, command: &Command, now_ns: Nanos) {
        if self.send_in_trouble(command, now_ns.get()) {
            return;
        }
        let action = match command {
            Command::New(_) => Action::New,
            Command::Replace(_) => Action::Replace,
            Command::Cancel(_) => Action::Cancel,
        };
        let arrival_ns = self.order_latency.arrival_ns(action, now_ns.get());
        self.put_on_way(arrival_ns, command);
    }

    fn poll(&mut self, until_ns: Nanos, out: &mut Bounded<Delivery>) {
        while let Some(delivery) = self.reports.front() {
            if delivery.recv_ns > until_ns || !out.push(*delivery) {
                break;
            }
            self.drop_report();
        }
    }

    #[inline]
    fn next_ns(&self) -> Option<Nanos> {
        (!self.reports.is_empty()).then_some(Nanos::new(self.next_report_ns))
    }
}

const fn at_market(price: i64) -> Outcome {
    Outcome::Fills { price, liquidity: qt_types::Liquidity::Taker, slips: true }
}

fn faults_of(scene: &Scene) -> Option<Box<Faults>> {
    (!scene.faults.is_empty()).then(|| Box::new(Faults::new(scene.faults.clone(), scene.seed)))
}

/// Which side closes a position of `lots` lots.
const fn closing_side(lots: i64) -> Side {
    if lots > 0 { Side::Sell } else { Side::Buy }
}

#[cfg(test)]
mod tests;
