//! How a run at a venue stood at its end.

use qt_engine::{Exposure, Gate, Position, Strategy};
use qt_runtime::live::{Driver, VenueFigures};
use qt_types::{InstrumentId, InstrumentSpec, format_scaled};
use serde::Serialize;
use serde_json::Value;

use crate::app::Session;
use crate::failure::Failure;
use crate::output::number;

/// See the module.
#[derive(Debug, Default, Serialize)]
pub struct Ended {
    /// The form of this document.
    pub schema: &'static str,
    /// paper or live.
    pub mode: &'static str,
    /// Where it traded.
    pub venue: String,
    /// Its journal.
    pub journal: String,
    /// Events in all.
    pub events: u64,
    /// Records of earlier processes that happened again first.
    pub repeated: u64,
    /// Whether its end is in the journal.
    pub is_closed: bool,
    /// How long it ran.
    pub seconds: f64,
    /// Cash and positions at the last prices.
    pub equity: Option<String>,
    /// Cash.
    pub cash: String,
    /// All fees.
    pub fees: String,
    /// Executions.
    pub fills: u64,
    /// Orders that are open.
    pub open_orders: usize,
    /// What the run holds of each instrument.
    pub positions: Vec<Holding>,
    /// What its feed has counted.
    pub feed: Value,
    /// What was counted of its orders at the venue; absent on paper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<VenueFigures>,
    /// What could not be explained.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<String>,
}

/// What is held of an instrument.
#[derive(Debug, Serialize)]
pub struct Holding {
    /// Which one.
    pub symbol: String,
    /// How many whole lots, signed, as a quantity.
    pub qty: String,
    /// The same with what commissions in kind leave of a lot.
    pub units: String,
    /// What was paid for it, or what it was worth when it was opened where nothing is paid for
    /// that; below zero: what was got for it.
    pub cost: String,
}

impl Ended {
    /// A run of which `driver` is left.
    pub fn new<S: Strategy, G: Gate>(driver: &Driver<S, G>, is_real: bool, venue: String) -> Self {
        let exposure: Exposure<'_> = driver.exposure();
        let (specs, ledger) = (exposure.specs, exposure.ledger);
        let id = |at: usize| InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
        let holding = |(at, spec): (usize, &InstrumentSpec)| Holding {
            symbol: spec.symbol().to_owned(),
            qty: spec.qty_text(exposure.position(id(at))),
            units: units(spec, &ledger.position(id(at))),
            cost: ledger.position(id(at)).cost().to_string(),
        };
        Self {
            schema: "quanttrade.venue-run/1",
            mode: if is_real { super::kept::LIVE } else { super::kept::PAPER },
            venue,
            events: driver.events(),
            equity: exposure.equity().ok().map(|cash| cash.to_string()),
            cash: ledger.cash().to_string(),
            fees: ledger.fees().to_string(),
            fills: (0..specs.len()).map(|at| ledger.position(id(at)).fills()).sum(),
            open_orders: exposure.orders.iter().count(),
            positions: specs.iter().enumerate().map(holding).collect(),
            orders: is_real.then(|| driver.figures()),
            breaks: driver.breaks().iter().map(|it| it.text(specs)).collect(),
            ..Self::default()
        }
    }
}

fn units(spec: &InstrumentSpec, of: &Position) -> String {
    let lots = i128::from(of.qty().lots()) * i128::from(spec.lot_e9());
    format_scaled(lots + i128::from(of.dust_e9()), 9)
}

/// Prints it.
///
/// # Errors
/// When standard output cannot be written to.
pub fn show(ended: &Ended, session: &Session) -> Result<(), Failure> {
    let out = &session.out;
    if out.json {
        return out.document(ended);
    }
    let of = &ended.positions;
    let held: Vec<String> = of.iter().map(|it| format!("{} {}", it.qty, it.symbol)).collect();
    let equity = ended.equity.as_deref().unwrap_or("unknown");
    out.line(&format!(
        "{} at {}: {} in {}, {}, {} open, equity {}, fees {}, holds {}",
        ended.mode,
        ended.venue,
        number::plural(ended.events, "event"),
        number::seconds(ended.seconds),
        number::plural(ended.fills, "fill"),
        number::plural(ended.open_orders as u64, "order"),
        number::amount(equity, 2),
        number::amount(&ended.fees, 4),
        held.join(", "),
    ))?;
    ended.breaks.iter().try_for_each(|text| out.line(&format!("not explained: {text}")))
}
