//! The inputs that cases start from: small built-in ones, and the beginnings of real recordings
//! where the shared market data is at hand.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use qt_data::import::itch::ItchMarket;
use qt_data::ticks::{Description, TickWriter};
use qt_types::{E9, InstrumentKind, InstrumentSpec, OrderTick, Tick};

/// Where inputs come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corpus {
    /// Frames of exchanges.
    Frames,
    /// Recorded streams of frames.
    Recordings,
    /// Tick data of all formats.
    Ticks,
    /// DBN.
    Dbn,
    /// ITCH.
    Itch,
    /// LOBSTER.
    Lobster,
    /// Tardis.
    Tardis,
    /// Tables of bars, trades and quotes.
    Tables,
    /// Any of the above in a container.
    Packed,
    /// Files of the tick store.
    TickFiles,
    /// Segments of journals.
    Journals,
    /// Parquet.
    Parquet,
    /// Settings files.
    Settings,
    /// Files of signals.
    Signals,
    /// Expressions.
    Words,
}

/// Bytes that are taken from the beginning of a recording.
const HEAD_BYTES: usize = 24 << 10;

/// Folders or files of the market data for `corpus`.
const fn places(corpus: Corpus) -> &'static [&'static str] {
    match corpus {
        Corpus::Frames => &["captures", "recorded_messages", "recorded_ws"],
        Corpus::Recordings => &["l2_stream", "recorded_ws", "captures"],
        Corpus::Ticks => &[
            "binance_public_data",
            "crypto/tick",
            "equity/tick",
            "fx/tick",
            "kraken_trades_csv",
            "tardis_csv",
            "lobster",
        ],
        Corpus::Dbn => &["dbn", "captures/dbn"],
        Corpus::Lobster => &["lobster"],
        Corpus::Tardis => &["tardis_csv"],
        Corpus::Tables => &[
            "crypto/daily",
            "crypto/tick",
            "crypto/minute5",
            "equity/daily",
            "equity/minute",
            "fx/daily",
            "fx/minute",
            "fx/tick",
            "kraken_trades_csv",
        ],
        Corpus::Parquet => &["parquet"],
        Corpus::Itch
        | Corpus::Packed
        | Corpus::TickFiles
        | Corpus::Journals
        | Corpus::Settings
        | Corpus::Signals
        | Corpus::Words => &[],
    }
}

/// The inputs of `corpus`, in the same order everywhere.
pub fn of(corpus: Corpus) -> Vec<Vec<u8>> {
    let mut all = built_in(corpus);
    if let Some(folder) = market_data() {
        for place in places(corpus) {
            let mut files = Vec::new();
            list(&folder.join(place), &mut files);
            files.sort();
            all.extend(files.iter().filter_map(|file| head(file, corpus == Corpus::Parquet)));
        }
    }
    all
}

/// `market-data` in the folder that `QT_SHARED` names, else in `../shared` beside the workspace.
fn market_data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("QT_SHARED").map_or_else(beside, PathBuf::from);
    Some(folder.join("market-data")).filter(|folder| folder.is_dir())
}

fn list(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_file() {
        files.push(place.to_path_buf());
    }
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        list(&entry.path(), files);
    }
}

/// The beginning of a file, unpacked; all of it where the end matters.
fn head(path: &Path, whole: bool) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    let mut head = Vec::new();
    let length = HEAD_BYTES as u64;
    let unpacked = match bytes.as_slice() {
        _ if whole => return (bytes.len() < 2 * HEAD_BYTES).then_some(bytes),
        [0x1f, 0x8b, ..] => {
            flate2::read::MultiGzDecoder::new(&bytes[..]).take(length).read_to_end(&mut head)
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            zstd::Decoder::new(&bytes[..]).ok()?.take(length).read_to_end(&mut head)
        }
        [b'P', b'K', ..] => {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).ok()?;
            archive.by_index(0).ok()?.take(length).read_to_end(&mut head)
        }
        plain => plain.take(length).read_to_end(&mut head),
    };
    unpacked.ok()?;
    Some(head)
}

fn built_in(corpus: Corpus) -> Vec<Vec<u8>> {
    let texts = |list: &[&str]| list.iter().map(|text| text.as_bytes().to_vec()).collect();
    match corpus {
        Corpus::Frames => texts(FRAMES),
        Corpus::Recordings => vec![
            FRAMES.iter().map(|frame| format!("1723161256172216566 {frame}\n")).collect::<String>(),
            FRAMES
                .iter()
                .map(|frame| format!("{{\"ts_ns\":1723161256172216566,\"msg\":{frame}}}\n"))
                .collect(),
        ]
        .into_iter()
        .map(String::into_bytes)
        .collect(),
        Corpus::Ticks => {
            [built_in(Corpus::Lobster), built_in(Corpus::Tardis), texts(TICKS)].concat()
        }
        Corpus::Dbn => vec![dbn()],
        Corpus::Itch => [1, 2, 3]
            .map(|seed| ItchMarket { seed, messages: 300, stocks: 3 })
            .map(|market| market.bytes())
            .to_vec(),
        Corpus::Lobster => texts(&[LOBSTER]),
        Corpus::Tardis => texts(TARDIS),
        Corpus::Tables => texts(TABLES),
        Corpus::Packed => packed(),
        Corpus::TickFiles => tick_files(),
        Corpus::Journals => JOURNALS.iter().map(|bytes| bytes.to_vec()).collect(),
        Corpus::Parquet => vec![b"PAR1\x15\x04\x15\x10\0\0\0\0\x08\0\0\0PAR1".to_vec()],
        Corpus::Settings => texts(SETTINGS),
        Corpus::Signals => texts(SIGNALS),
        Corpus::Words => texts(WORDS),
    }
}

/// The metadata of a DBN file of version 1 with one symbol, and one trade.
fn dbn() -> Vec<u8> {
    let mut bytes = b"DBN\x01".to_vec();
    let mut metadata = b"GLBX.MDP3\0\0\0\0\0\0\0".to_vec();
    metadata.extend(4_u16.to_le_bytes());
    for word in [1_700_000_000_000_000_000_u64, u64::MAX, 0] {
        metadata.extend(word.to_le_bytes());
    }
    metadata.extend([0, 1, 0]);
    metadata.resize(100, 0);
    for count in [0_u32, 1] {
        metadata.extend(count.to_le_bytes());
    }
    metadata.extend(b"ESH4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    metadata.extend([0; 12]);
    bytes.extend((metadata.len() as u32).to_le_bytes());
    bytes.extend(metadata);
    bytes.extend([12, 0, 1, 0, 1, 0, 0, 0]);
    bytes.extend([0x11; 40]);
    bytes
}

fn packed() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for text in [TABLES[0], LOBSTER, TARDIS[0]] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let _ = gzip.write_all(text.as_bytes());
        all.extend(gzip.finish().ok());
        all.extend(zstd::encode_all(text.as_bytes(), 1).ok());
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        if archive.start_file("a.csv", options).is_ok()
            && archive.write_all(text.as_bytes()).is_ok()
        {
            all.extend(archive.finish().ok().map(std::io::Cursor::into_inner));
        }
    }
    all
}

/// A file of levels in two blocks and one of orders.
fn tick_files() -> Vec<Vec<u8>> {
    let Ok(folder) = tempfile::tempdir() else { return Vec::new() };
    let path = folder.path().join("x.qtt");
    let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Spot, E9 / 100, E9, E9);
    let about = Description { instruments: spec.into_iter().collect(), ..Description::default() };
    let mut all = Vec::new();
    if let Ok(mut writer) = TickWriter::<Tick>::create(&path) {
        for at in 0..60_i64 {
            let tick = Tick {
                venue_ns: at * 1_000,
                price: 10_000 + at,
                qty: at % 5,
                latency_ns: 0,
                instrument: 0,
                kind: 0,
                flags: 2,
            };
            // A latency too long for a block begins another one.
            let _ = writer.push(tick, at * 1_000 + if at < 40 { 5 } else { 6 * E9 });
        }
        all.extend(writer.finish(&about).ok().and_then(|_| std::fs::read(&path).ok()));
    }
    let path = folder.path().join("y.qtt");
    if let Ok(mut writer) = TickWriter::<OrderTick>::create(&path) {
        for at in 0..40_i64 {
            let tick = OrderTick {
                venue_ns: at,
                order: 7,
                price: 5,
                qty: 3,
                latency_ns: 0,
                instrument: 0,
                kind: 0,
                flags: 2,
            };
            let _ = writer.push(tick, at);
        }
        all.extend(writer.finish(&about).ok().and_then(|_| std::fs::read(&path).ok()));
    }
    all
}

/// A journal of each version, with every kind of record.
const JOURNALS: [&[u8]; 2] = [
    include_bytes!("../../../engine/journal/tests/golden/version-1.qtj/segment-00000001.log"),
    include_bytes!("../../../engine/journal/tests/golden/version-2.qtj/segment-00000001.log"),
];

const FRAMES: &[&str] = &[
    concat!(
        r#"{"stream":"x@depth@100ms","data":{"e":"depthUpdate","E":1723161256172,"s":"X","#,
        r#""U":50093421584,"u":50093421613,"b":[["61685.99000000","0.01600000"],"#,
        r#"["61685.00000000","12.00000000"]],"a":[["61686.01000000","0.00000000"]]}}"#,
    ),
    concat!(
        r#"{"stream":"x@depth","data":{"e":"depthUpdate","E":1723161256172,"#,
        r#""T":1723161256170,"s":"X","U":1,"u":2,"pu":0,"b":[["1.0","2"]],"a":[["1.1","#,
        r#""0.00"]]}}"#,
    ),
    concat!(
        r#"{"e":"trade","E":1723161255343,"s":"X","t":3,"p":"6.10","q":"0.02","#,
        r#""T":1723161255342,"m":true,"X":"MARKET"}"#,
    ),
    r#"{"lastUpdateId":1,"bids":[["1.0","2"]],"asks":[["1.1","3"]]}"#,
    concat!(
        r#"{"topic":"orderbook.50.X","type":"snapshot","ts":1,"data":{"s":"X","b":[["1","#,
        r#""2"]],"a":[["2","1"]],"u":7,"seq":9},"cts":1}"#,
    ),
    concat!(
        r#"{"type":"l2update","product_id":"X","changes":[["buy","1","3"]],"#,
        r#""time":"2021-04-17T16:43:37.075687Z"}"#,
    ),
    concat!(
        r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.X.raw","#,
        r#""data":{"type":"change","timestamp":1,"prev_change_id":1,"#,
        r#""instrument_name":"X","change_id":2,"bids":[["new",1.0e-4,2.0]],"#,
        r#""asks":[["delete",2,0]]}}}"#,
    ),
    concat!(
        r#"{"channel":"l2Book","data":{"coin":"X","levels":[[{"px":"1","sz":"2"}],"#,
        r#"[{"px":"2","sz":"1"}]],"time":1}}"#,
    ),
    concat!(
        r#"[1,{"a":[["2.0","0.00","1618678133.3","r"]]},{"b":[["1.1","2.00","#,
        r#""1618678133.3"]],"c":"974947235"},"book-10","X"]"#,
    ),
    concat!(
        r#"{"feed":"book","product_id":"X","side":"sell","seq":2,"price":2.5,"qty":1.0,"#,
        r#""timestamp":2}"#,
    ),
    concat!(
        r#"{"arg":{"channel":"books","instId":"X"},"action":"snapshot","#,
        r#""data":[{"asks":[["2","1","0","1"]],"bids":[["1","2","0","1"]],"#,
        r#""ts":"1652459225464","checksum":-914047754,"seqId":5,"prevSeqId":-1}]}"#,
    ),
];

const LOBSTER: &str = "34200.004241176,1,16113575,18,5853300,1\n34200.025551909,1,16120456,18,\
    5859100,-1\n34200.025579546,2,16120456,5,5859100,-1\n34200.1,3,16113575,13,5853300,1\n\
    34200.2,4,16120456,2,5859100,-1\n34200.3,5,0,7,5859100,-1\n34200.4,7,0,0,-1,-1\n";

const TARDIS: &[&str] = &[
    "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\nderibit,X,\
     1585699200245000,1585699200355684,true,ask,6421.5,18640\nderibit,X,1585699200245001,\
     1585699200355685,false,bid,6421,0\n",
    "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,\
     bids[0].amount\nb,X,1598918403696000,1598918403810979,11657.08,10.896,11657.07,60\n",
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nbitmex,X,1583020803145000,\
     1583020803307160,1,buy,8531.5,2152\n",
];

const TICKS: &[&str] = &[
    "# quanttrade ticks 1 levels\n# instrument,X,USD,perpetual,0.1,0.001,1\n\
     venue_ns,recv_ns,symbol,kind,side,price,qty,flags\n\
     1723161256298000000,1723161256302471518,X,level,ask,58710.2,0.014,LS\n\
     1723161256298000000,1723161256302471518,X,funding,bid,58710.2,-0.0001,L\n",
    "# quanttrade ticks 1 orders\n# instrument,X,USD,equity,0.01,1,1\n\
     venue_ns,recv_ns,symbol,kind,order,side,price,qty,flags\n\
     1723161256298000000,1723161256302471518,X,add,7,bid,58.2,14,L\n",
    "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\nX,\
     1667346579146,1,2,b,snap,20365.9,0.1,-1\nX,1667346579147,3,4,a,set,20366.0,0,2\n",
    "5,61800.20,2.507,61800.30,2.510,1723161256313,1723161256313\n",
    "1,61837.63,0.02,5,6,1723161255342,True,True\n",
    "20200101 170000065,1.121200,1.121720,0\n",
    "ts_utc,bid,bid_size,ask,ask_size\n2014-05-01T05:00:01.787000Z,1.38,5,1.39,6\n",
];

const TABLES: &[&str] = &[
    "date,open,high,low,close,volume\n2020-01-02,10,11,9,10,100\n2020-01-03,10,11,9,10,5\n",
    "time;bid_open;bid_high;bid_low;bid_close;ask_open;ask_high;ask_low;ask_close\n\
     1600000000;1;2;1;2;2;3;2;3\n1600000060;1;2;1;2;2;3;2;3\n",
    "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,10,11,9,10,9.5,100\n2020-01-03,null,\
     null,null,null,null,null\n",
    "1609459200000,1.0,2.0,0.5,1.5,10,1609459259999,15,3,5,7,0\n",
    "1672531436,90.540000,1.10448420\n1672531437,90.55,0.1\n",
];

/// Alone, and in an envelope with all that there can be.
const SIGNALS: &[&str] = &[
    "{\"schema_version\":1,\"signal_id\":\"run-7:42\",\"symbol\":\"X\",\"action\":\"buy\",\
     \"confidence\":0.85,\"horizon_seconds\":3600,\"issued_at\":\"2026-01-31T09:30:00Z\",\
     \"expires_at\":\"2026-01-31T09:35:00+00:00\",\"quantity\":\"1.5\"}\n",
    "{\"arrived_at\":\"2026-01-31T09:30:02.25Z\",\"source\":\"analyst\",\"signal\":{\
     \"schema_version\":1,\"signal_id\":\"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b\",\
     \"symbol\":\"X\",\"action\":\"sell\",\"confidence\":1,\"strength\":0.5,\"weight\":-0.25,\
     \"limit_price\":100.25,\"stop_loss\":\"101.5\",\"take_profit\":99,\
     \"horizon_seconds\":60,\"issued_at\":\"2026-01-31T09:30:00.5Z\",\
     \"expires_at\":\"2026-01-31T09:31:00Z\",\"model_id\":\"m\",\"agent_name\":\"a\",\
     \"reasoning\":[\"r\"],\"features\":{\"rsi\":71.2}}}\n",
];

const SETTINGS: &[&str] = &[
    "data = [\"x.csv\", \"Y=y.csv\"]\nstrategy = \"sma_cross\"\ntz = \"America/New_York\"\n\
     calendar = \"xnys\"\nfrom = \"2020-01-31T09:30\"\nweight = \"95%\"\nleverage = 2\naccount = \
     \"margin\"\nfee-rate = 0.0005\nmaker-rate = -0.0001\nslippage-bps = 1\nqueue-model = \
     \"prob-power:3\"\norder-latency = \"10ms\"\n[param]\nfast = 5\nslow = 20\n",
    "[backtest]\nqty = 10\nstop-loss = 5\ntake-profit = 10\nbars = \"dollar:1000000\"\nseed = 7\n\
     sample = \"500us\"\ntick = 0.01\nlot = 1\nmultiplier = 50\nrisk-free-rate = 0.02\n",
];

const WORDS: &[&str] = &[
    "MACD(12,26,9).hist",
    "SMA(20)",
    "BBANDS(20,2,2).upper",
    "fast=5:50:5",
    "x=0.1:0.3:0.1",
    "x=1,2,3",
    "fast < slow - 2 * (3 + x) / 4",
    "dollar:1000000",
    "tick:1000",
    "5m",
    "zone = Asia/Tokyo\nsession mon..fri 09:00-15:00\nholiday 2024-12-31..2025-01-03\n\
     special 2024-12-30 09:00-11:30\nsession mon..fri 17:00-16:00\n",
    "20200102,0.98,0.5,100\n20210102,1,1,0\n",
];
