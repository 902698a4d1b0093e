//! What the journal of a run says: its executions, its book, and what was decided while the book
//! was in doubt.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use qt_journal::{Intention, JournalReader, Record};
use qt_types::{
    Event, FeeIn, InstrumentSpec, Payload, Report, ReportKind, Side, Tick, TickFlags, TickKind,
    format_scaled,
};
use serde_json::{Value, json};

/// How many prices of a side are compared, and how many there must be: trades may have left a side
/// of a market that stands still with fewer.
const LEVELS: usize = 15;
const LEVELS_MIN: usize = 8;

/// What a journal with one instrument says.
#[derive(Debug, Default)]
pub struct Kept {
    spec: Option<InstrumentSpec>,
    /// Executions at the venue, in the words of a belief.
    pub fills: Vec<Value>,
    /// Lots by price: bids, asks.
    sides: [BTreeMap<i64, i64>; 2],
    /// Which sides have been told anew since the book came into doubt.
    cleared: [bool; 2],
    is_whole: bool,
    /// What is held, in lots, and of which side each order is: 1 or -1.
    position: i64,
    signs: BTreeMap<u64, i64>,
    execs: BTreeSet<(u64, u64)>,
    /// New orders and changes.
    pub decisions: u64,
    /// Those that were let through while the book was in doubt and did more than to make the
    /// position smaller, by their event.
    pub blind: Vec<u64>,
}

impl Kept {
    /// What the journal of the run in `folder` has by now.
    pub fn read(folder: &Path) -> Self {
        let mut kept = Self::default();
        let journal = JournalReader::open(&folder.join("live.qtj"), None).expect("a journal");
        for entry in journal {
            match entry.expect("a record").record {
                Record::Spec(record) => kept.spec = Some(record.spec),
                Record::Event(event) => kept.event(&event),
                Record::Command(command) => kept.sent(command.stamp.seq.get(), &command.intention),
                _ => {}
            }
        }
        kept
    }

    fn sent(&mut self, seq: u64, intention: &Intention) {
        let order = intention.order().get();
        let qty = match intention {
            Intention::New(new) => {
                self.signs.insert(order, new.side.sign());
                new.qty
            }
            Intention::Replace { replace, .. } => replace.qty,
            Intention::Cancel { .. } => return,
        };
        self.decisions += 1;
        let after = self.signs.get(&order).map_or(0, |sign| sign * self.position);
        if !self.is_whole && after + qty.lots() > 0 {
            self.blind.push(seq);
        }
    }

    fn event(&mut self, event: &Event) {
        match &event.payload {
            Payload::Tick(tick) => self.tick(tick),
            Payload::Report(report) if report.kind == ReportKind::Filled => self.filled(report),
            _ => {}
        }
    }

    fn tick(&mut self, tick: &Tick) {
        let side = tick.side() as usize;
        match tick.kind() {
            Some(TickKind::Gap) => (self.is_whole, self.cleared) = (false, [false; 2]),
            Some(TickKind::Clear) => {
                self.sides[side].clear();
                self.cleared[side] = true;
            }
            Some(TickKind::Level) if tick.qty == 0 => {
                self.sides[side].remove(&tick.price);
            }
            Some(TickKind::Level) => {
                self.sides[side].insert(tick.price, tick.qty);
            }
            _ => {}
        }
        // A book is whole again when both sides have been told anew, to the end of the update.
        self.is_whole |= self.cleared == [true; 2] && tick.flags().has(TickFlags::LAST);
    }

    fn filled(&mut self, report: &Report) {
        // One that was found by asking is told once more where its report only came late: it is
        // booked once, by its number.
        if !self.execs.insert((report.order.get(), report.exec.0)) {
            return;
        }
        let sign = self.signs.get(&report.order.get()).copied().unwrap_or_default();
        self.position += sign * report.qty.lots();
        let Some(spec) = self.spec.as_ref().filter(|_| !report.order.is_none()) else { return };
        let fee_asset = match report.fee_in {
            FeeIn::Quote => Some("USDT"),
            FeeIn::Base => Some("BTC"),
            FeeIn::Currency(_) => None,
        };
        let mut fill = json!({
            "symbol": spec.symbol(),
            // The number of an execution is that of its trade and one.
            "trade_id": report.exec.0.wrapping_sub(1),
            "price": spec.price_text(report.price),
            "qty": spec.qty_text(report.qty),
        });
        // What was taken from an asset that the books do not have is not in them.
        if let Some(asset) = fee_asset.filter(|_| report.fee.nano() != 0) {
            fill["fee"] = json!(format_scaled(report.fee.nano(), 9));
            fill["fee_asset"] = json!(asset);
        }
        self.fills.push(fill);
    }

    /// The book in the words of a belief, and why there is none.
    pub fn book(&self) -> Result<Value, String> {
        let spec = self.spec.as_ref().ok_or("no instrument is told yet")?;
        if !self.is_whole {
            return Err(format!("the book is in doubt; told anew since: {:?}", self.cleared));
        }
        let level = |(price, lots): (&i64, &i64)| {
            let part =
                |count: i64, unit: i64| format_scaled(i128::from(count) * i128::from(unit), 9);
            json!([part(*price, spec.tick_e9()), part(*lots, spec.lot_e9())])
        };
        let [bids, asks] = &self.sides;
        let count = bids.len().min(asks.len()).min(LEVELS);
        if count < LEVELS_MIN {
            return Err(format!("the book has {} bids and {} asks", bids.len(), asks.len()));
        }
        let bids: Vec<Value> = bids.iter().rev().take(count).map(level).collect();
        let asks: Vec<Value> = asks.iter().take(count).map(level).collect();
        Ok(json!({"symbol": spec.symbol(), "bids": bids, "asks": asks}))
    }
}

const _: () = assert!(Side::Buy as usize == 0 && Side::Sell as usize == 1);
