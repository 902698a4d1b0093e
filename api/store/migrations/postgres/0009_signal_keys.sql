-- Until when the key before the newest one is good as well.
ALTER TABLE signal_sources ADD COLUMN old_key_until_ns BIGINT;
-- Signals that nobody has brought to their end yet: few of many.
CREATE INDEX signals_left ON signals (tenant_id, arrived_ns, id) WHERE status = 'received';
