//! Sentences, numbers and times, the same in every format.

mod kinds;
mod numbers;

use std::collections::BTreeSet;

use pushback_model::{
    After, ConfigurationFinding, EventKind, Evidence, Incident, Origin, Span, Stage, Timestamp,
};

use super::text::sanitise;
use super::view::{Campaign, PassedOver, ReadSummary, Rejects, Report};

pub use kinds::{did, what};
pub use numbers::*;

/// What happened, in one sentence without a full stop, for somebody who has five seconds.
///
/// Starts in lower case so that it can follow a name. Times are UTC.
#[must_use]
pub fn headline(incident: &Incident) -> String {
    let prompts = &incident.prompts;
    let all = listed(&changes(incident, |_| true));
    let sentence = match (incident.approved_at, incident.stage) {
        (Some(at), _) => approved(incident, at),
        (None, Stage::Exposed) if prompts.sent == 0 && !all.is_empty() => {
            return format!("an account that was never used before {all}");
        }
        (None, Stage::Exposed | Stage::Bombing) => refused(incident),
        (None, Stage::Foothold) if !all.is_empty() => {
            let prelude = if prompts.sent == 0 {
                "without any prompt"
            } else {
                "no prompt was approved, yet"
            };
            return format!("{prelude} a stranger {all}");
        }
        (None, Stage::Approved | Stage::Foothold) => {
            "a sign-in got through that does not fit its owner".to_owned()
        }
    };
    let before = listed(&changes(incident, |after| is_before_approval(incident, after)));
    let then = listed(&changes(incident, |after| !is_before_approval(incident, after)));
    match (before.as_str(), then.as_str()) {
        ("", "") => sentence,
        ("", then) => format!("{sentence}; the stranger then {then}"),
        (before, "") => format!("{sentence}; before that the stranger {before}"),
        (before, then) => format!("{sentence}; before that the stranger {before}, then {then}"),
    }
}

/// Whether something that is listed as following was done before the approval: what a stranger can do
/// with the password alone, or with an approval that was not noticed.
#[must_use]
pub fn is_before_approval(incident: &Incident, after: &After) -> bool {
    // The sign-in that an approval ended is dated at its start by some, which is no time before.
    const SIGN_IN_MAX: Span = Span::minutes(10);
    incident.approved_at.is_some_and(|approved_at| {
        after.at < approved_at
            && (after.kind.is_lasting_change() || approved_at - after.at > SIGN_IN_MAX)
    })
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
    // Whoever reads this has been told the day on which the incident began.
    let mut time = time(at);
    if at.day() != incident.started_at.day() {
        time.push_str(&format!(" on {}", date(at)));
    }
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
        // Who is locked out guessed; who is asked for a second factor had the password.
        let has = |kind: &str| incident.evidence.iter().any(|term| term.kind == kind);
        let what = if has("lockout") && !has("demand_unmet") {
            "somebody guessed at the password until the account was locked; no prompt went out"
        } else {
            "a stranger signs in with the password; no prompt went out yet"
        };
        return what.to_owned();
    }
    let mut outcomes = Vec::new();
    for (count, word) in [
        (p.unanswered, "unanswered"),
        (p.denied, "denied"),
        (p.reported, "reported as not theirs"),
        (p.mismatched, "answered with a wrong number"),
        // A stranger's would have made this another sentence.
        (p.approved, "approved, judged the owner's own"),
    ] {
        if count == p.sent {
            outcomes.push(if count == 1 { word.to_owned() } else { format!("all {word}") });
        } else if count > 0 {
            let count = if count == 1 && word.starts_with("approved") {
                "one".to_owned()
            } else {
                number(u64::from(count))
            };
            outcomes.push(format!("{count} {word}"));
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
fn changes(incident: &Incident, is_meant: impl Fn(&After) -> bool) -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    incident
        .after_approval
        .iter()
        .filter(|after| is_meant(after))
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
        Stage::Bombing => "repeated or reported prompts, none approved",
        Stage::Exposed => "somebody else holds the password, or guesses at it",
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
    let prompted = report
        .incidents
        .iter()
        .filter(|incident| incident.prompts.sent > 0)
        .map(|incident| incident.subject.name.as_str())
        .collect::<BTreeSet<_>>()
        .len();
    match (prompted, total.people) {
        (0, 1) => "Nobody let a stranger in, but one account needs a look.".to_owned(),
        (0, n) => {
            format!("Nobody let a stranger in, but {} accounts need a look.", number(n as u64))
        }
        (1, _) => "Nobody let a stranger in, but one person got unexpected prompts: somebody else \
                   holds the password."
            .to_owned(),
        (n, _) => format!(
            "Nobody let a stranger in, but {} people got unexpected prompts: somebody else holds \
             their passwords.",
            number(n as u64)
        ),
    }
}

/// What quiet networks of the policy kept out of the report, if anything.
#[must_use]
pub fn quiet(read: &ReadSummary) -> Option<String> {
    let words = format!(
        "{} of {} from quiet networks {} left out",
        several_of(read.quiet_prompts, "prompt"),
        people(read.quiet_people),
        if read.quiet_prompts == 1 { "was" } else { "were" },
    );
    (read.quiet_prompts > 0).then_some(words)
}

/// What is counted and not listed, if anything is.
#[must_use]
pub fn unlisted(report: &Report<'_>) -> Option<String> {
    let count = report.unlisted() as u64;
    (count > 0).then(|| {
        format!(
            "{} below {} {} not shown",
            several_of(count, "incident"),
            report.least.name(),
            if count == 1 { "is" } else { "are" },
        )
    })
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

/// Files that were not read for one reason: the first with the reason, then others like it.
#[must_use]
pub fn passed_over(passed: &PassedOver) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut names = passed.examples.iter().map(|name| sanitise(name).into_owned());
    let Some(first) = names.next() else { return Vec::new() };
    let mut lines = vec![format!("{first}: {}", passed.reason)];
    let more = passed.count.saturating_sub(1);
    if more > 0 {
        let mut others: Vec<String> = names.take(SHOWN - 1).collect();
        if (others.len() as u64) < more {
            others.push("...".to_owned());
        }
        lines.push(format!("and {} more like it: {}", number(more), others.join(", ")));
    }
    lines
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
    let mut words = format!("one attacker, {}", self::people(people.len() as u64));
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
    let what = after.what.trim_start_matches([',', ' ']);
    let what = in_words(what);
    // One that says what the kind says is of no use.
    if what.is_empty() || what == spaced(after.kind.name()) {
        did(after.kind).to_owned()
    } else {
        format!("{}: {what}", did(after.kind))
    }
}

/// A vendor's text as it stands, or a code like `remembered_device` as words.
#[must_use]
pub fn in_words(text: &str) -> String {
    let is_code = text.contains('_')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_code { spaced(text) } else { sanitise(text).into_owned() }
}

/// Prompts of an incident that no listed origin asked for: their records name no address.
#[must_use]
pub fn without_address(incident: &Incident) -> Option<String> {
    let listed: u32 = incident.origins.iter().map(|origin| origin.prompts).sum();
    let rest = incident.prompts.sent.saturating_sub(listed);
    let and = if incident.origins.is_empty() { "" } else { "and " };
    (rest > 0).then(|| format!("{and}{} with no address", several_of(u64::from(rest), "prompt")))
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
mod tests;
