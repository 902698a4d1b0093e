//! What a column can mean, and the names it goes by.

/// A number that a row of market data may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// First price of a bar.
    Open,
    /// Highest price of a bar.
    High,
    /// Lowest price of a bar.
    Low,
    /// Last price of a bar.
    Close,
    /// Traded volume of a bar, in units.
    Volume,
    /// The close adjusted for splits and dividends.
    AdjClose,
    /// First bid of a quote bar.
    BidOpen,
    /// Highest bid.
    BidHigh,
    /// Lowest bid.
    BidLow,
    /// Last bid.
    BidClose,
    /// First ask of a quote bar.
    AskOpen,
    /// Highest ask.
    AskHigh,
    /// Lowest ask.
    AskLow,
    /// Last ask.
    AskClose,
    /// Best bid of a quote.
    Bid,
    /// Best ask of a quote.
    Ask,
    /// Size at the bid, in units.
    BidSize,
    /// Size at the ask, in units.
    AskSize,
    /// Price of a trade.
    Price,
    /// Size of a trade, in units.
    Qty,
    /// The one number of a value series.
    Value,
}

impl Field {
    /// How many fields there are.
    pub const COUNT: usize = 21;

    /// Position of the field in tables by field.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The plain word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        let names = NAMES.iter().find(|(field, _)| *field == self).map(|(_, names)| names);
        names.and_then(|names| names.first()).copied().unwrap_or("value")
    }

    /// Whether the number is a price.
    #[must_use]
    pub const fn is_price(self) -> bool {
        (self as u8) < Self::BidSize as u8 && !matches!(self, Self::Volume)
            || matches!(self, Self::Price)
    }

    /// Whether rows without this number can be used all the same.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Volume | Self::AdjClose | Self::BidSize | Self::AskSize)
    }
}

const _: () = assert!(Field::Value.index() + 1 == Field::COUNT);

/// The four prices of a bar.
pub const OHLC: [Field; 4] = [Field::Open, Field::High, Field::Low, Field::Close];
/// The four prices of a quote bar's bid.
pub const BID_OHLC: [Field; 4] = [Field::BidOpen, Field::BidHigh, Field::BidLow, Field::BidClose];
/// The four prices of a quote bar's ask.
pub const ASK_OHLC: [Field; 4] = [Field::AskOpen, Field::AskHigh, Field::AskLow, Field::AskClose];

/// What a column of text or numbers means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nothing that is needed.
    Skip,
    /// The time stamp, or its date where another column has the time of day.
    Stamp,
    /// The time of day.
    Clock,
    /// When the row was received by whoever recorded it.
    Received,
    /// A number.
    Number(Field),
    /// `buy` or `sell`: who took liquidity.
    Side,
    /// `true` when the buyer was the maker, so that a seller took liquidity.
    BuyerMaker,
    /// The instrument's name.
    Symbol,
}

/// A header cell as it is compared: letters and digits, lower case, without a leading `1.`.
#[must_use]
pub fn key(name: &str) -> String {
    let name = name.trim().trim_matches(['"', '\'', '<', '>']);
    // One vendor numbers its columns: `1. open`.
    let name = match name.split_once(". ") {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => name,
    };
    let kept = name.chars().filter(|char| char.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// Names of number columns, most telling first. A column of the earlier name wins.
pub const NAMES: &[(Field, &[&str])] = &[
    (Field::Open, &["open", "openprice", "priceopen", "o", "first", "openingprice"]),
    (Field::High, &["high", "highprice", "pricehigh", "h", "max", "highest"]),
    (Field::Low, &["low", "lowprice", "pricelow", "l", "min", "lowest"]),
    (
        Field::Close,
        &["close", "closeprice", "priceclose", "closelast", "c", "last", "lastprice", "settle"],
    ),
    (
        Field::Volume,
        &[
            "volume",
            "vol",
            "v",
            "basevolume",
            "volumebase",
            "volumebtc",
            "volumeeth",
            "sharesvolume",
            "totalvolume",
            "tradevolume",
            "tickvolume",
            "tickvol",
            "size",
            "qty",
            "quantity",
        ],
    ),
    (
        Field::AdjClose,
        &["adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjustedcloseprice"],
    ),
    (Field::BidOpen, &["bidopen", "openbid"]),
    (Field::BidHigh, &["bidhigh", "highbid"]),
    (Field::BidLow, &["bidlow", "lowbid"]),
    (Field::BidClose, &["bidclose", "closebid"]),
    (Field::AskOpen, &["askopen", "openask"]),
    (Field::AskHigh, &["askhigh", "highask"]),
    (Field::AskLow, &["asklow", "lowask"]),
    (Field::AskClose, &["askclose", "closeask"]),
    (Field::Bid, &["bidprice", "bid", "bestbidprice", "bestbid", "bidpx", "bidpx00"]),
    (Field::Ask, &["askprice", "ask", "bestaskprice", "bestask", "askpx", "askpx00", "offer"]),
    (
        Field::BidSize,
        &[
            "bidsize",
            "bidqty",
            "bidamount",
            "bidvolume",
            "bestbidqty",
            "bestbidsize",
            "bidsz",
            "bidsz00",
            "bidquantity",
        ],
    ),
    (
        Field::AskSize,
        &[
            "asksize",
            "askqty",
            "askamount",
            "askvolume",
            "bestaskqty",
            "bestasksize",
            "asksz",
            "asksz00",
            "askquantity",
            "offersize",
        ],
    ),
    (Field::Price, &["price", "tradeprice", "px", "p", "lastprice", "rate"]),
    (
        Field::Qty,
        &[
            "qty",
            "quantity",
            "size",
            "amount",
            "volume",
            "tradesize",
            "tradeqty",
            "lastsize",
            "vol",
            "q",
            "sz",
        ],
    ),
];

/// Names of the time stamp, most telling first. An unnamed first column comes last of all: it is
/// the time where a data frame was written with its index, but often only a row number.
pub const STAMP_NAMES: &[&str] = &[
    "tsutc",
    "timestamputc",
    "datetimeutc",
    "timeutc",
    "utctime",
    "utcdatetime",
    "utc",
    "timestamp",
    "datetime",
    "ts",
    "venuens",
    "tsns",
    "timestampns",
    "timestampms",
    "tsms",
    "opentime",
    "tsevent",
    "transactiontime",
    "transacttime",
    "tradetime",
    "exectime",
    "eventtime",
    "unixtimestamp",
    "unixtime",
    "unix",
    "epoch",
    "gmttime",
    "localtime",
    "time",
    "dateutc",
    "date",
    "tradedate",
    "tradingday",
    "day",
    "dt",
    "t",
    "index",
    "unnamed0",
    "",
];

/// Names of the time at which a row was received.
pub const RECEIVED_NAMES: &[&str] = &[
    "localtimestamp",
    "recvtime",
    "recvns",
    "recvts",
    "tsrecv",
    "receivetime",
    "receivetimestamp",
    "receivedat",
];

/// Names of a date that a separate time of day may go with.
pub const DATE_NAMES: &[&str] = &["date", "dateutc", "day", "tradedate", "dt", "gmtdate", ""];

/// Names of a time of day beside a date.
pub const CLOCK_NAMES: &[&str] = &["time", "timeofday", "clock", "timeutc", "gmttime"];

/// Names of the instrument's name.
pub const SYMBOL_NAMES: &[&str] =
    &["symbol", "ticker", "sym", "instrument", "instrumentid", "pair", "productid", "tic", "code"];

/// Names of the side that took liquidity.
pub const SIDE_NAMES: &[&str] = &["side", "takerside", "aggressorside", "aggressor", "direction"];

/// Names of the column that says whether the buyer was the maker.
pub const BUYER_MAKER_NAMES: &[&str] = &["isbuyermaker", "buyermaker", "isbuyerthemaker", "m"];

/// Names that only rows of an order book have: such files are no trades, although they have a
/// price and a quantity.
pub const BOOK_NAMES: &[&str] =
    &["updatetype", "issnapshot", "firstupdateid", "lastupdateid", "asks0price", "bids0price"];
