//! The running hash of what goes into a pipeline.

use qt_types::{
    Asked, AskedFor, Control, ControlKind, CurrencyId, Event, InstrumentId, Level, Nanos, OrderId,
    Payload, Qty, Signal, StrategyId, Target, Tick, Trade,
};

use super::Pipeline;
use crate::hash::StateHash;
use crate::port::{Gate, Strategy};

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    #[inline(always)]
    pub(super) fn fold_tick(&mut self, recv_ns: Nanos, instrument: InstrumentId, tick: &Tick) {
        fold_tick(&mut self.hash, recv_ns, instrument, tick);
    }

    #[inline(always)]
    pub(super) fn fold_trade(&mut self, recv_ns: Nanos, instrument: InstrumentId, trade: &Trade) {
        let price = hashed_time(recv_ns, instrument) ^ trade.price.ticks();
        self.hash.fold_pair(price as u64, trade.qty.lots() as u64);
    }

    /// A few multiplications per event: enough to tell two runs apart, never the 128 bytes.
    #[inline(always)]
    pub(super) fn fold(&mut self, event: &Event) {
        let time = hashed_time(event.recv_ns, event.instrument);
        match &event.payload {
            Payload::Bar(bar) => {
                let rest = bar.open.ticks().rotate_left(13) ^ bar.high.ticks().rotate_left(29);
                let rest = rest ^ bar.low.ticks() ^ bar.volume.lots().rotate_left(43);
                self.hash.fold_pair((time ^ bar.close.ticks()) as u64, rest as u64);
            }
            Payload::Trade(trade) => self.fold_trade(event.recv_ns, event.instrument, trade),
            Payload::Tick(tick) => self.fold_tick(event.recv_ns, event.instrument, tick),
            Payload::Order(tick) => {
                let what = i64::from(tick.kind) << 8 | i64::from(tick.flags);
                let price = time ^ tick.price ^ what.rotate_left(40);
                let order = (tick.order as i64).rotate_left(21);
                self.hash.fold_pair(price as u64, (tick.qty ^ order) as u64);
            }
            Payload::Timer(timer) => {
                let whose = u64::from(timer.strategy.0) << 32 | u64::from(timer.token);
                self.hash.fold_pair((time ^ timer.due_ns.get()) as u64, whose);
            }
            Payload::Report(report) => {
                self.hash.fold_i64(time ^ report.price.ticks());
                self.hash.fold(report.order.get());
                self.hash.fold_i64(report.qty.lots().rotate_left(8) ^ report.kind as i64);
                self.hash.fold_i128(report.fee.nano());
            }
            Payload::Denied(denied) => {
                let whose = i64::from(denied.strategy.0) << 32;
                self.hash.fold_i64(time ^ denied.reason as i64 ^ whose);
                self.hash.fold(denied.order.get());
            }
            Payload::Control(control) => {
                self.fold_control(time, control);
            }
            Payload::Asked(asked) => self.fold_asked(time, asked),
            Payload::Signal(signal) => self.fold_signal(time, signal),
        }
    }

    fn fold_signal(&mut self, time: i64, signal: &Signal) {
        let id = u128::from_le_bytes(signal.id);
        self.hash.fold_pair(id as u64, (id >> 64) as u64);
        let what = signal.action as u64 | u64::from(signal.source.0) << 8;
        let sure = u64::from(signal.confidence_e9) << 24;
        self.hash.fold_pair(time as u64 ^ signal.expires_ns.get() as u64, what ^ sure);
    }

    fn fold_asked(&mut self, time: i64, asked: &Asked) {
        let outer = u128::from_le_bytes(asked.outer);
        self.hash.fold_pair(outer as u64, (outer >> 64) as u64);
        let (order, qty) = match asked.what {
            AskedFor::Place { qty, .. } => (OrderId::NONE, qty),
            AskedFor::Replace(replace) => (replace.order, replace.qty),
            AskedFor::Cancel(cancel) => (cancel.order, Qty::ZERO),
        };
        let what = qty.lots().rotate_left(20) ^ i64::from(asked.strategy.0);
        self.hash.fold_pair((time ^ what) as u64, order.get() ^ asked.person.rotate_left(32));
    }

    fn fold_control(&mut self, time: i64, control: &Control) {
        let of = |strategy: StrategyId| Target::new(Level::Strategy, strategy.0);
        let (what, target) = match control.kind {
            ControlKind::Trip { target, state } => (1 + state as i64, target),
            ControlKind::Arm { target } => (4, target),
            ControlKind::Resume => (5, Target::GLOBAL),
            ControlKind::Pause => (6, Target::GLOBAL),
            ControlKind::CloseOut => (7, Target::GLOBAL),
            ControlKind::Activate { strategy } => (8, of(strategy)),
            ControlKind::Deactivate { strategy } => (9, of(strategy)),
            ControlKind::Tune { strategy, param, value } => {
                self.hash.fold_pair(u64::from(param), value.bits());
                (10, of(strategy))
            }
            ControlKind::Limit { target, key, hard } => {
                self.hash.fold_i128(hard);
                (11 + (i64::from(key) << 8), target)
            }
        };
        let target = i64::from(target.index) << 8 | target.level as i64;
        self.hash.fold_pair((time ^ what) as u64, target as u64 ^ control.person);
    }

    /// The hash of everything that went in so far. Reports are part of the input, so decisions
    /// that differ show in it.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut hash = self.hash;
        for at in 0..self.execution.ledger.currencies() {
            let balance = self.execution.ledger.balance(CurrencyId(at as u8));
            hash.fold_i128(balance.funds().nano());
            hash.fold_i128(balance.realised().nano());
        }
        for &instrument in self.execution.ledger.held() {
            hash.fold_i64(self.execution.ledger.position(instrument).qty().lots());
        }
        hash.get()
    }
}

#[inline(always)]
pub(super) fn fold_tick(
    hash: &mut StateHash,
    recv_ns: Nanos,
    instrument: InstrumentId,
    tick: &Tick,
) {
    let what = i64::from(tick.kind) << 8 | i64::from(tick.flags);
    fold_priced(hash, recv_ns, instrument, tick, what);
}

/// Price and quantity of a tick, and `what` it is; nothing for a trade.
#[inline(always)]
pub(super) fn fold_priced(
    hash: &mut StateHash,
    recv_ns: Nanos,
    instrument: InstrumentId,
    tick: &Tick,
    what: i64,
) {
    let price = hashed_time(recv_ns, instrument) ^ tick.price ^ what.rotate_left(40);
    hash.fold_pair(price as u64, tick.qty as u64);
}

/// Time and instrument of an event in one word.
#[inline(always)]
fn hashed_time(recv_ns: Nanos, instrument: InstrumentId) -> i64 {
    recv_ns.get().rotate_left(17) ^ i64::from(instrument.0)
}
