//! What the venue asks of orders, as of their date.

use qt_backtest::conditions::Expiry;
use qt_backtest::venue::InstrumentRule;

use super::table::Source;
use crate::failure::Failure;
use crate::settings::Layers;

const KNOWN: &[&str] = &[
    "symbol",
    "from",
    "tick",
    "lot",
    "min-qty",
    "min-notional",
    "band-below",
    "band-above",
    "expiry",
    "settlement",
];

/// What the venue asks of orders, and when instruments expire.
type Rules = (Vec<(Option<String>, InstrumentRule)>, Vec<(Option<String>, Expiry)>);

pub(super) fn of(layers: &Layers) -> Result<Rules, Failure> {
    let Some(path) = layers.given("instruments") else { return Ok(Rules::default()) };
    let source = Source::read("instruments", path)?;
    let toml = source.toml()?;
    let (mut rules, mut expiries) = Rules::default();
    for entry in source.entries(&toml, "rule", &[])? {
        let entry = entry.only(KNOWN)?;
        let rule = InstrumentRule {
            from_ns: entry.time_ns("from")?.unwrap_or(i64::MIN),
            tick_e9: entry.positive_e9("tick")?,
            lot_e9: entry.positive_e9("lot")?,
            qty_min_e9: entry.positive_e9("min-qty")?,
            notional_min: entry.cash("min-notional")?,
            below_e9: entry.share_e9("band-below")?,
            above_e9: entry.positive_e9("band-above")?,
        };
        let symbol = entry.text("symbol")?;
        let (time_ns, price_e9) = (entry.time_ns("expiry")?, entry.positive_e9("settlement")?);
        match time_ns {
            Some(time_ns) => expiries.push((symbol.clone(), Expiry { time_ns, price_e9 })),
            None if price_e9.is_some() => {
                return Err(entry.wrong("settlement is the price at the expiry, which is missing"));
            }
            None => {}
        }
        rules.push((symbol, rule));
    }
    Ok((rules, expiries))
}
