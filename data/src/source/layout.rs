//! From the names of the columns to their meaning.

use super::field::{
    ASK_OHLC, BID_OHLC, BOOK_NAMES, BUYER_MAKER_NAMES, CLOCK_NAMES, DATE_NAMES, Field, NAMES, OHLC,
    RECEIVED_NAMES, Role, SIDE_NAMES, STAMP_NAMES, SYMBOL_NAMES, key,
};
use crate::series::DataKind;

/// What every column of a table means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What the rows are.
    pub kind: DataKind,
    /// The meaning of each column.
    pub roles: Vec<Role>,
    /// The columns' names as the file has them, or made up where it has none.
    pub names: Vec<String>,
    /// Whether the stamp's column says in its name that it is UTC.
    pub utc: bool,
}

impl Layout {
    /// Finds out what the columns called `names` mean; `forced` is the kind that the user asked
    /// for.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn from_names(names: &[String], forced: Option<DataKind>) -> Result<Self, String> {
        let keys: Vec<String> = names.iter().map(|name| key(name)).collect();
        if let Some(book) = keys.iter().position(|name| BOOK_NAMES.contains(&name.as_str())) {
            return Err(format!(
                "the column '{}' belongs to order-book rows, which are not read here",
                names[book]
            ));
        }
        let mut roles = vec![Role::Skip; names.len()];
        let utc = assign_stamp(&keys, &mut roles)?;
        let find = |candidates: &[&str]| {
            candidates.iter().find_map(|name| keys.iter().position(|key| key == name))
        };
        let column = |field: Field| {
            let (_, names) = NAMES.iter().find(|(named, _)| *named == field)?;
            find(names).filter(|index| roles[*index] == Role::Skip)
        };
        let kind = match forced {
            Some(kind) => kind,
            None => guess_kind(&|field| column(field).is_some()),
        };
        let (required, optional) = fields_of(kind);
        let mut assigned = Vec::new();
        for field in required {
            match column(*field) {
                Some(index) => assigned.push((index, Role::Number(*field))),
                None if *field == Field::Value => {}
                None => {
                    return Err(format!(
                        "there is no column for {} among {}",
                        field.name(),
                        list(names)
                    ));
                }
            }
        }
        for field in optional {
            // Without an exact name, `Volume BTC` will do.
            let prefix = || {
                let volume = |key: &String| key.starts_with("volume");
                (*field == Field::Volume).then(|| keys.iter().position(volume)).flatten()
            };
            assigned
                .extend(column(*field).or_else(prefix).map(|index| (index, Role::Number(*field))));
        }
        let symbol = find(SYMBOL_NAMES).map(|index| (index, Role::Symbol));
        assigned.extend(symbol);
        if matches!(kind, DataKind::Trades | DataKind::Quotes) {
            assigned.extend(find(RECEIVED_NAMES).map(|index| (index, Role::Received)));
        }
        if kind == DataKind::Trades {
            assigned.extend(find(SIDE_NAMES).map(|index| (index, Role::Side)));
            assigned.extend(find(BUYER_MAKER_NAMES).map(|index| (index, Role::BuyerMaker)));
        }
        for (index, role) in assigned {
            if roles[index] == Role::Skip {
                roles[index] = role;
            }
        }
        if kind == DataKind::Values {
            assign_value(names, &keys, &mut roles)?;
        }
        Ok(Self { kind, roles, names: names.to_vec(), utc })
    }

    /// The name of the column with `role`, or a plain word where it has none.
    #[must_use]
    pub fn name_of(&self, role: Role) -> &str {
        let index = self.roles.iter().position(|other| *other == role);
        match (index.map(|index| self.names[index].as_str()), role) {
            (Some(name), _) if !name.is_empty() => name,
            (_, Role::Number(field)) => field.name(),
            _ => "time",
        }
    }

    /// Whether a column has `role`.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

// Finds the stamp, or a date and a time of day. Gives whether its name says UTC.
fn assign_stamp(keys: &[String], roles: &mut [Role]) -> Result<bool, String> {
    let find = |name: &&str| {
        let unnamed = name.is_empty();
        keys.iter().position(|key| key == name).filter(|index| !unnamed || *index == 0)
    };
    let pair = DATE_NAMES.iter().find_map(find).zip(CLOCK_NAMES.iter().find_map(find));
    let best = STAMP_NAMES.iter().find_map(find);
    let Some(best) = best else {
        return Err(format!("no column holds the time ({})", list(keys)));
    };
    match pair {
        // `date` and `time`: both are needed, unless a telling name such as `timestamp` is there
        // beside them.
        Some((date, clock)) if date != clock && !keys[date].is_empty() => {
            let telling = STAMP_NAMES.iter().position(|name| *name == keys[best]);
            let plain = STAMP_NAMES.iter().position(|name| *name == "gmttime");
            if best == clock || telling >= plain {
                roles[date] = Role::Stamp;
                roles[clock] = Role::Clock;
                return Ok(keys[clock].contains("utc") || keys[date].contains("utc"));
            }
            roles[best] = Role::Stamp;
        }
        _ => roles[best] = Role::Stamp,
    }
    Ok(keys[best].contains("utc") || keys[best] == "gmttime")
}

fn guess_kind(has: &dyn Fn(Field) -> bool) -> DataKind {
    let all = |fields: &[Field]| fields.iter().all(|field| has(*field));
    if all(&BID_OHLC) && all(&ASK_OHLC) {
        DataKind::QuoteBars
    } else if all(&OHLC) {
        DataKind::Bars
    } else if has(Field::Bid) && has(Field::Ask) {
        DataKind::Quotes
    } else if has(Field::Price) && has(Field::Qty) {
        DataKind::Trades
    } else {
        DataKind::Values
    }
}

// The numbers that rows of a kind must have, and those that they may have.
fn fields_of(kind: DataKind) -> (&'static [Field], &'static [Field]) {
    use Field::{
        AdjClose, Ask, AskClose, AskHigh, AskLow, AskOpen, AskSize, Bid, BidClose, BidHigh, BidLow,
        BidOpen, BidSize, Close, High, Low, Open, Price, Qty, Value, Volume,
    };
    match kind {
        DataKind::Bars => (&[Open, High, Low, Close], &[Volume, AdjClose]),
        DataKind::QuoteBars => (
            &[BidOpen, BidHigh, BidLow, BidClose, AskOpen, AskHigh, AskLow, AskClose],
            &[BidSize, AskSize],
        ),
        DataKind::Trades => (&[Price, Qty], &[]),
        DataKind::Quotes => (&[Bid, Ask], &[BidSize, AskSize]),
        DataKind::Values => (&[Value], &[]),
    }
}

// A value series has one number beside the time; with more columns the name must tell.
fn assign_value(names: &[String], keys: &[String], roles: &mut [Role]) -> Result<(), String> {
    let free: Vec<usize> = (0..names.len()).filter(|index| roles[*index] == Role::Skip).collect();
    let telling = ["value", "close", "price", "last", "rate", "level"];
    let named = || {
        let named = |name: &&str| free.iter().copied().find(|index| keys[*index] == **name);
        telling.iter().find_map(named)
    };
    let index = match free.as_slice() {
        [] => None,
        [only] => Some(*only),
        _ => named(),
    };
    match index {
        Some(index) => roles[index] = Role::Number(Field::Value),
        None => {
            return Err(format!(
                "the columns {} are neither bars (open, high, low, close), nor trades (price, \
                 quantity), nor quotes (bid, ask), nor one value beside the time",
                list(names)
            ));
        }
    }
    Ok(())
}

fn list(names: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    let mut text: Vec<&str> = names.iter().map(String::as_str).take(SHOWN_MAX).collect();
    if names.len() > SHOWN_MAX {
        text.push("...");
    }
    format!("'{}'", text.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(header: &str) -> (DataKind, String) {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        match Layout::from_names(&names, None) {
            Err(message) => (DataKind::Bars, message),
            Ok(layout) => {
                let text = layout.roles.iter().map(|role| match role {
                    Role::Number(field) => format!("{field:?}"),
                    role => format!("{role:?}"),
                });
                (layout.kind, text.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn headers_of_many_vendors() {
        use DataKind::{Bars, QuoteBars, Quotes, Trades, Values};
        for (header, kind, want) in [
            ("date,open,high,low,close,volume", Bars, "Stamp,Open,High,Low,Close,Volume"),
            (",Open,High,Low,Close,Volume", Bars, "Stamp,Open,High,Low,Close,Volume"),
            (
                "Date,Open,High,Low,Close,Adj Close,Volume",
                Bars,
                "Stamp,Open,High,Low,Close,AdjClose,Volume",
            ),
            ("Volume,CLOSE,low,High,Open,DateTime", Bars, "Volume,Close,Low,High,Open,Stamp"),
            (
                "<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>,<VOL>,<SPREAD>",
                Bars,
                "Stamp,Clock,Open,High,Low,Close,Skip,Volume,Skip",
            ),
            (
                "timestamp,1. open,2. high,3. low,4. close,5. volume",
                Bars,
                "Stamp,Open,High,Low,Close,Volume",
            ),
            (
                "unix,date,symbol,open,high,low,close,Volume USDT,tradecount",
                Bars,
                "Stamp,Skip,Symbol,Open,High,Low,Close,Volume,Skip",
            ),
            (
                "open_time,open,high,low,close,volume,close_time,quote_volume,count",
                Bars,
                "Stamp,Open,High,Low,Close,Volume,Skip,Skip,Skip",
            ),
            ("Date,Close/Last,Volume,Open,High,Low", Bars, "Stamp,Close,Volume,Open,High,Low"),
            (
                "ts_utc,bid_open,bid_high,bid_low,bid_close,bid_size,\
                 ask_open,ask_high,ask_low,ask_close,ask_size",
                QuoteBars,
                "Stamp,BidOpen,BidHigh,BidLow,BidClose,BidSize,\
                 AskOpen,AskHigh,AskLow,AskClose,AskSize",
            ),
            (
                "id,price,qty,quote_qty,time,is_buyer_maker",
                Trades,
                "Skip,Price,Qty,Skip,Stamp,BuyerMaker",
            ),
            (
                ",timestamp,id,type,side,price,amount,cost,date",
                Trades,
                "Skip,Stamp,Skip,Skip,Side,Price,Qty,Skip,Skip",
            ),
            (
                "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
                Trades,
                "Skip,Symbol,Stamp,Received,Skip,Side,Price,Qty",
            ),
            (
                "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,\
                 transaction_time,event_time",
                Quotes,
                "Skip,Bid,BidSize,Ask,AskSize,Stamp,Skip",
            ),
            ("timestamp,bid,ask", Quotes, "Stamp,Bid,Ask"),
            ("Date,vix", Values, "Stamp,Value"),
            ("ts_utc,funding_rate", Values, "Stamp,Value"),
            ("Date,Time,Close", Values, "Stamp,Clock,Value"),
        ] {
            assert_eq!(roles(header), (kind, want.to_owned()), "{header}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        for (header, want) in [
            ("a,b,c", "no column holds the time"),
            ("date,a,b,c", "neither bars"),
            ("date", "neither bars"),
            ("symbol,timestamp,first_update_id,side,price,qty", "order-book rows"),
        ] {
            let (_, message) = roles(header);
            assert!(message.contains(want), "{header}: {message}");
        }
        let names: Vec<String> = ["date", "open", "close"].map(str::to_owned).into();
        let message = Layout::from_names(&names, Some(DataKind::Bars)).unwrap_err();
        assert!(message.contains("for high"), "{message}");
    }

    #[test]
    fn names_that_say_utc() {
        let utc = |header: &str| {
            let names: Vec<String> = header.split(',').map(str::to_owned).collect();
            Layout::from_names(&names, None).unwrap().utc
        };
        assert!(utc("ts_utc,open,high,low,close"));
        assert!(utc("timestamp_utc,open,high,low,close"));
        assert!(!utc("timestamp,open,high,low,close"));
    }
}
