-- Sources of signals, and what they have said.
CREATE TABLE signal_sources (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    subject TEXT,
    key_version BIGINT NOT NULL,
    follow JSONB NOT NULL,
    symbols JSONB NOT NULL,
    budget_notional NUMERIC NOT NULL,
    budget_loss NUMERIC NOT NULL,
    rate_per_minute BIGINT NOT NULL,
    late_after_ms BIGINT NOT NULL,
    fallback TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    deleted_ns BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, number),
    CHECK (mode IN ('shadow', 'live', 'demoted')),
    CHECK (fallback IN ('ignore', 'flat'))
);
-- A name and a subject are free again when their source is gone; its number is not.
CREATE UNIQUE INDEX signal_sources_by_name ON signal_sources (tenant_id, name)
    WHERE deleted_ns IS NULL;
CREATE UNIQUE INDEX signal_sources_by_subject ON signal_sources (tenant_id, subject)
    WHERE deleted_ns IS NULL;

CREATE TABLE signals (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    source_id UUID NOT NULL,
    signal_id TEXT NOT NULL,
    body TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    symbol TEXT NOT NULL,
    action TEXT NOT NULL,
    confidence_e9 BIGINT NOT NULL,
    issued_ns BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL,
    arrived_ns BIGINT NOT NULL,
    status TEXT NOT NULL,
    code TEXT,
    session_seq BIGINT,
    taken_body TEXT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, source_id, signal_id),
    CHECK (action IN ('buy', 'sell', 'hold', 'close')),
    CHECK (status IN ('received', 'taken', 'shadow', 'waiting', 'approved', 'rejected', 'expired',
        'refused'))
);
CREATE INDEX signals_by_arrival ON signals (tenant_id, arrived_ns, id);
CREATE INDEX signals_of_source ON signals (tenant_id, source_id, arrived_ns, id);

DO $$
DECLARE
    made TEXT;
BEGIN
    FOREACH made IN ARRAY ARRAY['signal_sources', 'signals'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', made);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', made);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (tenant_id = current_setting(''app.current_tenant_id'')::uuid) '
            'WITH CHECK (tenant_id = current_setting(''app.current_tenant_id'')::uuid)',
            'tenant_isolation_' || made, made);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO quanttrade_app', made);
    END LOOP;
END $$;
