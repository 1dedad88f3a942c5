use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use pushback_detect::{Position, Record};
use pushback_model::Source;
use pushback_normalize::{RECORD_BYTES_MAX, Reader};

use super::report::{Place, RejectKind, Rejects};
use super::*;

/// A OneLogin sign-in by one of nine people.
fn sign_in(n: u32) -> String {
    format!(
        r#"{{"id":{n},"created_at":"2026-01-05T{:02}:{:02}:00.000Z","account_id":1,"user_id":{},"user_name":"Alice Example","event_type_id":5,"ipaddr":"203.0.113.{}","notes":"{}"}}"#,
        n / 60 % 24,
        n % 60,
        n % 9,
        n % 200,
        "x".repeat((n % 700) as usize),
    )
}

fn sign_ins(numbers: impl Iterator<Item = u32>) -> String {
    numbers.map(|n| sign_in(n) + "\n").collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn with(paths: &[PathBuf], options: &Options) -> Collected {
    collect(paths, &Reader::default(), options, &mut ()).expect("inputs can be read")
}

fn one_thread() -> Options {
    Options { threads: 1, ..Options::default() }
}

fn read(path: PathBuf) -> Collected {
    with(&[path], &one_thread())
}

fn piped(bytes: &[u8], threads: usize) -> Collected {
    let options = Options { threads, ..Options::default() };
    let standard_input = Box::new(io::Cursor::new(bytes.to_vec()));
    collect_from(&["-".into()], standard_input, &Reader::default(), &options, &mut (), None)
        .expect("standard input can be read")
}

fn sorted(collected: Collected) -> (Vec<Record>, ReadReport, Inputs) {
    let Collected { records, claims, report, inputs } = collected;
    let sorted = records.sort(&claims.resolve(&[])).expect("sorting works");
    let once: Vec<Record> = sorted.iter().map(|record| record.expect("a record")).collect();
    let twice: Vec<Record> = sorted.iter().map(|record| record.expect("a record")).collect();
    assert_eq!(once, twice);
    assert_eq!(once.len(), sorted.len());
    assert!(once.is_sorted_by_key(Record::order));
    (once, report, inputs)
}

/// Records without their positions, in an order that does not depend on these.
fn contents(collected: Collected) -> Vec<Record> {
    let (mut records, ..) = sorted(collected);
    for record in &mut records {
        record.position = Position::default();
    }
    records.sort_by_key(Record::order);
    records
}

#[test]
fn every_container_gives_the_same_records() {
    let folder = Folder::new();
    let numbers = || 0..2_000;
    let lines = sign_ins(numbers());
    let joined = numbers().map(sign_in).collect::<Vec<_>>().join(",");
    let array = format!("[{joined}]");
    let wrapped = format!(r#"{{"status":{{"code":200}},"pagination":{{}},"data":[{joined}]}}"#);
    let value: serde_json::Value = serde_json::from_str(&array).expect("an array");
    let pretty = serde_json::to_string_pretty(&value).expect("text");
    let (first, second) = lines.split_at(300_000);
    let mut members = gzip(first.as_bytes());
    members.extend(gzip(second.as_bytes()));
    let mut frames = zstd(first.as_bytes());
    frames.extend(b"\x50\x2A\x4D\x18\x03\0\0\0abc");
    frames.extend(zstd(second.as_bytes()));
    let expected = contents(read(folder.file("lines.json", &lines)));
    assert_eq!(expected.len(), 2_000);
    let crlf = format!("\u{feff}\r\n{}\r\n  \r\n", lines.replace('\n', "\r\n"));
    let paths = [
        folder.file("crlf.json", crlf),
        folder.file("newest-first.json", sign_ins(numbers().rev())),
        folder.file("no-last-line-end.json", lines.trim_end()),
        folder.file("array.json", &array),
        folder.file("wrapped.json", &wrapped),
        folder.file("pretty.json", &pretty),
        folder.file("lines.json.gz", gzip(lines.as_bytes())),
        folder.file("members.json.gz", &members),
        folder.file("array-under-another-name", gzip(array.as_bytes())),
        folder.file("frames.json.zst", &frames),
    ];
    for threads in [1, 2, 5] {
        let options = Options { threads, ..Options::default() };
        for path in &paths {
            let collected = with(std::slice::from_ref(path), &options);
            assert_eq!(
                (collected.report.rejected(), collected.report.problems.len()),
                (0, 0),
                "{path:?}"
            );
            assert_eq!(collected.report.records, 2_000, "{path:?}");
            assert_eq!(collected.report.events.get(&Source::OneLogin), Some(&2_000));
            assert!(contents(collected) == expected, "{path:?} with {threads} threads");
        }
        for bytes in [lines.as_bytes(), array.as_bytes(), &members, &frames] {
            assert!(contents(piped(bytes, threads)) == expected, "piped to {threads} threads");
        }
        let all = with(&paths, &options);
        assert_eq!(all.records.len(), 2_000 * paths.len());
    }
}

#[test]
fn threads_and_spilling_change_nothing() {
    let folder = Folder::new();
    // More than one chunk of 4 MiB, with lines over its borders.
    let text = sign_ins(0..20_000);
    assert!(text.len() > 9 << 20);
    let path = folder.file("lines.json", &text);
    let (expected, report, _) = sorted(read(path.clone()));
    assert_eq!(report.spills, 0);
    assert_eq!(expected.len(), 20_000);
    for (threads, records_bytes_max) in [(2, RECORDS_BYTES_MAX), (1, 200_000), (3, 200_000)] {
        let options = Options { threads, records_bytes_max, ..Options::default() };
        let (records, report, _) = sorted(with(std::slice::from_ref(&path), &options));
        assert!(records == expected);
        assert_eq!(report.spills > 0, records_bytes_max == 200_000);
        assert_eq!(report.records, 20_000);
        assert_eq!(report.bytes, text.len() as u64);
    }
}

#[test]
fn records_are_read_again_where_they_were() {
    let folder = Folder::new();
    let lines = sign_ins(0..3_000);
    let array = format!("[{}]", (0..3_000).map(sign_in).collect::<Vec<_>>().join(" ,\n"));
    let marked = format!("\u{feff}  {lines}");
    let texts: BTreeSet<String> = (0..3_000).map(sign_in).collect();
    for bytes in [lines.into_bytes(), array.into_bytes(), marked.into_bytes()] {
        let paths = [
            folder.file("a.json", &bytes),
            folder.file("a.gz", gzip(&bytes)),
            folder.file("a.zst", zstd(&bytes)),
        ];
        let files = paths.into_iter().map(read);
        let pipes = [1, 2].into_iter().map(|threads| piped(&bytes, threads));
        for collected in files.chain(pipes) {
            let (records, _, inputs) = sorted(collected);
            let some: Vec<Position> = records.iter().map(|r| r.position).step_by(7).collect();
            let found = inputs.fetch_all(&some).expect("records can be read again");
            assert_eq!(found.len(), some.len());
            for text in found.into_values() {
                let text = String::from_utf8(text).expect("text");
                assert!(texts.contains(&text), "{text}");
            }
            let last = records.last().expect("a record").position;
            assert_eq!(inputs.fetch_all(&[last]).expect("one record").len(), 1);
        }
    }
}

#[test]
fn a_bad_record_loses_only_itself_and_is_named_with_file_and_line() {
    let folder = Folder::new();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let giant = format!("{{\"a\":\"{}\"}}", "x".repeat(RECORD_BYTES_MAX));
    let mut bytes = Vec::new();
    let bad = [
        b"{\"id\":1,".as_slice(),
        b"{\"id\":1,\"user_name\":\"\xff\xfe\"}",
        deep.as_bytes(),
        giant.as_bytes(),
        b"{\"id\":1}",
    ];
    for (n, bad) in (0..).zip(bad) {
        bytes.extend_from_slice(sign_in(n).as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(bad);
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(sign_in(9).as_bytes());
    let path = folder.file("bad.json", &bytes);
    let gz = folder.file("bad.gz", gzip(&bytes));
    for collected in [read(path.clone()), read(gz), piped(&bytes, 1), piped(&bytes, 2)] {
        assert_eq!(collected.records.len(), 6);
        let report = &collected.report;
        assert_eq!((report.records, report.rejected()), (11, 5), "{report:?}");
        let place = |kind| report.rejects.get(&kind).map(|r: &Rejects| r.first[0].place);
        assert_eq!(place(RejectKind::Syntax), Some(Place::Line(2)));
        assert_eq!(place(RejectKind::TooLong), Some(Place::Line(8)));
        assert_eq!(place(RejectKind::Unrecognised), Some(Place::Line(10)));
    }
    let report = read(path.clone()).report;
    assert_eq!(
        report.rejects[&RejectKind::TooLong].first[0].to_string(),
        format!("{}, line 8: longer than 16777216 bytes", path.display())
    );
}

#[test]
fn bad_elements_of_an_array_are_named_by_their_number() {
    let folder = Folder::new();
    let text = format!("[{},{{\"id\":nope}},{}]", sign_in(1), sign_in(2));
    let collected = read(folder.file("array.json", text));
    assert_eq!(collected.records.len(), 2);
    let rejects = &collected.report.rejects[&RejectKind::Syntax];
    assert_eq!((rejects.count, rejects.first[0].place), (1, Place::Record(2)));
}

#[test]
fn strict_reading_looks_at_every_byte() {
    let folder = Folder::new();
    let mut bytes = sign_in(1).replace("Alice", "ALICE").into_bytes();
    let at = bytes.windows(5).position(|w| w == b"ALICE").expect("a name");
    bytes[at] = 0xFF;
    let path = folder.file("a.json", &bytes);
    let options = Options { is_strict: true, ..one_thread() };
    let report = with(&[path], &options).report;
    assert_eq!(report.rejects[&RejectKind::Encoding].count, 1);
}

#[test]
fn an_input_that_is_cut_off_names_itself_and_keeps_what_came_before() {
    let folder = Folder::new();
    let lines = sign_ins(0..5_000);
    let (first, second) = lines.split_at(lines.len() / 2);
    let mut members = gzip(first.as_bytes());
    members.extend(gzip(second.as_bytes()));
    members.truncate(members.len() - 3_000);
    let mut frame = zstd(lines.as_bytes());
    frame.truncate(frame.len() - 3_000);
    for (name, bytes) in [("cut.gz", members), ("cut.zst", frame)] {
        let path = folder.file(name, bytes);
        for threads in [1, 2] {
            let options = Options { threads, ..Options::default() };
            let collected = with(std::slice::from_ref(&path), &options);
            assert!(collected.records.len() > 2_500, "{name}: {}", collected.records.len());
            assert!(collected.records.len() < 5_000, "{name}");
            assert_eq!(collected.report.rejected(), 0, "{name}: {:?}", collected.report.rejects);
            let expected = format!("{}: ends too early", path.display());
            assert_eq!(collected.report.problems[0].to_string(), expected);
        }
    }
}

#[test]
fn every_input_that_cannot_be_read_is_named_and_nothing_is_read() {
    let folder = Folder::new();
    let good = folder.file("good.json", sign_in(1));
    let missing = folder.path().join("missing.json");
    let image = folder.file("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let utf32 = folder.file("utf32.json", b"\xff\xfe\0\0{\0\0\0");
    let pattern = folder.path().join("none-*.json");
    let paths = [good, missing.clone(), image.clone(), utf32.clone(), pattern.clone()];
    let error = collect(&paths, &Reader::default(), &one_thread(), &mut ()).expect_err("not all");
    let InputError::Unreadable(problems) = error else { panic!("{error}") };
    let named: BTreeSet<_> = problems.iter().map(|problem| problem.path.clone()).collect();
    assert_eq!(named, [missing, image, utf32, pattern].into_iter().collect());
}

#[test]
fn folders_are_searched_and_what_is_plainly_no_log_is_left_out() {
    let folder = Folder::new();
    folder.file("logs/b/two.json", sign_in(2));
    folder.file("logs/one.json.1", sign_in(1));
    folder.file("logs/three", gzip(sign_in(3).as_bytes()));
    folder.file("logs/.hidden.json", sign_in(4));
    folder.file("logs/.git/five.json", sign_in(5));
    folder.file("logs/picture.png", "{}");
    folder.file("logs/binary", b"{\0}");
    let root = folder.path().join("logs");
    let collected = with(&[root.clone(), root.join("one.json.1"), root], &one_thread());
    assert_eq!((collected.report.inputs, collected.records.len()), (3, 3));
    let passed: u64 = collected.report.passed_over.values().map(|passed| passed.count).sum();
    assert_eq!(passed, 2);
}

#[test]
fn a_pattern_is_expanded_unless_a_file_has_that_very_name() {
    let folder = Folder::new();
    folder.file("a1.json", sign_in(1));
    folder.file("a2.json", sign_in(2));
    let pattern = folder.path().join("a[12].json");
    assert_eq!(read(pattern.clone()).records.len(), 2);
    folder.file("a[12].json", sign_in(3));
    assert_eq!(read(pattern).records.len(), 1);
}

#[test]
fn an_empty_file_is_read_and_an_empty_folder_is_no_log() {
    let folder = Folder::new();
    assert_eq!(read(folder.file("empty.json", "")).records.len(), 0);
    fs::create_dir(folder.path().join("none")).expect("a folder");
    let none = [folder.path().join("none")];
    let error = collect(&none, &Reader::default(), &one_thread(), &mut ()).expect_err("no log");
    assert!(matches!(error, InputError::Empty(_)));
}

#[test]
fn progress_reaches_the_end() {
    struct Last(u64, Option<u64>);
    impl Progress for Last {
        fn advance(&mut self, done: u64, total: Option<u64>) {
            assert!(done >= self.0);
            *self = Self(done, total);
        }
    }
    let folder = Folder::new();
    let text = sign_ins(0..20_000);
    let path = folder.file("lines.json", &text);
    let mut last = Last(0, None);
    collect(&[path], &Reader::default(), &one_thread(), &mut last).expect("it can be read");
    assert_eq!((last.0, last.1), (text.len() as u64, Some(text.len() as u64)));
}
