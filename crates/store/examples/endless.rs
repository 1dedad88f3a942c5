//! Commits for ever and prints each acknowledged number: something to kill at any moment.

use std::io::Write as _;
use std::path::Path;

use pushback_model::Timestamp;
use pushback_store::{AuditEntry, Change, Commit, Key, Keyring, Options, OutboxRow, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (database, keys) =
        (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let first: u64 = arguments.next().unwrap_or_default().parse()?;
    let store = Store::open(&database, Options::new(Keyring::open(Path::new(&keys))?)).await?;
    for number in first.. {
        let at = Timestamp::from_millis(1_772_400_000_000);
        let change = Change::at(at)
            .create(Key::new("number", &number.to_string())?, number.to_string().into_bytes())
            .audit(AuditEntry {
                at,
                kind: "counted".to_owned(),
                subject: number.to_string(),
                body: Vec::new(),
            })
            .effect(OutboxRow {
                key: number.to_string(),
                topic: "numbers".to_owned(),
                payload: Vec::new(),
                due_at: at,
            });
        if let Commit::Committed(_) = store.commit(change).await? {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{number}")?;
            out.flush()?;
        }
    }
    Ok(())
}
