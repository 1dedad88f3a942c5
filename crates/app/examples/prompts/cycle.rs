//! Cycles in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pushback_app::{
    Answered, AppError, AttemptState, Clock as _, DecisionView, MailedCode, NewAttempt, Notice,
    Outside, PhoneRequest, PushSubscription, SaidBy, Sent, SignedAnswer, SystemClock,
};
use pushback_model::Timestamp;
use pushback_verify::{Accepts, Requester, Text};

use crate::people::{People, Person};
use crate::phone::Shown;
use crate::yardsticks::Failure;
use crate::{Measured, Service};

/// What is done again and again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A whole cycle: two decisions.
    Cycle,
    /// An attempt starts and is given up: two decisions.
    Cancel,
}

/// How much of it.
pub struct Run {
    pub act: Act,
    pub clients: usize,
    pub span: Duration,
}

/// How long the decisions of one client took.
#[derive(Default)]
pub struct Steps {
    pub decisions: Vec<Duration>,
}

/// Measures what clients do at once. What follows a cycle belongs to it: the clock stops when nothing
/// that is due waits in the outbox any more.
pub async fn measure(
    service: &Service,
    people: &Arc<People>,
    run: &Run,
) -> Result<Measured, Failure> {
    let worker = tokio::spawn(work(service.clone()));
    let (begun, cpu) = (Instant::now(), cpu());
    let (act, until) = (run.act, begun + run.span);
    let clients: Vec<_> = (0..run.clients)
        .map(|_| {
            let (service, people) = (service.clone(), Arc::clone(people));
            tokio::spawn(async move {
                let (mut waits, mut steps) = (Vec::new(), Steps::default());
                while Instant::now() < until {
                    let one = Instant::now();
                    match act {
                        Act::Cycle => once(&service, &people, &mut steps).await?,
                        Act::Cancel => give_up(&service, &people, &mut steps).await?,
                    }
                    waits.push(one.elapsed());
                }
                Ok::<_, Failure>((waits, steps))
            })
        })
        .collect();
    let mut measured = Measured::default();
    for client in clients {
        let (waits, steps) = client.await??;
        measured.cycles.waits.extend(waits);
        measured.decisions.extend(steps.decisions);
    }
    let asked = begun.elapsed();
    drained(service).await?;
    measured.cycles.took = begun.elapsed();
    measured.drain = measured.cycles.took.saturating_sub(asked);
    measured.cpu = self::cpu().saturating_sub(cpu);
    worker.abort();
    Ok(measured)
}

/// One complete cycle.
pub async fn once(service: &Service, people: &People, steps: &mut Steps) -> Result<(), Failure> {
    let Service { app, party } = service;
    let person = people.next();
    let started = steps.timed(app.start_attempt(party, attempt_of(&person))).await?;
    let DecisionView::Prompt { code: Some(code), .. } = started.decision else {
        return Err(format!("{} was not asked: {:?}", person.name, started.decision).into());
    };
    let from = Requester { system: Some(Text::new("Android")), ..Requester::default() };
    let what = ("GET", "/v1/prompts", b"".as_slice());
    let authorization =
        people.phone().authorization(&person.authenticator, SystemClock.now(), what)?;
    let proven = app.phone(&request(&authorization, what, &from)).await?;
    let open = app.prompts(&proven).await?.open.ok_or("the phone has nothing to show")?;
    let shown = Shown {
        id: open.id,
        attempt: &open.attempt,
        subscriber: &open.subscriber,
        relying_party: &open.relying_party,
        lines: open.lines.iter().map(|line| (line.name, line.value.as_deref())).collect(),
    };
    let digest = shown.digest();
    let path = format!("/v1/prompts/{}/answer", open.id);
    let signature = people.phone().confirm(&open.id.to_string(), &digest, &code)?;
    let answer = SignedAnswer {
        prompt: open.id,
        said: SaidBy::Confirm(code),
        context_digest: digest,
        signature,
    };
    let what = ("POST", &*path, b"{}".as_slice());
    let authorization =
        people.phone().authorization(&person.authenticator, SystemClock.now(), what)?;
    let proven = app.phone(&request(&authorization, what, &from)).await?;
    let answered = steps.timed(app.answer_prompt(&proven, &answer)).await?;
    if answered != Answered::Verified {
        return Err(format!("{} was not believed: {answered:?}", person.name).into());
    }
    let seen = app.attempt(party, &started.id, None, Duration::ZERO).await?;
    if seen.state != AttemptState::Verified || seen.token.is_none() {
        return Err("the relying party got no token".into());
    }
    if let Some(browser) = seen.browser {
        people.keep(&person, browser);
    }
    Ok(())
}

/// An attempt that is given up. What was decided does not matter: with strangers the budget of rings
/// ends after a few, and that is a decision as durable as a ring.
async fn give_up(service: &Service, people: &People, steps: &mut Steps) -> Result<(), Failure> {
    let Service { app, party } = service;
    let person = people.next();
    let started = steps.timed(app.start_attempt(party, attempt_of(&person))).await?;
    steps.timed(app.cancel_attempt(party, &started.id)).await?;
    Ok(())
}

impl Steps {
    async fn timed<T>(
        &mut self,
        act: impl Future<Output = Result<T, AppError>>,
    ) -> Result<T, AppError> {
        let begun = Instant::now();
        let done = act.await?;
        self.decisions.push(begun.elapsed());
        Ok(done)
    }
}

fn attempt_of(person: &Person) -> NewAttempt {
    let requester = Requester {
        ip: Some(person.ip),
        browser: Some(Text::new("Firefox")),
        system: Some(Text::new("Linux")),
        ..Requester::default()
    };
    NewAttempt {
        subscriber: person.name.clone(),
        requester,
        browser: person.browser.clone(),
        accepts: Accepts::Any,
        return_url: None,
        idempotency_key: None,
    }
}

fn request<'r>(
    authorization: &'r str,
    (method, path, body): (&'r str, &'r str, &'r [u8]),
    from: &'r Requester,
) -> PhoneRequest<'r> {
    PhoneRequest { authorization, method, path, body, from }
}

/// What `pushback serve` does beside, with nobody outside.
async fn work(service: Service) -> Result<(), AppError> {
    let outside = Arc::new(Nobody);
    loop {
        if service.app.start_work(&outside).await? == 0 {
            service.app.wait_for_work().await;
        }
    }
}

async fn drained(service: &Service) -> Result<(), Failure> {
    loop {
        let oldest = service.app.store().outbox().await?.oldest_due_at;
        if oldest.is_none_or(|due_at| due_at > service.app.now()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Nobody;

impl Outside for Nobody {
    async fn wake(&self, _: &PushSubscription, _: &str, _: Timestamp) -> Sent {
        Sent::Done
    }

    async fn tell(&self, _: &Notice) -> Sent {
        Sent::Done
    }

    async fn mail_code(&self, _: &MailedCode) -> Sent {
        Sent::Done
    }
}

/// Time of processors that this process used; nothing where the system does not say.
fn cpu() -> Duration {
    /// Of what `/proc` counts on Linux.
    const TICKS_A_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold blanks: the 12th and 13th are user and system time.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = rest.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 1_000 / TICKS_A_SECOND)
}
