//! Pages of which a measurement writes a part.

use std::path::Path;

use anyhow::Context as _;

/// Between these the page is written by the measurement.
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// Puts the table between the marks of its page.
///
/// # Errors
/// If the page is missing, has no marks or cannot be written.
pub fn put(page: &Path, table: &str) -> anyhow::Result<()> {
    let name = page.display();
    let text = std::fs::read_to_string(page).with_context(|| format!("{name} cannot be read"))?;
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("{name} lacks {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{name} lacks {END}"))?;
    std::fs::write(page, format!("{before}{BEGIN}\n{}\n{END}{after}", table.trim_end()))
        .with_context(|| format!("{name} cannot be written"))
}
