//! What happened to each of the invented people, and the records that tell it.

use pushback_model::{
    After, EventKind, Evidence, Factor, Incident, Origin, PromptCounts, Source, Span, Stage,
    Subject, SubjectId, Timestamp,
};

use super::HOSTILE;
use crate::report::view::TimelineItem;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn item(when: &str, kind: EventKind) -> TimelineItem {
    TimelineItem {
        at: at(when),
        kind,
        factor: Factor::Push,
        source: Source::Okta,
        label: String::new(),
        ip: "203.0.113.7".to_owned(),
        foreign: true,
        event: format!("evt-{}", at(when).as_millis() % 100_000_000),
        bits: 0.0,
        position: "okta.jsonl:1204".to_owned(),
    }
}

fn term(kind: &str, bits: f64, when: &str, why: &str) -> Evidence {
    Evidence { kind: kind.to_owned(), bits, at: at(when), why: why.to_owned(), events: Vec::new() }
}

fn origin(ip: &str, asn: u32, name: &str, country: &str, city: &str, prompts: u32) -> Origin {
    Origin {
        ip: ip.to_owned(),
        asn: Some(asn),
        as_name: Some(name.to_owned()),
        country: Some(country.to_owned()),
        city: Some(city.to_owned()),
        first_at: at("2026-03-14T03:02:11Z"),
        last_at: at("2026-03-14T03:12:40Z"),
        prompts,
    }
}

fn after(kind: EventKind, when: &str, what: &str) -> After {
    After {
        kind,
        at: at(when),
        event: format!("evt-{}", at(when).as_millis() % 100_000_000),
        what: what.to_owned(),
    }
}

fn incident(id: &str, stage: Stage, name: &str, source: Source, from: &str, to: &str) -> Incident {
    Incident {
        id: id.to_owned(),
        stage,
        severity: stage.severity(),
        subject: Subject {
            name: name.to_owned(),
            ids: vec![SubjectId { source, id: name.to_owned() }],
        },
        campaign: None,
        started_at: at(from),
        last_at: at(to),
        detected_at: at(from) + Span::minutes(2),
        approved_at: None,
        prompts: PromptCounts::default(),
        evidence_bits: 0.0,
        evidence: Vec::new(),
        origins: Vec::new(),
        after_approval: Vec::new(),
        attack: vec!["T1621".to_owned()],
        next_steps: Vec::new(),
    }
}

fn summed(mut incident: Incident, evidence: Vec<Evidence>) -> Incident {
    incident.evidence_bits = evidence.iter().map(|term| term.bits).sum();
    incident.evidence = evidence;
    incident
}

/// Seven prompts at night, the eighth approved, then a new authenticator, a mail rule and a token.
pub(crate) fn foothold() -> Incident {
    let mut i = incident(
        "inc_5f0c2a91",
        Stage::Foothold,
        "alice@example.org",
        Source::Okta,
        "2026-03-14T03:02:11Z",
        "2026-03-15T00:40:00Z",
    );
    i.subject.ids.push(SubjectId { source: Source::M365, id: "alice@example.org".to_owned() });
    i.campaign = Some("cmp_77aa10".to_owned());
    i.approved_at = Some(at("2026-03-14T03:12:40Z"));
    i.prompts =
        PromptCounts { sent: 8, approved: 1, denied: 1, reported: 0, unanswered: 5, mismatched: 1 };
    i.origins = vec![
        origin("203.0.113.7", 64_500, "Example Hosting", "RO", "Bucharest", 6),
        origin("2001:db8::7:1", 64_501, "Residential Broadband Ltd", "US", "Ashburn", 2),
    ];
    i.after_approval = vec![
        after(EventKind::SessionStarted, "2026-03-14T03:12:43Z", "session in Okta Dashboard"),
        after(EventKind::FactorEnrolled, "2026-03-14T03:14:55Z", "Okta Verify on \"Pixel 8\""),
        after(
            EventKind::MailboxRule,
            "2026-03-14T03:55:02Z",
            "moves mail with \"security\" to RSS Feeds",
        ),
        after(EventKind::TokenCreated, "2026-03-15T00:40:00Z", "API token \"sync\""),
    ];
    i.attack = ["T1621", "T1098.005", "T1564.008"].map(str::to_owned).to_vec();
    i.next_steps = [
        "Clear alice's sessions and tokens: Directory > People > alice > More actions > Clear user sessions, with \"revoke tokens\".",
        "Remove the authenticator bound at 03:14 (Okta Verify on \"Pixel 8\").",
        "Reset the password; alice sets the new one in person or by video.",
        "Delete the mail rule made at 03:55 and read what it moved.",
        "Ask alice whether anyone called about a code.",
    ].map(str::to_owned).to_vec();
    let mut evidence = vec![
        term(
            "unfamiliar_network",
            6.0,
            "2026-03-14T03:02:11Z",
            "alice never signed in from AS64500 before",
        ),
        term("unanswered", 7.5, "2026-03-14T03:02:11Z", "5 prompts nobody answered"),
        term("denied", 4.2, "2026-03-14T03:06:40Z", "alice said no at 03:06"),
        term("mismatched", 3.5, "2026-03-14T03:10:02Z", "a wrong number was entered at 03:10"),
        term(
            "foreign_hour",
            2.25,
            "2026-03-14T03:02:11Z",
            "alice does not sign in between 22:00 and 06:00 UTC",
        ),
        term(
            "lasting_change",
            8.0,
            "2026-03-14T03:14:55Z",
            "a new authenticator 2m 15s after the approval",
        ),
        term("known_app", -1.5, "2026-03-14T03:12:43Z", "alice uses Okta Dashboard daily"),
    ];
    for (term, events) in evidence.iter_mut().zip([
        vec!["evt-51"],
        vec!["evt-51", "evt-52", "evt-53", "evt-54", "evt-55"],
        vec!["evt-56"],
        vec!["evt-57"],
        vec![],
        vec!["evt-59"],
        vec![],
    ]) {
        term.events = events.into_iter().map(str::to_owned).collect();
    }
    summed(i, evidence)
}

pub(super) fn foothold_story() -> Vec<TimelineItem> {
    let rows = [
        ("2026-03-14T03:02:11Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-51"),
        ("2026-03-14T03:03:15Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-52"),
        ("2026-03-14T03:04:20Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-53"),
        ("2026-03-14T03:06:31Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-64"),
        ("2026-03-14T03:06:40Z", EventKind::PromptDenied, "denied in Okta Verify", "evt-56"),
        ("2026-03-14T03:07:44Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-54"),
        ("2026-03-14T03:08:50Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-55"),
        ("2026-03-14T03:09:50Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-65"),
        ("2026-03-14T03:10:02Z", EventKind::PromptMismatched, "wrong number", "evt-57"),
        ("2026-03-14T03:12:22Z", EventKind::PromptSent, "push to \"alice's iPhone\"", "evt-66"),
        ("2026-03-14T03:12:40Z", EventKind::PromptApproved, "approved in Okta Verify", "evt-58"),
        ("2026-03-14T03:12:43Z", EventKind::SessionStarted, "session in Okta Dashboard", "evt-60"),
        ("2026-03-14T03:14:55Z", EventKind::FactorEnrolled, "Okta Verify on \"Pixel 8\"", "evt-59"),
        (
            "2026-03-14T03:55:02Z",
            EventKind::MailboxRule,
            "moves mail with \"security\" to RSS Feeds",
            "evt-61",
        ),
        ("2026-03-14T08:02:00Z", EventKind::SessionStarted, "alice's own laptop", "evt-62"),
        ("2026-03-15T00:40:00Z", EventKind::TokenCreated, "API token \"sync\"", "evt-63"),
    ];
    rows.into_iter()
        .enumerate()
        .map(|(n, (when, kind, label, event))| {
            let mut i = item(when, kind);
            i.label = label.to_owned();
            i.event = event.to_owned();
            i.position = format!("okta.jsonl:{}", 1_200 + n / 2);
            if event == "evt-62" {
                i.foreign = false;
                i.ip = "192.0.2.10".to_owned();
            }
            if kind == EventKind::MailboxRule {
                i.source = Source::M365;
                i.position = "m365.jsonl:88".to_owned();
            }
            i
        })
        .collect()
}

/// A help-desk reset followed by a stranger's enrolment; no prompt at all.
pub(crate) fn reset() -> Incident {
    let mut i = incident(
        "inc_0b77d3e4",
        Stage::Foothold,
        "heidi@example.org",
        Source::Entra,
        "2026-03-11T09:20:00Z",
        "2026-03-11T09:41:00Z",
    );
    i.origins = vec![origin("198.51.100.77", 64_510, "Example VPN", "NL", "Amsterdam", 0)];
    i.after_approval = vec![
        after(EventKind::FactorReset, "2026-03-11T09:20:00Z", "by helpdesk2@example.org"),
        after(EventKind::FactorEnrolled, "2026-03-11T09:41:00Z", "Microsoft Authenticator"),
    ];
    i.attack = vec!["T1098.005".to_owned(), "T1656".to_owned()];
    i.next_steps = [
        "Revoke heidi's sessions in Entra: Users > heidi > Revoke sessions.",
        "Remove the authentication method added at 09:41.",
        "Ask helpdesk2 who called, and how they proved who they were.",
    ]
    .map(str::to_owned)
    .to_vec();
    summed(
        i,
        vec![
            term(
                "reset_then_stranger",
                9.5,
                "2026-03-11T09:41:00Z",
                "a new authenticator 21m after a help-desk reset, from a network heidi never used",
            ),
            term(
                "unfamiliar_network",
                6.0,
                "2026-03-11T09:41:00Z",
                "heidi never signed in from AS64510 before",
            ),
        ],
    )
}

pub(super) fn reset_story() -> Vec<TimelineItem> {
    let mut rows = vec![
        item("2026-03-11T09:20:00Z", EventKind::FactorReset),
        item("2026-03-11T09:39:30Z", EventKind::SessionStarted),
        item("2026-03-11T09:41:00Z", EventKind::FactorEnrolled),
    ];
    for row in &mut rows {
        row.source = Source::Entra;
        row.ip = "198.51.100.77".to_owned();
        row.position = "entra-audit.json:31".to_owned();
    }
    rows
}

/// One prompt, approved at once, session far from the phone.
pub(crate) fn approved() -> Incident {
    let mut i = incident(
        "inc_91be44c0",
        Stage::Approved,
        "bob@example.org",
        Source::Duo,
        "2026-03-13T16:45:10Z",
        "2026-03-13T16:45:31Z",
    );
    i.approved_at = Some(at("2026-03-13T16:45:31Z"));
    i.prompts = PromptCounts { sent: 1, approved: 1, ..PromptCounts::default() };
    i.origins = vec![origin("198.51.100.23", 64_502, "Example Cloud", "SG", "Singapore", 1)];
    i.next_steps = [
        "Ask bob whether he signed in at 16:45 UTC.",
        "If not: in Duo, disable bob, end sessions in the VPN, reset the password.",
    ]
    .map(str::to_owned)
    .to_vec();
    summed(
        i,
        vec![
            term(
                "phone_far_from_browser",
                6.5,
                "2026-03-13T16:45:31Z",
                "phone in Leeds, browser in Singapore: 10,900 km",
            ),
            term(
                "unfamiliar_country",
                4.0,
                "2026-03-13T16:45:10Z",
                "bob never signed in from Singapore",
            ),
            term("known_agent", -2.0, "2026-03-13T16:45:10Z", "the same browser family as bob's"),
        ],
    )
}

pub(super) fn approved_story() -> Vec<TimelineItem> {
    let mut rows = vec![
        item("2026-03-13T16:45:10Z", EventKind::PromptSent),
        item("2026-03-13T16:45:31Z", EventKind::PromptApproved),
        item("2026-03-13T16:45:33Z", EventKind::SessionStarted),
    ];
    for row in &mut rows {
        row.source = Source::Duo;
        row.ip = "198.51.100.23".to_owned();
        row.position = "duo.json:7".to_owned();
    }
    rows
}

/// Two dozen prompts, two denied, one reported.
pub(crate) fn bombing() -> Incident {
    let mut i = incident(
        "inc_c3d1f00d",
        Stage::Bombing,
        "carol@example.org",
        Source::Okta,
        "2026-03-14T03:20:00Z",
        "2026-03-14T03:38:30Z",
    );
    i.campaign = Some("cmp_77aa10".to_owned());
    i.prompts = PromptCounts {
        sent: 24,
        approved: 0,
        denied: 2,
        reported: 1,
        unanswered: 21,
        mismatched: 0,
    };
    i.origins = vec![origin("203.0.113.7", 64_500, "Example Hosting", "RO", "Bucharest", 24)];
    i.next_steps = [
        "Change carol's password: somebody else has it.",
        "Switch number matching on for the Okta Verify policy.",
    ]
    .map(str::to_owned)
    .to_vec();
    summed(
        i,
        vec![
            term("unanswered", 8.0, "2026-03-14T03:20:00Z", "21 prompts nobody answered (capped)"),
            term("reported", 7.0, "2026-03-14T03:37:00Z", "carol reported it at 03:37"),
            term("machine_cadence", 3.1, "2026-03-14T03:20:00Z", "one prompt every 48 s"),
            term(
                "shared_source",
                4.0,
                "2026-03-14T03:20:00Z",
                "the same source asked 3 people within an hour",
            ),
        ],
    )
}

pub(super) fn bombing_story() -> Vec<TimelineItem> {
    let mut story = Vec::new();
    for n in 0..24_i64 {
        let mut sent = item("2026-03-14T03:20:00Z", EventKind::PromptSent);
        sent.at = sent.at + Span::seconds(48 * n);
        sent.event = format!("evt-b{n}");
        let answer = match n {
            9 | 15 => Some(EventKind::PromptDenied),
            21 => Some(EventKind::PromptReported),
            _ => None,
        };
        if let Some(kind) = answer {
            let mut answer = TimelineItem { kind, ..sent.clone() };
            answer.at = answer.at + Span::seconds(11);
            answer.event.push_str("-answer");
            story.push(answer);
        }
        story.push(sent);
    }
    story
}

/// One prompt in the middle of the day that nobody answered.
pub(crate) fn exposed() -> Incident {
    let mut i = incident(
        "inc_7e57ab1e",
        Stage::Exposed,
        "dave@example.org",
        Source::Okta,
        "2026-03-14T14:05:00Z",
        "2026-03-14T14:05:00Z",
    );
    i.campaign = Some("cmp_77aa10".to_owned());
    i.prompts = PromptCounts { sent: 1, unanswered: 1, ..PromptCounts::default() };
    i.origins = vec![origin("203.0.113.9", 64_500, "Example Hosting", "RO", "Bucharest", 1)];
    i.next_steps = vec!["Change dave's password: somebody else has it.".to_owned()];
    summed(
        i,
        vec![
            term(
                "unfamiliar_network",
                6.0,
                "2026-03-14T14:05:00Z",
                "dave never signed in from AS64500 before",
            ),
            term("shared_source", 4.0, "2026-03-14T14:05:00Z", "the same network asked 3 people"),
        ],
    )
}

pub(super) fn exposed_story() -> Vec<TimelineItem> {
    let mut sent = item("2026-03-14T14:05:00Z", EventKind::PromptSent);
    "203.0.113.9".clone_into(&mut sent.ip);
    vec![sent]
}

/// What an attacker who writes into every field would leave behind.
pub(crate) fn hostile() -> Incident {
    let mut i = exposed();
    i.id = format!("inc_{HOSTILE}");
    i.subject.name = HOSTILE.to_owned();
    i.subject.ids = vec![SubjectId { source: Source::Okta, id: HOSTILE.to_owned() }];
    i.campaign = Some(HOSTILE.to_owned());
    for term in &mut i.evidence {
        HOSTILE.clone_into(&mut term.kind);
        HOSTILE.clone_into(&mut term.why);
        term.events = vec![HOSTILE.to_owned()];
    }
    for origin in &mut i.origins {
        HOSTILE.clone_into(&mut origin.ip);
        origin.as_name = Some(HOSTILE.to_owned());
        origin.country = Some(HOSTILE.to_owned());
        origin.city = Some(HOSTILE.to_owned());
    }
    i.after_approval = vec![After {
        kind: EventKind::MailboxRule,
        at: i.last_at,
        event: HOSTILE.to_owned(),
        what: HOSTILE.to_owned(),
    }];
    i.attack = vec![HOSTILE.to_owned()];
    i.next_steps = vec![HOSTILE.to_owned()];
    i
}
