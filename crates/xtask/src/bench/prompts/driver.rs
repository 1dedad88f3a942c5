//! The program that makes the cycles, told line by line what to measure.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// `crates/app/examples/prompts`, running.
pub struct Driver {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts it in a folder of its own.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the measuring program did not start")?;
        let orders = child.stdin.take().context("the measuring program cannot be told")?;
        let answers = child.stdout.take().context("the measuring program cannot be heard")?;
        Ok(Self { child, orders, answers: BufReader::new(answers) })
    }

    /// Gives an order and waits for its answer.
    ///
    /// # Errors
    /// If it failed; the program has said why.
    pub fn ask(&mut self, order: &str) -> anyhow::Result<Value> {
        writeln!(self.orders, "{order}")?;
        self.orders.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the measuring program ended at: {order}");
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It has nothing to save: its databases are removed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
