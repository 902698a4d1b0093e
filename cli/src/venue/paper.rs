//! A run on paper: live market data, and the simulated venue.

use std::sync::Arc;

use qt_backtest::witness::Unkept;
use qt_ring::Bell;
use qt_runtime::keeper::Keeper;
use qt_runtime::live::{LiveError, SystemClock, feed};
use qt_runtime::paper::{self, PaperParts, PaperSession, Stretch};
use qt_types::{InstrumentSpec, VenueId};

use super::ended::Ended;
use super::market::Market;
use super::run::{Run, Stage, failed};
use crate::failure::Failure;

/// Room for events of the market: several whole books.
pub const FEED_ROOM: usize = 1 << 16;
/// Events of the market that are taken in one turn.
const BATCH: usize = 256;

/// Runs it until it is stopped; on the thread of the pipeline.
///
/// # Errors
/// When it cannot begin, or has to stop.
pub fn run(
    run: Run<'_>,
    keeper: Keeper,
    stage: &Stage,
    market: &mut Market,
) -> Result<Ended, Failure> {
    let Run { scene, cast, events, never_left, placement, place, .. } = run;
    let symbols: Vec<&str> = scene.specs().iter().map(InstrumentSpec::symbol).collect();
    let strategies = cast.ensemble(&symbols)?;
    let bell = Arc::new(Bell::new(placement.wait));
    let no_ring = |_| Failure::failed("a ring for the market data cannot be made");
    let (writer, reader) = feed(FEED_ROOM, symbols.len(), VenueId(0), &bell).map_err(no_ring)?;
    let parts = PaperParts {
        pipeline: scene.pipeline(),
        gate: scene.gate(strategies.len()),
        strategies,
        witness: Box::new(Unkept),
        venue: scene.venue()?,
        round_trip_ns: scene.round_trip_ns(),
        feed: reader,
        batch: BATCH,
    };
    let mut session = PaperSession::new(parts).map_err(no_ring)?;
    session.keep_by(Box::new(keeper));
    let halted = |halt| failed(LiveError::Halted(halt));
    session.repeat(events, &never_left, &mut |_, _| {}).map_err(halted)?;
    market.start(writer)?;
    let mut clock = SystemClock::start();
    let turns = &stage.venue.turns;
    let stretch = &mut Stretch { clock: &mut clock, bell: &bell, stop: &stage.stop, turns };
    paper::run(&mut session, stretch).map_err(halted)?;
    Ok(Ended::new(session.driver(), false, place.text()))
}
