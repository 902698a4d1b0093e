-- What Superset reads. The views have the rights of whoever asks (security_invoker), so that the
-- tenants stay apart in them as well: a connection says `app.current_tenant_id` first.
CREATE FUNCTION reporting_time(ns BIGINT) RETURNS TIMESTAMPTZ LANGUAGE sql IMMUTABLE AS
$$ SELECT to_timestamp(ns / 1000000000) + (ns % 1000000000) / 1000 * INTERVAL '1 microsecond' $$;

CREATE VIEW reporting_trades WITH (security_invoker = true) AS
SELECT tenant_id, id AS trade_id, order_id, account_id, strategy_id, symbol, side, price, quantity,
    price * quantity AS value, fee, fee_currency, is_maker, reporting_time(executed_ns) AS executed_at
FROM executions;

CREATE VIEW reporting_orders WITH (security_invoker = true) AS
SELECT tenant_id, id AS order_id, account_id, strategy_id, symbol, side, kind, quantity,
    filled_quantity, price, average_price, status, reason, reporting_time(created_ns) AS created_at,
    reporting_time(updated_ns) AS updated_at
FROM orders;

CREATE VIEW reporting_portfolio_days WITH (security_invoker = true) AS
SELECT tenant_id, account_id, DATE '1970-01-01' + day::integer AS date, open_equity, close_equity,
    high_equity, low_equity,
    close_equity - COALESCE(
        LAG(close_equity) OVER (PARTITION BY tenant_id, account_id ORDER BY day), open_equity) AS pnl,
    fees
FROM portfolio_days;

CREATE VIEW reporting_equity WITH (security_invoker = true) AS
SELECT tenant_id, account_id, reporting_time(at_ns) AS at, equity, cash, realized_pnl,
    unrealized_pnl, fees
FROM equity_points;

CREATE VIEW reporting_strategies WITH (security_invoker = true) AS
SELECT s.tenant_id, s.id AS strategy_id, s.name, s.strategy_type, s.status,
    (SELECT count(*) FROM executions e
        WHERE e.tenant_id = s.tenant_id AND e.strategy_id = s.id) AS trades,
    reporting_time(s.created_ns) AS created_at
FROM strategies s;

CREATE VIEW reporting_backtests WITH (security_invoker = true) AS
SELECT tenant_id, id AS backtest_id, strategy_id, status, result, cpu_ms,
    reporting_time(created_ns) AS created_at, reporting_time(finished_ns) AS finished_at
FROM backtests;

CREATE VIEW reporting_risk_alerts WITH (security_invoker = true) AS
SELECT tenant_id, id AS alert_id, account_id, severity, control, symbol, limit_value, observed, message,
    reporting_time(created_ns) AS created_at
FROM risk_alerts;

GRANT SELECT ON executions, orders, portfolio_days, equity_points, strategies, backtests, risk_alerts,
    reporting_trades, reporting_orders, reporting_portfolio_days, reporting_equity,
    reporting_strategies, reporting_backtests, reporting_risk_alerts
TO quanttrade_report, quanttrade_app;
