#![no_main]

use pushback_normalize::frame::{Piece, Shape, Splitter, after_mark, shape};

/// A record as it was handed out: where it starts and its bytes.
type Found = (u64, Vec<u8>);

fn split<'b>(portions: impl Iterator<Item = &'b [u8]>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut keep =
        |piece: Piece<'_>| found.push((piece.offset, piece.bytes.unwrap_or_default().to_vec()));
    let mut splitter = Splitter::default();
    for portion in portions {
        splitter.feed(portion, &mut keep);
    }
    splitter.finish(&mut keep);
    found
}

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let bytes = after_mark(bytes);
    let whole = split(std::iter::once(bytes));

    // How reads happen to fall must not matter.
    assert_eq!(whole, split(bytes.chunks(usize::from(size).max(1))), "portions of {size}");

    // Records lie where they are said to, one behind the other.
    let mut end = 0;
    for (offset, record) in &whole {
        let start = usize::try_from(*offset).expect("inside the input");
        assert!(start >= end, "records overlap");
        end = start + record.len();
        assert_eq!(bytes.get(start..end), Some(record.as_slice()));
    }

    // An array of flat objects comes apart into exactly its elements. Brackets are counted, not
    // looked for in what was parsed: of a member that comes twice, a parser keeps one.
    let count = |bracket| bytes.iter().filter(|byte| **byte == bracket).count();
    if shape(bytes) == Shape::Document
        && let Ok(serde_json::Value::Array(elements)) = serde_json::from_slice(bytes)
        && elements.iter().all(serde_json::Value::is_object)
        && count(b'[') == 1
        && count(b'{') == elements.len()
    {
        let records: Vec<serde_json::Value> = whole
            .iter()
            .map(|(_, record)| serde_json::from_slice(record).expect("a record of a valid array"))
            .collect();
        assert_eq!(records, elements);
    }
});
