//! The compact form of an identity event that detection works on.

use pushback_model::{EventKind, Factor, Key, Source, Timestamp};

/// Where a record's bytes are, so that its text can be read again when somebody asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which input, in the order they were opened.
    pub input: u32,
    /// Length of the record in bytes.
    pub length: u32,
    /// Byte offset in the (decompressed) input.
    pub offset: u64,
}

/// One end of a sign-in, as keys: enough to tell the known from the strange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The address: an IPv4 address as a number below 2^32, a key for IPv6; 0 if not logged.
    pub ip: Key,
    /// The surrounding network (IPv4 /24, IPv6 /48), as a short key; 0 if not logged.
    pub network: u32,
    /// The autonomous system; 0 if not logged.
    pub asn: u32,
    /// City and region, as a short key; 0 if not logged.
    pub city: u32,
    /// Latitude and longitude in hundredths of a degree (about 1.1 km); `i16::MIN` if not logged.
    pub latitude: i16,
    /// See `latitude`.
    pub longitude: i16,
    /// The country: two ASCII letters, or a key if the name is not known; 0 if not logged.
    pub country: u16,
}

/// What [`Record::flags`] can hold.
pub mod flag {
    /// The requester's network is known to the vendor as a proxy, VPN or relay.
    pub const PROXY: u16 = 1;
    /// The requester's network belongs to a hosting or VPN provider, by its name.
    pub const HOSTING: u16 = 1 << 1;
    /// The requester's device is managed.
    pub const MANAGED: u16 = 1 << 2;
    /// The vendor calls the risk medium.
    pub const RISK_MEDIUM: u16 = 1 << 3;
    /// The vendor calls the risk high.
    pub const RISK_HIGH: u16 = 1 << 4;
    /// Somebody else than the subscriber did it.
    pub const BY_OTHER: u16 = 1 << 5;
    /// The network is one that the policy calls quiet: a penetration test, a monitor.
    pub const QUIET: u16 = 1 << 6;
    /// The network is the organisation's own, by policy.
    pub const EGRESS: u16 = 1 << 7;
    /// The browser runs on a phone or tablet.
    pub const MOBILE: u16 = 1 << 8;
    /// A record of this kind names the device where there is one.
    pub const NAMES_DEVICE: u16 = 1 << 9;
    /// A mail rule that neither hides mail nor sends it on.
    pub const PLAIN_RULE: u16 = 1 << 10;
    /// A library or a browser without a window asked.
    pub const SCRIPT: u16 = 1 << 11;
    /// Tells what was read or sent, and where from; it is no sign-in and teaches no habit.
    pub const CONTENT: u16 = 1 << 12;
    /// Safari behind Apple's Private Relay: a home line with an address that changes all the time.
    pub const RELAY: u16 = 1 << 13;
    /// A commercial VPN comes out there.
    pub const VPN: u16 = 1 << 14;
    /// A file or mail that was opened by itself. A person's history keeps it on the one that completes a
    /// burst.
    pub const TAKEN: u16 = 1 << 15;
}

/// One identity event of fixed size (see `Record::BYTES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub at: Timestamp,
    /// The subscriber, by the strongest name in the record, then by [`crate::Resolver`].
    pub who: Key,
    /// The vendor's id of the record.
    pub id: Key,
    /// Tells events of one record apart.
    pub part: u32,
    /// What happened.
    pub kind: EventKind,
    /// With what.
    pub factor: Factor,
    /// Logged by whom.
    pub source: Source,
    /// See [`flag`].
    pub flags: u16,
    /// Where it was asked for.
    pub requester: Place,
    /// Where it was answered; all zero if not logged.
    pub responder: Place,
    /// A device that keeps its id across networks; 0 if not logged.
    pub device: Key,
    /// Operating system and browser family without versions.
    pub family: u32,
    /// The exact user agent.
    pub agent: u32,
    /// The application.
    pub app: u32,
    /// The session.
    pub session: Key,
    /// The vendor's correlation of one attempt.
    pub transaction: Key,
    /// Who did it, if not the subscriber.
    pub actor: Key,
    /// Where to read it again.
    pub position: Position,
}

impl Record {
    /// Size of [`Record::to_bytes`].
    pub const BYTES: usize = 145;

    /// The record as bytes of fixed length, for a spill file.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        let mut writer = Writer(&mut out);
        writer.put(self.at.as_millis().to_le_bytes());
        for key in [self.who, self.id, self.device, self.session, self.transaction, self.actor] {
            writer.put(key.to_le_bytes());
        }
        for place in [&self.requester, &self.responder] {
            writer.put(place.ip.to_le_bytes());
            writer.put(place.network.to_le_bytes());
            writer.put(place.asn.to_le_bytes());
            writer.put(place.city.to_le_bytes());
            writer.put(place.latitude.to_le_bytes());
            writer.put(place.longitude.to_le_bytes());
            writer.put(place.country.to_le_bytes());
        }
        for number in [
            self.part,
            self.family,
            self.agent,
            self.app,
            self.position.input,
            self.position.length,
        ] {
            writer.put(number.to_le_bytes());
        }
        writer.put(self.position.offset.to_le_bytes());
        writer.put(self.flags.to_le_bytes());
        writer.put([self.kind as u8, self.factor as u8, self.source as u8]);
        out
    }

    /// Reads [`Record::to_bytes`] back; `None` if the bytes are not a record.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let at = Timestamp::from_millis(i64::from_le_bytes(reader.take()?));
        let mut key = || reader.take().map(u64::from_le_bytes);
        let (who, id, device, session, transaction, actor) =
            (key()?, key()?, key()?, key()?, key()?, key()?);
        let mut place = || {
            Some(Place {
                ip: u64::from_le_bytes(reader.take()?),
                network: u32::from_le_bytes(reader.take()?),
                asn: u32::from_le_bytes(reader.take()?),
                city: u32::from_le_bytes(reader.take()?),
                latitude: i16::from_le_bytes(reader.take()?),
                longitude: i16::from_le_bytes(reader.take()?),
                country: u16::from_le_bytes(reader.take()?),
            })
        };
        let (requester, responder) = (place()?, place()?);
        let mut number = || reader.take().map(u32::from_le_bytes);
        let (part, family, agent, app, input, length) =
            (number()?, number()?, number()?, number()?, number()?, number()?);
        let offset = u64::from_le_bytes(reader.take()?);
        let flags = u16::from_le_bytes(reader.take()?);
        let [kind, factor, source] = reader.take::<3>()?;
        Some(Self {
            at,
            who,
            id,
            part,
            kind: *EventKind::ALL.get(usize::from(kind))?,
            factor: *Factor::ALL.get(usize::from(factor))?,
            source: *Source::ALL.get(usize::from(source))?,
            flags,
            requester,
            responder,
            device,
            family,
            agent,
            app,
            session,
            transaction,
            actor,
            position: Position { input, length, offset },
        })
    }

    /// Puts the record under the names that its people go by.
    pub fn resolve(&mut self, resolver: &crate::Resolver) {
        self.who = resolver.canonical(self.source, self.who);
        if self.actor != 0 {
            self.actor = resolver.canonical(self.source, self.actor);
            if self.actor == self.who {
                self.actor = 0;
                self.flags &= !flag::BY_OTHER;
            }
        }
    }

    /// Whether a flag is set.
    #[must_use]
    pub const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// The order of detection: by subscriber, then time; the rest only makes it total.
    #[must_use]
    pub const fn order(&self) -> (Key, Timestamp, Key, u32, EventKind, Position) {
        (self.who, self.at, self.id, self.part, self.kind, self.position)
    }
}

impl Default for Place {
    fn default() -> Self {
        Self {
            ip: 0,
            network: 0,
            asn: 0,
            city: 0,
            latitude: i16::MIN,
            longitude: i16::MIN,
            country: 0,
        }
    }
}

impl Place {
    /// Whether the address was logged.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.ip != 0
    }

    /// The point, in degrees, if logged.
    #[must_use]
    pub fn coordinates(&self) -> Option<pushback_model::Coordinates> {
        (self.latitude != i16::MIN && self.longitude != i16::MIN).then(|| {
            pushback_model::Coordinates {
                latitude: f64::from(self.latitude) / 100.0,
                longitude: f64::from(self.longitude) / 100.0,
            }
        })
    }
}

struct Writer<'a>(&'a mut [u8]);

impl Writer<'_> {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        let rest = std::mem::take(&mut self.0);
        if let Some((head, tail)) = rest.split_first_chunk_mut::<N>() {
            *head = bytes;
            self.0 = tail;
        } else {
            debug_assert!(false, "Record::BYTES is too small");
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use pushback_model::{Endpoint, IdentityEvent};

    use super::*;
    use crate::Intake;

    #[test]
    fn a_record_survives_the_spill_file() {
        let mut event = IdentityEvent::new(
            Source::Windows,
            EventKind::AccountDisabled,
            Timestamp::from_millis(-5),
        );
        event.id = "id".into();
        event.part = 3;
        event.subscriber.name = "alice@example.org".into();
        event.requester = Endpoint { ip: "203.0.113.7".into(), asn: 64_500, ..Default::default() };
        event.responder = Some(Endpoint { country: "Atlantis".into(), ..Default::default() });
        let position = Position { input: 1, length: 2, offset: u64::MAX };
        let record = Intake::default().take(&event, position);
        let bytes = record.to_bytes();
        assert_eq!(Record::from_bytes(&bytes), Some(record));
        assert_eq!(Record::from_bytes(&bytes[1..]), None);
    }
}
