//! A link as a QR code: for a page (SVG) and for a terminal (half blocks).
//!
//! Error correction is level M (15 %), enough for a clean screen; the margin is four modules wide, as
//! ISO/IEC 18004 asks. The same link gives the same picture.

use fast_qr::{ECL, QRBuilder, QRCode};

/// The longest link that is drawn, in bytes. Beyond it a picture has so many modules that a phone has
/// to come very close.
pub const LINK_BYTES_MAX: usize = 1_024;

const MARGIN: usize = 4;

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// The link is longer than [`LINK_BYTES_MAX`].
    #[error("a link of {bytes} bytes is too long for a picture, {LINK_BYTES_MAX} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

/// An SVG element, dark on light whatever the page's colours (scanners want it so), without style and
/// script. It grows to the width that it is given. `title` says what it is to whoever cannot see it.
///
/// # Errors
/// [`QrError::TooLong`].
pub fn svg(link: &str, title: &str) -> Result<String, QrError> {
    let modules = Modules::of(link)?;
    let side = modules.side();
    let mut path = String::new();
    for y in 0..side {
        let mut x = 0;
        while x < side {
            let run = (x..side).take_while(|&x| modules.is_dark(x, y)).count();
            if run > 0 {
                path.push_str(&format!("M{x} {y}h{run}v1h-{run}z"));
            }
            x += run + 1;
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         shape-rendering=\"crispEdges\"><title>{}</title>\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>",
        escaped(title)
    ))
}

/// Lines of half blocks, each with its line end: light modules are drawn, so that the picture is
/// right on a dark terminal. On a light one it is inverted, which the cameras of phones accept too.
///
/// # Errors
/// [`QrError::TooLong`].
pub fn terminal(link: &str) -> Result<String, QrError> {
    let modules = Modules::of(link)?;
    let side = modules.side();
    let mut text = String::new();
    for y in (0..side).step_by(2) {
        for x in 0..side {
            // Below an odd last line there is nothing to draw.
            let is_lower_light = y + 1 < side && !modules.is_dark(x, y + 1);
            text.push(match (!modules.is_dark(x, y), is_lower_light) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push('\n');
    }
    Ok(text)
}

/// The square with its margin.
struct Modules(QRCode);

impl Modules {
    fn of(link: &str) -> Result<Self, QrError> {
        let too_long = QrError::TooLong { bytes: link.len() };
        if link.len() > LINK_BYTES_MAX {
            return Err(too_long);
        }
        QRBuilder::new(link).ecl(ECL::M).build().map(Self).map_err(|_| too_long)
    }

    const fn side(&self) -> usize {
        self.0.size + 2 * MARGIN
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        let (Some(x), Some(y)) = (x.checked_sub(MARGIN), y.checked_sub(MARGIN)) else {
            return false;
        };
        let size = self.0.size;
        x < size && y < size && self.0.data.get(y * size + x).is_some_and(|module| module.value())
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no place for other control characters, escaped or not.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://mfa.example.org/bind#K7Q2-9XWM";

    /// What a camera looks for in three corners, as rows of dark modules.
    const FINDER: [&str; 7] =
        ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"];

    #[test]
    fn a_picture_has_its_three_corners_and_a_light_margin() {
        let modules = Modules::of(LINK).unwrap();
        let far = modules.side() - MARGIN - 7;
        for (left, top) in [(MARGIN, MARGIN), (far, MARGIN), (MARGIN, far)] {
            for (y, row) in FINDER.iter().enumerate() {
                for (x, cell) in row.chars().enumerate() {
                    assert_eq!(modules.is_dark(left + x, top + y), cell == '#');
                }
            }
        }
        for at in 0..modules.side() {
            for edge in (0..MARGIN).chain(modules.side() - MARGIN..modules.side()) {
                assert!(!modules.is_dark(at, edge) && !modules.is_dark(edge, at));
            }
        }
    }

    #[test]
    fn page_and_terminal_show_the_same_modules() {
        let modules = Modules::of(LINK).unwrap();
        let side = modules.side();
        let drawn = svg(LINK, "x").unwrap();
        let text = terminal(LINK).unwrap();
        let mut on_page = vec![false; side * side];
        for run in drawn.split("<path fill=\"#000\" d=\"").nth(1).unwrap().split('M').skip(1) {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (run, _) = rest.split_once('v').unwrap();
            let at = y.parse::<usize>().unwrap() * side + x.parse::<usize>().unwrap();
            on_page[at..at + run.parse::<usize>().unwrap()].fill(true);
        }
        for (row, line) in text.lines().enumerate() {
            for (x, c) in line.chars().enumerate() {
                let y = row * 2;
                let is_dark = (matches!(c, '▄' | ' '), matches!(c, '▀' | ' '));
                assert_eq!(is_dark.0, modules.is_dark(x, y));
                assert_eq!(on_page[y * side + x], modules.is_dark(x, y));
                if y + 1 < side {
                    assert_eq!(is_dark.1, modules.is_dark(x, y + 1));
                    assert_eq!(on_page[(y + 1) * side + x], modules.is_dark(x, y + 1));
                }
            }
        }
    }

    #[test]
    fn a_picture_has_a_title_and_neither_style_nor_script() {
        let drawn = svg(LINK, "Bind <this> & \"that\"\u{7}").unwrap();
        assert!(drawn.contains("role=\"img\""));
        assert!(drawn.contains("<title>Bind &lt;this&gt; &amp; &quot;that&quot; </title>"));
        assert!(!drawn.contains("style") && !drawn.contains("script") && !drawn.contains("href"));
    }

    #[test]
    fn a_link_is_drawn_up_to_its_bound() {
        assert!(svg(&"x".repeat(LINK_BYTES_MAX), "x").is_ok());
        let bytes = LINK_BYTES_MAX + 1;
        assert_eq!(terminal(&"x".repeat(bytes)), Err(QrError::TooLong { bytes }));
        assert!(terminal("").is_ok());
    }
}
