//! Streams that an exchange could have sent: every order that is named rests, books do not cross,
//! executions meet the best price in the order of arrival.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, Write};

use crate::generate::dice::Dice;

/// Keeps these random numbers apart from those of other generators.
const PURPOSE: u8 = 17;
/// First price of every stock, in ten-thousandths.
const PRICE_START: u32 = 1_000_000;
/// Price step: a cent.
const TICK: u32 = 100;
/// 09:30 in nanoseconds since midnight.
const OPEN_NS: u64 = 34_200_000_000_000;
/// Average time between two messages.
const STEP_NS: u64 = 40_000;

/// A day of messages from a seed. The same options give the same bytes everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItchMarket {
    /// Two streams differ in everything when their seeds do.
    pub seed: u64,
    /// Messages about orders and trades; some more begin and end the day.
    pub messages: u64,
    /// Stocks, at most 9,999: `S0000` and so on.
    pub stocks: u16,
}

impl Default for ItchMarket {
    fn default() -> Self {
        Self { seed: 1, messages: 100_000, stocks: 10 }
    }
}

impl ItchMarket {
    /// The whole stream.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Memory takes all that is written.
        match self.write(&mut bytes) {
            Ok(()) | Err(_) => bytes,
        }
    }

    /// Writes the stream to `out`.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let stocks = self.stocks.clamp(1, 9_999);
        let mut stream = Stream {
            out,
            dice: Dice::new(self.seed, PURPOSE),
            now_ns: OPEN_NS - 1_000_000_000,
            next: 1,
            matched: 1,
            books: (0..stocks).map(|_| Book::default()).collect(),
            resting: HashMap::new(),
            numbers: Vec::new(),
        };
        stream.begin()?;
        for _ in 0..self.messages {
            stream.step()?;
        }
        stream.end()
    }
}

struct Order {
    stock: u16,
    sells: bool,
    shares: u32,
    price: u32,
    // Its place in the list of all numbers.
    at: usize,
}

// Numbers by price in the order of arrival; those that are gone are skipped when they come up.
#[derive(Default)]
struct Book {
    sides: [BTreeMap<u32, VecDeque<u64>>; 2],
}

struct Stream<'a> {
    out: &'a mut dyn Write,
    dice: Dice,
    now_ns: u64,
    next: u64,
    matched: u64,
    books: Vec<Book>,
    resting: HashMap<u64, Order>,
    numbers: Vec<u64>,
}

fn stock_name(stock: u16) -> [u8; 8] {
    let mut name = *b"        ";
    for (to, from) in name.iter_mut().zip(format!("S{stock:04}").bytes()) {
        *to = from;
    }
    name
}

impl Stream<'_> {
    fn send(&mut self, kind: u8, locate: u16, parts: &[&[u8]]) -> io::Result<()> {
        let mut message = Vec::with_capacity(52);
        message.push(kind);
        message.extend_from_slice(&locate.to_be_bytes());
        message.extend_from_slice(&[0, 0]);
        message.extend_from_slice(&self.now_ns.to_be_bytes()[2..]);
        for part in parts {
            message.extend_from_slice(part);
        }
        self.out.write_all(&(message.len() as u16).to_be_bytes())?;
        self.out.write_all(&message)
    }

    fn begin(&mut self) -> io::Result<()> {
        self.send(b'S', 0, &[b"O"])?;
        self.send(b'S', 0, &[b"S"])?;
        for stock in 0..self.books.len() as u16 {
            let name = stock_name(stock);
            // Listed on Q, normal, lots of 100, and the codes of an ordinary share.
            let rest = [&b"QN"[..], &100_u32.to_be_bytes(), b"NC", b"Z ", b"PNN1N", &[0; 4], b"N"];
            let rest = rest.concat();
            self.send(b'R', stock + 1, &[&name, &rest])?;
            self.send(b'H', stock + 1, &[&name, b"T", b" ", b"    "])?;
        }
        self.now_ns = OPEN_NS;
        self.send(b'S', 0, &[b"Q"])
    }

    fn end(&mut self) -> io::Result<()> {
        for event in [b"M", b"E", b"C"] {
            self.now_ns += 1_000_000_000;
            self.send(b'S', 0, &[event])?;
        }
        Ok(())
    }

    fn step(&mut self) -> io::Result<()> {
        self.now_ns += self.dice.below(2 * STEP_NS);
        let stock = self.dice.below(self.books.len() as u64) as u16;
        // Many orders rest before the others begin to go; then as many come as go.
        let few = self.numbers.len() < 40 * self.books.len();
        match self.dice.below(100) {
            0..44 => self.add(stock),
            44..60 if few => self.add(stock),
            44..82 => self.delete(),
            82..88 => self.replace(),
            88..91 => self.cancel(),
            91..98 => self.execute(stock),
            98 => self.trade(stock),
            _ => self.cross(stock),
        }
    }

    fn best(&mut self, stock: u16, sells: bool) -> Option<u32> {
        let resting = &self.resting;
        let side = &mut self.books[usize::from(stock)].sides[usize::from(sells)];
        loop {
            let entry = if sells { side.first_entry() } else { side.last_entry() };
            let mut entry = entry?;
            let price = *entry.key();
            let lives = |order: &u64| resting.get(order).is_some_and(|one| one.price == price);
            while entry.get().front().is_some_and(|order| !lives(order)) {
                entry.get_mut().pop_front();
            }
            if !entry.get().is_empty() {
                return Some(price);
            }
            entry.remove();
        }
    }

    // A price that does not meet the other side.
    fn price(&mut self, stock: u16, sells: bool) -> u32 {
        let (bid, ask) = (self.best(stock, false), self.best(stock, true));
        let away = (self.dice.size(6) as u32).min(200) * TICK;
        if sells {
            let least = bid.map_or(PRICE_START, |bid| bid + TICK);
            (least + away - TICK).max(ask.map_or(0, |ask| ask.saturating_sub(TICK)).max(least))
        } else {
            let most = ask.map_or(PRICE_START, |ask| ask - TICK);
            let most = most.max(TICK);
            most.saturating_sub(away - TICK).max(TICK)
        }
    }

    fn rest(&mut self, order: u64, one: Order) {
        let side = &mut self.books[usize::from(one.stock)].sides[usize::from(one.sells)];
        side.entry(one.price).or_default().push_back(order);
        self.numbers.push(order);
        self.resting.insert(order, one);
    }

    fn remove(&mut self, order: u64) -> Option<Order> {
        let one = self.resting.remove(&order)?;
        self.numbers.swap_remove(one.at);
        if let Some(moved) = self.numbers.get(one.at).and_then(|moved| self.resting.get_mut(moved))
        {
            moved.at = one.at;
        }
        Some(one)
    }

    fn add(&mut self, stock: u16) -> io::Result<()> {
        let sells = self.dice.happens(0.5);
        let price = self.price(stock, sells);
        let shares = self.dice.size(200) as u32;
        let order = self.next;
        self.next += 1 + self.dice.below(4);
        let side = if sells { b"S" } else { b"B" };
        let (number, name) = (order.to_be_bytes(), stock_name(stock));
        let parts: [&[u8]; 6] =
            [&number, side, &shares.to_be_bytes(), &name, &price.to_be_bytes(), b"NSDQ"];
        if self.dice.happens(0.05) {
            self.send(b'F', stock + 1, &parts)?;
        } else {
            self.send(b'A', stock + 1, &parts[..5])?;
        }
        let at = self.numbers.len();
        self.rest(order, Order { stock, sells, shares, price, at });
        Ok(())
    }

    // Any order that rests, or a new one where none does.
    fn any(&mut self) -> Option<u64> {
        let count = self.numbers.len() as u64;
        (count > 0).then(|| self.numbers[self.dice.below(count) as usize])
    }

    fn delete(&mut self) -> io::Result<()> {
        let Some(order) = self.any() else { return self.add(0) };
        let Some(one) = self.remove(order) else { return Ok(()) };
        self.send(b'D', one.stock + 1, &[&order.to_be_bytes()])
    }

    fn cancel(&mut self) -> io::Result<()> {
        let Some(order) = self.any() else { return self.add(0) };
        let Some(one) = self.resting.get_mut(&order).filter(|one| one.shares > 1) else {
            return self.delete();
        };
        let less = 1 + self.dice.below(u64::from(one.shares) - 1) as u32;
        one.shares -= less;
        let stock = one.stock;
        self.send(b'X', stock + 1, &[&order.to_be_bytes(), &less.to_be_bytes()])
    }

    fn replace(&mut self) -> io::Result<()> {
        let Some(order) = self.any() else { return self.add(0) };
        let Some(one) = self.remove(order) else { return Ok(()) };
        let (stock, sells) = (one.stock, one.sells);
        let price = self.price(stock, sells);
        let shares = self.dice.size(200) as u32;
        let new = self.next;
        self.next += 1;
        let parts: [&[u8]; 4] =
            [&order.to_be_bytes(), &new.to_be_bytes(), &shares.to_be_bytes(), &price.to_be_bytes()];
        self.send(b'U', stock + 1, &parts)?;
        let at = self.numbers.len();
        self.rest(new, Order { stock, sells, shares, price, at });
        Ok(())
    }

    fn execute(&mut self, stock: u16) -> io::Result<()> {
        let sells = self.dice.happens(0.5);
        let Some(price) = self.best(stock, sells) else { return self.add(stock) };
        let side = &self.books[usize::from(stock)].sides[usize::from(sells)];
        let first = side.get(&price).and_then(|queue| queue.front()).copied();
        let Some(order) = first else { return self.add(stock) };
        let Some(one) = self.resting.get_mut(&order) else { return self.add(stock) };
        let shares = (self.dice.size(150) as u32).min(one.shares);
        one.shares -= shares;
        if one.shares == 0 {
            self.remove(order);
        }
        let matched = self.matched.to_be_bytes();
        self.matched += 1;
        let (order, shares) = (order.to_be_bytes(), shares.to_be_bytes());
        if self.dice.happens(0.1) {
            let printable = if self.dice.happens(0.5) { b"Y" } else { b"N" };
            let parts: [&[u8]; 5] = [&order, &shares, &matched, printable, &price.to_be_bytes()];
            return self.send(b'C', stock + 1, &parts);
        }
        self.send(b'E', stock + 1, &[&order, &shares, &matched])
    }

    fn trade(&mut self, stock: u16) -> io::Result<()> {
        let price = self.best(stock, true).unwrap_or(PRICE_START);
        let shares = self.dice.size(100) as u32;
        let matched = self.matched.to_be_bytes();
        self.matched += 1;
        let (name, shares, price) = (stock_name(stock), shares.to_be_bytes(), price.to_be_bytes());
        self.send(b'P', stock + 1, &[&[0; 8], b"B", &shares, &name, &price, &matched])
    }

    // Auctions are rare; most of the time something is told that says nothing to a book.
    fn cross(&mut self, stock: u16) -> io::Result<()> {
        let name = stock_name(stock);
        let price = self.best(stock, false).unwrap_or(PRICE_START).to_be_bytes();
        if self.dice.happens(0.2) {
            let shares = self.dice.below(5_000).to_be_bytes();
            let matched = self.matched.to_be_bytes();
            self.matched += 1;
            return self.send(b'Q', stock + 1, &[&shares, &name, &price, &matched, b"O"]);
        }
        let (paired, imbalance) = (self.dice.below(9_000).to_be_bytes(), [0; 8]);
        let parts: [&[u8]; 9] =
            [&paired, &imbalance, b"N", &name, &price, &price, &price, b"O", b"L"];
        self.send(b'I', stock + 1, &parts)
    }
}
