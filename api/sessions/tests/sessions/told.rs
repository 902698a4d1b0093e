//! Who listens hears every change once, and after a restart the same again under the same numbers.

use std::sync::{Arc, Mutex};

use qt_sessions::{Listener, Listeners, Sessions, Told};
use qt_trading::ids::{AccountId, OrderUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Refusal, Side, Trading};

use crate::common::{hub, limit, market, over, ready, settings, until};

/// One telling of a journal: the number of each event, and what it changed.
#[derive(Debug, Default)]
struct Ear {
    tellings: Mutex<Vec<Vec<(u64, Time, String)>>>,
    ends: Mutex<Vec<u64>>,
}

impl Listener for Ear {
    fn begins(&self, _: u64) {
        self.tellings.lock().unwrap().push(Vec::new());
    }

    fn hear(&self, seq: u64, at: Time, told: Told) {
        let text = match told {
            Told::Order(order) => format!("{order:?}"),
            Told::Executed(execution) => format!("{execution:?}"),
            Told::Denied(denied) => format!("{denied:?}"),
            Told::Alert(_) | Told::Worth(_) => return,
        };
        self.tellings.lock().unwrap().last_mut().unwrap().push((seq, at, text));
    }

    fn caught_up(&self, seq: u64) {
        self.ends.lock().unwrap().push(seq);
    }
}

struct Ears(Arc<Ear>);

impl Listeners for Ears {
    fn of(&self, _: TenantId, _: AccountId) -> Arc<dyn Listener> {
        Arc::clone(&self.0) as Arc<dyn Listener>
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_told_again_alike() {
    let (folder, hub, ear) = (tempfile::tempdir().unwrap(), hub(), Arc::new(Ear::default()));
    let start = || {
        let mut settings = settings(folder.path());
        // All of the journal is made again.
        settings.paper.state_every = None;
        settings.listeners = Arc::new(Ears(Arc::clone(&ear)));
        Sessions::start(settings, Arc::clone(&hub)).unwrap()
    };
    let tenant = TenantId::new();
    let sessions = start();
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    for n in 0..20 {
        let (id, side) = (OrderUid::new(), if n % 2 == 0 { Side::Buy } else { Side::Sell });
        desk.place(id, market("EURUSD", side, "5"), "ann".to_owned()).await.unwrap();
        over(&desk, id).await;
    }
    let resting = OrderUid::new();
    desk.place(resting, limit("BTC-USD", Side::Buy, "1", "100"), "ann".to_owned()).await.unwrap();
    desk.cancel(resting, "ann".to_owned()).await.unwrap();
    over(&desk, resting).await;
    let denied = OrderUid::new();
    let too_much = desk.place(denied, market("AAPL", Side::Buy, "5000"), "ann".to_owned()).await;
    assert!(matches!(too_much, Err(Refusal::Risk(_))), "{too_much:?}");
    drop(desk);
    sessions.stop().await;
    drop(sessions);
    // Nobody asks for the tenant's desk.
    let sessions = start();
    until("told again", || ear.ends.lock().unwrap().len() == 2).await;
    sessions.stop().await;
    let tellings = ear.tellings.lock().unwrap();
    assert_eq!(tellings.len(), 2);
    assert!(tellings[0].len() > 60, "{}", tellings[0].len());
    let denials: Vec<_> = tellings[0].iter().filter(|it| it.2.starts_with("DeniedOrder")).collect();
    assert_eq!(denials.len(), 1, "{denials:?}");
    let wanted =
        format!("DeniedOrder {{ order: {denied:?}, is_change: false, person: Some(\"ann\")");
    assert!(denials[0].2.starts_with(&wanted), "{denials:?} and not {wanted}");
    assert!(tellings[0].windows(2).all(|pair| pair[0].0 <= pair[1].0), "in order");
    assert_eq!(tellings[0], tellings[1][..tellings[0].len()]);
    let last = tellings[0].last().unwrap().0;
    assert!(ear.ends.lock().unwrap()[1] >= last, "the journal's end is told");
}
