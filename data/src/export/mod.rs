//! Ticks as text for other programs, and as [`crate::import`] reads them back record for record.
//!
//! Lines that begin with `#` say what the records are and name the instruments with their units;
//! a header and one line a record follow. `docs/TICKS.md` shows the columns.

mod pack;

use std::fmt::Write;

use qt_types::{
    InstrumentSpec, OrderTick, OrderTickKind, Tick, TickFlags, TickKind, format_scaled,
};

use crate::error::DataError;
use crate::import::{Meaning, Meant};
use crate::ticks::{Fields, RecordKind};
pub use pack::Packed;

/// How the first line begins; the kind of the records follows.
pub const MARK: &str = "# quanttrade ticks 1 ";
/// How the line of an instrument begins.
pub const INSTRUMENT: &str = "# instrument,";
/// The letters of [`TickFlags`], but for the side.
pub const FLAGS: [(char, TickFlags); 3] =
    [('L', TickFlags::LAST), ('S', TickFlags::SNAPSHOT), ('N', TickFlags::NO_AGGRESSOR)];

/// A record that can be written as text.
pub trait Spoken: Meant {
    /// The columns, in order.
    const COLUMNS: &'static [&'static str];
    /// The kinds by name.
    const KINDS: &'static [(Self::Kind, &'static str)];
    /// The word for the records of such a file.
    const WORD: &'static str;

    /// Its parts.
    fn fields(&self) -> Option<Fields<Self::Kind>>;

    /// Whether it tells of a trade.
    fn is_trade(&self) -> bool;

    /// Whether it changes the book, or says something about it.
    fn is_book(&self) -> bool;

    /// Who took liquidity in a trade, as a word; empty where nobody says.
    fn aggressor(&self) -> &'static str;
}

impl Spoken for Tick {
    const COLUMNS: &'static [&'static str] =
        &["venue_ns", "recv_ns", "symbol", "kind", "side", "price", "qty", "flags"];
    const KINDS: &'static [(TickKind, &'static str)] = &[
        (TickKind::Level, "level"),
        (TickKind::Top, "top"),
        (TickKind::Trade, "trade"),
        (TickKind::Clear, "clear"),
        (TickKind::Gap, "gap"),
        (TickKind::Status, "status"),
        (TickKind::Mark, "mark"),
        (TickKind::Funding, "funding"),
    ];
    const WORD: &'static str = "levels";

    fn fields(&self) -> Option<Fields<TickKind>> {
        let Self { venue_ns, price, qty, instrument, flags, .. } = *self;
        Some(Fields { venue_ns, order: 0, price, qty, instrument, kind: self.kind()?, flags })
    }

    fn is_trade(&self) -> bool {
        self.kind() == Some(TickKind::Trade)
    }

    fn is_book(&self) -> bool {
        !self.is_trade()
    }

    fn aggressor(&self) -> &'static str {
        match (self.flags().has(TickFlags::NO_AGGRESSOR), self.side()) {
            (true, _) => "",
            (false, side) => side.text(),
        }
    }
}

impl Spoken for OrderTick {
    const COLUMNS: &'static [&'static str] =
        &["venue_ns", "recv_ns", "symbol", "kind", "order", "side", "price", "qty", "flags"];
    const KINDS: &'static [(OrderTickKind, &'static str)] = &[
        (OrderTickKind::Add, "add"),
        (OrderTickKind::Reduce, "reduce"),
        (OrderTickKind::Delete, "delete"),
        (OrderTickKind::Modify, "modify"),
        (OrderTickKind::Execute, "execute"),
        (OrderTickKind::Trade, "trade"),
        (OrderTickKind::Clear, "clear"),
        (OrderTickKind::Status, "status"),
    ];
    const WORD: &'static str = "orders";

    fn fields(&self) -> Option<Fields<OrderTickKind>> {
        let Self { venue_ns, order, price, qty, instrument, flags, .. } = *self;
        Some(Fields { venue_ns, order, price, qty, instrument, kind: self.kind()?, flags })
    }

    fn is_trade(&self) -> bool {
        Self::is_trade(self)
    }

    fn is_book(&self) -> bool {
        self.kind() != Some(OrderTickKind::Trade)
    }

    fn aggressor(&self) -> &'static str {
        Self::aggressor(self).map_or("", qt_types::Side::text)
    }
}

/// The name of the kind of `record`.
#[must_use]
pub fn kind_text<R: Spoken>(record: &R) -> &'static str {
    let named = R::KINDS.iter().find(|(kind, _)| Some(*kind) == record.says());
    named.map_or("unknown", |(_, name)| name)
}

/// Writes the records of `instruments` as lines of text.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    instruments: &'a [InstrumentSpec],
}

impl<'a> Speaker<'a> {
    /// For records of `instruments`.
    ///
    /// # Errors
    /// When one of them has a name that a line cannot hold.
    pub fn new(instruments: &'a [InstrumentSpec]) -> Result<Self, DataError> {
        let odd = |spec: &&InstrumentSpec| {
            let symbol = spec.symbol();
            symbol.trim() != symbol || symbol.contains([',', '"', '\n', '\r'])
        };
        match instruments.iter().find(odd) {
            None => Ok(Self { instruments }),
            Some(spec) => Err(DataError::Usage {
                what: format!(
                    "the instrument name {:?} has a comma, a quotation mark, a line end, or space \
                     around it",
                    spec.symbol()
                ),
                fix: "Import the data with another name: NAME=PATH".to_owned(),
            }),
        }
    }

    /// What stands before the records of a file that is read back as it was.
    #[must_use]
    pub fn head<R: Spoken>(&self) -> String {
        let mut text = format!("{MARK}{}\n", R::WORD);
        let e9 = |value: i64| format_scaled(i128::from(value), 9);
        for spec in self.instruments {
            let (symbol, currency, kind) = (spec.symbol(), spec.currency(), spec.kind().text());
            let (tick, lot) = (e9(spec.tick_e9()), e9(spec.lot_e9()));
            let multiplier = e9(spec.multiplier_e9());
            text += &format!("{INSTRUMENT}{symbol},{currency},{kind},{tick},{lot},{multiplier}\n");
        }
        text + &R::COLUMNS.join(",") + "\n"
    }

    /// Appends the line of `record`, which we could know at `recv_ns`, to `line`.
    ///
    /// # Errors
    /// When it is of an instrument or a kind that there is not.
    pub fn write<R: Spoken>(
        &self,
        record: &R,
        recv_ns: i64,
        line: &mut String,
    ) -> Result<(), std::fmt::Error> {
        let fields = record.fields().ok_or(std::fmt::Error)?;
        let spec = self.instrument(fields.instrument)?;
        let kind = R::KINDS.iter().find(|(kind, _)| *kind == fields.kind).ok_or(std::fmt::Error)?.1;
        write!(line, "{},{recv_ns},{},{kind},", fields.venue_ns, spec.symbol())?;
        if R::KIND == RecordKind::Orders {
            write!(line, "{},", fields.order)?;
        }
        let flags = TickFlags::from_bits(fields.flags);
        line.push_str(if flags.has(TickFlags::ASK) { "ask," } else { "bid," });
        let meaning = R::meaning(fields.kind);
        if meaning != Meaning::Flag {
            line.push_str(&scaled(fields.price, spec.tick_e9()));
        }
        line.push(',');
        match meaning {
            Meaning::Lots => line.push_str(&scaled(fields.qty, spec.lot_e9())),
            Meaning::Flag => write!(line, "{}", fields.qty)?,
            Meaning::Rate => line.push_str(&scaled(fields.qty, 1)),
            Meaning::Mark => {}
        }
        line.push(',');
        line.extend(FLAGS.iter().filter(|(_, flag)| flags.has(*flag)).map(|(letter, _)| letter));
        line.push('\n');
        Ok(())
    }

    /// Appends the line of a trade as tables of trades have it: [`TRADE_COLUMNS`].
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_trade<R: Spoken>(
        &self,
        record: &R,
        recv_ns: i64,
        line: &mut String,
    ) -> Result<(), std::fmt::Error> {
        let Fields { venue_ns, price, qty, instrument, .. } =
            record.fields().ok_or(std::fmt::Error)?;
        let spec = self.instrument(instrument)?;
        let (symbol, side) = (spec.symbol(), record.aggressor());
        let (price, qty) = (scaled(price, spec.tick_e9()), scaled(qty, spec.lot_e9()));
        writeln!(line, "{venue_ns},{recv_ns},{symbol},{side},{price},{qty}")
    }

    /// Instrument `index`.
    fn instrument(&self, index: u16) -> Result<&'a InstrumentSpec, std::fmt::Error> {
        self.instruments.get(usize::from(index)).ok_or(std::fmt::Error)
    }
}

/// The columns of a table of trades.
pub const TRADE_COLUMNS: &str = "venue_ns,recv_ns,symbol,side,price,qty";

/// `count` units of `unit_e9` billionths, all digits.
#[must_use]
pub fn scaled(count: i64, unit_e9: i64) -> String {
    format_scaled(i128::from(count) * i128::from(unit_e9), 9)
}
