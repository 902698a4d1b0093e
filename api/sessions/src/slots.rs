//! The places of strategies in a session: a bounded number, taken and given back while it runs.

use qt_engine::{Exposure, Manual, Strategy};
use qt_strategies::{Instruments, Registry};
use qt_types::{InstrumentId, InstrumentSpec, StrategyId};

use super::notes::Cast;
use qt_trading::ids::StrategyUid;
use qt_trading::{LimitValue, Refusal, StrategyRun};

/// Strategies that one session has at a time.
pub const SLOTS: u16 = 8;

/// Who has which place. The first strategy of the pipeline is the desk, slots come after it.
#[derive(Debug, Default)]
pub struct Slots {
    taken: [Option<Cast>; SLOTS as usize],
}

/// The strategy of the pipeline that slot `slot` is.
pub const fn strategy_id(slot: u16) -> StrategyId {
    StrategyId(slot + 1)
}

impl Slots {
    /// Which strategy has the place of `strategy`; none for the desk.
    pub fn strategy_of(&self, strategy: StrategyId) -> Option<StrategyUid> {
        let slot = strategy.0.checked_sub(1)?;
        self.taken.get(usize::from(slot))?.as_ref().map(|cast| cast.strategy)
    }

    /// The limits that the strategy in the place of `strategy` has of its own.
    pub fn limits_of(&self, strategy: StrategyId) -> &[LimitValue] {
        let slot = strategy.0.checked_sub(1).map(usize::from);
        let cast = slot.and_then(|slot| self.taken.get(slot)).and_then(Option::as_ref);
        cast.map_or(&[], |cast| &cast.limits)
    }

    /// The place of `strategy`.
    pub fn slot_of(&self, strategy: StrategyUid) -> Option<u16> {
        let is_it = |cast: &Option<Cast>| cast.as_ref().is_some_and(|it| it.strategy == strategy);
        self.taken.iter().position(is_it).and_then(|at| u16::try_from(at).ok())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Cast> {
        self.taken.iter().flatten()
    }

    /// A strategy takes its place.
    pub fn cast(&mut self, cast: Cast) {
        if let Some(place) = self.taken.get_mut(usize::from(cast.slot)) {
            *place = Some(cast);
        }
    }

    /// The place that `strategy` has or can have: one that nobody has, or whose owner is not bound
    /// to it any more and has neither position nor orders left.
    pub fn place_for(
        &self,
        strategy: StrategyUid,
        exposure: &Exposure<'_>,
        is_bound: impl Fn(StrategyId) -> bool,
    ) -> Option<u16> {
        let is_over = |slot: u16| {
            let of = strategy_id(slot);
            let instruments = (0..exposure.specs.len()).map(|at| InstrumentId(at as u16));
            let is_flat =
                instruments.into_iter().all(|it| exposure.ledger.held_by(of, it).is_zero());
            is_flat && !is_bound(of) && !exposure.orders.iter().any(|order| order.strategy == of)
        };
        let free = |slot: &u16| self.taken[usize::from(*slot)].is_none();
        self.slot_of(strategy)
            .or_else(|| (0..SLOTS).find(free))
            .or_else(|| (0..SLOTS).find(|slot| is_over(*slot)))
    }
}

/// The strategy of `cast`, and what it trades of `specs`; nothing but one that never trades where
/// it cannot be made any more.
pub fn made_again(
    cast: &Cast,
    specs: &[InstrumentSpec],
    registry: &Registry,
) -> (Box<dyn Strategy>, Vec<bool>) {
    let run = StrategyRun {
        id: cast.strategy,
        strategy_type: cast.strategy_type.clone(),
        symbols: cast.symbols.clone(),
        parameters: cast.parameters.clone(),
        limits: cast.limits.clone(),
    };
    make(&run, specs, registry).unwrap_or_else(|_| (Box::new(Manual), vec![false; specs.len()]))
}

/// The strategy of `run`, and what it trades of `specs`.
///
/// # Errors
/// When the registry has no such type, a parameter is wrong, or a symbol is not there.
pub fn make(
    run: &StrategyRun,
    specs: &[InstrumentSpec],
    registry: &Registry,
) -> Result<(Box<dyn Strategy>, Vec<bool>), Refusal> {
    let invalid = |field, detail: String| Refusal::Invalid { field, detail };
    if run.symbols.is_empty() {
        let detail = "a strategy needs at least one symbol to run".to_owned();
        return Err(invalid("symbols", detail));
    }
    let unknown = run.symbols.iter().find(|it| !specs.iter().any(|spec| spec.symbol() == **it));
    if let Some(unknown) = unknown {
        return Err(invalid("symbols", format!("there is no instrument {unknown}")));
    }
    let entry = registry.get(&run.strategy_type);
    let entry = entry.map_err(|why| invalid("strategy_type", why.to_string()))?;
    let params = entry.resolve(&run.parameters);
    let params = params.map_err(|why| invalid("parameters", why.to_string()))?;
    let trades: Vec<bool> =
        specs.iter().map(|spec| run.symbols.iter().any(|it| it == spec.symbol())).collect();
    let traded = trades.iter().filter(|on| **on).count();
    let count = match entry.instruments {
        Instruments::Exactly(_) => traded,
        _ => specs.len(),
    };
    if let Instruments::Exactly(count) = entry.instruments
        && count > 1
        && traded == count
        && !trades.iter().take(count).all(|on| *on)
    {
        let first: Vec<&str> = specs.iter().take(count).map(InstrumentSpec::symbol).collect();
        let detail = format!("it knows its instruments by their places: use {}", first.join(", "));
        return Err(invalid("symbols", detail));
    }
    let made = entry.make(&params, count);
    Ok((made.map_err(|why| invalid("symbols", why.to_string()))?, trades))
}
