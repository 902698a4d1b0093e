//! What the first lines tell.

use super::*;

fn dialect(text: &str) -> Dialect {
    recognise("x", text.as_bytes(), true, None).unwrap()
}

#[test]
fn rows_begin_behind_the_header() {
    for (text, separator, skip) in [
        ("date,close\n2020-01-02,1\n", b',', (11, 1)),
        ("\u{feff}date;close\r\n2020-01-02;1\r\n", b';', (15, 1)),
        ("# x\n\ndate\tclose\n\n2020-01-02\t1\n", b'\t', (16, 3)),
        ("2020-01-02,1\n", b',', (0, 0)),
        ("\u{feff}2020-01-02,1\n", b',', (3, 0)),
        ("\n\n2020-01-02,1\n", b',', (2, 2)),
    ] {
        let found = dialect(text);
        assert_eq!((found.skip_bytes, found.skip_lines), skip, "{text:?}");
        assert_eq!(found.separator, separator, "{text:?}");
    }
}

#[test]
fn a_format_can_be_forced() {
    let forced = |text: &str, format| recognise("x", text.as_bytes(), true, Some(format));
    let bars = "date,open,high,low,close,price,qty\n2020-01-02,1,1,1,1,1,1\n";
    assert_eq!(dialect(bars).layout.kind, DataKind::Bars);
    assert_eq!(forced(bars, Format::Trades).unwrap().layout.kind, DataKind::Trades);
    assert!(forced(bars, Format::Quotes).unwrap_err().to_string().contains("bid"));
    let headerless = "1672531436,90.5,1.1\n";
    assert!(forced(headerless, Format::KrakenTrades).is_ok());
    assert!(forced(headerless, Format::Trades).is_ok());
    let error = forced(headerless, Format::BinanceKlines).unwrap_err();
    assert!(error.to_string().contains("not the layout of that format"), "{error}");
}
