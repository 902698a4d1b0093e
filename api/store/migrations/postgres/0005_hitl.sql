-- What waits for a human. `signal_id` is the row of the signal that is asked about, once.
CREATE TABLE hitl_policies (
    tenant_id UUID NOT NULL,
    version BIGINT NOT NULL,
    confidence_e9 BIGINT NOT NULL,
    notional NUMERIC,
    asks_first BOOLEAN NOT NULL,
    controls JSONB NOT NULL,
    person TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

CREATE TABLE hitl_requests (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    signal_id UUID NOT NULL,
    source_id UUID NOT NULL,
    symbol TEXT NOT NULL,
    status TEXT NOT NULL,
    urgency TEXT NOT NULL,
    triggers TEXT NOT NULL,
    task_data JSONB NOT NULL,
    recommendation JSONB NOT NULL,
    confidence_e9 BIGINT NOT NULL,
    notional NUMERIC,
    context JSONB NOT NULL,
    outcome JSONB,
    is_mirrored BOOLEAN NOT NULL,
    created_ns BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL,
    updated_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, signal_id),
    CHECK (status IN ('pending', 'approved', 'released', 'refused', 'rejected', 'expired')),
    CHECK (urgency IN ('high', 'medium', 'low'))
);

CREATE TABLE hitl_decisions (
    tenant_id UUID NOT NULL,
    request_id UUID NOT NULL,
    id UUID NOT NULL,
    verdict TEXT NOT NULL,
    notes TEXT NOT NULL,
    modified JSONB,
    person TEXT NOT NULL,
    decided_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, request_id),
    CHECK (verdict IN ('approve', 'reject', 'modify'))
);

CREATE INDEX hitl_requests_open ON hitl_requests (tenant_id, status, expires_ns, id)
    WHERE status IN ('pending', 'approved');
CREATE INDEX hitl_requests_source ON hitl_requests (tenant_id, source_id, status);
CREATE INDEX hitl_requests_created ON hitl_requests (tenant_id, created_ns);
CREATE INDEX hitl_requests_mirror ON hitl_requests (tenant_id, updated_ns, id) WHERE NOT is_mirrored;
CREATE INDEX hitl_decisions_decided ON hitl_decisions (tenant_id, decided_ns, request_id);

-- A tenant sees its own rows alone. Nothing here is ever deleted, and a decision stays as it is.
DO $$
DECLARE
    found TEXT;
BEGIN
    FOREACH found IN ARRAY ARRAY['hitl_policies', 'hitl_requests', 'hitl_decisions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', found);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', found);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (tenant_id = current_setting(''app.current_tenant_id'')::uuid) '
            'WITH CHECK (tenant_id = current_setting(''app.current_tenant_id'')::uuid)',
            'tenant_isolation_' || found, found);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO quanttrade_app', found);
    END LOOP;
END $$;
GRANT UPDATE ON hitl_requests TO quanttrade_app;
