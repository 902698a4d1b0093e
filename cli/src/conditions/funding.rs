//! Funding rates: a file as venues publish them, or one rate for every interval.

use qt_backtest::conditions::{Funding, FundingRate, FundingRates};

use super::table::{self, Source};
use crate::failure::Failure;
use crate::settings::{Layers, number};

pub(super) fn of(layers: &Layers) -> Result<Vec<Funding>, Failure> {
    let mut all = Vec::new();
    for given in layers.many("funding") {
        let (symbol, path) = table::split(given);
        all.extend(listed(&Source::read("funding", path)?, symbol)?);
    }
    let wrong =
        |name: &str, what: String| Failure::usage(format!("{}: {what}", layers.place(name)));
    let Some(rate) = layers.one("funding-rate") else { return Ok(all) };
    let rate_e9 = number::share_e9(rate).map_err(|what| wrong("funding-rate", what))?;
    let interval = layers.one("funding-interval").unwrap_or("8h");
    let interval_ns =
        number::duration_ns(interval).map_err(|what| wrong("funding-interval", what))?;
    if interval_ns < 60 * qt_types::E9 {
        return Err(wrong("funding-interval", format!("'{interval}' is below a minute")));
    }
    if rate_e9.abs() >= qt_types::E9 {
        let what = format!("'{rate}' is not below 1 (0.0001 is a hundredth of a per cent)");
        return Err(wrong("funding-rate", what));
    }
    all.push(Funding { symbol: None, rates: FundingRates::Every { rate_e9, interval_ns } });
    Ok(all)
}

/// The rates of a file: of `symbol`, or by a column of symbols, or of every perpetual.
fn listed(source: &Source, symbol: Option<String>) -> Result<Vec<Funding>, Failure> {
    let csv = source.csv()?;
    let time = csv.need(&["time", "fundingtime", "calctime", "timestamp", "date"], "time")?;
    let rate = csv.need(&["rate", "fundingrate", "lastfundingrate"], "rate")?;
    let mark = csv.column(&["mark", "markprice"]);
    let by_symbol = csv.column(&["symbol", "instrument"]).filter(|_| symbol.is_none());
    let mut all: Vec<(Option<String>, Vec<FundingRate>)> = Vec::new();
    for (line, row) in csv.rows() {
        let cell = |at: usize| row.get(at).copied().unwrap_or_default();
        let number = |text: &str| number::e9(text).map_err(|what| csv.wrong(line, &what));
        let mark_e9 = mark.map(cell).filter(|text| !text.is_empty()).map(number).transpose()?;
        if mark_e9.is_some_and(|mark| mark <= 0) {
            return Err(csv.wrong(line, "the mark is not above zero"));
        }
        let published = FundingRate {
            time_ns: table::time_ns(cell(time)).map_err(|what| csv.wrong(line, &what))?,
            rate_e9: number(cell(rate))?,
            mark_e9,
        };
        let of = by_symbol.map(|at| cell(at).to_owned()).or_else(|| symbol.clone());
        match all.iter_mut().find(|(known, _)| *known == of) {
            Some((_, rates)) => rates.push(published),
            None => all.push((of, vec![published])),
        }
    }
    if all.is_empty() {
        return Err(source.wrong("no rate is in it"));
    }
    let funding = |(symbol, mut rates): (Option<String>, Vec<FundingRate>)| {
        rates.sort_by_key(|rate| rate.time_ns);
        Funding { symbol, rates: FundingRates::Listed(rates) }
    };
    Ok(all.into_iter().map(funding).collect())
}
