//! What a certificate only says is computed: the absence of patterns and the rows of aggregates, over the facts listed or
//! over a casebase.

use super::Options;
use super::check::Checker;
use super::problem::{Kind, Problem, both, data};
use super::read::{Question, Slot};
use super::solve::{Row, Solver, TooMuch};
use super::store::{Cell, Store};
use super::term;
use crate::lang::program::{Const, Program, RelId};
use std::collections::HashSet;

/// Something to be computed over a set of rows.
pub(super) enum Query<'c> {
    /// No row of the pattern.
    Absent { at: &'c str, rel: RelId, slots: Vec<Slot> },
    /// Exactly these rows, by the numbers of their facts, belong to the group.
    Group { at: String, rel: RelId, group: Vec<Const>, rows: Vec<usize> },
}

/// Number of answers of a question over the rows of a store; `None` where that takes too much work or a term has no value.
pub(super) fn answers_of(program: &Program, q: &Question, store: &mut Store, options: &Options) -> Option<usize> {
    let mut solver = Solver::new(program, store, options.most_steps);
    let pattern: Vec<Option<Cell>> =
        q.slots.iter().map(|s| if let Slot::Value(c) = s { Some(solver.store.cell(c)) } else { None }).collect();
    let rows = solver.solve(q.rel, &pattern).ok()?;
    let same = |row: &&Row| q.slots.iter().enumerate().all(|(i, s)| !matches!(s, Slot::Same(c) if row[i] != row[*c]));
    solver.faults.is_empty().then(|| rows.iter().filter(same).count())
}

/// A fact or pattern as people write it.
#[must_use]
pub fn show(program: &Program, rel: RelId, slots: &[Slot]) -> String {
    let cells = slots.iter().enumerate().map(|(i, s)| match s {
        Slot::Value(c) => {
            let date = program.rel(rel).columns.get(i).is_some_and(|c| program.types[c.ty.index()].date);
            match c {
                Const::Number(n) if date => {
                    let iso = crate::lang::date::iso(*n);
                    if iso.is_empty() { n.to_string() } else { iso }
                }
                c => term::show(c),
            }
        }
        Slot::Open => "_".to_owned(),
        Slot::Same(c) => format!("={c}"),
    });
    format!("{}({})", program.rel(rel).name, cells.collect::<Vec<_>>().join(","))
}

/// A fact as people write it.
pub(super) fn show_fact(program: &Program, rel: RelId, values: &[Const]) -> String {
    show(program, rel, &values.iter().cloned().map(Slot::Value).collect::<Vec<_>>())
}

impl<'c> Checker<'_, 'c> {
    /// Computes what the certificate only says, over the rows of a store.
    pub(super) fn compute(&mut self, queries: &[Query<'c>], store: &mut Store, options: &Options, base: bool) {
        let mut solver = Solver::new(self.program, store, options.most_steps);
        for query in queries {
            let (at, result) = match query {
                Query::Absent { at, rel, slots } => (*at, self.absent(&mut solver, at, *rel, slots, base)),
                Query::Group { at, rel, group, rows } => {
                    (at.as_str(), self.group(&mut solver, at, *rel, group, rows, base))
                }
            };
            for (rule, what) in std::mem::take(&mut solver.faults) {
                let place = self.program.place(self.program.rules[rule].span);
                self.add(Kind::NoValue, at, data(format!("{place} {what}")), both("一个值", "a value"));
            }
            if result == Err(TooMuch) {
                let most = options.most_steps;
                let found = both(format!("超过 {most} 步"), format!("more than {most} steps"));
                self.add(Kind::Limit, at, found, both("更少", "fewer"));
                return;
            }
        }
    }

    fn absent(
        &mut self,
        solver: &mut Solver<'_, '_>,
        at: &str,
        rel: RelId,
        wanted: &[Slot],
        base: bool,
    ) -> Result<(), TooMuch> {
        let pattern: Vec<Option<Cell>> =
            wanted.iter().map(|s| if let Slot::Value(c) = s { Some(solver.store.cell(c)) } else { None }).collect();
        let rows = solver.solve(rel, &pattern)?;
        let same = |row: &Row| wanted.iter().enumerate().all(|(i, s)| !matches!(s, Slot::Same(c) if row[i] != row[*c]));
        if let Some(row) = rows.iter().find(|r| same(r)) {
            let values: Vec<Const> = row.iter().map(|c| solver.store.value(*c)).collect();
            let found = data(show_fact(self.program, rel, &values));
            let pattern = show(self.program, rel, wanted);
            let expected = both(format!("没有 {pattern}"), format!("no {pattern}"));
            self.add(if base { Kind::PresentInBase } else { Kind::Present }, at, found, expected);
        }
        Ok(())
    }

    fn group(
        &mut self,
        solver: &mut Solver<'_, '_>,
        at: &str,
        rel: RelId,
        group: &[Const],
        rows: &[usize],
        base: bool,
    ) -> Result<(), TooMuch> {
        let mut pattern: Vec<Option<Cell>> = group.iter().map(|c| Some(solver.store.cell(c))).collect();
        pattern.resize(self.program.rel(rel).arity(), None);
        let are = solver.solve(rel, &pattern)?;
        let mut listed: HashSet<Row> = HashSet::new();
        let kind = if base { Kind::RowsInBase } else { Kind::Rows };
        let follow: HashSet<&Row> = are.iter().collect();
        for n in rows {
            let (is, _, fact) = &self.facts[*n];
            let row: Row = fact.values.iter().map(|v| solver.store.cell(v)).collect();
            if *is != rel || !follow.contains(&row) {
                let found = data(show_fact(self.program, *is, &fact.values));
                let count = are.len();
                let expected =
                    both(format!("该组得出的 {count} 行之一"), format!("one of the {count} rows of the group"));
                self.problems.push(Problem { kind, at: at.to_owned(), found, expected });
            }
            listed.insert(row);
        }
        for row in are.iter().filter(|r| !listed.contains(*r)) {
            let values: Vec<Const> = row.iter().map(|c| solver.store.value(*c)).collect();
            let found = both("未列出", "it is not listed");
            self.add(kind, at, found, data(show_fact(self.program, rel, &values)));
        }
        Ok(())
    }
}
