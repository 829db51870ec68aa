//! Where the stages of a load report what they find.

use super::defect::{Defect, Defects, Problem, Severity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row of a file: number of the file in the load, line.
pub(crate) type RowId = (usize, u32);

/// Defects as they are found.
#[derive(Debug)]
pub(crate) struct Log {
    limit: usize,
    skip: bool,
    /// Errors, except those of rows that are left out.
    pub errors: Defects,
    /// Warnings.
    pub warnings: Defects,
    /// If bad rows are left out: all that is wrong with each.
    pub rows: BTreeMap<RowId, Vec<Defect>>,
}

impl Log {
    /// An empty log that keeps `limit` defects of each kind and file, and, if rows are left out, all of theirs.
    pub fn new(limit: usize, skip: bool) -> Self {
        Self { limit, skip, errors: Defects::default(), warnings: Defects::default(), rows: BTreeMap::new() }
    }

    /// Whether one more defect of this kind is kept, so that the trouble of describing it is worth it.
    pub fn wants(&self, file: &Arc<str>, problem: &Problem) -> bool {
        self.skip && problem.in_row() || self.errors.count(file, problem.code()) < self.limit
    }

    /// Reports a problem of a row or of a whole file. `make` describes it and is called only if the description is kept.
    pub fn add(&mut self, at: Option<RowId>, file: &Arc<str>, problem: Problem, make: impl FnOnce(Problem) -> Defect) {
        let code = problem.code();
        if code.starts_with('W') {
            return self.warnings.add(self.limit, file, code, || make(problem));
        }
        match at {
            Some(row) if self.skip && problem.in_row() => self.rows.entry(row).or_default().push(make(problem)),
            _ => self.errors.add(self.limit, file, code, || make(problem)),
        }
    }

    /// Reports a described defect that concerns no row.
    pub fn push(&mut self, d: Defect) {
        let to = if d.severity() == Severity::Warning { &mut self.warnings } else { &mut self.errors };
        to.push(self.limit, d);
    }

    /// Takes over another log.
    pub fn absorb(&mut self, other: Log) {
        self.errors.absorb(self.limit, other.errors);
        self.warnings.absorb(self.limit, other.warnings);
        for (row, mut defects) in other.rows {
            self.rows.entry(row).or_default().append(&mut defects);
        }
    }
}
