//! What a session is made of, in words: its journal is one of these, and of no others.

use qt_backtest::venue::Fees;
use qt_types::{Cash, InstrumentKind, InstrumentSpec};

use super::limits::CAPITAL;
use super::open::PaperSettings;
use qt_trading::ids::AccountId;

const VERSION: &str = "paper session, version 1";

/// The words of a session that begins with `capital`.
pub fn of(
    account: AccountId,
    specs: &[InstrumentSpec],
    settings: &PaperSettings,
    capital: Cash,
) -> Vec<String> {
    let of_spec = |spec: &InstrumentSpec| {
        let (tick, lot, multiplier) = (spec.tick_e9(), spec.lot_e9(), spec.multiplier_e9());
        let (symbol, currency) = (spec.symbol(), spec.currency());
        format!("{symbol} {currency} {} {tick} {lot} {multiplier}", spec.kind().text())
    };
    let fees = settings.fees;
    let mut words = vec![
        VERSION.to_owned(),
        format!("account {account}"),
        format!("latency {} fees {} {}", settings.latency_ns, fees.maker_e9, fees.taker_e9),
    ];
    if capital != CAPITAL {
        words.push(format!("capital {}", capital.nano()));
    }
    words.extend(specs.iter().map(of_spec));
    words
}

/// What a session that was begun with `words` had begun with.
pub fn capital(words: &[String]) -> Cash {
    words.iter().find_map(|line| capital_in(line)).unwrap_or(CAPITAL)
}

fn capital_in(line: &str) -> Option<Cash> {
    line.strip_prefix("capital ")?.parse().ok().map(Cash::from_nano)
}

/// What a session trades, and how.
#[derive(Debug, PartialEq)]
pub struct Terms {
    pub specs: Vec<InstrumentSpec>,
    pub latency_ns: i64,
    pub fees: Fees,
}

/// What `words` say; nothing where another program wrote them.
pub fn terms(words: &[String]) -> Option<Terms> {
    let [version, _account, terms, rest @ ..] = words else { return None };
    let fields: Vec<&str> = terms.split(' ').collect();
    let ["latency", latency_ns, "fees", maker_e9, taker_e9] = fields[..] else { return None };
    let fees = Fees { maker_e9: maker_e9.parse().ok()?, taker_e9: taker_e9.parse().ok()? };
    let specs = rest.iter().filter(|line| capital_in(line).is_none());
    let specs = specs.map(|line| spec(line)).collect::<Option<Vec<_>>>()?;
    (version == VERSION).then_some(())?;
    Some(Terms { specs, latency_ns: latency_ns.parse().ok()?, fees })
}

fn spec(line: &str) -> Option<InstrumentSpec> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [symbol, currency, kind, tick, lot, multiplier] = fields[..] else { return None };
    let kind = InstrumentKind::from_text(kind)?;
    let (tick, lot, multiplier) = (tick.parse().ok()?, lot.parse().ok()?, multiplier.parse().ok()?);
    InstrumentSpec::new(symbol, currency, kind, tick, lot, multiplier).ok()
}

/// What of `was` is another in `is`, and what is in one of them only.
pub fn differences(was: &[String], is: &[String]) -> String {
    let of = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let gone = was.iter().filter(|line| !is.contains(line));
    let mut all: Vec<String> = gone
        .map(|line| match is.iter().find(|other| of(other) == of(line)) {
            Some(other) => format!("'{line}' is now '{other}'"),
            None => format!("'{line}' is gone"),
        })
        .collect();
    let is_new = |line: &&String| !was.iter().any(|other| of(other) == of(line));
    all.extend(is.iter().filter(is_new).map(|line| format!("'{line}' is new")));
    if all.is_empty() {
        // The same lines in another order: instruments are known by their places.
        all.push("its instruments are in another order".to_owned());
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market;

    #[test]
    fn words_are_read_as_they_are_written() {
        let made = market::defaults().into_iter().map(|it| it.spec().unwrap());
        let (specs, settings) = (made.collect::<Vec<_>>(), PaperSettings::default());
        for capital in [CAPITAL, Cash::from_nano(99_999_999_999_999)] {
            let words = of(AccountId::new(), &specs, &settings, capital);
            assert_eq!(super::capital(&words), capital);
            let (latency_ns, fees) = (settings.latency_ns, settings.fees);
            assert_eq!(terms(&words), Some(Terms { specs: specs.clone(), latency_ns, fees }));
        }
        let mut words = of(AccountId::new(), &specs, &settings, CAPITAL);
        words[0] = "paper session, version 9".to_owned();
        assert_eq!(terms(&words), None);
        assert_eq!(terms(&[]), None);
    }

    #[test]
    fn every_difference_is_named() {
        let lines = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let was = lines(&["latency 1 fees 2 3", "AAPL USD equity 10 1 1", "EURUSD USD fx 1 1 1"]);
        let is = lines(&["latency 1 fees 2 4", "EURUSD USD fx 1 1 1", "MSFT USD equity 10 1 1"]);
        assert_eq!(
            differences(&was, &is),
            "'latency 1 fees 2 3' is now 'latency 1 fees 2 4', 'AAPL USD equity 10 1 1' is gone, \
             'MSFT USD equity 10 1 1' is new"
        );
        let turned = lines(&["b", "a"]);
        assert_eq!(
            differences(&lines(&["a", "b"]), &turned),
            "its instruments are in another order"
        );
    }
}
