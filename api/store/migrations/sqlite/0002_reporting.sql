-- The views of PostgreSQL as far as SQLite can: without sums, as those would be floats.
CREATE VIEW reporting_trades AS
SELECT tenant_id, id AS trade_id, order_id, account_id, strategy_id, symbol, side, price, quantity,
    fee, fee_currency, is_maker, executed_ns FROM executions;

CREATE VIEW reporting_orders AS
SELECT tenant_id, id AS order_id, account_id, strategy_id, symbol, side, kind, quantity,
    filled_quantity, price, average_price, status, reason, created_ns, updated_ns FROM orders;

CREATE VIEW reporting_portfolio_days AS
SELECT tenant_id, account_id, date(day * 86400, 'unixepoch') AS date, open_equity, close_equity,
    high_equity, low_equity, fees FROM portfolio_days;

CREATE VIEW reporting_equity AS
SELECT tenant_id, account_id, at_ns, equity, cash, realized_pnl, unrealized_pnl, fees
FROM equity_points;

CREATE VIEW reporting_strategies AS
SELECT s.tenant_id, s.id AS strategy_id, s.name, s.strategy_type, s.status,
    (SELECT count(*) FROM executions e
        WHERE e.tenant_id = s.tenant_id AND e.strategy_id = s.id) AS trades,
    s.created_ns FROM strategies s;

CREATE VIEW reporting_backtests AS
SELECT tenant_id, id AS backtest_id, strategy_id, status, result, cpu_ms, created_ns, finished_ns
FROM backtests;

CREATE VIEW reporting_risk_alerts AS
SELECT tenant_id, id AS alert_id, account_id, severity, control, symbol, limit_value, observed,
    message, created_ns FROM risk_alerts;
