//! Redis goes away and loses all it had: requests go on as fast as where there never was one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::outages::{HOST, READS, SECRET, WRITES, has_all, in_sqlite, order, settled};
use crate::place::{Place, Way};
use crate::redis_server::RedisServer;
use crate::soon;

/// Clients of each service.
const CLIENTS: usize = 4;
/// Orders with the one service for which the other one is looked at.
const ORDERS: usize = 400;

/// What the clients of one service were told.
#[derive(Default)]
struct Told {
    count: AtomicUsize,
    is_over: AtomicBool,
}

/// Places orders until it is over; their identifiers, and how long each took.
async fn client(way: Arc<Way>, told: Arc<Told>, first: usize) -> Vec<(String, Duration)> {
    let (mut all, mut n) = (Vec::new(), first);
    while !told.is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let reply = way.ask("POST", "/trades", Some(&order(n))).await;
        match reply.status {
            201 => {
                let id = reply.json()["id"].as_str().expect("an order").to_owned();
                all.push((id, begun.elapsed()));
                told.count.fetch_add(1, Ordering::Relaxed);
                n += CLIENTS;
            }
            // Faster than the account may trade.
            422 => tokio::time::sleep(Duration::from_millis(1)).await,
            status => panic!("{status}: {}", reply.json()),
        }
    }
    all
}

fn begin(
    way: &Arc<Way>,
    told: &Arc<Told>,
) -> Vec<tokio::task::JoinHandle<Vec<(String, Duration)>>> {
    let one = |first| tokio::spawn(client(Arc::clone(way), Arc::clone(told), first));
    (0..CLIENTS).map(one).collect()
}

async fn until_more(told: &Told, more: usize) {
    let wanted = told.count.load(Ordering::Relaxed) + more;
    soon(async {
        while told.count.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

async fn flush(redis: &RedisServer) {
    let client = redis::Client::open(redis.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await.expect("it is emptied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_and_after_it_was_emptied_orders_go_on_as_fast() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let url = redis.url();
    let with = Place::with(&[SECRET, HOST, WRITES, READS, ("REDIS_URL", &url)]).await;
    let without = Place::with(&[SECRET, HOST, WRITES, READS]).await;
    let told = [(); 2].map(|()| Arc::new(Told::default()));
    let ways = [&with, &without].map(|place| Arc::new(place.directly()));
    let mut clients = Vec::new();
    for (way, told) in ways.iter().zip(&told) {
        clients.push(begin(way, told));
    }
    let progress = async |what: &str| {
        let before = told[0].count.load(Ordering::Relaxed);
        until_more(&told[1], ORDERS).await;
        let done = told[0].count.load(Ordering::Relaxed) - before;
        println!("{what}: {done} orders while the other service took {ORDERS}");
        done
    };
    progress("with Redis").await;
    flush(&redis).await;
    assert!(progress("emptied").await >= ORDERS / 5);
    redis.kill();
    // The first request without it waits for it.
    assert!(progress("away").await >= ORDERS / 5);
    assert!(progress("still away").await >= ORDERS / 5);
    redis.restart().await;
    assert!(progress("back").await >= ORDERS / 5);
    for told in &told {
        told.is_over.store(true, Ordering::Relaxed);
    }
    let mut acknowledged = Vec::new();
    for client in clients.remove(0) {
        acknowledged.extend(client.await.expect("the usual answers").into_iter().map(|(id, _)| id));
    }
    let folder = with.data_dir().to_owned();
    let kept = settled(|| in_sqlite(&folder), has_all(&acknowledged)).await;
    kept.holds(&acknowledged);
}

/// The same as times: what B42 bounds by twice the usual.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn times_with_and_without_redis() {
    let Some(mut redis) = RedisServer::start().await else { return };
    let url = redis.url();
    let place = Place::with(&[SECRET, HOST, WRITES, READS, ("REDIS_URL", &url)]).await;
    let way = Arc::new(place.directly());
    println!("| Redis | orders | p50 ms | p99 ms |\n|---|---|---|---|");
    for (at, what) in ["there", "away", "back"].into_iter().enumerate() {
        match at {
            1 => redis.kill(),
            2 => redis.restart().await,
            _ => {}
        }
        let told = Arc::new(Told::default());
        let clients = begin(&way, &told);
        tokio::time::sleep(Duration::from_secs(10)).await;
        told.is_over.store(true, Ordering::Relaxed);
        let mut took = Vec::new();
        for client in clients {
            took.extend(client.await.expect("the usual answers").into_iter().map(|(_, it)| it));
        }
        took.sort_unstable();
        let ms = |share: usize| took[took.len() * share / 1_000].as_secs_f64() * 1e3;
        println!("| {what} | {} | {:.2} | {:.2} |", took.len(), ms(500), ms(990));
    }
}
