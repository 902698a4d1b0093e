-- Where a tenant is told of its events, and how each telling went; what agents said that was no
-- signal.
CREATE TABLE webhooks (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    url TEXT NOT NULL,
    event_types JSONB NOT NULL,
    sealed_secret TEXT NOT NULL,
    outbox_seq BIGINT NOT NULL,
    person TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE webhook_deliveries (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    webhook_id UUID NOT NULL,
    event_id UUID NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_ns BIGINT NOT NULL,
    tried_ns BIGINT,
    answer_status BIGINT,
    error TEXT,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, webhook_id, event_id),
    CHECK (status IN ('waiting', 'delivered', 'failed'))
);

CREATE TABLE observations (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    agent_name TEXT NOT NULL,
    task_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, task_id, agent_name, reason, content_hash)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, next_ns)
    WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (tenant_id, webhook_id, created_ns, id);
CREATE INDEX observations_created ON observations (tenant_id, created_ns, id);

DO $$
DECLARE
    made TEXT;
BEGIN
    FOREACH made IN ARRAY ARRAY['webhooks', 'webhook_deliveries', 'observations'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', made);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', made);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (tenant_id = current_setting(''app.current_tenant_id'')::uuid) '
            'WITH CHECK (tenant_id = current_setting(''app.current_tenant_id'')::uuid)',
            'tenant_isolation_' || made, made);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO quanttrade_app', made);
    END LOOP;
END $$;

-- Which tenants have webhooks at all, and no column more.
CREATE POLICY system_reads_webhooks ON webhooks FOR SELECT TO quanttrade_system USING (true);
GRANT SELECT (tenant_id) ON webhooks TO quanttrade_system;
