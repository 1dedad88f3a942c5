//! What happened, as it happens: the audit trail in words, and what the engine makes of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pushback_app::{App, Recorded};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Lines that are kept for pages that come later.
const LINES_MAX: usize = 500;
/// How often the trail is read.
const EVERY: Duration = Duration::from_millis(250);
/// Entries of the trail that the engine gets; the demo is not meant to run for weeks.
const ENTRIES_MAX: usize = 20_000;

/// What the engine found.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which incident.
    pub id: String,
    /// In one sentence.
    pub text: String,
}

/// The detection engine over lines of the audit trail.
pub type Judges = Arc<dyn Fn(&str) -> Vec<Judged> + Send + Sync>;

#[derive(Default)]
struct Seen {
    lines: Vec<Value>,
    /// Lines before the first one that is kept.
    dropped: usize,
    asked: u64,
    rang: u64,
    quiet: u64,
    refused: u64,
    incidents: BTreeSet<String>,
}

/// What pages of the demo show.
pub(super) struct Feed {
    seen: Mutex<Seen>,
    changed: watch::Sender<()>,
    is_attacked: AtomicBool,
}

impl Feed {
    pub(super) fn start(app: App, judge: Judges) -> Arc<Self> {
        let feed = Arc::new(Self {
            seen: Mutex::default(),
            changed: watch::Sender::new(()),
            is_attacked: AtomicBool::new(false),
        });
        tokio::spawn(follow(Arc::clone(&feed), app, judge));
        feed
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no attack is running; from then on one is.
    pub(super) fn may_start(&self) -> bool {
        !self.is_attacked.swap(true, Ordering::SeqCst)
    }

    pub(super) fn ended(&self) {
        self.is_attacked.store(false, Ordering::SeqCst);
    }

    /// Says something that is not in the trail.
    pub(super) fn say(&self, kind: &str, at: &str, text: &str) {
        let mut seen = self.seen();
        seen.lines.push(json!({ "at": at, "kind": kind, "text": text }));
        let surplus = seen.lines.len().saturating_sub(LINES_MAX);
        seen.lines.drain(..surplus);
        seen.dropped += surplus;
        drop(seen);
        self.changed.send_replace(());
    }

    /// Lines after the first `after`, once there are any; the counts; and where to go on.
    /// A page that has seen nothing yet (`None`) is answered at once.
    pub(super) async fn next(&self, after: Option<usize>) -> (Vec<Value>, Value, usize) {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let seen = self.seen();
                let end = seen.dropped + seen.lines.len();
                if after.is_none_or(|after| end > after) {
                    let start = after.unwrap_or(0).saturating_sub(seen.dropped);
                    let lines = seen.lines.get(start..).unwrap_or_default().to_vec();
                    let counts = json!({
                        "asked": seen.asked,
                        "rang": seen.rang,
                        "quiet": seen.quiet,
                        "refused": seen.refused,
                        "incidents": seen.incidents.len(),
                    });
                    return (lines, counts, end);
                }
            }
            // The feed lives as long as its pages.
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn count(&self, entry: &Recorded) {
        let details = entry.body.get("details").cloned().unwrap_or_default();
        let word = |name: &str| details.get(name).and_then(Value::as_str).unwrap_or_default();
        let place = place(&entry.body);
        let at = entry.body.get("at").and_then(Value::as_str).unwrap_or_default();
        let reason = word("reason").replace('_', " ");
        let (kind, text) = match &*entry.kind {
            "prompt_made" if word("ring") == "rang" => {
                self.seen().rang += 1;
                ("rang", format!("The phone rings: a sign-in {place}."))
            }
            "prompt_made" => {
                self.seen().quiet += 1;
                let why = details.pointer("/ring/quiet").and_then(Value::as_str);
                let why = why.unwrap_or("it replaced another").replace('_', " ");
                ("quiet", format!("No sound: a sign-in {place} ({why})."))
            }
            "attempt_held" => {
                self.seen().refused += 1;
                ("refused", format!("No prompt: a sign-in {place} ({reason})."))
            }
            "asked_for_nobody" => {
                self.seen().refused += 1;
                ("refused", "A name that nobody has. The answer looks the same.".to_owned())
            }
            "prompt_ended" => match word("end") {
                "approved" => ("verified", format!("The right code was typed: a sign-in {place}.")),
                "denied" => ("denied", format!("“No, this isn’t me”: a sign-in {place}.")),
                "mismatched" => ("denied", "Three wrong codes: it counts as a refusal.".to_owned()),
                _ => return,
            },
            // Also of what was refused before, when no prompt ends any more.
            "reported" => ("reported", "Reported: prompts stop at once.".to_owned()),
            _ => return,
        };
        if matches!(&*entry.kind, "prompt_made" | "attempt_held" | "asked_for_nobody") {
            self.seen().asked += 1;
        }
        self.say(kind, at, &text);
    }
}

/// Where a sign-in came from, in words.
fn place(body: &Value) -> String {
    let word =
        |path: &str| body.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (word("/event/requester/country"), word("/event/requester/ip")) {
        (Some(country), Some(ip)) => format!("from {country}, {ip}"),
        (None, Some(ip)) => format!("from {ip}"),
        (_, None) => "from somewhere unknown".to_owned(),
    }
}

/// Reads the trail for ever.
async fn follow(feed: Arc<Feed>, app: App, judge: Judges) {
    let (mut after, mut lines, mut count) = (0, String::new(), 0);
    loop {
        tokio::time::sleep(EVERY).await;
        let Ok(page) = app.audit("main", after).await else { continue };
        let Some(last) = page.last() else { continue };
        after = last.seq;
        for entry in &page {
            feed.count(entry);
            if count < ENTRIES_MAX {
                count += 1;
                lines.push_str(&serde_json::to_string(entry).unwrap_or_default());
                lines.push('\n');
            }
        }
        let (judge, read) = (Arc::clone(&judge), lines.clone());
        let Ok(found) = tokio::task::spawn_blocking(move || judge(&read)).await else { continue };
        for incident in found {
            if feed.seen().incidents.insert(incident.id) {
                feed.say("incident", &app.now().to_string(), &incident.text);
            }
        }
    }
}
