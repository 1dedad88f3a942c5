//! What leaves the service, after the commit that asked for it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join, join_all, join3};
use pushback_model::{Span, Timestamp};
use pushback_store::{Change, Claimed, Commit, OutboxRow, StoreError, backoff};
use pushback_verify::{Act, Command, RingFor, SubscriberId};
use serde::{Deserialize, Serialize};

use crate::binding::Contact;
use crate::documents::{AuthenticatorRecord, Keys, Kind, PhoneKey};
use crate::subscriber::{ACTS, ActFor, NOTICES, TICKS, Whom, With, nothing_more, one_each};
use crate::{App, AppError, MailedCode, left};

/// How long a worker holds an effect.
const LEASE: Span = Span::seconds(60);
/// How long one try may take, whatever its edge does. It is longer than any edge allows itself, the
/// mailer's 30 s too, and ends before the lease: whoever claims next is never beside it.
const TRY_MAX: Duration = Duration::from_secs(45);
const _: () = assert!(TRY_MAX.as_millis() < LEASE.as_millis().unsigned_abs() as u128);
/// Effects that one round takes.
const ROUND: usize = 64;
/// How often the database is asked for what has become due while this node's own effects keep its
/// worker busy.
const CLAIM_EVERY: Span = Span::millis(200);
/// How often keys are written again because somebody else was faster.
const TRIES: u32 = 8;

/// Where a phone's browser wants to be knocked at (Push API).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushSubscription {
    /// The address at the push service.
    pub endpoint: String,
    /// The browser's public key, base64url.
    pub p256dh: String,
    /// The browser's secret, base64url.
    pub auth: String,
}

/// Something that a person or a relying party must be told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The same for the same notice, however often it is sent.
    pub key: String,
    /// About whom.
    pub subscriber: String,
    /// To which mail address; each has a notice of its own. `None` for what machines are told, and if the
    /// address is not on file any more.
    pub to: Option<String>,
    /// What.
    pub act: Act,
    /// Where whoever reads it at this address says that the owner did not do it, or stops what is about to
    /// be done. The first that is used, of all addresses, ends the others.
    pub dispute_url: Option<String>,
}

/// How sending ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It left.
    Done,
    /// It can never arrive: the subscription is dropped, or the notice given up.
    Never(String),
    /// It was not taken: another try cannot be the second one.
    Later(String),
    /// It may have been taken, or another try would end the same way. A ring counts as one that rang
    /// and is not tried again; a notice is, since a second mail disturbs less than none.
    Unclear(String),
}

/// What one round has to do.
#[derive(Default)]
struct Round {
    ticks: Vec<Claimed>,
    acts: Vec<Claimed>,
    notices: Vec<Claimed>,
    failed: Option<StoreError>,
}

/// When the worker last asked the database for what is due.
#[derive(Default)]
pub(crate) struct Rounds(Mutex<Option<Timestamp>>);

impl Rounds {
    /// Whether it is time to ask; if so, it counts as asked.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut asked_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = asked_at.is_none_or(|at| now >= at + CLAIM_EVERY || now < at);
        if is_due {
            *asked_at = Some(now);
        }
        is_due
    }

    /// The next round asks.
    fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The world outside, as the service acts on it.
pub trait Outside: Send + Sync {
    /// Wakes a phone. The message holds nothing. `until`: too late after.
    fn wake(
        &self,
        to: &PushSubscription,
        key: &str,
        until: Timestamp,
    ) -> impl Future<Output = Sent> + Send;

    /// Tells people or machines.
    fn tell(&self, notice: &Notice) -> impl Future<Output = Sent> + Send;

    /// Mails a recovery code to one address.
    fn mail_code(&self, mailed: &MailedCode) -> impl Future<Output = Sent> + Send;
}

impl App {
    /// Does what is due now and waits for its end: effects leave, and time passes for whom something
    /// has run out. Gives how much was done; zero means that it is time to wait. A service that must
    /// not wait for a slow outside [starts](Self::start_work) instead.
    ///
    /// # Errors
    /// [`AppError`] if the database fails; what was taken comes back when its lease ends.
    pub async fn work(&self, outside: &impl Outside) -> Result<usize, AppError> {
        let Round { ticks, mut acts, notices, failed } = self.take_due(ROUND, ROUND).await?;
        acts.extend(notices);
        let (ticked, acted) = join(
            join_all(ticks.iter().map(async |claimed| self.tick(claimed).await.map(Some))),
            join_all(acts.iter().map(|claimed| self.act(claimed, outside))),
        )
        .await;
        let count = ticks.len() + acts.len();
        self.settle(ticks.into_iter().chain(acts).zip(ticked.into_iter().chain(acted))).await?;
        failed.map_or(Ok(count), |error| Err(error.into()))
    }

    /// Starts what is due now: each effect leaves by itself, so that no other waits for it, and time
    /// passes for whom something has run out. Gives how much was started; zero means that it is time
    /// to wait.
    ///
    /// At most 256 rings and 16 notices are on their way at once. At the bound nothing more is taken
    /// from the store until a place is free.
    ///
    /// # Errors
    /// [`AppError`] if the database fails or has failed for what was started before; what was taken
    /// comes back when its lease ends.
    // SECURITY: one push service that hangs must not keep other people's phones from ringing. Guarded
    // by `a_push_service_that_hangs_holds_up_nobody_elses_ring`.
    pub async fn start_work<O: Outside + 'static>(
        &self,
        outside: &Arc<O>,
    ) -> Result<usize, AppError> {
        let lanes = &self.inner.lanes;
        // Before anything is taken: what is taken can leave.
        let (rings, mails) = (lanes.rings.take(ROUND), lanes.notices.take(ROUND));
        let Round { ticks, acts, notices, failed } =
            self.take_due(rings.len(), mails.len()).await?;
        let count = ticks.len() + acts.len() + notices.len();
        for (claimed, place) in acts.into_iter().zip(rings).chain(notices.into_iter().zip(mails)) {
            let (app, outside) = (self.clone(), Arc::clone(outside));
            tokio::spawn(async move {
                let ended = app.leave(claimed, &*outside).await;
                drop(place);
                app.inner.lanes.note_ended(ended);
            });
        }
        let ticked =
            join_all(ticks.iter().map(async |claimed| self.tick(claimed).await.map(Some))).await;
        self.settle(ticks.into_iter().zip(ticked)).await?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        lanes.take_failed().map_or(Ok(count), Err)
    }

    /// Waits until nothing is on its way any more; for a service that stops and starts no more.
    pub async fn finish_work(&self) {
        self.inner.lanes.emptied().await;
    }

    /// How many rings and how many notices are on their way.
    #[must_use]
    pub fn in_flight(&self) -> (usize, usize) {
        let lanes = &self.inner.lanes;
        (lanes.rings.in_flight(), lanes.notices.in_flight())
    }

    /// Takes what is due from the store, so much at most. While this node's clock is not believed nothing
    /// is: a lease by it would keep what is taken from others, and rings would be too late.
    async fn take_due(&self, acts_max: usize, notices_max: usize) -> Result<Round, AppError> {
        if self.clock_doubt().is_some() {
            return Ok(Round::default());
        }
        let store = &self.inner.store;
        // From the first round on, this node's own effects come from memory.
        store.hand_over(ACTS, LEASE);
        let now = self.now();
        let overdue = self.inner.left.overdue(now);
        self.forget(&overdue).await?;
        let acts = store.take(now, acts_max);
        let mut round = Round { acts, ..Round::default() };
        if store.take_due() | self.inner.rounds.is_due(now) {
            let claim = async |topic, limit| match limit {
                0 => Ok(Vec::new()),
                limit => store.claim(topic, now, LEASE, limit).await,
            };
            // Together: one after the other, each would wait for a sync of the disk of its own.
            let (ticks, acts, notices) = join3(
                claim(TICKS, ROUND),
                claim(ACTS, acts_max - round.acts.len()),
                claim(NOTICES, notices_max),
            )
            .await;
            // What could be had is done, or it would wait for its lease to end.
            let mut had = |claimed: Result<Vec<Claimed>, StoreError>| {
                claimed.unwrap_or_else(|error| {
                    round.failed = Some(error);
                    Vec::new()
                })
            };
            let (ticks, acts, notices) = (had(ticks), had(acts), had(notices));
            // There may be more.
            if !ticks.is_empty() || !acts.is_empty() || !notices.is_empty() {
                self.inner.rounds.again();
            }
            round.acts.extend(acts);
            (round.ticks, round.notices) = (ticks, notices);
        }
        Ok(round)
    }

    /// Lets one effect leave and writes down how that ended.
    async fn leave(&self, claimed: Claimed, outside: &impl Outside) -> Result<(), AppError> {
        match tokio::time::timeout(TRY_MAX, self.act(&claimed, outside)).await {
            Ok(ended) => self.settle(std::iter::once((claimed, ended))).await,
            // Whoever claims it when its lease ends is told that it may have been done.
            Err(_) => Ok(()),
        }
    }

    /// Waits until there may be something to do.
    pub async fn wait_for_work(&self) {
        if self.clock_doubt().is_some() {
            // What could be taken is not.
            tokio::time::sleep(Duration::from_secs(1)).await;
            return;
        }
        let (store, lanes) = (&self.inner.store, &self.inner.lanes);
        if lanes.rings.is_full() {
            // What waits for a place is no work yet; the other lane and the clock go on.
            let wait = Duration::from_millis(CLAIM_EVERY.as_millis().unsigned_abs());
            let _ = tokio::time::timeout(wait, lanes.ended()).await;
            self.look_again_if_there_is_room();
            return;
        }
        let [mut acts, mut notices, mut ticks] =
            [ACTS, NOTICES, TICKS].map(|topic| store.watch_outbox(topic));
        // Only after the watches have begun: what comes between would wake nobody.
        if store.has_work() {
            return;
        }
        let wait = if self.inner.left.is_empty() { Span::seconds(1) } else { left::WAIT };
        let wait = Duration::from_millis(wait.as_millis().unsigned_abs());
        let woken = async {
            tokio::select! {
                () = acts.changed() => true,
                () = notices.changed() => true,
                () = ticks.changed() => true,
                // Its row waits to be taken out, and its place is free.
                () = lanes.ended() => false,
            }
        };
        // Ticks become due without anybody's waking.
        let is_woken = tokio::time::timeout(wait, woken).await.unwrap_or(false);
        self.look_again_if_there_is_room();
        if is_woken && !store.has_work() {
            // Another node has something.
            self.inner.rounds.again();
        }
    }

    fn look_again_if_there_is_room(&self) {
        if self.inner.lanes.has_room_again() {
            self.inner.rounds.again();
        }
    }

    /// Takes out the rows of what has left and waits for a commit to go with. To be called last when
    /// the service stops: rows that stay are looked at as if their node had died.
    ///
    /// # Errors
    /// [`AppError`] if the database fails.
    pub async fn forget_what_left(&self) -> Result<(), AppError> {
        self.forget(&self.inner.left.all()).await
    }

    async fn forget(&self, left: &[String]) -> Result<(), AppError> {
        for keys in left.chunks(ROUND) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            self.inner.store.done(&keys).await?;
        }
        Ok(())
    }

    /// Lets time pass for whoever a tick is about.
    async fn tick(&self, claimed: &Claimed) -> Result<Sent, AppError> {
        let name = String::from_utf8_lossy(&claimed.payload);
        let Ok(id) = SubscriberId::parse(&name) else {
            return Ok(Sent::Never("nobody has this name".to_owned()));
        };
        let whom = Whom::subscriber(id);
        let known = self.state(&whom).await?;
        // Most prompts are answered long before they run out: then nothing has to be written. What
        // this tick was meant for is decided also by a clock that went back meanwhile.
        let is_meant = |at: Timestamp| claimed.key.ends_with(&format!("/{}", at.as_millis()));
        if known.0.wake_at().is_some_and(|(at, _)| at <= self.now() || is_meant(at)) {
            // Decided anew at every try; time that has passed twice has passed once.
            let _ = self
                .decide_from(&whom, Some(known), &Command::Tick, &With::default(), &nothing_more)
                .await?;
        }
        Ok(Sent::Done)
    }

    /// Writes down how effects ended: those that left with one commit. An error leaves the
    /// effect to come back when its lease ends.
    async fn settle(
        &self,
        ended: impl Iterator<Item = (Claimed, Result<Option<Sent>, AppError>)> + Send,
    ) -> Result<(), AppError> {
        let (mut done, mut other, mut failed) = (Vec::new(), Vec::new(), None);
        for (claimed, ended) in ended {
            match ended {
                Ok(None) => {}
                Ok(Some(Sent::Done)) => done.push(claimed.key),
                Ok(Some(Sent::Never(why))) => other.push((claimed, why, false)),
                Ok(Some(Sent::Later(why) | Sent::Unclear(why))) => other.push((claimed, why, true)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let (store, now) = (&self.inner.store, self.now());
        // At once, so that they share a sync: after an outage there are many that come too late.
        let other = other.iter().map(async |(claimed, why, is_later)| {
            if *is_later {
                store.retry(claimed, now + backoff(claimed.claim, &claimed.key), why).await
            } else {
                store.give_up(claimed, now, why).await
            }
        });
        let keys: Vec<&str> = done.iter().map(String::as_str).collect();
        let done = async { if keys.is_empty() { Ok(0) } else { store.done(&keys).await } };
        let (done, other) = join(done, join_all(other)).await;
        failed = failed.or_else(|| done.err().map(Into::into));
        failed = failed.or_else(|| other.into_iter().find_map(Result::err).map(Into::into));
        failed.map_or(Ok(()), Err)
    }

    /// Does what a committed decision asked for. `None`: it is done, and its row goes with another
    /// commit.
    async fn act(
        &self,
        claimed: &Claimed,
        outside: &impl Outside,
    ) -> Result<Option<Sent>, AppError> {
        let act: ActFor = match serde_json::from_slice(&claimed.payload) {
            Ok(act) => act,
            Err(error) => {
                return match serde_json::from_slice(&claimed.payload) {
                    Ok(mail) => self.mail_code(&claimed.key, &mail, outside).await.map(Some),
                    Err(_) => Ok(Some(Sent::Never(error.to_string()))),
                };
            }
        };
        if matches!(&act.act, Act::Notify { to, .. } if to.len() > 1) {
            return self.tell_each(claimed, act).await;
        }
        let sent = self.send(claimed, &act, outside).await?;
        // A row that stays because its node died rings nobody again. Of anything else that would leave
        // twice, so it goes at once.
        if matches!(act.act, Act::RingPhones { .. }) && sent == Sent::Done {
            self.inner.left.note([claimed.key.clone()], self.now());
            return Ok(None);
        }
        Ok(Some(sent))
    }

    /// Replaces a notice to several addresses by one for each: earlier releases left such rows behind.
    async fn tell_each(&self, claimed: &Claimed, act: ActFor) -> Result<Option<Sent>, AppError> {
        let now = self.now();
        let mut change = Change::at(now).withdraw(claimed.key.clone());
        for (key, act) in one_each(&claimed.key, act) {
            let (topic, payload) = (NOTICES.to_owned(), serde_json::to_vec(&act)?);
            change = change.effect(OutboxRow { key, topic, payload, due_at: now });
        }
        match self.inner.store.commit(change).await? {
            Commit::Committed(_) => Ok(None),
            // It comes back when its lease ends.
            Commit::Conflict(_) | Commit::Refused(_) => Err(AppError::Busy),
        }
    }

    async fn send(
        &self,
        claimed: &Claimed,
        act: &ActFor,
        outside: &impl Outside,
    ) -> Result<Sent, AppError> {
        Ok(match &act.act {
            Act::RingPhones { ring_for, phones, until } => {
                if self.now() >= *until {
                    Sent::Never("it was too late".to_owned())
                } else if claimed.may_be_done {
                    // SECURITY: one prompt rings once, also when a node died before it could say that
                    // it rang. The prompt still shows in the app. Guarded by
                    // `a_ring_that_may_have_left_is_not_sent_again` and
                    // `a_killed_service_loses_nothing_it_said_and_rings_once`.
                    Sent::Never("it may have rung before its node stopped".to_owned())
                } else if !self.is_awaited(&act.subscriber, *ring_for).await? {
                    // SECURITY: behind others that wait, a ring would come for what was answered, given up
                    // or reported meanwhile. It is no failure. Guarded by
                    // `a_ring_for_what_is_over_does_not_leave`.
                    Sent::Done
                } else {
                    let serials: Vec<u64> = phones.iter().map(|phone| phone.0).collect();
                    self.ring(&act.subscriber, &serials, *until, &claimed.key, outside).await?
                }
            }
            Act::EraseKey { authenticator } => {
                self.erase_key(&act.subscriber, authenticator.0).await?;
                Sent::Done
            }
            Act::Notify { to, .. } => {
                let contact = Contact::load(&self.inner.store, &act.subscriber).await?;
                let contact = contact.map(|(contact, _)| contact).unwrap_or_default();
                let notice = Notice {
                    key: claimed.key.clone(),
                    subscriber: act.subscriber.clone(),
                    to: to.first().and_then(|id| contact.address(id.as_str()).cloned()),
                    dispute_url: self
                        .dispute_url(&act.subscriber, &act.act)
                        .or_else(|| self.stop_url(&act.subscriber, &act.act)),
                    act: act.act.clone(),
                };
                outside.tell(&notice).await
            }
            Act::EndSessions { .. }
            | Act::EndAllSessions
            | Act::BurnPassword
            | Act::OpenIncident { .. }
            | Act::RefreshPhones { .. }
            | Act::WakeWaiting { .. }
            | Act::IssueDeviceCookie { .. } => {
                let notice = Notice {
                    key: claimed.key.clone(),
                    subscriber: act.subscriber.clone(),
                    to: None,
                    act: act.act.clone(),
                    dispute_url: None,
                };
                outside.tell(&notice).await
            }
        })
    }

    /// Whether the owner still has something to answer.
    async fn is_awaited(&self, subscriber: &str, ring_for: RingFor) -> Result<bool, AppError> {
        let Ok(id) = SubscriberId::parse(subscriber) else { return Ok(false) };
        let (state, _) = self.state(&Whom::subscriber(id)).await?;
        Ok(state.awaits(ring_for, self.now()))
    }

    async fn ring(
        &self,
        subscriber: &str,
        phones: &[u64],
        until: Timestamp,
        key: &str,
        outside: &impl Outside,
    ) -> Result<Sent, AppError> {
        let (keys, _) = self.keys_of(subscriber).await?;
        let (mut later, mut unclear, mut rang) = (None, None, false);
        let mut gone = Vec::new();
        let reached = phones.iter().filter_map(|serial| {
            let push = keys.phones.get(serial)?.push.as_ref()?;
            Some(async move { (*serial, push, outside.wake(push, key, until).await) })
        });
        // All at once: behind an address that hangs, the owner's other phones would ring too late.
        for (serial, push, sent) in join_all(reached).await {
            match sent {
                Sent::Done => rang = true,
                Sent::Never(_) => gone.push((serial, push.clone())),
                Sent::Later(why) => later = Some(why),
                Sent::Unclear(why) => unclear = Some(why),
            }
        }
        if !gone.is_empty() {
            self.change_keys(subscriber, |keys| {
                for (serial, push) in &gone {
                    if let Some(phone) = keys.phones.get_mut(serial)
                        && phone.push.as_ref() == Some(push)
                    {
                        phone.push = None;
                    }
                }
            })
            .await?;
        }
        // SECURITY: the owner was rung at one of their phones, or may have been: another try would ring
        // that one again, for one place in the budget. Guarded by
        // `a_ring_that_may_have_been_taken_is_not_tried_again`.
        Ok(match (rang, unclear, later) {
            (true, _, _) | (false, None, None) => Sent::Done,
            (false, Some(why), _) => Sent::Never(format!("it may have rung: {why}")),
            (false, None, Some(why)) => Sent::Later(why),
        })
    }

    /// The phone's public name first: it is found by its key alone, also by another try.
    async fn erase_key(&self, subscriber: &str, serial: u64) -> Result<(), AppError> {
        let (keys, _) = self.keys_of(subscriber).await?;
        if let Some(PhoneKey { id, .. }) = keys.phones.get(&serial)
            && let Some((_, version)) = AuthenticatorRecord::load(&self.inner.store, id).await?
        {
            let key = AuthenticatorRecord::key(id)?;
            let change = Change::at(self.now()).delete(key, version);
            // Somebody else took it out: as good.
            let _: Commit = self.inner.store.commit(change).await?;
        }
        self.change_keys(subscriber, |keys| {
            keys.phones.remove(&serial);
            keys.passkeys.remove(&serial);
            keys.totps.remove(&serial);
            keys.certificates.remove(&serial);
        })
        .await
    }

    /// Changes the keys of a subscriber, whoever else does at the same time.
    pub(crate) async fn change_keys(
        &self,
        subscriber: &str,
        change: impl Fn(&mut Keys) + Send + Sync,
    ) -> Result<(), AppError> {
        for _ in 0..TRIES {
            let (mut keys, version) = self.keys_of(subscriber).await?;
            change(&mut keys);
            let write = Change::at(self.now()).put(Keys::key(subscriber)?, version, keys.bytes()?);
            match self.inner.store.commit(write).await? {
                Commit::Committed(_) => return Ok(()),
                Commit::Conflict(_) => {}
                Commit::Refused(_) => return Err(AppError::Busy),
            }
        }
        Err(AppError::Contended)
    }
}
