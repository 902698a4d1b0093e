-- What became of what sources said, and since when each is in its mode.
CREATE TABLE signal_outcomes (
    tenant_id UUID NOT NULL,
    signal_id UUID NOT NULL,
    source_id UUID NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    confidence_e9 BIGINT NOT NULL,
    arrived_ns BIGINT NOT NULL,
    until_ns BIGINT NOT NULL,
    price NUMERIC,
    stop NUMERIC,
    target NUMERIC,
    state TEXT NOT NULL,
    ending TEXT,
    ended_ns BIGINT,
    price_end NUMERIC,
    marks JSONB,
    PRIMARY KEY (tenant_id, signal_id),
    CHECK (side IN ('buy', 'sell')),
    CHECK (state IN ('open', 'judged', 'unseen')),
    CHECK ((state = 'judged') = (ending IS NOT NULL))
);
CREATE INDEX signal_outcomes_open ON signal_outcomes (tenant_id, arrived_ns, signal_id)
    WHERE state = 'open';
CREATE INDEX signal_outcomes_judged ON signal_outcomes (tenant_id, source_id, ended_ns, signal_id)
    WHERE state = 'judged';

CREATE TABLE source_trials (
    tenant_id UUID NOT NULL,
    source_id UUID NOT NULL,
    mode TEXT NOT NULL,
    since_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, source_id)
);

DO $$
DECLARE
    made TEXT;
BEGIN
    FOREACH made IN ARRAY ARRAY['signal_outcomes', 'source_trials'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', made);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', made);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (tenant_id = current_setting(''app.current_tenant_id'')::uuid) '
            'WITH CHECK (tenant_id = current_setting(''app.current_tenant_id'')::uuid)',
            'tenant_isolation_' || made, made);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO quanttrade_app', made);
    END LOOP;
END $$;
