//! "This was not me": the link in a notice, and how a dispute ends.

use pushback_model::{Span, Timestamp};
use pushback_verify::{
    Act, AddressId, AuthenticatorId, Authority, Command, Disputable, DisputeLink, OperatorProof,
    Outcome, Reason, SubscriberId, decide,
};

use crate::binding::done;
use crate::capability::Link;
use crate::encoding::{from_base64url, to_base64url};
use crate::phone::Phone;
use crate::subscriber::{Ended, Whom, With, nothing_more};
use crate::{App, AppError};

/// How long the link in a notice counts: long enough for a holiday, and not for an old mailbox that is
/// read years later.
pub(crate) const LINK_LIFE: Span = Span::days(14);

impl App {
    /// The address with which whoever reads this notice says that the owner did not do it, if it is
    /// about a binding or about what was disputed and answers again.
    pub(crate) fn dispute_url(&self, subscriber: &str, act: &Act) -> Option<String> {
        let Act::Notify { notice, to } = act else { return None };
        let Disputable { authenticator, round } = notice.disputable()?;
        let address = to.first()?;
        let until = (self.now() + LINK_LIFE).as_millis();
        let [subscriber, address] =
            [subscriber, address.as_str()].map(|t| to_base64url(t.as_bytes()));
        let id = format!("{subscriber}~{}~{until}~{address}~{round}", authenticator.0);
        let secret = self.inner.keys.link(Link::Notice, &id, self.now());
        Some(self.address(&format!("/notices/{secret}")))
    }

    /// Whether a link in a notice is ours and not too old. Reads nothing: whoever looks at a link
    /// learns nothing from it, and a mailbox that opens links by itself does nothing by it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless it is ours.
    pub fn is_dispute_open(&self, secret: &str) -> Result<bool, AppError> {
        Ok(self.dispute_link(secret)?.is_some())
    }

    /// Takes back the binding that a notice told of: what was bound is suspended, and the rest is as
    /// after a report.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless the link is ours; [`AppError::Refused`] with one reason if it is
    /// too old, was used, or is about what is bound no longer.
    pub async fn dispute(&self, secret: &str) -> Result<(), AppError> {
        let over = || AppError::Refused(Reason::CodeExpired);
        let link = self.dispute_link(secret)?.ok_or_else(over)?;
        let whom = Whom::subscriber(link.0.clone());
        let found = self.state(&whom).await?;
        if found.1.is_none() {
            return Err(over());
        }
        let (subscriber, about, address) = link;
        let link = DisputeLink::link_verified(subscriber, about, address);
        let command = Command::Dispute(link);
        // SECURITY: a link that was used would write into the trail and the document as often as somebody
        // posts it. Guarded by `a_link_that_is_over_writes_nothing`.
        let (state, now) = (&found.0, self.now());
        let would = decide(state, command.clone(), now, &self.entropy(), &self.inner.policy);
        if !matches!(would.outcome, Outcome::Reported { .. }) {
            return Err(over());
        }
        let with = With::default();
        match self.decide_from(&whom, Some(found), &command, &with, &nothing_more).await? {
            Ended::Decided(decision, _) => match decision.outcome {
                Outcome::Reported { .. } => Ok(()),
                // No other outcome is a dispute that was taken.
                _ => Err(over()),
            },
            Ended::Answered => Err(AppError::Contended),
        }
    }

    /// What a link is about; `None` if it is too old.
    fn dispute_link(
        &self,
        secret: &str,
    ) -> Result<Option<(SubscriberId, Disputable, AddressId)>, AppError> {
        let id = self.inner.keys.open_link(Link::Notice, secret, self.now());
        let mut parts = id.ok_or(AppError::NotFound)?.split('~');
        let (Some(subscriber), Some(serial), Some(until), Some(address)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AppError::NotFound);
        };
        // A link of before rounds were counted is of the first.
        let (round, None) = (parts.next().unwrap_or("0"), parts.next()) else {
            return Err(AppError::NotFound);
        };
        let text = |part: &str| {
            let bytes = from_base64url(part).ok_or(AppError::NotFound)?;
            String::from_utf8(bytes).map_err(|_| AppError::NotFound)
        };
        let number = |part: &str| part.parse::<i64>().map_err(|_| AppError::NotFound);
        let subscriber = SubscriberId::parse(&text(subscriber)?).map_err(|_| AppError::NotFound)?;
        let address = AddressId::parse(&text(address)?).map_err(|_| AppError::NotFound)?;
        let serial = u64::try_from(number(serial)?).map_err(|_| AppError::NotFound)?;
        let round = round.parse().map_err(|_| AppError::NotFound)?;
        let about = Disputable { authenticator: AuthenticatorId(serial), round };
        let is_open = self.now().as_millis() < number(until)?;
        Ok(is_open.then_some((subscriber, about, address)))
    }

    /// Lets what was disputed answer again, in the owner's name.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the right to, and while the incident is open.
    pub async fn settle_own_dispute(
        &self,
        phone: &Phone,
        right: &str,
        authenticator: u64,
    ) -> Result<(), AppError> {
        let authenticator = AuthenticatorId(authenticator);
        let command =
            Command::SettleDispute { authority: self.right(phone, right).await?, authenticator };
        done(self.once(phone, &command).await?)
    }

    /// The help desk disputes an authenticator for an owner who cannot: it is in other hands.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if it is not bound, or
    /// disputed already.
    pub async fn dispute_for_owner(
        &self,
        by: OperatorProof,
        subscriber: &str,
        authenticator: u64,
    ) -> Result<(), AppError> {
        let command = Command::DisputeForOwner(by, AuthenticatorId(authenticator));
        match self.by_operator(subscriber, command).await? {
            Outcome::Reported { .. } => Ok(()),
            other => done(other),
        }
    }

    /// Lets it answer again, by the help desk: asks for it, or confirms what somebody has asked for. Gives the instant
    /// from which on the same person can confirm; `None` if it is done.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a name that nobody has; [`AppError::Refused`] if nothing is disputed,
    /// the incident is open, or whoever asked has to wait.
    pub async fn settle_dispute(
        &self,
        by: OperatorProof,
        subscriber: &str,
        authenticator: u64,
    ) -> Result<Option<Timestamp>, AppError> {
        let authority = Authority::Operator(by);
        let authenticator = AuthenticatorId(authenticator);
        let command = Command::SettleDispute { authority, authenticator };
        match self.by_operator(subscriber, command).await? {
            Outcome::SettlementPending { ready_at } => Ok(Some(ready_at)),
            other => done(other).map(|()| None),
        }
    }
}
