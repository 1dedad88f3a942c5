//! Whether this node's clock can be believed.
//!
//! A document's time never goes back: one decision by a clock that ran ahead stops prompts until an operator
//! sets it right. So a node decides only while its clock agrees with what there is to compare with: at every
//! look with one that nobody sets ([`Clock::running`](crate::Clock::running)), and on PostgreSQL, every few
//! seconds, with the database's.
//!
//! ```text
//!              jumps by more than five minutes, or is as far from the database's
//!   believed ------------------------------------------------------------------> doubted
//!      ^                                                                            |
//!      +---- jumps back, stays where it is for a minute, or agrees with the --------+
//!            database's; after a comparison that failed, by a comparison only
//! ```
//!
//! A machine that was asleep wakes up with a jump too, and its clock is right: no look at the two clocks
//! tells it from one that was set wrong. Both are believed after a minute in which a clock that runs wild
//! after a start, or that the network's time puts right, has decided nothing. What stays wrong for longer on
//! SQLite is believed, as is one that is wrong when the service starts: there is nothing to compare it with.
//! What is not refused is off by five minutes at most, and heals by waiting for as long.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pushback_model::{Span, Timestamp};

use crate::{App, AppError};

/// From here on two clocks tell different times.
const FAR: Span = Span::minutes(5);
/// How long a clock has to stay where it jumped to.
const SETTLES: Span = Span::minutes(1);

/// Why a node's clock is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockDoubt {
    /// It jumped, by so much.
    Jumped(Span),
    /// It is so far ahead of the database's; behind, if it is negative.
    Apart(Span),
}

impl fmt::Display for ClockDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |by: Span| if by < Span::ZERO { "behind" } else { "ahead of" };
        match *self {
            Self::Jumped(by) => write!(
                f,
                "this node's clock jumped by {by}; nothing is decided until it has stayed there for {SETTLES}"
            ),
            Self::Apart(by) => write!(
                f,
                "this node's clock is {} {} the database's; nothing is decided until they agree",
                by.abs(),
                way(by)
            ),
        }
    }
}

/// The clock of this node beside what it is compared with.
#[derive(Default)]
pub(crate) struct NodeClock {
    state: Mutex<State>,
    refused: AtomicU64,
}

#[derive(Default)]
struct State {
    /// When the node began to run, by its clock when that was last believed.
    believed: Option<Timestamp>,
    doubt: Option<Doubt>,
}

#[derive(Clone, Copy)]
enum Doubt {
    /// When the node began to run by the clock that jumped, and how long it has run when that is believed.
    Jumped {
        began_at: Timestamp,
        settled_after: Span,
    },
    Apart(Span),
}

/// What the two clocks of a node tell.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub now: Timestamp,
    /// By the clock that nobody sets.
    pub running: Span,
}

impl Told {
    /// When the node began to run, by its clock. It changes only when that is set, or was asleep.
    fn began_at(self) -> Timestamp {
        self.now - self.running
    }
}

impl NodeClock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the two clocks.
    pub fn look(&self, told: Told) -> Option<ClockDoubt> {
        let mut state = self.state();
        let began_at = told.began_at();
        let jump = began_at - *state.believed.get_or_insert(began_at);
        state.doubt = match state.doubt {
            Some(Doubt::Apart(by)) => Some(Doubt::Apart(by)),
            _ if jump.abs() <= FAR => None,
            Some(Doubt::Jumped { began_at: jumped, settled_after })
                if (began_at - jumped).abs() <= FAR =>
            {
                if told.running >= settled_after {
                    state.believed = Some(began_at);
                    None
                } else {
                    Some(Doubt::Jumped { began_at: jumped, settled_after })
                }
            }
            _ => {
                let settled_after = told.running.as_millis().saturating_add(SETTLES.as_millis());
                let settled_after = Span::millis(settled_after);
                Some(Doubt::Jumped { began_at, settled_after })
            }
        };
        state.doubt.map(|doubt| match doubt {
            Doubt::Jumped { .. } => ClockDoubt::Jumped(jump),
            Doubt::Apart(by) => ClockDoubt::Apart(by),
        })
    }

    /// Compares with the database's clock, which decides.
    fn compare(&self, told: Told, database: Timestamp) -> Option<ClockDoubt> {
        let apart = told.now - database;
        let mut state = self.state();
        if apart.abs() <= FAR {
            *state = State { believed: Some(told.began_at()), doubt: None };
            return None;
        }
        state.doubt = Some(Doubt::Apart(apart));
        Some(ClockDoubt::Apart(apart))
    }
}

impl App {
    fn told(&self) -> Told {
        Told { now: self.now(), running: self.inner.clock.running() }
    }

    /// This node's time, for what is written down.
    // SECURITY: what one clock that ran ahead decides keeps people out for as long. Guarded by
    // `a_node_whose_clock_jumped_decides_nothing_until_it_has_settled`.
    pub(crate) fn believed_now(&self) -> Result<Timestamp, AppError> {
        let told = self.told();
        match self.inner.node_clock.look(told) {
            None => Ok(told.now),
            Some(doubt) => {
                self.inner.node_clock.refused.fetch_add(1, Ordering::Relaxed);
                Err(AppError::ClockDoubted(doubt))
            }
        }
    }

    /// Why this node decides nothing, if its clock is not believed.
    #[must_use]
    pub fn clock_doubt(&self) -> Option<ClockDoubt> {
        self.inner.node_clock.look(self.told())
    }

    /// How often something was not decided since the start, because the clock was not believed.
    #[must_use]
    pub fn refused_by_clock(&self) -> u64 {
        self.inner.node_clock.refused.load(Ordering::Relaxed)
    }

    /// Compares this node's clock with all there is; for the start and for every few seconds.
    ///
    /// # Errors
    /// [`AppError`] if the database does not answer; what was doubted before stays so.
    pub async fn check_clock(&self) -> Result<Option<ClockDoubt>, AppError> {
        let database = self.inner.store.database_time().await?;
        let told = self.told();
        Ok(match database {
            Some(database) => self.inner.node_clock.compare(told, database),
            None => self.inner.node_clock.look(told),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_772_400_000_000);

    /// A node `running` for so long, whose clock tells so much more than it should.
    fn told(running: Span, ahead: Span) -> Told {
        Told { now: START + running + ahead, running }
    }

    const fn s(seconds: i64) -> Span {
        Span::seconds(seconds)
    }

    fn believed() -> NodeClock {
        let clock = NodeClock::default();
        assert_eq!(clock.look(told(s(0), s(0))), None);
        clock
    }

    #[test]
    fn time_that_passes_is_no_jump() {
        let clock = believed();
        assert_eq!(clock.look(told(Span::days(400), s(0))), None);
        assert_eq!(clock.look(told(Span::days(400), s(300))), None, "five minutes are forgiven");
    }

    #[test]
    fn a_jump_is_believed_once_it_has_lasted_a_minute() {
        let clock = believed();
        let jumped = Some(ClockDoubt::Jumped(Span::days(180)));
        assert_eq!(clock.look(told(s(10), Span::days(180))), jumped);
        assert_eq!(clock.look(told(s(69), Span::days(180))), jumped);
        assert_eq!(clock.look(told(s(70), Span::days(180))), None);
        assert_eq!(clock.look(told(s(80), Span::days(180))), None);
    }

    #[test]
    fn a_jump_that_is_put_right_is_forgotten_at_once() {
        for ahead in [Span::days(180), Span::days(-180)] {
            let clock = believed();
            assert_eq!(clock.look(told(s(10), ahead)), Some(ClockDoubt::Jumped(ahead)));
            assert_eq!(clock.look(told(s(20), s(0))), None);
            assert!(clock.look(told(s(90), ahead)).is_some(), "the next one is another");
        }
    }

    #[test]
    fn a_clock_that_runs_wild_begins_its_minute_anew() {
        let clock = believed();
        assert!(clock.look(told(s(10), Span::days(180))).is_some());
        assert!(clock.look(told(s(60), Span::days(90))).is_some());
        assert!(clock.look(told(s(75), Span::days(90))).is_some());
        assert_eq!(clock.look(told(s(120), Span::days(90))), None);
    }

    #[test]
    fn the_databases_clock_decides() {
        let clock = believed();
        let ahead = told(s(10), Span::days(180));
        let apart = Some(ClockDoubt::Apart(Span::days(180)));
        assert_eq!(clock.compare(ahead, START + s(10)), apart);
        let still = told(s(600), Span::days(180));
        assert_eq!(clock.look(still), apart, "however long it stays");
        assert_eq!(clock.look(told(s(610), s(0))), apart, "until they are compared again");
        assert_eq!(clock.compare(told(s(611), s(0)), START + s(611)), None);
        // A machine that was asleep needs no minute.
        let awake = told(s(620), Span::hours(9));
        assert!(clock.look(awake).is_some());
        assert_eq!(clock.compare(awake, awake.now - s(300)), None);
        assert_eq!(clock.look(told(s(621), Span::hours(9))), None);
    }

    #[test]
    fn a_doubt_says_what_differs_and_until_when() {
        let late = ClockDoubt::Apart(Span::minutes(-10)).to_string();
        assert!(late.contains("10m behind the database's"), "{late}");
        let jumped = ClockDoubt::Jumped(Span::days(180)).to_string();
        assert!(jumped.contains("jumped by 180d") && jumped.contains("for 1m"), "{jumped}");
    }
}
