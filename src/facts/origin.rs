//! Where each given row comes from.

use super::rows::unmark;
use crate::engine::store::Database;
use crate::engine::value::Word;
use crate::lang::program::RelId;
use std::sync::Arc;

/// The place of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Line.
    pub line: u32,
    /// What the row says of its own source (a page of the file, a document); `None` if nothing.
    pub source: Option<&'a str>,
    /// Comes with the rulebook.
    pub shipped: bool,
}

/// Lines of the rows of one relation, in the order of its table.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub given: Arc<str>,
    pub shipped: Vec<Arc<str>>,
    pub lines: Vec<u32>,
    /// Row number and source, in order.
    pub sources: Vec<(u32, Arc<str>)>,
    /// Each row's own place, in place of all the above.
    pub placed: Vec<Standing>,
}

/// The place of a row, as it is kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Name of the file; empty if it comes from none.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
    /// Comes with the rulebook.
    pub shipped: bool,
    /// What the row says of its own source; empty if nothing.
    pub source: Arc<str>,
}

/// Places of all rows of the tables of a load. Row numbers are those of the loaded database, before an evaluator adds to it.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    pub(super) relations: Vec<Lines>,
}

impl Origins {
    /// Sets the places of all rows of a relation, in the order of its table.
    pub fn place(&mut self, rel: RelId, rows: Vec<Standing>) {
        if self.relations.len() <= rel.index() {
            self.relations.resize(rel.index() + 1, Lines::default());
        }
        self.relations[rel.index()] = Lines { placed: rows, ..Lines::default() };
    }

    /// Place of the row with that number in the table of that relation; `None` if it comes from no file, or if the load was
    /// told to keep no origins.
    #[must_use]
    pub fn of_row(&self, rel: RelId, row: usize) -> Option<Origin<'_>> {
        let l = self.relations.get(rel.index())?;
        if let Some(s) = l.placed.get(row) {
            let source = Some(&*s.source).filter(|s| !s.is_empty());
            return (!s.file.is_empty()).then_some(Origin { file: &s.file, line: s.line, source, shipped: s.shipped });
        }
        let (shipped, line) = unmark(*l.lines.get(row).filter(|line| **line != 0)?);
        let source = l.sources.binary_search_by_key(&(row as u32), |s| s.0).ok().map(|i| &*l.sources[i].1);
        let file = match shipped {
            Some(number) => l.shipped.get(number)?,
            None => &l.given,
        };
        Some(Origin { file, line, source, shipped: shipped.is_some() })
    }

    /// Place of a row given by its words. `database` is the loaded one.
    #[must_use]
    pub fn of(&self, database: &Database, rel: RelId, row: &[Word]) -> Option<Origin<'_>> {
        self.of_row(rel, database.tables.get(rel.index())?.find(row)?)
    }
}
