-- Sources of signals, and what they have said.
CREATE TABLE signal_sources (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    subject TEXT,
    key_version INTEGER NOT NULL,
    follow TEXT NOT NULL,
    symbols TEXT NOT NULL,
    budget_notional TEXT NOT NULL,
    budget_loss TEXT NOT NULL,
    rate_per_minute INTEGER NOT NULL,
    late_after_ms INTEGER NOT NULL,
    fallback TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    deleted_ns INTEGER,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number),
    CHECK (mode IN ('shadow', 'live', 'demoted')),
    CHECK (fallback IN ('ignore', 'flat'))
) STRICT;
-- A name and a subject are free again when their source is gone; its number is not.
CREATE UNIQUE INDEX signal_sources_by_name ON signal_sources (tenant_id, name)
    WHERE deleted_ns IS NULL;
CREATE UNIQUE INDEX signal_sources_by_subject ON signal_sources (tenant_id, subject)
    WHERE deleted_ns IS NULL;

CREATE TABLE signals (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    signal_id TEXT NOT NULL,
    body TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    symbol TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence_e9 INTEGER NOT NULL,
    issued_ns INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    arrived_ns INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT,
    session_seq INTEGER,
    taken_body TEXT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, source_id, signal_id),
    CHECK (action IN ('buy', 'sell', 'hold', 'close')),
    CHECK (status IN ('received', 'taken', 'shadow', 'waiting', 'approved', 'rejected', 'expired',
        'refused'))
) STRICT;
CREATE INDEX signals_by_arrival ON signals (tenant_id, arrived_ns, id);
CREATE INDEX signals_of_source ON signals (tenant_id, source_id, arrived_ns, id);
