//! What a session is made of, in words: its journal is one of these, and of no others.

use qt_types::InstrumentSpec;

use super::open::PaperSettings;
use qt_trading::ids::AccountId;

/// The words of a session.
pub fn of(account: AccountId, specs: &[InstrumentSpec], settings: &PaperSettings) -> Vec<String> {
    let of_spec = |spec: &InstrumentSpec| {
        let (tick, lot, multiplier) = (spec.tick_e9(), spec.lot_e9(), spec.multiplier_e9());
        let (symbol, currency) = (spec.symbol(), spec.currency());
        format!("{symbol} {currency} {} {tick} {lot} {multiplier}", spec.kind().text())
    };
    let fees = settings.fees;
    let mut words = vec![
        "paper session, version 1".to_owned(),
        format!("account {account}"),
        format!("latency {} fees {} {}", settings.latency_ns, fees.maker_e9, fees.taker_e9),
    ];
    words.extend(specs.iter().map(of_spec));
    words
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
    use super::differences;

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
