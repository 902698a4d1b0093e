//! Every captured private message of futures, read, and held against `serde_json`.

use serde_json::Value;

use super::super::super::usdm::*;
use super::super::desk::*;

/// The lines of the captures of this venue; none where the shared folder is not at hand.
fn lines(name: &str) -> Vec<String> {
    let Some(shared) = std::env::var_os("QT_SHARED") else { return Vec::new() };
    let path = std::path::Path::new(&shared).join("market-data/captures/binance-usdm").join(name);
    let lines = std::fs::OpenOptions::new().read(true).open(path).map(std::io::read_to_string);
    let text = lines.expect("the captures are there").expect("they are text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn events_of_the_account() {
    let (mut orders, mut accounts) = (0, 0);
    for line in lines("nautilus.fixtures.ws.jsonl") {
        let value: Value = serde_json::from_str(&line).unwrap();
        match value["e"].as_str() {
            Some("ORDER_TRADE_UPDATE") => {
                orders += 1;
                let read: OrderUpdate<'_> = serde_json::from_str(&line).expect(&line);
                let report = read.report().unwrap_or_else(|| panic!("{line}"));
                let of = &value["o"];
                for (text, name) in [
                    (&report.symbol, "s"),
                    (&report.client, "c"),
                    (&report.qty, "q"),
                    (&report.price, "p"),
                    (&report.status, "X"),
                    (&report.last_qty, "l"),
                    (&report.executed, "z"),
                ] {
                    assert_eq!(Some(&**text), of[name].as_str(), "{name} of {of}");
                }
                assert_eq!(Some(report.number), of["i"].as_u64());
            }
            Some("ACCOUNT_UPDATE") => {
                accounts += 1;
                let read: AccountUpdate<'_> = serde_json::from_str(&line).expect(&line);
                assert_eq!(Some(&*read.change.why), value["a"]["m"].as_str());
                let count = value["a"]["P"].as_array().unwrap().len();
                assert_eq!(read.change.positions.len(), count);
            }
            _ => continue,
        }
        let desk = &mut Desk::futures();
        desk.tell(&value);
        let figures = desk.machine.standing().figures;
        assert_eq!((figures.unreadable, figures.unknown, figures.unfit), (0, 0, 0), "{line}");
    }
    if std::env::var_os("QT_SHARED").is_some() {
        assert!(orders >= 4 && accounts >= 2, "{orders} {accounts}");
    }
}
