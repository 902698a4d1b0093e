//! Futures and perpetuals in the books, worked out by hand and against plain sums.

use proptest::prelude::*;
use qt_types::{E9, InstrumentKind, Qty, round_half_even};

use super::*;

fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}

/// A contract of 50 units an index point, tick 0.25.
fn linear() -> InstrumentSpec {
    let kind = InstrumentKind::Future;
    InstrumentSpec::new("ES", "USD", kind, E9 / 4, E9, 50 * E9).unwrap()
}

/// A contract of 100 dollars that is settled in bitcoin, tick 0.5.
fn inverse() -> InstrumentSpec {
    let kind = InstrumentKind::InversePerpetual;
    InstrumentSpec::new("XBT", "BTC", kind, E9 / 2, E9, 100 * E9).unwrap()
}

fn deal(side: Side, price: Price, lots: i64, fee: Cash) -> Deal {
    let (instrument, qty) = (InstrumentId(0), Qty::from_lots(lots));
    Deal::new(instrument, side, price, qty).with_fee(fee)
}

struct Books {
    spec: [InstrumentSpec; 1],
    ledger: Ledger,
    market: Market,
}

impl Books {
    fn new(spec: InstrumentSpec, initial: &str) -> Self {
        Self { spec: [spec], ledger: Ledger::new(cash(initial), 1), market: Market::new(1) }
    }

    fn fill(&mut self, side: Side, price: &str, lots: i64, fee: &str) {
        let price = self.spec[0].parse_price(price).unwrap();
        self.ledger.fill(&self.spec[0], &deal(side, price, lots, cash(fee))).unwrap();
    }

    /// The equity at `price`, after a check of all that the contract says of it.
    fn equity_at(&mut self, price: &str) -> Cash {
        let price = self.spec[0].parse_price(price).unwrap();
        self.market.set_last(InstrumentId(0), price);
        let equity = self.ledger.equity(&self.spec, &self.market).unwrap();
        let position = self.ledger.position(InstrumentId(0));
        let open = position.unrealised(&self.spec[0], price).unwrap();
        let ledger = &self.ledger;
        assert_eq!(equity, ledger.cash() + position.value(&self.spec[0], price).unwrap());
        let paid = ledger.fees() + ledger.carry() + ledger.funding();
        assert_eq!(equity + paid, ledger.initial() + ledger.realised() + open);
        equity
    }
}

#[test]
fn a_linear_contract_by_hand() {
    let mut books = Books::new(linear(), "100000");
    books.fill(Side::Buy, "5000.00", 2, "4.5");
    // No notional is in the cash: only the fee left it.
    assert_eq!(books.ledger.cash(), cash("99995.5"));
    // (5,010 - 5,000) x 2 x 50 = 1,000.
    assert_eq!(books.equity_at("5010.00"), cash("100995.5"));
    // One more at 5,020: on average 2 x 5,000 + 5,020 = 15,020 / 3. At 5,010: 1,000 - 500.
    books.fill(Side::Buy, "5020.00", 1, "2.25");
    assert_eq!(books.equity_at("5010.00"), cash("100493.25"));
    // Of 15,020 x 50 = 751,000 a third, 250,333.333333333, against 5,004.5 x 50 = 250,225.
    books.fill(Side::Sell, "5004.50", 1, "2.25");
    assert_eq!(books.ledger.realised(), cash("-108.333333333"));
    assert_eq!(books.ledger.cash(), cash("99882.666666667"));
    // Through zero: two closed at 5,000 for 500,000 - 500,666.666666667, three sold short.
    books.fill(Side::Sell, "5000.00", 5, "0");
    assert_eq!(books.ledger.realised(), cash("-775"));
    assert_eq!(books.ledger.cash(), cash("99216"));
    // Short 3 from 5,000: at 4,990 there are 3 x 10 x 50 = 1,500 of profit.
    assert_eq!(books.equity_at("4990.00"), cash("100716"));
    books.ledger.fund(InstrumentId(0), cash("-2.5")).unwrap();
    assert_eq!(books.equity_at("4990.00"), cash("100718.5"));
    assert_eq!(books.ledger.gross_value(&books.spec, &books.market), Ok(cash("748500")));
}

#[test]
fn an_inverse_contract_by_hand() {
    let mut books = Books::new(inverse(), "1");
    books.fill(Side::Buy, "30000.0", 7, "0");
    // 700 x (1/30,000 - 1/35,000) = 1/300, half-even to the nano-unit.
    assert_eq!(books.equity_at("35000.0"), cash("1.003333333"));
    // 700 x (1/30,000 - 1/28,000) = -1/600.
    assert_eq!(books.equity_at("28000.0"), cash("0.998333333"));
    // Three sold at 35,000: 300 x (1/30,000 - 1/35,000) = 1/700 = 0.001428571 are realised.
    books.fill(Side::Sell, "35000.0", 3, "0.000001");
    assert_eq!(books.ledger.realised(), cash("0.001428571"));
    assert_eq!(books.ledger.cash(), cash("1.001427571"));
    // Through zero at 40,000: 400 x (1/30,000 - 1/40,000) = 1/300; short 300 lots from there.
    books.fill(Side::Sell, "40000.0", 304, "0");
    assert_eq!(books.ledger.realised(), cash("0.004761904"));
    // -30,000 x (1/40,000 - 1/50,000) = -0.15.
    assert_eq!(books.equity_at("50000.0"), books.ledger.cash() - cash("0.15"));
    assert_eq!(books.ledger.gross_value(&books.spec, &books.market), Ok(cash("0.6")));
    books.fill(Side::Buy, "50000.0", 300, "0");
    assert_eq!(books.ledger.realised(), cash("0.004761904") - cash("0.15"));
    assert_eq!(books.ledger.funds(), books.ledger.cash(), "nothing is held");
}

#[test]
fn a_position_without_a_price_is_worth_nothing_yet() {
    let mut books = Books::new(linear(), "1000");
    books.fill(Side::Buy, "5000.00", 1, "1");
    let empty = Market::new(1);
    assert_eq!(books.ledger.equity(&books.spec, &empty), Ok(cash("999")));
}

proptest! {
    /// A linear derivative is worth what the thing itself would be, and has the same profit.
    #[test]
    fn a_linear_contract_earns_what_the_thing_earns(
        fills in prop::collection::vec((any::<bool>(), 1_i64..100_000, 1_i64..1_000), 1..40),
        last in 1_i64..100_000,
    ) {
        let thing = InstrumentSpec::new("ES", "USD", InstrumentKind::Equity, E9 / 4, E9, 50 * E9);
        let mut paid = Books::new(thing.unwrap(), "5");
        let mut promised = Books::new(linear(), "5");
        for (buys, price, lots) in fills {
            let side = if buys { Side::Buy } else { Side::Sell };
            for books in [&mut paid, &mut promised] {
                let deal = deal(side, Price::from_ticks(price), lots, cash("0.1"));
                books.ledger.fill(&books.spec[0], &deal).unwrap();
            }
        }
        let text = linear().price_text(Price::from_ticks(last));
        prop_assert_eq!(paid.equity_at(&text), promised.equity_at(&text));
        prop_assert_eq!(paid.ledger.realised(), promised.ledger.realised());
        prop_assert_eq!(paid.ledger.funds(), promised.ledger.funds());
    }

    /// Of an inverse contract the profit is the sum over all fills of lots x (1/price - 1/last),
    /// up to half a nano-unit for each fill that realised something.
    #[test]
    fn an_inverse_contract_is_a_sum_of_quotients(
        fills in prop::collection::vec((any::<bool>(), 1_i64..100_000, 1_i64..1_000), 1..40),
        last in 1_i64..100_000,
    ) {
        let mut books = Books::new(inverse(), "5");
        let mut fine = 0_i128;
        // 100 / (ticks / 2), in 1e-18.
        let quotient = |ticks: i64| 200 * i128::from(E9) * i128::from(E9) / i128::from(ticks);
        for &(buys, ticks, lots) in &fills {
            let side = if buys { Side::Buy } else { Side::Sell };
            let deal = deal(side, Price::from_ticks(ticks), lots, Cash::ZERO);
            books.ledger.fill(&books.spec[0], &deal).unwrap();
            let signed = i128::from(side.sign() * lots);
            fine += signed * (quotient(ticks) - quotient(last));
        }
        let text = inverse().price_text(Price::from_ticks(last));
        let naive = cash("5").nano() + round_half_even(fine, i128::from(E9));
        let apart = (books.equity_at(&text).nano() - naive).abs();
        prop_assert!(apart <= fills.len() as i128, "{apart}");
    }
}
