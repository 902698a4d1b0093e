//! Fees by volume.

use qt_backtest::venue::{FeeTier, FeeTiers, Fees};
use qt_types::{Cash, E9};

use super::table::Source;
use crate::failure::Failure;
use crate::settings::Layers;

pub(super) fn of(layers: &Layers) -> Result<Option<FeeTiers>, Failure> {
    let Some(path) = layers.given("fee-tiers") else { return Ok(None) };
    let source = Source::read("fee-tiers", path)?;
    let toml = source.toml()?;
    let mut tiers: Vec<FeeTier> = Vec::new();
    for entry in source.entries(&toml, "tier", &["volume-before"])? {
        let entry = entry.only(&["volume", "maker", "taker"])?;
        let rate = |name: &str| {
            let rate = entry.need(name, entry.e9(name)?)?;
            if rate.abs() < E9 {
                Ok(rate)
            } else {
                Err(entry.wrong(&format!("{name}: not below 1")))
            }
        };
        let fees = Fees { maker_e9: rate("maker")?, taker_e9: rate("taker")? };
        let volume = entry.cash("volume")?.unwrap_or(Cash::ZERO);
        if tiers.last().is_some_and(|last| last.volume >= volume) {
            return Err(entry.wrong("volume must rise from tier to tier"));
        }
        tiers.push(FeeTier { volume, fees });
    }
    if tiers.first().is_none_or(|first| first.volume != Cash::ZERO) {
        return Err(source.wrong("the first tier must be from volume = 0 on"));
    }
    let before = toml.get("volume-before").map(|value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let before = before.map(|text| text.parse::<Cash>().map_err(|what| source.wrong(&what)));
    let volume_before = before.transpose()?.unwrap_or(Cash::ZERO);
    Ok(Some(FeeTiers { tiers, volume_before }))
}
