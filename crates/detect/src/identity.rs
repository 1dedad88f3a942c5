//! Who is who: one person behind the names that several products use.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use pushback_model::{Key, Party, Source, key_of, key_of_parts};

/// The stronger names that a weaker one may stand for. Two are enough to know it for ambiguous; the
/// two smallest are kept, so that the outcome does not depend on the order. 0 is "none".
#[derive(Clone, Copy, Debug, Default)]
struct Candidates(Key, Key);

impl Candidates {
    fn add(&mut self, key: Key) {
        if key == 0 || key == self.0 || key == self.1 {
            return;
        }
        let mut three = [self.0, self.1, key].map(|k| if k == 0 { Key::MAX } else { k });
        three.sort_unstable();
        let [a, b, _] = three;
        *self = Self(a, if b == Key::MAX { 0 } else { b });
    }

    const fn has(self, key: Key) -> bool {
        key != 0 && (self.0 == key || self.1 == key)
    }

    const fn only(self) -> Option<Key> {
        if self.0 != 0 && self.1 == 0 { Some(self.0) } else { None }
    }
}

/// The names met in records, and which of them were met together.
///
/// Strength of a name: a mail-like login, then a bare login, then a vendor's opaque id. A record
/// goes under its strongest name; a weaker name beside it points to the stronger.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// Weaker key -> the stronger keys it was seen with.
    stronger: KeyMap<Candidates>,
    /// Key of a bare login -> keys of mail logins with that local part.
    local_parts: KeyMap<Candidates>,
    /// Mail logins already noted.
    mails: KeyMap<()>,
}

/// A map whose keys are hashes already, which nobody can aim. It is never walked in an order that
/// matters.
type KeyMap<V> = HashMap<Key, V, BuildHasherDefault<AsItIs>>;

/// Takes a key for its own hash.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Maps every name to the one its person goes by.
#[derive(Debug, Default)]
pub struct Resolver {
    canonical: KeyMap<Key>,
    /// What the alias map says of one vendor's names alone.
    of_source: BTreeMap<(Source, Key), Key>,
}

/// An entry of the alias map (`alias.csv`: canonical, vendor, id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name the person goes by, lower-cased.
    pub canonical: String,
    /// The vendor that uses the other name; `None` for any.
    pub source: Option<Source>,
    /// The other name.
    pub id: String,
}

/// A login without its Windows domain, lower-cased.
fn login(name: &str) -> String {
    let bare = name.rsplit_once('\\').map_or(name, |(_, bare)| bare);
    lowered(bare.trim())
}

/// A name in small letters. The Kelvin sign stays what it is: of all letters outside ASCII it alone has a
/// small one inside, and would make somebody else's name of it.
// SECURITY: whoever can choose a name at one vendor must not get the records of another person's. Guarded by
// `a_letter_that_only_looks_like_ones_name_is_another_name`.
pub(crate) fn lowered(name: &str) -> String {
    const KELVIN: &str = "\u{212a}";
    if name.contains(KELVIN) {
        let parts: Vec<String> = name.split(KELVIN).map(str::to_lowercase).collect();
        return parts.join(KELVIN);
    }
    name.to_lowercase()
}

fn has_at(text: &str) -> bool {
    // Without an early end the compiler looks at many bytes at a time.
    text.bytes().fold(false, |has, byte| has | (byte == b'@'))
}

fn bare_key(login: &str) -> Key {
    key_of_parts(&["login", login])
}

fn id_key(source: &str, id: &str) -> Key {
    key_of_parts(&["id", source, id])
}

impl Claims {
    /// Notes the names of somebody and returns the key they go under; 0 for nobody.
    pub fn observe(&mut self, source: Source, party: &Party<'_>) -> Key {
        let Party { name, mail, id } = party;
        let id = if id.is_empty() { 0 } else { id_key(source.name(), id) };
        let strongest = if has_at(name) {
            self.observe_mail(name, id)
        } else if has_at(mail) {
            let strongest = self.observe_mail(mail, id);
            if !name.is_empty() {
                self.point(bare_key(&login(name)), strongest);
            }
            strongest
        } else if name.is_empty() {
            0
        } else {
            let bare = bare_key(&login(name));
            if id != 0 {
                self.point(id, bare);
            }
            bare
        };
        if strongest == 0 { id } else { strongest }
    }

    /// Notes a mail login beside an id, 0 for none, and returns the login's key.
    fn observe_mail(&mut self, address: &str, id: Key) -> Key {
        // Without an early end the compiler looks at many bytes at a time.
        let is_lower = address.bytes().fold(true, |is_lower, b| {
            is_lower & !(b.is_ascii_uppercase() | (b == b'\\') | !b.is_ascii())
        });
        let address = if is_lower { Cow::Borrowed(address) } else { Cow::Owned(login(address)) };
        let key = key_of(&address);
        // An id that points to a login was met with it, and the login was noted then.
        if id == 0 || !self.stronger.get(&id).is_some_and(|known| known.has(key)) {
            self.note_mail(key, &address);
            if id != 0 && key != 0 {
                self.point(id, key);
            }
        }
        key
    }

    fn note_mail(&mut self, key: Key, address: &str) {
        if self.mails.insert(key, ()).is_some() {
            return;
        }
        if let Some((local, _)) = address.split_once('@') {
            self.local_parts.entry(bare_key(local)).or_default().add(key);
        }
    }

    fn point(&mut self, weak: Key, strong: Key) {
        if weak != strong {
            self.stronger.entry(weak).or_default().add(strong);
        }
    }

    /// Adds what another thread noted.
    pub fn merge(&mut self, other: Self) {
        for (weak, strong) in other.stronger {
            let into = self.stronger.entry(weak).or_default();
            into.add(strong.0);
            into.add(strong.1);
        }
        for (bare, mails) in other.local_parts {
            let into = self.local_parts.entry(bare).or_default();
            into.add(mails.0);
            into.add(mails.1);
        }
        self.mails.extend(other.mails);
    }

    /// Decides for every name whom it stands for.
    ///
    /// The alias map wins; then what records say beside each other; then a bare login joins the
    /// one mail login with that local part. A name with two candidates joins neither.
    #[must_use]
    pub fn resolve(self, aliases: &[Alias]) -> Resolver {
        let mut canonical = KeyMap::default();
        for (bare, mails) in &self.local_parts {
            if let Some(mail) = mails.only() {
                canonical.insert(*bare, mail);
            }
        }
        for (weak, strong) in &self.stronger {
            match strong.only() {
                Some(only) => canonical.insert(*weak, only),
                None => canonical.remove(weak),
            };
        }
        let mut of_source = BTreeMap::new();
        for alias in aliases {
            let to = key_of(&lowered(&alias.canonical));
            let lower = login(&alias.id);
            let logins = [key_of(&lower), bare_key(&lower)].into_iter().filter(|key| *key != to);
            let id = |source: Source| id_key(source.name(), &alias.id);
            match alias.source {
                // Another vendor may call somebody else by the same login.
                Some(source) => {
                    of_source.extend(logins.map(|key| ((source, key), to)));
                    canonical.insert(id(source), to);
                }
                None => canonical.extend(logins.chain(Source::ALL.map(id)).map(|key| (key, to))),
            }
        }
        Resolver { canonical, of_source }
    }

    /// How many distinct names were met.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mails.len() + self.stronger.len()
    }

    /// Whether no name was met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Resolver {
    /// The key that the person goes by whom this vendor calls by this name.
    #[must_use]
    pub fn canonical(&self, source: Source, key: Key) -> Key {
        // An opaque id may lead to a bare login and that to a mail login: at most two steps, and a
        // third for an alias.
        let mut key = key;
        for _ in 0..3 {
            let own = self.of_source.get(&(source, key));
            match own.or_else(|| self.canonical.get(&key)) {
                Some(next) if *next != key => key = *next,
                _ => break,
            }
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(claims: &mut Claims, source: Source, name: &str, mail: &str, id: &str) -> Key {
        claims.observe(source, &Party { name: name.into(), mail: mail.into(), id: id.into() })
    }

    #[test]
    fn a_domain_login_joins_the_one_mail_login_with_its_local_part() {
        let mut claims = Claims::default();
        let mail = seen(&mut claims, Source::Okta, "Alice@Example.org", "", "");
        let bare = seen(&mut claims, Source::Duo, "CORP\\alice", "", "");
        let resolver = claims.resolve(&[]);
        assert_eq!(resolver.canonical(Source::Duo, bare), resolver.canonical(Source::Okta, mail));
    }

    #[test]
    fn a_letter_that_only_looks_like_ones_name_is_another_name() {
        let mut claims = Claims::default();
        let kevin = seen(&mut claims, Source::Okta, "Kevin@example.org", "", "");
        assert_eq!(seen(&mut claims, Source::Okta, "KEVIN@example.org", "", ""), kevin);
        assert_ne!(seen(&mut claims, Source::Okta, "\u{212a}evin@example.org", "", ""), kevin);
        assert_eq!(lowered("\u{212a}EVIN \u{c4}"), "\u{212a}evin \u{e4}");
    }

    #[test]
    fn a_mail_met_again_beside_another_id_still_joins_them() {
        let mut claims = Claims::default();
        let mail = seen(&mut claims, Source::Okta, "alice@example.org", "", "00u1");
        for id in ["00u1", "00u2", "00u2"] {
            assert_eq!(seen(&mut claims, Source::Okta, "Alice@example.org", "", id), mail);
        }
        let ids = ["00u1", "00u2"].map(|id| seen(&mut claims, Source::Okta, "", "", id));
        let bare = seen(&mut claims, Source::Duo, "alice", "", "");
        let resolver = claims.resolve(&[]);
        for key in [ids[0], ids[1], bare] {
            assert_eq!(resolver.canonical(Source::Okta, key), mail);
        }
    }

    #[test]
    fn a_name_with_two_candidates_joins_neither() {
        let mut claims = Claims::default();
        let a = seen(&mut claims, Source::Okta, "alice@example.org", "", "");
        let b = seen(&mut claims, Source::Okta, "alice@example.net", "", "");
        let bare = seen(&mut claims, Source::Duo, "alice", "", "");
        let resolver = claims.resolve(&[]);
        assert_eq!(resolver.canonical(Source::Duo, bare), bare);
        assert_ne!(resolver.canonical(Source::Okta, a), resolver.canonical(Source::Okta, b));
    }

    #[test]
    fn the_mail_beside_a_login_and_the_alias_map_decide() {
        let mut claims = Claims::default();
        let strong = seen(&mut claims, Source::Duo, "asmith", "alice@example.org", "DU1");
        let bare = seen(&mut claims, Source::Duo, "asmith", "", "");
        let id = seen(&mut claims, Source::Duo, "", "", "DU1");
        let other = seen(&mut claims, Source::OneLogin, "", "", "4711");
        let resolver = claims.resolve(&[alias(Some(Source::OneLogin), "4711")]);
        for (source, key) in [(Source::Duo, bare), (Source::Duo, id), (Source::OneLogin, other)] {
            assert_eq!(resolver.canonical(source, key), strong);
        }
    }

    fn alias(source: Option<Source>, id: &str) -> Alias {
        Alias { canonical: "alice@example.org".into(), source, id: id.into() }
    }

    #[test]
    fn an_alias_of_one_vendor_says_nothing_of_another_and_one_of_any_of_all() {
        let meet = |claims: &mut Claims| {
            let alice = seen(claims, Source::Okta, "alice@example.org", "", "");
            let at_duo = seen(claims, Source::Duo, "asmith", "", "DU1");
            let at_okta = seen(claims, Source::Okta, "asmith", "", "");
            let by_id = seen(claims, Source::Auth0, "", "", "asmith");
            [alice, at_duo, at_okta, by_id]
        };
        let mut claims = Claims::default();
        let [alice, at_duo, at_okta, by_id] = meet(&mut claims);
        let one = claims.clone().resolve(&[alias(Some(Source::Duo), "asmith")]);
        assert_eq!(one.canonical(Source::Duo, at_duo), alice);
        assert_eq!(one.canonical(Source::Okta, at_okta), at_okta);
        assert_eq!(one.canonical(Source::Auth0, by_id), by_id);
        let any = claims.resolve(&[alias(None, "asmith")]);
        for (source, key) in
            [(Source::Duo, at_duo), (Source::Okta, at_okta), (Source::Auth0, by_id)]
        {
            assert_eq!(any.canonical(source, key), alice);
        }
    }
}
