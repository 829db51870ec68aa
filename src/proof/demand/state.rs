//! Provers over the same facts: forks, changes that are tried, and what was looked at.

use super::{Change, Prover};
use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::engine::naive::heap::Heap;
use crate::engine::store::{Database, Table};
use crate::engine::symbol::Symbols;
use crate::engine::value::{self, Word};
use crate::lang::program::{Const, Prim, RelId};
use crate::proof::given::{Given, Source as Far};
use crate::proof::graph;
use rustc_hash::FxHashSet;
use std::rc::Rc;

impl Prover<'_> {
    /// A prover over the same facts as they were given, that has concluded nothing yet.
    #[must_use]
    pub fn fork(&self) -> Self {
        let n = self.given.len();
        Self {
            program: self.program,
            symbols: self.symbols.clone(),
            fixed: Rc::clone(&self.fixed),
            plans: Rc::clone(&self.plans),
            given: self.given.iter().map(Given::as_given).collect(),
            derived: self.program.relations.iter().map(|r| Heap::new(r.arity())).collect(),
            touched: vec![FxHashSet::default(); n],
            calls: (0..n).map(|_| Vec::new()).collect(),
            asked: vec![0; n],
            consumers: Vec::new(),
            agenda: vec![Vec::new(); self.agenda.len()],
            low: 0,
            spare: Vec::new(),
            sizes: self.sizes.clone(),
            far: self.far.clone(),
            most_calls: self.most_calls,
            steps: 0,
            most_steps: self.most_steps,
            complete: false,
            faulted: false,
        }
    }

    /// All rows of a relation worked out by demand, sorted; `None` when that took too many steps or met a functor without
    /// value, which only a run of everything can judge.
    ///
    /// # Errors
    /// When a stated limit is met.
    pub fn within_steps(&mut self, rel: RelId) -> Result<Option<Table>, Limit> {
        if !self.fixed.rules_of[rel.index()].is_empty() {
            self.question(rel, &[], &[]);
            if !self.drain()? || self.faulted {
                return Ok(None);
            }
        }
        let mut numbers = Vec::new();
        self.rows(rel, &[], &[], &mut numbers);
        let width = self.program.rel(rel).arity();
        if width == 0 {
            return Ok(Some(if numbers.is_empty() { Table::new(0) } else { Table::unit() }));
        }
        let mut rows: Vec<&[Word]> = numbers.iter().map(|n| self.row(rel, *n)).collect();
        rows.sort_unstable();
        rows.dedup();
        Ok(Some(Table::from_sorted(width, rows.concat())))
    }

    /// Forgets everything concluded and all earlier changes, and makes these: removals of rows as given, then additions.
    pub fn change(&mut self, changes: &[Change]) {
        for g in &mut self.given {
            g.undo();
        }
        for (rel, row, _) in changes {
            let columns: Vec<usize> = (0..row.len()).collect();
            self.reach(*rel, &columns, row);
        }
        for (rel, row, _) in changes.iter().filter(|c| !c.2) {
            self.given[rel.index()].remove(row);
        }
        for (rel, row, _) in changes.iter().filter(|c| c.2) {
            self.given[rel.index()].add(row);
        }
        self.forget();
    }

    /// All given facts as they now stand.
    #[must_use]
    pub fn given(&mut self) -> Database {
        self.reach_all();
        Database { symbols: self.symbols.clone(), tables: self.given.iter().map(Given::table).collect() }
    }

    /// Forgets everything concluded and looked at.
    fn forget(&mut self) {
        for (heap, rel) in self.derived.iter_mut().zip(&self.program.relations) {
            if !heap.is_empty() {
                *heap = Heap::new(rel.arity());
            }
        }
        self.touched.iter_mut().for_each(FxHashSet::clear);
        self.calls.iter_mut().for_each(Vec::clear);
        self.asked.fill(0);
        self.consumers.clear();
        self.agenda.iter_mut().for_each(Vec::clear);
        (self.low, self.steps, self.complete, self.faulted) = (0, 0, false, false);
    }

    /// Given rows of a relation with those values in those columns.
    pub(in crate::proof) fn given_rows(&mut self, rel: RelId, columns: &[usize], key: &[Word]) -> Vec<Vec<Word>> {
        self.reach(rel, columns, key);
        let given = &mut self.given[rel.index()];
        let mut numbers = Vec::new();
        given.matching(columns, key, &mut numbers);
        numbers.into_iter().map(|n| given.row(n as usize).to_vec()).collect()
    }

    /// Some value of a column of the given rows of a relation.
    pub(in crate::proof) fn some_value(&self, rel: RelId, column: usize) -> Option<Word> {
        self.given[rel.index()].some().map(|row| row[column])
    }

    /// Sees to it that all given rows with those values in those columns are here.
    pub(super) fn reach(&mut self, rel: RelId, columns: &[usize], key: &[Word]) {
        let Some(far) = self.far.as_ref().filter(|_| self.given[rel.index()].lacks(columns, key)) else { return };
        let of = &self.program.rel(rel).columns;
        let constant = |(c, w): (&usize, &Word)| graph::constant(of[*c].prim, *w, &self.symbols);
        let asked: Vec<Const> = columns.iter().zip(key).map(constant).collect();
        let found = far.fetch(rel, columns, &asked);
        let given = &mut self.given[rel.index()];
        for values in &found.rows {
            let row: Vec<Word> = values.iter().map(|v| self.symbols.word(v)).collect();
            given.fetched(&row);
        }
        given.covers(found.by.and_then(|c| Some((c, key[columns.iter().position(|x| *x == c)?]))));
    }

    /// Sees to it that all given rows are here.
    pub(super) fn reach_all(&mut self) {
        for i in 0..self.given.len() {
            self.reach(RelId(i as u32), &[], &[]);
        }
    }

    /// The largest number in the given rows.
    pub(in crate::proof) fn largest(&self) -> Option<i32> {
        let mut most = None;
        for (rel, given) in self.program.relations.iter().zip(&self.given) {
            for (c, _) in rel.columns.iter().enumerate().filter(|(_, c)| c.prim == Prim::Number) {
                most = most.max(given.rows().map(|row| value::to_number(row[c])).max());
            }
        }
        most
    }
}

/// Tells tables whose further rows lie in a source what is there and what of it is here; gives the number of rows there.
pub(super) fn reach_out(far: &dyn Far, given: &mut [Given], symbols: &mut Symbols) -> usize {
    let mut total = 0;
    for (i, given) in given.iter_mut().enumerate() {
        let rel = RelId(i as u32);
        if !far.keeps(rel) {
            continue;
        }
        given.set_distant();
        for by in far.covered(rel) {
            given.covers(by.map(|(c, v)| (c, symbols.word(&v))));
        }
        total += far.rows(rel) as usize;
    }
    total
}
