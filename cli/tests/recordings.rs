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
        let info = sandbox.json(&["data", "info", &path, "--ticks"]);
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
