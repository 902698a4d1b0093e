//! The exchange as a gateway: what is sent over the line, and what comes over it.

use qt_engine::{Bounded, Command, Gateway, GatewayEvent, Question, Sink};
use qt_types::Nanos;

use crate::exchange::{Exchange, Inbound, MILLI, SIGN_NS};

impl Gateway for Exchange {
    fn connect(&mut self, now_ns: Nanos) {
        self.run_to(now_ns.get());
        if self.is_up {
            self.drop_link();
        }
        let at = (self.now_ns + 2 * MILLI, self.turn());
        if self.now_ns < self.down_until_ns {
            self.to_us.insert(at, (self.link, GatewayEvent::Disconnected));
            return;
        }
        (self.is_up, self.is_silent) = (true, false);
        self.next_sign_ns = self.now_ns + SIGN_NS;
        self.to_us.insert(at, (self.link, GatewayEvent::Connected));
    }

    fn disconnect(&mut self, now_ns: Nanos) {
        self.run_to(now_ns.get());
        self.drop_link();
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        self.run_to(now_ns.get());
        self.leave(Inbound::Submit(*command, handed_ns.get()));
    }

    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        self.run_to(now_ns.get());
        self.leave(Inbound::Ask(number, question, self.link));
    }

    fn poll(&mut self, now_ns: Nanos, out: &mut Bounded<GatewayEvent>) {
        self.run_to(now_ns.get());
        while let Some((&key, &(link, event))) = self.to_us.first_key_value() {
            let event = match event {
                GatewayEvent::Heard { venue_ns, .. } => {
                    GatewayEvent::Heard { venue_ns, at_ns: Nanos::new(key.0) }
                }
                event => event,
            };
            if key.0 > now_ns.get() || (link == self.link && !out.push(event)) {
                return;
            }
            self.to_us.remove(&key);
        }
    }

    fn next_ns(&self) -> Option<Nanos> {
        let arrival = self.to_it.keys().next().map_or(i64::MAX, |key| key.0);
        let coming = self.to_us.keys().next().map_or(i64::MAX, |key| key.0);
        let next = arrival.min(coming).min(self.next_fill_ns).min(self.next_cut_ns);
        Some(Nanos::new(next.min(self.next_sign_ns)))
    }
}
