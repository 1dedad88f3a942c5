//! What a glance at a line tells, without reading it.

use std::ops::Range;

use memchr::memmem;
use pushback_model::{EventKind, Source, Timestamp};

use super::event::hand_over;
use super::fields::Fields;
use super::types::Meaning;
use super::{KEY, meaning_of};
use crate::json::{Cursor, Raw};
use crate::{Mapping, Read, Sink};

/// The needles of the prefilter, prepared once.
#[derive(Clone, Debug)]
pub(crate) struct Prefilter {
    key: memmem::Finder<'static>,
    escape: memmem::Finder<'static>,
    fingerprint: Key,
    hash: Key,
    uuid: Key,
}

impl Default for Prefilter {
    fn default() -> Self {
        Self {
            key: memmem::Finder::new(KEY),
            escape: memmem::Finder::new(br"\u"),
            fingerprint: Key::new(r#""deviceFingerprint":""#),
            hash: Key::new(r#""dtHash":""#),
            uuid: Key::new(r#","uuid":""#),
        }
    }
}

impl Prefilter {
    /// Handles a line that a glance is enough for; nothing if it has to be read.
    ///
    // SECURITY: a line may be passed over only if no reading of it could give another event. Text that
    // could spell the key by escapes, an event type quoted inside a string, a second event type of
    // another meaning anywhere: each of them sends the line to the reader. Guarded by
    // `the_prefilter_never_skips_a_line_that_holds_an_event` and
    // `the_gist_of_a_sign_on_is_what_the_reader_gives`.
    pub(crate) fn glance(
        &self,
        line: &[u8],
        mapping: &Mapping,
        sink: &mut Sink<'_>,
    ) -> Option<Read> {
        let meaning = self.meaning(line, mapping)?;
        if meaning == Meaning::Nothing {
            return Some(Read::Ignored(Source::Okta));
        }
        let fields = self.gist(simdutf8::basic::from_utf8(line).ok()?)?;
        let published = Timestamp::parse(&fields.published.text().ok()?).ok()?;
        let native = fields.event_type.text().ok()?;
        let has_event = hand_over(&fields, meaning, native, published, sink).ok()?;
        has_event.then_some(Read::Events(1))
    }

    /// Whether [`super::read`] would ignore this line.
    pub(crate) fn is_ignorable(&self, line: &[u8], mapping: &Mapping) -> bool {
        self.meaning(line, mapping) == Some(Meaning::Nothing)
    }

    /// Whether a glance is enough for a line of this content, if it has the form that Okta writes.
    pub(crate) fn is_enough(&self, line: &[u8], mapping: &Mapping) -> bool {
        self.meaning(line, mapping).is_some()
    }

    /// The one meaning that a line can have: nothing, or that of a single sign-on.
    fn meaning(&self, line: &[u8], mapping: &Mapping) -> Option<Meaning> {
        if !begins_like_an_event(line) {
            return None;
        }
        let mut only = None;
        for at in self.key.find_iter(line) {
            let (before, rest) = line.split_at_checked(at)?;
            let value = value_after_key(rest.get(KEY.len()..)?)?;
            let meaning = meaning_of(value, mapping)?;
            let is_handled =
                matches!(meaning, Meaning::Nothing | Meaning::SignIn(EventKind::SessionUsed, _));
            let is_only = only.is_none_or(|other| other == meaning && meaning == Meaning::Nothing);
            if before.last() != Some(&b'"') || !is_handled || !is_only {
                return None;
            }
            only = Some(meaning);
        }
        if self.escape.find(line).is_some() { None } else { only }
    }
}

impl Prefilter {
    /// What detection asks of a successful single sign-on in the form in which Okta writes it: members in
    /// their order, without blanks. Nothing for any other form, which is the reader's.
    ///
    /// The second half of such a record, which is the longer one, is searched for two members and not read:
    /// application, transaction and the vendor's opinion of the risk stay empty.
    fn gist<'l>(&self, line: &'l str) -> Option<Fields<'l>> {
        let mut f = Fields::default();
        let mut cursor = Cursor::new(line);
        let at = &mut cursor;
        f.actor.id = after(at, r#"{"actor":{"id":"#)?;
        f.actor.kind = after(at, r#","type":"#)?;
        f.actor.alternate_id = after(at, r#","alternateId":"#)?;
        f.actor.display_name = after(at, r#","displayName":"#)?;
        f.client.agent =
            after(at, r#","detailEntry":null},"client":{"userAgent":{"rawUserAgent":"#)?;
        f.client.os = after(at, r#","os":"#)?;
        f.client.browser = after(at, r#","browser":"#)?;
        after(at, r#"},"zone":"#)?;
        after(at, r#","device":"#)?;
        after(at, r#","id":"#)?;
        f.client.ip = after(at, r#","ipAddress":"#)?;
        f.client.city = after(at, r#","geographicalContext":{"city":"#)?;
        f.client.state = after(at, r#","state":"#)?;
        f.client.country = after(at, r#","country":"#)?;
        after(at, r#","postalCode":"#)?;
        f.client.latitude = after(at, r#","geolocation":{"lat":"#)?;
        f.client.longitude = after(at, r#","lon":"#)?;
        after(at, r#"}}},"device":null,"authenticationContext":{"authenticationProvider":"#)?;
        after(at, r#","credentialProvider":"#)?;
        after(at, r#","credentialType":"#)?;
        after(at, r#","issuer":"#)?;
        after(at, r#","interface":"#)?;
        after(at, r#","authenticationStep":"#)?;
        f.root_session = after(at, r#","rootSessionId":"#)?;
        f.session = after(at, r#","externalSessionId":"#)?;
        f.message = after(at, r#"},"displayMessage":"#)?;
        f.event_type = after(at, r#","eventType":"#)?;
        f.result = after(at, r#","outcome":{"result":"#)?;
        f.reason = after(at, r#","reason":"#)?;
        f.published = after(at, r#"},"published":"#)?;
        f.network.number = after(at, r#","securityContext":{"asNumber":"#)?;
        f.network.name = after(at, r#","asOrg":"#)?;
        after(at, r#","isp":"#)?;
        after(at, r#","domain":"#)?;
        if !at.is_at(br#","isProxy":"#) {
            return None;
        }
        f.network.is_proxy = at.flag().ok()?;
        // Somebody who acts for another, and an outcome that is none, are the reader's.
        if !f.actor.kind.is("User") || !f.result.is("SUCCESS") {
            return None;
        }
        // The reader prefers the fingerprint too. Without one it takes the hash that stands before it.
        let second = at.at();
        let device = self.fingerprint.after(line, second);
        let uuid = self.uuid.after(line, device.as_ref().map_or(second, |text| text.end))?;
        match device {
            Some(device) => f.debug.fingerprint = Raw::part(line, device)?,
            None => {
                if let Some(hash) = self.hash.after(line.get(..uuid.start)?, second) {
                    f.debug.token_hash = Raw::part(line, hash)?;
                }
            }
        }
        f.uuid = Raw::part(line, uuid)?;
        Some(f)
    }
}

/// A key with its quotes, and the quote of the text behind it.
#[derive(Clone, Debug)]
struct Key(memmem::Finder<'static>);

impl Key {
    fn new(key: &'static str) -> Self {
        Self(memmem::Finder::new(key))
    }

    /// Where the text lies that follows the first such key behind `from`, up to its quote.
    //
    // A quote inside a text is escaped, so that no text can hold a key with its quotes.
    fn after(&self, line: &str, from: usize) -> Option<Range<usize>> {
        let rest = line.as_bytes().get(from..)?;
        let start = from + self.0.find(rest)? + self.0.needle().len();
        let text = line.as_bytes().get(start..)?;
        let length = memchr::memchr2(b'"', b'\\', text)?;
        (text.get(length) == Some(&b'"')).then_some(start..start + length)
    }
}

/// The text that stands behind a key, if the key stands here.
#[inline(always)]
fn after<'l>(cursor: &mut Cursor<'l>, key: &str) -> Option<Raw<'l>> {
    if cursor.is_at(key.as_bytes()) { cursor.scalar().ok() } else { None }
}

/// Whether the first member is one that Okta's events have at their top level: then the line is one
/// event and not a wrapper that could hold a second one, of another vendor.
fn begins_like_an_event(line: &[u8]) -> bool {
    const FIRST: &[&[u8]] = &[
        b"actor\"",
        b"uuid\"",
        b"published\"",
        b"eventType\"",
        b"client\"",
        b"device\"",
        b"authenticationContext\"",
        b"displayMessage\"",
        b"outcome\"",
        b"securityContext\"",
        b"severity\"",
        b"debugContext\"",
        b"legacyEventType\"",
        b"transaction\"",
        b"request\"",
        b"target\"",
    ];
    let Some(rest) = line.trim_ascii_start().strip_prefix(b"{") else { return false };
    let Some(rest) = rest.trim_ascii_start().strip_prefix(b"\"") else { return false };
    FIRST.iter().any(|key| rest.starts_with(key))
}

/// The string after `eventType`, if what follows is `" : "value"`.
fn value_after_key(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"\"")?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', rest)?;
    // A text with a backslash is left to the reader.
    rest.get(..end).filter(|_| rest.get(end) == Some(&b'"'))
}

#[cfg(test)]
mod tests {
    use pushback_model::EventKind;

    use crate::Reader;
    use crate::testing::{glance_with, read_all};

    /// A single sign-on in the members and the order that Okta writes.
    fn sign_on() -> String {
        let place = r#"{"city":"Springfield","state":"Oregon","country":"United States","postalCode":"97477","geolocation":{"lat":44.05,"lon":-123.02}}"#;
        let actor = r#"{"id":"00u1","type":"User","alternateId":"alice@example.org","displayName":"Alice","detailEntry":null}"#;
        format!(
            concat!(
                r#"{{"actor":{actor},"client":{{"userAgent":{{"rawUserAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0","os":"Linux","browser":"FIREFOX"}},"zone":"null","device":"Computer","id":null,"ipAddress":"203.0.113.7","geographicalContext":{place}}},"#,
                r#""device":null,"authenticationContext":{{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"issuer":null,"interface":null,"authenticationStep":0,"rootSessionId":"idx1","externalSessionId":"idx2"}},"#,
                r#""displayMessage":"User single sign on to app","eventType":"user.authentication.sso","outcome":{{"result":"SUCCESS","reason":null}},"published":"2026-01-31T09:30:00.000Z","#,
                r#""securityContext":{{"asNumber":64500,"asOrg":"example net","isp":"example net","domain":"example.net","isProxy":false}},"severity":"INFO","#,
                r#""debugContext":{{"debugData":{{"requestId":"r1","dtHash":"hash","risk":"{{level=LOW}}","deviceFingerprint":"print"}}}},"#,
                r#""legacyEventType":"app.auth.sso","transaction":{{"type":"WEB","id":"t1","detail":{{}}}},"uuid":"u1","version":"0","request":{{"ipChain":[{{"ip":"203.0.113.7","geographicalContext":{place},"version":"V4","source":null}}]}},"#,
                r#""target":[{{"id":"0oa1","type":"AppInstance","alternateId":"Mail","displayName":"Mail","detailEntry":null}}]}}"#,
            ),
            actor = actor,
            place = place,
        )
    }

    // Each reading compares the glance with the reader, see `read_with`.

    #[test]
    fn the_gist_of_a_sign_on_is_what_the_reader_gives() {
        let reader = Reader::default();
        let ordinary = sign_on();
        let (_, events) = glance_with(&reader, &ordinary).expect("a glance is enough");
        assert_eq!(events[0].kind, EventKind::SessionUsed);
        assert_eq!(events[0].requester.device, "print");
        for (from, to) in [
            ("", ""),
            (r#""deviceFingerprint":"print""#, r#""traceId":"x""#),
            (r#""dtHash":"hash""#, r#""traceId":"x""#),
            (r#""reason":null"#, r#""reason":"Sign-on policy evaluation""#),
            (r#""isProxy":false"#, r#""isProxy":true"#),
            (r#""isProxy":false"#, r#""isProxy":null"#),
            (r#""asNumber":64500,"asOrg":"example net""#, r#""asNumber":null,"asOrg":null"#),
            (r#""lat":44.05,"lon":-123.02"#, r#""lat":null,"lon":null"#),
            ("203.0.113.7", "2001:db8::7"),
            ("Alice", r#"Al \"ice\", \"ipAddress\":\"192.0.2.1"#),
            ("Mozilla/5.0", r#"\"uuid\":\"no\" Mozilla/5.0"#),
        ] {
            let record = ordinary.replace(from, to);
            assert!(glance_with(&reader, &record).is_some(), "{to}");
            let _ = read_all(&record);
        }
    }

    #[test]
    fn a_glance_leaves_every_other_form_to_the_reader() {
        let reader = Reader::default();
        let ordinary = sign_on();
        for (from, to) in [
            ("\"result\":\"SUCCESS\"", "\"result\":\"DENY\""),
            ("\"result\":\"SUCCESS\"", "\"result\":\"FAILURE\""),
            ("\"type\":\"User\"", "\"type\":\"SystemPrincipal\""),
            ("\"device\":null", "\"device\":{\"id\":\"guo1\"}"),
            ("\"uuid\":\"u1\",", ""),
            (",\"uuid\"", ", \"uuid\""),
            ("user.authentication.sso", "user.session.start"),
            ("Alice", r"Al\u0069ce"),
            ("\"requestId\":\"r1\"", "\"eventType\":\"user.authentication.sso\""),
            ("\"requestId\":\"r1\"", "\"eventType\":\"policy.evaluate_sign_on\""),
            ("2026-01-31T09:30:00.000Z", "yesterday"),
            ("\"zone\":\"null\",", ""),
        ] {
            let record = ordinary.replacen(from, to, 1);
            assert_ne!(record, ordinary, "{from}");
            assert_eq!(glance_with(&reader, &record), None, "{to}");
            let _ = read_all(&record);
        }
    }
}
