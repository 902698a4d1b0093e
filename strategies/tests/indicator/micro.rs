//! The indicators of books and trades against their definitions, computed anew from everything
//! seen, and by hand.

use proptest::prelude::*;
use qt_engine::{Book, BookLimits};
use qt_strategies::indicator::{
    BookImbalance, KyleLambda, OrderFlowImbalance, RealisedVolatility, Top, Vpin,
};
use qt_types::{BarFlags, Price, Qty, Side, Tick, TickFlags, TickKind, Trade};

use crate::walk::close_to;

fn trade(price: i64, lots: i64, aggressor: Option<Side>) -> Trade {
    let (price, qty) = (Price::from_ticks(price), Qty::from_lots(lots));
    Trade { price, qty, aggressor, flags: BarFlags::NONE, row: 0 }
}

fn set(book: &mut Book, side: Side, price: i64, qty: i64) {
    let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
    let flags = ask.with(TickFlags::LAST).bits();
    let kind = TickKind::Level as u8;
    let head = Tick { venue_ns: 1, price, qty, latency_ns: 0, instrument: 0, kind, flags };
    book.apply(&head);
}

#[test]
fn imbalance_and_microprice_by_hand() {
    let mut book = Book::new(&BookLimits::default());
    let one = BookImbalance::new(1).unwrap();
    let two = BookImbalance::new(2).unwrap();
    assert_eq!((one.update(book.view()), Top::of(book.view())), (None, None));
    set(&mut book, Side::Buy, 100, 30);
    assert_eq!(one.update(book.view()), Some(1.0));
    set(&mut book, Side::Sell, 104, 10);
    set(&mut book, Side::Buy, 99, 5);
    set(&mut book, Side::Sell, 105, 75);
    set(&mut book, Side::Sell, 106, 1_000);
    assert_eq!(one.update(book.view()), Some(0.5));
    // (35 - 85) / 120
    assert_eq!(two.update(book.view()), Some(-50.0 / 120.0));
    let top = Top::of(book.view()).unwrap();
    assert_eq!(top, Top { bid: 100, bid_lots: 30, ask: 104, ask_lots: 10 });
    assert_eq!(top.microprice(), 103.0);
    assert_eq!(Some(top.microprice()), book.view().microprice_f64());
}

#[test]
fn vpin_by_hand() {
    // Buckets of ten: (7 bought, 3 sold) and (10 sold); then a large trade fills more than both.
    let mut vpin = Vpin::new(10, 2).unwrap();
    assert_eq!(vpin.update(&trade(100, 7, Some(Side::Buy))), None);
    assert_eq!(vpin.update(&trade(100, 12, Some(Side::Sell))), None);
    assert_eq!(vpin.update(&trade(100, 1, Some(Side::Sell))), Some((4.0 + 10.0) / 20.0));
    assert_eq!(vpin.update(&trade(100, i64::MAX, Some(Side::Buy))), Some(1.0));
    // Nobody says who took: the first counts half and half, then the price tells.
    let mut vpin = Vpin::new(10, 1).unwrap();
    assert_eq!(vpin.update(&trade(100, 10, None)), Some(0.0));
    assert_eq!(vpin.update(&trade(101, 10, None)), Some(1.0));
    assert_eq!(vpin.update(&trade(101, 5, None)), Some(1.0), "the same price: as before");
    assert_eq!(vpin.update(&trade(100, 5, None)), Some(0.0));
}

#[test]
fn kyles_lambda_by_hand() {
    // Every lot moves the middle by a quarter of a tick, and two ticks come on top.
    let mut lambda = KyleLambda::new(3).unwrap();
    let mut mid_x2 = 2_000;
    assert_eq!(lambda.sample(mid_x2), None);
    for (lots, known) in [(8, false), (-4, false), (12, true), (0, true)] {
        lambda.trade(lots - 5);
        lambda.trade(5);
        mid_x2 += lots / 2 + 4;
        assert_eq!(lambda.sample(mid_x2), known.then_some(0.25));
    }
    let mut still = KyleLambda::new(2).unwrap();
    for _ in 0..5 {
        still.trade(3);
        assert_eq!(still.sample(7), None, "no volume differs from another");
    }
}

#[test]
fn realised_volatility_by_hand() {
    let mut volatility = RealisedVolatility::new(2).unwrap();
    let e = std::f64::consts::E;
    let price = |power: f64| (1e12 * e.powf(power)) as i64;
    assert_eq!(volatility.update(price(0.0)), None);
    assert_eq!(volatility.update(price(0.3)), None);
    let value = volatility.update(price(-0.1)).unwrap();
    assert!((value - 0.5).abs() < 1e-9, "the root of 0.09 + 0.16: {value}");
    // Without a logarithm: neither the way there nor the way back counts.
    assert_eq!(volatility.update(0), Some(value));
    assert_eq!(volatility.update(price(5.0)), Some(value));
}

#[test]
fn what_is_out_of_range_is_refused() {
    assert!(BookImbalance::new(0).is_err() && OrderFlowImbalance::new(0).is_err());
    assert!(Vpin::new(0, 5).is_err() && Vpin::new(5, 0).is_err() && Vpin::new(-1, 1).is_err());
    assert!(Vpin::new(i64::MAX, 1).is_err());
    assert!(KyleLambda::new(1).is_err() && RealisedVolatility::new(0).is_err());
    let error = KyleLambda::new(1).unwrap_err().to_string();
    assert!(error.contains("must be between 2 and"), "{error}");
}

/// The sum of the last contributions, each written out from the definition of the paper.
fn naive_flow(tops: &[Top], updates: usize) -> Option<i128> {
    let mut events = Vec::new();
    for pair in tops.windows(2).filter(|pair| pair[0] != pair[1]) {
        let (then, now) = (pair[0], pair[1]);
        let bid = match now.bid.cmp(&then.bid) {
            std::cmp::Ordering::Greater => now.bid_lots,
            std::cmp::Ordering::Equal => now.bid_lots - then.bid_lots,
            std::cmp::Ordering::Less => -then.bid_lots,
        };
        let ask = match now.ask.cmp(&then.ask) {
            std::cmp::Ordering::Less => now.ask_lots,
            std::cmp::Ordering::Equal => now.ask_lots - then.ask_lots,
            std::cmp::Ordering::Greater => -then.ask_lots,
        };
        events.push(i128::from(bid) - i128::from(ask));
    }
    let from = events.len().checked_sub(updates)?;
    Some(events[from..].iter().sum())
}

/// Lot by lot.
fn naive_vpin(trades: &[Trade], bucket: i64, buckets: usize) -> Option<f64> {
    let (mut full, mut bucket_x2, mut count) = (Vec::new(), 0_i64, 0);
    let (mut last, mut direction): (Option<i64>, i64) = (None, 0);
    for trade in trades {
        let price = trade.price.ticks();
        if let Some(last) = last.filter(|last| *last != price) {
            direction = (price - last).signum();
        }
        last = Some(price);
        let sign = trade.aggressor.map_or(direction, Side::sign);
        for _ in 0..trade.qty.lots() {
            bucket_x2 += sign;
            count += 1;
            if count == bucket {
                full.push(bucket_x2.abs());
                (bucket_x2, count) = (0, 0);
            }
        }
    }
    let from = full.len().checked_sub(buckets)?;
    Some(full[from..].iter().sum::<i64>() as f64 / (bucket * buckets as i64) as f64)
}

/// Two passes over the last points.
fn naive_slope(points: &[(i64, f64)], count: usize) -> Option<f64> {
    let points = &points[points.len().checked_sub(count)?..];
    let mean = |of: &dyn Fn(&(i64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count as f64;
    let (x_mean, y_mean) = (mean(&|point| point.0 as f64), mean(&|point| point.1));
    let below: f64 = points.iter().map(|point| (point.0 as f64 - x_mean).powi(2)).sum();
    let above: f64 =
        points.iter().map(|point| (point.0 as f64 - x_mean) * (point.1 - y_mean)).sum();
    let differ = points.iter().any(|point| point.0 != points[0].0);
    differ.then(|| above / below)
}

fn top() -> impl Strategy<Value = Top> {
    (95_i64..100, 1_i64..5, 100_i64..105, 1_i64..5).prop_map(|(bid, bid_lots, ask, ask_lots)| Top {
        bid,
        bid_lots,
        ask,
        ask_lots,
    })
}

fn any_trade() -> impl Strategy<Value = Trade> {
    let aggressor = prop::sample::select(vec![None, Some(Side::Buy), Some(Side::Sell)]);
    (98_i64..102, 0_i64..60, aggressor).prop_map(|(price, lots, side)| trade(price, lots, side))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_flow_is_its_definition(
        tops in prop::collection::vec(top(), 1..80),
        updates in 1_usize..12,
    ) {
        let mut flow = OrderFlowImbalance::new(updates).unwrap();
        for end in 1..=tops.len() {
            prop_assert_eq!(flow.update(tops[end - 1]), naive_flow(&tops[..end], updates));
        }
    }

    #[test]
    fn vpin_is_its_definition(
        trades in prop::collection::vec(any_trade(), 1..60),
        bucket in 1_i64..25,
        buckets in 1_usize..6,
    ) {
        let mut vpin = Vpin::new(bucket, buckets).unwrap();
        for end in 1..=trades.len() {
            let value = vpin.update(&trades[end - 1]);
            let (wanted, bucket_lots) = (naive_vpin(&trades[..end], bucket, buckets), bucket);
            let both_none = value.is_none() && wanted.is_none();
            let near = value.zip(wanted).is_some_and(|(a, b)| (a - b).abs() <= 1e-12);
            prop_assert!(both_none || near, "{:?} {:?} bucket {}", value, wanted, bucket_lots);
        }
    }

    #[test]
    fn kyles_lambda_is_the_slope_of_the_fitted_line(
        moves in prop::collection::vec((-50_i64..50, -20_i64..20), 1..60),
        count in 2_usize..10,
    ) {
        let mut lambda = KyleLambda::new(count).unwrap();
        let mut mid_x2 = 100_000;
        lambda.sample(mid_x2);
        let mut points = Vec::new();
        for (lots, change) in moves {
            lambda.trade(lots);
            mid_x2 += change;
            points.push((lots, change as f64 / 2.0));
            let (value, wanted) = (lambda.sample(mid_x2), naive_slope(&points, count));
            prop_assert_eq!(value.is_some(), wanted.is_some());
            if let (Some(value), Some(wanted)) = (value, wanted) {
                prop_assert!(close_to(value, wanted, 1e-9, 1e-9), "{} {}", value, wanted);
            }
        }
    }

    #[test]
    fn realised_volatility_is_the_root_of_the_sum_of_squares(
        mids in prop::collection::vec(1_i64..1_000_000_000, 1..60),
        count in 1_usize..10,
    ) {
        let mut volatility = RealisedVolatility::new(count).unwrap();
        for end in 1..=mids.len() {
            let value = volatility.update(mids[end - 1]);
            let squares: Vec<f64> =
                mids[..end].windows(2).map(|m| (m[1] as f64 / m[0] as f64).ln().powi(2)).collect();
            let from = squares.len().checked_sub(count);
            let wanted = from.map(|from| squares[from..].iter().sum::<f64>().sqrt());
            prop_assert_eq!(value.is_some(), wanted.is_some());
            if let (Some(value), Some(wanted)) = (value, wanted) {
                prop_assert!(close_to(value, wanted, 1e-9, 1e-12), "{} {}", value, wanted);
            }
        }
    }

    #[test]
    fn no_data_makes_them_panic(
        prices in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 1..40),
    ) {
        let mut flow = OrderFlowImbalance::new(3).unwrap();
        let mut vpin = Vpin::new(7, 3).unwrap();
        let mut lambda = KyleLambda::new(2).unwrap();
        let mut volatility = RealisedVolatility::new(2).unwrap();
        for (a, b, c) in prices {
            let top = Top { bid: a, bid_lots: b, ask: c, ask_lots: a };
            flow.update(top);
            let _ = top.microprice();
            vpin.update(&trade(a, b, None));
            lambda.trade(b);
            let slope = lambda.sample(top.mid_x2());
            prop_assert!(slope.is_none_or(f64::is_finite));
            prop_assert!(volatility.update(top.mid_x2()).is_none_or(f64::is_finite));
        }
    }
}
