//! From what was found, in keys, to incidents in words.

use std::collections::{BTreeMap, BTreeSet};

use pushback_model::{
    After, ConfigurationFinding, EventKind, Evidence, Factor, IdentityEvent, Incident, Key, Origin,
    PromptCounts, Source, Stage, Subject, SubjectId, Timestamp, country_code, key_of_parts,
};

use crate::engine::{Detection, Found};
use crate::identity::lowered;
use crate::intake::event_key;
use crate::judge::Train;
use crate::prompt::Outcome;
use crate::record::{Position, Record, flag};
use crate::steps;

/// The events that were read again, by where their record lies.
pub type Texts = BTreeMap<Position, Vec<IdentityEvent<'static>>>;

/// One line of an incident's story.
#[derive(Clone, Debug)]
pub struct Step {
    /// The event.
    pub event: IdentityEvent<'static>,
    /// Where its record lies.
    pub position: Position,
    /// Whether it is the stranger's doing (or aimed at the subscriber by one).
    pub is_foreign: bool,
}

/// An incident with its story.
#[derive(Clone, Debug)]
pub struct Told {
    /// The incident, as in the contract.
    pub incident: Incident,
    /// Every record behind it, in order of time.
    pub steps: Vec<Step>,
}

impl Detection {
    /// Where the records lie whose words [`Detection::tell`] needs.
    #[must_use]
    pub fn positions(&self) -> BTreeSet<Position> {
        let mut positions: BTreeSet<Position> =
            self.found.iter().flat_map(|f| relevant(f)).map(|r| r.position).collect();
        positions.extend(self.trains.iter().map(|t| t.record.position));
        positions
    }

    /// The incidents, worst first, and the configuration findings.
    #[must_use]
    pub fn tell(&self, texts: &Texts) -> (Vec<Told>, Vec<ConfigurationFinding>) {
        let ids: Vec<String> = self.found.iter().map(|f| incident_id(f, texts)).collect();
        let mut campaigns: BTreeMap<usize, &String> = BTreeMap::new();
        for (f, id) in self.found.iter().zip(&ids) {
            if let Some(number) = f.campaign {
                let smallest = campaigns.entry(number).or_insert(id);
                *smallest = (*smallest).min(id);
            }
        }
        let told =
            self.found
                .iter()
                .zip(&ids)
                .map(|(f, id)| {
                    let campaign = f.campaign.and_then(|n| campaigns.get(&n)).map(|smallest| {
                        format!("cmp_{:016x}", key_of_parts(&["campaign", smallest]))
                    });
                    tell(f, id.clone(), campaign, texts)
                })
                .collect();
        (told, self.configuration(texts))
    }

    fn configuration(&self, texts: &Texts) -> Vec<ConfigurationFinding> {
        let mut by_person: BTreeMap<Key, Vec<&Train>> = BTreeMap::new();
        for train in &self.trains {
            by_person.entry(train.who).or_default().push(train);
        }
        let mut findings: Vec<ConfigurationFinding> =
            by_person.values().filter_map(|trains| cached_password(trains, texts)).collect();
        findings.extend(outage(&self.outages));
        findings
            .sort_by(|a, b| (&a.kind, a.started_at, &a.id).cmp(&(&b.kind, b.started_at, &b.id)));
        findings
    }
}

/// The records behind an episode, the person's own and others', in order of time.
fn relevant(found: &Found) -> Vec<&Record> {
    let episode = &found.episode;
    let indices: BTreeSet<usize> = episode
        .records
        .iter()
        .copied()
        .chain(episode.prompts.iter().flat_map(|p| p.records.iter().copied()))
        .chain(episode.terms.iter().flat_map(|t| t.records.iter().copied()))
        .collect();
    let mut records: Vec<&Record> = indices.iter().filter_map(|i| found.records.get(*i)).collect();
    records.extend(found.to_others.iter().chain(&found.used));
    records.sort_by_key(|r| (r.at, r.id, r.part));
    records.dedup_by_key(|r| (r.at, r.id, r.part));
    records
}

/// The event that a record was made of. A line may hold a batch, with other people's events.
fn text<'t>(record: &Record, texts: &'t Texts) -> Option<&'t IdentityEvent<'static>> {
    let is_own = |e: &&IdentityEvent<'static>| {
        e.occurred_at == record.at && event_key(e.source, &e.id) == record.id
    };
    let mut own = texts.get(&record.position)?.iter().filter(is_own);
    own.clone()
        .find(|e| e.part == record.part && e.kind == record.kind)
        .or_else(|| own.clone().find(|e| e.kind == record.kind))
        .or_else(|| own.next())
}

fn event_id(record: &Record, texts: &Texts) -> String {
    text(record, texts).map(|e| e.id.clone().into_owned()).unwrap_or_default()
}

fn incident_id(found: &Found, texts: &Texts) -> String {
    let first = relevant(found).first().map(|r| event_id(r, texts)).unwrap_or_default();
    let who = found.episode.who.to_string();
    format!("inc_{:016x}", key_of_parts(&["incident", &who, &first]))
}

fn tell(found: &Found, id: String, campaign: Option<String>, texts: &Texts) -> Told {
    let episode = &found.episode;
    let records = relevant(found);
    let foreign_ips: BTreeSet<Key> = episode.origins.iter().map(|o| o.place.ip).collect();
    let steps: Vec<Step> = records
        .iter()
        .filter_map(|record| {
            Some(Step {
                event: text(record, texts)?.clone(),
                position: record.position,
                is_foreign: foreign_ips.contains(&record.requester.ip)
                    || record.kind.is_prompt_outcome()
                    || found.to_others.iter().any(|r| r.id == record.id),
            })
        })
        .collect();
    let ids_of = |indices: &[usize]| -> Vec<String> {
        let mut ids: Vec<String> = indices
            .iter()
            .filter_map(|i| found.records.get(*i))
            .map(|r| event_id(r, texts))
            .filter(|id| !id.is_empty())
            .collect();
        ids.dedup();
        ids
    };
    let mut terms: Vec<Evidence> = episode
        .terms
        .iter()
        .map(|term| Evidence {
            kind: term.kind.to_owned(),
            bits: term.bits,
            at: term.at,
            why: term.why.clone(),
            events: ids_of(&term.records),
        })
        .collect();
    terms.sort_by(|a, b| b.bits.total_cmp(&a.bits).then_with(|| a.kind.cmp(&b.kind)));
    let after = after(found, texts);
    let source = main_source(found);
    let is_read = found.used.iter().any(|record| record.has(flag::CONTENT));
    let incident = Incident {
        id,
        stage: episode.stage,
        severity: episode.stage.severity(),
        subject: subject(found, &steps, source),
        campaign,
        started_at: episode.started_at,
        last_at: episode.last_at,
        detected_at: found.detected_at,
        approved_at: episode.approved_at,
        prompts: counts(found),
        evidence_bits: (terms.iter().map(|t| t.bits).sum::<f64>() * 100.0).round() / 100.0,
        evidence: terms,
        origins: origins(found, &steps),
        attack: techniques(found, &after),
        next_steps: steps::next_steps(source, episode.stage, &after, counts(found), is_read),
        after_approval: after,
    };
    Told { incident, steps }
}

/// The product that asked; failing prompts, the one that logged most.
fn main_source(found: &Found) -> Source {
    if let Some(prompt) = found.episode.prompts.first() {
        return prompt.source;
    }
    relevant(found).first().map_or(Source::Okta, |r| r.source)
}

fn subject(found: &Found, steps: &[Step], source: Source) -> Subject {
    let mut ids: BTreeSet<SubjectId> = BTreeSet::new();
    let mut name = String::new();
    let others: BTreeSet<Key> = found.to_others.iter().map(|r| r.id).collect();
    let mut take = |event: &IdentityEvent<'_>| {
        let party = &event.subscriber;
        for id in [&party.name, &party.mail, &party.id] {
            if !id.is_empty() {
                ids.insert(SubjectId { source: event.source, id: lowered(id) });
            }
        }
        if name.is_empty() && event.source == source && !party.name.is_empty() {
            name = lowered(&party.name);
        }
    };
    for step in steps {
        let key = key_of_parts(&[step.event.source.name(), &step.event.id]);
        if !others.contains(&key) {
            take(&step.event);
        }
    }
    if name.is_empty() {
        let best = ids.iter().find(|i| i.id.contains('@')).or_else(|| ids.first());
        name = best.map(|i| i.id.clone()).unwrap_or_default();
    }
    Subject { name, ids: ids.into_iter().collect() }
}

fn counts(found: &Found) -> PromptCounts {
    let mut counts = PromptCounts::default();
    for prompt in &found.episode.prompts {
        counts.sent += 1;
        match prompt.outcome {
            Outcome::Approved => counts.approved += 1,
            Outcome::Denied | Outcome::Anomalous => counts.denied += 1,
            Outcome::Reported => counts.reported += 1,
            Outcome::Mismatched => counts.mismatched += 1,
            Outcome::Unanswered => counts.unanswered += 1,
            Outcome::Pending | Outcome::Satisfied => {}
        }
    }
    counts
}

fn after(found: &Found, texts: &Texts) -> Vec<After> {
    let own = found.episode.after.iter().filter_map(|i| found.records.get(*i));
    let mut after: Vec<After> = own
        .chain(&found.to_others)
        .chain(&found.used)
        .map(|record| {
            let event = text(record, texts);
            After {
                kind: record.kind,
                at: record.at,
                event: event_id(record, texts),
                what: event.map_or_else(|| named(record.kind), what),
            }
        })
        .collect();
    after.sort_by(|a, b| (a.at, &a.event, a.kind).cmp(&(b.at, &b.event, b.kind)));
    after.dedup();
    after
}

/// What was done, in words.
fn what(event: &IdentityEvent<'_>) -> String {
    match event.kind {
        EventKind::SessionUsed if event.what.is_empty() && !event.app.is_empty() => {
            format!("used {}", event.app)
        }
        kind if event.what.is_empty() => named(kind),
        _ => event.what.clone().into_owned(),
    }
}

fn named(kind: EventKind) -> String {
    kind.name().replace('_', " ")
}

fn origins(found: &Found, steps: &[Step]) -> Vec<Origin> {
    let mut by_ip: BTreeMap<&str, Origin> = BTreeMap::new();
    for step in steps.iter().filter(|s| s.is_foreign) {
        let requester = &step.event.requester;
        if requester.ip.is_empty() {
            continue;
        }
        let at = step.event.occurred_at;
        let origin = by_ip.entry(requester.ip.as_ref()).or_insert_with(|| Origin {
            ip: requester.ip.clone().into_owned(),
            first_at: at,
            last_at: at,
            ..Origin::default()
        });
        origin.first_at = origin.first_at.min(at);
        origin.last_at = origin.last_at.max(at);
        if origin.asn.is_none() && requester.asn != 0 {
            origin.asn = Some(requester.asn);
        }
        let fill = |slot: &mut Option<String>, text: &str| {
            if slot.is_none() && !text.is_empty() {
                *slot = Some(text.to_owned());
            }
        };
        fill(&mut origin.as_name, &requester.as_name);
        fill(&mut origin.city, &requester.city);
        let country = match country_code(&requester.country) {
            Some([a, b]) => format!("{}{}", char::from(a), char::from(b)),
            None => requester.country.clone().into_owned(),
        };
        fill(&mut origin.country, &country);
    }
    for prompt in &found.episode.prompts {
        let record = prompt.records.first().and_then(|i| found.records.get(*i));
        let ip = record.and_then(|r| {
            steps.iter().find(|s| s.position == r.position && !s.event.requester.ip.is_empty())
        });
        if let Some(origin) = ip.and_then(|s| by_ip.get_mut(s.event.requester.ip.as_ref())) {
            origin.prompts += 1;
        }
    }
    let mut origins: Vec<Origin> = by_ip.into_values().collect();
    origins.sort_by(|a, b| b.prompts.cmp(&a.prompts).then_with(|| a.first_at.cmp(&b.first_at)));
    origins
}

/// ATT&CK v18.1 techniques; the table is REQUIREMENTS section 3.2.
fn techniques(found: &Found, after: &[After]) -> Vec<String> {
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    if !found.episode.prompts.is_empty() {
        ids.insert("T1621");
    }
    if found.campaign.is_some() {
        ids.insert("T1110.003");
    }
    if found.episode.stage >= Stage::Approved {
        ids.insert("T1078.004");
    }
    let has = |kind: &str| found.episode.terms.iter().any(|t| t.kind == kind);
    if has("session_elsewhere") {
        ids.insert("T1539");
        ids.insert("T1550.004");
    }
    if has("helpdesk_reset") {
        ids.insert("T1656");
    }
    if has("lockout") {
        ids.insert("T1531");
    }
    for item in after {
        let id = match item.kind {
            EventKind::FactorEnrolled | EventKind::DeviceRegistered => "T1098.005",
            EventKind::FactorRemoved | EventKind::FactorReset | EventKind::BypassGranted => {
                "T1556.006"
            }
            EventKind::MailboxRule if item.what.starts_with("hides") => "T1564.008",
            EventKind::MailboxRule => "T1114.003",
            EventKind::MailDeleted => "T1070.008",
            // What Microsoft 365 tells of content begins so.
            EventKind::SessionUsed if item.what.starts_with("read ") => "T1114.002",
            EventKind::SessionUsed if item.what.starts_with("copied a mail folder") => "T1114.002",
            EventKind::SessionUsed
                if ["opened a file", "downloaded a file"]
                    .iter()
                    .any(|begin| item.what.starts_with(begin)) =>
            {
                "T1213.002"
            }
            EventKind::ConsentGranted => "T1528",
            EventKind::RoleAssigned => "T1098.003",
            EventKind::TokenCreated => "T1098.001",
            EventKind::PolicyChanged => "T1556.009",
            EventKind::AccountCreated => "T1136.003",
            EventKind::AccountDisabled => "T1531",
            EventKind::PasswordChanged | EventKind::PasswordReset | EventKind::RecoveryChanged => {
                "T1098"
            }
            _ => continue,
        };
        ids.insert(id);
    }
    ids.into_iter().map(str::to_owned).collect()
}

/// Names shown of those affected by a configuration finding.
const NAMES_MAX: usize = 20;

fn cached_password(trains: &[&Train], texts: &Texts) -> Option<ConfigurationFinding> {
    let first = trains.iter().min_by_key(|t| t.from)?;
    let last = trains.iter().max_by_key(|t| t.to)?;
    let event = text(&first.record, texts)?;
    let name = lowered(&event.subscriber.name);
    let prompts = trains.iter().map(|t| t.prompts).sum();
    let client = [
        event.requester.agent.browser.as_ref(),
        event.app.as_ref(),
        event.requester.agent.raw.as_ref(),
    ]
    .into_iter()
    .find(|t| !t.is_empty())
    .unwrap_or("a client");
    let client = as_written(client);
    let factor =
        if first.record.factor == Factor::Unknown { "prompt" } else { first.record.factor.name() };
    Some(ConfigurationFinding {
        id: format!("cfg_{:016x}", key_of_parts(&["cached_password", &name, &event.id])),
        kind: "cached_password".into(),
        title: format!(
            "{client} asks {name} again every {} from a familiar place ({factor}): an old password, or a client that retries",
            pushback_model::Span::seconds(first.every_seconds.round() as i64),
        ),
        subjects: vec![name],
        subjects_total: 1,
        started_at: first.from,
        last_at: last.to,
        prompts,
        next_steps: vec![
            "update or remove the saved password in that client".into(),
            "move the client to modern authentication, so that it asks once and keeps a token"
                .into(),
            "tell the person why the phone rang: prompts nobody expects teach people to approve"
                .into(),
        ],
    })
}

/// `CHROME`, as Okta logs it, in the writing of those who log `Chrome`.
fn as_written(client: &str) -> String {
    if client.len() < 4 || !client.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return client.to_owned();
    }
    client.split_at(1).0.to_owned() + &client.split_at(1).1.to_lowercase()
}

fn outage(slots: &[(Timestamp, u32)]) -> Vec<ConfigurationFinding> {
    let mut findings: Vec<ConfigurationFinding> = Vec::new();
    for (at, unanswered) in slots {
        match findings.last_mut() {
            Some(last) if *at - last.last_at <= pushback_model::Span::minutes(30) => {
                last.last_at = *at;
                last.prompts += unanswered;
            }
            _ => findings.push(ConfigurationFinding {
                id: format!("cfg_{:016x}", key_of_parts(&["push_outage", &at.to_string()])),
                kind: "push_outage".into(),
                title: "most prompts of the whole organisation went unanswered: the push service or a sign-in service failed".into(),
                subjects: Vec::new(),
                subjects_total: 0,
                started_at: *at,
                last_at: *at,
                prompts: *unanswered,
                next_steps: vec![
                    "check the identity provider's status page for that time".into(),
                    "offer a second way to sign in that needs no push (passkey, code from the app)".into(),
                ],
            }),
        }
    }
    for finding in &mut findings {
        finding.subjects.truncate(NAMES_MAX);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_written_in_one_way() {
        assert_eq!(as_written("CHROME"), "Chrome");
        for name in ["Chrome", "IE", "Microsoft Outlook", "okhttp/4.9"] {
            assert_eq!(as_written(name), name);
        }
    }
}
