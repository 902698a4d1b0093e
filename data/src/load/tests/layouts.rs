//! Every layout that must be recognised, with the values that come out.

use super::*;
use crate::calendar::civil::{DAY_NS, Day, MINUTE_NS};
use crate::quality::FindingKind;
use crate::stamp::iso_text;
use qt_types::BarFlags;

#[test]
fn the_same_bar_in_many_dresses() {
    for text in [
        "date,open,high,low,close,volume\n2020-01-02,10.5,11,9.25,10,100\n",
        "Volume;CLOSE;Low;High;Open;Date\n100;10;9.25;11;10.5;2020-01-02\n",
        "\u{feff}Date\tOpen\tHigh\tLow\tClose\tVolume\r\n20200102\t10.50\t11\t9.25\t10.00\t100\r\n",
        "\"Date\",\"Open\",\"High\",\"Low\",\"Close\",\"Volume\"\n\
         \"2020-01-02\",\"10.5\",\"11\",\"9.25\",\"10\",\"100\"\n",
        "# a comment\n\n,Open,High,Low,Close,Volume\n\n2020-01-02,10.5,11,9.25,10,100\n\n",
        "sep=,\ndate,open,high,low,close,volume\n2020/01/02,10.5,11,9.25,10,100\n",
        "https://www.example.com\n\
         Date,Symbol,Open,High,Low,Close,Volume\n2020-01-02,X,10.5,11,9.25,10,100\n",
        "Price,Close,High,Low,Open,Volume\n\
         Ticker,X,X,X,X,X\nDate,,,,,\n2020-01-02,10,11,9.25,10.5,100\n",
        "Date,Open,High,Low,Close,Volume,\n2020-01-02,1.05e1,11.,9.25,10,100,\n",
        "Date , Open , High , Low , Close , Volume\n2020-01-02 , 10.5 , 11 , 9.25 , 10 , 100\n",
        "Date|Open|High|Low|Close|Volume\nJan 2, 2020|10.5|11|9.25|10|100",
        "2020-01-02,10.5,11,9.25,10,100\n",
    ] {
        let series = bars(text);
        assert_eq!(series.bars.len(), 1, "{text}");
        let bar = series.bars[0];
        let price = |ticks| series.spec.price_text(qt_types::Price::from_ticks(ticks));
        assert_eq!(iso_text(bar.open_ns), "2020-01-02T00:00:00Z", "{text}");
        assert_eq!(bar.close_ns - bar.open_ns, DAY_NS);
        assert_eq!((price(bar.open), price(bar.close)), ("10.5".into(), "10".into()), "{text}");
        assert_eq!((price(bar.high), price(bar.low)), ("11".into(), "9.25".into()), "{text}");
        assert_eq!(series.spec.qty_text(qt_types::Qty::from_lots(bar.volume)), "100", "{text}");
        assert_eq!(series.spec.symbol(), "X");
    }
}

#[test]
fn stamps_of_many_forms() {
    for (first, second) in [
        ("1577977200", "1577977260"),
        ("1577977200.000", "1577977260.000"),
        ("1577977200000", "1577977260000"),
        ("1577977200000000", "1577977260000000"),
        ("1577977200000000000", "1577977260000000000"),
        ("2020-01-02T15:00:00.000000Z", "2020-01-02T15:01:00.000000Z"),
        ("2020-01-02 15:00:00+00:00", "2020-01-02 15:01:00+00:00"),
        ("2020-01-02 10:00:00-05:00", "2020-01-02 10:01:00-05:00"),
        ("2020-01-02 15:00", "2020-01-02 15:01"),
        ("20200102 15:00", "20200102 15:01"),
        ("20200102 150000000", "20200102 150100000"),
        ("20200102150000", "20200102150100"),
        ("2020.01.02 3:00 PM", "2020.01.02 3:01 PM"),
    ] {
        let text = format!("timestamp,open,high,low,close\n{first},1,1,1,1\n{second},1,1,1,1\n");
        let series = bars(&text);
        assert_eq!(iso_text(series.bars[0].open_ns), "2020-01-02T15:00:00Z", "{first}");
        assert_eq!(series.bars[0].close_ns, series.bars[1].open_ns, "{first}");
        assert_eq!(series.bars[1].close_ns - series.bars[1].open_ns, MINUTE_NS, "{first}");
        assert_eq!(stamp(&series.stamps, 1), second);
        let note = series.notes.iter().any(|note| note.contains("no zone"));
        let zoned = first.contains(['Z', '+']) || first.contains("-05:00");
        let epoch = first.starts_with("15779772");
        assert_eq!(note, !zoned && !epoch, "{first}");
    }
}

#[test]
fn date_and_time_in_two_columns() {
    for header in ["Date,Time,Open,High,Low,Close", "<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>"] {
        let series =
            bars(&format!("{header}\n2006.01.02,09:01:00,1,2,1,2\n2006.01.02,09:02:00,2,2,1,1\n"));
        assert_eq!(iso_text(series.bars[1].open_ns), "2006-01-02T09:02:00Z");
        assert_eq!(stamp(&series.stamps, 1), "2006.01.02 09:02:00");
    }
}

#[test]
fn bars_end_one_interval_later_or_where_the_next_begins() {
    let series = bars(
        "time,open,high,low,close\n2020-01-02T10:00Z,1,1,1,1\n2020-01-02T10:05Z,1,1,1,1\n\
         2020-01-02T10:10Z,1,1,1,1\n2020-01-02T10:12Z,1,1,1,1\n2020-01-02T11:00Z,1,1,1,1\n",
    );
    let minutes: Vec<i64> =
        series.bars.iter().map(|bar| (bar.close_ns - bar.open_ns) / MINUTE_NS).collect();
    assert_eq!(minutes, [5, 5, 2, 5, 5]);
    assert_eq!(series.interval_ns, 5 * MINUTE_NS);
}

#[test]
fn weeks_and_months_last_until_the_next_one() {
    let monthly = bars(
        "date,open,high,low,close\n2020-01-31,1,1,1,1\n2020-02-29,1,1,1,1\n2020-03-31,1,1,1,1\n\
         2020-05-31,1,1,1,1\n",
    );
    let ends: Vec<String> = monthly.bars.iter().map(|bar| iso_text(bar.close_ns)).collect();
    assert_eq!(ends[0], "2020-02-29T00:00:00Z");
    assert_eq!(ends[3], "2020-06-30T00:00:00Z");
    assert!(monthly.notes.iter().any(|note| note.contains("last day of a month")));
    let weekly = bars(
        "date,open,high,low,close\n2020-01-06,1,1,1,1\n2020-01-13,1,1,1,1\n2020-01-20,1,1,1,1\n",
    );
    assert_eq!(iso_text(weekly.bars[2].close_ns), "2020-01-27T00:00:00Z");
}

#[test]
fn a_calendar_gives_dates_their_sessions() {
    let text =
        "date,open,high,low,close\n2020-07-01,1,1,1,1\n2020-07-02,1,1,1,1\n2020-07-04,1,1,1,1\n";
    let options = LoadOptions { calendar: Some(Calendar::Xnys), ..Default::default() };
    let series = bars_with(text, &options);
    assert_eq!(iso_text(series.bars[0].open_ns), "2020-07-01T13:30:00Z");
    assert_eq!(iso_text(series.bars[0].close_ns), "2020-07-01T20:00:00Z");
    assert_eq!(series.bars[2].open_ns, Day::new(2020, 7, 4).start_ns());
    assert!(series.notes.iter().any(|note| note.starts_with("1 dates are no sessions")));
}

#[test]
fn quote_bars_have_mids_and_half_spreads() {
    let text = "ts_utc,bid_open,bid_high,bid_low,bid_close,bid_size,\
        ask_open,ask_high,ask_low,ask_close,ask_size\n\
        2020-01-02T10:00:00Z,1.10,1.20,1.10,1.20,100,1.13,1.22,1.13,1.21,300\n\
        2020-01-02T10:01:00Z,1.20,1.20,1.10,1.15,100,,,,,\n\
        2020-01-02T10:02:00Z,1.20,1.20,1.10,1.15,100,1.20,1.20,1.11,1.14,200\n";
    let series = bars(text);
    assert_eq!(series.kind, DataKind::QuoteBars);
    assert_eq!((series.spec.tick_e9(), series.spec.lot_e9()), (5_000_000, 100_000_000_000));
    let first = series.bars[0];
    assert_eq!((first.open, first.high, first.low, first.close), (223, 242, 223, 241));
    assert_eq!(series.half_spreads, [[3, 2, 3, 1], [0, 0, 1, 0]]);
    assert!(first.flags.has(BarFlags::NO_VOLUME) && first.volume == 0);
    let report = series.quality.unwrap();
    assert_eq!(report.findings.count(FindingKind::OneSidedQuote), 1);
    assert_eq!(report.findings.count(FindingKind::CrossedQuote), 1);
    let coarse = LoadOptions { tick_e9: Some(10_000_000), ..Default::default() };
    let error = load_bytes("X.csv", text.as_bytes(), &coarse).unwrap_err();
    assert!(error.to_string().contains("half of the quotes' own tick"), "{error}");
}

#[test]
fn binance_files_without_a_header() {
    let kline = "1577977200000,0.00002820,0.00002821,0.00002817,0.00002818,85342.70000000,\
                 1577977259999,2.40,96,36241.7,1.02,0\n\
                 1577977260000,0.00002819,0.00002819,0.00002816,2.817e-05,6036.70000000,\
                 1577977319999,0.17,34,2930.3,0.08,0\n";
    let series = bars(kline);
    assert!(series.source.format.starts_with("binance-klines, no header, epoch ms"));
    assert_eq!((series.spec.tick_e9(), series.bars[1].close), (10, 2_817));
    let micros = kline.replace("0000,0.0000", "0000000,0.0000").replace("9999,", "9999999,");
    assert_eq!(bars(&micros).bars[0].open_ns, series.bars[0].open_ns);
    let trades = "3735683259,61837.63000000,0.02000000,1236.75,1723161255342,True,True\n\
                  3735683260,61837.63000000,0.04800000,2968.2,1723161255342,False,True\n";
    let Loaded::Trades(series) = load_text(trades).unwrap().remove(0) else { panic!("no trades") };
    let sides: Vec<i8> = series.trades.iter().map(|trade| trade.aggressor).collect();
    assert_eq!(sides, [-1, 1]);
    assert_eq!((series.spec.lot_e9(), series.trades[1].qty), (4_000_000, 12));
}

#[test]
fn ticks_and_values() {
    let kraken = "1672531436,90.540000,1.10448420\n1672531436,90.450000,1.00000000\n";
    assert_eq!(load_text(kraken).unwrap()[0].kind(), DataKind::Trades);
    let quotes = "20200101 170000065,1.121200,1.121720,0\n20200101 170010447,1.121200,1.121920,0\n";
    let Loaded::Quotes(series) = load_text(quotes).unwrap().remove(0) else { panic!("no quotes") };
    assert_eq!(iso_text(series.quotes[0].venue_ns), "2020-01-01T17:00:00.065Z");
    assert_eq!((series.spec.tick_e9(), series.quotes[0].bid), (40_000, 28_030));
    let sides =
        "time,price,amount,side\n2020-01-01T00:00:00Z,1,1,buy\n2020-01-01T00:00:00Z,1,1,sell\n";
    let Loaded::Trades(series) = load_text(sides).unwrap().remove(0) else { panic!("no trades") };
    assert_eq!((series.trades[0].aggressor, series.trades[1].aggressor), (1, -1));
    let values = "Date,vix\n2014-01-03,13.76\n2014-01-06,.\n2014-01-07,-1.5\n";
    let Loaded::Values(series) = load_text(values).unwrap().remove(0) else { panic!("no values") };
    assert_eq!((series.values.as_slice(), series.decimals), (&[1_376, -150][..], 2));
    assert_eq!(series.quality.unwrap().findings.count(FindingKind::NullRow), 1);
}

#[test]
fn several_instruments_in_one_file() {
    let text = "date,symbol,open,high,low,close\n2020-01-02,A,1,1,1,1\n2020-01-02,B,2,2,2,2\n\
                2020-01-03,A,1,1,1,1\n2020-01-03,B,2,2,2,2\n";
    let loaded = load_text(text).unwrap();
    let names: Vec<&str> = loaded.iter().map(Loaded::symbol).collect();
    assert_eq!(names, ["A", "B"]);
    let Loaded::Bars(second) = &loaded[1] else { panic!("no bars") };
    assert_eq!((second.bars.len(), stamp(&second.stamps, 1)), (2, "2020-01-03".to_owned()));
    let pick = LoadOptions { symbol: Some("B".to_owned()), ..Default::default() };
    assert_eq!(load_bytes("X.csv", text.as_bytes(), &pick).unwrap().len(), 1);
    let none = LoadOptions { symbol: Some("C".to_owned()), ..Default::default() };
    let error = load_bytes("X.csv", text.as_bytes(), &none).unwrap_err();
    assert!(error.to_string().contains("A, B") && error.code() == 2, "{error}");
}

#[test]
fn repeated_null_and_volumeless_rows() {
    let text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,10,11,9,10,5,0\n\
                2020-01-02,10,11,9,10,5,0\n2020-01-03,null,null,null,null,null,null\n\
                2020-01-06,10,11,9,10,5,0\n";
    let series = bars(text);
    assert!(series.source.format.starts_with("yahoo"));
    assert_eq!(series.bars.iter().map(|bar| bar.row).collect::<Vec<_>>(), [0, 2]);
    assert!(series.bars[0].flags.has(BarFlags::NO_VOLUME));
    let report = series.quality.unwrap();
    assert_eq!(report.findings.count(FindingKind::IdenticalDuplicate), 1);
    assert_eq!(report.findings.count(FindingKind::NullRow), 1);
    assert!(!report.structural);
    let empty = "date,open,high,low,close,volume\n2020-01-02,1,1,1,1,\n2020-01-03,1,1,1,1,\n";
    assert!(bars(empty).notes.iter().any(|note| note.contains("'volume' is empty")));
}

#[test]
fn adjusted_prices() {
    let text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,10,12,8,10,5,100\n\
                2020-01-03,5,6,4,5,5,200\n";
    let adjusted = LoadOptions { price: PriceMode::Adjusted, ..Default::default() };
    let series = bars_with(text, &adjusted);
    let price = |ticks| series.spec.price_text(qt_types::Price::from_ticks(ticks));
    assert_eq!((price(series.bars[0].open), price(series.bars[0].high)), ("5".into(), "6".into()));
    assert_eq!(price(series.bars[1].close), "5");
    let none = "Date,Open,High,Low,Close\n2020-01-02,10,12,8,10\n";
    let error = load_bytes("X.csv", none.as_bytes(), &adjusted).unwrap_err();
    assert!(error.to_string().contains("no 'Adj Close' column"), "{error}");
    let factors = scratch("factors.csv", b"20200102,1,0.5,10\n20501231,1,1,0\n");
    let file = LoadOptions { factor_file: Some(factors.path.clone()), ..adjusted };
    let series = bars_with(text, &file);
    assert_eq!(series.spec.price_text(qt_types::Price::from_ticks(series.bars[0].high)), "6");
    assert_eq!(series.spec.qty_text(qt_types::Qty::from_lots(series.bars[0].volume)), "200");
    let raw = LoadOptions { price: PriceMode::Raw, ..file };
    assert_eq!(load_bytes("X.csv", text.as_bytes(), &raw).unwrap_err().code(), 2);
}
