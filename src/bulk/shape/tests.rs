//! The quick way to a skeleton and the way over a full record agree.

#![allow(clippy::unwrap_used)] // tests may fail loudly

use super::{Orders, Rules, Shapes};
use crate::bulk::{self, Request};
use crate::engine::shards::Every;
use crate::engine::store::Database;
use crate::engine::{self, Options, Profile};
use crate::lang::date;
use crate::lang::program::RelId;
use crate::proof::record::Ground as _;
use crate::proof::whole::Whole;
use crate::rulebook::{RuleTree, Rulebook};
use std::sync::Arc;

/// The demo casebase with all conclusions, and which rules gave them.
fn finished(book: &Rulebook) -> (Database, Profile) {
    let request = Request::new("facts/demo", date::parse_iso("2025-06-30").unwrap());
    let given = bulk::load(book, &request).unwrap().database;
    let all = Arc::new(vec![true; book.program.relations.len()]);
    let options = Options { threads: 1, givers: Some(all), ..Options::default() };
    engine::evaluate(&book.program, given, &options).unwrap()
}

/// Looks at rows of all relations, and says of how many, and how many relations have rows with several skeletons.
fn compare(book: &Rulebook, whole: &Whole<'_>, givers: &Every) -> (usize, usize) {
    let (within, ends) = (vec![true; book.program.rules.len()], vec![false; book.program.relations.len()]);
    let orders = Orders::default();
    let rules = Rules { within: &within, ends: &ends, givers, orders: &orders };
    let mut shapes = Shapes::new(book, whole.clone(), rules);
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
    (compared, varied)
}

#[test]
fn skeletons_are_those_of_a_full_record() {
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.unwrap();
    let (database, profile) = finished(&book);
    let whole = Whole::new(&book.program, database);
    // With what the engine says of who gave which row, and without.
    for givers in [&profile.givers, &Every::new()] {
        let (compared, varied) = compare(&book, &whole, givers);
        assert!(compared > 2000 && varied > 40, "{compared} rows, {varied} relations with several skeletons");
    }
}

#[test]
fn givers_are_the_rules_that_match() {
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.unwrap();
    let (database, profile) = finished(&book);
    let (mut rows, mut shared) = (0, 0);
    for (rel, givers) in &profile.givers {
        let table = database.table(*rel);
        let mut counts = vec![0; givers.rules.len()];
        for row in 0..table.len() {
            let bits = givers.bits(row);
            shared += usize::from(bits.count_ones() > 1);
            rows += 1;
            (0..counts.len()).for_each(|i| counts[i] += usize::from(bits >> i & 1 == 1));
        }
        // Each rule by itself gives as many rows as bear its bit.
        let gave: Vec<usize> = givers.rules.iter().map(|r| profile.rules[r.index()].rows_out).collect();
        assert_eq!(counts, gave, "{}", book.program.rel(*rel).name);
    }
    assert!(rows > 5000 && shared > 100, "{rows} rows, {shared} of several rules");
}
