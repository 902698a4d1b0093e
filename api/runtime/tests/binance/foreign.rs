//! Orders of others in the account: they count at the gate, and what a commission in kind takes of
//! theirs and of ours is no break.

use qt_backtest::risk::ForeignOrder;
use qt_types::{Payload, Side};
use qt_venue_sim::server::{MarketSettings, Server, Settings};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::venue::Venue;

use crate::desk::{Rig, Run, booked};
use crate::trader::Trader;
use crate::venue::Truth;

/// What the gate was told of orders of others, in lots.
fn told(rig: &Rig) -> Vec<(Side, i64)> {
    let of = |payload: &Payload| match payload {
        Payload::Control(control) => ForeignOrder::of(&control.kind),
        _ => None,
    };
    let events = rig.memory.events();
    events.iter().filter_map(|it| of(&it.payload)).map(|it| (it.side, it.open.lots())).collect()
}

#[test]
fn they_are_counted_and_parts_of_lots_are_no_break() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.symbols = vec!["BTCUSDT".to_owned()];
    // Nobody else is there: what is executed is what the test says.
    settings.market = MarketSettings::None;
    let mut setup = Setup::demo(&["BTC", "USDT"]);
    setup.limits.request_weight_per_minute = 1_000_000;
    settings.setup = Some(setup);
    let exchange = Server::start(settings).unwrap();
    let truth = Truth::of(exchange.addr, "demo");
    let theirs = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=59000.00&quantity=";
    assert!(truth.ask("POST", "/api/v3/order", &format!("{theirs}0.00150"))["orderId"].is_u64());
    let rig = Rig { adopts: true, ..Rig::new(exchange.addr, Trader::rests(12)) };
    let mut run = Run::start(&rig);
    run.until("thirteen orders", |_| truth.open_orders().len() == 13);
    assert_eq!(told(&rig), [(Side::Buy, 150)]);
    // Somebody else sells, first into theirs, then into ours a little at a time: each purchase
    // leaves another part of a lot.
    let sell = |qty: &str| {
        let path = format!("order?account=other&symbol=BTCUSDT&side=sell&qty={qty}&price=50000.00");
        let sold = truth.control("POST", &path, "");
        assert!(sold["error"].is_null(), "{sold}");
    };
    sell("0.00150");
    run.until("theirs is over", |_| told(&rig) == [(Side::Buy, 150), (Side::Buy, 0)]);
    for round in 1..=12 {
        sell("0.00097");
        run.until("ours is booked", |_| booked(&rig.memory).len() >= round);
        let answered = run.standing().figures.answered;
        run.until("compared", |run| run.standing().figures.answered >= answered + 6);
    }
    let ended = run.stop();
    ended.result.as_ref().unwrap();
    assert_eq!((ended.figures.breaks, ended.figures.foreign_moves), (0, 1), "{:?}", ended.figures);
    assert!(ended.is_settled);
}
