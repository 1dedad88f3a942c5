//! The pictures in the README, made anew from the demo.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run;

/// Options of `cargo xtask pictures`.
#[derive(clap::Args)]
pub struct Args {
    /// Columns of the terminal picture
    #[arg(long, default_value_t = 100, value_name = "N")]
    columns: u16,
    /// Lines of the terminal picture
    #[arg(long, default_value_t = 60, value_name = "N")]
    lines: usize,
}

/// Runs the demo and pictures what it shows.
///
/// # Errors
/// If the demo fails, or there is no Chromium to picture the page with.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let out = run::target_dir().join("pictures");
    let images = run::root().join("docs/images");
    std::fs::create_dir_all(&images)?;
    std::fs::create_dir_all(&out)?;

    let mut build = run::cargo();
    run::check(build.args(["build", "--release", "--quiet", "--package", "pushback"]))?;
    // From inside its folder, so that the picture shows no path of this machine.
    let mut demo = Command::new(run::target_dir().join("release/pushback"));
    demo.current_dir(&out).args(["demo", "--color", "always", "--limit", "1", "--out", "demo"]);
    demo.args(["--width", &args.columns.to_string()]);
    let shown = run::output(&mut demo)?;
    let lines = report(&shown, args.lines);
    std::fs::write(images.join("terminal.svg"), terminal(&lines, args.columns))?;

    let page = newest_page(&out.join("demo"))?;
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
    chromium.args(["--disable-background-networking", "--disable-component-update"]);
    chromium.args(["--force-device-scale-factor=1", "--window-size=1200,1400"]);
    chromium.arg(format!("--screenshot={}", images.join("report.png").display()));
    run::check(chromium.arg(format!("file://{}", page.display())))
        .context("Chromium pictures the page; on Debian: apt-get install chromium")
}

/// The report of the worst incident, out of all that the demo prints.
fn report(shown: &str, lines_max: usize) -> Vec<&str> {
    let mut lines: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.contains("an invented organisation") || line.contains("weeks"))
        .take_while(|line| !line.contains("further incidents not shown"))
        .take(lines_max)
        .collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// The HTML page that the demo wrote.
fn newest_page(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "html") {
            pages.push(path.canonicalize()?);
        }
    }
    pages.sort();
    match pages.pop() {
        Some(page) => Ok(page),
        None => bail!("the demo wrote no page to {}", folder.display()),
    }
}

/// The look of a stretch of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    colour: Option<u8>,
    is_bold: bool,
    is_dim: bool,
}

/// The sixteen colours of a terminal on a dark ground.
const COLOURS: [&str; 16] = [
    "#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
    "#6e7681", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff",
];

/// Pixels of one character cell at a font of 14.
const CELL: (f64, f64) = (8.43, 18.0);

/// Lines of coloured terminal text as an SVG picture.
fn terminal(lines: &[&str], columns: u16) -> String {
    let width = f64::from(columns) * CELL.0 + 32.0;
    let height = lines.len() as f64 * CELL.1 + 32.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    let mut look = Look::default();
    for (row, line) in (1..).zip(lines) {
        let y = 16.0 + f64::from(row) * CELL.1 - 5.0;
        let _ = write!(svg, "<text x=\"16\" y=\"{y:.0}\" xml:space=\"preserve\">");
        for (text, now) in stretches(line, &mut look) {
            let fill = now.colour.and_then(|c| COLOURS.get(usize::from(c))).unwrap_or(&"#e6edf3");
            let weight = if now.is_bold { " font-weight=\"bold\"" } else { "" };
            let opacity = if now.is_dim { " opacity=\"0.65\"" } else { "" };
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = write!(svg, "<tspan fill=\"{fill}\"{weight}{opacity}>{text}</tspan>");
        }
        svg.push_str("</text>\n");
    }
    svg + "</svg>\n"
}

/// The stretches of one look in a line; `look` goes on from line to line.
fn stretches(line: &str, look: &mut Look) -> Vec<(String, Look)> {
    let mut found = Vec::new();
    for (n, part) in line.split("\u{1b}[").enumerate() {
        let text = if n == 0 {
            part
        } else {
            let (codes, text) = part.split_once('m').unwrap_or(("", part));
            codes.split(';').for_each(|code| apply(code, look));
            text
        };
        if !text.is_empty() {
            found.push((text.to_owned(), *look));
        }
    }
    found
}

fn apply(code: &str, look: &mut Look) {
    match code.parse::<u8>().unwrap_or(0) {
        0 => *look = Look::default(),
        1 => look.is_bold = true,
        2 => look.is_dim = true,
        22 => (look.is_bold, look.is_dim) = (false, false),
        code @ 30..=37 => look.colour = Some(code - 30),
        39 => look.colour = None,
        code @ 90..=97 => look.colour = Some(code - 82),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_holds_the_worst_incident_and_nothing_around_it() {
        let shown = "DEMO\nTwo weeks of an invented organisation\nPUSHBACK  an invented organisation\n\
                     1. FOOTHOLD\n\n12 further incidents not shown\nNEXT";
        assert_eq!(report(shown, 9), ["PUSHBACK  an invented organisation", "1. FOOTHOLD"]);
    }

    #[test]
    fn colours_and_weights_become_stretches_and_text_is_escaped() {
        let svg = terminal(&["a\u{1b}[1m\u{1b}[31m<b>\u{1b}[0m c"], 80);
        assert!(svg.contains("<tspan fill=\"#e6edf3\">a</tspan>"));
        assert!(svg.contains("<tspan fill=\"#ff7b72\" font-weight=\"bold\">&lt;b&gt;</tspan>"));
        assert!(svg.contains("<tspan fill=\"#e6edf3\"> c</tspan>"));
    }
}
