//! Sign-in logs in every shape: the Azure Monitor record with `properties`, the Graph object (v1.0
//! without `authenticationDetails`, beta with them), and Log Analytics columns.
//!
//! ```json
//! {"time":"…","category":"SignInLogs","properties":{"id":"…","createdDateTime":"…",
//!  "userPrincipalName":"alice@example.org","status":{"errorCode":500121},
//!  "authenticationDetails":[{"authenticationMethod":"Mobile app notification",
//!   "authenticationStepResultDetail":"MFA denied; user declined the authentication"}]}}
//! ```

use std::borrow::Cow;

use pushback_model::{
    Agent, Coordinates, Endpoint, EventKind, Factor, IdentityEvent, Party, Risk, Source, Timestamp,
};

use super::columns;
use super::outcome::{self, Outcome};
use crate::json::{Cursor, Fault, Raw};
use crate::text::content_id;
use crate::{Read, Reject, Sink};

/// Prompts of one record that are told apart. Real sign-ins have one or two.
const PROMPTS_MAX: usize = 16;

/// Entries for one method this close together are one prompt, logged more than once.
const SAME_PROMPT_MS: i64 = 5_000;

/// `properties`, or the Graph object.
#[derive(Clone, Copy, Debug, Default)]
struct Fields<'a> {
    id: Raw<'a>,
    created: Raw<'a>,
    user_id: Raw<'a>,
    user_name: Raw<'a>,
    principal_id: Raw<'a>,
    ip: Raw<'a>,
    as_number: Raw<'a>,
    city: Raw<'a>,
    state: Raw<'a>,
    country: Raw<'a>,
    latitude: Raw<'a>,
    longitude: Raw<'a>,
    device: Raw<'a>,
    device_name: Raw<'a>,
    os: Raw<'a>,
    browser: Raw<'a>,
    is_managed: bool,
    agent: Raw<'a>,
    app: Raw<'a>,
    app_id: Raw<'a>,
    client_app: Raw<'a>,
    correlation: Raw<'a>,
    session: Raw<'a>,
    code: Raw<'a>,
    failure: Raw<'a>,
    details: Raw<'a>,
    method: Raw<'a>,
    steps: &'a str,
    risk_during: Raw<'a>,
    protocol: Raw<'a>,
    transfer: Raw<'a>,
    /// 1 yes, 2 no, 0 not logged.
    interactive: u8,
    has_status: bool,
    /// A member that should be an object is JSON inside a string.
    has_text_inside: bool,
}

/// What stands around `properties`.
#[derive(Clone, Copy, Debug, Default)]
struct Outer<'a> {
    time: Raw<'a>,
    category: Raw<'a>,
    operation: Raw<'a>,
    result: Raw<'a>,
    ip: Raw<'a>,
    properties: Option<Fields<'a>>,
    has_columns: bool,
    is_foreign: bool,
}

/// Reads a record if it is a sign-in; `Ok(None)` if it is not.
pub(crate) fn read_sign_in(
    record: &str,
    sink: &mut Sink<'_>,
) -> Result<Option<Result<Read, Reject>>, Fault> {
    let mut cursor = Cursor::new(record);
    let mut outer = Outer::default();
    let mut top = Fields::default();
    cursor.object(|key, cursor| {
        match key {
            b"properties" => {
                let mut inner = Fields::default();
                inner.note_text(cursor)?;
                cursor.object(|key, cursor| inner.member(key, cursor))?;
                outer.properties = Some(inner);
            }
            b"time" => outer.time = cursor.scalar()?,
            b"category" => outer.category = cursor.scalar()?,
            b"operationName" => outer.operation = cursor.scalar()?,
            b"resultType" => outer.result = cursor.scalar()?,
            b"callerIpAddress" => outer.ip = cursor.scalar()?,
            b"UserPrincipalName" | b"ServicePrincipalId" => {
                outer.has_columns = true;
                cursor.skip()?;
            }
            // Marks of Okta and Duo.
            b"eventType" | b"access_device" | b"auth_device" | b"integration" => {
                outer.is_foreign = true;
                cursor.skip()?;
            }
            _ => return top.member(key, cursor),
        }
        Ok(())
    })?;
    cursor.end()?;
    if outer.is_foreign {
        return Ok(None);
    }
    let is_sign_in_log =
        contains_sign_in(outer.category.as_written()) || outer.operation.is("Sign-in activity");
    let fields = match outer.properties {
        Some(inner) if is_sign_in_log => inner,
        None if top.is_graph_sign_in() => top,
        _ if outer.has_columns => {
            return Ok(match columns::to_graph(record) {
                Some(graph) => read_sign_in(&graph, sink)?,
                None => None,
            });
        }
        _ => return Ok(None),
    };
    if fields.has_text_inside {
        return Ok(match columns::unfold(record) {
            Some(graph) => read_sign_in(&graph, sink)?,
            None => None,
        });
    }
    SignIn::new(&outer, &top, fields)?.map_or(
        Ok(Some(Ok(Read::Ignored(Source::Entra)))),
        |sign_in| match sign_in {
            Ok(sign_in) => Ok(Some(Ok(sign_in.hand_over(sink)?))),
            Err(reject) => Ok(Some(Err(reject))),
        },
    )
}

fn contains_sign_in(category: &str) -> bool {
    // `SignInLogs`, `NonInteractiveUserSignInLogs`, `ManagedIdentitySignInLogs`, ...
    category.ends_with("SignInLogs") || category.ends_with("SigninLogs")
}

impl<'a> Fields<'a> {
    fn is_graph_sign_in(&self) -> bool {
        let somebody =
            !self.user_id.is_empty() || !self.user_name.is_empty() || !self.principal_id.is_empty();
        let attempt = self.has_status || self.interactive != 0 || !self.client_app.is_empty();
        !self.created.is_empty() && somebody && attempt
    }

    #[inline]
    fn member(&mut self, key: &[u8], cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        match key {
            b"id" => self.id = cursor.scalar()?,
            b"createdDateTime" => self.created = cursor.scalar()?,
            b"userId" => self.user_id = cursor.scalar()?,
            b"userPrincipalName" => self.user_name = cursor.scalar()?,
            b"servicePrincipalId" => self.principal_id = cursor.scalar()?,
            b"ipAddress" => self.ip = cursor.scalar()?,
            b"autonomousSystemNumber" => self.as_number = cursor.scalar()?,
            b"location" => self.location(cursor)?,
            b"deviceDetail" => self.device_detail(cursor)?,
            b"userAgent" => self.agent = cursor.scalar()?,
            b"appDisplayName" => self.app = cursor.scalar()?,
            b"appId" => self.app_id = cursor.scalar()?,
            b"clientAppUsed" => self.client_app = cursor.scalar()?,
            b"correlationId" => self.correlation = cursor.scalar()?,
            b"sessionId" => self.session = cursor.scalar()?,
            b"status" => self.status(cursor)?,
            b"mfaDetail" => {
                self.method = Raw::default();
                self.note_text(cursor)?;
                cursor.object(|key, cursor| {
                    match key {
                        b"authMethod" => self.method = cursor.scalar()?,
                        _ => cursor.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"authenticationDetails" => {
                self.note_text(cursor)?;
                self.steps = cursor.slice()?;
            }
            b"riskLevelDuringSignIn" => self.risk_during = cursor.scalar()?,
            b"authenticationProtocol" => self.protocol = cursor.scalar()?,
            b"originalTransferMethod" => self.transfer = cursor.scalar()?,
            b"isInteractive" => {
                self.interactive = match cursor.answer()? {
                    Some(true) => 1,
                    Some(false) => 2,
                    None => 0,
                }
            }
            _ => cursor.skip()?,
        }
        Ok(())
    }

    /// Notes a text where an object or array belongs.
    fn note_text(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        self.has_text_inside |= cursor.peek()? == b'"';
        Ok(())
    }

    fn location(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.city, self.state, self.country) = Default::default();
        (self.latitude, self.longitude) = Default::default();
        // Around `properties` stands a text that is just the country's code.
        if cursor.peek()? == b'"' {
            self.has_text_inside |= cursor.scalar()?.as_written().starts_with('{');
            return Ok(());
        }
        cursor.object(|key, cursor| {
            match key {
                b"city" => self.city = cursor.scalar()?,
                b"state" => self.state = cursor.scalar()?,
                b"countryOrRegion" => self.country = cursor.scalar()?,
                b"geoCoordinates" => {
                    (self.latitude, self.longitude) = Default::default();
                    cursor.object(|key, cursor| {
                        match key {
                            b"latitude" => self.latitude = cursor.scalar()?,
                            b"longitude" => self.longitude = cursor.scalar()?,
                            _ => cursor.skip()?,
                        }
                        Ok(())
                    })?;
                }
                _ => cursor.skip()?,
            }
            Ok(())
        })
    }

    fn device_detail(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.device, self.device_name, self.os, self.browser) = Default::default();
        let (mut managed, mut compliant) = (false, false);
        self.note_text(cursor)?;
        cursor.object(|key, cursor| {
            match key {
                b"deviceId" => self.device = cursor.scalar()?,
                b"displayName" => self.device_name = cursor.scalar()?,
                b"operatingSystem" => self.os = cursor.scalar()?,
                b"browser" => self.browser = cursor.scalar()?,
                b"isManaged" => managed = cursor.flag()?,
                b"isCompliant" => compliant = cursor.flag()?,
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        self.is_managed = managed || compliant;
        Ok(())
    }

    fn status(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.code, self.failure, self.details) = Default::default();
        self.has_status = true;
        self.note_text(cursor)?;
        cursor.object(|key, cursor| {
            match key {
                b"errorCode" => self.code = cursor.scalar()?,
                b"failureReason" => self.failure = cursor.scalar()?,
                b"additionalDetails" => self.details = cursor.scalar()?,
                _ => cursor.skip()?,
            }
            Ok(())
        })
    }
}

/// One entry of `authenticationDetails` that is a prompt.
#[derive(Clone, Copy, Debug)]
struct Prompt<'a> {
    at: Timestamp,
    factor: Factor,
    kind: Option<EventKind>,
    text: Raw<'a>,
}

/// A sign-in, ready to be handed over.
struct SignIn<'a> {
    event: IdentityEvent<'a>,
    code: Option<u32>,
    is_interactive: bool,
    details: Cow<'a, str>,
    method: Factor,
    steps: &'a str,
}

impl<'a> SignIn<'a> {
    /// `None` for what no person does.
    fn new(
        outer: &Outer<'a>,
        top: &Fields<'a>,
        f: Fields<'a>,
    ) -> Result<Option<Result<Self, Reject>>, Fault> {
        let category = outer.category.as_written();
        let is_machine = category.starts_with("ServicePrincipal")
            || category.starts_with("ManagedIdentity")
            || category.starts_with("MicrosoftServicePrincipal");
        let subscriber = Party {
            name: f.user_name.present()?,
            mail: Cow::Borrowed(""),
            id: f.user_id.present()?,
        };
        if is_machine || (subscriber.is_empty() && !f.principal_id.present()?.is_empty()) {
            return Ok(None);
        }
        let created = if f.created.is_empty() { outer.time } else { f.created };
        let Ok(at) = Timestamp::parse(&created.text()?) else {
            return Ok(Some(Err(Reject::Incomplete {
                vendor: Source::Entra,
                missing: "createdDateTime",
            })));
        };
        let code = match f.code.number::<u32>().or_else(|| outer.result.number()) {
            None if outer.result.as_written().eq_ignore_ascii_case("success") => Some(0),
            code => code,
        };
        let is_interactive = match f.interactive {
            1 => true,
            2 => false,
            _ => !category.starts_with("NonInteractive"),
        };
        let mut event = IdentityEvent::new(Source::Entra, EventKind::SignInFailed, at);
        event.subscriber = subscriber;
        event.logged_at = outer.time.text().ok().and_then(|time| Timestamp::parse(&time).ok());
        event.id = f.id.present()?;
        event.app = f.app.present()?;
        if event.app.is_empty() {
            event.app = f.app_id.present()?;
        }
        event.session = f.session.present()?;
        event.transaction = first([f.correlation, top.correlation])?;
        event.native = first([f.code, outer.result])?;
        event.risk = match f.risk_during.as_written() {
            "high" => Risk::High,
            "medium" => Risk::Medium,
            "low" => Risk::Low,
            _ => Risk::Unknown,
        };
        event.requester = endpoint(outer, &f)?;
        let is_device_code = f.protocol.is("deviceCode") || f.transfer.is("deviceCodeFlow");
        event.what = if is_device_code {
            Cow::Borrowed("device code flow")
        } else {
            first([f.details, f.failure])?
        };
        if event.id.is_empty() {
            event.id = Cow::Owned(content_id(&[
                &at.to_string(),
                &event.subscriber.name,
                &event.subscriber.id,
                &event.transaction,
                &event.requester.ip,
                &event.native,
                &event.app,
            ]));
        }
        Ok(Some(Ok(Self {
            event,
            code,
            is_interactive,
            details: f.details.text()?,
            method: outcome::factor(&f.method.text()?),
            steps: f.steps,
        })))
    }

    /// Hands over one event for each prompt that has ended, and one for the attempt as a whole.
    fn hand_over(mut self, sink: &mut Sink<'_>) -> Result<Read, Fault> {
        let mut events = 0;
        let mut told = false;
        let mut used = self.method;
        let at = self.event.occurred_at;
        let words = self.event.what.clone();
        if self.is_interactive {
            let (prompts, other) = self.prompts()?;
            if other != Factor::Unknown {
                used = other;
            }
            for (part, prompt) in (1..).zip(&prompts) {
                let Some(kind) = prompt.kind else { continue };
                self.event.what = prompt.text.present()?;
                self.hand_over_prompt(kind, prompt.factor, prompt.at, part, sink);
                (events, told, used) = (events + 1, true, prompt.factor);
            }
            if !told && let Some((kind, factor)) = self.outcome_in_details() {
                self.event.what = Cow::Owned(self.details.clone().into_owned());
                self.hand_over_prompt(kind, factor, at, 1, sink);
                (events, told, used) = (events + 1, true, factor);
            }
        }
        let whole = self.code.and_then(|code| outcome::of_code(code, self.is_interactive));
        // The dialogue goes on ("stay signed in?") after the second factor: the success that follows
        // tells only that it was passed before.
        let is_passed = outcome::of_text(&self.details) == Outcome::Is(EventKind::PromptApproved);
        if whole.is_none() && !told && is_passed && used != Factor::Unknown && self.is_interactive {
            self.event.what = Cow::Owned(self.details.clone().into_owned());
            self.hand_over_prompt(EventKind::FactorVerified, used, at, 1, sink);
            events += 1;
        }
        // Of a failed second factor the prompt's own event says more.
        let Some(kind) = whole.filter(|kind| !told || *kind != EventKind::FactorFailed) else {
            return Ok(if events == 0 {
                Read::Ignored(Source::Entra)
            } else {
                Read::Events(events)
            });
        };
        self.event.kind = kind;
        self.event.factor = match kind {
            EventKind::SessionStarted | EventKind::FactorFailed => used,
            _ => Factor::Unknown,
        };
        self.event.part = 0;
        self.event.occurred_at = at;
        self.event.what = words;
        sink(&self.event);
        Ok(Read::Events(events + 1))
    }

    fn hand_over_prompt(
        &mut self,
        kind: EventKind,
        factor: Factor,
        at: Timestamp,
        part: u32,
        sink: &mut Sink<'_>,
    ) {
        self.event.kind = kind;
        self.event.factor = factor;
        self.event.occurred_at = at;
        self.event.part = part;
        sink(&self.event);
    }

    /// The prompts in `authenticationDetails`, each once, in order of time, with or without an end;
    /// and the last other factor that succeeded.
    fn prompts(&self) -> Result<(Vec<Prompt<'a>>, Factor), Fault> {
        let mut prompts: Vec<Prompt<'a>> = Vec::new();
        let mut other = Factor::Unknown;
        if self.steps.is_empty() {
            return Ok((prompts, other));
        }
        Cursor::new(self.steps).array(|cursor| {
            let step = Step::read(cursor)?;
            let factor = outcome::factor(&step.method.text()?);
            let is_prompt = matches!(factor, Factor::Push | Factor::Voice);
            let verdict = outcome::of_text(&step.text.text()?);
            if !is_prompt {
                if step.succeeded && !matches!(factor, Factor::Unknown | Factor::Password) {
                    other = factor;
                }
                return Ok(());
            }
            let kind = match verdict {
                Outcome::NotAsked => return Ok(()),
                Outcome::Is(EventKind::FactorFailed) | Outcome::Unclear => None,
                // Both must agree; a half-written step says "completed" only when it is.
                Outcome::Is(EventKind::PromptApproved) if !step.succeeded => None,
                Outcome::Is(kind) => Some(kind),
            };
            let at = Timestamp::parse(&step.at.text()?).unwrap_or(self.event.occurred_at);
            let prompt = Prompt { at, factor, kind, text: step.text };
            let is_same = |other: &Prompt<'_>| {
                other.factor == factor && (other.at - at).abs().as_millis() <= SAME_PROMPT_MS
            };
            if let Some(same) = prompts.iter_mut().find(|other| is_same(other)) {
                if same.kind.is_none() {
                    *same = Prompt { at: same.at, ..prompt };
                }
            } else if prompts.len() < PROMPTS_MAX {
                prompts.push(prompt);
            }
            Ok(())
        })?;
        prompts.sort_by_key(|prompt| (prompt.at, prompt.factor));
        Ok((prompts, other))
    }

    /// The end of a prompt as the record's own text tells it, where the steps do not.
    fn outcome_in_details(&self) -> Option<(EventKind, Factor)> {
        let Outcome::Is(kind) = outcome::of_text(&self.details) else { return None };
        let named = self.method;
        let is_prompt = matches!(named, Factor::Push | Factor::Voice);
        match kind {
            EventKind::FactorFailed => None,
            // Graph v1.0 names neither method nor steps: it may as well have been a code, but somebody
            // passed a second factor.
            EventKind::PromptApproved => {
                let is_unnamed = named == Factor::Unknown && self.steps.is_empty();
                (is_prompt || is_unnamed).then_some((kind, named))
            }
            _ if is_prompt => Some((kind, named)),
            _ => Some((kind, outcome::factor_of_text(&self.details))),
        }
    }
}

/// One entry of `authenticationDetails`.
#[derive(Clone, Copy, Debug, Default)]
struct Step<'a> {
    at: Raw<'a>,
    method: Raw<'a>,
    text: Raw<'a>,
    succeeded: bool,
}

impl<'a> Step<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let mut step = Self::default();
        cursor.object(|key, cursor| {
            match key {
                b"authenticationStepDateTime" => step.at = cursor.scalar()?,
                b"authenticationMethod" => step.method = cursor.scalar()?,
                b"authenticationStepResultDetail" => step.text = cursor.scalar()?,
                b"succeeded" => step.succeeded = cursor.flag()?,
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(step)
    }
}

fn endpoint<'a>(outer: &Outer<'a>, f: &Fields<'a>) -> Result<Endpoint<'a>, Fault> {
    let mut ip = f.ip.ip()?;
    if ip.is_empty() {
        ip = outer.ip.ip()?;
    }
    let agent = f.agent.present()?;
    let mut browser = f.browser.present()?;
    if browser.is_empty() && agent.is_empty() {
        browser = f.client_app.present()?;
        // A class of programs, and no program: a RADIUS server in front of a VPN names nothing else.
        if matches!(&*browser, "Browser" | "Mobile Apps and Desktop clients") {
            browser = "".into();
        }
    }
    Ok(Endpoint {
        ip,
        asn: f.as_number.number().unwrap_or(0),
        country: f.country.present()?,
        region: f.state.present()?,
        city: f.city.present()?,
        coordinates: f
            .latitude
            .number()
            .zip(f.longitude.number())
            .and_then(|(latitude, longitude)| Coordinates::new(latitude, longitude)),
        device: f.device.present()?,
        device_name: f.device_name.present()?,
        agent: Agent { raw: agent, os: f.os.present()?, browser },
        is_managed: f.is_managed,
        ..Endpoint::default()
    })
}

/// The first of several that is present.
fn first<'a, const N: usize>(candidates: [Raw<'a>; N]) -> Result<Cow<'a, str>, Fault> {
    for raw in candidates {
        let text = raw.present()?;
        if !text.is_empty() {
            return Ok(text);
        }
    }
    Ok(Cow::Borrowed(""))
}
