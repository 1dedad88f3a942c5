//! The one way in which a subscriber's document changes: load, decide, commit.

use std::sync::Arc;

use pushback_model::Timestamp;
use pushback_store::{Answer, Change, Commit, Conflict, Document, Key, OutboxRow, Seen, Version};
use pushback_verify::{
    Act, AddressId, AuthenticatorKind, Authority, CodeDigest, Command, Decision, Entropy,
    NewAuthenticator, Notice, OperatorId, OperatorProof, Outcome, Role, SubscriberId,
    SubscriberState, Text, decide,
};
use serde::{Deserialize, Serialize};

use crate::documents::{IncidentRecord, Kind as _};
use crate::record::{self, Beside};
use crate::turns::Rank;
use crate::{App, AppError};

/// How often a decision is made again because somebody else was faster.
const TRIES: u32 = 16;

/// The outbox topics, by what works on them.
pub(crate) const ACTS: &str = "acts";
pub(crate) const NOTICES: &str = "notices";
pub(crate) const TICKS: &str = "ticks";

/// The kind of a subscriber's document, and of one that stands for nobody.
pub(crate) const SUBSCRIBER: &str = "subscriber";
pub(crate) const DECOY: &str = "decoy";
/// Documents that stand for nobody; names are spread over them, and one is made when it is first asked.
//
// SECURITY: a name that was never asked about and has to wait is nobody's. So many that whoever wants to
// find that out by filling them has asked a hundred thousand times. Guarded by
// `names_that_nobody_has_seldom_share_a_document`.
const DECOYS: u32 = 1 << 20;

/// A subscriber's document as it was loaded, and its version; none if there is no document.
pub(crate) type Found = (Arc<SubscriberState>, Option<Version>);

/// In whose document a decision is made.
#[derive(Clone, Debug)]
pub(crate) struct Whom {
    pub id: SubscriberId,
    pub is_decoy: bool,
}

impl Whom {
    pub(crate) const fn subscriber(id: SubscriberId) -> Self {
        Self { id, is_decoy: false }
    }

    pub(crate) fn key(&self) -> Result<Key, AppError> {
        Ok(Key::new(if self.is_decoy { DECOY } else { SUBSCRIBER }, self.id.as_str())?)
    }
}

/// An act for the outbox, with whom it is about.
#[derive(Serialize, Deserialize)]
pub(crate) struct ActFor {
    pub subscriber: String,
    pub act: Act,
}

/// What a use case adds to the commit of a decision.
pub(crate) type More<'m> =
    dyn Fn(&Decision, Timestamp, Change) -> Result<Change, AppError> + Send + Sync + 'm;

/// Nothing more.
pub(crate) fn nothing_more(_: &Decision, _: Timestamp, change: Change) -> Result<Change, AppError> {
    Ok(change)
}

/// What comes with a command besides the command.
#[derive(Clone, Default)]
pub(crate) struct With {
    pub beside: Beside,
    /// The request, so that it counts once.
    pub answer: Option<Answer>,
}

/// How a command ended.
pub(crate) enum Ended {
    /// The decision, and the version of the last document that its commit wrote.
    Decided(Box<Decision>, Option<Version>),
    /// The same request was taken before.
    Answered,
}

impl App {
    /// A subscriber's document. Somebody unknown has an empty one: asking about them looks the same.
    pub(crate) async fn state(&self, whom: &Whom) -> Result<Found, AppError> {
        let key = whom.key()?;
        let known = self.inner.states.get(&key, self.now());
        let version = known.as_ref().map(|(_, version)| *version);
        let [seen] = self.inner.store.look([(&key, version)]).await?;
        self.read_state(whom, key, known, seen)
    }

    /// The document as this node last saw it, for a decision, whose commit fails if it is another by
    /// now; never for what is only looked at.
    pub(crate) fn state_as_last_seen(&self, whom: &Whom) -> Result<Option<Found>, AppError> {
        let known = self.inner.states.get(&whom.key()?, self.now());
        Ok(known.map(|(state, version)| (state, Some(version))))
    }

    /// The document from what was known of it and what was seen.
    pub(crate) fn read_state(
        &self,
        whom: &Whom,
        key: Key,
        known: Option<(Arc<SubscriberState>, Version)>,
        seen: Seen,
    ) -> Result<Found, AppError> {
        match (seen, known) {
            (Seen::AsKnown, Some((state, version))) => Ok((state, Some(version))),
            (Seen::Other(document), _) => {
                let state = Arc::new(read(&document)?);
                let now = self.now();
                self.inner.states.put(key, Arc::clone(&state), document.version, now);
                Ok((state, Some(document.version)))
            }
            (Seen::Absent | Seen::AsKnown, _) => {
                self.inner.states.forget(&key);
                let state = if whom.is_decoy {
                    decoy(&whom.id, self.now(), &self.inner.policy)
                } else {
                    SubscriberState::new(whom.id.clone(), Role::Member, self.now())
                };
                Ok((Arc::new(state), None))
            }
        }
    }

    /// In whose document an attempt for this name is decided, and that document.
    // SECURITY: a name that nobody has gets the prompts, waits and refusals of somebody with a phone
    // who never answers, or the sign-in page would tell which names exist. Guarded by
    // `a_name_that_nobody_has_looks_like_somebody_who_does_not_answer`.
    pub(crate) async fn whom(&self, name: &SubscriberId) -> Result<(Whom, Found), AppError> {
        self.own_or_decoy(name, |state| self.can_answer(state)).await
    }

    /// Somebody's own document if it will do, or else the one that stands for nobody.
    // SECURITY: both are asked for with one question, whoever it is about and whatever this node
    // remembers, or the time that it takes would tell who exists. Guarded by
    // `a_name_that_nobody_has_takes_as_many_questions_as_somebodys`.
    pub(crate) async fn own_or_decoy(
        &self,
        name: &SubscriberId,
        will_do: impl Fn(&SubscriberState) -> bool,
    ) -> Result<(Whom, Found), AppError> {
        let both = [Whom::subscriber(name.clone()), self.decoy_for(name)?];
        let [own_key, decoy_key] = [both[0].key()?, both[1].key()?];
        let now = self.now();
        let own = self.inner.states.get(&own_key, now);
        let decoy = self.inner.states.get(&decoy_key, now);
        let version = |known: &Option<(_, Version)>| known.as_ref().map(|(_, version)| *version);
        let asked = [(&own_key, version(&own)), (&decoy_key, version(&decoy))];
        let [own_seen, decoy_seen] = self.inner.store.look(asked).await?;
        let [own_whom, decoy_whom] = both;
        let own = self.read_state(&own_whom, own_key, own, own_seen)?;
        let decoy = self.read_state(&decoy_whom, decoy_key, decoy, decoy_seen)?;
        Ok(if will_do(&own.0) { (own_whom, own) } else { (decoy_whom, decoy) })
    }

    fn can_answer(&self, state: &SubscriberState) -> bool {
        state.authenticators().iter().any(|a| match a.kind() {
            AuthenticatorKind::Totp if !self.inner.policy.account.takes_totp => false,
            AuthenticatorKind::Phone
            | AuthenticatorKind::Passkey
            | AuthenticatorKind::Totp
            | AuthenticatorKind::Certificate => a.disabled_at().is_none(),
            AuthenticatorKind::RecoveryCodes => false,
        })
    }

    /// The document that stands for a name that nobody has.
    fn decoy_for(&self, name: &SubscriberId) -> Result<Whom, AppError> {
        let number = self.inner.keys.bucket("decoy", name.as_str()) % DECOYS;
        let id = SubscriberId::parse(&format!("nobody-{number}"));
        Ok(Whom { id: id.map_err(|_| AppError::NotFound)?, is_decoy: true })
    }

    pub(crate) fn entropy(&self) -> Entropy {
        let mut bytes = [0; 32];
        self.inner.entropy.fill(&mut bytes);
        Entropy::from_system_rng(bytes)
    }

    /// Decides and commits, with nothing beside.
    pub(crate) async fn run(&self, whom: &Whom, command: &Command) -> Result<Decision, AppError> {
        self.decide(whom, command, &nothing_more).await
    }

    /// Decides and commits; `more` adds documents of the use case to the same commit.
    pub(crate) async fn decide(
        &self,
        whom: &Whom,
        command: &Command,
        more: &More<'_>,
    ) -> Result<Decision, AppError> {
        match self.decide_with(whom, command, &With::default(), more).await? {
            Ended::Decided(decision, _) => Ok(*decision),
            Ended::Answered => Err(AppError::Contended),
        }
    }

    /// The same for a request that counts once.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if it was taken before.
    pub(crate) async fn decide_once(
        &self,
        whom: &Whom,
        command: &Command,
        with: &With,
        more: &More<'_>,
    ) -> Result<Decision, AppError> {
        match self.decide_with(whom, command, with, more).await? {
            Ended::Decided(decision, _) => Ok(*decision),
            Ended::Answered => Err(AppError::Unauthenticated),
        }
    }

    /// Decides and commits, with what the use case knows besides.
    pub(crate) async fn decide_with(
        &self,
        whom: &Whom,
        command: &Command,
        with: &With,
        more: &More<'_>,
    ) -> Result<Ended, AppError> {
        self.decide_from(whom, None, command, with, more).await
    }

    /// The same, from a document that the use case has loaded already. If somebody else has changed it
    /// since, the commit fails and it is loaded anew.
    // SECURITY: the decision counts only if the document is still the one that it was made from, or
    // two attempts would share the last ring. Guarded by `attempts_at_once_ring_once`.
    pub(crate) async fn decide_from(
        &self,
        whom: &Whom,
        mut known: Option<Found>,
        command: &Command,
        with: &With,
        more: &More<'_>,
    ) -> Result<Ended, AppError> {
        let key = whom.key()?;
        let rank = Rank::of(command, known.as_ref().map(|(state, _)| &**state));
        let (_turn, has_waited) = self.inner.turns.take(&key, rank).await?;
        if has_waited {
            known = self.state_as_last_seen(whom)?;
        }
        for _ in 0..TRIES {
            let (state, found) = match known.take() {
                Some(known) => known,
                None => self.state(whom).await?,
            };
            let (now, entropy) = (self.believed_now()?, self.entropy());
            let decision = decide(&state, command.clone(), now, &entropy, &self.inner.policy);
            // SECURITY: nobody becomes a subscriber by what is refused about them, or a mistyped name
            // could be taken no more. Guarded by `a_refusal_makes_no_subscriber`.
            let is_refused = matches!(decision.outcome, Outcome::Refused { .. });
            if is_refused && found.is_none() && !whom.is_decoy {
                return Ok(Ended::Decided(Box::new(decision), None));
            }
            let body = decision.state.to_json()?.into_bytes();
            let mut change = Change::at(now).put(key.clone(), found, body);
            // SECURITY: a "no" and a report need room in the outbox too, and strangers must not take the last of
            // it. Guarded by `what_anybody_brings_about_leaves_room_in_the_outbox`.
            if Rank::of(command, Some(&state)) == Rank::Anybody {
                change = change.yielding();
            }
            if whom.is_decoy {
                // Nobody was asked and nobody answered; the trail must not tell of phones that rang.
                if let Command::StartAttempt(attempt) = command {
                    change =
                        change.audit(record::asked_for_nobody(attempt, now, &*self.inner.entropy)?);
                }
            } else {
                for line in record::lines(&whom.id, &decision, &with.beside, &*self.inner.entropy)?
                {
                    change = change.audit(line);
                }
                change = effects(change, &whom.id, &state, &decision, now)?;
                if decision.state.incident() != state.incident() {
                    change = self.incident(change, &state, &decision.state).await?;
                }
            }
            if let Some(answer) = &with.answer {
                change = change.answer(answer.clone());
            }
            let going = self.inner.left.some();
            let change = going.with(more(&decision, now, change)?);
            match self.inner.store.commit(change).await? {
                Commit::Committed(committed) => {
                    going.gone();
                    if let Some(version) = committed.versions.first().copied() {
                        let state = Arc::new(decision.state.clone());
                        self.inner.states.put(key.clone(), state, version, now);
                    }
                    let last = committed.versions.last().copied();
                    return Ok(Ended::Decided(Box::new(decision), last));
                }
                Commit::Conflict(Conflict::Version { key: other, .. }) => {
                    self.inner.states.forget(&key);
                    // What the use case read beside does not become another by deciding again.
                    if other != key && other.kind() != IncidentRecord::NAME {
                        self.inner.attempts.forget(&other);
                        return Err(AppError::Contended);
                    }
                }
                Commit::Conflict(Conflict::Answered { .. }) => return Ok(Ended::Answered),
                Commit::Refused(_) => return Err(AppError::Busy),
            }
        }
        Err(AppError::Contended)
    }

    /// Keeps the list of open incidents in step with the document.
    async fn incident(
        &self,
        mut change: Change,
        before: &SubscriberState,
        after: &SubscriberState,
    ) -> Result<Change, AppError> {
        let id = after.subscriber().as_str();
        let found = IncidentRecord::load(&self.inner.store, id).await?.map(|(_, version)| version);
        match (after.incident(), found) {
            (Some(incident), _) => {
                let record = IncidentRecord {
                    subscriber: id.to_owned(),
                    incident: incident.id.0,
                    cause: incident.cause,
                    opened_at: incident.opened_at,
                };
                change = change.put(IncidentRecord::key(id)?, found, record.bytes()?);
            }
            (None, Some(version)) if before.incident().is_some() => {
                change = change.delete(IncidentRecord::key(id)?, version);
            }
            (None, _) => {}
        }
        Ok(change)
    }
}

fn read(document: &Document) -> Result<SubscriberState, AppError> {
    // JSON is UTF-8; other bytes are no JSON either.
    Ok(SubscriberState::from_json(&String::from_utf8_lossy(&document.body))?)
}

/// Names the row that makes time pass for somebody.
fn tick(who: &SubscriberId, at: Timestamp) -> String {
    format!("{who}/tick/{}", at.as_millis())
}

/// A notice to several addresses as one for each of them, with a key of its own. Everything else stays
/// one.
// SECURITY: a mail to all would show each reader where else the owner reads, and which of them used its
// link would not be known. An address that takes nothing must not have the others mailed again. Guarded by
// `every_address_gets_a_notice_of_its_own` and
// `an_address_that_took_its_notice_is_not_mailed_again_for_another`.
pub(crate) fn one_each(key: &str, act_for: ActFor) -> Vec<(String, ActFor)> {
    let one = |(place, address): (usize, &AddressId), notice: &Notice| {
        let act = Act::Notify { notice: notice.clone(), to: vec![address.clone()] };
        (format!("{key}/{place}"), ActFor { subscriber: act_for.subscriber.clone(), act })
    };
    match &act_for.act {
        Act::Notify { notice, to } if to.len() > 1 => {
            to.iter().enumerate().map(|addressed| one(addressed, notice)).collect()
        }
        Act::Notify { .. }
        | Act::RingPhones { .. }
        | Act::EraseKey { .. }
        | Act::EndSessions { .. }
        | Act::EndAllSessions
        | Act::BurnPassword
        | Act::OpenIncident { .. }
        | Act::RefreshPhones { .. }
        | Act::WakeWaiting { .. }
        | Act::IssueDeviceCookie { .. } => vec![(key.to_owned(), act_for)],
    }
}

/// The outbox rows of a decision: what must leave, and when to come back.
fn effects(
    mut change: Change,
    who: &SubscriberId,
    before: &SubscriberState,
    decision: &Decision,
    now: Timestamp,
) -> Result<Change, AppError> {
    for effect in &decision.effects {
        let topic = match &effect.act {
            // Whoever waits watches the document itself, and the cookie is in the attempt's record.
            Act::RefreshPhones { .. } | Act::WakeWaiting { .. } | Act::IssueDeviceCookie { .. } => {
                continue;
            }
            Act::RingPhones { .. } | Act::EraseKey { .. } => ACTS,
            Act::Notify { .. }
            | Act::EndSessions { .. }
            | Act::EndAllSessions
            | Act::BurnPassword
            | Act::OpenIncident { .. } => NOTICES,
        };
        let act = ActFor { subscriber: who.to_string(), act: effect.act.clone() };
        for (key, act) in one_each(effect.key.as_str(), act) {
            let (topic, payload) = (topic.to_owned(), serde_json::to_vec(&act)?);
            change = change.effect(OutboxRow { key, topic, payload, due_at: now });
        }
    }
    // Time has to pass for somebody: silence is an event too. What was to be waited for before and is
    // over needs no waiting; if it is waited for again later, that decision says so again.
    let wake_at = decision.state.wake_at().map(|(at, _)| at);
    if let Some((at, _)) = before.wake_at().filter(|(at, _)| Some(*at) != wake_at) {
        change = change.withdraw(tick(who, at));
    }
    if let Some(at) = wake_at {
        change = change.effect(OutboxRow {
            key: tick(who, at),
            topic: TICKS.to_owned(),
            payload: who.as_str().as_bytes().to_vec(),
            due_at: at,
        });
    }
    Ok(change)
}

/// The document of somebody who does not exist: one phone, which nobody holds.
fn decoy(id: &SubscriberId, now: Timestamp, policy: &pushback_verify::Policy) -> SubscriberState {
    let mut state = SubscriberState::new(id.clone(), Role::Member, now);
    let Ok(operator) = OperatorId::parse("nobody") else { return state };
    let by = || {
        Authority::Operator(OperatorProof::passkey_session(operator.clone(), Text::new("nobody")))
    };
    let addresses = ["nobody:1", "nobody:2"].into_iter().filter_map(|a| AddressId::parse(a).ok());
    let code = CodeDigest::new([0; 32]);
    let commands = [
        Command::SetAddresses { authority: by(), addresses: addresses.collect() },
        Command::IssueBindingCode {
            authority: by(),
            kind: AuthenticatorKind::Phone,
            code: code.clone(),
        },
        Command::Bind {
            code: code.clone(),
            authenticator: NewAuthenticator::Phone { key: code },
            label: Text::default(),
        },
    ];
    for command in commands {
        state = decide(&state, command, now, &Entropy::from_system_rng([0; 32]), policy).state;
    }
    state
}
