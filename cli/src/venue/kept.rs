//! A run at a venue made again from its journal: from what it heard, and nothing else.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use qt_backtest::run::RunError;
use qt_backtest::witness::{Unkept, Witness};
use qt_engine::Ensemble;
use qt_ring::{Bell, Wait};
use qt_runtime::live::{Driver, Parts, Recorded, Settings, feed, recorded, rings};
use qt_runtime::paper::{PaperParts, PaperSession};
use qt_runtime::parity::{self, Parity, ParityError};
use qt_runtime::rehearsal::{self, Origin, Rehearsed};
use qt_types::{InstrumentSpec, VenueId};

use super::scene::Scene;
use crate::app::Session;
use crate::cast::Cast;
use crate::failure::Failure;
use crate::kept::plan_of;
use crate::settings::RunPlan;

/// Words that stand before the settings in the journal of a run at a venue: how its orders were
/// executed, and at which venue.
pub const HEAD: usize = 2;
/// Orders went to the simulated venue.
pub const PAPER: &str = "paper";
/// Orders went to the venue itself.
pub const LIVE: &str = "live";
/// Nothing goes over the rings of a run that is made again.
const RING: usize = 64;

/// A run at a venue that a journal tells of.
pub struct VenueKept<'a> {
    plan: RunPlan,
    cast: Cast<'a>,
    recorded: Recorded,
    is_paper: bool,
}

impl<'a> VenueKept<'a> {
    /// The run of `journal`, with other parameters where `params` names some; `None` where it was
    /// at no venue.
    ///
    /// # Errors
    /// When the journal cannot be read, or a parameter is wrong.
    pub fn open(
        journal: &Path,
        params: &[String],
        session: &'a Session,
    ) -> Result<Option<Self>, Failure> {
        let Some(recorded) = recorded(journal).map_err(ParityError::from)? else {
            return Ok(None);
        };
        let is_paper = match recorded.words.first().map(String::as_str) {
            Some(PAPER) => true,
            Some(LIVE) => false,
            _ => return Ok(None),
        };
        let words = recorded.words.get(HEAD..).unwrap_or_default();
        let (layers, mut plan) = plan_of(journal, words, params)?;
        let cast = Cast::new(&plan, session)?;
        let symbols: Vec<&str> = recorded.specs.iter().map(InstrumentSpec::symbol).collect();
        plan.share_default_weight(&layers, cast.shares(&symbols));
        Ok(Some(Self { plan, cast, recorded, is_paper }))
    }

    fn scene(&self) -> Result<Scene<'_>, Failure> {
        let Recorded { specs, epoch, .. } = &self.recorded;
        Scene::new(&self.plan.config, specs.clone(), self.plan.sample_ns, *epoch)
    }

    fn strategies(&self) -> Result<Ensemble, Failure> {
        let symbols: Vec<&str> = self.recorded.specs.iter().map(InstrumentSpec::symbol).collect();
        self.cast.ensemble(&symbols)
    }

    /// Feeds the journal to the pipeline alone.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn replay(
        &self,
        journal: &Path,
        from: Origin,
        keep_every: Option<NonZeroU64>,
    ) -> Result<Rehearsed, Failure> {
        let desk = self.scene()?.desk(self.strategies()?)?;
        Ok(rehearsal::replay_on(journal, desk, from, keep_every)?)
    }

    /// Makes the run again with its driver, on paper with its venue as well, and compares every
    /// decision.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn parity(self, journal: &Path) -> Result<Parity, Failure> {
        let (scene, strategies) = (self.scene()?, self.strategies()?);
        let is_paper = self.is_paper;
        let (venue, fail) = (scene.venue()?, |_| Failure::failed("there is no such ring"));
        let bell = Arc::new(Bell::new(Wait::Yield));
        let (_writer, feed) = feed(RING, scene.specs().len(), VenueId(0), &bell).map_err(fail)?;
        let (port, _end) = rings(RING, &bell, Wait::Yield, i64::MAX / 4).map_err(fail)?;
        let (pipeline, gate) = (scene.pipeline(), scene.gate(strategies.len()));
        let (round_trip_ns, lacks) = (scene.round_trip_ns(), scene.lacks());
        let Recorded { events, never_left, .. } = self.recorded;
        let play = move |witness: Box<dyn Witness>| -> Result<(), RunError> {
            if is_paper {
                let parts = PaperParts {
                    pipeline,
                    strategies,
                    gate,
                    witness: Box::new(Unkept),
                    venue,
                    round_trip_ns,
                    feed,
                    batch: RING,
                };
                let fail = |_| RunError::Config("there is no such ring".to_owned());
                let mut session = PaperSession::new(parts).map_err(fail)?;
                session.keep_by(witness);
                return Ok(session.repeat(events, &never_left, &mut |_, _| {})?);
            }
            let settings = Settings::default();
            let parts = Parts {
                pipeline,
                lacks,
                strategy: strategies,
                gate,
                witness,
                port,
                feeds: Vec::new(),
                settings,
            };
            Ok(Driver::new(parts).repeat_with(events, &mut |_, _| {})?)
        };
        Ok(parity::compare_with(journal, play)?)
    }
}
