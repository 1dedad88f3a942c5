//! Pushback: who was push-bombed, who approved, and what happened next.

#[cfg_attr(not(test), expect(dead_code, reason = "the commands that print reports call it"))]
mod report;

fn main() {}
