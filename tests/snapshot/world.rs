//! Events by the dice: three instruments with a book by price, a book by order and bars, in two
//! currencies; what the venue says of our orders is up to [`crate::venue`].

use qt_engine::book::{BookLimits, CrossPolicy, OrderBookLimits};
use qt_engine::{
    BookKind, Currencies, Currency, Ensemble, Exits, Gate, Leg, Pipeline, PipelineConfig,
    RateSource, Strategy,
};
use qt_risk::{
    Account, AccountGate, Allowed, Key, Level, Limit, Prices, Profile, ProfileName, RiskGate,
    Setup, Sizing,
};
use qt_strategies::Registry;
use qt_types::{
    Bar, BarFlags, Cash, Control, ControlKind, CurrencyId, E9, FxRate, InstrumentId,
    InstrumentKind, InstrumentSpec, KillState, Lacks, Limits, MaybePrice, Nanos, OrderTick,
    Payload, Price, Qty, Side, Signal, SignalAction, SignalSize, SourceId, StrategyId, Target,
    Tick, TickFlags, Trade,
};

use crate::busy::Busy;

pub const INSTRUMENTS: usize = 3;
pub type Tested = Pipeline<Box<dyn Strategy>, RiskGate>;

/// Numbers of a row that is always the same.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `below`.
    pub fn below(&mut self, below: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % below
    }

    pub fn is(&mut self, one_in: i64) -> bool {
        self.below(one_in) == 0
    }
}

/// What one of three sources says at `now_ns`, if `strategy` listens to any.
pub fn signal(strategy: &str, now_ns: i64, dice: &mut Dice) -> Option<(InstrumentId, Payload)> {
    if !strategy.contains("signal") || !dice.is(10) {
        return None;
    }
    let instrument = InstrumentId(u16::from(dice.is(2)));
    let actions = [SignalAction::Buy, SignalAction::Sell, SignalAction::Hold, SignalAction::Close];
    let signal = Signal {
        id: [0; 16],
        expires_ns: Nanos::new(now_ns + dice.below(5_000_000_000)),
        size: SignalSize::Open,
        limit: MaybePrice::NONE,
        stop: MaybePrice::NONE,
        target: MaybePrice::NONE,
        horizon_s: dice.below(20) as u32,
        confidence_e9: dice.below(1_000_000_001) as u32,
        strength_e9: 1_000_000_000,
        source: SourceId(1 + dice.below(3) as u16),
        action: actions[dice.below(4) as usize],
    };
    Some((instrument, Payload::Signal(signal)))
}

/// What a pipeline is made from.
#[derive(Clone, Debug)]
pub struct Make {
    /// A built-in strategy, or `busy`.
    pub strategy: &'static str,
    pub params: &'static str,
    pub sizing: Sizing,
    pub lacks: Lacks,
    pub exits: Exits,
    pub capital: i64,
    pub orders_open_max: usize,
    pub window_ticks: usize,
    pub tick_e9: i64,
    /// The largest order in billionths of a unit.
    pub order_qty_e9: i64,
}

impl Make {
    pub fn new(strategy: &'static str, params: &'static str) -> Self {
        Self {
            strategy,
            params,
            sizing: Sizing::Fixed { qty_e9: 5 * E9 },
            lacks: Lacks::NOTHING,
            exits: Exits::default(),
            capital: 1_000_000,
            orders_open_max: 64,
            window_ticks: 256,
            tick_e9: E9 / 100,
            order_qty_e9: 1_000 * E9,
        }
    }

    pub fn lacking(self, lacks: &[Lacks]) -> Self {
        let lacks = lacks.iter().fold(self.lacks, |all, lacks| all.with(*lacks));
        Self { lacks, ..self }
    }

    pub fn limits(&self) -> Limits {
        Limits { orders_open_max: self.orders_open_max, ..Limits::default() }
    }

    fn specs(&self) -> Vec<InstrumentSpec> {
        let kinds = [InstrumentKind::Spot, InstrumentKind::Perpetual, InstrumentKind::Equity];
        kinds
            .into_iter()
            .zip(["A", "B", "C"])
            .map(|(kind, name)| InstrumentSpec::new(name, "USD", kind, self.tick_e9, E9, E9))
            .collect::<Result<_, _>>()
            .expect("the units are positive")
    }

    /// All limits on, wide enough that most orders pass.
    fn profile(&self) -> Profile {
        let mut profile = Profile::new(ProfileName::Paper);
        profile.allow(Allowed::All);
        for row in &qt_risk::KEYS {
            let widened = |limit: Limit| match row.name {
                _ if limit.is_missing() => limit,
                "entries" | "fills" | "refusals" => Limit::hard(500),
                "order_qty" => Limit::hard(i128::from(self.order_qty_e9)),
                "duplicates" => Limit::hard(6),
                "self_trade_allowed" => limit,
                name if name.ends_with("_window_ms") => limit,
                name if name.ends_with("_bps") => Limit::hard(900_000_000),
                _ => Limit::hard(limit.hard.saturating_mul(100_000)),
            };
            let instrument = profile.instruments_mut();
            instrument.set(row.key, widened(instrument.get(row.key)));
            for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
                let set = profile.level_mut(level);
                set.set(row.key, widened(set.get(row.key)));
            }
        }
        profile
    }

    pub fn gate(&self) -> RiskGate {
        let (specs, profile) = (self.specs(), self.profile());
        let capital = Cash::from_nano(i128::from(self.capital) * i128::from(E9));
        let setup = Setup::single(&profile, &specs, capital, self.orders_open_max);
        let setup = setup.with_strategies(self.strategy.split('+').count());
        let account = Account::Margin { leverage_e9: 20 * E9 };
        let prices = Prices { interval_ns: E9, periods_e3: 252_000 };
        let account = AccountGate::new(account, self.sizing, None);
        let mut gate = RiskGate::new(&setup, account.remembering(INSTRUMENTS, prices));
        gate.follow_lowest();
        gate
    }

    /// Names with `+` between them are several strategies: the first trades everything, the others
    /// all but one instrument.
    pub fn strategy(&self) -> Box<dyn Strategy> {
        if !self.strategy.contains('+') {
            return self.one(self.strategy);
        }
        let mut all = Ensemble::new();
        for (at, name) in self.strategy.split('+').enumerate() {
            let trades = (0..INSTRUMENTS).map(|id| at == 0 || id != at % INSTRUMENTS);
            all = all.with(self.one(name), trades.collect());
        }
        Box::new(all)
    }

    fn one(&self, name: &str) -> Box<dyn Strategy> {
        if name == "busy" {
            return Box::new(Busy::new(self.params.len()));
        }
        let registry = Registry::builtin();
        let entry = registry.get(name).unwrap_or_else(|error| panic!("{error}"));
        let given: Vec<(String, String)> = self
            .params
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let params = entry.resolve(&given).unwrap_or_else(|error| panic!("{error}"));
        let count = if name == "pairs" { 2 } else { INSTRUMENTS };
        entry.make(&params, count).or_else(|_| entry.make(&params, 1)).expect("so many instruments")
    }

    /// A pipeline at rest.
    pub fn pipeline(&self) -> Tested {
        self.pipeline_with(self.gate())
    }

    pub fn pipeline_with(&self, gate: RiskGate) -> Tested {
        self.assemble(self.strategy(), gate)
    }

    /// A pipeline at rest with any strategy and gate.
    pub fn assemble<S: Strategy, G: Gate>(&self, strategy: S, gate: G) -> Pipeline<S, G> {
        let crosses = CrossPolicy::Uncross;
        let levels = BookLimits { window_ticks: self.window_ticks, far_levels_max: 40, crosses };
        let orders = OrderBookLimits { orders_max: 120, window_ticks: 256, crosses };
        let config = PipelineConfig {
            specs: self.specs(),
            initial: Cash::from_nano(i128::from(self.capital) * i128::from(E9)),
            exits: self.exits,
            limits: self.limits(),
            epoch: 3,
            books: vec![BookKind::Levels(levels), BookKind::Orders(orders), BookKind::None],
            active_from_ns: Nanos::new(0),
        };
        let rate = FxRate::new(11, 10).expect("positive");
        let deposit = Cash::from_nano(5_000 * i128::from(E9));
        let told = Leg::Told(Some((rate, Nanos::new(0))));
        let traded = Leg::Traded { instrument: InstrumentId(0), tick_e9: E9, is_inverse: false };
        let sources = [told, Leg::Constant(rate), traded].map(RateSource::One);
        let currencies = Currencies {
            of: vec![CurrencyId::ACCOUNT, CurrencyId::ACCOUNT, CurrencyId(1)],
            others: sources.map(|rate| Currency { deposit, rate }).to_vec(),
            age_max_ns: 1_000 * E9,
        };
        Pipeline::new(config, strategy, gate).with_lacks(self.lacks).with_currencies(&currencies)
    }
}

/// Prices that walk.
pub struct Market {
    middles: [i64; INSTRUMENTS],
    bars: u32,
}

impl Market {
    pub fn new() -> Self {
        Self { middles: [10_000; INSTRUMENTS], bars: 0 }
    }

    pub fn middle(&self, instrument: InstrumentId) -> i64 {
        self.middles[instrument.index()]
    }

    /// What the market tells next.
    pub fn next(&mut self, now_ns: i64, dice: &mut Dice) -> (InstrumentId, Payload) {
        if dice.is(150) {
            return (InstrumentId(0), Payload::Control(control(dice)));
        }
        let instrument = InstrumentId([0, 0, 0, 1, 1, 2][dice.below(6) as usize]);
        let middle = &mut self.middles[instrument.index()];
        *middle = (*middle + dice.below(5) - 2).clamp(6_000, 14_000);
        let middle = *middle;
        let payload = match (instrument.0, dice.below(6)) {
            (_, 0) => Payload::Trade(self.trade(middle, dice)),
            (0, 1 | 2) | (2, _) => Payload::Bar(self.bar(now_ns, middle, dice)),
            (0, _) => Payload::Tick(tick(now_ns, middle, dice)),
            _ => Payload::Order(order_tick(now_ns, middle, dice)),
        };
        (instrument, payload)
    }

    pub fn bar_of(&mut self, instrument: InstrumentId, now_ns: i64, dice: &mut Dice) -> Bar {
        self.bar(now_ns, self.middle(instrument), dice)
    }

    fn trade(&mut self, middle: i64, dice: &mut Dice) -> Trade {
        let aggressor = [None, Some(Side::Buy), Some(Side::Sell)][dice.below(3) as usize];
        let (price, qty) = (Price::from_ticks(middle), Qty::from_lots(1 + dice.below(9)));
        Trade { price, qty, aggressor, flags: BarFlags::NONE, row: self.bars }
    }

    fn bar(&mut self, now_ns: i64, middle: i64, dice: &mut Dice) -> Bar {
        self.bars += 1;
        let at = |ticks: i64| Price::from_ticks(middle + ticks);
        Bar {
            open_ns: Nanos::new(now_ns - 1),
            open: at(dice.below(20) - 10),
            high: at(10),
            low: at(-10),
            close: at(dice.below(20) - 10),
            volume: Qty::from_lots(1_000),
            half_spread: [0; 4],
            flags: if self.bars < 3 { BarFlags::WARMUP } else { BarFlags::NONE },
            row: self.bars,
        }
    }
}

/// Somebody decides something; most of the time all may go on.
fn control(dice: &mut Dice) -> Control {
    let levels = [Level::Strategy, Level::Account, Level::Tenant, Level::Venue, Level::Global];
    let target = Target::new(levels[dice.below(5) as usize], 0);
    let state = if dice.is(3) { KillState::Halted } else { KillState::ReduceOnly };
    let strategy = StrategyId(dice.below(3) as u16);
    let kind = match dice.below(24) {
        20 => ControlKind::Deactivate { strategy },
        21 | 22 => ControlKind::Activate { strategy },
        23 => {
            let hard = 1_000_000_000_000_000 - i128::from(dice.below(1_000_000));
            let target = Target::new(levels[[0, 1, 2, 4][dice.below(4) as usize]], 0);
            ControlKind::Limit { target, key: Key::Exposure as u16, hard }
        }
        0 => ControlKind::Trip { target, state },
        1 => ControlKind::Pause,
        2 => ControlKind::CloseOut,
        3..8 => ControlKind::Resume,
        _ => ControlKind::Arm { target },
    };
    Control { kind, person: 5 }
}

/// Side, flags, and a price that is mostly near and sometimes far beyond the window.
fn place(middle: i64, dice: &mut Dice) -> (i64, u8) {
    let side = if dice.is(2) { Side::Sell } else { Side::Buy };
    let reach = if dice.is(12) { 3_000 } else { 25 };
    let price = middle - side.sign() * (dice.below(reach) - i64::from(dice.is(8)));
    let flags = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
    let end = if dice.is(4) { TickFlags::NONE } else { TickFlags::LAST };
    (price, flags.with(end).bits())
}

fn tick(venue_ns: i64, middle: i64, dice: &mut Dice) -> Tick {
    let (price, flags) = place(middle, dice);
    let kind = if dice.is(60) { dice.below(9) as u8 } else { 0 };
    Tick { venue_ns, price, qty: dice.below(6), latency_ns: 0, instrument: 0, kind, flags }
}

fn order_tick(venue_ns: i64, middle: i64, dice: &mut Dice) -> OrderTick {
    let (price, flags) = place(middle, dice);
    let kind = match dice.below(60) {
        0 => dice.below(9) as u8,
        1..40 => 0,
        _ => 1 + dice.below(4) as u8,
    };
    // Few enough that most changes find their order.
    let order = dice.below(150) as u64;
    let (qty, latency_ns, instrument) = (dice.below(6), 0, 0);
    OrderTick { venue_ns, order, price, qty, latency_ns, instrument, kind, flags }
}
