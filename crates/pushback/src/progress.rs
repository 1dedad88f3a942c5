//! Progress on standard error while a long input is read.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::input::Progress;

/// A bar with share, rate and time left; nothing when standard error is not a terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar, silent if asked for or if nobody is looking.
    #[must_use]
    pub fn new(is_quiet: bool) -> Self {
        let target = if is_quiet || !std::io::stderr().is_terminal() || is_dumb() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(10)
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(
            "{spinner} reading  {decimal_bytes}  {decimal_bytes_per_sec}  {elapsed}",
        ));
        Self(bar)
    }

    /// A bar for something that is written, of a size that nobody knows.
    #[must_use]
    pub fn writing(is_quiet: bool) -> Self {
        let bar = Self::new(is_quiet);
        bar.0.set_style(style("{spinner} writing  {decimal_bytes}  {elapsed}"));
        bar.0.enable_steady_tick(Duration::from_millis(250));
        bar
    }

    /// So many bytes more were written; any thread may say so.
    pub fn wrote(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Takes the bar off the screen.
    pub fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// Whether the terminal only prints: it knows neither colours nor a cursor that moves.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Progress for Bar {
    fn advance(&mut self, done: u64, total: Option<u64>) {
        if let Some(total) = total
            && self.0.length() != Some(total)
        {
            self.0.set_length(total);
            self.0.set_style(style(
                "reading  [{bar:24}] {percent:>3} %  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left",
            ));
            self.0.enable_steady_tick(Duration::from_millis(250));
        }
        self.0.set_position(done);
    }
}
