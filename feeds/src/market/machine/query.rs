//! Which instruments are still to be asked for, and which are not listed. Where the venue does not
//! know one of those that are asked for at once it refuses the whole question, which is then
//! halved.

use super::profile::Profile;
use super::protocol::Info;

/// See the module.
#[derive(Debug)]
pub(super) struct Query {
    symbols: Vec<String>,
    open: Vec<std::ops::Range<usize>>,
    pub(super) missing: Vec<usize>,
}

impl Query {
    /// About all of `symbols`, so many at once.
    pub(super) fn new(symbols: &[String], at_once: usize) -> Self {
        let (at_once, count) = (at_once.max(1), symbols.len());
        let begins = (0..count.max(1)).step_by(at_once);
        let range = |from: usize| from..from.saturating_add(at_once).min(count);
        let mut open: Vec<_> = begins.map(range).collect();
        open.reverse();
        Self { symbols: symbols.to_vec(), open, missing: Vec::new() }
    }

    /// Whether everything is answered.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// The next question.
    pub(super) fn url(&self, profile: &Profile) -> Option<String> {
        let range = self.open.last()?.clone();
        Some(profile.protocol.listings_url(profile, &self.symbols[range]))
    }

    /// It was answered: which of the instruments asked for are not in the answer.
    pub(super) fn answered(&mut self, info: &Info) {
        let Some(range) = self.open.pop() else { return };
        let has = |at: &usize| {
            let symbol = &self.symbols[*at];
            info.listings.iter().any(|listing| listing.symbol == *symbol)
        };
        let missing: Vec<usize> = range.filter(|at| !has(at)).collect();
        self.missing.extend(missing);
    }

    /// It was refused because the venue does not know one of the instruments.
    pub(super) fn refused(&mut self) {
        let Some(range) = self.open.pop() else { return };
        if range.len() <= 1 {
            self.missing.extend(range);
            return;
        }
        let middle = range.start + range.len() / 2;
        self.open.push(middle..range.end);
        self.open.push(range.start..middle);
    }
}

#[cfg(test)]
mod tests {
    use qt_types::InstrumentKind;

    use super::*;
    use crate::market::{Listing, Status};

    fn info(names: &[String], url: &str) -> Info {
        let listing = |name: &String| Listing {
            symbol: name.clone(),
            base: String::new(),
            quote: String::new(),
            kind: InstrumentKind::Spot,
            status: Status::Trading,
            tick_e9: 1,
            lot_e9: 1,
            multiplier_e9: 1_000_000_000,
            qty_min_e9: 0,
            qty_max_e9: 0,
            notional_min_e9: 0,
            order_types: Vec::new(),
            can_amend: false,
            can_replace: false,
        };
        let has = |name: &&String| url.contains(&super::super::protocol::encoded(name));
        Info { listings: names.iter().filter(has).map(listing).collect(), ..Info::default() }
    }

    #[test]
    fn an_unknown_instrument_is_found_by_halving() {
        let names: Vec<String> = ["A", "B", "NO", "D", "\u{5e01}"].map(String::from).to_vec();
        for (at_once, questions) in [(usize::MAX, 5), (2, 5), (1, 5)] {
            let mut query = Query::new(&names, at_once);
            let mut asked = 0;
            while let Some(url) = query.url(&Profile::spot()) {
                asked += 1;
                if url.contains("%22NO%22") {
                    query.refused();
                } else {
                    query.answered(&info(&names, &url));
                }
            }
            assert!(query.is_over());
            assert_eq!((query.missing, asked), (vec![2], questions), "{at_once}");
        }
    }
}
