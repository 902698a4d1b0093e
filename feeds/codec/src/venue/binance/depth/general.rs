//! The frame however it is written: by the reader of all of the venue's messages.

use qt_types::{Price, Qty};

use crate::json::{self, Json};
use crate::venue::binance::event::Event;
use crate::venue::binance::{partial_depth, unwrap};
use crate::venue::split;
use crate::{FrameError, Level, Number, NumberError, Scale, Scales};

use super::DepthError;
use super::frame::{About, DepthFrame, DepthKind, DepthLevel, Levels};

/// Reads `frame` into `out`, which is empty.
pub(super) fn decode(
    frame: &[u8],
    out: &mut DepthFrame,
    scales_of: &mut dyn FnMut(&[u8]) -> Option<Scales>,
) -> Result<(), DepthError> {
    let json = Json::check(frame).map_err(|_| DepthError::Damaged)?;
    let (stream, data) = unwrap(json.text());
    if !json::is_object(data) {
        return Err(DepthError::NotDepth);
    }
    let mut sides = std::mem::take(&mut out.sides);
    let result = Event::read(&json, data, &mut sides)
        .map_err(reason)
        .and_then(|event| head(&json, &event, stream, &mut out.about))
        .and_then(|()| scales_of(out.about.symbol()).ok_or(DepthError::Symbol))
        .and_then(|scales| {
            levels(&sides.bids, scales, &mut out.levels)?;
            out.levels.begin_asks();
            levels(&sides.asks, scales, &mut out.levels)
        });
    out.sides = sides;
    result
}

/// Everything but the levels.
fn head(
    json: &Json<'_>,
    event: &Event<'_>,
    stream: &str,
    about: &mut About,
) -> Result<(), DepthError> {
    let uint = |value, name| json.uint(value, name).map_err(reason);
    let best = partial_depth(stream).map(DepthKind::Best);
    match json::bare(event.kind) {
        "depthUpdate" => {
            about.previous_id = match event.previous {
                "" => None,
                previous => Some(uint(previous, "pu")?),
            };
            about.first_id = uint(event.first, "U")?;
            about.last_id = uint(event.last, "u")?;
            about.venue_ns = Some(event.happened(json).map_err(reason)?);
            about.kind = best.unwrap_or(DepthKind::Changes);
            if json::bare(event.symbol).is_empty() {
                return Err(DepthError::Damaged);
            }
            about.set_symbol(json::text(event.symbol).as_bytes())
        }
        "" if !event.last_update_id.is_empty() => {
            about.last_id = uint(event.last_update_id, "lastUpdateId")?;
            about.first_id = about.last_id;
            about.venue_ns = match event.traded {
                "" => None,
                _ => Some(event.happened(json).map_err(reason)?),
            };
            about.kind = best.unwrap_or(DepthKind::Book);
            match event.symbol {
                "" => about.set_symbol(split(stream, '@').0.to_uppercase().as_bytes()),
                symbol => about.set_symbol(json::text(symbol).as_bytes()),
            }
        }
        _ => Err(DepthError::NotDepth),
    }
}

fn levels(side: &[Level], scales: Scales, out: &mut Levels) -> Result<(), DepthError> {
    for level in side {
        let price = Price::from_ticks(steps(level.price, scales.price)?);
        let qty = Qty::from_lots(steps(level.qty, scales.qty)?);
        *out.places().first_mut().ok_or(DepthError::TooLarge)? = DepthLevel { price, qty };
        out.added(1);
    }
    Ok(())
}

fn steps(number: Number, scale: Scale) -> Result<i64, DepthError> {
    number.steps(scale.step_e9()).map_err(|_| DepthError::OffScale)
}

fn reason(error: FrameError) -> DepthError {
    match error {
        FrameError::TooLarge { .. } => DepthError::TooLarge,
        FrameError::Number { source: NumberError::TooLarge | NumberError::TooFine, .. } => {
            DepthError::OffScale
        }
        _ => DepthError::Damaged,
    }
}
