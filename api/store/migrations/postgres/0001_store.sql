-- What is kept. Every row belongs to a tenant. Times are nanoseconds since 1970 UTC. Money, prices and
-- quantities are exact: NUMERIC. The two dialects have the same tables and columns;
-- a test holds them to it.

CREATE TABLE tenants (
    tenant_id UUID NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE tenant_heads (
    tenant_id UUID NOT NULL,
    outbox_seq BIGINT NOT NULL,
    audit_seq BIGINT NOT NULL,
    audit_hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE accounts (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    account_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    initial_capital NUMERIC NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK (account_type IN ('paper', 'live'))
);

CREATE TABLE strategies (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    strategy_type TEXT NOT NULL,
    symbols JSONB NOT NULL,
    parameters JSONB NOT NULL,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_ns BIGINT NOT NULL,
    updated_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK (status IN ('active', 'paused', 'stopped'))
);

CREATE TABLE orders (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    session_seq BIGINT NOT NULL,
    client_order_id TEXT,
    strategy_id UUID,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    kind TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    post_only BOOLEAN NOT NULL,
    reduce_only BOOLEAN NOT NULL,
    quantity NUMERIC NOT NULL,
    filled_quantity NUMERIC NOT NULL,
    price NUMERIC,
    stop_price NUMERIC,
    average_price NUMERIC,
    status TEXT NOT NULL,
    cancel_pending BOOLEAN NOT NULL,
    reason TEXT,
    created_ns BIGINT NOT NULL,
    updated_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (side IN ('buy', 'sell'))
);

CREATE TABLE executions (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    account_id UUID NOT NULL,
    session_id UUID NOT NULL,
    session_seq BIGINT NOT NULL,
    strategy_id UUID,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    price NUMERIC NOT NULL,
    quantity NUMERIC NOT NULL,
    fee NUMERIC NOT NULL,
    fee_currency TEXT NOT NULL,
    is_maker BOOLEAN NOT NULL,
    executed_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (side IN ('buy', 'sell'))
);

CREATE TABLE session_projections (
    tenant_id UUID NOT NULL,
    session_id UUID NOT NULL,
    account_id UUID NOT NULL,
    projected_seq BIGINT NOT NULL,
    updated_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
);

CREATE TABLE equity_points (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    at_ns BIGINT NOT NULL,
    equity NUMERIC NOT NULL,
    cash NUMERIC NOT NULL,
    realized_pnl NUMERIC NOT NULL,
    unrealized_pnl NUMERIC NOT NULL,
    fees NUMERIC NOT NULL,
    PRIMARY KEY (tenant_id, account_id, at_ns)
);

CREATE TABLE portfolio_days (
    tenant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    day BIGINT NOT NULL,
    open_equity NUMERIC NOT NULL,
    close_equity NUMERIC NOT NULL,
    high_equity NUMERIC NOT NULL,
    low_equity NUMERIC NOT NULL,
    fees NUMERIC NOT NULL,
    PRIMARY KEY (tenant_id, account_id, day)
);

CREATE TABLE backtests (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    strategy_id UUID,
    unique_key TEXT,
    status TEXT NOT NULL,
    config JSONB NOT NULL,
    progress JSONB NOT NULL,
    result JSONB,
    error TEXT,
    report_path TEXT,
    cpu_ms BIGINT NOT NULL,
    person TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    started_ns BIGINT,
    finished_ns BIGINT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, unique_key),
    CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'))
);

CREATE TABLE datasets (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    symbols JSONB NOT NULL,
    row_count BIGINT NOT NULL,
    byte_count BIGINT NOT NULL,
    from_ns BIGINT NOT NULL,
    to_ns BIGINT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE limit_sets (
    tenant_id UUID NOT NULL,
    version BIGINT NOT NULL,
    document JSONB NOT NULL,
    people JSONB NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

CREATE TABLE limit_proposals (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    base_version BIGINT NOT NULL,
    document JSONB NOT NULL,
    person TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE risk_alerts (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID,
    severity TEXT NOT NULL,
    control TEXT NOT NULL,
    symbol TEXT,
    limit_value NUMERIC,
    observed NUMERIC,
    message TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE kill_states (
    tenant_id UUID NOT NULL,
    level TEXT NOT NULL,
    subject TEXT NOT NULL,
    is_killed BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    trips BIGINT NOT NULL,
    changed_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, level, subject)
);

CREATE TABLE arm_approvals (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    level TEXT NOT NULL,
    subject TEXT NOT NULL,
    trips BIGINT NOT NULL,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    approved_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE idempotency_keys (
    tenant_id UUID NOT NULL,
    scope TEXT NOT NULL,
    request_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    resource UUID NOT NULL,
    answer_status BIGINT,
    answer_body TEXT,
    begun_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, scope, request_key)
);

CREATE TABLE leases (
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE audit_entries (
    tenant_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    id UUID NOT NULL,
    at_ns BIGINT NOT NULL,
    person TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, id)
);

CREATE TABLE outbox_events (
    tenant_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    event_id UUID NOT NULL,
    event_type TEXT NOT NULL,
    event_version BIGINT NOT NULL,
    aggregate_id TEXT NOT NULL,
    aggregate_type TEXT NOT NULL,
    occurred_ns BIGINT NOT NULL,
    correlation_id TEXT,
    causation_id TEXT,
    data TEXT NOT NULL,
    published_ns BIGINT,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, event_id)
);

CREATE INDEX strategies_created ON strategies (tenant_id, created_ns, id);
CREATE INDEX orders_created ON orders (tenant_id, created_ns, id);
CREATE INDEX orders_session ON orders (tenant_id, account_id, session_id);
CREATE INDEX executions_executed ON executions (tenant_id, executed_ns, id);
CREATE INDEX executions_order ON executions (tenant_id, order_id);
CREATE INDEX backtests_created ON backtests (tenant_id, created_ns, id);
CREATE INDEX backtests_strategy ON backtests (tenant_id, strategy_id, created_ns);
CREATE INDEX risk_alerts_created ON risk_alerts (tenant_id, created_ns, id);
CREATE INDEX outbox_waiting ON outbox_events (tenant_id, seq) WHERE published_ns IS NULL;
CREATE INDEX outbox_published ON outbox_events (tenant_id, published_ns);
CREATE INDEX idempotency_begun ON idempotency_keys (tenant_id, begun_ns);

-- The audit only grows. Who takes these triggers away is found by the hashes (docs/STORE.md).
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit only grows';
END $$;
CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
