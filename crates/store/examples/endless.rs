//! Commits, claims and ends effects for ever, and says what was acknowledged: something to kill at any
//! moment.

use std::io::Write as _;
use std::path::Path;

use pushback_model::{Span, Timestamp};
use pushback_store::{AuditEntry, Change, Commit, Key, Keyring, Options, OutboxRow, Store};

/// One number takes a millisecond of its own time, so a lease ends after so many of them.
const LEASE: Span = Span::millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (database, keys) =
        (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let first: u64 = arguments.next().unwrap_or_default().parse()?;
    let mut options = Options::new(Keyring::open(Path::new(&keys))?);
    options.claims_max = u32::MAX;
    let store = Store::open(&database, options).await?;
    for number in first.. {
        let at = Timestamp::from_millis(1_772_400_000_000) + Span::millis(i64::try_from(number)?);
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
            say(&format!("kept {number}"))?;
        }
        for claimed in store.claim("numbers", at, LEASE, 2).await? {
            say(&format!("claimed {} {}", claimed.key, claimed.claim))?;
            // Every third one is left to come back when its lease ends.
            if (number + u64::try_from(claimed.claim)?) % 3 > 0 {
                store.done(&[&claimed.key]).await?;
                say(&format!("done {}", claimed.key))?;
            }
        }
    }
    Ok(())
}

/// The dot tells a whole line from one that was cut off.
fn say(what: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} .")?;
    out.flush()
}
