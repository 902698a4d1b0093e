//! What the venue asks of orders, as of their date.

use qt_backtest::venue::InstrumentRule;

use super::table::Source;
use crate::failure::Failure;
use crate::settings::Layers;

const KNOWN: &[&str] =
    &["symbol", "from", "tick", "lot", "min-qty", "min-notional", "band-below", "band-above"];

pub(super) fn of(layers: &Layers) -> Result<Vec<(Option<String>, InstrumentRule)>, Failure> {
    let Some(path) = layers.given("instruments") else { return Ok(Vec::new()) };
    let source = Source::read("instruments", path)?;
    let toml = source.toml()?;
    let mut rules = Vec::new();
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
        rules.push((entry.text("symbol")?, rule));
    }
    Ok(rules)
}
