//! The members of an event that matter, as they stand in the record.

use crate::json::{Cursor, Fault, Raw, members};

/// An actor or a target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Who<'a> {
    pub(super) id: Raw<'a>,
    pub(super) kind: Raw<'a>,
    pub(super) alternate_id: Raw<'a>,
    pub(super) display_name: Raw<'a>,
    /// `detailEntry.methodTypeUsed`
    pub(super) method: Raw<'a>,
    /// The bytes of `changeDetails`.
    pub(super) changes: &'a str,
}

/// `client`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Client<'a> {
    pub(super) ip: Raw<'a>,
    pub(super) agent: Raw<'a>,
    pub(super) os: Raw<'a>,
    pub(super) browser: Raw<'a>,
    pub(super) city: Raw<'a>,
    pub(super) state: Raw<'a>,
    pub(super) country: Raw<'a>,
    pub(super) latitude: Raw<'a>,
    pub(super) longitude: Raw<'a>,
}

/// `device`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Device<'a> {
    pub(super) id: Raw<'a>,
    pub(super) name: Raw<'a>,
    pub(super) is_managed: bool,
}

/// `securityContext`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network<'a> {
    pub(super) number: Raw<'a>,
    pub(super) name: Raw<'a>,
    pub(super) is_proxy: bool,
}

/// `debugContext.debugData`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debug<'a> {
    pub(super) factor: Raw<'a>,
    pub(super) push_response: Raw<'a>,
    pub(super) number_response: Raw<'a>,
    pub(super) fingerprint: Raw<'a>,
    pub(super) token_hash: Raw<'a>,
    pub(super) behaviors: Raw<'a>,
    pub(super) risk: Raw<'a>,
    pub(super) is_threat: bool,
    pub(super) log_only: Raw<'a>,
    pub(super) privilege: Raw<'a>,
    pub(super) changed: Raw<'a>,
    pub(super) suspicious: Suspicious<'a>,
}

/// `debugContext.debugData.suspiciousActivity…`: what the subscriber reports.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Suspicious<'a> {
    pub(super) kind: Raw<'a>,
    pub(super) ip: Raw<'a>,
    pub(super) city: Raw<'a>,
    pub(super) state: Raw<'a>,
    pub(super) country: Raw<'a>,
    pub(super) transaction: Raw<'a>,
    pub(super) os: Raw<'a>,
    pub(super) browser: Raw<'a>,
}

/// `target[]`, picked by type, never by place.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Targets<'a> {
    pub(super) user: Option<Who<'a>>,
    pub(super) app: Who<'a>,
    pub(super) enrollment: Who<'a>,
    /// The first target of any other type: a policy, a rule, a role, a token.
    pub(super) other: Who<'a>,
    pub(super) changes: &'a str,
}

/// One event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) uuid: Raw<'a>,
    pub(super) published: Raw<'a>,
    pub(super) event_type: Raw<'a>,
    pub(super) message: Raw<'a>,
    pub(super) result: Raw<'a>,
    pub(super) reason: Raw<'a>,
    pub(super) actor: Who<'a>,
    pub(super) client: Client<'a>,
    pub(super) device: Device<'a>,
    pub(super) network: Network<'a>,
    pub(super) debug: Debug<'a>,
    pub(super) session: Raw<'a>,
    pub(super) root_session: Raw<'a>,
    pub(super) transaction: Raw<'a>,
    pub(super) targets: Targets<'a>,
    pub(super) has_actor_or_uuid: bool,
}

// Members are listed in the order in which Okta writes them, also those that are stepped over.

impl<'a> Fields<'a> {
    /// Reads them in one walk.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        members!(cursor, {
            "actor" => {
                self.has_actor_or_uuid = true;
                self.actor.read(cursor)?;
            },
            "client" => self.client.read(cursor)?,
            "device" => self.device.read(cursor)?,
            "authenticationContext" => self.context(cursor)?,
            "displayMessage" => cursor.take(&mut self.message)?,
            "eventType" => cursor.take(&mut self.event_type)?,
            "outcome" => self.outcome(cursor)?,
            "published" => cursor.take(&mut self.published)?,
            "securityContext" => self.network.read(cursor)?,
            "severity" => cursor.skip()?,
            "debugContext" => self.debug.read(cursor)?,
            "legacyEventType" => cursor.skip()?,
            "transaction" => self.transaction(cursor)?,
            "uuid" => {
                self.has_actor_or_uuid = true;
                cursor.take(&mut self.uuid)?;
            },
            "version" => cursor.skip()?,
            "request" => cursor.skip()?,
            "target" => self.targets.read(cursor)?,
        });
        Ok(())
    }

    fn context(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.session, self.root_session) = Default::default();
        members!(cursor, {
            "authenticationProvider" => cursor.skip()?,
            "credentialProvider" => cursor.skip()?,
            "credentialType" => cursor.skip()?,
            "issuer" => cursor.skip()?,
            "interface" => cursor.skip()?,
            "authenticationStep" => cursor.skip()?,
            "rootSessionId" => cursor.take(&mut self.root_session)?,
            "externalSessionId" => cursor.take(&mut self.session)?,
        });
        Ok(())
    }

    fn outcome(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.result, self.reason) = Default::default();
        members!(cursor, {
            "result" => cursor.take(&mut self.result)?,
            "reason" => cursor.take(&mut self.reason)?,
        });
        Ok(())
    }

    fn transaction(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        self.transaction = Raw::default();
        members!(cursor, {
            "type" => cursor.skip()?,
            "id" => cursor.take(&mut self.transaction)?,
            "detail" => cursor.skip()?,
        });
        Ok(())
    }
}

impl<'a> Who<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "id" => cursor.take(&mut self.id)?,
            "type" => cursor.take(&mut self.kind)?,
            "alternateId" => cursor.take(&mut self.alternate_id)?,
            "displayName" => cursor.take(&mut self.display_name)?,
            "changeDetails" => self.changes = cursor.slice()?,
            "detailEntry" => self.detail(cursor)?,
        });
        Ok(())
    }

    fn detail(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        self.method = Raw::default();
        members!(cursor, {
            "methodTypeUsed" => cursor.take(&mut self.method)?,
            "signOnModeType" => cursor.skip()?,
            "signOnModeEvaluationResult" => cursor.skip()?,
        });
        Ok(())
    }
}

impl<'a> Client<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "userAgent" => self.agent(cursor)?,
            "zone" => cursor.skip()?,
            "device" => cursor.skip()?,
            "id" => cursor.skip()?,
            "ipAddress" => cursor.take(&mut self.ip)?,
            "geographicalContext" => self.place(cursor)?,
        });
        Ok(())
    }

    fn agent(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.agent, self.os, self.browser) = Default::default();
        members!(cursor, {
            "rawUserAgent" => cursor.take(&mut self.agent)?,
            "os" => cursor.take(&mut self.os)?,
            "browser" => cursor.take(&mut self.browser)?,
        });
        Ok(())
    }

    fn place(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.city, self.state, self.country) = Default::default();
        (self.latitude, self.longitude) = Default::default();
        members!(cursor, {
            "city" => cursor.take(&mut self.city)?,
            "state" => cursor.take(&mut self.state)?,
            "country" => cursor.take(&mut self.country)?,
            "postalCode" => cursor.skip()?,
            "geolocation" => self.point(cursor)?,
        });
        Ok(())
    }

    fn point(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        (self.latitude, self.longitude) = Default::default();
        members!(cursor, {
            "lat" => cursor.take(&mut self.latitude)?,
            "lon" => cursor.take(&mut self.longitude)?,
        });
        Ok(())
    }
}

impl<'a> Device<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "id" => cursor.take(&mut self.id)?,
            "name" => cursor.take(&mut self.name)?,
            "managed" => self.is_managed = cursor.flag()?,
        });
        Ok(())
    }
}

impl<'a> Network<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "asNumber" => cursor.take(&mut self.number)?,
            "asOrg" => cursor.take(&mut self.name)?,
            "isp" => cursor.skip()?,
            "domain" => cursor.skip()?,
            "isProxy" => self.is_proxy = cursor.flag()?,
        });
        Ok(())
    }
}

impl<'a> Debug<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "debugData" => self.data(cursor)?,
        });
        Ok(())
    }

    // The order of these differs from type to type; this is the one of a sign-in.
    fn data(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        members!(cursor, {
            "factor" => cursor.take(&mut self.factor)?,
            "pushOnlyResponseType" => cursor.take(&mut self.push_response)?,
            "pushWithNumberChallengeResponseType" => cursor.take(&mut self.number_response)?,
            "requestId" => cursor.skip()?,
            "dtHash" => cursor.take(&mut self.token_hash)?,
            "risk" => cursor.take(&mut self.risk)?,
            "requestUri" => cursor.skip()?,
            "threatSuspected" => self.is_threat = cursor.flag()?,
            "url" => cursor.skip()?,
            "authnRequestId" => cursor.skip()?,
            "deviceFingerprint" => cursor.take(&mut self.fingerprint)?,
            "traceId" => cursor.skip()?,
            "behaviors" => cursor.take(&mut self.behaviors)?,
            "logOnlySecurityData" => cursor.take(&mut self.log_only)?,
            "privilegeGranted" => cursor.take(&mut self.privilege)?,
            "changedAttributes" => cursor.take(&mut self.changed)?,
            "suspiciousActivityEventType" => cursor.take(&mut self.suspicious.kind)?,
            "suspiciousActivityEventIp" => cursor.take(&mut self.suspicious.ip)?,
            "suspiciousActivityEventCity" => cursor.take(&mut self.suspicious.city)?,
            "suspiciousActivityEventState" => cursor.take(&mut self.suspicious.state)?,
            "suspiciousActivityEventCountry" => cursor.take(&mut self.suspicious.country)?,
            "suspiciousActivityEventTransactionId" => {
                cursor.take(&mut self.suspicious.transaction)?;
            },
            "suspiciousActivityOs" => cursor.take(&mut self.suspicious.os)?,
            "suspiciousActivityBrowser" => cursor.take(&mut self.suspicious.browser)?,
        });
        Ok(())
    }
}

impl<'a> Targets<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        *self = Self::default();
        cursor.array(|cursor| {
            let mut target = Who::default();
            target.read(cursor)?;
            if self.changes.is_empty() && target.changes.starts_with('{') {
                self.changes = target.changes;
            }
            let slot = if target.kind.is("User") {
                self.user.get_or_insert(target);
                return Ok(());
            } else if target.kind.is("AppInstance") {
                &mut self.app
            } else if target.kind.is("AuthenticatorEnrollment") {
                &mut self.enrollment
            } else {
                &mut self.other
            };
            if slot.kind.is_empty() {
                *slot = target;
            }
            Ok(())
        })
    }
}
