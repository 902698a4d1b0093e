//! Sizes by volatility and by odds, worked out by hand.

use qt_engine::{Deal, Exposure, Gate, Ledger, Market, OrderTable, SizeRequest};
use qt_risk::{Account, AccountGate, Odds, Prices, Sizing};
use qt_types::{
    Bar, BarFlags, Cash, DenyReason, E9, Event, InstrumentId, InstrumentSpec, Nanos, OrderId,
    Payload, Price, Qty, RejectReason, Report, ReportKind, Seq, Side, VenueId,
};

use crate::support::{BUY, SELL, UNIT, specs};

/// One instrument, an account of 10,000, and a gate that remembers.
struct Desk {
    specs: Vec<InstrumentSpec>,
    market: Market,
    ledger: Ledger,
    orders: OrderTable,
    gate: AccountGate,
}

impl Desk {
    fn new(sizing: Sizing) -> Self {
        let prices = Prices { interval_ns: 0, periods_e3: 252_000 };
        Self {
            specs: specs(1),
            market: Market::new(1),
            ledger: Ledger::new(Cash::from_nano(10_000 * UNIT), 1),
            orders: OrderTable::new(0, 4),
            gate: AccountGate::new(Account::Cash, sizing, None).remembering(1, prices),
        }
    }

    fn event(&mut self, payload: Payload) {
        let (recv_ns, venue_ns) = (Nanos::new(1), Nanos::new(1));
        let instrument = InstrumentId(0);
        let event = Event {
            seq: Seq::default(),
            recv_ns,
            venue_ns,
            instrument,
            venue: VenueId(0),
            payload,
        };
        self.market.on(&event);
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        assert!(!self.gate.observe(&event, &exposure));
    }

    fn close(&mut self, ticks: i64) {
        let price = Price::from_ticks(ticks);
        self.event(Payload::Bar(Bar {
            open_ns: Nanos::new(0),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::from_lots(1),
            half_spread: [0; 4],
            flags: BarFlags::NONE,
            row: 0,
        }));
    }

    fn fill(&mut self, side: Side, ticks: i64) {
        let (price, one) = (Price::from_ticks(ticks), Qty::from_lots(1));
        let deal = Deal::new(InstrumentId(0), side, price, one);
        self.ledger.fill(&self.specs[0], &deal).unwrap();
        let report = Report::plain(OrderId::new(0, 1), ReportKind::Filled, RejectReason::None);
        self.event(Payload::Report(report));
    }

    fn lots(&self, share_bps: u32) -> Result<i64, DenyReason> {
        let exposure = Exposure {
            specs: &self.specs,
            market: &self.market,
            ledger: &self.ledger,
            orders: &self.orders,
        };
        let price = exposure.last(InstrumentId(0)).unwrap();
        let request =
            SizeRequest { instrument: InstrumentId(0), side: BUY, price, stop: None, share_bps };
        self.gate.size(&request, &exposure).map(Qty::lots)
    }
}

#[test]
fn by_volatility() {
    // The closes 100, 110, 99, 99 have a volatility of 1.587450786 a year of 252. For 0.2 a year
    // that is 0.2 / 1.587450786 = 0.12598... of 10,000: 1,259.88, which buys 12 at 99.
    let rule = |cap_e9| Sizing::Volatility { target_e9: 200_000_000, window: 3, cap_e9 };
    let mut desk = Desk::new(rule(E9));
    for close in [100, 110, 99] {
        desk.close(close);
        assert_eq!(desk.lots(10_000), Err(DenyReason::SizeUnknown), "two returns at most");
    }
    desk.close(99);
    assert_eq!(desk.lots(10_000), Ok(12));
    assert_eq!(desk.lots(5_000), Ok(6), "half of the size");
    // A tenth of the equity at most: 1,000 buys 10.
    let mut capped = Desk::new(rule(100_000_000));
    [100, 110, 99, 99].into_iter().for_each(|close| capped.close(close));
    assert_eq!(capped.lots(10_000), Ok(10));
    // A price that never moves: the cap.
    let mut still = Desk::new(rule(E9));
    [100; 4].into_iter().for_each(|close| still.close(close));
    assert_eq!(still.lots(10_000), Ok(100));
}

#[test]
fn by_odds() {
    // 0.55 - 0.45 / 1.5 = 0.25; a quarter of it is 0.0625: 625 buys 6 at 100.
    let odds = Odds::Given { win_e9: 550_000_000, payoff_e9: 1_500_000_000 };
    let mut desk = Desk::new(Sizing::Kelly { odds, fraction_e9: 250_000_000, cap_e9: E9 });
    desk.close(100);
    assert_eq!(desk.lots(10_000), Ok(6));
    let mut capped = Desk::new(Sizing::Kelly { odds, fraction_e9: E9, cap_e9: 100_000_000 });
    capped.close(100);
    assert_eq!(capped.lots(10_000), Ok(10), "a tenth at most, not a quarter");
    let odds = Odds::Given { win_e9: 400_000_000, payoff_e9: E9 };
    let mut against = Desk::new(Sizing::Kelly { odds, fraction_e9: E9, cap_e9: E9 });
    against.close(100);
    assert_eq!(against.lots(10_000), Ok(0));
}

#[test]
fn by_the_odds_of_the_run() {
    let rule = |start_e9| {
        let odds = Odds::OfTrades { start_e9 };
        Desk::new(Sizing::Kelly { odds, fraction_e9: E9, cap_e9: E9 })
    };
    let mut desk = rule(10_000_000);
    desk.close(100);
    for nth in 0..20 {
        assert_eq!(desk.lots(10_000), Ok(1), "a hundredth while {nth} trades are too few");
        desk.fill(BUY, 100);
        desk.fill(SELL, if nth < 11 { 130 } else { 80 });
    }
    // 11 of 20 won 30, the others lost 20: a quarter of 10,150, which buys 25.
    assert_eq!(desk.lots(10_000), Ok(25));
    let mut never = rule(0);
    never.close(100);
    assert_eq!(never.lots(10_000), Ok(0));
}
