//! Money comes back as it went in.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use qt_store::{ExecutionFilter, Orders, Page};
use qt_trading::OrderStatus;
use qt_trading::amount::Amount;
use qt_trading::ids::TenantId;
use rust_decimal::Decimal;

use crate::on_both;
use crate::world::{NOON, World, execution, order, stream, told_execution};

on_both!(every_amount_comes_back);

fn amounts() -> impl Strategy<Value = Amount> {
    let digits =
        -79_228_162_514_264_337_593_543_950_335_i128..79_228_162_514_264_337_593_543_950_335;
    (digits, 0_u32..=28)
        .prop_map(|(digits, scale)| Amount(Decimal::from_i128_with_scale(digits, scale)))
}

async fn every_amount_comes_back(world: World) {
    let mut runner = TestRunner::new(Config::default());
    let strategy = proptest::collection::vec((amounts(), amounts(), amounts()), 300);
    let drawn = strategy.new_tree(&mut runner).unwrap().current();
    let tenant = TenantId::new();
    let stream = stream(tenant);
    let order = order(OrderStatus::Open, NOON);
    let mut told = Vec::new();
    for (n, (price, quantity, fee)) in (1_u32..).zip(drawn) {
        let mut fill = execution(&order, NOON + i64::from(n));
        (fill.price, fill.quantity, fill.fee) = (price, quantity, fee);
        told.push(fill);
    }
    let records = (1..).zip(&told).map(|(seq, fill)| told_execution(seq, fill)).collect();
    world.store.project(stream, records).await.unwrap();
    let page = Page { after: None, limit: 500 };
    let kept = world.store.executions(tenant, ExecutionFilter::default(), page).await.unwrap();
    told.reverse();
    assert_eq!(kept.items, told);
    let texts = |it: &[qt_trading::Execution]| serde_json::to_string(it).unwrap();
    assert_eq!(texts(&kept.items), texts(&told));
}
