-- Why: relying parties ask the audit trail for three kinds of entry (crates/app/src/signals.rs). Without
-- an index each question read the whole chain: on SQLite most of a second for 1.5 million entries.
--
-- Only entries of these kinds are in it, in the order in which they are asked for; the others, nearly all,
-- cost nothing more than before. A database takes it for a question that repeats this condition word for
-- word (crates/store/src/audit/verify.rs).
CREATE INDEX audit_signals ON audit_entries (chain, seq)
WHERE kind IN ('sessions_ended', 'password_burned', 'password_changed');
