//! Authentication log, version 2 (and the flat version 1): one record for each finished prompt.
//!
//! ```json
//! {"event_type":"authentication","factor":"duo_push","result":"denied","reason":"no_response",
//!  "timestamp":1769851800,"txid":"…","user":{"key":"DU1","name":"alice"},
//!  "access_device":{"ip":"203.0.113.7"},"auth_device":{"ip":"198.51.100.2"}}
//! ```

use std::borrow::Cow;

use pushback_model::{Endpoint, EventKind, Factor, IdentityEvent, Risk, Source, Timestamp};

use crate::json::{Cursor, Fault, Raw, members};
use crate::text::{contains, content_id};
use crate::{Read, Reject, Sink};

/// `access_device` or `auth_device`.
#[derive(Clone, Copy, Debug, Default)]
struct Device<'a> {
    ip: Raw<'a>,
    key: Raw<'a>,
    name: Raw<'a>,
    os: Raw<'a>,
    browser: Raw<'a>,
    city: Raw<'a>,
    state: Raw<'a>,
    country: Raw<'a>,
}

/// The members that matter, as they stand in the record.
#[derive(Clone, Copy, Debug, Default)]
struct Fields<'a> {
    txid: Raw<'a>,
    timestamp: Raw<'a>,
    iso_timestamp: Raw<'a>,
    event_type: Raw<'a>,
    factor: Raw<'a>,
    result: Raw<'a>,
    reason: Raw<'a>,
    user_key: Raw<'a>,
    user_name: Raw<'a>,
    email: Raw<'a>,
    app: Raw<'a>,
    endpoint_status: Raw<'a>,
    trust_level: Raw<'a>,
    was_attacked: bool,
    access: Device<'a>,
    auth: Device<'a>,
    is_authentication: bool,
    is_foreign: bool,
}

/// Reads a record if it is an authentication; `Ok(None)` if it is not.
pub(crate) fn read_authentication(
    record: &str,
    sink: &mut Sink<'_>,
) -> Result<Option<Result<Read, Reject>>, Fault> {
    let mut cursor = Cursor::new(record);
    let mut f = Fields::default();
    f.read(&mut cursor)?;
    cursor.end()?;
    if f.is_foreign || !(f.is_authentication || f.names_itself()) || f.result.is_empty() {
        return Ok(None);
    }
    let Some(at) = f.occurred_at()? else {
        return Ok(Some(Err(Reject::Incomplete { vendor: Source::Duo, missing: "timestamp" })));
    };
    let mut event = IdentityEvent::new(Source::Duo, EventKind::FactorFailed, at);
    f.put(&mut event)?;
    sink(&event);
    Ok(Some(Ok(Read::Events(1))))
}

impl<'a> Fields<'a> {
    // Members are listed in the order in which Duo writes them, also those that are stepped over.
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        members!(cursor, {
            "access_device" => {
                self.is_authentication = true;
                self.access.read_access(cursor)?;
            },
            "adaptive_trust_assessments" => self.assessments(cursor)?,
            "alias" => cursor.skip()?,
            "application" => self.application(cursor)?,
            "auth_device" => {
                self.is_authentication = true;
                self.auth.read_authenticator(cursor)?;
            },
            "email" => cursor.take(&mut self.email)?,
            "event_type" => cursor.take(&mut self.event_type)?,
            "factor" => cursor.take(&mut self.factor)?,
            "isotimestamp" => cursor.take(&mut self.iso_timestamp)?,
            "ood_software" => cursor.skip()?,
            "reason" => cursor.take(&mut self.reason)?,
            "result" => cursor.take(&mut self.result)?,
            "timestamp" => cursor.take(&mut self.timestamp)?,
            "trusted_endpoint_status" => cursor.take(&mut self.endpoint_status)?,
            "txid" => cursor.take(&mut self.txid)?,
            "user" => self.user(cursor)?,
            // Version 1.
            "eventtype" => cursor.take(&mut self.event_type)?,
            "integration" => {
                self.is_authentication = true;
                cursor.take(&mut self.app)?;
            },
            "ip" => cursor.take(&mut self.access.ip)?,
            "username" => cursor.take(&mut self.user_name)?,
            // Okta's mark, and those of Duo's other logs.
            "eventType" => self.foreign(cursor)?,
            "activity_id" => self.foreign(cursor)?,
            "telephony_id" => self.foreign(cursor)?,
            "action" => self.foreign(cursor)?,
            "sekey" => self.foreign(cursor)?,
        });
        Ok(())
    }

    #[cold]
    fn foreign(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        self.is_foreign = true;
        cursor.skip()
    }

    /// Whether a record that has no device is still one of this log.
    fn names_itself(&self) -> bool {
        (self.event_type.is("authentication") || self.event_type.is("enrollment"))
            && !self.txid.is_empty()
    }

    fn user(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.user_key, self.user_name) = Default::default();
        members!(cursor, {
            "groups" => cursor.skip()?,
            "key" => cursor.take(&mut self.user_key)?,
            "name" => cursor.take(&mut self.user_name)?,
        });
        Ok(())
    }

    fn application(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        self.app = Raw::default();
        members!(cursor, {
            "key" => cursor.skip()?,
            "name" => cursor.take(&mut self.app)?,
        });
        Ok(())
    }

    fn assessments(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.trust_level, self.was_attacked) = Default::default();
        members!(cursor, {
            "more_secure_auth" => self.assessment(cursor)?,
        });
        Ok(())
    }

    fn assessment(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.trust_level, self.was_attacked) = Default::default();
        members!(cursor, {
            "detected_attack_detectors" => {
                self.was_attacked = false;
                cursor.array(|cursor| {
                    self.was_attacked = true;
                    cursor.skip()
                })?;
            },
            "features_version" => cursor.skip()?,
            "model_version" => cursor.skip()?,
            "policy_enabled" => cursor.skip()?,
            "reason" => cursor.skip()?,
            "trust_level" => cursor.take(&mut self.trust_level)?,
        });
        Ok(())
    }

    fn occurred_at(&self) -> Result<Option<Timestamp>, Fault> {
        // The text is the finer one: microseconds, where the number has seconds.
        if let Ok(at) = Timestamp::parse(&self.iso_timestamp.text()?) {
            return Ok(Some(at));
        }
        Ok(super::time_of(&self.timestamp.text()?))
    }

    /// Fills an event that is empty but for its time.
    fn put(&self, event: &mut IdentityEvent<'a>) -> Result<(), Fault> {
        event.factor = factor(&self.factor.text()?);
        self.reason.put(&mut event.what)?;
        let reason = &event.what;
        // Version 1 writes "No response" where version 2 writes "no_response".
        event.kind = if reason.bytes().any(|b| b == b' ' || b.is_ascii_uppercase()) {
            self.kind(event.factor, &reason.to_ascii_lowercase().replace(' ', "_"))
        } else {
            self.kind(event.factor, reason)
        };
        self.txid.put(&mut event.id)?;
        self.user_name.put(&mut event.subscriber.name)?;
        self.email.put(&mut event.subscriber.mail)?;
        self.user_key.put(&mut event.subscriber.id)?;
        self.access.put(&mut event.requester)?;
        event.requester.is_managed = self.endpoint_status.is("trusted");
        if self.auth.is_anything() {
            let responder = event.responder.insert(Endpoint::default());
            self.auth.put(responder)?;
            if *responder == Endpoint::default() {
                event.responder = None;
            }
        }
        self.app.put(&mut event.app)?;
        self.event_type.put(&mut event.native)?;
        event.risk = match (self.was_attacked, self.trust_level.as_written()) {
            (true, _) => Risk::High,
            (false, "LOW") => Risk::Medium,
            (false, "NORMAL") => Risk::Low,
            (false, _) => Risk::Unknown,
        };
        if event.id.is_empty() {
            event.id = Cow::Owned(content_id(&[
                &event.occurred_at.to_string(),
                &event.subscriber.id,
                &event.subscriber.name,
                &event.app,
                &event.what,
                &event.requester.ip,
                &self.factor.text()?,
                &self.result.text()?,
            ]));
        }
        event.transaction = event.id.clone();
        Ok(())
    }

    fn kind(&self, factor: Factor, reason: &str) -> EventKind {
        use EventKind as K;

        let prompts = matches!(factor, Factor::Push | Factor::Voice);
        // Of an answer that names no factor the reason tells, where only a prompt can have it.
        let may_prompt = prompts || factor == Factor::Unknown;
        let succeeded = self.result.as_written().eq_ignore_ascii_case("success");
        if self.event_type.is("enrollment") {
            return if succeeded { K::FactorEnrolled } else { K::FactorFailed };
        }
        // Codes were sent: "success" is the delivery's. Nobody has typed one yet.
        if factor == Factor::Sms
            && (contains(self.factor.as_written(), "refresh") || reason == "sms_sent")
        {
            return K::PromptSent;
        }
        if self.result.as_written().eq_ignore_ascii_case("fraud") || reason == "user_marked_fraud" {
            return K::PromptReported;
        }
        if succeeded {
            return match reason {
                "bypass_user"
                | "allow_unenrolled_user"
                | "allow_unenrolled_user_on_trusted_network" => K::Bypassed,
                "remembered_device" | "trusted_network" | "trusted_location"
                | "allowed_by_policy" | "valid_passcode" => K::FactorVerified,
                "user_approved" if may_prompt => K::PromptApproved,
                _ if prompts => K::PromptApproved,
                _ => K::FactorVerified,
            };
        }
        match reason {
            "user_mistake" | "user_cancelled" | "user_denied" | "no_keys_pressed" if may_prompt => {
                K::PromptDenied
            }
            "no_response" | "call_timed_out" if may_prompt => K::PromptTimedOut,
            "anomalous_push" => K::PromptAnomalous,
            "locked_out" | "user_disabled" => K::LockedOut,
            _ if contains(reason, "harassment") => K::PromptAnomalous,
            // A push has no passcode but the number that a verified one asks for.
            "invalid_passcode" if factor == Factor::Push => K::PromptMismatched,
            _ if contains(reason, "verification_code") && prompts => K::PromptMismatched,
            _ if is_policy(reason) => K::PolicyRefused,
            _ => K::FactorFailed,
        }
    }
}

/// Reasons that are a rule's refusal and no decision of the subscriber (Duo's documentation of the
/// authentication log).
fn is_policy(reason: &str) -> bool {
    matches!(
        reason,
        "deny_unenrolled_user"
            | "location_restricted"
            | "factor_restricted"
            | "platform_restricted"
            | "version_restricted"
            | "rooted_device"
            | "no_screen_lock"
            | "touch_id_disabled"
            | "no_disk_encryption"
            | "anonymous_ip"
            | "out_of_date"
            | "denied_by_policy"
            | "software_restricted"
            | "no_duo_certificate_present"
            | "user_provided_invalid_certificate"
            | "could_not_determine_if_endpoint_was_trusted"
            | "invalid_management_certificate_collection_state"
            | "no_referring_hostname_provided"
            | "invalid_referring_hostname_provided"
            | "no_web_referer_match"
            | "endpoint_failed_google_verification"
            | "endpoint_is_not_trusted"
            | "endpoint_is_not_in_management_system"
            | "invalid_device"
            | "no_activated_duo_mobile_account"
            | "user_not_in_permitted_group"
            | "error"
    )
}

/// The kind of authenticator that a Duo log names.
pub(super) fn factor(name: &str) -> Factor {
    match name {
        "duo_push" | "verified_duo_push" => return Factor::Push,
        "phone_call" | "phone" => return Factor::Voice,
        "passcode" | "hardware_token" => return Factor::Code,
        "bypass_code" => return Factor::RecoveryCode,
        "" | "n/a" | "not_available" | "remembered_device" | "trusted_network" => {
            return Factor::Unknown;
        }
        _ => {}
    }
    let has = |word| contains(name, word);
    if has("push") {
        Factor::Push
    } else if has("sms") {
        Factor::Sms
    } else if has("call") {
        Factor::Voice
    } else if has("webauthn") || has("u2f") || has("security key") || has("authenticator") {
        Factor::Passkey
    } else if has("bypass") {
        Factor::RecoveryCode
    } else if has("passcode") || has("token") || has("code") || has("yubikey") {
        Factor::Code
    } else {
        Factor::Unknown
    }
}

impl<'a> Device<'a> {
    fn read_access(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "browser" => cursor.take(&mut self.browser)?,
            "browser_version" => cursor.skip()?,
            "epkey" => cursor.take(&mut self.key)?,
            "flash_version" => cursor.skip()?,
            "hostname" => cursor.take(&mut self.name)?,
            "ip" => cursor.take(&mut self.ip)?,
            "is_encryption_enabled" => cursor.skip()?,
            "is_firewall_enabled" => cursor.skip()?,
            "is_password_set" => cursor.skip()?,
            "java_version" => cursor.skip()?,
            "location" => self.location(cursor)?,
            "os" => cursor.take(&mut self.os)?,
            "os_version" => cursor.skip()?,
            "security_agents" => cursor.skip()?,
        });
        Ok(())
    }

    fn read_authenticator(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "browser" => cursor.take(&mut self.browser)?,
            "ip" => cursor.take(&mut self.ip)?,
            "key" => cursor.take(&mut self.key)?,
            "location" => self.location(cursor)?,
            "name" => cursor.take(&mut self.name)?,
            "os" => cursor.take(&mut self.os)?,
        });
        Ok(())
    }

    fn location(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.city, self.state, self.country) = Default::default();
        members!(cursor, {
            "city" => cursor.take(&mut self.city)?,
            "country" => cursor.take(&mut self.country)?,
            "state" => cursor.take(&mut self.state)?,
        });
        Ok(())
    }

    /// Whether anything was logged, if only a word for "absent".
    const fn is_anything(&self) -> bool {
        !self.ip.is_empty()
            || !self.key.is_empty()
            || !self.name.is_empty()
            || !self.os.is_empty()
            || !self.browser.is_empty()
            || !self.city.is_empty()
            || !self.state.is_empty()
            || !self.country.is_empty()
    }

    /// Fills an empty endpoint.
    fn put(&self, into: &mut Endpoint<'a>) -> Result<(), Fault> {
        into.ip = self.ip.ip()?;
        self.country.put(&mut into.country)?;
        self.state.put(&mut into.region)?;
        self.city.put(&mut into.city)?;
        self.key.put(&mut into.device)?;
        self.name.put(&mut into.device_name)?;
        self.os.put(&mut into.agent.os)?;
        self.browser.put(&mut into.agent.browser)
    }
}
