//! Finds push bombing in identity logs.

mod input;

fn main() {}
