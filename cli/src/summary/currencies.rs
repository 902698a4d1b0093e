//! The currencies of the account, dust and settlements, on the terminal.

use qt_backtest::report::currency::BalanceEntry;
use qt_backtest::report::result::ResultDocument;

use crate::output::{Ink, Output, number};

/// The lines; `None` for a run in one currency without any of it.
pub fn lines(document: &ResultDocument, out: &Output) -> Option<String> {
    let mut lines = Vec::new();
    if let Some(of) = &document.currencies {
        lines.push(out.paint(Ink::Bold, "Currencies"));
        lines.extend(of.balances.iter().map(|balance| line(balance, &of.account)));
        let result = number::amount(&of.exchange_result, 2);
        let times = number::plural(of.exchanges, "exchange");
        lines.push(format!("  {times}, which brought {result} {}", of.account));
    }
    for (symbol, qty) in &document.dust {
        lines.push(format!("  dust: {qty} {symbol}, less than a lot"));
    }
    for of in &document.settlements {
        let profit = number::amount(&of.profit, 2);
        lines.push(format!(
            "  settled: {} {} at {} on {}, profit {profit}",
            of.qty,
            of.symbol,
            of.price,
            &of.time[..10.min(of.time.len())]
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn line(of: &BalanceEntry, account: &str) -> String {
    let cash = number::amount(&of.cash, 2);
    let worth = match (&of.rate, &of.worth) {
        _ if of.currency == account => String::new(),
        (Some(rate), Some(worth)) => {
            format!(", at {rate} worth {} {account}", number::amount(worth, 2))
        }
        _ => ", no rate".to_owned(),
    };
    format!("  {:<6} {cash:>18}{worth}", of.currency)
}
