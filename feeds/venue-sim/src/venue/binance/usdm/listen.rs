//! Listen keys and the sockets that they open, and the timers that cancel all orders.
//!
//! A key lives an hour from when it was made or kept. Once it is over who listens is told so, and
//! nothing else any more; the socket stays.

use std::collections::BTreeMap;

use crate::exchange::{AccountId, Nanos, SymbolId};
use crate::wire::service::Link;

use super::super::BinanceSpot;
use super::super::call::Ask;
use super::super::codes::Code;
use super::super::json::{Object, TimeUnit, quoted};
use super::codes;

/// How long a key lives.
const LIFE_NS: Nanos = 3_600_000_000_000;
/// Letters of a key.
const KEY_CHARS: usize = 64;

/// A socket that is told what happens to an account.
#[derive(Debug)]
pub(in super::super) struct Private {
    pub(in super::super) link: Link,
    pub(in super::super) account: AccountId,
    pub(in super::super) unit: TimeUnit,
    pub(in super::super) is_combined: bool,
    key: String,
}

impl Private {
    /// What stands before an event, and behind it.
    pub(in super::super) fn wrapping(&self) -> (String, &'static str) {
        if self.is_combined {
            (format!("{{\"stream\":{},\"data\":", quoted(&self.key)), "}")
        } else {
            (String::new(), "")
        }
    }

    fn expired(&self, now_ns: Nanos) -> String {
        let (head, tail) = self.wrapping();
        let event = Object::new(self.unit).text("e", "listenKeyExpired").time("E", now_ns);
        format!("{head}{}{tail}", event.text("listenKey", &self.key).done())
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(in super::super) struct Users {
    /// Whose a key is, and until when it is good.
    keys: BTreeMap<String, (AccountId, Nanos)>,
    private: BTreeMap<u64, Private>,
    countdowns: BTreeMap<(AccountId, SymbolId), Nanos>,
    made: u64,
}

impl Users {
    /// Opens a socket's ears, where the key is one.
    pub(in super::super) fn listen(
        &mut self,
        link: &Link,
        key: &str,
        (is_combined, unit): (bool, TimeUnit),
    ) -> bool {
        let Some((account, _)) = self.keys.get(key) else { return false };
        let (link, key) = (link.clone(), key.to_owned());
        let private = Private { link, account: *account, unit, is_combined, key };
        self.private.insert(private.link.id, private);
        true
    }

    /// The sockets of an account.
    pub(in super::super) fn of(&self, account: AccountId) -> impl Iterator<Item = &Private> {
        self.private.values().filter(move |private| private.account == account)
    }

    /// A socket is gone.
    pub(in super::super) fn closed(&mut self, link: u64) {
        self.private.remove(&link);
    }

    /// The keys whose time is over, or that of `link`, are over: who listens is told. Whether
    /// somebody was.
    pub(in super::super) fn expire(&mut self, link: Option<u64>, now_ns: Nanos) -> bool {
        let is_over = |until_ns: &Nanos| *until_ns <= now_ns;
        let named = link.and_then(|link| self.private.get(&link)).map(|it| it.key.clone());
        let over = self.keys.iter().filter(|(key, (_, until_ns))| match link {
            Some(_) => named.as_ref() == Some(*key),
            None => is_over(until_ns),
        });
        let over: Vec<String> = over.map(|(key, _)| key.clone()).collect();
        let listeners = self.private.len();
        for key in over {
            self.keys.remove(&key);
            let ends = |private: &Private| private.key == key;
            for private in self.private.values().filter(|private| ends(private)) {
                private.link.outbox.text(private.expired(now_ns).as_bytes());
            }
            self.private.retain(|_, private| !ends(private));
        }
        self.private.len() < listeners
    }

    /// Sets or clears the time at which all orders of a symbol are cancelled.
    pub(super) fn set_countdown(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        until_ns: Option<Nanos>,
    ) {
        match until_ns {
            Some(until_ns) => {
                self.countdowns.insert((account, symbol), until_ns);
            }
            None => {
                self.countdowns.remove(&(account, symbol));
            }
        }
    }

    /// Whose orders of which symbol are to be cancelled now; each is said once.
    pub(in super::super) fn due(&mut self, now_ns: Nanos) -> Vec<(AccountId, SymbolId)> {
        let due = self.countdowns.iter().filter(|(_, until_ns)| **until_ns <= now_ns);
        let due: Vec<_> = due.map(|(whose, _)| *whose).collect();
        self.countdowns.retain(|_, until_ns| *until_ns > now_ns);
        due
    }

    /// The key of an account, made where there is none, good for an hour from now on.
    fn key(&mut self, account: AccountId, now_ns: Nanos) -> String {
        let until_ns = now_ns + LIFE_NS;
        if let Some((key, found)) = self.keys.iter_mut().find(|(_, found)| found.0 == account) {
            found.1 = until_ns;
            return key.clone();
        }
        self.made += 1;
        let key = made_up(self.made ^ now_ns.unsigned_abs().rotate_left(17));
        self.keys.insert(key.clone(), (account, until_ns));
        key
    }
}

/// Letters that nobody guesses by accident.
fn made_up(seed: u64) -> String {
    const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut state = seed;
    let letter = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        char::from(LETTERS[(state >> 33) as usize % LETTERS.len()])
    };
    (0..KEY_CHARS).map(letter).collect()
}

fn told(key: &str) -> String {
    Object::new(TimeUnit::Milliseconds).text("listenKey", key).done()
}

pub(super) fn start(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    Ok(told(&venue.users.key(account, ask.now_ns)))
}

/// The key of an account, if it has one; another one that is named is none.
fn known(venue: &BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let named = ask.params.text("listenKey")?;
    let mut keys = venue.users.keys.iter().filter(|(_, (of, _))| *of == account);
    let found = keys.find(|(key, _)| named.is_none_or(|named| named == key.as_str()));
    found.map(|(key, _)| key.clone()).ok_or_else(codes::no_listen_key)
}

pub(super) fn keep(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let key = known(venue, ask)?;
    let account = ask.account()?;
    venue.users.key(account, ask.now_ns);
    Ok(told(&key))
}

pub(super) fn stop(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let key = known(venue, ask)?;
    venue.users.keys.remove(&key);
    venue.users.private.retain(|_, private| private.key != key);
    Ok("{}".to_owned())
}
