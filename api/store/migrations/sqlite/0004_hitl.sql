-- What waits for a human. `signal_id` is the row of the signal that is asked about, once.
CREATE TABLE hitl_policies (
    tenant_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    confidence_e9 INTEGER NOT NULL,
    notional TEXT,
    asks_first INTEGER NOT NULL,
    controls TEXT NOT NULL,
    person TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, version)
) STRICT;

CREATE TABLE hitl_requests (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    signal_id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    status TEXT NOT NULL,
    urgency TEXT NOT NULL,
    triggers TEXT NOT NULL,
    task_data TEXT NOT NULL,
    recommendation TEXT NOT NULL,
    confidence_e9 INTEGER NOT NULL,
    notional TEXT,
    context TEXT NOT NULL,
    outcome TEXT,
    is_mirrored INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, signal_id),
    CHECK (status IN ('pending', 'approved', 'released', 'refused', 'rejected', 'expired')),
    CHECK (urgency IN ('high', 'medium', 'low'))
) STRICT;

CREATE TABLE hitl_decisions (
    tenant_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    notes TEXT NOT NULL,
    modified TEXT,
    person TEXT NOT NULL,
    decided_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, request_id),
    CHECK (verdict IN ('approve', 'reject', 'modify'))
) STRICT;

CREATE INDEX hitl_requests_open ON hitl_requests (tenant_id, status, expires_ns, id)
    WHERE status IN ('pending', 'approved');
CREATE INDEX hitl_requests_source ON hitl_requests (tenant_id, source_id, status);
CREATE INDEX hitl_requests_created ON hitl_requests (tenant_id, created_ns);
CREATE INDEX hitl_requests_mirror ON hitl_requests (tenant_id, updated_ns, id) WHERE NOT is_mirrored;
CREATE INDEX hitl_decisions_decided ON hitl_decisions (tenant_id, decided_ns, request_id);

-- A decision stays as it is.
CREATE TRIGGER hitl_decisions_no_update BEFORE UPDATE ON hitl_decisions
BEGIN SELECT RAISE(ABORT, 'a decision stays as it is'); END;
CREATE TRIGGER hitl_decisions_no_delete BEFORE DELETE ON hitl_decisions
BEGIN SELECT RAISE(ABORT, 'a decision stays as it is'); END;
