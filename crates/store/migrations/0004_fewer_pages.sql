-- Why: a decision should touch few pages. On PostgreSQL a document of more than about 2,000 bytes was
-- cut into pieces that are rows of a table beside, with an index of its own; it now stays in its row
-- up to a page, and pages are left half empty so that the next version fits beside the last one and
-- no index is touched.
--
-- On SQLite an effect and an answer were a row, and an entry of an index that repeats its name; the
-- name is now where the row is. Between /*P and P*/ stands what only PostgreSQL runs, between /*S and
-- S*/ what only SQLite runs.
/*P
ALTER TABLE documents SET (toast_tuple_target = 8160, fillfactor = 50);
P*/
/*S
CREATE TABLE outbox_4 (
    row_key TEXT NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BYTEA NOT NULL,
    due_at BIGINT NOT NULL,
    claims BIGINT NOT NULL,
    dead_at BIGINT,
    last_error TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO outbox_4 (row_key, topic, payload, due_at, claims, dead_at, last_error)
SELECT row_key, topic, payload, due_at, claims, dead_at, last_error FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_4 RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (topic, due_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE dead_at IS NOT NULL;

CREATE TABLE answers_4 (
    request_key TEXT NOT NULL PRIMARY KEY,
    request_digest BYTEA NOT NULL,
    body BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO answers_4 (request_key, request_digest, body, expires_at)
SELECT request_key, request_digest, body, expires_at FROM answers;
DROP TABLE answers;
ALTER TABLE answers_4 RENAME TO answers;
CREATE INDEX answers_expiry ON answers (expires_at);
S*/
