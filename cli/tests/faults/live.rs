//! Faults of orders, of the account and of its connection, met by a run with real orders.

use crate::scenarios::{End, Scenario};

const fn fault(name: &'static str, when: &'static str, how: &'static str) -> Scenario {
    Scenario::live(name, when, how)
}

/// One of new orders.
const fn order(name: &'static str, how: &'static str) -> Scenario {
    fault(name, ORDERS, how)
}

/// One of cancels.
const fn cancel(name: &'static str) -> Scenario {
    fault(name, "after = 2\nevery = 3\ntimes = 6", "request = \"cancel\"")
}

/// One of changes of an order that stays the same order.
const fn change(name: &'static str, how: &'static str) -> Scenario {
    fault(name, CHANGES, how).beside("").moves().futures()
}

/// One of reports.
const fn report(name: &'static str, how: &'static str) -> Scenario {
    fault(name, "after = 3\nevery = 4\ntimes = 8", how).times(5)
}

/// One of connections: each time the link is lost and made again.
const fn lost(name: &'static str, how: &'static str) -> Scenario {
    fault(name, LINKS, how).times(2).cuts().shows(&["orders/links_lost"])
}

const ORDERS: &str = "after = 3\nevery = 5\ntimes = 5";
const CHANGES: &str = "request = \"amend\"\nafter = 2\nevery = 3\ntimes = 5";
const LINKS: &str = "at_ms = 4000\nevery_ms = 4000\ntimes = 2";
const WEIGHTS: &str = "at_ms = 3000\nevery_ms = 1500\ntimes = 3";
const ONCE: &str = "at_ms = 4000";
/// Nothing is heard of orders for a while, so that the venue is asked about them.
const DEAF: &str = "[[fault]]\nwhat = \"drop-report\"\nat_ms = 4000\nevery_ms = 15000\n\
                    for_ms = 6000\n";
/// The same, and answers to new orders are lost.
const DOUBTS: &str = "[[fault]]\nwhat = \"drop-report\"\nat_ms = 4000\nevery_ms = 15000\n\
                      for_ms = 6000\n[[fault]]\nwhat = \"answer-lost\"\nrequest = \"place\"\n\
                      how = \"silence\"\nat_ms = 4000\nevery_ms = 15000\nfor_ms = 6000\n";
/// Every rule of a symbol that an order can break.
const FILTERS: &str = "[[fault]]\nwhat = \"filter-refused\"\nrequest = \"place\"\nafter = 4\n\
                       every = 5\nrule = \"PRICE_FILTER\"\n[[fault]]\nwhat = \"filter-refused\"\n\
                       request = \"place\"\nafter = 5\nevery = 5\nrule = \"NOTIONAL\"\n[[fault]]\n\
                       what = \"filter-refused\"\nrequest = \"place\"\nafter = 6\nevery = 5\n\
                       rule = \"PERCENT_PRICE_BY_SIDE\"\n[[fault]]\nwhat = \"filter-refused\"\n\
                       request = \"place\"\nafter = 7\nevery = 5\nrule = \"MAX_NUM_ORDERS\"\n";

pub const LIVE: &[Scenario] = &[
    order("order-lost", "request = \"place\"").kind("-1007").shows(&["orders/unknown"]),
    order("order-lost", "request = \"place\"\nhow = \"silence\"")
        .kind("silence")
        .shows(&["orders/unknown"]),
    order("order-lost", "request = \"place\"\nhow = \"drop\"")
        .kind("cut")
        .times(2)
        .cuts()
        .shows(&["orders/links_lost"]),
    order("answer-lost", "request = \"place\"").kind("-1007"),
    order("answer-lost", "request = \"place\"\nhow = \"silence\"").kind("silence"),
    order("answer-lost", "request = \"place\"\nhow = \"drop\"")
        .kind("cut")
        .times(2)
        .cuts()
        .shows(&["orders/links_lost"]),
    order("answer-slow", "request = \"place\"\ndelay_ms = 800"),
    order("fill-before-ack", "request = \"place\"").shows(&["fills"]),
    order("unknown-error", "request = \"place\"\ncode = -1006").shows(&["orders/unknown"]),
    fault(
        "not-found-yet",
        "at_ms = 4000\nevery_ms = 500",
        "request = \"place\"\nhow = \"silence\"\ndelay_ms = 4000",
    )
    .beside(DEAF)
    .shows(&["orders/unknown", "orders/found"]),
    order("partial-fills", "request = \"place\"\nparts = 3").shows(&["fills"]),
    order("partial-then-cancel", "request = \"place\"").shows(&["fills"]),
    order("expire-order", "request = \"place\""),
    order("order-count-limit", "request = \"place\""),
    order("signature-refused", "request = \"place\""),
    order("filter-refused", "request = \"place\"\nrule = \"LOT_SIZE\"").beside(FILTERS),
    cancel("fill-before-cancel").shows(&["fills"]),
    cancel("cancel-rejected"),
    fault("order-lost", "after = 2\nevery = 3\ntimes = 4", "request = \"cancel\"")
        .kind("of a cancel"),
    fault("answer-lost", "after = 2\nevery = 3\ntimes = 4", "request = \"cancel\"")
        .kind("of a cancel"),
    fault("replace-half-done", ORDERS, "part = \"cancel\"").kind("cancel").moves().spot(),
    fault("replace-half-done", ORDERS, "part = \"new\"").kind("new").moves().spot(),
    fault("answer-lost", ORDERS, "request = \"replace\"").kind("of a change").moves().spot(),
    fault("order-lost", ORDERS, "request = \"replace\"").kind("of a change").moves().spot(),
    change("answer-lost", "").kind("of a change there"),
    change("answer-lost", "how = \"silence\"").kind("of a change there, silence"),
    change("order-lost", "").kind("of a change there"),
    change("amend-rejected", ""),
    change("fill-before-amend", "").shows(&["fills"]),
    report("duplicate-report", ""),
    report("late-report", "delay_ms = 600"),
    report("drop-report", "").shows(&["orders/found"]),
    report("swap-reports", ""),
    report("foreign-report", ""),
    report("lite-report", ""),
    report("double-filled", ""),
    report("replay-reports", "parts = 20"),
    report("fill-after-cancel", "delay_ms = 700"),
    report("balance-before-fill", ""),
    report("balance-late", "delay_ms = 1000"),
    report("balance-lost", ""),
    fault("stale-answer", "every = 1\ntimes = 6", "request = \"orders\"\ndelay_ms = 2500")
        .beside(DOUBTS)
        .shows(&["orders/unknown", "orders/found"]),
    fault("recent-orders-empty", "every = 1\ntimes = 4", "request = \"orders\"")
        .times(1)
        .beside(DEAF)
        .shows(&["orders/found"])
        .alone(),
    fault("refuse-connect", "", "for_ms = 1500\nconnection = \"api\"").times(1).cuts(),
    fault("connect-limit", "", "status = 429\nretry_ms = 1000\nconnection = \"api\"")
        .times(1)
        .cuts(),
    lost("outage", "for_ms = 2500"),
    lost("close-code", "code = 1000\nconnection = \"api\"").kind("1000"),
    lost("close-code", "code = 1006\nconnection = \"api\"").kind("1006"),
    lost("close-code", "code = 1012\nconnection = \"api\"").kind("1012"),
    lost("reset", "connection = \"api\""),
    lost("slow-consumer", "connection = \"api\""),
    lost("lifetime-ends", "connection = \"api\""),
    lost("restart", ""),
    lost("half-open", "connection = \"api\""),
    lost("session-expired", "connection = \"api\"").spot(),
    lost("session-expired", "connection = \"streams\"").kind("key").futures(),
    // Those of the market, and the one over which the account is listened to.
    lost("reset", "connection = \"streams\"\ncount = 3").kind("all streams").futures(),
    lost("close-code", "code = 1006\nconnection = \"streams\"\ncount = 3")
        .kind("1006, all streams")
        .futures(),
    lost("half-open", "connection = \"streams\"\ncount = 3").kind("all streams").futures().alone(),
    fault("shutdown-notice", LINKS, "delay_ms = 1500\nconnection = \"api\"").times(2).cuts(),
    fault("overlap", LINKS, "delay_ms = 5000\nconnection = \"api\"").times(2).cuts(),
    fault("clock-skew", ONCE, "by_ms = 250\nfor_ms = 5000").kind("250 ms ahead").times(1),
    fault("clock-skew", ONCE, "by_ms = 1001\nfor_ms = 60000")
        .kind("1001 ms ahead")
        .times(1)
        .shows(&["orders/clock_faults"])
        .alone(),
    fault("clock-skew", ONCE, "by_ms = -5001\nfor_ms = 60000")
        .kind("5001 ms behind")
        .times(1)
        .shows(&["orders/clock_faults"])
        .alone(),
    fault("clock-drift", ONCE, "ppm = 500\nfor_ms = 60000").times(1).alone(),
    fault("rate-limited", LINKS, "retry_ms = 1500").times(2).cuts(),
    fault("banned", LINKS, "retry_ms = 1500").times(2).cuts(),
    fault("hidden-weight", WEIGHTS, "by = 1500").spot(),
    fault("hidden-weight", WEIGHTS, "by = 500").kind("of futures").futures(),
    fault("maintenance", LINKS, "for_ms = 800").times(2).cuts(),
    fault("halt", LINKS, "for_ms = 1500").times(2),
    fault("cancel-only", LINKS, "for_ms = 1500").times(2),
    fault("account-disabled", LINKS, "for_ms = 1500\naccount = \"demo\"").times(2),
    fault("foreign-order", LINKS, "side = \"buy\"\nby = 100000\naccount = \"demo\"")
        .kind("that rests")
        .times(2)
        .shows(&["orders/foreign_open"])
        .alone()
        .spot(),
    fault("foreign-order", LINKS, "side = \"buy\"\nby = 10000\naccount = \"demo\"")
        .kind("that rests, of futures")
        .times(2)
        .shows(&["orders/foreign_open"])
        .alone()
        .futures(),
    fault("foreign-order", ONCE, "side = \"buy\"\naccount = \"demo\"")
        .kind("filled unseen")
        .times(1)
        .shows(&["orders/breaks"])
        .ends(End::Break),
    fault("foreign-cancel", "at_ms = 3000\nevery_ms = 700\ntimes = 5", "account = \"demo\""),
    fault("foreign-trade", ONCE, "side = \"buy\"\naccount = \"demo\"")
        .times(1)
        .shows(&["orders/breaks"])
        .ends(End::Break),
    fault("transfer", ONCE, "asset = \"BTC\"\namount = \"0.5\"\naccount = \"demo\"")
        .times(1)
        .shows(&["orders/breaks"])
        .ends(End::Break)
        .spot(),
    fault("self-match", ONCE, "account = \"demo\"")
        .times(1)
        .shows(&["orders/breaks"])
        .ends(End::Break),
    fault("odd-fee", "at_ms = 1", "ppm = 333").times(1).shows(&["fills"]),
    fault("negative-fee", "at_ms = 1", "ppm = 100").times(1).shows(&["fills"]),
    fault("fee-in-third-asset", "at_ms = 1", "account = \"demo\"")
        .times(1)
        .shows(&["fills"])
        .exchange(&["--symbols", "BTCUSDT,BNBUSDT"])
        .alone()
        .spot(),
    fault("large-ids", "", "").times(1).shows(&["fills"]).alone(),
    fault("delist", ONCE, "").times(1).shows(&["feed/instruments/0/is_stopped"]).ends(End::Stopped),
    fault("key-revoked", ONCE, "account = \"demo\"").times(1).ends(End::Barred),
];
