use proptest::prelude::*;
use qt_types::{E9, Event, InstrumentKind, Nanos, Payload, Qty, Seq, Trade, VenueId};

use super::*;

fn spec() -> InstrumentSpec {
    InstrumentSpec::new("X", "USD", InstrumentKind::Equity, 10_000_000, E9, E9).unwrap()
}

fn market_at(ticks: i64) -> Market {
    let mut market = Market::new(1);
    let trade = Trade {
        price: Price::from_ticks(ticks),
        qty: Qty::from_lots(1),
        aggressor: None,
        flags: qt_types::BarFlags::NONE,
        row: 0,
    };
    market.on(&Event {
        seq: Seq::new(1),
        recv_ns: Nanos::new(1),
        venue_ns: Nanos::new(1),
        instrument: InstrumentId(0),
        venue: VenueId(0),
        payload: Payload::Trade(trade),
    });
    market
}

fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}

fn deal(side: Side, price: i64, qty: i64, fee: Cash) -> Deal {
    let (price, qty) = (Price::from_ticks(price), Qty::from_lots(qty));
    Deal::new(InstrumentId(0), side, price, qty).with_fee(fee)
}

fn fill(ledger: &mut Ledger, side: Side, price: i64, qty: i64, fee: &str) {
    ledger.fill(&spec(), &deal(side, price, qty, cash(fee))).unwrap();
}

#[test]
fn a_round_trip_by_hand() {
    // Buy 100 at 113.91 with fee 11.391, sell 100 at 108.81 with fee 10.881.
    let mut ledger = Ledger::new(cash("100000"), 1);
    fill(&mut ledger, Side::Buy, 11_391, 100, "11.391");
    assert_eq!(ledger.cash(), cash("88597.609"));
    assert_eq!(ledger.position(InstrumentId(0)).cost(), cash("11391"));
    let equity = ledger.equity(&[spec()], &market_at(11_500)).unwrap();
    assert_eq!(equity, cash("100097.609"));
    fill(&mut ledger, Side::Sell, 10_881, 100, "10.881");
    assert_eq!(ledger.realised(), cash("-510"));
    assert_eq!(ledger.fees(), cash("22.272"));
    assert_eq!(ledger.cash(), cash("99467.728"));
    assert!(ledger.held().is_empty());
}

#[test]
fn a_carrying_cost_is_neither_a_fee_nor_a_loss() {
    let mut ledger = Ledger::new(cash("1000"), 1);
    fill(&mut ledger, Side::Sell, 1_000, 3, "1");
    ledger.charge(InstrumentId(0), cash("0.25")).unwrap();
    ledger.charge(InstrumentId(0), cash("-0.05")).unwrap();
    assert_eq!((ledger.carry(), ledger.fees()), (cash("0.2"), cash("1")));
    assert_eq!((ledger.cash(), ledger.realised()), (cash("1028.8"), Cash::ZERO));
    // 1,028.80 less 3 x 11.00: with 1 of fees and 0.20 of carry 1,000 less 3.00 unrealised.
    assert_eq!(ledger.equity(&[spec()], &market_at(1_100)).unwrap(), cash("995.8"));
}

#[test]
fn a_fill_through_zero_closes_and_opens() {
    let mut ledger = Ledger::new(cash("1000"), 1);
    fill(&mut ledger, Side::Buy, 1_000, 3, "0");
    fill(&mut ledger, Side::Sell, 1_200, 5, "0");
    let position = ledger.position(InstrumentId(0));
    assert_eq!(position.qty(), Qty::from_lots(-2));
    assert_eq!(position.realised(), cash("6"));
    assert_eq!(position.cost(), cash("-24"));
    // Short 2 from 12.00: at 11.00 there are 2.00 of profit open.
    assert_eq!(ledger.equity(&[spec()], &market_at(1_100)).unwrap(), cash("1008"));
}

#[test]
fn overflow_is_an_error_and_not_a_panic() {
    let mut ledger = Ledger::new(cash("1000"), 1);
    let most = i64::MAX;
    let result = ledger.fill(&spec(), &deal(Side::Buy, most, most, Cash::ZERO));
    assert_eq!(result, Err(LedgerError::Overflow));
}

/// The same books kept naively: a list of all fills, everything summed anew.
fn naive_equity(initial: Cash, fills: &[(Side, i64, i64, i64)], last: i64) -> Cash {
    let mut equity = initial;
    for &(side, price, qty, fee) in fills {
        let value = i128::from(price) * i128::from(qty) * 10_000_000;
        let mark = i128::from(last) * i128::from(qty) * 10_000_000;
        let gain = if side == Side::Buy { mark - value } else { value - mark };
        equity += Cash::from_nano(gain - i128::from(fee));
    }
    equity
}

proptest! {
    #[test]
    fn equity_equals_the_naive_sum(
        fills in prop::collection::vec(
            (any::<bool>(), 1_i64..1_000_000, 1_i64..10_000, -1_000_i64..1_000_000), 1..60),
        last in 1_i64..1_000_000,
    ) {
        let fills: Vec<_> = fills
            .into_iter()
            .map(|(buy, p, q, f)| (if buy { Side::Buy } else { Side::Sell }, p, q, f))
            .collect();
        let mut ledger = Ledger::new(cash("100000"), 1);
        for &(side, price, qty, fee) in &fills {
            let fee = Cash::from_nano(i128::from(fee));
            ledger.fill(&spec(), &deal(side, price, qty, fee)).unwrap();
        }
        let equity = ledger.equity(&[spec()], &market_at(last)).unwrap();
        prop_assert_eq!(equity, naive_equity(cash("100000"), &fills, last));
        let lots: i64 = fills.iter().map(|&(side, _, qty, _)| side.sign() * qty).sum();
        prop_assert_eq!(ledger.position(InstrumentId(0)).qty(), Qty::from_lots(lots));
    }
}
