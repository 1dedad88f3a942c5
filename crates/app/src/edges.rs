//! What the use cases need of the world, as small traits with a real and a simulated implementation.

use std::sync::OnceLock;
use std::time::Instant;

use pushback_model::{Span, Timestamp};

/// The clock of this node.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// For how long it has been running, by a clock that nobody sets: against it a jump of the present instant
    /// is seen. Of a clock that is never set it is the present instant that tells.
    fn running(&self) -> Span {
        self.now() - Timestamp::default()
    }
}

/// A source of random bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock of the service")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one clock of the service")]
    fn running(&self) -> Span {
        static STARTED: OnceLock<Instant> = OnceLock::new();
        let now = Instant::now();
        let millis = now.duration_since(*STARTED.get_or_init(|| now)).as_millis();
        Span::millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

/// The machine's generator of random bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // The generator is seeded from the kernel and cannot run dry; if the kernel has none, to go
        // on with bytes that can be guessed would be worse than to stop.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
