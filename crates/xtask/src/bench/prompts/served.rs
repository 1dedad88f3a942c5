//! The real program, serving.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long the service may take to start.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running `pushback serve`; it is stopped when this is dropped.
pub struct Served {
    child: Child,
    address: String,
}

impl Served {
    /// Serves the state in a folder, on a free port.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut serve = Command::new(program);
        serve.args(["serve", "--listen", &address, "--data"]).arg(data);
        serve.stdin(Stdio::null()).stdout(Stdio::null()).env("PUSHBACK_LOG", "warn");
        let child = serve.spawn().context("pushback serve did not start")?;
        let mut served = Self { child, address };
        wait_for(&served.address, &mut served.child)?;
        Ok(served)
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The memory that it holds, in bytes, where the system says.
    pub fn memory(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1_024)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // What it acknowledged is on disk, and that is removed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of this machine that nobody listens on now.
pub fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Waits until somebody listens.
///
/// # Errors
/// If the program ends, or takes too long.
#[expect(clippy::disallowed_methods, reason = "another program has no way to say that it is ready")]
pub fn wait_for(address: &str, child: &mut Child) -> anyhow::Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("the service for {address} ended: {status}");
        }
        if begun.elapsed() > START_WITHIN {
            bail!("nobody listens on {address}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
