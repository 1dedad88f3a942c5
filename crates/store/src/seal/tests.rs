use std::os::unix::fs::PermissionsExt as _;

use super::*;

const PLACE: Place<'_> = Place { table: "documents", column: "body", row: &["prompt", "prm_1"] };

#[test]
fn a_value_opens_only_with_its_key_in_its_place_and_unaltered() {
    let ring = Keyring::generate().unwrap();
    let sealed = ring.seal(PLACE, b"the secret").unwrap();
    assert_eq!(ring.unseal(PLACE, &sealed).unwrap(), b"the secret");
    for place in [
        Place { table: "outbox", ..PLACE },
        Place { column: "payload", ..PLACE },
        Place { row: &["prompt", "prm_2"], ..PLACE },
        Place { row: &["promptprm_1"], ..PLACE },
        Place { row: &["promptp", "rm_1"], ..PLACE },
    ] {
        assert!(matches!(ring.unseal(place, &sealed), Err(SealError::Refused)), "{place:?}");
    }
    let other = Keyring::generate().unwrap();
    assert!(matches!(other.unseal(PLACE, &sealed), Err(SealError::Refused)));
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(ring.unseal(PLACE, &altered).is_err(), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert!(ring.unseal(PLACE, &sealed[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn the_same_bytes_never_look_the_same_sealed() {
    let ring = Keyring::generate().unwrap();
    let (one, two) = (ring.seal(PLACE, b"x").unwrap(), ring.seal(PLACE, b"x").unwrap());
    assert_ne!(one[HEADER_BYTES..], two[HEADER_BYTES..]);
    assert!(!one.windows(1).all(|w| w == b"x"));
}

#[test]
fn after_a_rotation_the_new_key_seals_and_the_old_one_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let old = Keyring::create(&path).unwrap();
    let sealed = old.seal(PLACE, b"x").unwrap();
    let new = Keyring::rotate(&path).unwrap();
    assert_eq!((old.newest(), new.newest()), (1, 2));
    assert_eq!(new.unseal(PLACE, &sealed).unwrap(), b"x");
    let sealed = new.seal(PLACE, b"y").unwrap();
    assert_eq!(key_id(&sealed), Some(2));
    assert_eq!(Keyring::open(&path).unwrap().unseal(PLACE, &sealed).unwrap(), b"y");
    assert!(matches!(old.unseal(PLACE, &sealed), Err(SealError::UnknownKey { id: 2 })));
}

#[test]
fn a_key_file_is_made_for_its_owner_alone_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    Keyring::create(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(Keyring::create(&path).is_err());
    Keyring::rotate(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    Keyring::create(&path).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o601] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = Keyring::open(&path).map(|_| ());
        assert!(
            matches!(refused, Err(SealError::File(PrivateFileError::Shared { .. }))),
            "{mode:o}"
        );
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(Keyring::open(&path).is_ok());
}

#[test]
fn a_key_file_says_where_it_is_wrong() {
    let path = Path::new("keys");
    let key = "ab".repeat(32);
    let parse = |text: &str| Keyring::parse(path, text).map(|ring| ring.newest());
    assert_eq!(parse(&format!("# c\n\n7 {key}\n3 {key}\n")).unwrap(), 7);
    assert!(matches!(parse(&format!("1 {key}\n2 ab\n")), Err(SealError::Syntax { line: 2, .. })));
    assert!(matches!(parse(&format!("1 {key}\n1 {key}\n")), Err(SealError::Keys { .. })));
    assert!(matches!(parse("# nothing\n"), Err(SealError::Keys { .. })));
}

#[test]
fn a_keyring_does_not_show_its_keys() {
    let ring = Keyring::generate().unwrap();
    assert_eq!(format!("{ring:?}"), "Keyring { keys: \"***\", newest: 1 }");
}
