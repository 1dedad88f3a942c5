//! What is done now and then: verify, checkpoint, sweep, seal anew, back up.

use std::collections::BTreeMap;
use std::path::Path;

use pushback_model::{Span, Timestamp};

use super::Store;
use crate::db::Value;
use crate::key::{ID_BYTES_MAX, KIND_BYTES_MAX, name};
use crate::writer::{CheckpointRow, Job, Resealed, SweepArgs};
use crate::{
    Checkpoint, Place, PublicKey, ReceiptError, Recorded, Signer, StoreError, Verified,
    VerifyError, Within, audit, private_file, seal,
};

/// How long a deleted document keeps its version. A change decided before the deletion is committed
/// or refused long before this.
const DELETED_KEPT: Span = Span::days(1);
/// How long dead effects can be seen.
const DEAD_KEPT: Span = Span::days(30);
/// Rows that are sealed anew in one transaction.
const RESEAL_PAGE: i64 = 200;

/// What a sweep took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Answers that had expired.
    pub answers: u64,
    /// Documents deleted more than a day ago.
    pub documents: u64,
    /// Effects given up more than 30 days ago.
    pub dead: u64,
    /// Whether nothing was left; otherwise sweep again.
    pub is_complete: bool,
}

/// What sealing anew did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealing {
    /// Values that were sealed under the newest key.
    pub resealed: u64,
    /// Values that could not be opened and stay as they are.
    pub unopened: u64,
}

/// A column of sealed values.
struct Column {
    table: &'static str,
    column: &'static str,
    /// Rows of which the value's first five bytes are not those handed in, after a row.
    select: &'static str,
    update: &'static str,
    row: usize,
}

const COLUMNS: [Column; 3] = [
    Column {
        table: "documents",
        column: "body",
        select: "SELECT kind, id, body FROM documents WHERE (kind, id) > ($1, $2) \
                 AND deleted_at IS NULL AND substr(body, 1, 5) <> $3 ORDER BY kind, id LIMIT $4",
        update: "UPDATE documents SET body = $1 WHERE kind = $2 AND id = $3 AND body = $4",
        row: 2,
    },
    Column {
        table: "outbox",
        column: "payload",
        select: "SELECT row_key, payload FROM outbox WHERE row_key > $1 \
                 AND substr(payload, 1, 5) <> $2 ORDER BY row_key LIMIT $3",
        update: "UPDATE outbox SET payload = $1 WHERE row_key = $2 AND payload = $3",
        row: 1,
    },
    Column {
        table: "answers",
        column: "body",
        select: "SELECT request_key, body FROM answers WHERE request_key > $1 \
                 AND substr(body, 1, 5) <> $2 ORDER BY request_key LIMIT $3",
        update: "UPDATE answers SET body = $1 WHERE request_key = $2 AND body = $3",
        row: 1,
    },
];

impl Store {
    /// What time it is by the database's own clock; `None` on SQLite, which has none. To compare clocks
    /// with: every instant that is written is an argument.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn database_time(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.inner.file.is_some() {
            return Ok(None);
        }
        let sql = "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)";
        let row = self.inner.reader.query(sql, Vec::new()).await?.pop();
        let millis = row.map(|mut row| row.int("the clock")).transpose()?;
        Ok(millis.map(Timestamp::from_millis))
    }

    /// Walks the audit trail and names the first entry that does not fit.
    ///
    /// With a key, the checkpoints in the database are compared too; `kept_elsewhere` are checkpoints
    /// from outside of it, the only proof against somebody who rewrites all of it.
    ///
    /// # Errors
    /// [`VerifyError::Broken`] names the entry; [`VerifyError::Store`] if it could not be read.
    pub async fn verify_audit(
        &self,
        key: Option<&PublicKey>,
        kept_elsewhere: &[Checkpoint],
    ) -> Result<Verified, VerifyError> {
        audit::verify(&self.inner.reader, key, kept_elsewhere).await
    }

    /// Entries of a chain after a number, in order, at most 1,000.
    ///
    /// # Errors
    /// If the database fails, or an entry cannot be read.
    pub async fn list_audit(&self, chain: &str, after: i64) -> Result<Vec<Recorded>, StoreError> {
        name("a chain", chain, KIND_BYTES_MAX)?;
        audit::list(&self.inner.reader, chain, after).await
    }

    /// Entries of these kinds in a chain after a number, in order, at most `limit` and 1,000.
    ///
    /// Whoever reads a chain's head first and then this up to its end has missed nothing that the head
    /// counts: a chain has no gaps, and its head moves in the transaction that adds the entries.
    ///
    /// # Errors
    /// If the database fails, or an entry cannot be read.
    pub async fn list_audit_of(
        &self,
        chain: &str,
        after: i64,
        kinds: &[&str],
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        name("a chain", chain, KIND_BYTES_MAX)?;
        audit::of_kinds(&self.inner.reader, chain, after, kinds, limit).await
    }

    /// Entries about a subject from an instant on, oldest first, at most 1,000.
    ///
    /// # Errors
    /// If the database fails, or an entry cannot be read.
    pub async fn list_audit_about(
        &self,
        subject: &str,
        from: Timestamp,
    ) -> Result<Vec<Recorded>, StoreError> {
        name("an audit subject", subject, ID_BYTES_MAX)?;
        audit::about(&self.inner.reader, subject, from).await
    }

    /// Entries about a subject, of some kinds, in a stretch of time, that come after one of them; oldest
    /// first, at most 1,000.
    ///
    /// # Errors
    /// If the database fails, or an entry cannot be read.
    pub async fn list_audit_within(
        &self,
        within: &Within<'_>,
        after: Option<&Recorded>,
    ) -> Result<Vec<Recorded>, StoreError> {
        name("an audit subject", within.subject, ID_BYTES_MAX)?;
        audit::within(&self.inner.reader, within, after).await
    }

    /// The latest entries about a subject, newest first, at most `limit` and at most 1,000.
    ///
    /// # Errors
    /// If the database fails, or an entry cannot be read.
    pub async fn list_latest_audit_about(
        &self,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        name("an audit subject", subject, ID_BYTES_MAX)?;
        audit::latest_about(&self.inner.reader, subject, limit).await
    }

    /// The hash of an entry of a chain by its number, [`crate::audit::GENESIS`] before the first; `None` if there
    /// is no such entry.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_hash(&self, chain: &str, seq: i64) -> Result<Option<[u8; 32]>, StoreError> {
        name("a chain", chain, KIND_BYTES_MAX)?;
        audit::hash_at(&self.inner.reader, chain, seq).await
    }

    /// The number of the last entry of every chain, with its hash.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_heads(&self) -> Result<BTreeMap<String, (i64, [u8; 32])>, StoreError> {
        audit::heads(&self.inner.reader).await
    }

    /// Signs the head of every chain, stores the tokens and returns them, to be kept elsewhere.
    ///
    /// # Errors
    /// If the database fails or a signature cannot be made.
    pub async fn checkpoint(
        &self,
        signer: &Signer,
        at: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let failed = |error: ReceiptError| StoreError::Setup(error.to_string());
        let mut rows = Vec::new();
        for (chain, (seq, hash)) in audit::heads(&self.inner.reader).await? {
            let checkpoint = Checkpoint { chain: chain.clone(), seq, hash, at };
            let token = signer.checkpoint(&checkpoint).map_err(failed)?;
            rows.push(CheckpointRow { chain, seq, at, token });
        }
        let tokens = rows.iter().map(|row| row.token.clone()).collect();
        self.inner.queue.ask(rows, Job::Checkpoint).await?;
        Ok(tokens)
    }

    /// Takes out what is no longer needed, at most 1,000 rows of a sort.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, StoreError> {
        let args =
            SweepArgs { now, deleted_before: now - DELETED_KEPT, dead_before: now - DEAD_KEPT };
        self.inner.queue.ask(args, Job::Sweep).await
    }

    /// Seals every value anew that is not sealed under the newest key, beside the running service.
    /// When it returns with nothing left unopened, the old keys can be taken out of the key file.
    ///
    /// # Errors
    /// If the database fails; what was resealed stays so.
    pub async fn reseal(&self) -> Result<Resealing, StoreError> {
        let mut total = Resealing::default();
        for column in &COLUMNS {
            self.reseal_column(column, &mut total).await?;
        }
        Ok(total)
    }

    async fn reseal_column(
        &self,
        column: &Column,
        total: &mut Resealing,
    ) -> Result<(), StoreError> {
        let keys = &self.inner.keys;
        let mut after = vec![String::new(); column.row];
        loop {
            let mut params: Vec<Value> = after.iter().map(|part| Value::text(part)).collect();
            params.push(Value::Blob(seal::header(keys.newest()).to_vec()));
            params.push(Value::Int(RESEAL_PAGE));
            let rows = self.inner.reader.query_aside(column.select, params).await?;
            let mut resealed = Vec::new();
            let is_last = (rows.len() as u64) < RESEAL_PAGE.unsigned_abs();
            for mut row in rows {
                let mut id = Vec::with_capacity(column.row);
                for _ in 0..column.row {
                    id.push(row.text(column.table)?);
                }
                let old = row.blob(column.table)?;
                let parts: Vec<&str> = id.iter().map(String::as_str).collect();
                let place = Place { table: column.table, column: column.column, row: &parts };
                match keys.unseal(place, &old) {
                    Ok(plain) => {
                        let new = keys.seal(place, &plain)?;
                        let row = id.clone();
                        resealed.push(Resealed { update: column.update, new, row, old });
                    }
                    Err(_) => total.unopened += 1,
                }
                after = id;
            }
            // A row that changed meanwhile was sealed by its writer.
            total.resealed += self.inner.queue.ask(resealed, Job::Reseal).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Writes a copy of an SQLite database to a new file, beside the running service: a consistent
    /// state that holds every change acknowledged before the call.
    ///
    /// # Errors
    /// If the file exists or cannot be written. [`StoreError::Setup`] on PostgreSQL, which has its
    /// own tools for this (docs/operate/backup.md).
    pub async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        if self.inner.file.is_none() {
            return Err(StoreError::Setup(
                "a PostgreSQL database is backed up with pg_dump or by archiving its log"
                    .to_owned(),
            ));
        }
        let text = to
            .to_str()
            .ok_or_else(|| StoreError::Setup("the path of a back-up must be UTF-8".to_owned()))?;
        let failed = |error| StoreError::file(to, error);
        // Created empty first, so that the copy is its owner's alone from the first byte.
        private_file::options().create_new(true).write(true).open(to).map_err(failed)?;
        let copied = self.inner.reader.query_aside("VACUUM INTO $1", vec![Value::text(text)]).await;
        if let Err(error) = copied {
            // Half a copy looks like a whole one. If it cannot be taken away, the error says enough.
            let _ = std::fs::remove_file(to);
            return Err(error);
        }
        let synced = std::fs::File::open(to).and_then(|file| file.sync_all());
        synced.and_then(|()| private_file::sync_folder(to)).map_err(failed)
    }
}
