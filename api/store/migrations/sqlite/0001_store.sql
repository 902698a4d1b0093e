-- What is kept. Every row belongs to a tenant. Times are nanoseconds since 1970 UTC. Money, prices and
-- quantities are exact: TEXT, as SQLite has no exact decimals. The two dialects have the same tables and columns;
-- a test holds them to it.

CREATE TABLE tenants (
    tenant_id TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

CREATE TABLE tenant_heads (
    tenant_id TEXT NOT NULL,
    outbox_seq INTEGER NOT NULL,
    audit_seq INTEGER NOT NULL,
    audit_hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

CREATE TABLE accounts (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    account_type TEXT NOT NULL,
    currency TEXT NOT NULL,
    initial_capital TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK (account_type IN ('paper', 'live'))
) STRICT;

CREATE TABLE strategies (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    strategy_type TEXT NOT NULL,
    symbols TEXT NOT NULL,
    parameters TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    CHECK (status IN ('active', 'paused', 'stopped'))
) STRICT;

CREATE TABLE orders (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    session_seq INTEGER NOT NULL,
    client_order_id TEXT,
    strategy_id TEXT,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    kind TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    post_only INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    quantity TEXT NOT NULL,
    filled_quantity TEXT NOT NULL,
    price TEXT,
    stop_price TEXT,
    average_price TEXT,
    status TEXT NOT NULL,
    cancel_pending INTEGER NOT NULL,
    reason TEXT,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (side IN ('buy', 'sell'))
) STRICT;

CREATE TABLE executions (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    session_seq INTEGER NOT NULL,
    strategy_id TEXT,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    quantity TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL,
    is_maker INTEGER NOT NULL,
    executed_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (side IN ('buy', 'sell'))
) STRICT;

CREATE TABLE session_projections (
    tenant_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    projected_seq INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
) STRICT;

CREATE TABLE equity_points (
    tenant_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    equity TEXT NOT NULL,
    cash TEXT NOT NULL,
    realized_pnl TEXT NOT NULL,
    unrealized_pnl TEXT NOT NULL,
    fees TEXT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, at_ns)
) STRICT;

CREATE TABLE portfolio_days (
    tenant_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    open_equity TEXT NOT NULL,
    close_equity TEXT NOT NULL,
    high_equity TEXT NOT NULL,
    low_equity TEXT NOT NULL,
    fees TEXT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, day)
) STRICT;

CREATE TABLE backtests (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    strategy_id TEXT,
    unique_key TEXT,
    status TEXT NOT NULL,
    config TEXT NOT NULL,
    progress TEXT NOT NULL,
    result TEXT,
    error TEXT,
    report_path TEXT,
    cpu_ms INTEGER NOT NULL,
    person TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    started_ns INTEGER,
    finished_ns INTEGER,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, unique_key),
    CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'))
) STRICT;

CREATE TABLE datasets (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    symbols TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    byte_count INTEGER NOT NULL,
    from_ns INTEGER NOT NULL,
    to_ns INTEGER NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE limit_sets (
    tenant_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    people TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, version)
) STRICT;

CREATE TABLE limit_proposals (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    base_version INTEGER NOT NULL,
    document TEXT NOT NULL,
    person TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE risk_alerts (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    account_id TEXT,
    severity TEXT NOT NULL,
    control TEXT NOT NULL,
    symbol TEXT,
    limit_value TEXT,
    observed TEXT,
    message TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE kill_states (
    tenant_id TEXT NOT NULL,
    level TEXT NOT NULL,
    subject TEXT NOT NULL,
    is_killed INTEGER NOT NULL,
    reason TEXT NOT NULL,
    person TEXT NOT NULL,
    trips INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, level, subject)
) STRICT;

CREATE TABLE arm_approvals (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    level TEXT NOT NULL,
    subject TEXT NOT NULL,
    trips INTEGER NOT NULL,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    approved_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    request_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    resource TEXT NOT NULL,
    answer_status INTEGER,
    answer_body TEXT,
    begun_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, scope, request_key)
) STRICT;

CREATE TABLE leases (
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expires_ns INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;

CREATE TABLE audit_entries (
    tenant_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    person TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    request_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, id)
) STRICT;

CREATE TABLE outbox_events (
    tenant_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    event_version INTEGER NOT NULL,
    aggregate_id TEXT NOT NULL,
    aggregate_type TEXT NOT NULL,
    occurred_ns INTEGER NOT NULL,
    correlation_id TEXT,
    causation_id TEXT,
    data TEXT NOT NULL,
    published_ns INTEGER,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, event_id)
) STRICT;

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
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
