//! A strategy of the program that the service is a part of.

use std::sync::Arc;

use qt_engine::{BookInterest, BookView, Context, Strategy};
use qt_sessions::{SessionSettings, Sessions};
use qt_strategies::{Hears, Instruments, Registry, StrategyEntry};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::{OrderStatus, Phase, StrategyRun, Trading};
use qt_types::{InstrumentId, OrderKind, Place, Qty, Side, Size};

use crate::common::{hub, ready, until};

/// Buys one, once.
struct Once(bool);

impl Strategy for Once {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.0, true) && book.best_ask().is_some() {
            let size = Size::Fixed(Qty::from_lots(1_000));
            ctx.place(Place::new(InstrumentId(0), Side::Buy, OrderKind::Market).size(size));
        }
    }

    fn interest(&self) -> BookInterest {
        BookInterest::EveryUpdate
    }
}

fn registry() -> Arc<Registry> {
    Arc::new(Registry::builtin().with(StrategyEntry {
        name: "once",
        summary: "buys one",
        doc: "",
        hears: Hears::Book,
        instruments: Instruments::Each,
        params: &[],
        rules: &[],
        build: |_, _| Box::new(Once(false)),
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_of_ones_own_runs_and_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let begin = || {
        let settings = SessionSettings::new(folder.path().to_owned());
        let settings = SessionSettings { registry: registry(), ..settings };
        Sessions::start(settings, Arc::clone(&hub)).unwrap()
    };
    let (sessions, tenant, id) = (begin(), TenantId::new(), StrategyUid::new());
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    let symbol = hub.specs()[0].symbol().to_owned();
    let (strategy_type, parameters, limits) = ("once".to_owned(), Vec::new(), Vec::new());
    let run = StrategyRun { id, strategy_type, symbols: vec![symbol], parameters, limits };
    desk.activate(run, "user".into()).await.unwrap();
    let is_filled = || {
        let orders = desk.orders();
        orders.iter().any(|it| it.strategy_id == Some(id) && it.status == OrderStatus::Filled)
    };
    until("filled", is_filled).await;
    until("held", || desk.portfolio().positions.len() == 1).await;
    let before = desk.portfolio();
    sessions.stop().await;
    let sessions = begin();
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    assert_eq!(desk.state().phase, Phase::Ready);
    assert_eq!(desk.portfolio().cash, before.cash);
    desk.deactivate(id, "user".into()).await.unwrap();
    sessions.stop().await;
}
