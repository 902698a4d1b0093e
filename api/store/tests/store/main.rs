//! The store on both databases, by one suite; the audit; events on their way to Redis.

mod audit;
mod events;
mod isolation;
mod keys;
mod kills;
mod leases;
mod money;
mod projection;
mod redis_server;
mod resources;
mod schema;
mod signals;
mod speed;
mod webhooks;
mod world;

/// Each test on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::world::World::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(world) = $crate::world::World::postgres().await {
                    super::$name(world).await;
                }
            })+
        }
    };
}
use on_both;
use world::absent;
