//! Several currencies, fees in kind and in tokens: by hand, and against books that are worked out
//! anew from the list of everything that happened.

use proptest::prelude::*;
use qt_types::{E9, InstrumentKind, Qty};

use super::*;
use crate::fx::{Currency, Leg, RateSource};
use qt_types::{FxRate, Nanos};

fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}

fn rate(price_e9: i64) -> FxRate {
    FxRate::of_price(price_e9).unwrap()
}

fn id(at: u16) -> InstrumentId {
    InstrumentId(at)
}

const EURO: CurrencyId = CurrencyId(1);
const TOKEN: CurrencyId = CurrencyId(2);

/// Instrument 0 in dollars, the account's currency; 1 in euros; 2 a coin in euros with a lot of a
/// thousandth. Currency 2 is a token.
struct Books {
    specs: Vec<InstrumentSpec>,
    ledger: Ledger,
    market: Market,
}

impl Books {
    fn new(euros: &str, tokens: &str) -> Self {
        let spec = |kind, currency, lot| {
            InstrumentSpec::new("X", currency, kind, E9 / 100, lot, E9).unwrap()
        };
        let other = |deposit: &str| Currency {
            deposit: cash(deposit),
            rate: RateSource::One(Leg::Told(None)),
        };
        let currencies = Currencies {
            of: vec![CurrencyId::ACCOUNT, EURO, EURO],
            others: vec![other(euros), other(tokens)],
            age_max_ns: 1_000,
        };
        Self {
            specs: vec![
                spec(InstrumentKind::Equity, "USD", E9),
                spec(InstrumentKind::Equity, "EUR", E9),
                spec(InstrumentKind::Spot, "EUR", E9 / 1_000),
            ],
            ledger: Ledger::new(cash("10000"), 3).with_currencies(&currencies),
            market: Market::new(3).with_currencies(&currencies),
        }
    }

    fn rate(&mut self, currency: CurrencyId, price_e9: i64, at_ns: i64) {
        self.market.set_rate(currency, rate(price_e9), Nanos::new(at_ns));
    }

    fn fill(&mut self, at: u16, side: Side, price: i64, lots: i64, (fee, fee_in): (Cash, FeeIn)) {
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(lots));
        let spec = &self.specs[usize::from(at)];
        let deal = Deal { instrument: id(at), side, price, qty, fee, fee_in };
        self.ledger.fill(spec, &deal).unwrap();
    }

    fn equity(&self) -> Cash {
        self.ledger.equity(&self.specs, &self.market).unwrap()
    }

    fn cash_in(&self, currency: CurrencyId) -> Cash {
        self.ledger.balance(currency).cash()
    }
}

#[test]
fn a_purchase_in_euros_by_hand() {
    let mut books = Books::new("0", "0");
    assert_eq!(books.equity(), cash("10000"), "nothing needs no rate");
    // 20 at 50 EUR are 1,000 EUR and 1 EUR fee; at 1.10 they cost 1,101.10 USD.
    books.rate(EURO, 1_100_000_000, 5);
    books.ledger.exchange(EURO, cash("1001"), rate(1_100_000_000)).unwrap();
    assert_eq!(books.cash_in(CurrencyId::ACCOUNT), cash("8898.9"));
    books.fill(1, Side::Buy, 5_000, 20, (cash("1"), FeeIn::Quote));
    assert_eq!(books.cash_in(EURO), Cash::ZERO);
    // At 52 and 1.20: 8,898.90 + 1,040 x 1.2 = 10,146.90.
    books.market.set_last(id(1), Price::from_ticks(5_200));
    books.rate(EURO, 1_200_000_000, 6);
    assert_eq!(books.equity(), cash("10146.9"));
    assert_eq!(books.ledger.gross_value(&books.specs, &books.market), Ok(cash("1248")));
    // Sold at 52 for 1,040 EUR less 1.04: the euros stay where they are.
    books.fill(1, Side::Sell, 5_200, 20, (cash("1.04"), FeeIn::Quote));
    assert_eq!(books.cash_in(EURO), cash("1038.96"));
    assert_eq!(books.ledger.balance(EURO).realised(), cash("40"));
    assert_eq!(books.ledger.cash_of_all(&books.market), Ok(cash("10145.652")));
    // What was exchanged is worth 1,001 x 1.2 - 1,101.1 = 100.1 at the end.
    let exchanged = books.ledger.total(&books.market, Balance::exchanged);
    assert_eq!(exchanged, Ok(cash("100.1")));
}

#[test]
fn money_without_a_rate_cannot_be_counted() {
    let mut books = Books::new("0", "2");
    assert_eq!(books.ledger.equity(&books.specs, &books.market), Err(LedgerError::NoRate));
    books.rate(TOKEN, 300_000_000_000, 10);
    assert_eq!(books.equity(), cash("10600"));
    let at = |ns| books.market.fresh_rate(TOKEN, Nanos::new(ns));
    assert_eq!(at(1_010), Some(rate(300_000_000_000)));
    assert_eq!(at(1_011), None, "older than it may be");
    assert!(books.market.rate(TOKEN).is_some(), "positions still count by it");
}

#[test]
fn a_fee_in_what_was_bought_leaves_dust() {
    let mut books = Books::new("1000", "0");
    books.rate(EURO, E9, 1);
    // 1.234 at 100 EUR, fee 0.1 % of it: 0.001234, of which 0.000234 are less than a lot.
    books.fill(2, Side::Buy, 10_000, 1_234, (Cash::from_nano(1_234_000), FeeIn::Base));
    let position = books.ledger.position(id(2));
    assert_eq!((position.qty().lots(), position.dust_e9()), (1_232, 766_000));
    // 123.4 EUR were paid; 0.1234 of them are the fee, 123.2766 the cost of 1.232766.
    let balance = *books.ledger.balance(EURO);
    assert_eq!((balance.cash(), balance.fees()), (cash("876.6"), cash("0.1234")));
    assert_eq!(position.cost(), cash("123.2766"));
    books.market.set_last(id(2), Price::from_ticks(20_000));
    assert_eq!(books.equity(), cash("10000") + cash("876.6") + cash("246.5532"));
    // All whole lots are sold at 200 EUR, fee 0.24 EUR: the dust stays with 0.0766 EUR of cost.
    books.fill(2, Side::Sell, 20_000, 1_232, (cash("0.24"), FeeIn::Quote));
    let position = books.ledger.position(id(2));
    assert_eq!((position.qty(), position.dust_e9()), (Qty::ZERO, 766_000));
    assert_eq!(position.cost(), cash("0.0766"));
    assert_eq!(books.ledger.balance(EURO).realised(), cash("123.2"));
    assert!(books.ledger.held().is_empty());
    assert_eq!(books.ledger.dusty(), [id(2)]);
    let left = cash("876.6") + cash("246.4") - cash("0.24") + cash("0.1532");
    assert_eq!(books.equity(), cash("10000") + left);
    // 0.3 more: 0.300766 less a fee of 0.0003, so that the dust becomes less.
    books.fill(2, Side::Buy, 10_000, 300, (Cash::from_nano(300_000), FeeIn::Base));
    let position = books.ledger.position(id(2));
    assert_eq!((position.qty().lots(), position.dust_e9()), (300, 466_000));
    assert!(books.ledger.dusty().is_empty());
    // Taken back, all is as it was.
    books.fill(2, Side::Sell, 10_000, 300, (Cash::from_nano(-300_000), FeeIn::Base));
    let position = books.ledger.position(id(2));
    assert_eq!((position.qty(), position.dust_e9()), (Qty::ZERO, 766_000));
}

#[test]
fn a_fee_in_a_token_is_paid_from_its_balance() {
    let mut books = Books::new("0", "2");
    books.rate(TOKEN, 250_000_000_000, 1);
    // 10 at 100 USD; a fee of 0.75 USD is 0.003 of a token.
    books.fill(0, Side::Buy, 10_000, 10, (cash("0.003"), FeeIn::Currency(TOKEN)));
    let tokens = *books.ledger.balance(TOKEN);
    assert_eq!((tokens.cash(), tokens.fees()), (cash("1.997"), cash("0.003")));
    assert_eq!((books.ledger.cash(), books.ledger.fees()), (cash("9000"), Cash::ZERO));
    books.market.set_last(id(0), Price::from_ticks(10_000));
    assert_eq!(books.equity(), cash("10000") + cash("499.25"));
}

#[test]
fn a_settlement_is_no_fill() {
    let kind = InstrumentKind::Future;
    let spec = InstrumentSpec::new("F", "USD", kind, E9, E9, 50 * E9).unwrap();
    let mut ledger = Ledger::new(cash("1000"), 1);
    let (price, qty) = (Price::from_ticks(100), Qty::from_lots(2));
    let deal = Deal::new(id(0), Side::Sell, price, qty).with_fee(cash("1"));
    ledger.fill(&spec, &deal).unwrap();
    // Short 2 x 50 from 100, settled at 97: 300.
    ledger.settle(&spec, id(0), Price::from_ticks(97)).unwrap();
    assert_eq!(
        (ledger.cash(), ledger.realised(), ledger.fees()),
        (cash("1299"), cash("300"), cash("1"))
    );
    assert_eq!(ledger.position(id(0)).fills(), 1);
    assert!(ledger.held().is_empty());
}

/// What happened.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fill { at: u16, side: Side, price: i64, lots: i64, fee: i64, fee_in: u8 },
    Exchange { currency: u8, amount: i64, price_e9: i64 },
    Rate { currency: u8, price_e9: i64 },
    Fund { at: u16, amount: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let fill = (0..3_u16, any::<bool>(), 1..20_000_i64, 1..3_000_i64, 0..2_000_000_i64, 0..3_u8);
    let fill = fill.prop_map(|(at, buys, price, lots, fee, fee_in)| {
        let side = if buys { Side::Buy } else { Side::Sell };
        Step::Fill { at, side, price, lots, fee, fee_in }
    });
    let price = 1_000_000..500_000_000_000_i64;
    prop_oneof![
        4 => fill,
        1 => (1..3_u8, -1_000_000_000_000..1_000_000_000_000_i64, price.clone())
            .prop_map(|(currency, amount, price_e9)| Step::Exchange { currency, amount, price_e9 }),
        1 => (1..3_u8, price)
            .prop_map(|(currency, price_e9)| Step::Rate { currency, price_e9 }),
        1 => (0..3_u16, -1_000_000_000..1_000_000_000_i64)
            .prop_map(|(at, amount)| Step::Fund { at, amount }),
    ]
}

/// Books that are worked out from the list of all steps, in plain numbers.
#[derive(Default)]
struct Naive {
    cash: [i128; 3],
    exchanged: [i128; 3],
    fees: [i128; 3],
    funding: [i128; 3],
    units: [i128; 3],
    rates: [Option<(i128, i128)>; 3],
}

impl Naive {
    fn of(steps: &[Step], lots_e9: [i128; 3]) -> Self {
        let mut naive =
            Self { cash: [10_000 * i128::from(E9), 5 * i128::from(E9), 0], ..Self::default() };
        let currency = [0, 1, 1];
        for step in steps {
            match *step {
                Step::Fill { at, side, price, lots, fee, fee_in } => {
                    let (at, sign) = (usize::from(at), i128::from(side.sign()));
                    let units = i128::from(lots) * lots_e9[at];
                    // A price of cents and units of 1e-9: what is left of a nano-unit is rounded.
                    let worth = |units: i128| {
                        qt_types::round_half_even(
                            units * i128::from(price) * 10_000_000,
                            i128::from(E9),
                        )
                    };
                    naive.cash[currency[at]] -= sign * worth(units);
                    naive.units[at] += sign * units;
                    match fee_in {
                        1 if at == 2 => {
                            naive.units[at] -= i128::from(fee);
                            naive.fees[1] += worth(i128::from(fee));
                        }
                        2 => {
                            naive.cash[2] -= i128::from(fee);
                            naive.fees[2] += i128::from(fee);
                        }
                        _ => {
                            naive.cash[currency[at]] -= i128::from(fee);
                            naive.fees[currency[at]] += i128::from(fee);
                        }
                    }
                }
                Step::Exchange { currency, amount, price_e9 } => {
                    let paid = i128::from(amount) * i128::from(price_e9);
                    let paid = qt_types::round_half_even(paid, i128::from(E9));
                    naive.cash[usize::from(currency)] += i128::from(amount);
                    naive.exchanged[usize::from(currency)] += i128::from(amount);
                    naive.cash[0] -= paid;
                    naive.exchanged[0] -= paid;
                }
                Step::Rate { currency, price_e9 } => {
                    naive.rates[usize::from(currency)] =
                        Some((i128::from(price_e9), i128::from(E9)));
                }
                Step::Fund { at, amount } => {
                    naive.cash[currency[usize::from(at)]] -= i128::from(amount);
                    naive.funding[currency[usize::from(at)]] += i128::from(amount);
                }
            }
        }
        naive
    }
}

proptest! {
    #[test]
    fn three_currencies_agree_with_the_list_of_all_events(
        steps in proptest::collection::vec(step(), 1..60),
        marks in proptest::array::uniform3(1..30_000_i64),
    ) {
        let mut books = Books::new("5", "0");
        for (at, mark) in marks.into_iter().enumerate() {
            books.market.set_last(id(at as u16), Price::from_ticks(mark));
        }
        for (done, step) in steps.iter().enumerate() {
            match *step {
                Step::Fill { at, side, price, lots, fee, fee_in } => {
                    let fee_in = match fee_in {
                        1 if at == 2 => FeeIn::Base,
                        2 => FeeIn::Currency(TOKEN),
                        _ => FeeIn::Quote,
                    };
                    books.fill(at, side, price, lots, (Cash::from_nano(i128::from(fee)), fee_in));
                }
                Step::Exchange { currency, amount, price_e9 } => {
                    let amount = Cash::from_nano(i128::from(amount));
                    books.ledger.exchange(CurrencyId(currency), amount, rate(price_e9)).unwrap();
                }
                Step::Rate { currency, price_e9 } => {
                    books.rate(CurrencyId(currency), price_e9, done as i64);
                }
                Step::Fund { at, amount } => {
                    books.ledger.fund(id(at), Cash::from_nano(i128::from(amount))).unwrap();
                }
            }
            let naive = Naive::of(&steps[..=done], [1_000_000_000, 1_000_000_000, 1_000_000]);
            agree(&books, &naive, marks)?;
        }
    }
}

/// Holds the books against `naive`, after every step and to the nano-unit.
fn agree(books: &Books, naive: &Naive, marks: [i64; 3]) -> Result<(), TestCaseError> {
    let currency = [0, 1, 1];
    let mut unrealised = [0_i128; 3];
    let mut worth = naive.cash;
    for at in 0..3_u16 {
        let (spec, position) = (&books.specs[usize::from(at)], books.ledger.position(id(at)));
        let units = i128::from(position.qty().lots()) * i128::from(spec.lot_e9())
            + i128::from(position.dust_e9());
        prop_assert_eq!(units, naive.units[usize::from(at)]);
        prop_assert!(i128::from(position.dust_e9()).abs() < i128::from(spec.lot_e9()));
        let value = units * i128::from(marks[usize::from(at)]) * 10_000_000;
        let value = qt_types::round_half_even(value, i128::from(E9));
        worth[currency[usize::from(at)]] += value;
        unrealised[currency[usize::from(at)]] += value - position.cost().nano();
    }
    let mut equity = Some(0_i128);
    for at in 0..3 {
        let balance = books.ledger.balance(CurrencyId(at as u8));
        prop_assert_eq!(balance.off_by(), Cash::ZERO);
        let parts = [balance.cash(), balance.exchanged(), balance.fees(), balance.funding()];
        let own = [naive.cash[at], naive.exchanged[at], naive.fees[at], naive.funding[at]];
        prop_assert_eq!(parts.map(Cash::nano), own);
        // equity + fees + funding = initial + exchanged + realised + unrealised.
        let left = worth[at] + own[2] + own[3];
        let right = balance.initial().nano() + own[1] + balance.realised().nano() + unrealised[at];
        prop_assert_eq!(left, right);
        let rated = match (at, naive.rates[at]) {
            (0, _) => Some(worth[0]),
            (_, Some((num, den))) => Some(qt_types::round_half_even(worth[at] * num, den)),
            (_, None) => (worth[at] == 0).then_some(0),
        };
        equity = equity.zip(rated).map(|(all, one)| all + one);
    }
    let counted = books.ledger.equity(&books.specs, &books.market).ok().map(Cash::nano);
    prop_assert_eq!(counted, equity);
    Ok(())
}
