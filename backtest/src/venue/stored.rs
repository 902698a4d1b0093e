//! The venue as state: all that later events depend on. What it was made from is given again and
//! only compared.

use qt_engine::Command;
use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer, load_part, save_part};

use super::SimVenue;

impl Stored for SimVenue {
    /// To be called between two events, once its reports and what joined a queue were taken.
    fn save(&self, to: &mut Writer<'_>) {
        let Self {
            config,
            account,
            tapes,
            markets,
            opening,
            orders,
            has_ended,
            has_children,
            has_triggers,
            commands,
            has_ties_under_way,
            reports,
            // Never, where there is none.
            next_report_ns: _,
            executions,
            path,
            fee_values,
            rested,
            counts,
            fees,
            order_latency,
            response_latency,
            // Of one step.
            scratch: _,
            own_sweep: _,
            next_expiry_ns,
            agenda,
            watched,
            faults,
            volume,
        } = self;
        if !reports.is_empty() || !rested.is_empty() {
            to.refuse("a report that nobody has taken");
        }
        to.same(&format!("{config:?}"));
        account.save(to);
        to.same(&tapes.len());
        tapes.iter().for_each(|tape| to.put(tape));
        to.same(&markets.len());
        markets.iter().for_each(|market| save_part(market.as_ref(), to));
        to.list(orders.iter());
        to.put(&(opening, has_ended, has_children, has_triggers, has_ties_under_way));
        to.put(&commands.len());
        for (arrival_ns, command) in commands {
            to.put(arrival_ns);
            command.save(to);
        }
        to.list(executions.iter());
        to.list(fee_values.iter());
        to.put(&(path, counts, fees, next_expiry_ns, watched));
        order_latency.save(to);
        response_latency.save(to);
        agenda.save(to);
        save_part(faults.as_deref(), to);
        save_part(volume.as_deref(), to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("what the venue is like", &format!("{:?}", self.config))?;
        self.account.load(from)?;
        from.same("the number of instruments of the venue", &self.tapes.len())?;
        for tape in &mut self.tapes {
            *tape = from.take()?;
        }
        from.same("the number of books of the venue", &self.markets.len())?;
        for market in &mut self.markets {
            load_part("having a book", market.as_mut(), from)?;
        }
        from.list(&mut self.orders, usize::MAX)?;
        (
            self.opening,
            self.has_ended,
            self.has_children,
            self.has_triggers,
            self.has_ties_under_way,
        ) = from.take()?;
        self.commands.clear();
        for _ in 0..from.count(usize::MAX)? {
            let arrival_ns = from.take()?;
            self.commands.push_back((arrival_ns, Command::taken(from)?));
        }
        from.list(&mut self.executions, usize::MAX)?;
        from.list(&mut self.fee_values, usize::MAX)?;
        (self.path, self.counts, self.fees, self.next_expiry_ns, self.watched) = from.take()?;
        self.order_latency.load(from)?;
        self.response_latency.load(from)?;
        self.agenda.load(from)?;
        load_part("having faults", self.faults.as_deref_mut(), from)?;
        load_part("fees by volume", self.volume.as_deref_mut(), from)?;
        self.reports.clear();
        self.rested.clear();
        self.next_report_ns = i64::MAX;
        self.check_instruments()
    }
}

impl SimVenue {
    /// Whatever names an instrument names one that there is.
    fn check_instruments(&self) -> Result<(), SnapshotError> {
        let orders = self.orders.iter().map(|order| order.instrument);
        let commands = self.commands.iter().map(|(_, command)| command.instrument());
        let is_known = orders.chain(commands).all(|it| it.index() < self.tapes.len());
        if is_known { Ok(()) } else { Err(SnapshotError::Damaged) }
    }
}
