//! Margin of derivatives: each position for itself or all together, and the tables of a venue.

use qt_backtest::conditions::Margin;
use qt_backtest::venue::{MarginMode, MarginTable};
use qt_types::{Cash, E9};

use super::table::{Entry, Source};
use crate::failure::Failure;
use crate::settings::Layers;

pub(super) fn of(layers: &Layers) -> Result<Option<Margin>, Failure> {
    if layers.one("account") != Some("margin") {
        let given = ["margin", "margin-tiers"].into_iter().find(|n| layers.given(n).is_some());
        return match given {
            Some(name) => Err(Failure::usage(format!("--{name} means nothing in a cash account"))
                .hint(format!("add --account margin, or leave --{name} away"))),
            None => Ok(None),
        };
    }
    let mode = match layers.one("margin") {
        None | Some("isolated") => MarginMode::Isolated,
        Some("cross") => MarginMode::Cross,
        Some(other) => {
            let place = layers.place("margin");
            return Err(Failure::usage(format!("{place}: '{other}' is not isolated or cross")));
        }
    };
    let mut tables = Vec::new();
    if let Some(path) = layers.given("margin-tiers") {
        let source = Source::read("margin-tiers", path)?;
        let toml = source.toml()?;
        for entry in source.entries(&toml, "table", &[])? {
            let entry = entry.only(&["symbol", "from", "bracket"])?;
            tables.push((entry.text("symbol")?, table(&entry)?));
        }
    }
    Ok(Some(Margin { mode, tables }))
}

fn table(entry: &Entry<'_>) -> Result<MarginTable, Failure> {
    let mut steps: Vec<(Cash, i64, i64)> = Vec::new();
    for bracket in entry.inner("bracket")? {
        let bracket = bracket.only(&["above", "max-leverage", "maintenance"])?;
        let above = bracket.cash("above")?.unwrap_or(Cash::ZERO);
        let maintenance = bracket.share_e9("maintenance")?;
        let maintenance_e9 = bracket.need("maintenance", maintenance)?;
        // Rounded up: no leverage above the one that is given.
        let one = i128::from(E9) * i128::from(E9);
        let initial = bracket.positive_e9("max-leverage")?.map(|most| {
            let most = i128::from(most);
            i64::try_from((one + most - 1) / most).unwrap_or(i64::MAX)
        });
        if steps.last().is_some_and(|last| last.0 >= above || last.2 > maintenance_e9) {
            return Err(bracket.wrong("brackets rise: above and maintenance must not fall"));
        }
        steps.push((above, initial.unwrap_or(0), maintenance_e9));
    }
    if steps.first().is_none_or(|first| first.0 != Cash::ZERO) {
        return Err(entry.wrong("the first bracket must be above = 0"));
    }
    let from_ns = entry.time_ns("from")?.unwrap_or(i64::MIN);
    MarginTable::joined(from_ns, &steps).map_err(|error| entry.wrong(&error.to_string()))
}
