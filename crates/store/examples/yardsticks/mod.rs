//! What the machine does without us: one sync of the disk, and PostgreSQL's own rate of updates.
//! Shared by the benches of several crates.

#![allow(dead_code, reason = "each bench uses some of it")]

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Why a measurement did not come about.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was done in one span of time, and how long each took.
#[derive(Default)]
pub struct Seen {
    /// The whole time.
    pub took: Duration,
    /// How long each one took.
    pub waits: Vec<Duration>,
}

impl Seen {
    /// How many a second.
    pub fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64()
    }

    /// The wait in milliseconds that this part of all, from 0 to 1, did not pass.
    pub fn wait_ms(&self, part: f64) -> f64 {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let place = (waits.len() as f64 * part) as usize;
        let wait = waits.get(place.min(waits.len().saturating_sub(1)));
        wait.copied().unwrap_or_default().as_secs_f64() * 1_000.0
    }
}

/// As a database's log is written: into a file that has its blocks already.
pub fn fdatasync(folder: &Path, span: Duration) -> Result<Seen, Failure> {
    const FILE_BYTES: usize = 16 * 1024 * 1024;
    let mut file = File::create(folder.join("sync"))?;
    file.write_all(&vec![1; FILE_BYTES])?;
    file.sync_all()?;
    let (begun, mut waits) = (Instant::now(), Vec::new());
    while begun.elapsed() < span {
        if waits.len() % (FILE_BYTES / 4_096) == 0 {
            file.rewind()?;
        }
        let one = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        waits.push(one.elapsed());
    }
    Ok(Seen { took: begun.elapsed(), waits })
}

/// Makes the rows for [`updates`].
pub async fn make_rows(server: &str) -> Result<(), Failure> {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute(
            "CREATE TABLE bench (id INT PRIMARY KEY, n BIGINT); \
             INSERT INTO bench SELECT generate_series(0, 63), 0",
        )
        .await?;
    Ok(())
}

/// PostgreSQL's own rate: 64 connections, each updating a row of its own in a transaction of its own.
pub async fn updates(server: &str, span: Duration) -> Result<Seen, Failure> {
    let mut connected = Vec::new();
    for id in 0..64_i32 {
        let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("SET synchronous_commit = on").await?;
        let update = client.prepare("UPDATE bench SET n = n + 1 WHERE id = $1").await?;
        connected.push((id, client, update));
    }
    let begun = Instant::now();
    let tasks: Vec<_> = connected
        .into_iter()
        .map(|(id, client, update)| {
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while begun.elapsed() < span {
                    let one = Instant::now();
                    client.execute(&update, &[&id]).await?;
                    waits.push(one.elapsed());
                }
                Ok::<_, Failure>(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    Ok(Seen { took: begun.elapsed(), waits })
}
