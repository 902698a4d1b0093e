//! A horizon that ends while no process runs: the session closes the position once, when it is
//! back, and the backtest of its day closes it in its time.

use super::*;

const SECOND: i64 = 1_000 * MILLI;
/// What is heard, and from when on it is over.
const HORIZON_NS: i64 = SECOND;

/// A session whose process may die.
struct Held {
    memory: Memory,
    paper: Paper,
    levels: Levels,
    rows: Vec<BookRow>,
    at: usize,
    ran_ns: i64,
}

impl Held {
    fn begin() -> Self {
        let memory = Memory::default();
        let mut paper = Paper::new(&memory);
        let ran_ns = paper.begin(START - SECOND);
        Self { memory, paper, levels: Levels::default(), rows: rows(7), at: 0, ran_ns }
    }

    /// What the market does until `until_ns`, which the session hears where it runs.
    fn market(&mut self, until_ns: i64, is_heard: bool) {
        while let Some(row) = self.rows.get(self.at).filter(|row| row.venue_ns <= until_ns) {
            self.levels.see(row);
            if is_heard {
                self.paper.push(payload(row, self.at as u32), row.venue_ns);
                self.ran_ns = self.ran_ns.max(row.venue_ns);
                self.paper.turn(self.ran_ns);
            }
            self.at += 1;
        }
    }

    /// Its process dies, and the next one is there at `back_ns`.
    fn dies(&mut self, back_ns: i64) {
        self.market(back_ns, false);
        self.paper = Paper::again(&self.memory);
        for tick in self.levels.told(back_ns) {
            self.paper.push(Payload::Tick(tick), back_ns);
        }
        self.ran_ns = self.paper.begin(back_ns);
    }

    /// Buys for a second, at the time of its last turn; that time.
    fn buys(&mut self) -> i64 {
        let none = MaybePrice::NONE;
        let signal = Signal {
            id: [1; 16],
            expires_ns: Nanos::new(self.ran_ns + HORIZON_NS),
            size: SignalSize::Quantity(Qty::from_lots(50)),
            limit: none,
            stop: none,
            target: none,
            horizon_s: (HORIZON_NS / SECOND) as u32,
            confidence_e9: 900_000_000,
            strength_e9: 1_000_000_000,
            source: SourceId(1),
            action: SignalAction::Buy,
        };
        let issued_ns = Nanos::new(self.ran_ns);
        self.paper.session.hear_signal(InstrumentId(0), signal, issued_ns).unwrap();
        self.ran_ns
    }

    fn position(&self) -> i64 {
        self.paper.session.driver().exposure().position(InstrumentId(0)).lots()
    }
}

#[test]
fn a_horizon_that_ends_while_nothing_runs_is_closed_once_and_late() {
    let mut held = Held::begin();
    held.market(START + 2 * SECOND, true);
    let bought_ns = held.buys();
    held.market(START + 2 * SECOND + SECOND / 2, true);
    assert_eq!((held.position(), commands(&held.memory).len()), (50, 1));
    let back_ns = START + 6 * SECOND;
    held.dies(back_ns);
    held.market(START + 7 * SECOND, true);
    let sent = commands(&held.memory);
    assert_eq!((held.position(), sent.len()), (0, 2), "{sent:?}");
    assert!(sent[1].0 >= back_ns && sent[1].1.starts_with("new Sell"), "{sent:?}");
    // It stays at that, whoever dies afterwards, and whenever.
    for second in 8..11 {
        held.dies(START + second * SECOND);
        held.market(START + second * SECOND + SECOND / 2, true);
        assert_eq!((held.position(), commands(&held.memory)), (0, sent.clone()));
    }
    // A backtest is never away.
    let again = backtest(&held.memory);
    let shapes = |all: &[(i64, String)]| all.iter().map(|it| it.1.clone()).collect::<Vec<_>>();
    assert_eq!(shapes(&again.commands), shapes(&sent));
    assert_eq!(again.commands[0], sent[0]);
    assert_eq!(again.commands[1].0, bought_ns + HORIZON_NS);
    assert_eq!((again.fills.len(), held.paper.fills.len()), (2, 2));
    assert_eq!(again.fills[0], held.paper.fills[0]);
}

/// Killed between the exit and its answer: it is not sent once more.
#[test]
fn a_process_that_dies_while_it_closes_has_closed_once() {
    let mut held = Held::begin();
    held.market(START + 2 * SECOND, true);
    held.buys();
    held.market(START + 2 * SECOND + SECOND / 2, true);
    let mut back_ns = START + 5 * SECOND;
    // Back just for as long as the exit needs to leave.
    held.dies(back_ns);
    while commands(&held.memory).len() < 2 {
        held.ran_ns += MILLI / 10;
        held.paper.turn(held.ran_ns);
        assert!(held.ran_ns < back_ns + SECOND, "it does not close");
    }
    for _ in 0..3 {
        back_ns += SECOND;
        held.dies(back_ns);
        held.market(back_ns + SECOND / 2, true);
    }
    let sent = commands(&held.memory);
    assert_eq!((held.position(), sent.len()), (0, 2), "{sent:?}");
}
