//! Every text format by hand: which ticks its rows become.

use std::io::Write;

use qt_data::import::ImportOptions;
use qt_types::{OrderTick, Tick};

use crate::support::{imported, short, short_orders};

fn ticks(name: &str, text: &str) -> Vec<String> {
    let (_, ticks) = imported::<Tick>(name, text.as_bytes(), &ImportOptions::default()).unwrap();
    short(&ticks)
}

fn why(name: &str, text: &str) -> String {
    imported::<Tick>(name, text.as_bytes(), &ImportOptions::default()).unwrap_err().to_string()
}

#[test]
fn trades_of_binance() {
    // Tick 0.1, lot 0.001; the buyer was the maker, so a seller took liquidity.
    let want = ["trade L 618003 6", "trade aL 618002 9", "trade L 618004 1"];
    let rows = "1,61800.30,0.006,370.8,1723161256322,false\n\
                2,61800.20,0.009,370.8,1723161256322,true\n\
                3,61800.40,0.001,370.8,1723161256323,false\n";
    assert_eq!(ticks("BTCUSDT-trades-2024-08-08.csv", rows), want);
    let header = format!("id,price,qty,quote_qty,time,is_buyer_maker\n{rows}");
    assert_eq!(ticks("BTCUSDT-trades-2024-08-08.csv", &header), want);
    // Spot has another column, capital letters, and counts in microseconds since 2025.
    let spot = rows.replace(",false", ",False,True").replace(",true", ",True,True");
    assert_eq!(ticks("BTCUSDT.csv", &spot), want);
    let micros = rows.replace("322,", "322001,").replace("323,", "323001,");
    assert_eq!(ticks("BTCUSDT.csv", &micros), want);
    let aggregate = "1,61800.30,0.006,10,11,1723161256322,false\n\
                     2,61800.20,0.009,12,12,1723161256322,true\n\
                     3,61800.40,0.001,13,13,1723161256323,false\n";
    assert_eq!(ticks("BTCUSDT-aggTrades-2024-08.csv", aggregate), want);
    let names = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,\
                 is_buyer_maker\n";
    assert_eq!(ticks("BTCUSDT-aggTrades-2024-08.csv", &format!("{names}{aggregate}")), want);
    let sided = "timestamp,side,price,amount\n1675329600138,buy,10.5,1\n1675329600139,sell,10,2\n\
                 1675329600139,,10,3\n";
    let want = ["trade L 21 1", "trade aL 20 2", "trade Ln 20 3"];
    assert_eq!(ticks("x.csv", sided), want);
    // A file that does not say who took liquidity at all.
    assert_eq!(
        ticks("BCHEUR.csv", "1672531436,90.54,1.5\n1672531471,90.45,2\n"),
        ["trade Ln 1006 3", "trade Ln 1005 4"]
    );
}

#[test]
fn best_prices_of_binance() {
    let rows = "5,61800.20,2.507,61800.30,2.510,1723161256313,1723161256313\n\
                6,61800.20,2.507,61800.30,2.504,1723161256322,1723161256322\n";
    let want = ["top 618002 2507", "top aL 618003 2510", "top 618002 2507", "top aL 618003 2504"];
    assert_eq!(ticks("BTCUSDT-bookTicker-2024-08-08.csv", rows), want);
    let names = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,\
                 transaction_time,event_time\n";
    assert_eq!(ticks("BTCUSDT-bookTicker-2024-08-08.csv", &format!("{names}{rows}")), want);
}

#[test]
fn quotes_with_and_without_sizes_or_sides() {
    // Without sizes a quote stands for a million units, and the lot is one.
    let quotes = "ts_utc,bid,ask\n2014-05-01T05:00:01.787Z,1.38727,1.38729\n";
    assert_eq!(ticks("EURUSD.csv", quotes), ["top 138727 1000000", "top aL 138729 1000000"]);
    let options = ImportOptions { quote_size_e9: 5_000_000_000, ..ImportOptions::default() };
    let (_, few) = imported::<Tick>("EURUSD.csv", quotes.as_bytes(), &options).unwrap();
    assert_eq!(few[0].0.qty, 5);
    // One maker tells one side: the other one stays as it is.
    let sides = "ts_utc,bid,bid_size,ask,ask_size\n2013-10-07T08:00:00.054Z,,,183.63,100\n\
                 2013-10-07T08:00:00.241Z,180.01,300,,\n2013-10-07T08:00:00.242Z,0,0,0,0\n";
    let (done, said) =
        imported::<Tick>("IBM.csv", sides.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(short(&said), ["top aL 18363 1", "top L 18001 3"]);
    assert_eq!((done.count("one-sided quotes"), done.count("quotes without any price")), (2, 1));
    // A recorder that tells the whole top: an empty side is empty.
    let whole = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,\
                 bid_amount\nx,B,1588291201099000,1588291201234268,5,10,9,4\n\
                 x,B,1588291201133000,1588291201454126,5,10,,\n";
    let want = ["top 9 4", "top aL 10 5", "clear 0 0", "top aL 10 5"];
    let (done, said) =
        imported::<Tick>("q.csv", whole.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(short(&said), want);
    assert_eq!(done.description.instruments[0].symbol(), "B");
    let latencies: Vec<i64> = said.iter().map(|(tick, recv)| recv - tick.venue_ns).collect();
    assert_eq!(latencies, [135_268_000, 135_268_000, 321_126_000, 321_126_000]);
    let crossed = "ts_utc,bid,ask\n2014-05-01T05:00:01Z,1.2,1.1\n2014-05-01T05:00:02Z,1.1,1.1\n";
    let (done, _) =
        imported::<Tick>("EURUSD.csv", crossed.as_bytes(), &ImportOptions::default()).unwrap();
    assert_eq!(done.count("crossed quotes"), 1, "equal prices are not crossed");
}

#[test]
fn tables_that_cannot_be_kept_name_the_line() {
    let head = "timestamp,side,price,amount\n1675329600138,buy,10.5,1\n";
    for (row, want) in [
        ("1675329600139,buy,abc,1", "line 3, column 'price': 'abc' is not a number"),
        ("1675329600139,buy,0,1", "line 3, column 'price': '0' is not positive"),
        ("1675329600139,buy,-5,1", "is not positive"),
        ("1675329600139,buy,5,-1", "line 3, column 'amount': '-1' is negative"),
        ("1675329600139,up,5,1", "'up' is no side"),
        ("1675329600139,buy,5", "has 3 cells, not 4"),
        ("1675329500139,buy,5,1", "line 3 has a venue time 99999000000 ns before"),
        ("1675329600,buy,5,1", "mixed time units"),
    ] {
        let text = why("x.csv", &format!("{head}{row}\n"));
        assert!(text.contains(want), "{row}: {text}");
    }
    let (done, _) = imported::<Tick>(
        "x.csv",
        format!("{head}1675329600139,buy,5,0\n").as_bytes(),
        &ImportOptions::default(),
    )
    .unwrap();
    assert_eq!((done.rows, done.records), (2, 1));
    let options = ImportOptions { tick_e9: Some(1_000_000_000), ..ImportOptions::default() };
    let error = imported::<Tick>("x.csv", head.as_bytes(), &options).unwrap_err().to_string();
    assert!(
        error.contains("line 2, column 'price': '10.5' is no multiple of the tick 1"),
        "{error}"
    );
}

const DEPTH: &str =
    "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n";

#[test]
fn depth_of_binance_futures() {
    let text = format!(
        "{DEPTH}\
         B,1667346579146,90,100,b,snap,20377.00,1.770,-1\n\
         B,1667346579146,90,100,a,snap,20377.10,0.003,-1\n\
         B,1667346579200,91,99,b,set,20377.00,9,88\n\
         B,1667346579300,95,105,b,set,20376.90,0.001,94\n\
         B,1667346579300,95,105,a,set,20377.10,0.000,94\n\
         B,1667346579400,106,107,a,set,20377.20,0.5,105\n\
         B,1667346579500,110,111,a,set,20377.20,0,109\n"
    );
    let options = ImportOptions::default();
    let (done, said) = imported::<Tick>("B_T_DEPTH.csv", text.as_bytes(), &options).unwrap();
    assert_eq!(
        short(&said),
        [
            "clear s 0 0",
            "clear as 0 0",
            "level s 203770 1770",
            "level aLs 203771 3",
            "level 203769 1",
            "level aL 203771 0",
            "level aL 203772 500",
            "gap 0 0",
            "level aL 203772 0",
        ]
    );
    assert_eq!(done.count("updates older than the snapshot (left out)"), 1);
    assert_eq!(done.count("gaps in the update ids"), 1);
    // Updates alone begin anywhere, but must follow each other.
    let alone = format!("{DEPTH}B,1667346579300,95,105,b,set,1,1,94\n");
    assert_eq!(ticks("x.csv", &alone), ["level L 1 1"]);
    for (row, want) in [
        ("B,1667346579300,95,105,x,set,1,1,94", "column 'side': 'x' is no side"),
        ("B,1667346579300,95,105,b,put,1,1,94", "column 'update_type': 'put' is unknown"),
        ("B,1667346579300,95,105,b,set,1,-1,94", "column 'qty': '-1' is negative"),
        ("B,1667346579300,95,1e5,b,set,1,1,94", "column 'last_update_id': '1e5' is not a whole"),
        ("B,1667346579300,95,105,b,set,1,1", "has 8 cells, not 9"),
    ] {
        let text = why("x.csv", &format!("{alone}{row}\n"));
        assert!(text.contains(want) && text.contains("line 3"), "{text}");
    }
}

const TARDIS: &str = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n";

#[test]
fn books_of_tardis() {
    let text = format!(
        "{TARDIS}\
         deribit,B,1585699200245000,1585699200355684,true,ask,6421.5,18640\n\
         deribit,B,1585699200245000,1585699200355684,true,bid,6421,10\n\
         deribit,B,1585699200345000,1585699200455684,false,bid,6421,0\n\
         deribit,B,1585699200345000,1585699200455684,false,ask,6422,20\n\
         deribit,B,1585699200346000,1585699200455685,false,ask,6422,30\n\
         deribit,B,1585699200446000,1585699200555685,true,ask,6422,40\n"
    );
    let want = [
        "clear s 0 0",
        "clear as 0 0",
        "level as 12843 1864",
        "level Ls 12842 1",
        "level 12842 0",
        "level aL 12844 2",
        "level aL 12844 3",
        "clear s 0 0",
        "clear as 0 0",
        "level aLs 12844 4",
    ];
    assert_eq!(ticks("x.csv", &text), want);
    // One instrument of several.
    let two = text.replace("deribit,B,1585699200345000", "deribit,C,1585699200345000");
    let options = ImportOptions { symbol: Some("C".to_owned()), ..ImportOptions::default() };
    let (done, said) = imported::<Tick>("x.csv", two.as_bytes(), &options).unwrap();
    assert_eq!(short(&said), ["level 6421 0", "level aL 6422 1"]);
    assert_eq!(done.description.instruments.len(), 1);
    let options = ImportOptions { symbol: Some("D".to_owned()), ..ImportOptions::default() };
    let error = imported::<Tick>("x.csv", two.as_bytes(), &options).unwrap_err();
    assert!(error.to_string().contains("none of its 6 rows is about 'D'"), "{error}");
    let bad = why("x.csv", &format!("{text}deribit,B,1,2,maybe,ask,1,1\n"));
    assert!(bad.contains("line 8"), "{bad}");
}

#[test]
fn snapshots_of_tardis() {
    let text = "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,\
                bids[0].price,bids[0].amount,asks[1].price,asks[1].amount,bids[1].price,\
                bids[1].amount\n\
                b,B,1598918403696000,1598918403810979,11,1,10,2,12,3,9,4\n\
                b,B,1598918403697000,1598918403810980,11,1,10,2,12,3,9,4\n\
                b,B,1598918403698000,1598918403810981,11,5,10,2,13,3,,\n";
    let options = ImportOptions::default();
    let (done, said) = imported::<Tick>("x.csv", text.as_bytes(), &options).unwrap();
    assert_eq!(
        short(&said),
        [
            "clear s 0 0",
            "clear as 0 0",
            "level s 10 2",
            "level s 9 4",
            "level as 11 1",
            "level aLs 12 3",
            "level 9 0",
            "level a 12 0",
            "level a 11 5",
            "level aL 13 3",
        ]
    );
    assert_eq!((done.rows, done.count("snapshots without any change (left out)")), (3, 1));
}

#[test]
fn messages_of_lobster() {
    let text = "34200.004241176,1,16113575,18,5853300,1\n\
                34200.1,2,16113575,8,5853300,1\n\
                34200.2,4,16113575,5,5853300,1\n\
                34200.2,5,0,7,5853350,1\n\
                34200.3,3,16113575,5,5853300,1\n\
                34200.4,6,0,100,5853300,-1\n\
                34200.5,7,0,0,-1,-1\n\
                34200.6,7,0,0,1,-1\n";
    let name = "AAPL_2012-06-21_34200000_57600000_message_10.csv";
    let options = ImportOptions::default();
    let (done, said) = imported::<OrderTick>(name, text.as_bytes(), &options).unwrap();
    assert_eq!(
        short_orders(&said),
        [
            "add 16113575 L 117066 18",
            "reduce 16113575 L 117066 8",
            "execute 16113575 L 117066 5",
            "trade 0 aL 117067 7",
            "delete 16113575 L 117066 5",
            "trade 0 Ln 117066 100",
            "status 0 L 0 0",
            "status 0 L 0 1",
        ]
    );
    let spec = &done.description.instruments[0];
    assert_eq!((spec.symbol(), spec.tick_e9()), ("AAPL", 5_000_000));
    // 13:30:00.004241176 UTC of that day.
    assert_eq!(said[0].0.venue_ns, 1_340_285_400_004_241_176);
    for (row, want) in [
        ("34200.4,1,5,1,100,2", "column 'direction': '2'"),
        ("34200.4,1,5,-1,100,1", "column 'size': '-1' is not positive"),
        ("34200.4,1,-5,1,100,1", "column 'order id': '-5' is negative"),
        ("99999,1,5,1,100,1", "is no second of a day"),
        ("34200.4,1,5,1,100", "has 5 cells, not 6"),
    ] {
        let text = format!("34200.1,1,5,1,100,1\n{row}\n");
        let error = imported::<OrderTick>(name, text.as_bytes(), &options).unwrap_err().to_string();
        assert!(error.contains(want) && error.contains("line 2"), "{error}");
    }
}

#[test]
fn files_may_be_packed() {
    let text = "timestamp,side,price,amount\n1675329600138,buy,10.5,1\n";
    let want = ticks("x.csv", text);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("x.csv", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    for (name, bytes) in [
        ("x.csv.gz", gzip.finish().unwrap()),
        ("x.csv.zst", zstd::encode_all(text.as_bytes(), 3).unwrap()),
        ("x.zip", zip.finish().unwrap().into_inner()),
    ] {
        let (_, said) = imported::<Tick>(name, &bytes, &ImportOptions::default()).unwrap();
        assert_eq!(short(&said), want, "{name}");
        let cut = &bytes[..bytes.len() - 9];
        let error = imported::<Tick>(name, cut, &ImportOptions::default()).unwrap_err();
        let error = error.to_string();
        let said =
            ["truncated", "damaged", "incomplete", "end"].iter().any(|word| error.contains(word));
        assert!(error.contains(name) && said, "{error}");
    }
}

#[test]
fn dates_in_words_are_settled_by_all_rows() {
    let day_first = "date,price,qty\n3/4/2020 10:00,1,1\n3/4/2020 10:01,1,2\n13/4/2020 10:00,1,3\n";
    let options = ImportOptions { disorder_ns_max: 1, ..ImportOptions::default() };
    let (done, said) = imported::<Tick>("x.csv", day_first.as_bytes(), &options).unwrap();
    assert_eq!(said[0].0.venue_ns, 1_585_908_000_000_000_000, "3 April, not 4 March");
    assert!(done.description.sources[0].notes[0].contains("read as UTC"));
    let error = why("x.csv", "date,price,qty\n3/4/2020 10:00,1,1\n");
    assert!(error.contains("may be month first or day first"), "{error}");
    let tz = ImportOptions { tz: Some("America/New_York".to_owned()), ..options.clone() };
    let (_, local) = imported::<Tick>("x.csv", day_first.as_bytes(), &tz).unwrap();
    assert_eq!(local[0].0.venue_ns - said[0].0.venue_ns, 4 * 3_600_000_000_000);
    let tz = ImportOptions { tz: Some("Nowhere".to_owned()), ..options };
    assert!(imported::<Tick>("x.csv", day_first.as_bytes(), &tz).is_err());
}
