//! `market_maker` on every recording of order books and ticks, straight from the shared market
//! data. `cargo nextest run --release -p qt-cli --test recordings --no-capture` prints the table
//! of `docs/TICKS.md`.

mod common;

use std::path::PathBuf;

use common::Sandbox;
use serde_json::Value;

/// What a run is expected to bring.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// Fills.
    Fills,
    /// None, and why: the data gives nothing to trade on, or nobody comes.
    Nothing(&'static str),
    /// Any number: symbols that are too quiet for half a minute are among them.
    Any,
}

use Expect::{Any, Fills, Nothing};

const SNAPSHOT: Expect = Nothing("a snapshot or less than a second of it");
const QUEUE: Expect =
    Nothing("2 s in which the best prices stand still: 6 trade, with 10 or more ahead");

/// Files and folders below the market data, every symbol of each.
const RECORDINGS: &[(&str, Expect)] = &[
    ("l2_stream/binance/spot_BTCUSDT_2024-08-08.jsonl.gz", Fills),
    ("l2_stream/binance/spot_BTCUSDT_2024-08-09.jsonl.gz", Fills),
    ("l2_stream/binance/usdm_BTCUSDT_2024-08-08.jsonl.gz", Fills),
    ("l2_stream/binance/coinm_BTCUSD_PERP_2024-08-08.jsonl.gz", Fills),
    ("l2_stream/bybit/2024-12-01_XRPUSDT_ob500.data.zip", Fills),
    ("l2_stream/hyperliquid/BTC_2025-01-26.jsonl.gz", Fills),
    ("recorded_ws/binance_spot_2021-08-14_FTMUSDT_XMRBTC_SXPBTC_BADGERBTC.jsonl.gz", Any),
    ("recorded_ws/binance_usdm_2021-07-22_SUSHI_AKRO_KEEP_CTK.jsonl.gz", Any),
    ("recorded_ws/bybit_v2_linear_2021-04-17_8symbols.jsonl.gz", Any),
    ("recorded_ws/coinbase_exchange_2021-04-17_level2_ticker_matches_A.jsonl.gz", Any),
    ("recorded_ws/kraken_futures_2021-07-22_10symbols.jsonl.gz", Any),
    ("recorded_ws/kraken_v1_2021-04-17_book1000_trade_ticker_5pairs_A.jsonl.gz", Any),
    ("recorded_ws/okx_v5_2022-05-13_BTC-USDT_UNI-USD-SWAP_BTC-USD-220527.jsonl.gz", Any),
    ("dbn/orderbooks_mbo_2024-05-08.dbn.zst", QUEUE),
    ("dbn/esh4-glbx-mdp3-20231224.mbo.dbn.zst", SNAPSHOT),
    ("dbn/futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst", Fills),
    ("dbn/futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst", Fills),
    ("lobster/AAPL_2012-06-21_34200000_57600000_message_10.head.csv", Fills),
    ("lobster/GOOG_2012-06-21_34200000_45000000_message_1.csv", Fills),
    ("tardis_csv/binance-futures_book_snapshot_5_BTCUSDT.csv", SNAPSHOT),
    ("tardis_csv/binance-futures_book_snapshot_25_BTCUSDT.csv", SNAPSHOT),
    ("tardis_csv/deribit_incremental_book_L2_BTC-PERPETUAL.csv", SNAPSHOT),
    ("tardis_csv/huobi-dm-swap_quotes_BTC-USD.csv", SNAPSHOT),
    ("tardis_csv/bitmex_trades_XBTUSD.csv", Nothing("ten trades")),
    ("binance_public_data/futures_um_depth/BTCUSDT_T_DEPTH_snap_sample.csv", SNAPSHOT),
    ("binance_public_data/futures_um_depth/BTCUSDT_T_DEPTH_update_sample.csv", SNAPSHOT),
    (
        "binance_public_data/futures_um_bookTicker_derived/BTCUSDT-bookTicker-2024-08-08.csv.gz",
        Fills,
    ),
    ("binance_public_data/futures_um_trades_derived/BTCUSDT-trades-2024-08-08.csv.gz", Fills),
    ("binance_public_data/spot_trades_derived/BTCUSDT-trades-2024-08-08.csv.gz", Fills),
    ("binance_public_data/spot_trades_derived/BTCUSDT-trades-2024-08-09.csv.gz", Fills),
    ("equity/tick/IBM_2013-10-07_2013-10-08_quote.csv.gz", Fills),
    ("equity/tick/IBM_2013-10-07_2013-10-08_trade.csv.gz", Fills),
    ("equity/tick/SPY_2013-10-07_trade.csv.gz", Fills),
    ("fx/tick/EURUSD_fxcm_2014-05-01_2014-05-02_quote.csv.gz", Fills),
    ("fx/tick/EURUSD_histdata_2020-01-01_quote.csv", Fills),
    ("fx/tick/USDJPY_truefx_2013-01-01_quote.csv", Fills),
    ("crypto/tick/freqtrade_public_trades_list.csv", Fills),
    ("kraken_trades_csv/BCHEUR.csv", Fills),
];

fn market_data() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("QT_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("market-data");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no market data at {}", folder.display());
    None
}

/// The run's document. Its exit code is 4 where nothing was filled.
fn run(sandbox: &Sandbox, data: &str) -> Value {
    let words =
        ["backtest", "--data", data, "--strategy", "market_maker", "--account", "margin", "--json"];
    let ended = sandbox.run(&words);
    let document: Value = serde_json::from_str(&ended.out)
        .unwrap_or_else(|_| panic!("{data}: {} {}", ended.code, ended.err));
    let fills = document["fills"].as_u64().unwrap_or_else(|| panic!("{data}: {document}"));
    assert_eq!(ended.code, if fills > 0 { 0 } else { 4 }, "{data}: {}", ended.err);
    document
}

#[test]
fn market_maker_runs_on_every_recording() {
    let Some(folder) = market_data() else { return };
    let sandbox = Sandbox::new();
    println!("\n| recording | symbols | records | fills | final equity |\n|---|---|---|---|---|");
    for (name, expect) in RECORDINGS {
        let path = folder.join(name).display().to_string();
        // All checksums, both times in order, nothing received before it happened.
        let info = sandbox.json(&["data", "check", &path, "--ticks"]);
        assert_eq!(info["checksums"], "right", "{name}");
        if info["shift_ns"].as_i64().unwrap_or(0) > 0 {
            assert_eq!(info["latency"]["min_ns"], 0, "{name}: moved by more than was needed");
        }
        let instruments = info["instruments"].as_array().expect("a list");
        let (mut fills, mut ends) = (0, Vec::new());
        for instrument in instruments {
            let symbol = instrument["symbol"].as_str().expect("a name");
            let data =
                if instruments.len() > 1 { format!("{symbol}={path}") } else { path.clone() };
            let document = run(&sandbox, &data);
            fills += document["fills"].as_u64().unwrap_or(0);
            ends.push(document["final_equity"].as_str().expect("money").to_owned());
        }
        let end = if let [one] = ends.as_slice() { one } else { "" };
        let short = name.rsplit('/').next().unwrap_or_default();
        let records = &info["records"];
        println!("| {short} | {} | {records} | {fills} | {end} |", instruments.len());
        match expect {
            Fills => assert!(fills > 0, "{name}"),
            Nothing(why) => assert_eq!(fills, 0, "{name}: {why}"),
            Any => {}
        }
    }
}

/// Four messages about one order book by order, and one about an order that nobody added.
const LOBSTER: &str = "34200.1,1,11,100,1000000,1\n34200.2,1,12,50,1000200,-1\n\
    34200.3,4,11,40,1000000,1\n34201.3,3,12,50,1000200,-1\n34201.4,2,99,5,1000000,1\n";

#[test]
fn ticks_are_imported_counted_checked_and_listed() {
    let sandbox = Sandbox::new();
    let name = sandbox.write("ABC_2012-06-21_message_1.csv", LOBSTER);
    let imported = sandbox.json(&["data", "import", &name]);
    let first = &imported["imported"][0];
    assert_eq!((&first["rows"], &first["records"]), (&Value::from(5), &Value::from(5)));
    assert_eq!(first["instruments"][0]["symbol"], "ABC");
    // A second time there is nothing to read, unless it is asked for.
    assert!(sandbox.json(&["data", "import", &name])["imported"][0]["rows"].is_null());
    assert_eq!(sandbox.json(&["data", "import", &name, "--replace"])["imported"][0]["rows"], 5);
    sandbox.run(&["data", "import", &name, "--id", "x"]).expect(2, &["--id"]);

    let info = sandbox.json(&["data", "info", &name]);
    for (kind, count) in [("add", 2), ("execute", 1), ("delete", 1), ("reduce", 1)] {
        assert_eq!(info["kinds"][kind], count, "{kind}");
    }
    let book = &info["instruments"][0];
    // One side alone after the first message and again after the fourth and the fifth.
    let wanted = [("trades", 1), ("updates", 4), ("one_sided", 3), ("crossed", 0), ("misfits", 1)];
    for (field, count) in wanted {
        assert_eq!(book[field], count, "{field}: {book}");
    }
    assert_eq!(info["silence_ns"], 1_000_000_000);
    assert_eq!(
        (&info["from"], &info["kind"]),
        (&"2012-06-21T13:30:00.100Z".into(), &"orders".into())
    );

    // 100 - min(10, 20 x 3 / 4) - min(10, 100 x 1 / 5) = 80.
    let check = sandbox.json(&["data", "check", &name]);
    assert_eq!((&check["score"], &check["checksums"]), (&80.0.into(), &"right".into()));
    sandbox.run(&["data", "check", &name, "--min-score", "90"]).expect(3, &["80.0", "90"]);
    let listed = sandbox.json(&["data", "list"]);
    assert_eq!(listed["ticks"][0]["records"], 5);
    // The file of the tick store itself, and the same with a byte changed.
    let file = listed["ticks"][0]["file"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.json(&["data", "check", &file])["score"], 80.0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200] ^= 1;
    std::fs::write(sandbox.path().join("bad.qtt"), bytes).unwrap();
    sandbox.run(&["data", "check", "bad.qtt"]).expect(3, &["bad.qtt", "damaged"]);
}
