//! Leases between two processes.

use std::collections::BTreeSet;
use std::time::Duration;

use qt_store::{Leased, Leases};
use qt_trading::ids::TenantId;

use crate::on_both;
use crate::world::World;

on_both!(a_lease_changes_hands, of_many_one_holds_it_at_a_time);

async fn a_lease_changes_hands(world: World) {
    let (one, two) = (world.store.clone(), world.again().await);
    let tenant = TenantId::new();
    let length = Duration::from_millis(300);
    let name = || "session:1".to_owned();
    let first = one.acquire_lease(tenant, name(), "a".to_owned(), length).await.unwrap();
    let Leased::Held(held) = first else { panic!("{first:?}") };
    assert_eq!(held.epoch, 1);
    assert!(held.is_valid());
    let second = two.acquire_lease(tenant, name(), "b".to_owned(), length).await.unwrap();
    let Leased::Other { holder, epoch, .. } = second else { panic!("{second:?}") };
    assert_eq!((holder.as_str(), epoch), ("a", 1));
    // Late, but nobody came in between: the epoch is still ours.
    tokio::time::sleep(length + Duration::from_millis(50)).await;
    assert!(!held.is_valid());
    let held = one.renew_lease(held).await.unwrap().unwrap();
    assert!(held.is_valid());
    one.release_lease(held.clone()).await.unwrap();
    assert_eq!(one.renew_lease(held.clone()).await.unwrap(), None);
    let taken = two.acquire_lease(tenant, name(), "b".to_owned(), length).await.unwrap();
    let Leased::Held(taken) = taken else { panic!("{taken:?}") };
    assert_eq!(taken.epoch, 2);
    // The old holder can neither renew nor release what is another's now.
    assert_eq!(one.renew_lease(held.clone()).await.unwrap(), None);
    one.release_lease(held).await.unwrap();
    assert!(two.renew_lease(taken).await.unwrap().is_some());
}

async fn of_many_one_holds_it_at_a_time(world: World) {
    let (one, two) = (world.store.clone(), world.again().await);
    let tenant = TenantId::new();
    let mut tasks = Vec::new();
    for n in 0..8 {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        tasks.push(tokio::spawn(async move {
            let mut epochs = Vec::new();
            for _ in 0..12 {
                let (name, holder) = ("l".to_owned(), format!("h{n}"));
                let length = Duration::from_secs(30);
                let leased = store.acquire_lease(tenant, name, holder, length).await.unwrap();
                if let Leased::Held(held) = leased {
                    epochs.push(held.epoch);
                    assert!(store.renew_lease(held.clone()).await.unwrap().is_some());
                    store.release_lease(held).await.unwrap();
                }
            }
            epochs
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        let epochs = task.await.unwrap();
        assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]));
        all.extend(epochs);
    }
    // Each epoch had one holder, and none was left out.
    let distinct: BTreeSet<u64> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len());
    assert_eq!(distinct.last().copied(), Some(all.len() as u64));
}
