//! The members of an event that matter, as they stand in the record.

use crate::json::{Cursor, Fault, Raw};

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
    pub(super) threat: Raw<'a>,
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

impl<'a> Fields<'a> {
    /// Reads them in one walk.
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let mut f = Self::default();
        cursor.object(|key, cursor| {
            match key {
                b"actor" => {
                    f.has_actor_or_uuid = true;
                    f.actor = who(cursor)?;
                }
                b"client" => f.client = client(cursor)?,
                b"device" => f.device = device(cursor)?,
                b"authenticationContext" => {
                    (f.session, f.root_session) = (Raw::default(), Raw::default());
                    cursor.object(|key, cursor| {
                        match key {
                            b"externalSessionId" => f.session = cursor.scalar()?,
                            b"rootSessionId" => f.root_session = cursor.scalar()?,
                            _ => cursor.skip()?,
                        }
                        Ok(())
                    })?;
                }
                b"displayMessage" => f.message = cursor.scalar()?,
                b"eventType" => f.event_type = cursor.scalar()?,
                b"outcome" => {
                    (f.result, f.reason) = (Raw::default(), Raw::default());
                    cursor.object(|key, cursor| {
                        match key {
                            b"result" => f.result = cursor.scalar()?,
                            b"reason" => f.reason = cursor.scalar()?,
                            _ => cursor.skip()?,
                        }
                        Ok(())
                    })?;
                }
                b"published" => f.published = cursor.scalar()?,
                b"securityContext" => f.network = network(cursor)?,
                b"debugContext" => f.debug = debug(cursor)?,
                b"transaction" => {
                    f.transaction = Raw::default();
                    cursor.object(|key, cursor| {
                        match key {
                            b"id" => f.transaction = cursor.scalar()?,
                            _ => cursor.skip()?,
                        }
                        Ok(())
                    })?;
                }
                b"uuid" => {
                    f.has_actor_or_uuid = true;
                    f.uuid = cursor.scalar()?;
                }
                b"target" => f.targets = targets(cursor)?,
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(f)
    }
}

fn who<'a>(cursor: &mut Cursor<'a>) -> Result<Who<'a>, Fault> {
    let mut who = Who::default();
    cursor.object(|key, cursor| {
        match key {
            b"id" => who.id = cursor.scalar()?,
            b"type" => who.kind = cursor.scalar()?,
            b"alternateId" => who.alternate_id = cursor.scalar()?,
            b"displayName" => who.display_name = cursor.scalar()?,
            b"detailEntry" => {
                who.method = Raw::default();
                cursor.object(|key, cursor| {
                    match key {
                        b"methodTypeUsed" => who.method = cursor.scalar()?,
                        _ => cursor.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"changeDetails" => who.changes = cursor.slice()?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(who)
}

fn client<'a>(cursor: &mut Cursor<'a>) -> Result<Client<'a>, Fault> {
    let mut c = Client::default();
    cursor.object(|key, cursor| {
        match key {
            b"ipAddress" => c.ip = cursor.scalar()?,
            b"userAgent" => {
                (c.agent, c.os, c.browser) = Default::default();
                cursor.object(|key, cursor| {
                    match key {
                        b"rawUserAgent" => c.agent = cursor.scalar()?,
                        b"os" => c.os = cursor.scalar()?,
                        b"browser" => c.browser = cursor.scalar()?,
                        _ => cursor.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"geographicalContext" => {
                (c.city, c.state, c.country) = Default::default();
                (c.latitude, c.longitude) = Default::default();
                cursor.object(|key, cursor| {
                    match key {
                        b"city" => c.city = cursor.scalar()?,
                        b"state" => c.state = cursor.scalar()?,
                        b"country" => c.country = cursor.scalar()?,
                        b"geolocation" => {
                            (c.latitude, c.longitude) = Default::default();
                            cursor.object(|key, cursor| {
                                match key {
                                    b"lat" => c.latitude = cursor.scalar()?,
                                    b"lon" => c.longitude = cursor.scalar()?,
                                    _ => cursor.skip()?,
                                }
                                Ok(())
                            })?;
                        }
                        _ => cursor.skip()?,
                    }
                    Ok(())
                })?;
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(c)
}

fn device<'a>(cursor: &mut Cursor<'a>) -> Result<Device<'a>, Fault> {
    let mut device = Device::default();
    cursor.object(|key, cursor| {
        match key {
            b"id" => device.id = cursor.scalar()?,
            b"name" => device.name = cursor.scalar()?,
            b"managed" => device.is_managed = cursor.flag()?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(device)
}

fn network<'a>(cursor: &mut Cursor<'a>) -> Result<Network<'a>, Fault> {
    let mut network = Network::default();
    cursor.object(|key, cursor| {
        match key {
            b"asNumber" => network.number = cursor.scalar()?,
            b"asOrg" => network.name = cursor.scalar()?,
            b"isProxy" => network.is_proxy = cursor.flag()?,
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    Ok(network)
}

fn debug<'a>(cursor: &mut Cursor<'a>) -> Result<Debug<'a>, Fault> {
    let mut d = Debug::default();
    cursor.object(|key, cursor| {
        if key != b"debugData" {
            return cursor.skip();
        }
        d = Debug::default();
        cursor.object(|key, cursor| {
            match key {
                b"factor" => d.factor = cursor.scalar()?,
                b"pushOnlyResponseType" => d.push_response = cursor.scalar()?,
                b"pushWithNumberChallengeResponseType" => d.number_response = cursor.scalar()?,
                b"deviceFingerprint" => d.fingerprint = cursor.scalar()?,
                b"dtHash" => d.token_hash = cursor.scalar()?,
                b"behaviors" => d.behaviors = cursor.scalar()?,
                b"risk" => d.risk = cursor.scalar()?,
                b"threatSuspected" => d.threat = cursor.scalar()?,
                b"logOnlySecurityData" => d.log_only = cursor.scalar()?,
                b"privilegeGranted" => d.privilege = cursor.scalar()?,
                b"changedAttributes" => d.changed = cursor.scalar()?,
                b"suspiciousActivityEventType" => d.suspicious.kind = cursor.scalar()?,
                b"suspiciousActivityEventIp" => d.suspicious.ip = cursor.scalar()?,
                b"suspiciousActivityEventCity" => d.suspicious.city = cursor.scalar()?,
                b"suspiciousActivityEventState" => d.suspicious.state = cursor.scalar()?,
                b"suspiciousActivityEventCountry" => d.suspicious.country = cursor.scalar()?,
                b"suspiciousActivityEventTransactionId" => {
                    d.suspicious.transaction = cursor.scalar()?;
                }
                b"suspiciousActivityOs" => d.suspicious.os = cursor.scalar()?,
                b"suspiciousActivityBrowser" => d.suspicious.browser = cursor.scalar()?,
                _ => cursor.skip()?,
            }
            Ok(())
        })
    })?;
    Ok(d)
}

fn targets<'a>(cursor: &mut Cursor<'a>) -> Result<Targets<'a>, Fault> {
    let mut targets = Targets::default();
    cursor.array(|cursor| {
        let target = who(cursor)?;
        if targets.changes.is_empty() {
            targets.changes = target.changes;
        }
        let slot = if target.kind.is("User") {
            targets.user.get_or_insert(target);
            return Ok(());
        } else if target.kind.is("AppInstance") {
            &mut targets.app
        } else if target.kind.is("AuthenticatorEnrollment") {
            &mut targets.enrollment
        } else {
            &mut targets.other
        };
        if slot.kind.is_empty() {
            *slot = target;
        }
        Ok(())
    })?;
    Ok(targets)
}
