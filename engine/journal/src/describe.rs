//! Records in words: one line each, prices as decimals.

use jiff::Timestamp;
use qt_types::{
    Asked, AskedFor, Bar, BarFlags, Cancel, Control, ControlKind, Denied, Distance, Event, FeeIn,
    InstrumentId, InstrumentSpec, KillState, Level, MaybePrice, Nanos, OrderId, OrderKind,
    OrderTick, OrderTickKind, Payload, Price, Qty, Replace, Report, ReportKind, Side, Signal,
    SignalSize, StrategyId, Target, Tick, TickFlags, TickKind, TimeInForce, Timer, Trade,
    format_scaled,
};

use crate::intention::{Intention, NewIntention};
use crate::reader::Entry;
use crate::record::Record;
use crate::words::Words;

/// Makes lines of records. It must see all records of a journal, in order: the specs among them
/// say how large a tick and a lot are from there on.
#[derive(Clone, Debug, Default)]
pub struct Describer {
    specs: Vec<Option<InstrumentSpec>>,
    /// The time of the last record that has one.
    now_ns: Option<Nanos>,
}

/// `2024-01-31T09:30:00.000000001Z`.
#[must_use]
pub fn utc(at_ns: Nanos) -> String {
    match Timestamp::from_nanosecond(at_ns.get().into()) {
        Ok(at) => at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string(),
        // No time of 64 bits is outside of its range.
        Err(_) => format!("{} ns", at_ns.get()),
    }
}

impl Describer {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at a record that needs no line.
    pub fn see(&mut self, record: &Record) {
        if let Record::Spec(spec) = record {
            let at = spec.instrument.index();
            if self.specs.len() <= at {
                self.specs.resize(at + 1, None);
            }
            self.specs[at] = Some(spec.spec.clone());
        }
        if let Some(stamp) = record.stamp() {
            self.now_ns = Some(stamp.at_ns);
        }
    }

    /// The line of a record: time, number, event, what. A record without a time has that of the
    /// one before it, where there was one.
    #[must_use]
    pub fn line(&mut self, entry: &Entry) -> String {
        self.see(&entry.record);
        let time = self.now_ns.map_or_else(|| "-".to_owned(), utc);
        let seq =
            entry.record.stamp().map_or_else(|| "-".to_owned(), |at| at.seq.get().to_string());
        let (lsn, kind) = (entry.lsn, entry.record.kind().text());
        format!("{time} {lsn} {seq} {kind} {}", self.text(&entry.record))
    }

    /// What a record says, without when.
    #[must_use]
    pub fn text(&self, record: &Record) -> String {
        match record {
            Record::Spec(record) => {
                let spec = &record.spec;
                let part = |value: i64| format_scaled(i128::from(value), 9);
                Words::new(spec.symbol())
                    .word("instrument", record.instrument.0)
                    .add(spec.kind().text())
                    .add(spec.currency())
                    .word("tick", part(spec.tick_e9()))
                    .word("lot", part(spec.lot_e9()))
                    .word("multiplier", part(spec.multiplier_e9()))
                    .done()
            }
            Record::Config(bytes) => match std::str::from_utf8(bytes) {
                // One line, whatever the text has.
                Ok(text) => text.escape_debug().to_string(),
                Err(_) => format!("{} bytes", bytes.len()),
            },
            Record::Event(event) => self.event(event),
            Record::Command(command) => self.intention(&command.intention),
            Record::Control(control) => {
                format!("kind {}, {} bytes", control.kind, control.bytes.len())
            }
            Record::Snapshot(snapshot) => {
                let name = crate::snapshot::snapshot_name(snapshot.stamp.seq);
                format!("{name}, {} bytes", snapshot.bytes)
            }
            Record::Mark(mark) => format!("state {:016x}", mark.hash),
            Record::End(_) => "stopped in order".to_owned(),
        }
    }

    fn spec(&self, instrument: InstrumentId) -> Option<&InstrumentSpec> {
        self.specs.get(instrument.index()).and_then(Option::as_ref)
    }

    fn name(&self, instrument: InstrumentId) -> String {
        let number = || format!("instrument {}", instrument.0);
        self.spec(instrument).map_or_else(number, |spec| spec.symbol().to_owned())
    }

    fn price(&self, instrument: InstrumentId, price: Price) -> String {
        let ticks = || format!("{} ticks", price.ticks());
        self.spec(instrument).map_or_else(ticks, |spec| spec.price_text(price))
    }

    fn qty(&self, instrument: InstrumentId, qty: Qty) -> String {
        let lots = || format!("{} lots", qty.lots());
        self.spec(instrument).map_or_else(lots, |spec| spec.qty_text(qty))
    }

    fn event(&self, event: &Event) -> String {
        let of = event.instrument;
        let name = self.name(of);
        match &event.payload {
            Payload::Bar(bar) => self.bar(of, bar),
            Payload::Trade(trade) => self.trade(of, trade),
            Payload::Tick(tick) => format!("{name} {}", self.tick(of, tick)),
            Payload::Order(tick) => format!("{name} {}", self.order_tick(of, tick)),
            Payload::Timer(timer) if timer.token == Timer::ENGINE => {
                format!("timer of the engine, due {}", utc(timer.due_ns))
            }
            Payload::Timer(timer) => {
                let of = of_strategy(timer.strategy);
                format!("timer {}{of}, due {}", timer.token, utc(timer.due_ns))
            }
            Payload::Report(report) => self.report(of, report),
            Payload::Denied(denied) => {
                format!("{}{}", self.denied(of, denied), of_strategy(denied.strategy))
            }
            Payload::Control(control) => decision(control),
            Payload::Asked(asked) => self.asked(of, asked),
            Payload::Signal(signal) => self.signal(of, signal),
        }
    }

    fn bar(&self, of: InstrumentId, bar: &Bar) -> String {
        let price = |price| self.price(of, price);
        Words::new(&self.name(of))
            .word("bar from", utc(bar.open_ns))
            .word("open", price(bar.open))
            .word("high", price(bar.high))
            .word("low", price(bar.low))
            .word("close", price(bar.close))
            .word("volume", self.qty(of, bar.volume))
            .add_if(bar.flags.has(BarFlags::WARMUP), "warm-up")
            .done()
    }

    fn trade(&self, of: InstrumentId, trade: &Trade) -> String {
        let (qty, price) = (self.qty(of, trade.qty), self.price(of, trade.price));
        let taker = trade.aggressor.map_or("nobody known", Side::text);
        format!("{} trade of {qty} at {price}, taken by {taker}", self.name(of))
    }

    fn tick(&self, of: InstrumentId, tick: &Tick) -> String {
        let side = if tick.side() == Side::Buy { "bid" } else { "ask" };
        let (qty, price) = (self.qty(of, tick.qty()), self.price(of, tick.price()));
        let flags = tick.flags();
        let taker = match flags.has(TickFlags::NO_AGGRESSOR) {
            true => "nobody known",
            false => tick.side().text(),
        };
        let text = match tick.kind() {
            Some(TickKind::Level) => format!("{side} {price} holds {qty}"),
            Some(TickKind::Top) => format!("best {side} {price} holds {qty}"),
            Some(TickKind::Trade) => format!("trade of {qty} at {price}, taken by {taker}"),
            Some(TickKind::Clear) => format!("{side} side emptied"),
            Some(TickKind::Gap) => "feed may have lost something".to_owned(),
            Some(TickKind::Status) => trading(tick.qty()).to_owned(),
            Some(TickKind::Mark) => format!("mark price {price}"),
            Some(TickKind::Funding) => {
                let rate = format_scaled(i128::from(tick.qty), 9);
                format!("funding at rate {rate}, mark price {price}")
            }
            None => format!("change of unknown kind {}", tick.kind),
        };
        text + ends(flags)
    }

    fn order_tick(&self, of: InstrumentId, tick: &OrderTick) -> String {
        let lots = Qty::from_lots(tick.qty);
        let side = if tick.side() == Side::Buy { "bid" } else { "ask" };
        let (qty, price) = (self.qty(of, lots), self.price(of, Price::from_ticks(tick.price)));
        let order = tick.order;
        let taker = tick.aggressor().map_or("nobody known", Side::text);
        let text = match tick.kind() {
            Some(OrderTickKind::Add) => format!("order {order} joins {side} {price} with {qty}"),
            Some(OrderTickKind::Reduce) => format!("order {order} is less by {qty}"),
            Some(OrderTickKind::Delete) => format!("order {order} is gone"),
            Some(OrderTickKind::Modify) => {
                format!("order {order} is now {side} {price} with {qty}")
            }
            Some(OrderTickKind::Execute) => {
                format!("order {order} executed, {qty} at {price}, taken by {taker}")
            }
            Some(OrderTickKind::Trade) => format!("trade of {qty} at {price}, taken by {taker}"),
            Some(OrderTickKind::Clear) => format!("{side} side emptied"),
            Some(OrderTickKind::Status) => trading(lots).to_owned(),
            None => format!("change of unknown kind {}", tick.kind),
        };
        text + ends(tick.flags())
    }

    fn denied(&self, of: InstrumentId, denied: &Denied) -> String {
        let mut words = Words::new("denied");
        if denied.order.is_none() {
            words = words.add("a new order on").add(&self.name(of));
        } else {
            words = words.word("a change of order", denied.order);
        }
        if let Some(side) = denied.side {
            words = words.add(side.text());
        }
        if !denied.qty.is_zero() {
            words = words.add(&self.qty(of, denied.qty));
        }
        words.word("because", denied.reason.text()).done()
    }

    fn report(&self, of: InstrumentId, report: &Report) -> String {
        let kind = crate::words::report_text(report.kind);
        let about = match report.order.is_none() {
            true => self.name(of),
            false => format!("{} order {}", self.name(of), report.order),
        };
        let fee_in = match report.fee_in {
            FeeIn::Quote => String::new(),
            FeeIn::Base => " of the base".to_owned(),
            FeeIn::Currency(currency) => format!(" of currency {}", currency.0),
        };
        let has = |yes: bool, name: &'static str, text: String| (yes, name, text);
        let mut words = Words::new(&about).add(kind);
        if report.kind == ReportKind::Status {
            words = words.add(trading(report.qty));
        } else if let Some((currency, rate)) = report.rate() {
            words = words.word("currency", currency.0).word("at rate", rate);
        } else {
            let parts = [
                has(!report.qty.is_zero(), "quantity", self.qty(of, report.qty)),
                has(report.price != Price::ZERO, "price", self.price(of, report.price)),
                has(!report.order.is_none(), "open", self.qty(of, report.leaves)),
            ];
            for (_, name, text) in parts.into_iter().filter(|(yes, ..)| *yes) {
                words = words.word(name, text);
            }
        }
        if report.fee != qt_types::Cash::ZERO {
            words = words.word("fee", format!("{}{fee_in}", report.fee));
        }
        if report.exec.0 != 0 {
            let liquidity = crate::words::liquidity_text(report.liquidity);
            words = words.word("execution", report.exec.0).add(liquidity);
        }
        if report.of.0 != 0 {
            words = words.word("in place of execution", report.of.0);
        }
        let is_reason = report.reason != qt_types::RejectReason::None;
        if is_reason { words.word("because", report.reason.text()).done() } else { words.done() }
    }

    fn asked(&self, of: InstrumentId, asked: &Asked) -> String {
        let name = self.name(of);
        let wish = match asked.what {
            AskedFor::Place { side, kind, tif, qty, reduce_only, post_only } => Words::new(&name)
                .add(side.text())
                .add(&self.qty(of, qty))
                .add(&self.kind(of, kind))
                .add(tif.text())
                .add_if(reduce_only, "reduce-only")
                .add_if(post_only, "post-only"),
            AskedFor::Replace(Replace { order, kind, qty }) => Words::new("change")
                .add(&name)
                .word("order", order)
                .word("to", self.qty(of, qty))
                .add(&self.kind(of, kind)),
            AskedFor::Cancel(Cancel { order }) => {
                Words::new("cancel").add(&name).word("order", order)
            }
        };
        let outer = u128::from_be_bytes(asked.outer);
        let whose = of_strategy(asked.strategy);
        let wish = wish.done();
        format!("person {} asks{whose} as {outer:032x}: {wish}", asked.person)
    }

    fn signal(&self, of: InstrumentId, signal: &Signal) -> String {
        let price = |price: MaybePrice| price.get().map(|price| self.price(of, price));
        let share = |e9: u32| format_scaled(i128::from(e9), 9);
        let words = Words::new("signal of source")
            .add(&signal.source.0.to_string())
            .add(signal.action.text())
            .add(&self.name(of))
            .word("confidence", share(signal.confidence_e9))
            .word("strength", share(signal.strength_e9));
        let words = match signal.size {
            SignalSize::Open => words,
            SignalSize::Quantity(qty) => words.word("quantity", self.qty(of, qty)),
            SignalSize::Target(qty) => words.word("target position", self.qty(of, qty)),
            SignalSize::WeightE9(e9) => words.word("weight", format_scaled(e9.into(), 9)),
        };
        let prices =
            [("limit", signal.limit), ("stop", signal.stop), ("take profit", signal.target)];
        let given = prices.into_iter().filter_map(|(name, it)| Some((name, price(it)?)));
        let words = given.fold(words, |words, (name, price)| words.word(name, price));
        words
            .word("for", format_args!("{} s", signal.horizon_s))
            .word("expires", utc(signal.expires_ns))
            .word("id", format_args!("{:032x}", u128::from_be_bytes(signal.id)))
            .done()
    }

    fn intention(&self, intention: &Intention) -> String {
        let of = intention.instrument();
        match intention {
            Intention::New(new) => self.new_order(new),
            Intention::Replace { replace, .. } => {
                let (qty, kind) = (self.qty(of, replace.qty), self.kind(of, replace.kind));
                let order = replace.order;
                format!("change {} order {order} to {qty} {kind}", self.name(of))
            }
            Intention::Cancel { cancel, .. } => {
                format!("cancel {} order {}", self.name(of), cancel.order)
            }
        }
    }

    fn new_order(&self, new: &NewIntention) -> String {
        let of = new.instrument;
        let link = |order: OrderId| (!order.is_none()).then_some(order);
        let mut words = Words::new("send")
            .add(&self.name(of))
            .word("order", new.order)
            .add(new.side.text())
            .add(&self.qty(of, new.qty))
            .add(&self.kind(of, new.kind))
            .add(new.tif.text());
        if let TimeInForce::Gtd(until_ns) = new.tif {
            words = words.word("until", utc(until_ns));
        }
        words = words
            .add_if(new.reduce_only, "reduce-only")
            .add_if(new.post_only, "post-only")
            .add_if(!new.display.is_zero(), &format!("showing {}", self.qty(of, new.display)));
        if let Some(parent) = link(new.parent) {
            let when = crate::words::activation_text(new.activation);
            words = words.add(when).add(&format!("of order {parent}"));
        }
        if let Some(other) = link(new.oco) {
            words = words.word("one of a pair with order", other);
        }
        words.done()
    }

    fn kind(&self, of: InstrumentId, kind: OrderKind) -> String {
        let name = kind.text();
        let price = |price| self.price(of, price);
        match kind {
            OrderKind::Market => name.to_owned(),
            OrderKind::Limit { price: at } => format!("{name} {}", price(at)),
            OrderKind::Stop { trigger } | OrderKind::TakeProfit { trigger } => {
                format!("{name} at {}", price(trigger))
            }
            OrderKind::StopLimit { trigger, limit }
            | OrderKind::LimitIfTouched { trigger, limit } => {
                format!("{name} at {} limit {}", price(trigger), price(limit))
            }
            OrderKind::TrailingStop { distance: Distance::Ticks(ticks) } => {
                format!("{name} by {}", price(Price::from_ticks(ticks)))
            }
            OrderKind::TrailingStop { distance: Distance::Bps(bps) } => {
                format!("{name} by {bps} bps")
            }
            OrderKind::Pegged { to, offset } => {
                let (to, offset) = (crate::words::peg_text(to), price(Price::from_ticks(offset)));
                format!("{name} to {to}, {offset} away")
            }
        }
    }
}

const fn trading(qty: Qty) -> &'static str {
    if qty.is_zero() { "trading stops" } else { "trading goes on" }
}

const fn ends(flags: TickFlags) -> &'static str {
    match (flags.has(TickFlags::SNAPSHOT), flags.has(TickFlags::LAST)) {
        (true, true) => ", snapshot, complete",
        (true, false) => ", snapshot",
        (false, true) => ", complete",
        (false, false) => "",
    }
}

/// Whose it is, where that is not the first strategy, which may be the only one.
fn of_strategy(strategy: StrategyId) -> String {
    let is_other = strategy != StrategyId::FIRST;
    if is_other { format!(" of strategy {}", strategy.0) } else { String::new() }
}

/// Bits of the number of a limit with which the gate is told of an open order of somebody else, and
/// that it sells: then the limit is its price and how much of it is open.
const FOREIGN: u16 = 1 << 14;
const FOREIGN_SELLS: u16 = 1 << 13;

fn decision(control: &Control) -> String {
    let of = |target: Target| match target.level {
        Level::Global => "everything".to_owned(),
        level => format!("{} {}", level.text(), target.index),
    };
    let what = match control.kind {
        ControlKind::Trip { target, state } => {
            let allowed = match state {
                KillState::Active => "all orders",
                KillState::ReduceOnly => "only what makes positions smaller",
                KillState::Halted => "nothing but cancels",
            };
            format!("kill switch of {}: {allowed}", of(target))
        }
        ControlKind::Arm { target } => format!("kill switch of {} armed again", of(target)),
        ControlKind::Resume => "strategy resumed".to_owned(),
        ControlKind::Pause => "strategy paused".to_owned(),
        ControlKind::CloseOut => "positions to be closed".to_owned(),
        ControlKind::Activate { strategy } => format!("strategy {} active again", strategy.0),
        ControlKind::Deactivate { strategy } => {
            format!("strategy {} only looks on, its orders that could open cancelled", strategy.0)
        }
        ControlKind::Tune { strategy, param, value } => {
            format!("parameter {param} of strategy {} is {}", strategy.0, value.get())
        }
        ControlKind::Limit { target, key, hard } if key & FOREIGN != 0 => {
            let (side, of) = (if key & FOREIGN_SELLS == 0 { "buy" } else { "sell" }, of(target));
            let (slot, price, lots) = (key & 0xFF, hard >> 64, hard as u64);
            format!("order {slot} of somebody else, {of}: {side} {lots} lots at tick {price}")
        }
        ControlKind::Limit { target, key, hard } => {
            // The highest bit says that it may have become looser.
            let (key, of) = (key & !(1 << 15), of(target));
            format!("limit {key} of {of} is {hard}")
        }
    };
    match control.person {
        0 => format!("{what}, by the machine"),
        person => format!("{what}, by person {person}"),
    }
}

#[cfg(test)]
mod tests {
    use qt_types::Number;

    use super::*;

    #[test]
    fn decisions_about_one_strategy_a_parameter_and_a_limit_are_told() {
        let (strategy, person) = (StrategyId(3), 1);
        let told = |kind| decision(&Control { kind, person });
        assert_eq!(
            told(ControlKind::Activate { strategy }),
            "strategy 3 active again, by person 1"
        );
        let value = Number::new(0.25);
        let tune = ControlKind::Tune { strategy, param: 2, value };
        assert_eq!(told(tune), "parameter 2 of strategy 3 is 0.25, by person 1");
        let target = Target::new(Level::Account, 0);
        let limit = ControlKind::Limit { target, key: 19, hard: 5_000_000_000 };
        assert_eq!(told(limit), "limit 19 of account 0 is 5000000000, by person 1");
        let (target, key) = (Target::new(Level::Instrument, 2), FOREIGN | FOREIGN_SELLS | 3);
        let kind = ControlKind::Limit { target, key, hard: 6_000_000 << 64 | 25 };
        let wanted = "order 3 of somebody else, instrument 2: sell 25 lots at tick 6000000";
        assert_eq!(told(kind), format!("{wanted}, by person 1"));
        let only = told(ControlKind::Deactivate { strategy });
        assert!(only.starts_with("strategy 3 only looks on"), "{only}");
        assert_eq!(of_strategy(strategy), " of strategy 3");
        assert_eq!(of_strategy(StrategyId::FIRST), "");
    }
}
