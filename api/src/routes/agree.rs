//! Session and store agree about strategies: what runs is what is kept as active.

use std::sync::Arc;

use super::parameters;
use super::strategies::actor;
use crate::http::{ApiError, Caller, Context, Shared};
use qt_store::StoreError;
use qt_store::domain::{StrategyStatus, TradingStrategy};
use qt_trading::ids::StrategyUid;
use qt_trading::{Desk, Refusal, StrategyRun};

/// Brings first the session to what `after` says, then the store. Where the store does not take it
/// the session goes back to what the store says. All of it is done, also when the client goes away
/// in between.
pub(super) async fn apply(
    app: &Shared,
    caller: &Caller,
    context: &Context,
    before: &TradingStrategy,
    after: TradingStrategy,
    action: &'static str,
) -> Result<TradingStrategy, ApiError> {
    let (store, by) = (Arc::clone(&app.store), actor(caller, context));
    let desk = app.trading.desk(caller.tenant()).await?;
    let (caller, before) = (caller.clone(), before.clone());
    let work = tokio::spawn(async move {
        bring(&*desk, &caller, &after).await?;
        let saved = store.save_strategy(by, after, action).await;
        if saved.is_err() {
            let back = match store.strategy(caller.tenant(), before.id).await {
                Ok(kept) => bring(&*desk, &caller, &kept).await,
                Err(StoreError::NotFound) => stopped(&*desk, before.id, &caller).await,
                Err(_) => bring(&*desk, &caller, &before).await,
            };
            if let Err(error) = back {
                let id = before.id;
                tracing::error!(strategy = %id, %error, "session and store disagree");
            }
        }
        Ok::<_, ApiError>(saved?)
    });
    work.await.map_err(|_| ApiError::internal())?
}

/// Runs a strategy that is active, with its parameters; stops any other.
async fn bring(desk: &dyn Desk, caller: &Caller, wanted: &TradingStrategy) -> Result<(), Refusal> {
    if wanted.status != StrategyStatus::Active {
        return stopped(desk, wanted.id, caller).await;
    }
    let run = StrategyRun {
        id: wanted.id,
        strategy_type: wanted.strategy_type.clone(),
        symbols: wanted.symbols.clone(),
        parameters: parameters::texts(&wanted.parameters),
        limits: Vec::new(),
    };
    desk.activate(run, caller.person()).await
}

/// Stops a strategy. One that the session does not know does not run.
pub(super) async fn stopped(
    desk: &dyn Desk,
    id: StrategyUid,
    caller: &Caller,
) -> Result<(), Refusal> {
    match desk.deactivate(id, caller.person()).await {
        Err(Refusal::NotFound) => Ok(()),
        done => done,
    }
}

/// One that was to run and does not is not made, so that its name is free. It stays where it is not
/// certain that it does not run.
pub(super) async fn unmake(app: &Shared, caller: &Caller, context: &Context, id: StrategyUid) {
    let unmade = async {
        let desk = app.trading.desk(caller.tenant()).await?;
        stopped(&*desk, id, caller).await?;
        let deleted = app.store.delete_strategy(actor(caller, context), id).await;
        deleted.map_err(Refusal::from)
    };
    if let Err(error) = unmade.await {
        tracing::warn!(%error, strategy = %id, "a strategy that does not run stays");
    }
}
