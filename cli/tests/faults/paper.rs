//! Faults of market data and of its connections, met by a run on paper.

use crate::scenarios::{End, Scenario};

const fn fault(name: &'static str, when: &'static str, how: &'static str) -> Scenario {
    Scenario::paper(name, when, how)
}

/// One of connections: each time a link is lost and another one made.
const fn lost(name: &'static str, how: &'static str) -> Scenario {
    fault(name, LINKS, how).times(2).cuts().shows(&["feed/losses"])
}

/// One of snapshots: gaps have more of them asked for.
const fn snapshot(name: &'static str, how: &'static str) -> Scenario {
    fault(name, "every = 1\ntimes = 3", how).beside(GAPS)
}

/// One of the venue's rules: the instrument is not what it was.
const fn rules(name: &'static str, how: &'static str) -> Scenario {
    fault(name, "at_ms = 2500", how)
        .times(1)
        .shows(&["feed/instruments/0/is_stopped"])
        .ends(End::Stopped)
}

/// Some changes of the book, again and again.
const DELTAS: &str = "at_ms = 1500\nevery_ms = 1500\ntimes = 4\ncount = 2";
/// A frame now and then.
const FRAMES: &str = "at_ms = 1500\nevery_ms = 700\ntimes = 6";
/// A connection now and then.
const LINKS: &str = "at_ms = 2000\nevery_ms = 3000\ntimes = 2";
/// Once, at the first occasion.
const ONCE: &str = "";
/// Gaps, so that books are asked for again.
const GAPS: &str = "[[fault]]\nwhat = \"drop-delta\"\nat_ms = 1500\nevery_ms = 2000\n";

pub const PAPER: &[Scenario] = &[
    fault("drop-delta", DELTAS, "").shows(&["feed/gaps"]),
    fault("duplicate-delta", DELTAS, ""),
    fault("swap-deltas", DELTAS, "").shows(&["feed/gaps"]),
    fault("late-delta", "at_ms = 1500\nevery_ms = 1500\ntimes = 4", "delay_ms = 300"),
    fault("link-break", DELTAS, "").shows(&["feed/gaps"]),
    fault("sequence-down", DELTAS, "").shows(&["feed/gaps"]),
    fault("remove-absent", DELTAS, ""),
    fault("crossed-book", DELTAS, ""),
    fault("empty-side", DELTAS, ""),
    snapshot("stale-snapshot", "").shows(&["feed/snapshots_refused"]),
    snapshot("snapshot-at-last", "").shows(&["feed/resyncs/count"]),
    snapshot("snapshot-before-first", "").shows(&["feed/resyncs/count"]),
    snapshot("snapshot-refused", "status = 503\nretry_ms = 1000")
        .kind("503")
        .shows(&["feed/requests_failed"]),
    snapshot("snapshot-refused", "status = 429\nretry_ms = 1000")
        .kind("429")
        .shows(&["feed/throttled"]),
    snapshot("snapshot-refused", "status = 418\nretry_ms = 1000")
        .kind("418")
        .shows(&["feed/throttled"]),
    snapshot("snapshot-timeout", "").times(1).shows(&["feed/requests_failed"]),
    snapshot("snapshot-slow", "delay_ms = 2000"),
    snapshot("huge-frame", "bytes = 10000000"),
    fault("unknown-field", FRAMES, "").shows(&["feed/fields_unknown"]),
    fault("unknown-value", FRAMES, "").shows(&["feed/unknown"]),
    fault("key-order", FRAMES, ""),
    fault("missing-field", FRAMES, "stream = \"depth\"").shows(&["feed/unreadable"]),
    fault("garbage-frame", FRAMES, "bytes = 64").shows(&["feed/unreadable"]),
    fault("fragmented-frame", FRAMES, "parts = 5"),
    fault("binary-frame", FRAMES, ""),
    fault("ping-inside", FRAMES, "bytes = 20"),
    // Those of new connections come before those by which connections are lost.
    fault("ack-error-one", ONCE, "").times(1).cuts(),
    fault("ack-lost", ONCE, "").times(1).cuts(),
    fault("data-before-ack", ONCE, "").times(1).cuts(),
    fault("inbound-limit", ONCE, "").times(1).cuts().shows(&["feed/losses"]),
    fault("refuse-connect", ONCE, "for_ms = 1500\nconnection = \"streams\"")
        .times(1)
        .cuts()
        .shows(&["feed/refusals"]),
    fault("slow-connect", ONCE, "delay_ms = 1500\nconnection = \"streams\"").times(1).cuts(),
    fault("connect-limit", ONCE, "status = 429\nretry_ms = 1000\nconnection = \"streams\"")
        .times(1)
        .cuts()
        .shows(&["feed/refusals"]),
    lost("compressed-frame", "stream = \"depth\""),
    lost("cut-frame", "stream = \"depth\""),
    fault("foreign-symbol", FRAMES, ""),
    fault("large-ids", ONCE, "").times(1).alone(),
    fault("burst", "at_ms = 2000\nevery_ms = 1500\ntimes = 3", "for_ms = 800\nrate = 5000"),
    lost("outage", "for_ms = 1500"),
    lost("close-code", "code = 1000\nconnection = \"streams\"").kind("1000"),
    lost("close-code", "code = 1006\nconnection = \"streams\"").kind("1006"),
    lost("close-code", "code = 1012\nconnection = \"streams\"").kind("1012"),
    lost("reset", "connection = \"streams\""),
    lost("slow-consumer", "connection = \"streams\""),
    lost("lifetime-ends", "connection = \"streams\""),
    lost("restart", ""),
    // A minute of silence is what it takes.
    fault("half-open", "at_ms = 2500", "connection = \"streams\"")
        .times(1)
        .shows(&["feed/silences"])
        .alone(),
    fault("shutdown-notice", LINKS, "delay_ms = 1500\nconnection = \"streams\"").times(2).cuts(),
    fault("overlap", LINKS, "delay_ms = 5000\nconnection = \"streams\"")
        .times(1)
        .cuts()
        .shows(&["feed/rotations"]),
    fault("ack-without-data", ONCE, "").times(1).shows(&["feed/resubscriptions"]).alone(),
    fault("halt", "at_ms = 2500", "for_ms = 1500").times(1),
    rules("tick-change", "tick = \"0.05\"").spot(),
    rules("tick-change", "tick = \"0.50\"").kind("of futures").futures(),
    rules("precision-change", "tick = \"0.001\"").spot(),
    rules("precision-change", "tick = \"0.01\"").kind("of futures").futures(),
];
