//! "I did not ask for this": the link in the notice of what waits for a second person, or for its delay.

use pushback_verify::{
    Act, AddressId, AddressProof, Command, Outcome, Reason, Reporter, ResetId, RoleChangeId,
    Stoppable, SubscriberId, decide,
};

use crate::capability::Link;
use crate::disputes::LINK_LIFE;
use crate::encoding::{from_base64url, to_base64url};
use crate::subscriber::{Ended, Whom, With, nothing_more};
use crate::{App, AppError};

/// A link that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopLink {
    /// What it stops.
    pub stops: Stops,
    /// Whether it is not too old. What it is about may be over all the same.
    pub is_open: bool,
}

/// What a link stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// A reset of everything that can answer.
    Reset,
    /// That somebody need not use passkeys any more.
    RoleChange,
}

/// What a link says.
struct Parsed {
    subscriber: SubscriberId,
    address: AddressId,
    what: Stoppable,
    is_open: bool,
}

impl Parsed {
    const fn stops(&self) -> Stops {
        match self.what {
            Stoppable::Reset(_) => Stops::Reset,
            Stoppable::RoleChange(_) => Stops::RoleChange,
        }
    }

    fn command(&self) -> Command {
        let (subscriber, address) = (self.subscriber.clone(), self.address.clone());
        let by = Reporter::Address(AddressProof::link_verified(subscriber, address));
        match self.what {
            Stoppable::Reset(reset) => Command::CancelReset(by, reset),
            Stoppable::RoleChange(change) => Command::CancelRoleChange(by, change),
        }
    }
}

impl App {
    /// The address with which whoever reads this notice stops what it is about, if that still waits.
    pub(crate) fn stop_url(&self, subscriber: &str, act: &Act) -> Option<String> {
        let Act::Notify { notice, to } = act else { return None };
        let (what, serial) = match notice.stoppable()? {
            Stoppable::Reset(reset) => ("reset", reset.0),
            Stoppable::RoleChange(change) => ("role", change.0),
        };
        let address = to.first()?;
        let until = (self.now() + LINK_LIFE).as_millis();
        let [subscriber, address] =
            [subscriber, address.as_str()].map(|t| to_base64url(t.as_bytes()));
        let id = format!("{what}~{subscriber}~{serial}~{until}~{address}");
        let secret = self.inner.keys.link(Link::Stop, &id, self.now());
        Some(self.address(&format!("/stop/{secret}")))
    }

    /// What a link stops. Reads nothing but the link: a mailbox that opens links by itself does nothing by it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless it is ours.
    pub fn stop_link(&self, secret: &str) -> Result<StopLink, AppError> {
        let parsed = self.parse_stop_link(secret)?;
        Ok(StopLink { stops: parsed.stops(), is_open: parsed.is_open })
    }

    /// Stops what the notice told of, and nothing else.
    ///
    /// # Errors
    /// [`AppError::NotFound`] unless the link is ours; [`AppError::Refused`] with one reason if it is too
    /// old, was used, or is about what is over.
    pub async fn stop(&self, secret: &str) -> Result<(), AppError> {
        let over = || AppError::Refused(Reason::CodeExpired);
        let link = self.parse_stop_link(secret)?;
        let whom = Whom::subscriber(link.subscriber.clone());
        let found = self.state(&whom).await?;
        if !link.is_open || found.1.is_none() {
            return Err(over());
        }
        let command = link.command();
        // SECURITY: a link that was used would write into the trail and the document as often as somebody
        // posts it. Guarded by `a_reset_is_stopped_once_by_the_link_of_its_notice`.
        let (state, now) = (&found.0, self.now());
        let would = decide(state, command.clone(), now, &self.entropy(), &self.inner.policy);
        if !matches!(would.outcome, Outcome::Done) {
            return Err(over());
        }
        let with = With::default();
        match self.decide_from(&whom, Some(found), &command, &with, &nothing_more).await? {
            Ended::Decided(decision, _) => match decision.outcome {
                Outcome::Done => Ok(()),
                // Somebody else was faster.
                _ => Err(over()),
            },
            Ended::Answered => Err(AppError::Contended),
        }
    }

    fn parse_stop_link(&self, secret: &str) -> Result<Parsed, AppError> {
        let id = self.inner.keys.open_link(Link::Stop, secret, self.now());
        let mut parts = id.ok_or(AppError::NotFound)?.split('~');
        let (Some(what), Some(subscriber), Some(serial), Some(until), Some(address), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AppError::NotFound);
        };
        let text = |part: &str| {
            let bytes = from_base64url(part).ok_or(AppError::NotFound)?;
            String::from_utf8(bytes).map_err(|_| AppError::NotFound)
        };
        let serial: u64 = serial.parse().map_err(|_| AppError::NotFound)?;
        let until: i64 = until.parse().map_err(|_| AppError::NotFound)?;
        let what = match what {
            "reset" => Stoppable::Reset(ResetId(serial)),
            "role" => Stoppable::RoleChange(RoleChangeId(serial)),
            _ => return Err(AppError::NotFound),
        };
        Ok(Parsed {
            subscriber: SubscriberId::parse(&text(subscriber)?).map_err(|_| AppError::NotFound)?,
            address: AddressId::parse(&text(address)?).map_err(|_| AppError::NotFound)?,
            what,
            is_open: self.now().as_millis() < until,
        })
    }
}
