//! Carrying out what the fill rules decided: quantity, slippage, fee, the account's check, and
//! what a fill means for other orders.

use qt_engine::{Deal, LedgerError, closable};
use qt_types::{
    Cash, E9, ExecId, FeeIn, InstrumentId, Liquidity, OrderId, OrderKind, Price, Qty, RejectReason,
    Report, ReportKind, Side, TimeInForce,
};

use super::config::FillAt;
use super::matching::{self, Outcome};
use super::money::Charge;
use super::order::Since;
use super::{SideBar, SimVenue, closing_side};

impl SimVenue {
    /// Does `outcome` to the order at `at`. `child_since` is what its protective orders are told
    /// when it is an entry and fills.
    pub(super) fn act(
        &mut self,
        at: usize,
        outcome: Outcome,
        now_ns: i64,
        child_since: Since,
    ) -> Result<(), LedgerError> {
        match outcome {
            Outcome::Rests => Ok(()),
            Outcome::Triggers => {
                self.orders[at].triggered = true;
                Ok(())
            }
            Outcome::Fills { price, liquidity, slips } => {
                if self.orders[at].is_waiting() {
                    self.orders[at].triggered = true;
                }
                // An entry that filled in part must not go on once its protection is hit.
                if self.orders[at].is_protective() {
                    self.end_oco(self.orders[at].parent, now_ns);
                }
                let price = self.slipped(at, price, slips);
                self.fill(at, price, liquidity, now_ns, child_since)
            }
        }
    }

    /// The actual price, moved against the order by the slippage where it slips.
    fn slipped(&self, at: usize, price: i64, slips: bool) -> Price {
        let order = &self.orders[at];
        let actual = order.actual(price);
        if !slips || self.config.slippage_e9 == 0 {
            return actual;
        }
        let one = i128::from(E9);
        let rate = one + i128::from(order.side.sign()) * i128::from(self.config.slippage_e9);
        let scaled = i128::from(actual.ticks()) * rate;
        let ticks = match order.side {
            Side::Buy => scaled.div_euclid(one) + i128::from(scaled.rem_euclid(one) != 0),
            Side::Sell => scaled.div_euclid(one).max(1),
        };
        Price::from_ticks(i64::try_from(ticks).unwrap_or(i64::MAX))
    }

    fn fill(
        &mut self,
        at: usize,
        price: Price,
        liquidity: Liquidity,
        now_ns: i64,
        child_since: Since,
    ) -> Result<(), LedgerError> {
        let lots = self.fillable(at);
        let order = &self.orders[at];
        let (id, instrument, side) = (order.id, order.instrument, order.side);
        let (oco, reduce_only) = (order.oco, order.reduce_only);
        let is_paired = !oco.is_none() && !order.is_protective();
        if lots == 0 {
            let held = self.account.position(instrument);
            if reduce_only && (held == 0 || closing_side(held) != side) {
                self.end(at, RejectReason::NothingToReduce, now_ns);
            }
            return Ok(());
        }
        let qty = Qty::from_lots(lots);
        let spec = self.account.spec(instrument);
        let worth = spec.and_then(|spec| spec.notional(price, qty));
        let fee = worth.and_then(|worth| self.fee_of(worth, liquidity, now_ns));
        let fee = fee.ok_or(LedgerError::Overflow)?;
        let fee_in = FeeIn::Quote;
        let fill = Deal { instrument, side, price, qty, fee, fee_in };
        self.note_rates();
        let charge = self.charge_of(&fill, liquidity, now_ns).ok_or(LedgerError::Overflow)?;
        let fill = Deal { fee: charge.fee, fee_in: charge.fee_in, ..fill };
        let scene = &self.config.scene;
        let rules = (scene.margin.as_ref(), &scene.money);
        if let Err(reason) = self.account.check(&fill, rules, now_ns) {
            self.refuse(at, reason, now_ns);
            return Ok(());
        }
        if side == Side::Buy && self.account.is_cash() {
            let needed = worth.unwrap_or_default() + fill.fee_in_quote();
            self.raise(instrument, needed, now_ns)?;
        }
        self.account.book(&fill, now_ns)?;
        if let (Some(volume), Some(worth)) = (&mut self.volume, worth) {
            let worth = self.account.in_account(instrument, worth).unwrap_or(worth);
            volume.add(worth, now_ns);
        }
        self.count(instrument, lots);
        self.watch(instrument);
        self.report_fill(at, price, lots, &charge, liquidity, now_ns);
        self.cover(instrument, now_ns)?;
        self.remember_fill(id, ExecId(self.executions.len() as u64), &fill);
        self.wake_children(at, price, child_since);
        let spent = reduce_only && self.account.position(instrument) == 0;
        if self.orders[at].leaves() == 0 {
            self.orders[at].ended = true;
            self.has_ended = true;
            self.end_oco(oco, now_ns);
            self.end_held_rest(id, now_ns);
        } else if spent {
            // Larger than the position was: what is left of it must not wait for the next one.
            self.end_oco(oco, now_ns);
            self.end(at, RejectReason::NothingToReduce, now_ns);
        } else if is_paired {
            self.reduce_oco(oco, lots, now_ns);
        }
        Ok(())
    }

    /// How many lots of the order can be filled now: what is open, no more than reduces the
    /// position where it is reduce-only, no more than the bar's cap, and all or nothing for FOK.
    fn fillable(&self, at: usize) -> i64 {
        let order = &self.orders[at];
        let mut lots = order.leaves();
        if order.reduce_only {
            let held = self.account.position(order.instrument);
            lots = lots.min(closable(order.side, held));
        }
        let open = lots;
        if let Some(budget) = self.tapes[order.instrument.index()].budget {
            lots = lots.min(budget);
        }
        if order.tif == TimeInForce::Fok && lots < open { 0 } else { lots }
    }

    fn count(&mut self, instrument: InstrumentId, lots: i64) {
        let tape = &mut self.tapes[instrument.index()];
        if let Some(budget) = &mut tape.budget {
            *budget -= lots;
        }
        if tape.bar.flags.has(qt_types::BarFlags::NO_VOLUME) {
            return;
        }
        let volume = tape.bar.volume.lots();
        self.counts.fills_over_volume += u64::from(lots > volume);
        self.counts.fills_over_tenth += u64::from(lots > volume / 10);
    }

    fn report_fill(
        &mut self,
        at: usize,
        price: Price,
        lots: i64,
        charge: &Charge,
        liquidity: Liquidity,
        now_ns: i64,
    ) {
        let row = self.tapes[self.orders[at].instrument.index()].bar.row;
        self.executions.push((row, self.path));
        let exec = ExecId(self.executions.len() as u64);
        if charge.fee_in != FeeIn::Quote {
            self.fee_values.push((exec, charge.value));
        }
        let order = &mut self.orders[at];
        order.filled += lots;
        let report = Report {
            order: order.id,
            exec,
            of: ExecId(0),
            price,
            qty: Qty::from_lots(lots),
            leaves: Qty::from_lots(order.leaves()),
            fee: charge.fee,
            fee_in: charge.fee_in,
            kind: ReportKind::Filled,
            reason: RejectReason::None,
            liquidity,
        };
        let instrument = order.instrument;
        self.send(instrument, now_ns, report);
    }

    /// Brings the children of a filled order to life: protective ones for as much as it has
    /// filled, any others once it is filled whole.
    fn wake_children(&mut self, at: usize, price: Price, since: Since) {
        let (parent, filled) = (self.orders[at].id, self.orders[at].filled);
        if !self.has_children {
            return;
        }
        let is_whole = self.orders[at].leaves() == 0;
        for child in self.orders.iter_mut().filter(|child| child.parent == parent) {
            if child.is_protective() {
                child.qty = filled.min(child.asked);
            } else if !is_whole {
                continue;
            }
            if child.since == Since::Held {
                child.since = since;
                // A trailing stop starts from the price that was paid, not from before.
                child.best = None;
                child.follow(price.ticks() * child.side.sign());
            }
        }
    }

    /// The entry is done: if it filled only in part, its protective orders keep that part.
    fn end_held_rest(&mut self, parent: OrderId, now_ns: i64) {
        if !self.has_children {
            return;
        }
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            if order.parent == parent && order.since == Since::Held && !order.ended {
                self.end(at, RejectReason::ParentEnded, now_ns);
            }
        }
    }

    fn end_oco(&mut self, other: OrderId, now_ns: i64) {
        if other.is_none() {
            return;
        }
        if let Some(at) = self.find(other) {
            self.end(at, RejectReason::OcoFilled, now_ns);
        }
    }

    /// One of a pair was filled by `lots`: as much less is left of the other one.
    fn reduce_oco(&mut self, other: OrderId, lots: i64, now_ns: i64) {
        let Some(at) = self.find(other) else { return };
        let order = &mut self.orders[at];
        let left = order.qty.saturating_sub(lots);
        if left <= order.filled {
            return self.end(at, RejectReason::OcoFilled, now_ns);
        }
        (order.qty, order.asked) = (left, left);
        self.tell_change(at, RejectReason::OcoFilled, now_ns);
    }

    /// Ends an order without a fill, and the protective orders that waited for it.
    pub(super) fn end(&mut self, at: usize, reason: RejectReason, now_ns: i64) {
        self.finish(at, ReportKind::Cancelled, reason, now_ns);
    }

    fn refuse(&mut self, at: usize, reason: RejectReason, now_ns: i64) {
        match reason {
            RejectReason::InsufficientFunds => self.counts.insufficient_funds += 1,
            RejectReason::ShortNotAllowed => self.counts.short_not_allowed += 1,
            _ => {}
        }
        self.finish(at, ReportKind::Rejected, reason, now_ns);
    }

    pub(super) fn finish(
        &mut self,
        at: usize,
        kind: ReportKind,
        reason: RejectReason,
        now_ns: i64,
    ) {
        let order = &mut self.orders[at];
        order.ended = true;
        self.has_ended = true;
        let (id, instrument, qty) = (order.id, order.instrument, Qty::from_lots(order.filled));
        self.send(instrument, now_ns, Report { qty, ..Report::plain(id, kind, reason) });
        self.end_held_rest(id, now_ns);
    }

    /// Ends what is left of IOC and FOK orders once they had their chance.
    /// Market orders of the `--fill close` mode have theirs at the close.
    pub(super) fn end_immediate(&mut self, instrument: InstrumentId, now_ns: i64, closes: bool) {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            let at_once = matches!(order.tif, TimeInForce::Ioc | TimeInForce::Fok);
            let waits = order.kind == OrderKind::Market && self.config.fill_at == FillAt::Close;
            let had_chance = if waits { closes } else { order.since == Since::Before };
            if at_once && had_chance && order.instrument == instrument && !order.ended {
                self.end(at, RejectReason::NotImmediate, now_ns);
            }
        }
    }

    /// A stop that is not proven to be hit in its entry's own bar, but could have been, is taken
    /// as hit when a target is proven to be: of two possible outcomes the worse one counts.
    pub(super) fn pessimistic(&self, at: usize, bar: &SideBar, outcome: Outcome) -> Outcome {
        let stop = &self.orders[at];
        let touch = self.config.touch_fills;
        let unproven = outcome == Outcome::Rests
            && stop.kind.is_stop()
            && matches!(stop.since, Since::Inside { .. })
            && matching::could_be_hit(stop, bar, touch);
        let target_is_proven = || {
            self.orders.iter().any(|other| {
                !other.kind.is_stop()
                    && !other.ended
                    && other.side == stop.side
                    && other.instrument == stop.instrument
                    && matches!(matching::inside(other, bar, touch), Outcome::Fills { .. })
            })
        };
        match stop.trigger() {
            Some(trigger) if unproven && target_is_proven() => super::at_market(trigger),
            _ => outcome,
        }
    }

    /// Counts a bar in which the stop at `at` fills although a target could have been hit.
    pub(super) fn note_ambiguity(&mut self, at: usize, bar: &SideBar, outcome: Outcome) {
        let stop = self.orders[at];
        let Outcome::Fills { price, .. } = outcome else { return };
        if !stop.kind.is_stop() || !self.closes_position(at) {
            return;
        }
        let touch = self.config.touch_fills;
        let target = self.orders.iter().find(|other| {
            other.id != stop.id
                && !other.kind.is_stop()
                && !other.ended
                && other.side == stop.side
                && other.instrument == stop.instrument
                && matching::could_be_hit(other, bar, touch)
        });
        let Some(target) = target.and_then(super::SimOrder::target) else { return };
        let tape = &mut self.tapes[stop.instrument.index()];
        self.counts.ambiguous_bars += u64::from(!tape.is_ambiguous);
        tape.is_ambiguous = true;
        let held = self.account.position(stop.instrument).saturating_abs();
        let lots = Qty::from_lots(stop.leaves().min(held));
        // In the mirror a lower price is better for either side; of an inverse contract the
        // difference is no price.
        let gain = self.account.spec(stop.instrument).and_then(|spec| {
            if !spec.is_inverse() {
                return spec.notional(Price::from_ticks(price - target), lots);
            }
            let (at_stop, at_target) = (stop.actual(price), stop.actual(target));
            let worth = |at: Price| spec.notional(at, lots);
            Some((worth(at_stop)? - worth(at_target)?).abs())
        });
        self.counts.ambiguous_gain += gain.unwrap_or(Cash::ZERO);
    }

    fn closes_position(&self, at: usize) -> bool {
        let order = &self.orders[at];
        let held = self.account.position(order.instrument);
        held != 0 && closing_side(held) == order.side
    }
}
