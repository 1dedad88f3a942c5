//! Sentences, numbers and times, the same in every format.

mod kinds;
mod numbers;

use std::collections::BTreeSet;

use pushback_model::{
    After, ConfigurationFinding, EventKind, Evidence, Incident, Origin, Stage, Timestamp,
};

use super::text::sanitise;
use super::view::{Campaign, ReadSummary, Rejects, Report};

pub use kinds::{did, what};
pub use numbers::*;

/// What happened, in one sentence without a full stop, for somebody who has five seconds.
///
/// Starts in lower case so that it can follow a name. Times are UTC.
#[must_use]
pub fn headline(incident: &Incident) -> String {
    let prompts = &incident.prompts;
    let changes = listed(&changes(incident));
    let sentence = match (incident.approved_at, incident.stage) {
        (Some(at), _) => approved(incident, at),
        (None, Stage::Exposed) if prompts.sent == 0 && !changes.is_empty() => {
            return format!("an account that was never used before {changes}");
        }
        (None, Stage::Exposed | Stage::Bombing) => refused(incident),
        (None, Stage::Foothold) if !changes.is_empty() => {
            let prelude = if prompts.sent == 0 {
                "without any prompt"
            } else {
                "no prompt was approved, yet"
            };
            return format!("{prelude} a stranger {changes}");
        }
        (None, Stage::Approved | Stage::Foothold) => {
            "a sign-in got through that does not fit its owner".to_owned()
        }
    };
    if changes.is_empty() { sentence } else { format!("{sentence}; the stranger then {changes}") }
}

fn listed(changes: &[&str]) -> String {
    match changes {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, more @ ..] => format!("{one}, {two}, and {} more", more.len()),
    }
}

fn approved(incident: &Incident, at: Timestamp) -> String {
    let before = incident.prompts.sent.saturating_sub(incident.prompts.approved);
    let how = if incident.prompts.sent == 0 {
        "let a stranger in"
    } else {
        "approved a stranger's prompt"
    };
    let time = time(at);
    match before {
        0 => format!("{how} at {time}"),
        _ => {
            format!("{how} at {time} after {}{}", several(before, "prompt"), before_words(incident))
        }
    }
}

/// How the prompts before the approval ended, when all of them ended the same way.
fn before_words(incident: &Incident) -> &'static str {
    let p = &incident.prompts;
    match (p.unanswered > 0, p.denied + p.reported > 0, p.mismatched > 0) {
        (true, false, false) => " went unanswered",
        (false, true, false) => " had been refused",
        _ => "",
    }
}

fn refused(incident: &Incident) -> String {
    let p = &incident.prompts;
    if p.sent == 0 {
        return "a stranger signs in with the password; no prompt went out yet".to_owned();
    }
    let mut outcomes = Vec::new();
    for (count, word) in [
        (p.unanswered, "unanswered"),
        (p.denied, "denied"),
        (p.reported, "reported as not theirs"),
        (p.mismatched, "answered with a wrong number"),
    ] {
        if count == p.sent {
            outcomes.push(if count == 1 { word.to_owned() } else { format!("all {word}") });
        } else if count > 0 {
            outcomes.push(format!("{} {word}", number(u64::from(count))));
        }
    }
    let span = incident.last_at - incident.started_at;
    let when = if p.sent == 1 || span.as_millis() < 1_000 {
        format!("at {}", time(incident.started_at))
    } else {
        format!("within {span}")
    };
    format!("got {} {when}, {}", several(p.sent, "unexpected prompt"), outcomes.join(", "))
        .trim_end_matches([',', ' '])
        .to_owned()
}

/// What was done after the approval, in order of time. An application that was used again is told once.
#[must_use]
pub fn followed(incident: &Incident) -> Vec<&After> {
    let mut all: Vec<&After> = incident.after_approval.iter().collect();
    all.sort_by(|a, b| (a.at, a.kind, &a.event).cmp(&(b.at, b.kind, &b.event)));
    let mut used = BTreeSet::new();
    all.retain(|after| after.kind != EventKind::SessionUsed || used.insert(&after.what));
    all
}

/// What was changed that outlives a session, in past tense, each thing once, in order.
fn changes(incident: &Incident) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    incident
        .after_approval
        .iter()
        .filter(|after| after.kind.is_lasting_change() && seen.insert(after.kind))
        .map(|after| did(after.kind))
        .collect()
}

/// What a stage means, in one sentence.
#[must_use]
pub const fn meaning(stage: Stage) -> &'static str {
    match stage {
        Stage::Foothold => "something was changed that outlives the session",
        Stage::Approved => "a stranger's sign-in was let through",
        Stage::Bombing => "repeated unexpected prompts, none approved",
        Stage::Exposed => "somebody else holds the password",
    }
}

/// The one thing to take away from the whole report, as a sentence with its full stop.
#[must_use]
pub fn verdict(report: &Report<'_>) -> String {
    let inside = report
        .incidents
        .iter()
        .filter(|incident| incident.stage >= Stage::Approved)
        .map(|incident| incident.subject.name.as_str())
        .collect::<BTreeSet<_>>()
        .len() as u64;
    let total = report.total();
    if total.incidents == 0 && report.read.events == 0 {
        return "Nothing can be said: no identity event was read.".to_owned();
    }
    if total.incidents == 0 {
        return "Nobody was push-bombed in what was read.".to_owned();
    }
    match inside {
        0 => {}
        1 => return "A stranger got into one account. Start there.".to_owned(),
        _ => return format!("Strangers got into {} accounts. Start there.", number(inside)),
    }
    format!(
        "Nobody let a stranger in, but {} unexpected prompts: somebody else holds {}.",
        if total.people == 1 {
            "one person got".to_owned()
        } else {
            format!("{} people got", number(total.people as u64))
        },
        if total.people == 1 { "the password" } else { "their passwords" },
    )
}

/// What was looked at, for a report without incidents.
#[must_use]
pub fn looked_at(read: &ReadSummary) -> String {
    let mut words = format!(
        "{} of {} {} weighed",
        several_of(read.events, "identity event"),
        people(read.subscribers),
        if read.events == 1 { "was" } else { "were" },
    );
    if let (Some(first), Some(last)) = (read.first_at, read.last_at) {
        words.push_str(&format!(", {} UTC", days(first, last)));
    }
    let skipped: u64 = read.rejects.iter().map(|r| r.count).sum::<u64>()
        + read.unknown.iter().map(|(_, _, n)| n).sum::<u64>();
    if skipped > 0 {
        words.push_str(&format!(
            "; {} could not be judged (listed below)",
            several_of(skipped, "record")
        ));
    }
    words.push('.');
    words
}

/// From when to when, to the minute.
#[must_use]
pub fn period(first: Timestamp, last: Timestamp) -> String {
    format!(
        "{} {} to {} {} UTC ({})",
        date(first),
        time(first),
        date(last),
        time(last),
        last - first
    )
}

/// How many records, events and people.
#[must_use]
pub fn records(read: &ReadSummary) -> String {
    let mut parts = vec![format!(
        "{} ({}) held {} of {}",
        several_of(read.records, "record"),
        size(read.bytes),
        several_of(read.events, "identity event"),
        people(read.subscribers),
    )];
    if read.ignored > 0 {
        parts.push(format!("{} say nothing about signing in", number(read.ignored)));
    }
    if read.left_out > 0 {
        parts.push(format!(
            "{} left out, of people with more than the {} that are kept of one",
            several_of(read.left_out, "record"),
            number(pushback_detect::RECORDS_MAX as u64),
        ));
    }
    if read.doubts_dropped > 0 {
        parts.push(
            "so many people got in from strange places that colleagues excuse nothing".to_owned(),
        );
    }
    if read.sources_dropped > 0 {
        parts.push(
            "more strange sources asked than are remembered, so that a spray may look smaller"
                .to_owned(),
        );
    }
    parts.join("; ")
}

/// How fast it went.
#[must_use]
pub fn speed(read: &ReadSummary) -> String {
    let mut words = format!("{:.1} s", read.elapsed_seconds);
    if read.elapsed_seconds > 0.0 {
        words.push_str(&format!(", {}/s", size((read.bytes as f64 / read.elapsed_seconds) as u64)));
    }
    words.push_str(&format!(" on {}", several_of(read.threads as u64, "thread")));
    if read.spilled > 0 {
        words.push_str("; what did not fit into memory went through a temporary file");
    }
    words
}

/// One reason for which records could not be read, without the examples.
#[must_use]
pub fn rejects(rejects: &Rejects) -> String {
    format!("{}: {}", several_of(rejects.count, "record"), sanitise(&rejects.reason))
}

/// The first few places where records could not be read, and whether there are more.
#[must_use]
pub fn examples(rejects: &Rejects) -> Vec<String> {
    const SHOWN: usize = 3;
    let mut examples: Vec<String> =
        rejects.examples.iter().take(SHOWN).map(|e| sanitise(e).into_owned()).collect();
    if let Some(last) = examples.last_mut()
        && rejects.count > SHOWN.min(rejects.examples.len()) as u64
    {
        last.push_str(", ...");
    }
    examples
}

/// What ties a campaign together, in numbers.
#[must_use]
pub fn campaign(campaign: &Campaign<'_>) -> String {
    let people: BTreeSet<&str> =
        campaign.incidents.iter().map(|incident| incident.subject.name.as_str()).collect();
    let inside =
        campaign.incidents.iter().filter(|incident| incident.stage >= Stage::Approved).count();
    let first = campaign.incidents.iter().map(|incident| incident.started_at).min();
    let last = campaign.incidents.iter().map(|incident| incident.last_at).max();
    let mut words = format!("one attacker, {} people", number(people.len() as u64));
    if let (Some(first), Some(last)) = (first, last) {
        words.push_str(&format!(" within {}", last - first));
    }
    words.push_str(&match inside {
        0 => "; nobody let them in".to_owned(),
        1 => "; one let them in".to_owned(),
        n => format!("; {n} let them in"),
    });
    words
}

/// One step of what followed, in words.
#[must_use]
pub fn after(after: &After) -> String {
    if after.what.is_empty() {
        did(after.kind).to_owned()
    } else {
        format!("{}: {}", did(after.kind), sanitise(&after.what))
    }
}

/// The terms of the evidence, the largest first, those for the owner last.
#[must_use]
pub fn terms_by_size(incident: &Incident) -> Vec<&Evidence> {
    let mut terms: Vec<&Evidence> = incident.evidence.iter().collect();
    terms.sort_by(|a, b| {
        b.bits.total_cmp(&a.bits).then_with(|| (&a.kind, a.at).cmp(&(&b.kind, b.at)))
    });
    terms
}

/// Where an origin is, as far as it is known: `Bucharest, RO`.
#[must_use]
pub fn place(origin: &Origin) -> String {
    let parts: Vec<_> = [&origin.city, &origin.country]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .map(|part| sanitise(part))
        .collect();
    parts.join(", ")
}

/// The network of an origin, as far as it is known: `Example Hosting (AS64500)`.
#[must_use]
pub fn network(origin: &Origin) -> String {
    let name = origin.as_name.as_deref().filter(|name| !name.is_empty()).map(sanitise);
    match (name, origin.asn) {
        (Some(name), Some(asn)) => format!("{name} (AS{asn})"),
        (Some(name), None) => name.into_owned(),
        (None, Some(asn)) => format!("AS{asn}"),
        (None, None) => String::new(),
    }
}

/// Who a configuration finding is about, and when: up to three names, then how many more.
///
/// `dot` stands between the two parts; without any name the days stand alone.
#[must_use]
pub fn affected(finding: &ConfigurationFinding, dot: &str) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> =
        finding.subjects.iter().take(SHOWN).map(|name| sanitise(name).into_owned()).collect();
    let rest = u64::from(finding.subjects_total).saturating_sub(names.len() as u64);
    if rest > 0 {
        names.push(match (names.is_empty(), rest) {
            (true, n) => people(n),
            (false, n) => format!("{} more", number(n)),
        });
    }
    let days = format!("{} UTC", days(finding.started_at, finding.last_at));
    if names.is_empty() { days } else { format!("{}{dot}{days}", names.join(", ")) }
}

/// `cached_password` as people write it: `cached password`.
#[must_use]
pub fn spaced(name: &str) -> String {
    sanitise(name).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn what_did_not_fit_is_said() {
        let read = samples::read();
        assert!(!records(&read).contains("left out"));
        let full = ReadSummary { left_out: 7, doubts_dropped: 1, sources_dropped: 1, ..read };
        let words = records(&full);
        assert!(words.contains("7 records left out"), "{words}");
        assert!(words.contains("colleagues excuse nothing"), "{words}");
        assert!(words.contains("a spray may look smaller"), "{words}");
    }

    #[test]
    fn a_foothold_says_when_it_was_approved_and_what_was_changed() {
        assert_eq!(
            headline(&samples::foothold()),
            "approved a stranger's prompt at 03:12 after 7 prompts; the stranger then bound a new \
             authenticator, made a mail rule, and 1 more",
        );
    }

    #[test]
    fn a_single_silent_prompt_reads_as_one() {
        assert_eq!(headline(&samples::exposed()), "got one unexpected prompt at 14:05, unanswered");
    }

    #[test]
    fn a_newcomer_whom_nobody_announced_is_no_stranger_yet() {
        let mut newcomer = samples::reset();
        newcomer.stage = Stage::Exposed;
        newcomer.after_approval.retain(|after| after.kind == EventKind::FactorEnrolled);
        let words = headline(&newcomer);
        assert_eq!(words, "an account that was never used before bound a new authenticator");
    }

    #[test]
    fn a_bombing_counts_each_outcome() {
        assert_eq!(
            headline(&samples::bombing()),
            "got 24 unexpected prompts within 18m 30s, 21 unanswered, 2 denied, 1 reported as not theirs",
        );
    }

    #[test]
    fn a_reset_without_any_prompt_does_not_claim_an_approval() {
        assert_eq!(
            headline(&samples::reset()),
            "without any prompt a stranger got the authenticators reset and bound a new authenticator",
        );
    }
}
