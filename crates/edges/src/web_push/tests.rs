use std::time::Duration;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

// RFC 8291, section 5 and appendix A.
const UA_PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const UA_PUBLIC: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const AS_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
const PLAINTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
const MESSAGE: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc\
     InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS\
     gSxsj_Qulcy4a-fN";

#[test]
fn the_vector_of_rfc_8291_comes_out_byte_for_byte() {
    let salt = decode(SALT).try_into().unwrap();
    let with = OneTime::known(&decode(AS_PRIVATE), salt);
    let body = encrypt(PLAINTEXT, &phone("https://push.example.net/x"), with).unwrap();
    assert_eq!(BASE64_URL.encode(body), MESSAGE);
}

#[test]
fn only_the_phone_reads_a_message() {
    let body = encrypt(WAKE_UP, &phone("https://push.example.net/x"), OneTime::random().unwrap());
    assert_eq!(open(&body.unwrap()), WAKE_UP);
}

#[test]
fn no_two_messages_share_a_key_or_a_salt() {
    let phone = phone("https://push.example.net/x");
    let one = encrypt(WAKE_UP, &phone, OneTime::random().unwrap()).unwrap();
    let other = encrypt(WAKE_UP, &phone, OneTime::random().unwrap()).unwrap();
    assert_ne!(one[..16], other[..16]);
    assert_ne!(one[21..86], other[21..86]);
}

#[test]
fn the_longest_message_fills_4096_bytes_and_one_more_is_refused() {
    let phone = phone("https://push.example.net/x");
    let longest = [b'x'; PAYLOAD_BYTES_MAX];
    assert_eq!(encrypt(&longest, &phone, OneTime::random().unwrap()).unwrap().len(), 4_096);
    let longer = [b'x'; PAYLOAD_BYTES_MAX + 1];
    let refused = encrypt(&longer, &phone, OneTime::random().unwrap());
    assert_eq!(refused, Err(EncryptError::TooLong));
}

#[test]
fn the_wake_up_says_nothing_but_its_version() {
    assert_eq!(WAKE_UP, br#"{"v":1}"#);
}

#[test]
fn a_subscription_that_cannot_work_is_refused_when_the_phone_brings_it() {
    let good = "https://push.example.net/x";
    for endpoint in
        ["", "push", "ftp://push.example.net/", "https://me:pw@push.example.net/", "file:///x"]
    {
        let refused = Subscription::parse(endpoint, UA_PUBLIC, AUTH).map(|_| ());
        assert_eq!(refused, Err(SubscriptionError::Endpoint), "{endpoint}");
    }
    let long = format!("{good}{}", "x".repeat(ENDPOINT_BYTES_MAX));
    let refused = Subscription::parse(&long, UA_PUBLIC, AUTH).map(|_| ());
    assert_eq!(refused, Err(SubscriptionError::Endpoint));

    // A point that is not on the curve, a private key, a key of another length.
    let off_curve = BASE64_URL.encode([4; 65]);
    for key in ["", UA_PRIVATE, &off_curve, &UA_PUBLIC[4..], &"A".repeat(4_000)] {
        let refused = Subscription::parse(good, key, AUTH).map(|_| ());
        assert_eq!(refused, Err(SubscriptionError::Key), "{key}");
    }
    for auth in ["", "!!", UA_PRIVATE] {
        let refused = Subscription::parse(good, UA_PUBLIC, auth).map(|_| ());
        assert_eq!(refused, Err(SubscriptionError::Auth), "{auth}");
    }
    let padded = format!("{AUTH}==");
    assert!(Subscription::parse(good, UA_PUBLIC, &padded).is_ok());
}

#[test]
fn a_log_line_shows_where_a_subscription_leads_and_not_its_secret_path() {
    let shown = format!("{:?}", phone("https://push.example.net:8443/secret"));
    assert_eq!(shown, "Subscription(https://push.example.net:8443/**)");
}

#[test]
fn a_signature_names_the_origin_the_contact_and_an_end_within_a_day() {
    let (key, _) = VapidKey::generate().unwrap();
    let now_s = 1_800_000_000;
    let phone = phone("https://push.example.net/send/abc?x=1");
    let header = key.authorization(&phone, &contact(), now_s).unwrap();
    let claims = verified(&header, key.public());
    assert_eq!(claims["aud"], "https://push.example.net");
    assert_eq!(claims["sub"], "mailto:security@example.org");
    let life_s = claims["exp"].as_u64().unwrap() - now_s;
    assert!((1..=86_400).contains(&life_s), "{life_s}");
}

#[test]
fn a_kept_key_is_the_same_key_and_other_bytes_are_none() {
    let (key, pkcs8) = VapidKey::generate().unwrap();
    assert_eq!(VapidKey::from_pkcs8(&pkcs8).unwrap().public(), key.public());
    assert_eq!(VapidKey::from_pkcs8(b"key").map(|_| ()), Err(VapidError::Key));
    assert!(!format!("{key:?}").contains(&BASE64_URL.encode(&*pkcs8)));
}

#[test]
fn a_contact_is_a_mail_address_or_a_page() {
    assert!(Contact::parse("mailto:security@example.org").is_ok());
    assert!(Contact::parse("https://example.org/contact").is_ok());
    for bad in
        ["", "security@example.org", "mailto:", "http://example.org", "mailto:a b", "mailto:a\nb"]
    {
        assert_eq!(Contact::parse(bad), Err(ContactError), "{bad}");
    }
}

#[tokio::test]
async fn a_wake_up_arrives_with_the_headers_that_push_services_want() {
    let service = Service::answering("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    let sender = sender(true);
    assert_eq!(sender.wake(&phone(&service.url), PUSH).await.unwrap(), Outcome::Delivered);

    let (head, body) = service.request().await;
    assert!(head.starts_with("POST /p/secret HTTP/1.1\r\n"), "{head}");
    for header in [
        "ttl: 90",
        "urgency: high",
        "topic: wake",
        "content-encoding: aes128gcm",
        &format!("content-length: {}", body.len()),
    ] {
        assert!(head.contains(&format!("\r\n{header}\r\n")), "{header} in {head}");
    }
    let signed = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap();
    assert!(
        verified(signed, sender.public_key())["aud"].as_str().unwrap().starts_with("http://127")
    );
    assert_eq!(open(&body), WAKE_UP);
}

#[tokio::test]
async fn each_answer_of_a_push_service_says_what_to_do_next() {
    for (answer, expected) in [
        ("200 OK", Outcome::Delivered),
        ("404 Not Found", Outcome::Gone),
        ("410 Gone", Outcome::Gone),
        ("429 Too Many\r\nRetry-After: 7", Outcome::RetryAfter(7)),
        ("429 Too Many\r\nRetry-After: 4000000000", Outcome::RetryAfter(RETRY_AFTER_MAX_S)),
        ("503 Busy\r\nRetry-After: 0", Outcome::RetryAfter(1)),
        ("503 Busy", Outcome::RetryAfter(RETRY_AFTER_DEFAULT_S)),
        ("503 Busy\r\nRetry-After: Fri, 31 Dec 2027 23:59:59 GMT", Outcome::RetryAfter(60)),
        ("413 Too Large", Outcome::Refused(413)),
        ("500 Oops", Outcome::Refused(500)),
    ] {
        let service =
            Service::answering(&format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n")).await;
        // A wake-up may be a task of its own.
        let phone = phone(&service.url);
        let woken = tokio::spawn(async move { sender(true).wake(&phone, PUSH).await });
        assert_eq!(woken.await.unwrap().unwrap(), expected, "{answer}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let next = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = next.local_addr().unwrap();
    let service = Service::answering(&format!(
        "HTTP/1.1 307 Elsewhere\r\nLocation: http://{location}/\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    let outcome = sender(true).wake(&phone(&service.url), PUSH).await.unwrap();
    assert_eq!(outcome, Outcome::Refused(307));
    assert!(nobody_calls(&next).await);
}

#[tokio::test]
async fn no_answer_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/p", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(sender(true).wake(&phone(&url), PUSH).await.unwrap(), Outcome::Unreachable);
}

#[tokio::test]
async fn a_wake_up_that_was_posted_and_not_answered_may_have_been_taken() {
    for answer in ["", "HTTP/1.1 20", "nonsense\r\n\r\n"] {
        let service = Service::answering(answer).await;
        let outcome = sender(true).wake(&phone(&service.url), PUSH).await.unwrap();
        assert_eq!(outcome, Outcome::Unanswered, "{answer}");
        assert_eq!(open(&service.request().await.1), WAKE_UP);
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_service_that_never_answers_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/p", listener.local_addr().unwrap());
    let before = tokio::time::Instant::now();
    assert_eq!(sender(true).wake(&phone(&url), PUSH).await.unwrap(), Outcome::Unanswered);
    assert!(before.elapsed() < TIMEOUT * 2, "{:?}", before.elapsed());
}

#[tokio::test]
async fn an_endpoint_inside_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "10.0.0.1"]
    {
        let url = format!("https://{host}:{port}/p");
        let outcome = sender(false).wake(&phone(&url), PUSH).await.unwrap();
        assert_eq!(outcome, Outcome::Forbidden, "{host}");
    }
    assert!(nobody_calls(&listener).await);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/p", listener.local_addr().unwrap().port());
    assert_eq!(sender(false).wake(&phone(&url), PUSH).await.unwrap(), Outcome::Forbidden);
    assert!(nobody_calls(&listener).await);
}

#[tokio::test]
async fn without_tls_nothing_is_posted() {
    let phone = phone("http://push.example.net/p");
    assert_eq!(sender(false).wake(&phone, PUSH).await.unwrap(), Outcome::Forbidden);
}

const PUSH: Push = Push { ttl_s: 90, urgency: Urgency::High, now_s: 1_800_000_000 };

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL.decode(text).unwrap()
}

fn phone(endpoint: &str) -> Subscription {
    Subscription::parse(endpoint, UA_PUBLIC, AUTH).unwrap()
}

fn contact() -> Contact {
    Contact::parse("mailto:security@example.org").unwrap()
}

fn sender(danger_allow_private: bool) -> Sender {
    let (key, _) = VapidKey::generate().unwrap();
    Sender::new(key, contact(), danger_allow_private).unwrap()
}

/// The phone's side of RFC 8291.
fn open(body: &[u8]) -> Vec<u8> {
    struct Len(usize);
    impl aws_lc_rs::hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let derive = |salt: &[u8], secret: &[u8], info: &[&[u8]], bytes: usize| {
        let mut out = vec![0; bytes];
        let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
        prk.expand(info, Len(bytes)).unwrap().fill(&mut out).unwrap();
        out
    };
    assert_eq!((&body[16..20], body[20]), (&[0, 0, 16, 0][..], 65));
    let (salt, theirs) = (&body[..16], &body[21..86]);
    let mine = PrivateKey::from_private_key(&ECDH_P256, &decode(UA_PRIVATE)).unwrap();
    let input = agreement::agree(&mine, UnparsedPublicKey::new(&ECDH_P256, theirs), (), |shared| {
        let info: [&[u8]; 3] = [b"WebPush: info\0", &decode(UA_PUBLIC), theirs];
        Ok(derive(&decode(AUTH), shared, &info, 32))
    });
    let input = input.unwrap();
    let key = derive(salt, &input, &[b"Content-Encoding: aes128gcm\0"], 16);
    let nonce = derive(salt, &input, &[b"Content-Encoding: nonce\0"], 12);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
    let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
    let mut sealed = body[86..].to_vec();
    let plain = key.open_in_place(nonce, Aad::empty(), &mut sealed).unwrap();
    assert_eq!(plain.last(), Some(&2));
    plain[..plain.len() - 1].to_vec()
}

/// The claims of a header, once its signature under its own key has been checked.
fn verified(header: &str, public: &str) -> serde_json::Value {
    let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(key, public);
    let mut validation = Validation::new(Algorithm::ES256);
    // The time is the test's own, and the audience is looked at by the caller.
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoding = DecodingKey::from_ec_der(&decode(key));
    jsonwebtoken::decode::<serde_json::Value>(token, &decoding, &validation).unwrap().claims
}

async fn nobody_calls(listener: &TcpListener) -> bool {
    tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err()
}

/// A push service that answers one request.
struct Service {
    url: String,
    request: tokio::task::JoinHandle<(String, Vec<u8>)>,
}

impl Service {
    async fn answering(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/p/secret", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let request = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let parted = loop {
                stream.read_buf(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    continue;
                };
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
                if bytes.len() - at - 4 >= length.unwrap().parse().unwrap() {
                    break (text[..at + 2].to_owned(), bytes[at + 4..].to_vec());
                }
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            parted
        });
        Self { url, request }
    }

    async fn request(self) -> (String, Vec<u8>) {
        self.request.await.unwrap()
    }
}
