//! The fast engine against the naive one on random programs given as text, for one thread and two.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod random;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use random::{Shape, compile, rows};
use zhuize::engine::store::Database;
use zhuize::engine::{Limit, Options, evaluate, naive};
use zhuize::lang::program::RelId;

fn agree(text: &str) -> Result<(), TestCaseError> {
    let program = compile(text);
    let slow = naive::evaluate(&program, Database::new(&program));
    for threads in [1, 2] {
        let options = Options { threads, ..Options::default() };
        let run = || evaluate(&program, Database::new(&program), &options).map(|(db, _)| db);
        // A panic is a difference too, and the text says where to look.
        let Ok(fast) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) else {
            return Err(TestCaseError::fail(format!("the fast engine panics with {threads} threads on\n{text}")));
        };
        match (&slow, &fast) {
            (Ok(slow), Ok(fast)) => {
                for (a, b) in rows(&program, slow).iter().zip(rows(&program, fast)) {
                    prop_assert_eq!(a, &b, "naive against fast with {} threads in\n{}", threads, text);
                }
            }
            // A functor without value: which literal meets it first depends on the order of evaluation.
            (Err(Limit::Fault { .. }), _) | (_, Err(Limit::Fault { .. })) => {}
            (a, b) => {
                let (a, b) = (a.as_ref().err(), b.as_ref().err());
                return Err(TestCaseError::fail(format!("naive {a:?}, fast {b:?} in\n{text}")));
            }
        }
    }
    let Ok(slow) = &slow else { return Ok(()) };
    let slow = rows(&program, slow);
    // Whoever wants one relation gets it whole, whatever the engine then leaves out of the others.
    let all = program.relations.len();
    for wanted in [text.len() % all, all - 1] {
        let options = Options { threads: 1, wanted: Some(vec![RelId(wanted as u32)]), ..Options::default() };
        let fast = match evaluate(&program, Database::new(&program), &options) {
            Ok((db, _)) => db,
            Err(Limit::Fault { .. }) => continue,
            Err(e) => return Err(TestCaseError::fail(format!("{e:?} in\n{text}"))),
        };
        let name = &program.relations[wanted].name;
        let of = |rows: &[(String, Vec<String>)]| rows.iter().find(|r| r.0 == *name).cloned();
        prop_assert_eq!(of(&slow), of(&rows(&program, &fast)), "only {} is wanted of\n{}", name, text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config {
        cases: random::cases(4000),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: 4000,
        ..Config::default()
    })]

    #[test]
    fn fast_equals_naive_on_rich_programs(tape in prop::collection::vec(any::<u8>(), 0..400)) {
        agree(&random::program(&tape, &Shape { derived: 6, rules: 3, facts: 10, rich: true }))?;
    }

    #[test]
    fn fast_equals_naive_on_recursive_programs(tape in prop::collection::vec(any::<u8>(), 0..300)) {
        agree(&random::program(&tape, &Shape { derived: 4, rules: 4, facts: 14, rich: false }))?;
    }
}

/// The generator would prove nothing if its programs concluded nothing.
#[test]
fn random_programs_conclude_something_and_use_every_literal() {
    let mut derived = 0;
    let mut filled = 0;
    let mut faults = 0;
    let (mut open, mut witnesses, mut wraps) = (0, 0, 0);
    let mut seen = [0; 6];
    for seed in 0..300u64 {
        let text = random::program(&random::tape(seed, 400), &Shape { derived: 6, rules: 3, facts: 10, rich: true });
        let signs = [":- !", "count :", "range(", "cat(", " = mean", "contains("];
        for (n, sign) in seen.iter_mut().zip(signs) {
            *n += usize::from(text.contains(sign));
        }
        let program = compile(&text);
        open += usize::from(program.open_aggregates().contains(&true));
        // Variables with such names are those of aggregates, but for witnesses.
        let outer = |r: &&zhuize::lang::program::Rule| !program.rel(r.head).name.starts_with('$');
        let inner = |r: &zhuize::lang::program::Rule| r.vars.iter().any(|v| v.name.contains("in"));
        witnesses += usize::from(program.rules.iter().filter(outer).any(inner));
        wraps += usize::from(text.contains("wrap"));
        let Ok(db) = naive::evaluate(&program, Database::new(&program)) else {
            faults += 1;
            continue;
        };
        for (name, rows) in rows(&program, &db) {
            if name.starts_with('d') {
                derived += 1;
                filled += usize::from(!rows.is_empty());
            }
        }
    }
    assert!(filled * 5 > derived * 2, "{filled} of {derived} derived relations have rows");
    assert!(faults < 10, "{faults} programs meet a fault");
    assert!(seen.iter().all(|n| *n > 10), "{seen:?}");
    assert!(open > 3 && witnesses > 3 && wraps > 3, "{open} {witnesses} {wraps}");
}
