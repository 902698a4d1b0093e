-- The crate of the user's own that made a run: JSON object of name, version and hash of its
-- sources, or null. What 0001 says of two columns no longer holds: code_commit is 'unknown' when
-- built without git and ends with '-dirty' when the sources had changed since, and a sweep's
-- determinism_hash is the one over the hashes of all its trials.
ALTER TABLE runs ADD COLUMN program TEXT NOT NULL DEFAULT 'null';
