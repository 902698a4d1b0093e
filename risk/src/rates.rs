//! Rates of currencies: what is held and in work is worth another amount of the account's when one
//! moves. Only in runs with several currencies.

use qt_engine::Exposure;
use qt_types::{CurrencyId, InstrumentId};

use crate::risk_gate::RiskGate;
use crate::state::KnownRate;

impl RiskGate {
    /// Brings the rates in line with the market's, and what depends on them.
    #[cold]
    pub(crate) fn follow_rates(&mut self, exposure: &Exposure<'_>) {
        let mut has_moved = false;
        for at in 0..self.state.instruments.len() {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            let rate = known_rate(instrument, exposure);
            if rate != self.state.instruments[at].rate {
                self.state.instruments[at].rate = rate;
                self.count_again(instrument, exposure);
                has_moved = true;
            }
        }
        // The money in other currencies is worth another amount as well.
        let strategy = usize::from(self.strategy);
        if exposure.ledger.strategies() > 0 {
            self.follow_books(InstrumentId(0), exposure);
        } else if strategy < self.state.strategies.len() && !self.state.instruments.is_empty() {
            self.book(strategy, InstrumentId(0), exposure);
        }
        if has_moved {
            let now_ns = exposure.market.now_ns().get();
            for node in self.state.kept_nodes() {
                let pnl = self.state.sums(node).pnl();
                self.state.nodes[node].remember_loss(pnl, now_ns);
            }
        }
    }

    /// Values what is held and in work of `instrument`.
    fn count_again(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        let Some(spec) = exposure.specs.get(instrument.index()) else { return };
        self.state.revalue(instrument, exposure.market.mark(instrument), exposure);
        for place in 0..self.state.reservations.end() {
            let is_of_it = self.state.reservations.at(place).instrument == instrument;
            if is_of_it && self.state.reservations.is_taken(place) {
                self.state.refresh(place, spec);
            }
        }
    }
}

fn known_rate(instrument: InstrumentId, exposure: &Exposure<'_>) -> KnownRate {
    let currency = exposure.ledger.currency_of(instrument);
    if currency == CurrencyId::ACCOUNT {
        return KnownRate::Same;
    }
    let market = exposure.market;
    let Some(rate) = market.rate(currency) else { return KnownRate::Missing };
    KnownRate::Known { rate, is_fresh: market.fresh_rate(currency, market.now_ns()).is_some() }
}
