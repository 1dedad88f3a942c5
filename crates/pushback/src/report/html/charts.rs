//! The pictures of the page, each made from the same numbers as the words beside it.

use pushback_model::{Incident, Span, Stage};

use super::axis::{Axis, Tick};
use super::picture::{Align, Canvas, Picture};
use crate::report::marks::{self, Mark, Placed};
use crate::report::text::sanitise;
use crate::report::view::{Report, STAGES};
use crate::report::words::{self, Days};

/// Height of a lane of a time line; the style sheet gives the labels beside it the same.
const LANE: f64 = 28.0;
/// Room above the lanes for the names of breaks.
const ABOVE: f64 = 22.0;
/// Room below the lanes for two lines of labels.
const BELOW: f64 = 36.0;

/// The story of one incident: a lane for each kind of mark, and the marks that each lane holds.
pub(super) struct Story {
    pub(super) picture: Picture,
    /// Mark and count, from top to bottom.
    pub(super) lanes: Vec<(Mark, usize)>,
}

/// Draws the story of an incident; nothing if there are no records to draw.
pub(super) fn story(id: &str, incident: &Incident, marks: &[Placed<'_>]) -> Option<Story> {
    let lanes: Vec<(Mark, usize)> = Mark::ALL
        .into_iter()
        .map(|mark| (mark, marks.iter().filter(|placed| placed.mark == mark).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    if lanes.is_empty() {
        return None;
    }
    let axis = Axis::broken(marks.iter().map(|placed| placed.at));
    let bottom = ABOVE + LANE * lanes.len() as f64;
    let mut canvas = Canvas::new();
    for (left, right, span) in axis.breaks() {
        canvas.rect("break", left + 1.0, ABOVE, right - left - 2.0, bottom - ABOVE);
        let middle = f64::midpoint(left, right);
        canvas.text("break-label", middle, ABOVE - 8.0, Align::Middle, &words::about(span));
    }
    for n in 0..lanes.len() {
        let y = ABOVE + LANE * (n as f64 + 0.5);
        canvas.line("lane", (0.0, y), (100.0, y));
    }
    if let Some(at) = incident.approved_at {
        let x = axis.x(at);
        canvas.line("approval", (x, ABOVE), (x, bottom));
    }
    for placed in marks {
        let Some(lane) = lanes.iter().position(|(mark, _)| *mark == placed.mark) else { continue };
        let y = ABOVE + LANE * (lane as f64 + 0.5);
        canvas.shape(shape(placed.mark), axis.x(placed.at), y, &told(placed));
    }
    ticks(&mut canvas, &axis, bottom);
    let counts: Vec<String> =
        lanes.iter().map(|(mark, n)| format!("{n} {}", mark.word())).collect();
    let picture = canvas.finish(
        id,
        bottom + BELOW,
        &format!("Time line of {}", incident.subject.name),
        &format!(
            "{} UTC: {}. {}.",
            words::days(incident.started_at, incident.last_at),
            counts.join(", "),
            words::headline(incident)
        ),
    );
    Some(Story { picture, lanes })
}

fn told(placed: &Placed<'_>) -> String {
    let what = words::what(placed.item.kind);
    let mut text = format!("{} {}: {what}", words::date(placed.at), words::time_seconds(placed.at));
    if !placed.item.label.is_empty() {
        text.push_str(", ");
        text.push_str(&words::in_words(&placed.item.label));
    }
    if !placed.item.ip.is_empty() {
        text.push_str(" from ");
        text.push_str(&sanitise(&placed.item.ip));
    }
    text
}

fn ticks(canvas: &mut Canvas, axis: &Axis, y: f64) {
    let mut days = Days::unknown();
    let spans_years = spans_years(axis);
    let mut year_told = String::new();
    for Tick { x, at, is_day, is_fine } in axis.ticks() {
        let [line, label, date] = if is_fine {
            ["tick fine", "tick-label fine", "tick-date fine"]
        } else {
            ["tick", "tick-label", "tick-date"]
        };
        canvas.line(line, (x, y), (x, y + 4.0));
        let align = Align::inside(x);
        if is_day {
            canvas.text(label, x, y + 17.0, align, &words::short_date(at));
            let year = words::year(at);
            if spans_years && !is_fine && year != year_told {
                canvas.text(date, x, y + 31.0, align, &year);
                year_told = year;
            }
            continue;
        }
        canvas.text(label, x, y + 17.0, align, &words::time(at));
        // A fine tick may be hidden, so it cannot be the one that tells the day.
        if !is_fine && days.turns(at) {
            canvas.text(date, x, y + 31.0, align, &words::short_date(at));
        }
    }
}

/// Whether the days of an axis need their year beside them.
fn spans_years(axis: &Axis) -> bool {
    let ticks = axis.ticks();
    match (ticks.first(), ticks.last()) {
        (Some(first), Some(last)) => words::year(first.at) != words::year(last.at),
        _ => false,
    }
}

/// The whole log: each incident at its start, one lane a stage, linked to its place in the page.
pub(super) fn overview(report: &Report<'_>, anchors: &[(&Incident, String)]) -> Option<Picture> {
    const ROW: f64 = 18.0;
    const ROWS_MAX: usize = 4;
    /// Per cent that a shape takes on a phone.
    const SHAPE: f64 = 4.0;
    /// Longer than any vendor keeps its log.
    const LOG_MAX: Span = Span::days(800);
    let starts = anchors.iter().map(|(incident, _)| incident.started_at);
    let (first, last) = (starts.clone().min()?, starts.max()?);
    let mut from = report.read.first_at.unwrap_or(first).min(first);
    let mut to = report.read.last_at.unwrap_or(last).max(last);
    // One record with a broken clock must not squeeze everything else into a corner.
    if to - from > LOG_MAX {
        (from, to) = (first, last);
    }
    let axis = Axis::straight(from, to);
    let mut canvas = Canvas::new();
    let mut y = 4.0;
    for stage in STAGES {
        let mut placed: Vec<(f64, usize, &Incident, &str)> = Vec::new();
        let mut ends = [f64::NEG_INFINITY; ROWS_MAX];
        let mut members: Vec<_> =
            anchors.iter().filter(|(incident, _)| incident.stage == stage).collect();
        members.sort_by_key(|(incident, _)| incident.started_at);
        // What finds no room is counted above the pile; the list below the picture has it too.
        let mut piles: Vec<(f64, u64)> = Vec::new();
        for (incident, anchor) in members {
            let x = axis.x(incident.started_at);
            match ends.iter_mut().enumerate().find(|(_, end)| **end < x) {
                Some((row, end)) => {
                    *end = x + SHAPE;
                    placed.push((x, row, incident, anchor));
                }
                None => match piles.last_mut() {
                    Some((at, count)) if x - *at < 3.0 * SHAPE => *count += 1,
                    _ => piles.push((x, 1)),
                },
            }
        }
        if placed.is_empty() {
            continue;
        }
        let rows = placed.iter().map(|(_, row, _, _)| row + 1).max().unwrap_or(1) as f64;
        let total = placed.len() as u64 + piles.iter().map(|(_, count)| count).sum::<u64>();
        let label = format!("{} ({})", stage.name(), words::number(total));
        canvas.text("lane-label", 0.0, y + 12.0, Align::Start, &label);
        y += 18.0;
        let base = y + ROW * rows;
        canvas.line("lane", (0.0, base), (100.0, base));
        for (x, row, incident, anchor) in placed {
            let told = format!(
                "{} {}: {}, {} {}",
                words::date(incident.started_at),
                words::time(incident.started_at),
                stage.name(),
                sanitise(&incident.subject.name),
                words::headline(incident)
            );
            canvas.open_link(anchor, &told);
            canvas.shape(stage_shape(stage), x, base - ROW * (row as f64 + 0.5) - 1.0, &told);
            canvas.close_link();
        }
        for (x, count) in piles {
            // Above the pile, where no neighbour is; the lane's label keeps the left end.
            let more = format!("+{}", words::number(count));
            let x = x.clamp(18.0, 97.0);
            canvas.text("more", x, base - ROW * rows - 3.0, Align::Middle, &more);
        }
        y = base + 10.0;
    }
    ticks(&mut canvas, &axis, y - 10.0);
    let is_one_line = (to - from) > Span::days(4) && !spans_years(&axis);
    let below = if is_one_line { 22.0 } else { BELOW };
    Some(canvas.finish(
        "overview",
        y - 10.0 + below,
        "All incidents over the time of the log",
        &format!(
            "{} over {}; the table below lists them.",
            words::several_of(anchors.len() as u64, "incident"),
            words::period(from, to)
        ),
    ))
}

/// Prompts by hour of the day (UTC): how many, as a shade and as a number.
pub(super) fn hours(report: &Report<'_>) -> Option<Picture> {
    const CELL: f64 = 38.0;
    let mut counts = [0_u32; 24];
    for incident in report.incidents {
        for placed in marks::place(&report.timeline(incident)) {
            if placed.mark.is_prompt()
                && let Some(count) = counts.get_mut(usize::from(placed.at.hour_of_day()))
            {
                *count += 1;
            }
        }
    }
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    let mut canvas = Canvas::new();
    let width = 100.0 / 24.0;
    for (hour, count) in counts.iter().enumerate() {
        let x = width * hour as f64;
        // Five shades; the number inside says the rest.
        let shade = match (f64::from(*count) / f64::from(most) * 4.0).ceil() as u32 {
            0 => "heat heat-0",
            1 => "heat heat-1",
            2 => "heat heat-2",
            3 => "heat heat-3",
            _ => "heat heat-4",
        };
        canvas.rect(shade, x + 0.2, 0.0, width - 0.4, CELL);
        let middle = x + width / 2.0;
        if *count > 0 {
            let class = match (*count * 2 > most, *count > 99) {
                (true, true) => "heat-number heat-strong heat-long",
                (true, false) => "heat-number heat-strong",
                (false, true) => "heat-number heat-long",
                (false, false) => "heat-number",
            };
            canvas.text(class, middle, CELL / 2.0 + 4.0, Align::Middle, &short(*count));
        }
        if hour % 3 == 0 {
            canvas.text("tick-label", middle, CELL + 16.0, Align::Middle, &format!("{hour:02}"));
        }
    }
    let told: Vec<String> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(hour, count)| format!("{hour:02}h {count}"))
        .collect();
    Some(canvas.finish(
        "hours",
        CELL + 22.0,
        "Prompts of all incidents by hour of the day, UTC",
        &told.join(", "),
    ))
}

/// At most three characters: `999`, `12k`.
fn short(count: u32) -> String {
    if count < 1_000 { count.to_string() } else { format!("{}k", count / 1_000) }
}

/// One row of the evidence: its term and where its bar begins and ends.
pub(super) struct Bar {
    pub(super) bits: f64,
    pub(super) kind: String,
    pub(super) why: String,
    pub(super) picture: Picture,
}

/// Longer than any row is high: the cell cuts the lines off, so that they run through all rows.
const TALL: f64 = 400.0;

/// The evidence as a waterfall: each bar starts where the one before ended. Then the bar of the sum.
pub(super) fn waterfall(incident: &Incident, threshold: Option<f64>) -> (Vec<Bar>, Picture) {
    let terms = words::terms_by_size(incident);
    let mut edges = vec![0.0];
    let mut sum = 0.0;
    for term in &terms {
        sum += term.bits;
        edges.push(sum);
    }
    let all = edges.iter().copied().chain(threshold).chain([incident.evidence_bits]);
    let low = all.clone().fold(0.0, f64::min);
    let high = all.fold(0.0, f64::max).max(low + 1.0);
    let scale = |bits: f64| (bits - low) / (high - low) * 98.0 + 1.0;
    let draw = |from: f64, to: f64, class: &str, height: f64| {
        let mut canvas = Canvas::new();
        if let Some(threshold) = threshold {
            canvas.line("threshold", (scale(threshold), -TALL), (scale(threshold), TALL));
        }
        canvas.line("zero", (scale(0.0), -TALL), (scale(0.0), TALL));
        let (left, right) = (scale(from.min(to)), scale(from.max(to)));
        canvas.rect(class, left, height / 2.0 - 6.0, (right - left).max(0.8), 12.0);
        canvas.decoration(height)
    };
    let mut at = 0.0;
    let bars = terms
        .into_iter()
        .map(|term| {
            let class = if term.bits < 0.0 { "bar against" } else { "bar for" };
            let picture = draw(at, at + term.bits, class, 22.0);
            at += term.bits;
            Bar {
                bits: term.bits,
                kind: words::spaced(&term.kind),
                why: sanitise(&term.why).into_owned(),
                picture,
            }
        })
        .collect();
    (bars, draw(0.0, incident.evidence_bits, "bar sum", 26.0))
}

/// A bar of a count in a table, as a share of the largest.
pub(super) fn share(count: u32, most: u32, foreign: bool) -> Picture {
    let mut canvas = Canvas::new();
    canvas.rect("bar track", 0.0, 4.0, 100.0, 10.0);
    if count > 0 && most > 0 {
        let class = if foreign { "bar for" } else { "bar own" };
        canvas.rect(class, 0.0, 4.0, f64::from(count) / f64::from(most) * 100.0, 10.0);
    }
    canvas.decoration(18.0)
}

/// The id of the shape of a mark.
pub(super) const fn shape(mark: Mark) -> &'static str {
    match mark {
        Mark::Unanswered => "m-unanswered",
        Mark::Denied => "m-denied",
        Mark::Reported => "m-reported",
        Mark::Mismatched => "m-mismatched",
        Mark::Approved => "m-approved",
        Mark::Session => "m-session",
        Mark::Change => "m-change",
        Mark::Own => "m-own",
        Mark::Other => "m-other",
    }
}

/// The id of the shape of a stage.
pub(super) const fn stage_shape(stage: Stage) -> &'static str {
    match stage {
        Stage::Foothold => "s-foothold",
        Stage::Approved => "s-approved",
        Stage::Bombing => "s-bombing",
        Stage::Exposed => "s-exposed",
    }
}
