-- Why: the prompt service needs documents changed by compare-and-set, effects that leave only after
-- the commit that caused them (outbox), and answers that a repeated request gets again (answers).
--
-- One text serves SQLite and PostgreSQL. The comment /*C*/ becomes COLLATE "C" on PostgreSQL, so that
-- both databases order names by their bytes. Instants are milliseconds since the Unix epoch in UTC.

-- A deleted document keeps its row for a while with deleted_at set and an empty body: its version
-- goes on counting, so that a writer who saw it before the deletion can never hit what came after.
CREATE TABLE documents (
    kind TEXT /*C*/ NOT NULL,
    id TEXT /*C*/ NOT NULL,
    version BIGINT NOT NULL,
    body BYTEA NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (kind, id)
);

-- For the sweep of what was deleted long ago; most rows are not in it.
CREATE INDEX documents_deleted ON documents (deleted_at) WHERE deleted_at IS NOT NULL;

-- claims counts how often a row was handed out; together with the row's key it is the lease.
-- dead_at is set when a row is given up; it then stays to be seen.
CREATE TABLE outbox (
    row_key TEXT /*C*/ NOT NULL PRIMARY KEY,
    topic TEXT /*C*/ NOT NULL,
    payload BYTEA NOT NULL,
    due_at BIGINT NOT NULL,
    claims BIGINT NOT NULL,
    dead_at BIGINT,
    last_error TEXT NOT NULL
);

CREATE INDEX outbox_due ON outbox (topic, due_at) WHERE dead_at IS NULL;
CREATE INDEX outbox_dead ON outbox (dead_at) WHERE dead_at IS NOT NULL;

-- request_digest tells a repeated request from another one that took the same key.
CREATE TABLE answers (
    request_key TEXT /*C*/ NOT NULL PRIMARY KEY,
    request_digest BYTEA NOT NULL,
    body BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX answers_expiry ON answers (expires_at);
