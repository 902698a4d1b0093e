//! A second simulator, written from the rules in `docs/SEMANTICS.md` and from nothing else:
//! slow, plain, one instrument, market, limit and stop orders with brackets. Money in nano-units.

/// A bar in ticks.
#[derive(Clone, Copy, Debug)]
pub struct NaiveBar {
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub session_start: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NaiveKind {
    Market,
    Limit(i64),
    Stop(i64),
}

/// An order of the script, decided at the close of bar `bar`.
#[derive(Clone, Copy, Debug)]
pub struct NaiveOrder {
    pub bar: usize,
    /// +1 buys, -1 sells.
    pub sign: i64,
    pub kind: NaiveKind,
    pub lots: i64,
    pub stop: Option<i64>,
    pub target: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub struct NaiveRules {
    pub capital: i128,
    /// Nano-units of one tick times one lot.
    pub unit: i128,
    pub maker_e9: i128,
    pub taker_e9: i128,
    pub touch: bool,
    /// A cash account; otherwise nothing is ever refused.
    pub is_cash: bool,
}

/// A fill: bar, sign, price, lots, fee.
pub type NaiveFill = (usize, i64, i64, i64, i128);

#[derive(Clone, Debug, Default)]
pub struct NaiveResult {
    pub fills: Vec<NaiveFill>,
    pub equity: Vec<i128>,
    pub funds_refused: u64,
    pub shorts_refused: u64,
    pub ambiguous_bars: u64,
}

/// Where an order stands towards the bar that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A child whose entry has not filled.
    Asleep,
    /// Was there before the open.
    Resting,
    /// Came to life at the open.
    SinceOpen,
    /// Came to life inside the bar; the market had fallen (-1) or risen (+1) to the entry.
    Inside(i64),
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    sign: i64,
    kind: NaiveKind,
    lots: i64,
    state: State,
    /// The entry's place in the list, for a child.
    parent: Option<usize>,
    /// The other child's place in the list.
    other: Option<usize>,
    /// Whether we have been told that the entry filled.
    armed: bool,
}

struct Book {
    rules: NaiveRules,
    orders: Vec<Live>,
    cash: i128,
    position: i64,
    /// Our own knowledge of the position: follows the fills one by one.
    told: i64,
    told_fills: usize,
    /// Which order each fill belongs to.
    owners: Vec<usize>,
    result: NaiveResult,
}

pub fn simulate(bars: &[NaiveBar], script: &[NaiveOrder], rules: NaiveRules) -> NaiveResult {
    let mut book = Book {
        rules,
        orders: Vec::new(),
        cash: rules.capital,
        position: 0,
        told: 0,
        told_fills: 0,
        owners: Vec::new(),
        result: NaiveResult::default(),
    };
    for (at, bar) in bars.iter().enumerate() {
        book.open(at, bar);
        book.tell();
        book.inside(at, bar);
        book.tell();
        let value = i128::from(book.position) * i128::from(bar.close) * rules.unit;
        book.result.equity.push(book.cash + value);
        for order in script.iter().filter(|order| order.bar == at) {
            book.place(order);
        }
    }
    book.result
}

/// `a / b` to the nearest, ties to the even one.
fn half_even(a: i128, b: i128) -> i128 {
    let low = a.div_euclid(b);
    let rest = a - low * b;
    if 2 * rest > b || (2 * rest == b && low.rem_euclid(2) == 1) { low + 1 } else { low }
}

impl Book {
    fn place(&mut self, order: &NaiveOrder) {
        let entry = self.orders.len();
        let live = |sign: i64, kind: NaiveKind, parent: Option<usize>| Live {
            sign,
            kind,
            lots: order.lots,
            state: if parent.is_some() { State::Asleep } else { State::Resting },
            parent,
            other: None,
            armed: false,
        };
        self.orders.push(live(order.sign, order.kind, None));
        if let Some(stop) = order.stop {
            self.orders.push(live(-order.sign, NaiveKind::Stop(stop), Some(entry)));
        }
        if let Some(target) = order.target {
            self.orders.push(live(-order.sign, NaiveKind::Limit(target), Some(entry)));
        }
        if order.stop.is_some() && order.target.is_some() {
            self.orders[entry + 1].other = Some(entry + 2);
            self.orders[entry + 2].other = Some(entry + 1);
        }
    }

    /// Whether `price` is better than `limit` for a trade of this sign, or touches it.
    fn meets(&self, sign: i64, price: i64, limit: i64) -> bool {
        price * sign < limit * sign || (self.rules.touch && price == limit)
    }

    fn open(&mut self, at: usize, bar: &NaiveBar) {
        for n in 0..self.orders.len() {
            let order = self.orders[n];
            if order.state != State::Resting {
                continue;
            }
            let filled = match order.kind {
                NaiveKind::Market => true,
                NaiveKind::Limit(limit) => {
                    bar.session_start && self.meets(order.sign, bar.open, limit)
                }
                NaiveKind::Stop(trigger) => bar.open * order.sign >= trigger * order.sign,
            };
            if filled {
                self.fill(n, at, bar.open, false, State::SinceOpen);
            }
        }
    }

    fn inside(&mut self, at: usize, bar: &NaiveBar) {
        // What the first price alone proves.
        for n in 0..self.orders.len() {
            let order = self.orders[n];
            if !matches!(order.state, State::Resting | State::SinceOpen) {
                continue;
            }
            match order.kind {
                NaiveKind::Limit(limit) if self.meets(order.sign, bar.open, limit) => {
                    self.fill(n, at, limit, true, State::SinceOpen);
                }
                NaiveKind::Stop(trigger) if bar.open * order.sign >= trigger * order.sign => {
                    self.fill(n, at, bar.open, false, State::SinceOpen);
                }
                _ => {}
            }
        }
        let mut ambiguous = false;
        for n in 0..self.orders.len() {
            let order = self.orders[n];
            let NaiveKind::Stop(trigger) = order.kind else { continue };
            let worst = if order.sign > 0 { bar.high } else { bar.low };
            let here = matches!(order.state, State::Resting | State::SinceOpen);
            if here && worst * order.sign >= trigger * order.sign {
                ambiguous |= self.closes(n) && self.target_in_reach(n, bar);
                self.fill(n, at, trigger, false, State::Inside(order.sign));
            }
        }
        for n in 0..self.orders.len() {
            let order = self.orders[n];
            let NaiveKind::Limit(limit) = order.kind else { continue };
            let best = if order.sign > 0 { bar.low } else { bar.high };
            let here = matches!(order.state, State::Resting | State::SinceOpen);
            if here && self.meets(order.sign, best, limit) {
                self.fill(n, at, limit, true, State::Inside(-order.sign));
            }
        }
        ambiguous |= self.new_stops(at, bar);
        self.new_targets(at, bar);
        self.result.ambiguous_bars += u64::from(ambiguous);
        for order in &mut self.orders {
            if matches!(order.state, State::SinceOpen | State::Inside(_)) {
                order.state = State::Resting;
            }
        }
    }

    /// Of the bar's two ends, what is sure to have come after an entry to which the market came
    /// by falling (-1) or rising (+1).
    fn proven(came: i64, bar: &NaiveBar) -> (i64, i64) {
        if came < 0 { (bar.low, bar.close) } else { (bar.close, bar.high) }
    }

    fn new_stops(&mut self, at: usize, bar: &NaiveBar) -> bool {
        let mut ambiguous = false;
        for n in 0..self.orders.len() {
            let order = self.orders[n];
            let (State::Inside(came), NaiveKind::Stop(trigger)) = (order.state, order.kind) else {
                continue;
            };
            let (low, high) = Self::proven(came, bar);
            let hit = |low: i64, high: i64| {
                if order.sign > 0 { high >= trigger } else { low <= trigger }
            };
            let possible = hit(bar.low, bar.high);
            if hit(low, high) || (possible && self.proven_target(order.sign, bar)) {
                ambiguous |= self.closes(n) && self.target_in_reach(n, bar);
                self.fill(n, at, trigger, false, State::Asleep);
            }
        }
        ambiguous
    }

    fn new_targets(&mut self, at: usize, bar: &NaiveBar) {
        for n in 0..self.orders.len() {
            let order = self.orders[n];
            let (State::Inside(came), NaiveKind::Limit(limit)) = (order.state, order.kind) else {
                continue;
            };
            if self.meets(order.sign, Self::best_proven(came, order.sign, bar), limit) {
                self.fill(n, at, limit, true, State::Asleep);
            }
        }
    }

    fn best_proven(came: i64, sign: i64, bar: &NaiveBar) -> i64 {
        let (low, high) = Self::proven(came, bar);
        if sign > 0 { low } else { high }
    }

    /// Whether a target on this side is proven to be hit.
    fn proven_target(&self, sign: i64, bar: &NaiveBar) -> bool {
        self.orders.iter().any(|order| match (order.state, order.kind) {
            (State::Inside(came), NaiveKind::Limit(limit)) if order.sign == sign => {
                self.meets(sign, Self::best_proven(came, sign, bar), limit)
            }
            _ => false,
        })
    }

    fn closes(&self, n: usize) -> bool {
        self.position * self.orders[n].sign < 0
    }

    /// Whether a limit on the same side as order `n` could have been hit somewhere in the bar.
    fn target_in_reach(&self, n: usize, bar: &NaiveBar) -> bool {
        let sign = self.orders[n].sign;
        let best = if sign > 0 { bar.low } else { bar.high };
        self.orders.iter().any(|other| match other.kind {
            NaiveKind::Limit(limit) if other.sign == sign => {
                !matches!(other.state, State::Asleep | State::Over) && self.meets(sign, best, limit)
            }
            _ => false,
        })
    }

    fn fill(&mut self, n: usize, bar: usize, price: i64, is_maker: bool, child: State) {
        let order = self.orders[n];
        let is_child = order.parent.is_some();
        let closable = (-order.sign * self.position).max(0);
        let lots = if is_child { order.lots.min(closable) } else { order.lots };
        if lots == 0 {
            self.orders[n].state = State::Over;
            return;
        }
        let notional = i128::from(price) * i128::from(lots) * self.rules.unit;
        let rate = if is_maker { self.rules.maker_e9 } else { self.rules.taker_e9 };
        let fee = half_even(notional * rate, 1_000_000_000);
        let too_dear = order.sign > 0 && notional + fee > self.cash;
        let too_much = order.sign < 0 && lots > self.position;
        if self.rules.is_cash && (too_dear || too_much) {
            self.result.funds_refused += u64::from(too_dear);
            self.result.shorts_refused += u64::from(too_much);
            self.end(n);
            return;
        }
        self.cash -= i128::from(order.sign) * notional + fee;
        self.position += order.sign * lots;
        self.result.fills.push((bar, order.sign, price, lots, fee));
        self.owners.push(n);
        self.orders[n].state = State::Over;
        if let Some(other) = order.other {
            self.orders[other].state = State::Over;
        }
        for order in &mut self.orders {
            if order.parent == Some(n) && order.state == State::Asleep {
                order.state = child;
            }
        }
    }

    /// Ends an order and the children that wait for it.
    fn end(&mut self, n: usize) {
        self.orders[n].state = State::Over;
        for order in &mut self.orders {
            if order.parent == Some(n) && order.state == State::Asleep {
                order.state = State::Over;
            }
        }
    }

    /// We are told of the fills, one after the other. When one of them leaves us flat, all
    /// protection that we know to be at work is ended.
    fn tell(&mut self) {
        for at in self.told_fills..self.result.fills.len() {
            let (_, sign, _, lots, _) = self.result.fills[at];
            self.told += sign * lots;
            let owner = self.owners[at];
            for order in &mut self.orders {
                if order.parent == Some(owner) {
                    order.armed = true;
                } else if self.told == 0 && order.armed {
                    order.state = State::Over;
                }
            }
        }
        self.told_fills = self.result.fills.len();
    }
}
