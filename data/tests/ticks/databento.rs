//! DBN by hand: which ticks its records become, and what is wrong with files that are none.

use dbn::encode::{DbnEncodable, DbnEncoder, EncodeRecord};
use dbn::{
    BidAskPair, FlagSet, MboMsg, Mbp1Msg, Mbp10Msg, MetadataBuilder, RecordHeader, SType, Schema,
    StatusMsg, TradeMsg, UNDEF_PRICE, rtype,
};
use proptest::prelude::*;
use qt_data::import::{ImportOptions, import_bytes};
use qt_types::{OrderTick, Tick};

use crate::book::Orders;
use crate::support::{imported, market_data, short, short_orders};

const LAST: u8 = 128;
const SNAPSHOT: u8 = 32;
const PRICE: i64 = 1_000_000_000;

fn file<R: EncodeRecordOf>(schema: Option<Schema>, records: &[R]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let metadata = MetadataBuilder::new()
        .dataset("GLBX.MDP3".to_owned())
        .schema(schema)
        .start(0)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .build();
    let mut encoder = DbnEncoder::new(&mut bytes, &metadata).unwrap();
    for record in records {
        encoder.encode_record(record).unwrap();
    }
    bytes
}

trait EncodeRecordOf: DbnEncodable {}
impl<R: DbnEncodable> EncodeRecordOf for R {}

fn header<T: dbn::HasRType<Header = RecordHeader>>(rtype: u8, ts_event: u64) -> RecordHeader {
    RecordHeader::new::<T>(rtype, 1, 5482, ts_event)
}

fn mbo(ts: u64, action: u8, side: u8, order: u64, price: i64, size: u32, flags: u8) -> MboMsg {
    MboMsg {
        hd: header::<MboMsg>(rtype::MBO, ts),
        order_id: order,
        price,
        size,
        flags: FlagSet::new(flags),
        channel_id: 0,
        action: action as std::ffi::c_char,
        side: side as std::ffi::c_char,
        ts_recv: ts + 100,
        ts_in_delta: 0,
        sequence: 0,
    }
}

fn orders(records: &[MboMsg]) -> Vec<String> {
    let bytes = file(Some(Schema::Mbo), records);
    let options = ImportOptions { lot_e9: Some(PRICE), ..ImportOptions::default() };
    let (done, said) = imported::<OrderTick>("x.dbn", &bytes, &options).unwrap();
    assert_eq!(done.rows, records.len() as u64);
    short_orders(&said)
}

#[test]
fn an_execution_is_told_once() {
    // A buyer takes 5: 3 of one order, which is gone, and 2 of another one, of which 4 stay.
    let records = [
        mbo(1, b'R', b'N', 0, UNDEF_PRICE, 0, SNAPSHOT),
        mbo(1, b'A', b'A', 7, 10 * PRICE, 3, SNAPSHOT),
        mbo(2, b'A', b'A', 8, 10 * PRICE, 6, SNAPSHOT | LAST),
        mbo(50, b'T', b'B', 9, 10 * PRICE, 5, 0),
        mbo(50, b'F', b'A', 7, 10 * PRICE, 3, 0),
        mbo(50, b'F', b'A', 8, 10 * PRICE, 2, 0),
        mbo(50, b'C', b'A', 7, 10 * PRICE, 3, 0),
        mbo(50, b'M', b'A', 8, 10 * PRICE, 4, LAST),
        mbo(60, b'C', b'A', 8, 10 * PRICE, 4, LAST),
    ];
    assert_eq!(
        orders(&records),
        [
            "clear 0 s 0 0",
            "clear 0 as 0 0",
            "add 7 as 1 3",
            "add 8 aLs 1 6",
            "execute 7 a 1 3",
            "execute 8 a 1 2",
            "modify 8 aL 1 4",
            "reduce 8 aL 1 4",
        ]
    );
}

#[test]
fn what_no_resting_order_tells_of_is_a_trade() {
    // 5 were traded, one resting order tells of 2; and a trade that nobody tells of.
    let records = [
        mbo(1, b'A', b'B', 7, 10 * PRICE, 9, LAST),
        mbo(5, b'T', b'A', 0, 10 * PRICE, 5, 0),
        mbo(5, b'F', b'B', 7, 10 * PRICE, 2, 0),
        mbo(5, b'C', b'B', 7, 10 * PRICE, 3, LAST),
        mbo(6, b'T', b'N', 0, 10 * PRICE, 4, 0),
        mbo(7, b'A', b'A', 8, UNDEF_PRICE, 4, LAST),
        mbo(8, b'R', b'B', 0, UNDEF_PRICE, 0, LAST),
        mbo(9, b'T', b'B', 0, 10 * PRICE, 6, LAST),
    ];
    assert_eq!(
        orders(&records),
        [
            "add 7 L 1 9",
            "execute 7 1 2",
            "trade 0 a 1 3",
            "reduce 7 L 1 1",
            "trade 0 Ln 1 4",
            "clear 0 L 0 0",
            "trade 0 L 1 6",
        ]
    );
}

#[test]
fn the_recorded_book_holds_together() {
    let Some(folder) = market_data() else { return };
    let name = "orderbooks_mbo_2024-05-08.dbn.zst";
    let bytes = std::fs::read(folder.join("dbn").join(name)).unwrap();
    let (_, ticks) = imported::<OrderTick>(name, &bytes, &ImportOptions::default()).unwrap();
    let mut book = Orders::default();
    let mut crossed = 0;
    for (tick, _) in &ticks {
        book.apply(tick);
        if tick.flags & 2 != 0 && tick.flags & 4 == 0 {
            let (bid, ask) = (book.best(qt_types::Side::Buy), book.best(qt_types::Side::Sell));
            crossed += u64::from(bid >= ask);
        }
    }
    assert_eq!(book.faults, Vec::<String>::new());
    assert_eq!((crossed, book.traded), (0, 6), "5 trades of 6 contracts");
    let (bid, ask) = (book.best(qt_types::Side::Buy), book.best(qt_types::Side::Sell));
    assert_eq!(ask.zip(bid).map(|(ask, bid)| ask - bid), Some(1), "a spread of one tick");
}

fn pair(bid: i64, bid_size: u32, ask: i64, ask_size: u32) -> BidAskPair {
    let (bid_sz, ask_sz) = (bid_size, ask_size);
    BidAskPair { bid_px: bid, ask_px: ask, bid_sz, ask_sz, bid_ct: 1, ask_ct: 1 }
}

fn mbp1(ts: u64, action: u8, side: u8, price: i64, size: u32, top: BidAskPair) -> Mbp1Msg {
    Mbp1Msg {
        hd: header::<Mbp1Msg>(rtype::MBP_1, ts),
        price,
        size,
        action: action as std::ffi::c_char,
        side: side as std::ffi::c_char,
        flags: FlagSet::new(LAST),
        depth: 0,
        ts_recv: ts + 100,
        ts_in_delta: 0,
        sequence: 0,
        levels: [top],
    }
}

fn levels(bytes: &[u8]) -> Vec<String> {
    let options = ImportOptions { tick_e9: Some(PRICE), ..ImportOptions::default() };
    short(&imported::<Tick>("x.dbn", bytes, &options).unwrap().1)
}

#[test]
fn best_prices_and_trades() {
    let records = [
        mbp1(1, b'A', b'B', 9 * PRICE, 1, pair(9 * PRICE, 1, UNDEF_PRICE, 0)),
        mbp1(2, b'A', b'A', 11 * PRICE, 3, pair(9 * PRICE, 1, 11 * PRICE, 3)),
        mbp1(3, b'T', b'A', 9 * PRICE, 1, pair(9 * PRICE, 1, 11 * PRICE, 3)),
    ];
    assert_eq!(
        levels(&file(Some(Schema::Mbp1), &records)),
        [
            "top 9 1",
            "clear aL 0 0",
            "top 9 1",
            "top aL 11 3",
            "top 9 1",
            "top a 11 3",
            "trade aL 9 1",
        ]
    );
    let trade = |ts, side: u8, flags| TradeMsg {
        hd: header::<TradeMsg>(rtype::MBP_0, ts),
        price: 5 * PRICE,
        size: 2,
        action: b'T' as std::ffi::c_char,
        side: side as std::ffi::c_char,
        flags: FlagSet::new(flags),
        depth: 0,
        ts_recv: ts + 1,
        ts_in_delta: 0,
        sequence: 0,
    };
    let records = [trade(1, b'A', 0), trade(1, b'B', LAST), trade(2, b'N', 0)];
    let options =
        ImportOptions { lot_e9: Some(PRICE), tick_e9: Some(PRICE), ..ImportOptions::default() };
    let bytes = file(Some(Schema::Trades), &records);
    let (_, said) = imported::<Tick>("x.dbn", &bytes, &options).unwrap();
    assert_eq!(short(&said), ["trade aL 5 2", "trade L 5 2", "trade Ln 5 2"]);
    // Without a schema in the head the first record tells.
    let (_, mixed) = imported::<Tick>("x.dbn", &file(None, &records), &options).unwrap();
    assert_eq!(mixed, said);
}

#[test]
fn ten_levels_are_told_by_their_changes() {
    let ten = |ts, first: BidAskPair, second: BidAskPair, action: u8| {
        let mut levels: [BidAskPair; 10] =
            std::array::from_fn(|_| pair(UNDEF_PRICE, 0, UNDEF_PRICE, 0));
        (levels[0], levels[1]) = (first, second);
        Mbp10Msg {
            hd: header::<Mbp10Msg>(rtype::MBP_10, ts),
            price: 9 * PRICE,
            size: 1,
            action: action as std::ffi::c_char,
            side: b'A' as std::ffi::c_char,
            flags: FlagSet::new(LAST),
            depth: 0,
            ts_recv: ts + 100,
            ts_in_delta: 0,
            sequence: 0,
            levels,
        }
    };
    let none = || pair(UNDEF_PRICE, 0, UNDEF_PRICE, 0);
    let records = [
        ten(1, pair(9 * PRICE, 1, 11 * PRICE, 1), pair(8 * PRICE, 2, 12 * PRICE, 2), b'A'),
        ten(2, pair(9 * PRICE, 4, 11 * PRICE, 1), pair(8 * PRICE, 2, 12 * PRICE, 2), b'A'),
        ten(3, pair(8 * PRICE, 2, 11 * PRICE, 1), none(), b'T'),
        ten(4, none(), none(), b'R'),
    ];
    assert_eq!(
        levels(&file(Some(Schema::Mbp10), &records)),
        [
            "clear s 0 0",
            "clear as 0 0",
            "level s 9 1",
            "level s 8 2",
            "level as 11 1",
            "level aLs 12 2",
            "level L 9 4",
            "level 9 0",
            "level a 12 0",
            "trade aL 9 1",
            "clear s 0 0",
            "clear aLs 0 0",
        ]
    );
}

#[test]
fn states_of_trading() {
    let status = |ts, trades: u8| StatusMsg {
        hd: header::<StatusMsg>(rtype::STATUS, ts),
        ts_recv: ts,
        action: 7,
        is_trading: trades as std::ffi::c_char,
        ..StatusMsg::default()
    };
    let records = [status(1, b'Y'), status(2, b'N'), status(3, b'~')];
    assert_eq!(levels(&file(Some(Schema::Status), &records)), ["status L 0 1", "status L 0 0"]);
}

#[test]
fn files_that_are_cut_off_or_of_another_version_are_refused() {
    let records: [MboMsg; 3] = std::array::from_fn(|_| mbo(1, b'A', b'A', 7, 10 * PRICE, 3, LAST));
    let whole = file(Some(Schema::Mbo), &records);
    let why = |bytes: &[u8]| {
        let error = import_bytes(bytes, "x.dbn", &ImportOptions::default()).unwrap_err();
        error.to_string()
    };
    let start = whole.len() - 3 * 56;
    for cut in (0..whole.len()).filter(|cut| *cut < start || !(cut - start).is_multiple_of(56)) {
        let text = why(&whole[..cut]);
        let place = if cut < 3 { "x.dbn" } else { "DBN" };
        let place = if cut > start { "cut off after" } else { place };
        assert!(text.contains(place), "{cut}: {text}");
    }
    assert!(why(&whole[..start + 60]).contains("cut off after 1 whole records"));
    for version in [0, 4, 9, 255] {
        let mut other = whole.clone();
        other[3] = version;
        assert!(why(&other).contains(&format!("it is of version {version}")));
    }
    let mut long = whole.clone();
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(why(&long).contains("said to have 4294967295 bytes"));
    long[4..8].copy_from_slice(&(1_u32 << 29).to_le_bytes());
    assert!(why(&long).contains("metadata ends after"));
    let packed = zstd::encode_all(whole.as_slice(), 3).unwrap();
    let cut = import_bytes(&packed[..packed.len() - 6], "x.dbn.zst", &ImportOptions::default());
    assert!(cut.unwrap_err().to_string().contains("x.dbn.zst"));
    // A record that says it is longer or shorter than its type.
    let mut short = whole.clone();
    short[start] = 5;
    assert!(why(&short).contains("x.dbn"), "{}", why(&short));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_records_give_books_or_errors(
        records in prop::collection::vec(
            (0_u64..50, 0_usize..9, 0_u8..3, 0_u64..5, -3_i64..3, 0_u32..5, any::<u8>()), 0..60
        ),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut now = 0;
        let records: Vec<MboMsg> = records.into_iter().map(|one| {
            let (step, action, side, order, price, size, flags) = one;
            now += step / 10;
            let price = if price == -3 { UNDEF_PRICE } else { price * PRICE };
            mbo(now, b"ACMRTFNZ\0"[action], b"ABN"[usize::from(side)], order, price, size, flags)
        }).collect();
        let mut bytes = file(Some(Schema::Mbo), &records);
        let _ = import_bytes(&bytes, "x.dbn", &ImportOptions::default());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = import_bytes(&bytes, "x.dbn", &ImportOptions::default());
        let _ = qt_data::import::dbn::bars_and_definitions_any(&bytes, "x.dbn");
    }
}
