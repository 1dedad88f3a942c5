//! What the signatures of a cycle cost alone: the ceiling of any service that makes and checks them.

use std::time::{Duration, Instant};

use crate::phone::Phone;
use crate::yardsticks::{Failure, Seen};

/// Signatures that a cycle makes: two signed requests, a signed answer, a token.
const MADE: usize = 4;
/// Those of the phone, which the service checks.
const CHECKED: usize = 3;

/// The signatures of cycles, on every processor at once, and nothing else.
pub fn measure(span: Duration) -> Result<Seen, Failure> {
    let processors = std::thread::available_parallelism()?.get();
    let begun = Instant::now();
    let of_one = || {
        let phone = Phone::new()?;
        let (key, mut waits) = (phone.key()?, Vec::new());
        while begun.elapsed() < span {
            let one = Instant::now();
            let text = format!("cycle {}", waits.len());
            let mut signature = String::new();
            for _ in 0..MADE {
                signature = phone.sign(&text)?;
            }
            for _ in 0..CHECKED {
                key.verify(text.as_bytes(), &signature)?;
            }
            waits.push(one.elapsed());
        }
        Ok::<_, Failure>(waits)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(of_one)).collect();
        let mut waits = Vec::new();
        for thread in threads {
            waits.extend(thread.join().map_err(|_| "a thread of signatures ended early")??);
        }
        Ok(Seen { took: begun.elapsed(), waits })
    })
}
