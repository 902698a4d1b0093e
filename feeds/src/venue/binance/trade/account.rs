//! What happens to an account with positions, as its own connection tells it; positions and
//! payments for them, as they are asked for.

use qt_engine::{Answer, Delivery};
use qt_types::{Cash, ExecId, OrderId, RejectReason, Report, ReportKind};

use super::OrderMachine;
use super::queries::Param;
use super::questions::Step;
use super::reports::nanos;
use super::session::LINKS;
use super::traded;
use super::trouble::Trouble;
use super::usdm::{
    AccountUpdate, BOTH, FUNDING, Income, MarginCall, OrderUpdate, PositionRisk, Wallet,
};

/// So long after a payment was told of the list of them must have it (ms).
const LIST_LATE_MS: i64 = 600_000;

/// Whether payments for positions are to be asked for: the stream says that there was one, and not
/// for which position.
#[derive(Debug, Default)]
pub(super) struct Fundings {
    /// From when the newest one is that is not in the list yet (UTC ms).
    awaited_ms: Option<i64>,
}

impl Fundings {
    /// One may have been missed.
    pub(super) fn ask(&mut self) {
        self.awaited_ms.get_or_insert(i64::MIN);
    }

    /// There was one.
    fn heard(&mut self, at_ms: i64) {
        self.awaited_ms = self.awaited_ms.max(Some(at_ms));
    }

    pub(super) const fn is_awaited(&self) -> bool {
        self.awaited_ms.is_some()
    }

    /// The list was told; its newest row is from then. Whether one never came.
    fn told(&mut self, newest_ms: Option<i64>, now_ms: i64) -> bool {
        let Some(awaited_ms) = self.awaited_ms else { return false };
        let is_there = awaited_ms == i64::MIN || newest_ms >= Some(awaited_ms);
        let is_lost = !is_there && awaited_ms.saturating_add(LIST_LATE_MS) <= now_ms;
        if is_there || is_lost {
            self.awaited_ms = None;
        }
        is_lost
    }
}

impl OrderMachine {
    /// A message over the ears of session `link`.
    pub(super) fn ear_frame(&mut self, link: usize, bytes: &[u8]) {
        self.standing.figures.messages += 1;
        if let Some(slot) = self.links.slots.get_mut(link).filter(|_| link < LINKS) {
            (slot.deaf_since_ns, slot.told_ns) = (None, self.now_ns);
        }
        match str::from_utf8(bytes) {
            Ok(text) => self.event(link, text),
            Err(_) => self.unreadable(),
        }
    }

    pub(super) fn order_update(&mut self, text: &str) {
        let update = serde_json::from_str::<OrderUpdate<'_>>(text).ok();
        match update.and_then(|update| update.report()) {
            Some(report) => self.hear_report(&report, self.now_ns),
            None => {
                self.unreadable();
                // It may have been about an order of ours.
                self.compare_soon(0, self.now_ns);
            }
        }
    }

    /// Balances and positions. They are asked for when they are compared: here they only have to
    /// make sense, and what there is of each asset is shown.
    pub(super) fn account_update(&mut self, text: &str) {
        let Ok(update) = serde_json::from_str::<AccountUpdate<'_>>(text) else {
            return self.unreadable();
        };
        for wallet in &update.change.wallets {
            let Some(amount) = traded::units_e9(&wallet.wallet) else {
                self.unreadable();
                continue;
            };
            let held = self.standing.held.get_or_insert_default();
            match held.iter_mut().find(|(asset, _)| *asset == wallet.asset) {
                Some((_, known)) => *known = amount,
                None => held.push((wallet.asset.to_string(), amount)),
            }
        }
        for position in &update.change.positions {
            match traded::units_e9(&position.amount) {
                Some(amount) if position.side != BOTH && amount != 0 => {
                    self.standing.trouble = Some(Trouble::Mode);
                }
                Some(_) => {}
                None => self.unreadable(),
            }
        }
        match &*update.change.why {
            "ORDER" | "MARGIN_TYPE_CHANGE" => {}
            FUNDING => {
                self.standing.figures.fundings += 1;
                self.fundings.heard(update.at_ms);
            }
            _ => self.standing.figures.transfers += 1,
        }
    }

    pub(super) fn margin_call(&mut self, text: &str) {
        let Ok(call) = serde_json::from_str::<MarginCall<'_>>(text) else {
            return self.unreadable();
        };
        let symbols: Vec<&str> = call.positions.iter().map(|it| &*it.symbol).take(8).collect();
        self.standing.trouble = Some(Trouble::Margin(symbols.join(", ")));
    }

    /// All that is held of each asset, in billionths of a unit; none where a balance is finer.
    pub(super) fn wallets(result: &str) -> Option<Vec<(String, i64)>> {
        let wallets = serde_json::from_str::<Vec<Wallet<'_>>>(result).ok()?;
        let wallets = wallets.iter();
        wallets.map(|it| Some((it.asset.to_string(), traded::units_e9(&it.balance)?))).collect()
    }

    /// The positions of the account. What was there before the run is a part of them.
    pub(super) fn told_positions(&mut self, number: u32, result: &str) -> bool {
        let Ok(positions) = serde_json::from_str::<Vec<PositionRisk<'_>>>(result) else {
            return false;
        };
        let mut found = Vec::with_capacity(positions.len());
        for position in &positions {
            let Some(of) = self.place_of(&position.symbol).map(|at| &self.settings.traded[at])
            else {
                continue;
            };
            let Some(qty) = of.position(&position.amount) else {
                let what = format!("a position in {} that is no number of lots", of.symbol);
                self.standing.trouble = Some(Trouble::Unfit(what));
                return false;
            };
            if position.side != BOTH && !qty.is_zero() {
                self.standing.trouble = Some(Trouble::Mode);
                return false;
            }
            found.push((of.instrument, qty));
        }
        for (instrument, qty) in found.into_iter().filter(|it| !it.1.is_zero()) {
            self.part(number, Answer::Position(instrument, qty));
        }
        true
    }

    /// Asks what was paid for positions since `from_ms` (UTC), if that may be news.
    pub(super) fn ask_fundings(&mut self, number: u32, from_ms: i64) {
        let profile = self.settings.profile;
        let Some(positions) = profile.asks.positions else { return };
        let params = [
            ("incomeType", Param::Text(FUNDING)),
            ("startTime", Param::Number(from_ms)),
            ("limit", Param::Number(profile.page_rows as i64)),
        ];
        let way = super::profile::Way::Rest(positions.income);
        self.query(number, profile.weights.income, Step::Fundings { from_ms }, way, &params);
    }

    pub(super) fn told_fundings(&mut self, number: u32, from_ms: i64, result: &str) -> bool {
        let Ok(rows) = serde_json::from_str::<Vec<Income<'_>>>(result) else { return false };
        for row in rows.iter().filter(|row| row.kind == FUNDING) {
            let Some(delivery) = self.funding(row) else { return false };
            if let Some(delivery) = delivery {
                self.part(number, Answer::Execution(delivery));
            }
        }
        let newest_ms = rows.iter().map(|row| row.at_ms).max();
        if rows.len() >= self.settings.profile.page_rows {
            let next_ms = newest_ms.unwrap_or(from_ms);
            // A page of one and the same moment is all that there is of it.
            let next_ms = if next_ms > from_ms { next_ms } else { from_ms.saturating_add(1) };
            self.ask_fundings(number, next_ms);
            return true;
        }
        let now_ms = i64::try_from(self.venue_ms(self.now_ns)).unwrap_or(i64::MAX);
        if self.fundings.told(newest_ms, now_ms) {
            self.standing.figures.fees_unbooked += 1;
        }
        true
    }

    /// A payment as a report; nothing for one that is not about what is traded here. None where it
    /// cannot be read.
    fn funding(&mut self, row: &Income<'_>) -> Option<Option<Delivery>> {
        let Some(at) = self.place_of(&row.symbol) else { return Some(None) };
        let of = self.settings.traded.get(at)?;
        let got = Cash::from_nano(i128::from(traded::units_e9(&row.income)?));
        if row.asset != of.quote {
            self.standing.figures.fees_unbooked += 1;
            return Some(None);
        }
        let plain = Report::plain(OrderId::NONE, ReportKind::Funding, RejectReason::None);
        let exec = ExecId(row.number.checked_add(1)?);
        let report = Report { exec, fee: Cash::ZERO - got, ..plain };
        let (instrument, venue_ns) = (of.instrument, nanos(row.at_ms));
        Some(Some(Delivery { instrument, venue_ns, recv_ns: self.now_ns, report }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_are_asked_for_until_the_list_has_them() {
        let fundings = &mut Fundings::default();
        assert!(!fundings.is_awaited());
        fundings.ask();
        assert!(!fundings.told(None, 0) && !fundings.is_awaited(), "a list without any is whole");
        fundings.heard(1_000);
        fundings.ask();
        assert!(!fundings.told(Some(999), 2_000) && fundings.is_awaited(), "it is not there yet");
        assert!(!fundings.told(Some(1_000), 2_000) && !fundings.is_awaited());
        fundings.heard(1_000);
        assert!(fundings.told(None, 1_000 + LIST_LATE_MS) && !fundings.is_awaited());
    }
}
