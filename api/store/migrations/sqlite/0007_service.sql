-- Which process has a job, and until when it has said so: another one that starts leaves it alone.
ALTER TABLE backtests ADD COLUMN holder TEXT;
ALTER TABLE backtests ADD COLUMN held_until_ns INTEGER NOT NULL DEFAULT 0;
