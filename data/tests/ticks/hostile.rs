//! Arbitrary bytes into every importer: a result or an error, never a panic.

use proptest::prelude::*;
use qt_data::import::{ImportOptions, detect, import_any, import_bytes};

use crate::support::market_data;

// Everything that may be done with bytes.
fn try_all(bytes: &[u8], name: &str) {
    let _ = detect(bytes, name);
    let _ = import_any(bytes, name);
    let _ = import_bytes(bytes, name, &ImportOptions::default());
}

const NAME: &str = "AAPL_2012-06-21.csv";

// Starts that lead into each of the importers.
const STARTS: [&str; 9] = [
    "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n",
    "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n",
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,\
     bids[0].amount\n",
    "34200.004241176,1,16113575,18,5853300,1\n",
    "timestamp,local_timestamp,side,price,amount\n",
    "ts_utc,bid,bid_size,ask,ask_size\n",
    "DBN\u{1}",
    "DBN\u{3}\u{8}",
    "\0\u{c}S\0\0\0\0\0\0\0\0\0\0O",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        try_all(&bytes, NAME);
    }

    #[test]
    fn arbitrary_bytes_behind_a_known_start(
        start in 0..STARTS.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        try_all(&[STARTS[start].as_bytes(), &bytes].concat(), NAME);
    }

    #[test]
    fn cells_that_could_be_numbers(
        start in 0..STARTS.len(),
        rows in prop::collection::vec(
            prop::collection::vec(
                prop_oneof![
                    "[0-9]{1,20}", "-?[0-9]{1,12}\\.[0-9]{1,12}", "-?[0-9]e-?[0-9]{1,3}",
                    Just("1585699200245000".to_owned()), Just("1585699200".to_owned()),
                    "(buy|sell|bid|ask|a|b|true|false|snap|set|B)", Just(String::new()),
                ],
                3..10,
            ),
            0..12,
        ),
    ) {
        let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        try_all(format!("{}{}\n", STARTS[start], rows.join("\n")).as_bytes(), NAME);
    }

    #[test]
    fn real_files_with_some_bytes_changed(
        file in 0_usize..8,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let Some(folder) = market_data() else { return Ok(()) };
        let name = [
            "binance_public_data/futures_um_depth/BTCUSDT_T_DEPTH_update_sample.csv",
            "tardis_csv/binance-futures_book_snapshot_5_BTCUSDT.csv",
            "tardis_csv/deribit_incremental_book_L2_BTC-PERPETUAL.csv",
            "tardis_csv/huobi-dm-swap_quotes_BTC-USD.csv",
            "kraken_trades_csv/BCHEUR.csv",
            "captures/dbn/test_data.mbp-10.dbn",
            "captures/dbn/test_data.definition.dbn",
            "dbn/futures_trades_2024-07-01T23-58_2024-07-02T00-02.dbn.zst",
        ][file];
        let mut bytes = std::fs::read(folder.join(name)).unwrap();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut.index(3) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        try_all(&bytes, name);
    }
}

#[test]
fn small_files_of_much_are_bounded() {
    // 200 MB of zeros in some kilobytes: no more than the limit is unpacked, and not kept.
    let mut line = vec![b'1'; 1 << 20];
    line.push(b'\n');
    let many = zstd::encode_all(std::io::Read::take(std::io::repeat(b'\n'), 200 << 20), 3).unwrap();
    assert!(import_bytes(&many, "x.csv.zst", &ImportOptions::default()).is_err());
    let long = zstd::encode_all(line.as_slice(), 3).unwrap();
    assert!(import_bytes(&long, "x.csv.zst", &ImportOptions::default()).is_err());
}
