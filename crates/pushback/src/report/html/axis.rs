//! A time axis that spends its room where something happened.
//!
//! Seven prompts within ten minutes and a token a day later do not fit one scale: the prompts would
//! be one dot. Long empty stretches are cut out; each cut is drawn as a break that names its length.

use pushback_model::{Span, Timestamp};

use super::picture::Align;

/// Cuts at most; more would make the axis hard to read on a phone.
const BREAKS_MAX: usize = 3;
/// The shortest empty stretch that is cut out.
const BREAK_MIN: Span = Span::minutes(5);
/// An empty stretch is cut out if it takes more than this share of what is left.
const BREAK_SHARE: f64 = 0.35;
/// The shortest stretch that fills an axis: two seconds should look like an instant.
const LENGTH_MIN: Span = Span::minutes(2);
/// Per cent of the width that a break takes.
const BREAK_WIDTH: f64 = 7.0;
/// Per cent left free at either end, so that shapes are not cut off.
const MARGIN: f64 = 3.0;
/// Per cent that a label takes on a desk, where a picture is at least 500 pixels wide.
const LABEL_WIDTH: f64 = 9.0;
/// Per cent that a label takes on a phone, where a picture may be only 180 pixels wide.
const LABEL_WIDTH_PHONE: f64 = 24.0;
/// The share of the room that every segment gets at least.
const SEGMENT_MIN: f64 = 0.12;

/// The axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq)]
struct Segment {
    from: Timestamp,
    to: Timestamp,
    left: f64,
    right: f64,
}

/// A labelled point of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// Per cent of the width.
    pub x: f64,
    /// When.
    pub at: Timestamp,
    /// Whether ticks are days or more apart, so that the time of day says nothing.
    pub is_day: bool,
    /// Whether a phone has no room for its label.
    pub is_fine: bool,
}

impl Axis {
    /// An axis for these instants, in any order; with none, an axis of nothing.
    #[must_use]
    pub fn broken(times: impl IntoIterator<Item = Timestamp>) -> Self {
        let mut times: Vec<Timestamp> = times.into_iter().collect();
        times.sort_unstable();
        let cuts = cuts(&times);
        let mut segments: Vec<(Timestamp, Timestamp, usize)> = Vec::new();
        for (i, at) in times.iter().enumerate() {
            match segments.last_mut() {
                Some((_, to, count)) if !cuts.contains(&i) => {
                    *to = *at;
                    *count += 1;
                }
                _ => segments.push((*at, *at, 1)),
            }
        }
        if let [(from, to, _)] = segments.as_mut_slice()
            && from < to
        {
            *to = (*to).max(*from + LENGTH_MIN);
        }
        Self { segments: laid_out(&segments, times.len()) }
    }

    /// An axis without breaks.
    #[must_use]
    pub fn straight(from: Timestamp, to: Timestamp) -> Self {
        Self {
            segments: vec![Segment { from, to: to.max(from), left: MARGIN, right: 100.0 - MARGIN }],
        }
    }

    /// Where an instant lies, in per cent of the width; one inside a break lies at its start.
    #[must_use]
    pub fn x(&self, at: Timestamp) -> f64 {
        let Some(segment) = self
            .segments
            .iter()
            .rev()
            .find(|segment| segment.from <= at)
            .or_else(|| self.segments.first())
        else {
            return 50.0;
        };
        segment.x(at)
    }

    /// The breaks: from, to (per cent), and what was cut out.
    #[must_use]
    pub fn breaks(&self) -> Vec<(f64, f64, Span)> {
        self.segments
            .iter()
            .zip(self.segments.iter().skip(1))
            .map(|(before, after)| (before.right, after.left, after.from - before.to))
            .collect()
    }

    /// The labelled points, far enough apart to be read side by side.
    #[must_use]
    pub fn ticks(&self) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        let (mut end, mut end_on_phone) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for mut tick in self.segments.iter().flat_map(Segment::ticks) {
            let (left, right) = Align::extent(tick.x, LABEL_WIDTH);
            if left < end {
                continue;
            }
            end = right;
            let (left, right) = Align::extent(tick.x, LABEL_WIDTH_PHONE);
            tick.is_fine = left < end_on_phone;
            if !tick.is_fine {
                end_on_phone = right;
            }
            ticks.push(tick);
        }
        ticks
    }
}

impl Segment {
    fn x(&self, at: Timestamp) -> f64 {
        let length = (self.to - self.from).as_seconds_f64();
        if length <= 0.0 {
            return f64::midpoint(self.left, self.right);
        }
        let share = ((at - self.from).as_seconds_f64() / length).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }

    fn ticks(&self) -> Vec<Tick> {
        const MINUTE: i64 = 60_000;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        const STEPS: [i64; 25] = [
            MINUTE,
            2 * MINUTE,
            5 * MINUTE,
            10 * MINUTE,
            15 * MINUTE,
            30 * MINUTE,
            HOUR,
            2 * HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            3 * DAY,
            4 * DAY,
            5 * DAY,
            7 * DAY,
            14 * DAY,
            28 * DAY,
            91 * DAY,
            182 * DAY,
            365 * DAY,
            2 * 365 * DAY,
            5 * 365 * DAY,
            10 * 365 * DAY,
        ];
        let room = ((self.right - self.left) / LABEL_WIDTH).floor() as i64;
        let length = (self.to - self.from).as_millis();
        let start = Tick { x: self.x(self.from), at: self.from, is_day: false, is_fine: false };
        let step = STEPS.into_iter().find(|step| length / step < room.max(1));
        let Some(step) = step.filter(|step| room >= 2 && length >= *step) else {
            return vec![start];
        };
        let first = self.from.as_millis().div_euclid(step) * step;
        let ticks: Vec<Tick> = (0..=room)
            .map(|n| Timestamp::from_millis(first + n * step))
            .filter(|at| *at >= self.from && *at <= self.to)
            .map(|at| Tick { x: self.x(at), at, is_day: step >= DAY, is_fine: false })
            .collect();
        // Two round times or more tell the scale; fewer do not, and then the ends tell it.
        match ticks.as_slice() {
            [_, _, ..] => ticks,
            _ => vec![start, Tick { x: self.x(self.to), at: self.to, ..start }],
        }
    }
}

/// The places (index of the instant after it) where the axis is cut, the longest stretch first.
fn cuts(times: &[Timestamp]) -> Vec<usize> {
    let mut gaps: Vec<(Span, usize)> = times
        .iter()
        .zip(times.iter().skip(1))
        .enumerate()
        .map(|(i, (a, b))| (*b - *a, i + 1))
        .collect();
    gaps.sort_by_key(|&(gap, at)| (std::cmp::Reverse(gap), at));
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let mut left = (*last - *first).as_seconds_f64();
    let mut cuts = Vec::new();
    for (gap, at) in gaps.into_iter().take(BREAKS_MAX) {
        if gap < BREAK_MIN || gap.as_seconds_f64() < BREAK_SHARE * left || times.len() < 3 {
            break;
        }
        left -= gap.as_seconds_f64();
        cuts.push(at);
    }
    cuts
}

/// Shares the width: half by how much happened in a segment, half by how long it is.
fn laid_out(segments: &[(Timestamp, Timestamp, usize)], instants: usize) -> Vec<Segment> {
    let length = |&(from, to, _): &(Timestamp, Timestamp, usize)| (to - from).as_seconds_f64();
    let total: f64 = segments.iter().map(length).sum();
    let shares: Vec<f64> = segments
        .iter()
        .map(|segment| {
            let by_count = segment.2 as f64 / instants.max(1) as f64;
            let by_length = if total > 0.0 { length(segment) / total } else { by_count };
            f64::midpoint(by_count, by_length).max(SEGMENT_MIN)
        })
        .collect();
    let sum: f64 = shares.iter().sum();
    let breaks = segments.len().saturating_sub(1) as f64;
    let room = 100.0 - 2.0 * MARGIN - BREAK_WIDTH * breaks;
    let mut left = MARGIN;
    segments
        .iter()
        .zip(shares)
        .map(|(&(from, to, _), share)| {
            let right = left + room * share / sum;
            let segment = Segment { from, to, left, right };
            left = right + BREAK_WIDTH;
            segment
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(1_773_457_200 + minutes * 60)
    }

    #[test]
    fn a_day_between_two_bursts_is_cut_out() {
        let axis = Axis::broken([0, 1, 2, 1_500, 1_501].map(at));
        let breaks = axis.breaks();
        assert_eq!(breaks.len(), 1);
        assert_eq!(breaks[0].2, Span::minutes(1_498));
        assert!(axis.x(at(2)) - axis.x(at(0)) > 20.0);
    }

    #[test]
    fn one_prompt_a_day_needs_no_break() {
        let axis = Axis::broken([0, 1_440, 2_880, 4_320].map(at));
        assert!(axis.breaks().is_empty());
    }

    #[test]
    fn an_axis_of_years_has_more_than_one_tick() {
        for days in [400, 800, 1_500, 4_000, 10_000] {
            let axis = Axis::straight(at(0), at(days * 24 * 60));
            let ticks = axis.ticks();
            assert!(ticks.len() >= 2, "{days} days: {ticks:?}");
            assert!(ticks.iter().all(|tick| tick.is_day), "{days} days: {ticks:?}");
        }
    }

    #[test]
    fn one_instant_stands_in_the_middle_and_none_is_no_error() {
        assert_eq!(Axis::broken([at(0)]).x(at(0)), 50.0);
        assert_eq!(Axis::broken([]).x(at(0)), 50.0);
        assert!(Axis::broken([]).ticks().is_empty());
    }

    proptest! {
        #[test]
        fn later_is_never_further_left(mut minutes in prop::collection::vec(0_i64..20_000, 1..40)) {
            let axis = Axis::broken(minutes.iter().map(|m| at(*m)));
            minutes.sort_unstable();
            let xs: Vec<f64> = minutes.iter().map(|m| axis.x(at(*m))).collect();
            prop_assert!(xs.is_sorted());
            prop_assert!(xs.iter().all(|x| (0.0..=100.0).contains(x)));
            let ticks = axis.ticks();
            prop_assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(&tick.x)));
            prop_assert!(ticks.len() <= 12);
            prop_assert!(ticks.iter().any(|tick| !tick.is_fine));
        }
    }
}
