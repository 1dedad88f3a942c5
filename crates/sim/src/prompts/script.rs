//! Short stories, told once for every fault at every step.

use pushback_model::Span;
use pushback_verify::Purpose;

use super::fault::{Fault, FaultPlan, StepId};
use super::people::{Browser, START};
use super::plan::{Cookie, Deed, Planned, StrangerAsk};
use super::{Broken, BudgetRule, LawSettings, Tally, live};

/// A story: its name, and who does what after how many seconds.
type Story = (&'static str, Vec<(i64, Deed)>);

const WHO: usize = 0;

fn stranger(source: u64, calls: bool) -> Deed {
    Deed::Ask(StrangerAsk {
        who: WHO,
        source,
        countries_away: 0,
        is_hosting: false,
        rp: 1,
        others_asked: 0,
        purpose: Purpose::SignIn,
        calls,
        cancels_after_ms: None,
        cookie: Cookie::None,
    })
}

fn own(rp: u8) -> Deed {
    Deed::SignIn { who: WHO, browser: Browser::Usual, rp, is_abroad: false }
}

fn stories() -> Vec<Story> {
    vec![
        ("the owner signs in", vec![(10, own(0))]),
        ("two own sign-ins at once", vec![(10, own(0)), (10, own(1))]),
        ("a stranger asks just before", vec![(9, stranger(7, false)), (10, own(0))]),
        (
            "five strangers, then the owner",
            (0..5).map(|n| (n * 3, stranger(n as u64, false))).chain([(100, own(0))]).collect(),
        ),
        (
            "a report while a prompt is open",
            vec![
                (10, stranger(1, false)),
                (12, Deed::Report { who: WHO, by_phone: true }),
                (13, stranger(2, false)),
                (400, Deed::CleanUp { who: WHO }),
                (800, own(0)),
            ],
        ),
        ("a caller with the code", vec![(10, stranger(1, true)), (300, own(0))]),
        (
            "a reset by two people",
            vec![(10, Deed::Reset { who: WHO, is_wanted: true }), (86_000, own(0))],
        ),
        ("a new phone", vec![(10, Deed::NewPhone { who: WHO }), (300, own(0))]),
        ("a recovery", vec![(10, Deed::Recover { who: WHO, is_right: true }), (300, own(0))]),
    ]
}

/// Tells every story once without faults, then once for each fault at each step, then with pairs of
/// faults, of which every `pairs_every`-th is tried (1: all; 0: none).
///
/// # Errors
/// The law that broke first, with the story's name in front of what was seen.
pub fn check_every_fault(pairs_every: usize, rule: BudgetRule) -> Result<Tally, Box<Broken>> {
    let settings = LawSettings { people: 2, days: 2, nodes: 2, rule };
    let mut total = Tally::default();
    for (seed, (name, story)) in (4_u64..).zip(stories()) {
        let acts: Vec<Planned> = story
            .into_iter()
            .zip(1..)
            .map(|((seconds, deed), no)| Planned {
                at: START + Span::hours(9) + Span::seconds(seconds),
                no,
                deed,
            })
            .collect();
        let mut tell = |faults: Vec<(StepId, Fault)>| {
            let told = live(seed, &settings, acts.clone(), FaultPlan::Only(faults), None);
            let told = told.map_err(|mut broken| {
                broken.what = format!("{name}: {}", broken.what);
                broken
            })?;
            total.merge(&told);
            Ok::<(), Box<Broken>>(())
        };
        let singles = super::shrink::every_fault(seed, &settings, &acts);
        tell(Vec::new())?;
        for fault in &singles {
            tell(vec![*fault])?;
        }
        let mut count = 0_usize;
        for (at, first) in singles.iter().enumerate() {
            for second in singles.iter().skip(at + 1) {
                count += 1;
                if pairs_every > 0 && count.is_multiple_of(pairs_every) && first.0 != second.0 {
                    tell(vec![*first, *second])?;
                }
            }
        }
    }
    Ok(total)
}
