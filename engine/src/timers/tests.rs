use super::*;

fn timer(due_ns: i64, token: u32) -> Timer {
    Timer { due_ns: Nanos::new(due_ns), token, strategy: StrategyId::FIRST }
}

#[test]
fn timers_come_in_order_and_only_when_due() {
    let mut timers = Timers::new(4);
    for (due_ns, token) in [(30, 1), (10, 2), (20, 9), (10, 1), (10, 2), (5, 0)] {
        timers.set(timer(due_ns, token));
    }
    assert_eq!(timers.refused(), 1, "the fifth different one has no room");
    assert_eq!(timers.next_ns(), Some(Nanos::new(10)));
    assert_eq!(timers.take_due(Nanos::new(9)), None);
    assert_eq!(timers.due(Nanos::new(25)), 3);
    let due: Vec<Timer> = std::iter::from_fn(|| timers.take_due(Nanos::new(25))).collect();
    assert_eq!(due, [timer(10, 1), timer(10, 2), timer(20, 9)]);
    assert_eq!(timers.take_due(Nanos::new(30)), Some(timer(30, 1)));
    assert_eq!(timers.next_ns(), None);
}

#[test]
fn what_is_set_is_heard_once_somebody_listens() {
    let mut timers = Timers::new(3);
    timers.set(timer(1, 1));
    assert_eq!(timers.heard(), []);
    timers.listen();
    for due_ns in [7, 1, 5, 9] {
        timers.set(timer(due_ns, 1));
    }
    assert_eq!(timers.heard(), [timer(7, 1), timer(5, 1)], "neither what was known nor refused");
    timers.listen();
    assert_eq!(timers.heard(), []);
}

/// The list that says what is right: sorted, the next one last.
struct Naive {
    pending: Vec<Timer>,
    timers_max: usize,
    refused: u64,
}

impl Naive {
    fn set(&mut self, timer: Timer) {
        if self.pending.contains(&timer) {
            return;
        }
        if self.pending.len() == self.timers_max {
            self.refused += 1;
            return;
        }
        self.pending.push(timer);
        self.pending.sort_unstable_by(|one, other| other.cmp(one));
    }

    fn take_due(&mut self, now_ns: Nanos) -> Option<Timer> {
        self.pending.pop_if(|timer| timer.due_ns <= now_ns)
    }

    /// As the format of a snapshot has it: the bound, the list, what was refused.
    fn stored(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut to = Writer::new(&mut bytes);
        to.put(&self.timers_max);
        to.list(self.pending.iter());
        to.put(&self.refused);
        to.finish().expect("it can be stored");
        bytes
    }
}

fn stored(timers: &Timers) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut to = Writer::new(&mut bytes);
    timers.save(&mut to);
    to.finish().expect("it can be stored");
    bytes
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

/// Whatever is set and taken in whatever order, it is as with the list, and so are its bytes.
#[test]
fn random_timers_come_as_from_a_list() {
    for seed in 1..=120_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let timers_max = [0, 1, 5, 64, 65, 200, 1_000][(seed % 7) as usize];
        // Near and many at one time; far apart; in the past as well.
        let reach = [4, 50, 3_000_000_000][(seed % 3) as usize];
        let mut naive = Naive { pending: Vec::new(), timers_max, refused: 0 };
        let mut timers = Timers::new(timers_max);
        let room = timers.order.capacity();
        let mut now_ns = 0;
        for step in 0..600 {
            let is_filling = step % 200 < 120;
            for _ in 0..dice.below(if is_filling { 20 } else { 3 }) {
                let due_ns = now_ns + dice.below(reach) as i64 - dice.below(reach / 2) as i64;
                let next = timer(due_ns, dice.below(5) as u32);
                naive.set(next);
                timers.set(next);
            }
            now_ns += dice.below(reach / 4 + 2) as i64;
            let now = Nanos::new(now_ns);
            let due = naive.pending.iter().filter(|timer| timer.due_ns <= now).count();
            assert_eq!(timers.due(now), due, "{seed}");
            for _ in 0..dice.below(if is_filling { 6 } else { 60 }) {
                assert_eq!(timers.take_due(now), naive.take_due(now), "{seed}");
            }
            assert_eq!(timers.next_ns(), naive.pending.last().map(|timer| timer.due_ns));
            assert_eq!((timers.len(), timers.refused()), (naive.pending.len(), naive.refused));
            assert_eq!(timers.is_empty(), naive.pending.is_empty());
        }
        let bytes = stored(&timers);
        assert!(bytes == naive.stored(), "{seed}: other bytes");
        assert_eq!(timers.order.capacity(), room, "no memory is taken on the way");
        // Read back they are the same, and go on alike.
        let mut again = Timers::new(timers_max);
        again.set(timer(1, 1));
        let mut from = Reader::new(crate::snapshot::open(&bytes).expect("a snapshot"));
        again.load(&mut from).expect("what was written");
        assert!(stored(&again) == bytes, "{seed}: other bytes after they were read");
        while let Some(next) = naive.take_due(Nanos::MAX) {
            assert_eq!(again.take_due(Nanos::MAX), Some(next), "{seed}");
        }
        assert!(again.is_empty());
    }
}

#[test]
fn a_list_that_is_in_no_order_is_refused() {
    for list in [[timer(1, 1), timer(2, 1)], [timer(2, 1), timer(2, 1)]] {
        let naive = Naive { pending: list.to_vec(), timers_max: 8, refused: 0 };
        let bytes = naive.stored();
        let mut from = Reader::new(crate::snapshot::open(&bytes).expect("a snapshot"));
        assert_eq!(Timers::new(8).load(&mut from), Err(SnapshotError::Damaged));
    }
}
