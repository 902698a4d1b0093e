//! Wishes from outside, as bytes: whose, who asks, what.

use qt_types::{Asked, AskedFor, Cancel, Qty, Replace, StrategyId};

use super::bytes::{In, Malformed, Out};
use super::event::order;
use super::{codes, intention};

const PLACE: u8 = 1;
const REPLACE: u8 = 2;
const CANCEL: u8 = 3;

pub fn write(out: &mut Out<'_>, asked: &Asked) {
    out.put(asked.outer);
    out.u64(asked.person);
    out.u16(asked.strategy.0);
    match asked.what {
        AskedFor::Place { side, kind, tif, qty, reduce_only, post_only } => {
            out.u8(PLACE);
            out.u8(codes::side_code(side));
            intention::write_kind(out, &kind);
            intention::write_tif(out, tif);
            out.i64(qty.lots());
            out.u8(reduce_only.into());
            out.u8(post_only.into());
        }
        AskedFor::Replace(replace) => {
            out.u8(REPLACE);
            out.u64(replace.order.get());
            intention::write_kind(out, &replace.kind);
            out.i64(replace.qty.lots());
        }
        AskedFor::Cancel(cancel) => {
            out.u8(CANCEL);
            out.u64(cancel.order.get());
        }
    }
}

pub fn read(from: &mut In<'_>) -> Result<Asked, Malformed> {
    let (outer, person) = (from.take()?, from.u64()?);
    let strategy = StrategyId(from.u16()?);
    let what = match from.u8()? {
        PLACE => AskedFor::Place {
            side: codes::side(from.u8()?)?,
            kind: intention::read_kind(from)?,
            tif: intention::read_tif(from)?,
            qty: Qty::from_lots(from.i64()?),
            reduce_only: from.flag()?,
            post_only: from.flag()?,
        },
        REPLACE => AskedFor::Replace(Replace {
            order: order(from.u64()?),
            kind: intention::read_kind(from)?,
            qty: Qty::from_lots(from.i64()?),
        }),
        CANCEL => AskedFor::Cancel(Cancel { order: order(from.u64()?) }),
        _ => return Err(Malformed("a wish of no known kind")),
    };
    Ok(Asked { outer, person, strategy, what })
}
