//! The quick way to a skeleton and the way over a full record agree.

#![allow(clippy::unwrap_used)] // tests may fail loudly

use super::Shapes;
use crate::bulk::{self, Request};
use crate::lang::date;
use crate::lang::program::RelId;
use crate::proof::record::Ground as _;
use crate::proof::whole::Whole;
use crate::rulebook::{RuleTree, Rulebook};

#[test]
fn skeletons_are_those_of_a_full_record() {
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.unwrap();
    let request = Request {
        facts: "facts/demo".into(),
        as_of: date::parse_iso("2025-06-30").unwrap(),
        skip_bad_rows: false,
        set: Vec::new(),
        origins: false,
        encoding: None,
        threads: 1,
        memory: None,
    };
    let run = bulk::run(&book, &request, |_| {}).unwrap();
    let whole = Whole::new(&book.program, run.database);
    let mut shapes = Shapes::new(&book, whole.clone());
    let (mut compared, mut varied) = (0, 0);
    for i in 0..book.program.relations.len() {
        let rel = RelId(i as u32);
        if whole.rules_of(rel).is_empty() {
            continue;
        }
        let rows = whole.table(rel).len();
        // All rows of what is concluded about few, some of what is concluded about many.
        let every = 1 + rows / 40;
        let mut seen = std::collections::BTreeSet::new();
        for row in (0..rows as u32).step_by(every) {
            let quick = shapes.of(rel, row).unwrap();
            let slow = if whole.is_given(rel, row) { quick } else { shapes.by_record(rel, row).unwrap() };
            let name = |n: Option<u32>| n.map(|n| shapes.describe(n));
            assert_eq!(name(quick), name(slow), "{} row {row}", book.program.rel(rel).name);
            assert!(quick.is_some());
            compared += 1;
            seen.insert(quick);
        }
        varied += usize::from(seen.len() > 1);
    }
    assert!(compared > 2000 && varied > 40, "{compared} rows, {varied} relations with several skeletons");
}
