//! The short way on PostgreSQL: a batch as one statement, which travels once and is a transaction by
//! itself.
//!
//! It reads nothing first. The changes say which versions they expect, and the writer knows the head
//! of the audit chain from its last commit; so the batch is judged as if all of that held, and the
//! statement checks that it does. If anything was not so, the statement fails, nothing of it is kept,
//! and the batch goes the long way, which reads and locks first.
//!
//! Only a batch in which every change fits goes this way. Then every assumption is one that the
//! statement checks, and the outcomes are those that the long way would give.

use std::collections::BTreeMap;

use super::{ANSWER, EFFECT, answer_cells, effect_cells, entry_cells};
use super::{DOCUMENT, Decided, ENTRY, Head, Read, Room, State, decide, link};
use crate::change::Expect;
use crate::db::sent::Sent;
use crate::db::{Param, Sort};
use crate::{AuditEntry, AuditPlace, Change, Commit, Key};

/// A batch that is ready to be sent.
pub(crate) struct Single<'a> {
    /// One outcome a change: all are committed if the statement succeeds.
    pub(crate) outcomes: Vec<Commit>,
    chain: &'a str,
    head: Option<Head>,
    documents: BTreeMap<&'a Key, State<'a>>,
    rows: super::Rows<'a>,
    audit: Vec<(AuditPlace, &'a AuditEntry)>,
}

/// The statement. What is not there travels as empty columns, so that there is one text to prepare.
///
/// The parts run in the order in which the last line asks for them (each is needed for the first time
/// there, and `AND` goes from the left), which is the order in which the long way takes its locks. A
/// part that came to another number of rows than it should ends in a division by zero, and so in
/// nothing.
// SECURITY: without the counts a change could overwrite what its decision did not see, or fork the
// audit chain. Guarded by `the_short_way_keeps_nothing_if_anything_is_not_as_assumed`.
pub(crate) const SQL: &str = "\
WITH updated AS (UPDATE documents AS d \
 SET version = v.next, body = v.body, deleted_at = v.deleted_at \
 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[]) \
 AS v (kind, id, version, next, body, deleted_at) \
 WHERE d.kind = v.kind AND d.id = v.id AND d.version = v.version AND d.deleted_at IS NULL \
 RETURNING 1), \
created AS (INSERT INTO documents (kind, id, version, body, deleted_at) \
 SELECT * FROM unnest($7::text[], $8::text[], $9::bigint[], $10::bytea[], $11::bigint[]) \
 ON CONFLICT (kind, id) DO NOTHING RETURNING 1), \
answered AS (INSERT INTO answers (request_key, request_digest, body, expires_at) \
 SELECT * FROM unnest($12::text[], $13::bytea[], $14::bytea[], $15::bigint[]) \
 ON CONFLICT (request_key) DO NOTHING RETURNING 1), \
effects AS (INSERT INTO outbox (row_key, topic, payload, due_at, claims, last_error) \
 SELECT * FROM unnest($16::text[], $17::text[], $18::bytea[], $19::bigint[], $20::bigint[], \
 $21::text[]) ON CONFLICT (row_key) DO NOTHING RETURNING 1), \
withdrawn AS (DELETE FROM outbox AS o USING unnest($34::text[]) AS v (row_key) \
 WHERE o.row_key = v.row_key RETURNING 1), \
leased AS (INSERT INTO outbox (row_key, topic, payload, due_at, claims, last_error) \
 SELECT * FROM unnest($35::text[], $36::text[], $37::bytea[], $38::bigint[], $39::bigint[], \
 $40::text[]) ON CONFLICT (row_key) DO NOTHING RETURNING 1), \
head AS (UPDATE audit_heads SET seq = $22::bigint, hash = $23::bytea \
 WHERE chain = $24::text AND seq = $25::bigint AND hash = $26::bytea RETURNING 1), \
entries AS (INSERT INTO audit_entries (chain, seq, at, kind, subject, body, hash) \
 SELECT * FROM unnest($27::text[], $28::bigint[], $29::bigint[], $30::text[], $31::text[], \
 $32::bytea[], $33::bytea[]) RETURNING 1) \
SELECT 1 / CASE WHEN (SELECT count(*) FROM updated) = cardinality($1::text[]) \
 AND (SELECT count(*) FROM created) = cardinality($7::text[]) \
 AND (SELECT count(*) FROM answered) = cardinality($12::text[]) \
 AND (SELECT count(*) FROM withdrawn) <= cardinality($34::text[]) \
 AND (SELECT count(*) FROM effects) <= cardinality($16::text[]) \
 AND (SELECT count(*) FROM leased) = cardinality($35::text[]) \
 AND (SELECT count(*) FROM head) = least(cardinality($27::text[]), 1) \
 AND (SELECT count(*) FROM entries) = cardinality($27::text[]) \
 THEN 1 ELSE 0 END";

const UPDATED: [Sort; 6] = [Sort::Text, Sort::Text, Sort::Int, Sort::Int, Sort::Blob, Sort::Int];

/// Judges the changes by what they expect. `None` if they do not all fit: the long way then tells
/// which of them is wrong about what.
pub(crate) fn prepare<'a>(
    chain: &'a str,
    head: Option<Head>,
    changes: &[&'a Change],
    room: Room,
) -> Option<Single<'a>> {
    let read = Read { documents: assumed(changes), answers: BTreeMap::new() };
    let Decided { mut outcomes, documents, rows } = decide(changes, read, room);
    if !outcomes.iter().all(|outcome| matches!(outcome, Commit::Committed(_))) {
        return None;
    }
    // An answer that takes the place of another of the same batch is for the long way too, and so is
    // an effect that is taken out and put in again: here all parts see what was there before.
    if rows.answers.iter().any(|(_, had_row)| *had_row)
        || rows.withdrawn.iter().any(|key| rows.outbox.contains_key(key))
    {
        return None;
    }
    let mut audit = Vec::new();
    let mut rows = rows;
    if !rows.audit.is_empty() {
        audit = link(chain, head?, std::mem::take(&mut rows.audit), &mut outcomes);
    }
    Some(Single { outcomes, chain, head, documents, rows, audit })
}

/// Each document as the first change that names it expects it.
fn assumed<'a>(changes: &[&'a Change]) -> BTreeMap<&'a Key, State<'a>> {
    let mut documents = BTreeMap::new();
    for (key, expect, _) in changes.iter().flat_map(|change| &change.documents) {
        documents.entry(key).or_insert_with(|| match expect {
            Expect::Absent => State::default(),
            Expect::Version(version) => State {
                has_row: true,
                version: version.get(),
                assumed: version.get(),
                is_live: true,
                dirty: None,
            },
        });
    }
    documents
}

impl<'a> Single<'a> {
    /// The chain's head after the batch, if it moves.
    pub(crate) fn new_head(&self) -> Option<Head> {
        self.audit.last().map(|(last, _)| (last.seq, last.hash))
    }

    /// How many effects are taken out, if all of them are there.
    pub(crate) fn withdrawn(&self) -> usize {
        self.rows.withdrawn.len()
    }

    /// The parameters of [`SQL`].
    pub(crate) fn sent(&'a self) -> Vec<Sent<'a>> {
        let (mut updated, mut created) = (Vec::new(), Vec::new());
        for (key, state) in &self.documents {
            // Every change of the batch is committed, so every document is written.
            let Some((body, deleted_at)) = state.dirty else { continue };
            let into = if state.has_row { &mut updated } else { &mut created };
            into.extend([Param::Text(key.kind()), Param::Text(key.id())]);
            if state.has_row {
                into.push(Param::Int(state.assumed));
            }
            into.push(Param::Int(state.version));
            into.push(Param::Blob(body));
            into.push(deleted_at.map_or(Param::Null, Param::Int));
        }
        let answers: Vec<Param<'_>> =
            self.rows.answers.iter().flat_map(|(answer, _)| answer_cells(answer)).collect();
        let effects = |leased: bool| -> Vec<Param<'_>> {
            let rows = self.rows.added(leased);
            rows.into_iter().flat_map(|effect| effect_cells(effect, leased)).collect()
        };
        let withdrawn: Vec<Param<'_>> =
            self.rows.withdrawn.iter().map(|key| Param::Text(key)).collect();
        let entries: Vec<Param<'_>> = self.audit.iter().flat_map(entry_cells).collect();
        let mut sent = Vec::with_capacity(40);
        for (columns, cells) in [
            (&UPDATED[..], &updated),
            (&DOCUMENT[..], &created),
            (&ANSWER[..], &answers),
            (&EFFECT[..], &effects(false)),
        ] {
            sent.extend(Sent::columns(columns, cells));
        }
        // Without entries no chain is named and no head moves.
        let last = self.audit.last().map(|(last, _)| last);
        let before = self.head.as_ref().filter(|_| last.is_some());
        let hash = |hash: Option<&'a [u8; 32]>| Param::Blob(hash.map_or(&[][..], |hash| hash));
        sent.extend(
            [
                Param::Int(last.map_or(0, |last| last.seq)),
                hash(last.map(|last| &last.hash)),
                Param::Text(last.map_or("", |_| self.chain)),
                Param::Int(before.map_or(0, |(seq, _)| *seq)),
                hash(before.map(|(_, hash)| hash)),
            ]
            .map(Sent::One),
        );
        sent.extend(Sent::columns(&ENTRY, &entries));
        sent.extend(Sent::columns(&[Sort::Text], &withdrawn));
        sent.extend(Sent::columns(&EFFECT, &effects(true)));
        sent
    }
}
