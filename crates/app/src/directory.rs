//! What administrators see and do: subscribers, prompts, incidents, the audit trail.

use pushback_model::Timestamp;
use pushback_store::VerifyError;
use pushback_verify::{
    AuthenticatorId, AuthenticatorKind, Authority, Command, IncidentCause, Notes, OperatorProof,
    Outcome, PushState, Reporter, ResetId, Role, SubscriberState,
};

use crate::attempts::name;
use crate::binding::done;
use crate::documents::{IncidentRecord, Kind};
use crate::record::Recorded;
use crate::subscriber::{Ended, SUBSCRIBER, Whom, With, nothing_more};
use crate::{App, AppError, AuthenticatorView, CallView};

/// A subscriber in a list.
#[derive(Clone, Debug)]
pub struct SubscriberRow {
    /// The name.
    pub name: String,
    /// How many authenticators are bound.
    pub authenticators: usize,
    /// Whether a passkey is one of them, and answers: what no page can trick out of anybody.
    pub has_passkey: bool,
    /// Whether prompts are suspended.
    pub is_suspended: bool,
    /// When anything last happened.
    pub seen_at: Option<Timestamp>,
}

/// A subscriber, whole.
#[derive(Clone, Debug)]
pub struct SubscriberView {
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// What is bound.
    pub authenticators: Vec<AuthenticatorView>,
    /// Since when prompts are suspended, and why.
    pub suspended: Option<(Timestamp, IncidentCause)>,
    /// The open incident's number.
    pub incident: Option<u64>,
    /// A reset that waits: its number, who asked, and from when on the same person can confirm.
    pub reset: Option<(u64, String, Timestamp)>,
    /// A change of the role to member that waits: who asked, and from when on the same person can confirm.
    pub role_change: Option<(String, Timestamp)>,
    /// How many addresses notices go to.
    pub addresses: usize,
    /// The time of the document, if a clock had run ahead: no phone is asked until then.
    pub clock_ahead: Option<Timestamp>,
}

/// An open incident.
#[derive(Clone, Debug)]
pub struct IncidentView {
    /// Whose.
    pub subscriber: String,
    /// Its number within this subscriber.
    pub incident: u64,
    /// Why it was opened.
    pub cause: IncidentCause,
    /// Since when.
    pub opened_at: Timestamp,
}

/// A chain of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditChain {
    /// Its name.
    pub name: String,
    /// How many entries it has: they are numbered from 1 without a gap.
    pub entries: i64,
    /// The hash of the last one, in hexadecimal.
    pub head: String,
}

/// Whether the audit trail is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum AuditVerdict {
    /// Every entry fits the one before.
    Whole {
        /// How many were walked.
        entries: i64,
    },
    /// The first entry that does not fit, and what is wrong with it.
    Broken(String),
}

impl App {
    /// Subscribers after a name, at most `limit`; and the name to go on from.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn subscribers(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<SubscriberRow>, Option<String>), AppError> {
        let page = self.inner.store.list(SUBSCRIBER, after, limit).await?;
        let mut rows = Vec::with_capacity(page.documents.len());
        for (id, document) in &page.documents {
            let state = SubscriberState::from_json(&String::from_utf8_lossy(&document.body))?;
            rows.push(row(id, &state));
        }
        Ok((rows, page.next))
    }

    /// Subscribers whose names begin with `prefix`, after a name; as [`App::subscribers`].
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn subscribers_named(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<SubscriberRow>, Option<String>), AppError> {
        let prefix = prefix.trim().to_ascii_lowercase();
        if prefix.is_empty() {
            return self.subscribers(after, limit).await;
        }
        // What is no name is no name's beginning either.
        let Ok(exact) = name(&prefix) else { return Ok((Vec::new(), None)) };
        let mut found = Vec::new();
        // The list begins after a name, and the prefix may be a whole one.
        if after.is_none() {
            let (state, version) = self.state(&Whom::subscriber(exact)).await?;
            found.extend(version.map(|_| row(&prefix, &state)));
        }
        let (rows, next) = self.subscribers(after.or(Some(&prefix)), limit).await?;
        found.extend(rows.into_iter().filter(|row| row.name.starts_with(&prefix)));
        Ok((found, next.filter(|next| next.starts_with(&prefix))))
    }

    /// A subscriber.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn subscriber(&self, subscriber: &str) -> Result<SubscriberView, AppError> {
        let whom = Whom::subscriber(name(subscriber)?);
        let (state, version) = self.state(&whom).await?;
        version.ok_or(AppError::NotFound)?;
        let suspended = match state.push() {
            PushState::Active => None,
            PushState::Suspended { at, cause } => Some((at, cause)),
        };
        let authenticators = state.authenticators().iter().map(|a| self.authenticator_view(a));
        Ok(SubscriberView {
            name: whom.id.to_string(),
            role: state.role(),
            authenticators: authenticators.collect(),
            suspended,
            incident: state.incident().map(|incident| incident.id.0),
            reset: state.reset().map(|r| (r.id.0, r.requested_by.to_string(), r.ready_at)),
            role_change: state
                .role_change(self.now())
                .map(|change| (change.requested_by.to_string(), change.ready_at)),
            addresses: state.addresses().len(),
            clock_ahead: self.clock_ahead(&state),
        })
    }

    /// Decides about somebody who exists.
    // SECURITY: a name that was mistyped must not be told as suspended while its owner still is asked.
    // Guarded by `what_an_operator_does_about_nobody_is_refused`.
    pub(crate) async fn by_operator(
        &self,
        subscriber: &str,
        command: Command,
    ) -> Result<Outcome, AppError> {
        let whom = Whom::subscriber(name(subscriber)?);
        let found = self.state(&whom).await?;
        if found.1.is_none() {
            return Err(AppError::NotFound);
        }
        let with = With::default();
        match self.decide_from(&whom, Some(found), &command, &with, &nothing_more).await? {
            Ended::Decided(decision, _) => Ok(decision.outcome),
            Ended::Answered => Err(AppError::Contended),
        }
    }

    /// Unties an authenticator of a subscriber.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn invalidate(
        &self,
        by: OperatorProof,
        subscriber: &str,
        authenticator: u64,
    ) -> Result<(), AppError> {
        let authority = Authority::Operator(by);
        let authenticator = AuthenticatorId(authenticator);
        done(self.by_operator(subscriber, Command::Invalidate { authority, authenticator }).await?)
    }

    /// Takes a report by telephone: prompts are suspended at once.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn suspend(&self, by: OperatorProof, subscriber: &str) -> Result<(), AppError> {
        let command = Command::Report(Reporter::Operator(by), Notes::default());
        match self.by_operator(subscriber, command).await? {
            Outcome::Reported { .. } => Ok(()),
            other => done(other),
        }
    }

    /// Lets prompts ring again.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn restore(&self, by: OperatorProof, subscriber: &str) -> Result<(), AppError> {
        let command = Command::RestorePush(Authority::Operator(by));
        done(self.by_operator(subscriber, command).await?)
    }

    /// Closes the open incident.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if there is none.
    pub async fn close_incident(
        &self,
        by: OperatorProof,
        subscriber: &str,
    ) -> Result<(), AppError> {
        done(self.by_operator(subscriber, Command::CloseIncident(by)).await?)
    }

    /// Sets the role: administrators of anything sign in with passkeys only. To make one a member is asked for
    /// first, or confirms what somebody has asked for; to make one an administrator again stops that. Gives
    /// the instant from which on the same person can confirm; `None` if it is done.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn set_role(
        &self,
        by: OperatorProof,
        subscriber: &str,
        role: Role,
    ) -> Result<Option<Timestamp>, AppError> {
        match self.by_operator(subscriber, Command::SetRole(by, role)).await? {
            Outcome::RoleChangePending { ready_at, .. } => Ok(Some(ready_at)),
            other => done(other).map(|()| None),
        }
    }

    /// The directory says that the password was changed.
    ///
    /// # Errors
    /// [`AppError`] if it could not be written down.
    pub async fn password_changed(&self, subscriber: &str) -> Result<(), AppError> {
        done(self.by_operator(subscriber, Command::PasswordChanged).await?)
    }

    /// Asks for a reset of all authenticators, or confirms the one that waits.
    /// Gives the instant from which on the same person can confirm; `None` if it is done.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn reset(
        &self,
        by: OperatorProof,
        subscriber: &str,
        confirm: Option<u64>,
    ) -> Result<Option<Timestamp>, AppError> {
        let command = match confirm {
            Some(reset) => Command::ConfirmReset(by, ResetId(reset)),
            None => Command::RequestReset(by),
        };
        match self.by_operator(subscriber, command).await? {
            Outcome::ResetPending { ready_at, .. } => Ok(Some(ready_at)),
            other => done(other).map(|()| None),
        }
    }

    /// Stops a reset that waits.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if there is none.
    pub async fn cancel_reset(
        &self,
        by: OperatorProof,
        subscriber: &str,
        reset: u64,
    ) -> Result<(), AppError> {
        let command = Command::CancelReset(Reporter::Operator(by), ResetId(reset));
        done(self.by_operator(subscriber, command).await?)
    }

    /// Begins a check that help desk and subscriber know each other on a call.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if the rules say no.
    pub async fn start_call(
        &self,
        by: OperatorProof,
        subscriber: &str,
    ) -> Result<CallView, AppError> {
        match self.by_operator(subscriber, Command::StartCallerCheck(by)).await? {
            Outcome::CallerCheck { check, code, expires_at, .. } => Ok(CallView {
                id: check.0,
                who: String::new(),
                code: code.reveal().to_owned(),
                expires_at,
            }),
            Outcome::Refused { reason } => Err(AppError::Refused(reason)),
            // No other outcome belongs to this; whatever it were, there is no check.
            _ => Err(AppError::Refused(pushback_verify::Reason::NotAuthorised)),
        }
    }

    /// Open incidents, at most 1,000.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn incidents(&self) -> Result<Vec<IncidentView>, AppError> {
        let page = self.inner.store.list(IncidentRecord::NAME, None, 1_000).await?;
        page.documents
            .iter()
            .map(|(_, document)| {
                let (record, _) = IncidentRecord::read(document)?;
                let IncidentRecord { subscriber, incident, cause, opened_at } = record;
                Ok(IncidentView { subscriber, incident, cause, opened_at })
            })
            .collect()
    }

    /// Entries of an audit chain after a number, oldest first, at most 1,000.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn audit(&self, chain: &str, after: i64) -> Result<Vec<Recorded>, AppError> {
        let entries = self.inner.store.list_audit(chain, after).await?;
        Ok(entries.iter().map(recorded).collect())
    }

    /// Entries about somebody or something from an instant on, oldest first, at most 1,000.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn audit_about(
        &self,
        subject: &str,
        from: Timestamp,
    ) -> Result<Vec<Recorded>, AppError> {
        let entries = self.inner.store.list_audit_about(subject, from).await?;
        Ok(entries.iter().map(recorded).collect())
    }

    /// The latest entries about somebody or something, newest first, at most `limit` and 1,000.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn latest_audit_about(
        &self,
        subject: &str,
        limit: usize,
    ) -> Result<Vec<Recorded>, AppError> {
        let entries = self.inner.store.list_latest_audit_about(subject, limit).await?;
        Ok(entries.iter().map(recorded).collect())
    }

    /// The audit chains, by name: each node writes to one, and several may share it.
    ///
    /// # Errors
    /// [`AppError`] if they cannot be read.
    pub async fn audit_chains(&self) -> Result<Vec<AuditChain>, AppError> {
        let heads = self.inner.store.audit_heads().await?;
        let chain = |(name, (entries, head)): (String, (i64, [u8; 32]))| AuditChain {
            name,
            entries,
            head: hex(&head),
        };
        Ok(heads.into_iter().map(chain).collect())
    }

    /// Walks the whole trail and says whether it is unbroken. Takes as long as the trail is.
    ///
    /// Without signed checkpoints this does not see that an end was cut off; `pushback audit verify`
    /// compares those.
    ///
    /// # Errors
    /// [`AppError`] if it cannot be read.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, AppError> {
        match self.inner.store.verify_audit(None, &[]).await {
            Ok(whole) => Ok(AuditVerdict::Whole { entries: whole.chains.values().sum() }),
            Err(VerifyError::Broken(broken)) => Ok(AuditVerdict::Broken(broken.to_string())),
            Err(VerifyError::Store(error)) => Err(error.into()),
        }
    }
}

fn row(name: &str, state: &SubscriberState) -> SubscriberRow {
    SubscriberRow {
        name: name.to_owned(),
        authenticators: state.authenticators().len(),
        has_passkey: state
            .authenticators()
            .iter()
            .any(|a| a.kind() == AuthenticatorKind::Passkey && a.is_active()),
        is_suspended: is_suspended(state),
        seen_at: state.authenticators().iter().filter_map(|a| a.last_used_at()).max(),
    }
}

fn is_suspended(state: &SubscriberState) -> bool {
    match state.push() {
        PushState::Active => false,
        PushState::Suspended { .. } => true,
    }
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn recorded(entry: &pushback_store::Recorded) -> Recorded {
    let plain = String::from_utf8_lossy(&entry.entry.body).into_owned();
    Recorded {
        chain: entry.chain.clone(),
        seq: entry.seq,
        hash: hex(&entry.hash),
        kind: entry.entry.kind.clone(),
        subject: entry.entry.subject.clone(),
        body: serde_json::from_slice(&entry.entry.body).unwrap_or(plain.into()),
    }
}
