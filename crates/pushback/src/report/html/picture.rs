//! Pictures: inline SVG that is safe to put into the page as it is.
//!
//! Positions along a picture are per cent of its width and heights are pixels, so that a picture is
//! as wide as the page on a phone and on a desk while its letters and shapes keep their size.

use std::fmt::{self, Write as _};

use crate::report::text::sanitise;

/// A finished picture. Only [`Canvas`] makes one, and it escapes every text it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture(String);

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// SECURITY: the template does not escape a Picture. Guarded by
// `a_hostile_text_stays_text_in_every_picture` and `no_hostile_text_survives_in_the_page`.
impl askama::filters::HtmlSafe for Picture {}

/// A picture being drawn.
#[derive(Debug)]
pub struct Canvas {
    body: String,
}

/// Where a text stands in relation to its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// It starts there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

impl Align {
    /// The alignment that keeps a short text at `x` per cent inside the picture.
    #[must_use]
    pub fn inside(x: f64) -> Self {
        if x < 7.0 {
            Self::Start
        } else if x > 93.0 {
            Self::End
        } else {
            Self::Middle
        }
    }

    /// From where to where a text of `width` per cent reaches that is kept [`inside`](Self::inside).
    #[must_use]
    pub fn extent(x: f64, width: f64) -> (f64, f64) {
        match Self::inside(x) {
            Self::Start => (x, x + width),
            Self::Middle => (x - width / 2.0, x + width / 2.0),
            Self::End => (x - width, x),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

// Writing to a String cannot fail, so the results below are dropped.
impl Canvas {
    /// An empty canvas.
    #[must_use]
    pub const fn new() -> Self {
        Self { body: String::new() }
    }

    /// One of the shapes that the page defines, centred at a point; `title` is told on hovering.
    pub fn shape(&mut self, name: &'static str, x: f64, y: f64, title: &str) {
        let _ =
            write!(self.body, "<use href=\"#{name}\" class=\"{name}\" x=\"{x:.2}%\" y=\"{y:.1}\">");
        let _ = write!(self.body, "<title>{}</title></use>", escape(title));
    }

    /// Starts a link to a place in the page. `anchor` is made by the page itself.
    pub fn open_link(&mut self, anchor: &str, label: &str) {
        let _ =
            write!(self.body, "<a href=\"#{}\" aria-label=\"{}\">", escape(anchor), escape(label));
    }

    /// Ends a link.
    pub fn close_link(&mut self) {
        self.body.push_str("</a>");
    }

    /// A line.
    pub fn line(&mut self, class: &'static str, from: (f64, f64), to: (f64, f64)) {
        let _ = write!(
            self.body,
            "<line class=\"{class}\" x1=\"{:.2}%\" y1=\"{:.1}\" x2=\"{:.2}%\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// A rectangle; `x` and `width` in per cent, `y` and `height` in pixels.
    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = write!(
            self.body,
            "<rect class=\"{}\" x=\"{x:.2}%\" y=\"{y:.1}\" width=\"{:.2}%\" height=\"{height:.1}\" rx=\"2\"/>",
            escape(class),
            width.max(0.0),
        );
    }

    /// A short text.
    pub fn text(&mut self, class: &'static str, x: f64, y: f64, align: Align, text: &str) {
        let _ = write!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.2}%\" y=\"{y:.1}\" text-anchor=\"{}\">{}</text>",
            align.name(),
            escape(text)
        );
    }

    /// The picture, `height` pixels high, described for those who do not see it. `id` must be unique
    /// in the page and made by the page itself.
    #[must_use]
    pub fn finish(self, id: &str, height: f64, title: &str, description: &str) -> Picture {
        let id = escape(id);
        Picture(format!(
            "<svg class=\"picture\" role=\"group\" aria-labelledby=\"{id}-t {id}-d\" width=\"100%\" \
             height=\"{height:.0}\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{}</svg>",
            escape(title),
            escape(description),
            self.body
        ))
    }

    /// The picture without words: a bar in a table whose cells say the same.
    #[must_use]
    pub fn decoration(self, height: f64) -> Picture {
        Picture(format!(
            "<svg class=\"picture\" aria-hidden=\"true\" width=\"100%\" height=\"{height:.0}\">{}</svg>",
            self.body
        ))
    }
}

fn escape(text: &str) -> String {
    let clean = sanitise(text);
    let mut out = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::HOSTILE;

    #[test]
    fn a_hostile_text_stays_text_in_every_picture() {
        let mut canvas = Canvas::new();
        canvas.open_link(HOSTILE, HOSTILE);
        canvas.shape("m-denied", 1.0, 2.0, HOSTILE);
        canvas.close_link();
        canvas.text("label", 1.0, 2.0, Align::Middle, HOSTILE);
        canvas.rect(HOSTILE, 0.0, 0.0, -1.0, 1.0);
        let svg = canvas.finish(HOSTILE, 10.0, HOSTILE, HOSTILE).to_string();
        for bad in ["<script", "<img", "\"'>", "\u{1b}", "\u{202e}"] {
            assert!(!svg.contains(bad), "{bad}: {svg}");
        }
    }
}
