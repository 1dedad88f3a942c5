-- Why: whoever can write to the database must not be able to change what happened without its being
-- seen. Entries form chains: each hash covers the entry and the hash before it (crates/store/src/audit).

CREATE TABLE audit_entries (
    chain TEXT /*C*/ NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT /*C*/ NOT NULL,
    subject TEXT /*C*/ NOT NULL,
    body BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (chain, seq)
);

CREATE INDEX audit_subject ON audit_entries (subject, at);

-- The row of a chain is what its writers lock: two nodes on one chain take turns.
CREATE TABLE audit_heads (
    chain TEXT /*C*/ NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL
);

-- Heads that were signed. Copies of these kept elsewhere show a chain that was cut or written anew.
CREATE TABLE audit_checkpoints (
    chain TEXT /*C*/ NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (chain, seq)
);
