use std::io::Cursor;

use proptest::prelude::*;
use pushback_verify::{Exposure, PasswordHash, exposure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::sorted::{Fault, find};
use super::*;

#[test]
fn a_prefix_is_five_hexadecimal_digits_and_cannot_name_another_file() {
    assert_eq!(Prefix::parse("00aBf").unwrap().as_str(), "00ABF");
    for bad in
        ["", "0000", "000000", "0000G", "../..", "00\0F0", "/etc/", "0 000", "०००००", "..%2f"]
    {
        assert_eq!(Prefix::parse(bad), Err(PrefixError), "{bad}");
    }
    assert_eq!(format!("{:?}", Prefix::parse("ABCDE").unwrap()), "Prefix(*****)");
}

#[tokio::test]
async fn a_folder_gives_the_file_of_the_prefix_with_or_without_an_ending() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, ended) = (format!("{}\n", suffix(1)), format!("{}\r\n", suffix(2)));
    std::fs::write(folder.path().join("ABCDE"), &plain).unwrap();
    std::fs::write(folder.path().join("00000.txt"), &ended).unwrap();
    let source = RangeSource::local(folder.path()).unwrap();
    assert_eq!(source.range(prefix("abcde")).await.unwrap(), plain.as_bytes());
    assert_eq!(source.range(prefix("00000")).await.unwrap(), ended.as_bytes());
}

#[tokio::test]
async fn a_folder_without_the_file_or_with_an_empty_or_endless_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("AAAAA"), "").unwrap();
    std::fs::write(folder.path().join("BBBBB"), vec![b'\n'; RANGE_BYTES_MAX + 1]).unwrap();
    std::fs::create_dir(folder.path().join("CCCCC")).unwrap();
    let source = RangeSource::local(folder.path()).unwrap();
    let incomplete = |error| matches!(error, Err(RangeSourceError::Incomplete { .. }));
    assert!(incomplete(source.range(prefix("12345")).await));
    assert!(incomplete(source.range(prefix("AAAAA")).await));
    let long = source.range(prefix("BBBBB")).await;
    assert!(matches!(long, Err(RangeSourceError::TooLong { .. })));
    let folder_instead = source.range(prefix("CCCCC")).await.unwrap_err();
    assert!(folder_instead.to_string().contains("CCCCC"), "{folder_instead}");
    let gone = RangeSource::local(&folder.path().join("gone")).unwrap_err();
    assert!(gone.to_string().contains("gone"), "{gone}");
}

#[tokio::test]
async fn a_sorted_file_gives_exactly_the_lines_of_the_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hashes.txt");
    let lines =
        [line("00000", 1), line("ABCDE", 1), line("ABCDE", 2), line("ABCDF", 0), line("FFFFF", 9)];
    std::fs::write(&path, lines.join("\r\n")).unwrap();
    let source = RangeSource::local(&path).unwrap();
    let expected = format!("{}\n{}\n", suffix(1), suffix(2));
    assert_eq!(source.range(prefix("ABCDE")).await.unwrap(), expected.as_bytes());
    assert_eq!(source.range(prefix("FFFFF")).await.unwrap(), format!("{}\n", suffix(9)).as_bytes());
    assert_eq!(source.range(prefix("ABCDD")).await.unwrap(), b"");
}

#[tokio::test]
async fn what_is_found_is_what_the_rules_read() {
    // SHA-1 of "password" (FIPS 180-4).
    let sha1 = [
        0x5b, 0xaa, 0x61, 0xe4, 0xc9, 0xb9, 0x3f, 0x3f, 0x06, 0x82, 0x25, 0x0b, 0x6c, 0xf8, 0x33,
        0x1b, 0x7e, 0xe6, 0x8f, 0xd8,
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hashes.txt");
    let it = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:42".to_owned();
    std::fs::write(&path, [line("5BAA6", 1), it, line("5BAA7", 1)].join("\n")).unwrap();
    let hash = PasswordHash::new(sha1);
    let range = RangeSource::local(&path).unwrap().range(prefix(hash.prefix())).await.unwrap();
    assert_eq!(exposure(&range, &hash), Ok(Exposure::Seen { times: 42 }));
}

#[test]
fn a_file_out_of_order_is_an_error_where_it_is_noticed() {
    let text = [line("00000", 1), line("FFFFF", 1), line("00001", 1), line("00002", 1)].join("\n");
    assert!(matches!(search(&text, "00001"), Err(Fault::Unsorted(_))));
    let swapped = [line("ABCDE", 2), line("ABCDE", 1)].join("\n");
    assert!(matches!(search(&swapped, "ABCDE"), Err(Fault::Unsorted(_))));
}

#[test]
fn a_file_of_something_else_is_an_error() {
    let good = line("ABCDE", 1);
    for bad in [
        "<html>".to_owned(),
        "x".repeat(10_000),
        format!("{good}\n\n"),
        good[..40].to_owned(),
        good[..41].to_owned(),
        format!("{good}x"),
        format!("{good}\n{}", &line("ABCDE", 2)[..30]),
        "12345:abcdef".to_owned(),
    ] {
        assert!(matches!(search(&bad, "ABCDE"), Err(Fault::Malformed(_))), "{bad}");
    }
}

#[tokio::test]
async fn an_empty_file_is_not_a_list() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = RangeSource::local(file.path()).unwrap().range(prefix("ABCDE")).await;
    assert!(matches!(error, Err(RangeSourceError::Incomplete { .. })));
}

#[test]
fn a_range_past_the_bound_is_an_error_and_not_half_a_range() {
    let lines: Vec<String> = (0..RANGE_BYTES_MAX / 30).map(|n| line("ABCDE", n)).collect();
    assert!(matches!(search(&lines.join("\n"), "ABCDE"), Err(Fault::TooLong)));
}

proptest! {
    #[test]
    fn halving_finds_what_reading_every_line_finds(
        mut hashes in prop::collection::vec(("[AB][AB]{4}", 0_usize..50), 1..60),
        wanted in "[AB]{5}",
        end in prop::sample::select(vec!["\n", "\r\n"]),
        is_ended: bool,
    ) {
        hashes.sort();
        let lines: Vec<String> = hashes.iter().map(|(start, n)| line(start, *n)).collect();
        let mut text = lines.join(end);
        if is_ended {
            text.push_str(end);
        }
        let expected: String =
            lines.iter().filter_map(|line| line.strip_prefix(&wanted)).map(|rest| format!("{rest}\n")).collect();
        prop_assert_eq!(search(&text, &wanted).unwrap(), expected.as_bytes());
    }

    #[test]
    fn any_bytes_are_searched_or_refused(bytes in prop::collection::vec(any::<u8>(), 1..400)) {
        let length = bytes.len() as u64;
        let _ = find(Cursor::new(bytes), length, prefix("ABCDE"));
    }
}

#[tokio::test]
async fn an_upstream_is_told_five_digits_and_asked_for_padding() {
    let body = format!("{}\r\n{}\r\n", suffix(1), suffix(2));
    let (source, request) =
        upstream(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    assert_eq!(source.range(prefix("abcde")).await.unwrap(), body.as_bytes());
    let request = request.await.unwrap().to_lowercase();
    assert!(request.starts_with("get /range/abcde http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nadd-padding: true\r\n"), "{request}");
}

#[tokio::test]
async fn an_upstream_that_fails_in_any_way_is_an_error() {
    for (answer, status) in [
        ("200 OK\r\nContent-Length: 0\r\n\r\n", 200),
        ("404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 404),
        ("302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302),
        ("503 Busy\r\nContent-Length: 0\r\n\r\n", 503),
    ] {
        let (source, _) = upstream(&format!("HTTP/1.1 {answer}")).await;
        let error = source.range(prefix("ABCDE")).await.unwrap_err();
        let found = match error {
            RangeSourceError::Status { status, .. } => status,
            other => panic!("{other}"),
        };
        assert_eq!(found, status);
    }
    // Half an answer.
    let (source, _) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0018A").await;
    let error = source.range(prefix("ABCDE")).await.unwrap_err();
    assert!(matches!(error, RangeSourceError::Unreachable { .. }), "{error}");
    assert!(!format!("{error:?}").contains("ABCDE"), "{error:?}");
}

#[tokio::test]
async fn an_upstream_that_never_ends_is_cut_off() {
    let body = "0".repeat(RANGE_BYTES_MAX + 1);
    let (source, _) =
        upstream(&format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")).await;
    let error = source.range(prefix("ABCDE")).await.unwrap_err();
    assert!(matches!(error, RangeSourceError::TooLong { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_never_answers_is_an_error_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let source = RangeSource::Upstream(Upstream::new(&base, true).unwrap());
    let before = tokio::time::Instant::now();
    let error = tokio::spawn(async move { source.range(prefix("ABCDE")).await }).await.unwrap();
    assert!(matches!(error, Err(RangeSourceError::Unreachable { .. })));
    assert!(before.elapsed() < TIMEOUT * 2, "{:?}", before.elapsed());
}

#[test]
fn an_upstream_has_an_https_address() {
    assert!(Upstream::new("https://list.example.org/range", false).is_ok());
    for bad in [
        "",
        "list.example.org",
        "http://list.example.org/",
        "https://list.example.org/?q=",
        "file:///x",
    ] {
        assert!(
            matches!(Upstream::new(bad, false), Err(RangeSourceError::UpstreamAddress)),
            "{bad}"
        );
    }
}

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text).unwrap()
}

/// The end of an invented hash, with a count.
fn suffix(number: usize) -> String {
    format!("{number:035X}:{}", number + 1)
}

fn line(start: &str, number: usize) -> String {
    format!("{start}{}", suffix(number))
}

fn search(text: &str, wanted: &str) -> Result<Vec<u8>, Fault> {
    find(Cursor::new(text.as_bytes()), text.len() as u64, prefix(wanted))
}

/// An upstream that answers one request.
async fn upstream(answer: &str) -> (RangeSource, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/range", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        // Whoever has read enough hangs up.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        String::from_utf8(bytes).unwrap()
    });
    (RangeSource::Upstream(Upstream::new(&base, true).unwrap()), request)
}

#[test]
fn a_range_missing_from_a_whole_list_is_no_good_password() {
    let whole = 45 << 30;
    assert!(sorted::is_gap(b"", whole));
    assert!(!sorted::is_gap(b"x", whole));
    assert!(!sorted::is_gap(b"", 1 << 20), "a small list has empty ranges");
}
