//! What besides a phone and a passkey proves an attempt on its hosted page: a code of another app, a
//! client certificate. Each is one form, and each counts by the rules.

use pushback_model::Timestamp;
use pushback_store::Change;
use pushback_verify::{
    Authenticator, AuthenticatorId, AuthenticatorKind, CertificateProof, Command, Decision,
    Outcome, Purpose, Reason, TotpEntry,
};

use crate::attempts::{AttemptState, AttemptView, Loaded};
use crate::capability::Link;
use crate::certificates::ClientCertificate;
use crate::documents::{AttemptRecord, DecisionKind, Kind};
use crate::encoding::new_id;
use crate::subscriber::{Ended, Found, With};
use crate::totp::matching_step;
use crate::totps::{plain, unix_s};
use crate::{App, AppError};

/// Codes and certificates that may be refused for one attempt. Past it the page takes none, or
/// whoever has its address could write into the trail without end.
const PROOFS_REFUSED_MAX: u8 = 10;

impl AttemptRecord {
    /// Whether a certificate would be looked at.
    pub(crate) const fn takes_more_proofs(&self, state: AttemptState) -> bool {
        let is_refused = matches!(self.decision.kind, DecisionKind::Refuse)
            || matches!(self.decision.reason, Some(Reason::PushSuspended | Reason::StrangersMuted));
        // Neither would be the right to a change beside the phone that asks for it.
        matches!(self.purpose, Purpose::SignIn)
            && self.takes_page_proofs(state)
            && !is_refused
            && self.proofs_refused < PROOFS_REFUSED_MAX
    }

    /// Whether a code of another app may be typed.
    pub(crate) const fn takes_a_code(&self, state: AttemptState) -> bool {
        // The phone's code was right and the circumstances were not: only a passkey gets in.
        let is_stepped_up = matches!(state, AttemptState::Held)
            && matches!(self.decision.kind, DecisionKind::Prompt | DecisionKind::Quiet);
        self.decision.totp && !is_stepped_up && self.takes_more_proofs(state)
    }
}

impl App {
    /// Takes a code of another app for the attempt of a hosted page.
    ///
    /// # Errors
    /// [`AppError::Refused`] if none may be typed, or the rules say no: a wrong code counts.
    pub async fn prove_totp(&self, secret: &str, typed: &str) -> Result<AttemptView, AppError> {
        let loaded = self.load_page(secret).await?;
        let whom = loaded.whom()?;
        let known = self.state(&whom).await?;
        let view = self.view_in(&loaded, &known.0)?;
        offered(&loaded, &view, view.can_use_totp)?;
        let (keys, _) = self.keys_of(whom.id.as_str()).await?;
        let (typed, now_s) = (plain(typed), unix_s(self.now()));
        let is_totp = |a: &&Authenticator| a.kind() == AuthenticatorKind::Totp && a.is_active();
        let bound = || known.0.authenticators().iter().filter(is_totp);
        let mut matched = None;
        for app in bound() {
            // All are compared, so that the time does not tell which it was.
            let step =
                keys.totps.get(&app.id().0).and_then(|key| matching_step(key, &typed, now_s));
            matched = matched.or(step.map(|step| (app.id(), Some(step))));
        }
        // SECURITY: a wrong entry is counted where strangers have failed least, or those at whose
        // bound they are would hide guesses at another. Guarded by
        // `wrong_codes_of_strangers_count_whichever_app_they_meant`.
        let fewest = bound().min_by_key(|a| (a.stranger_failures(), a.id()));
        let entry = matched.or_else(|| fewest.map(|a| (a.id(), None)));
        let (id, step) = entry.ok_or(AppError::Refused(Reason::NotBound))?;
        let attempt = loaded.attempt()?;
        let entry = TotpEntry::compared(whom.id.clone(), id, step);
        self.prove(&loaded, known, &Command::ProveTotp(attempt, entry), &["otp"]).await
    }

    /// What makes the button of a page count: it is of this attempt and of this certificate.
    #[must_use]
    pub fn certificate_button(&self, attempt: &str, certificate: &ClientCertificate) -> String {
        let id = format!("{attempt}~{}", certificate.fingerprint().as_str());
        self.inner.keys.link(Link::Certificate, &id, self.now())
    }

    /// Takes the certificate that came with a request for the attempt of a hosted page. `button` is
    /// the value of [`App::certificate_button`] in the form.
    ///
    /// # Errors
    /// [`AppError::Invalid`] if the button is of another page or certificate;
    /// [`AppError::Certificate`] if the certificate does not count at this time;
    /// [`AppError::Refused`] if it is nobody's, somebody else's, or the rules say no.
    pub async fn prove_certificate(
        &self,
        secret: &str,
        certificate: &ClientCertificate,
        button: &str,
    ) -> Result<AttemptView, AppError> {
        let loaded = self.load_page(secret).await?;
        // SECURITY: a browser sends its certificate with any request, also with one that another site
        // makes it send for an attempt of an attacker's. Only our page, loaded with the certificate,
        // has the button. Guarded by `another_sites_form_does_not_use_the_certificate`.
        let id = self.inner.keys.open_link(Link::Certificate, button, self.now());
        let wanted = format!("{}~{}", loaded.id, certificate.fingerprint().as_str());
        if id != Some(&wanted) {
            return Err(AppError::Invalid("the form is of another page; load it anew".to_owned()));
        }
        certificate.check(self.now())?;
        let whom = loaded.whom()?;
        let known = self.state(&whom).await?;
        let view = self.view_in(&loaded, &known.0)?;
        offered(&loaded, &view, view.can_use_certificate)?;
        let (keys, _) = self.keys_of(whom.id.as_str()).await?;
        let found = keys.certificates.iter().find(|(_, key)| *key == certificate.fingerprint());
        // SECURITY: a certificate that is not bound is refused by the rules, as it is for somebody who
        // does not exist: neither the answer nor its time tells which. No serial is 0. Guarded by
        // `a_certificate_says_nothing_about_who_exists`.
        let id = AuthenticatorId(found.map_or(0, |(serial, _)| *serial));
        let attempt = loaded.attempt()?;
        let proof = CertificateProof::handshake_verified(whom.id.clone(), id);
        self.prove(&loaded, known, &Command::ProveCertificate(attempt, proof), &["swk"]).await
    }

    async fn prove(
        &self,
        loaded: &Loaded,
        known: Found,
        command: &Command,
        amr: &[&str],
    ) -> Result<AttemptView, AppError> {
        let whom = loaded.whom()?;
        let token_id = new_id("tok", &*self.inner.entropy);
        let keep = |decision: &Decision, now: Timestamp, change: Change| {
            let mut record = (*loaded.record).clone();
            match &decision.outcome {
                Outcome::Verified(verified) => {
                    let how = self.success(&whom.id, verified, decision, now, amr, &token_id);
                    record.success = Some(how.on_the_page());
                }
                // The form came twice, and the other one was taken.
                Outcome::AlreadyOver(_) => return Ok(change),
                // Nothing else is a success.
                _ => record.proofs_refused = record.proofs_refused.saturating_add(1),
            }
            Ok(change.update(AttemptRecord::key(&loaded.id)?, loaded.version, record.bytes()?))
        };
        let with = With::default();
        match self.decide_from(&whom, Some(known), command, &with, &keep).await? {
            Ended::Decided(decision, _) => match decision.outcome {
                Outcome::Verified(_) => self.proven(&loaded.id, &decision.state).await,
                Outcome::Refused { reason }
                | Outcome::PasskeyOnly { reason, .. }
                | Outcome::Wait { reason, .. } => Err(AppError::Refused(reason)),
                // No other outcome belongs to this; whatever it were, it is no success.
                _ => Err(AppError::Refused(Reason::NotFound)),
            },
            // Nothing here is answered before it is decided.
            Ended::Answered => Err(AppError::Contended),
        }
    }
}

/// Why a proof is not looked at, if it is not.
fn offered(loaded: &Loaded, view: &AttemptView, can_use: bool) -> Result<(), AppError> {
    if can_use {
        return Ok(());
    }
    let reason = match view.state {
        AttemptState::Denied | AttemptState::Reported => Reason::AttemptDenied,
        AttemptState::Pending | AttemptState::Held
            if loaded.record.proofs_refused >= PROOFS_REFUSED_MAX =>
        {
            Reason::TooManyFailures
        }
        AttemptState::Pending | AttemptState::Held => Reason::NotBound,
        AttemptState::Proven
        | AttemptState::Verified
        | AttemptState::Expired
        | AttemptState::Cancelled => Reason::NotFound,
    };
    Err(AppError::Refused(reason))
}
