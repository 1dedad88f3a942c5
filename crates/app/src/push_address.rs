//! Where a phone is knocked at.

use pushback_store::{Change, Commit, Conflict};
use pushback_verify::Actor;
use serde_json::json;
use url::Url;

use crate::documents::{Keys, Kind as _};
use crate::phone::Phone;
use crate::record::Beside;
use crate::{App, AppError, PushSubscription};

/// How often keys are written again because somebody else was faster.
const TRIES: u32 = 8;

impl App {
    /// Keeps where to knock when the phone is to wake up; `None` forgets it. What is kept already changes
    /// nothing and leaves no trace.
    ///
    /// # Errors
    /// [`AppError::Contended`] if the phone's keys changed at the same time, again and again;
    /// [`AppError::Unauthenticated`] for a request that was taken before.
    // SECURITY: whoever takes a phone's push address away has its owner hear of nothing until they look, and
    // must leave a trace. Guarded by `a_changed_push_address_is_in_the_trail_and_an_unchanged_one_is_not`.
    pub async fn set_push(
        &self,
        phone: &Phone,
        push: Option<PushSubscription>,
    ) -> Result<(), AppError> {
        let who = phone.who.as_str();
        for _ in 0..TRIES {
            let (mut keys, version) = self.keys_of(who).await?;
            let Some(own) = keys.phones.get_mut(&phone.serial.0) else { return Ok(()) };
            if own.push == push {
                return Ok(());
            }
            own.push.clone_from(&push);
            // The rest of the address is a secret of phone and push service.
            let host = push.as_ref().and_then(|push| Url::parse(&push.endpoint).ok());
            let host = host.and_then(|url| url.host_str().map(str::to_owned));
            let details = json!({
                "what": "push_address_changed",
                "authenticator": phone.serial.0,
                "push_service": host,
            });
            let by = Actor::Phone(phone.serial);
            let mut change = Change::at(self.now())
                .put(Keys::key(who)?, version, keys.bytes()?)
                .audit(self.noted(&by, "push_address_changed", who, details)?);
            if let Some(once) = phone.once(Beside::default()).answer {
                change = change.answer(once);
            }
            match self.inner.store.commit(change).await? {
                Commit::Committed(_) => return Ok(()),
                Commit::Conflict(Conflict::Answered { .. }) => {
                    return Err(AppError::Unauthenticated);
                }
                Commit::Conflict(_) => {}
                Commit::Refused(_) => return Err(AppError::Busy),
            }
        }
        Err(AppError::Contended)
    }
}
