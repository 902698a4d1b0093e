-- Every run ever made on this machine, one row each.
CREATE TABLE runs (
    id               TEXT PRIMARY KEY NOT NULL,
    started_ns       INTEGER NOT NULL,             -- UTC, nanoseconds since 1970
    kind             TEXT NOT NULL,                -- backtest, demo, sweep
    state            TEXT NOT NULL,                -- done, empty, bankrupt, interrupted
    exit_code        INTEGER NOT NULL,
    version          TEXT NOT NULL,
    code_commit      TEXT NOT NULL,                -- empty when built without git
    command          TEXT NOT NULL,                -- reproduces the run
    strategy         TEXT NOT NULL,
    params           TEXT NOT NULL,                -- JSON object
    symbols          TEXT NOT NULL,                -- JSON array
    data             TEXT NOT NULL,                -- JSON array: path, sha256, bars, from, to
    seed             INTEGER NOT NULL,
    metrics          TEXT NOT NULL,                -- JSON object
    determinism_hash TEXT NOT NULL,                -- hex; empty for a sweep
    events           INTEGER NOT NULL,
    wall_seconds     REAL NOT NULL
);

CREATE INDEX runs_by_time ON runs (started_ns);
