//! The reference price (C10) and the collars around it (C09).

use qt_types::{DenyReason, Side};

use crate::ask::{Ask, limit_price, trigger_price};
use crate::control::Control;
use crate::keys::Key;
use crate::limits::Limit;
use crate::measure::{Measure, Visit};
use crate::state::{Session, State};
use crate::tally::Level;
use crate::unit::Unit;

/// C10. Without a price that can be trusted, and a rate for its currency, no new risk is taken;
/// what makes a position smaller and every cancel pass.
#[inline]
pub(crate) fn reference<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    if ask.is_reducing {
        return Ok(());
    }
    let (control, level) = (Control::Reference, Level::Instrument);
    let reference = &ask.reference;
    let missing = reference.price_x2 <= 0;
    visit.see(Measure::flag(control, level, missing, DenyReason::ReferenceMissing))?;
    let untrusted = reference.is_untrusted;
    visit.see(Measure::flag(control, level, untrusted, DenyReason::BookUntrusted))?;
    let known = &state.instruments[ask.instrument];
    visit.see(Measure::flag(control, level, !known.has_rate(), DenyReason::NoRate))?;
    let limits = &known.limits;
    // Rounded up, in 64 bits: the division is by a constant.
    let age_ns = ask.reference_age_ns();
    let age_ms = age_ns / 1_000_000 + i64::from(age_ns % 1_000_000 != 0);
    let (limit, reason) = (limits.get(Key::ReferenceAge), DenyReason::ReferenceStale);
    visit.see(Measure::new(control, level, limit, i128::from(age_ms), Unit::Millis, reason))
}

/// C09: how far the price is on the losing side, and how far the market went lately. An order
/// that makes a position smaller is held against it too, where there is a reference.
#[inline]
pub(crate) fn collar<V: Visit>(
    state: &State,
    ask: &Ask<'_>,
    visit: &mut V,
) -> Result<(), DenyReason> {
    let reference_x2 = i128::from(ask.reference.price_x2);
    if reference_x2 <= 0 {
        return Ok(());
    }
    let known = &state.instruments[ask.instrument];
    let (control, level) = (Control::Collar, Level::Instrument);
    if let Some(limit) = limit_price(&ask.request.kind) {
        let mut collar = known.limits.get(Key::CollarBps);
        if known.session != Session::Open {
            // Never wider than in the session.
            let auction = known.limits.get(Key::AuctionCollarBps);
            collar =
                Limit { soft: collar.soft.min(auction.soft), hard: collar.hard.min(auction.hard) };
        }
        // What waits for a trigger is held against the trigger where that is further out.
        let trigger_x2 = trigger_price(&ask.request.kind).map(|t| i128::from(t.ticks()) * 2);
        let limit_x2 = i128::from(limit.ticks()) * 2;
        let (base, beyond) = match ask.request.side {
            Side::Buy => {
                let base = trigger_x2.map_or(reference_x2, |t| t.max(reference_x2));
                (base, limit_x2 - base)
            }
            Side::Sell => {
                let base = trigger_x2.map_or(reference_x2, |t| t.min(reference_x2));
                (base, base - limit_x2)
            }
        };
        let reason = DenyReason::PriceCollar;
        visit.see(Measure::share(control, level, (collar, base), beyond.max(0), reason))?;
    }
    if ask.is_reducing || known.anchor_x2 <= 0 {
        return Ok(());
    }
    let drift = known.limits.get(Key::DriftBps);
    let anchor = i128::from(known.anchor_x2);
    let moved = (reference_x2 - anchor).abs();
    visit.see(Measure::share(control, level, (drift, anchor), moved, DenyReason::PriceDrift))
}
