-- Where a tenant is told of its events, and how each telling went; what agents said that was no
-- signal.
CREATE TABLE webhooks (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    event_types TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    outbox_seq INTEGER NOT NULL,
    person TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE webhook_deliveries (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_ns INTEGER NOT NULL,
    tried_ns INTEGER,
    answer_status INTEGER,
    error TEXT,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, webhook_id, event_id),
    CHECK (status IN ('waiting', 'delivered', 'failed'))
) STRICT;

CREATE TABLE observations (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    task_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, task_id, agent_name, reason, content_hash)
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, next_ns)
    WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (tenant_id, webhook_id, created_ns, id);
CREATE INDEX observations_created ON observations (tenant_id, created_ns, id);
