//! Names of pairs of currencies: `EURUSD`, `EUR/USD`, `BNBUSDT`.

/// The two halves of `pair`. `known` are the currencies of the run: names of another length than
/// three letters are recognised by them.
pub(super) fn halves(pair: &str, known: &[String]) -> Option<(String, String)> {
    let of = |one: &str, two: &str| Some((one.to_owned(), two.to_owned()));
    if let Some((one, two)) = pair.split_once(['/', '-', '_']) {
        return of(one, two);
    }
    let rest = |name: &String| pair.strip_prefix(name.as_str()).filter(|rest| !rest.is_empty());
    let head = |name: &String| pair.strip_suffix(name.as_str()).filter(|head| !head.is_empty());
    let is_known = |name: &str| known.iter().any(|known| known == name);
    for name in known {
        if let Some(rest) = rest(name).filter(|rest| is_known(rest)) {
            return of(name, rest);
        }
    }
    if pair.len() == 6 && pair.is_ascii() {
        return of(&pair[..3], &pair[3..]);
    }
    let mut known: Vec<&String> = known.iter().collect();
    known.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in known {
        if let Some(rest) = rest(name) {
            return of(name, rest);
        }
        if let Some(head) = head(name) {
            return of(head, name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_by_what_is_known() {
        let known = ["USDT", "BNB", "USD", "EUR"].map(str::to_owned);
        let of = |pair: &str| halves(pair, &known).map(|(one, two)| format!("{one} {two}"));
        assert_eq!(of("BNBUSDT").as_deref(), Some("BNB USDT"));
        assert_eq!(of("EURUSD").as_deref(), Some("EUR USD"));
        assert_eq!(of("GBPUSD").as_deref(), Some("GBP USD"));
        assert_eq!(of("GBPJPY").as_deref(), Some("GBP JPY"));
        assert_eq!(of("SHIB-EUR").as_deref(), Some("SHIB EUR"));
        assert_eq!(of("DOGEUSDT").as_deref(), Some("DOGE USDT"));
        assert_eq!(of("SOMETHING"), None);
    }
}
