-- What became of what sources said, and since when each is in its mode.
CREATE TABLE signal_outcomes (
    tenant_id TEXT NOT NULL,
    signal_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    confidence_e9 INTEGER NOT NULL,
    arrived_ns INTEGER NOT NULL,
    until_ns INTEGER NOT NULL,
    price TEXT,
    stop TEXT,
    target TEXT,
    state TEXT NOT NULL,
    ending TEXT,
    ended_ns INTEGER,
    price_end TEXT,
    marks TEXT,
    PRIMARY KEY (tenant_id, signal_id),
    CHECK (side IN ('buy', 'sell')),
    CHECK (state IN ('open', 'judged', 'unseen')),
    CHECK ((state = 'judged') = (ending IS NOT NULL))
) STRICT;
CREATE INDEX signal_outcomes_open ON signal_outcomes (tenant_id, arrived_ns, signal_id)
    WHERE state = 'open';
CREATE INDEX signal_outcomes_judged ON signal_outcomes (tenant_id, source_id, ended_ns, signal_id)
    WHERE state = 'judged';

CREATE TABLE source_trials (
    tenant_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, source_id)
) STRICT;
