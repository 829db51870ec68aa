//! Plain rows by relation, found by the value of a column.

use super::term;
use crate::lang::program::{Const, Program, RelId};
use std::collections::HashMap;
use std::sync::Arc;

/// A value; text by its number in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cell {
    /// Text.
    Text(u32),
    /// Signed.
    Number(i32),
    /// Unsigned.
    Unsigned(u32),
    /// The bits of a float whose zero has no sign.
    Float(u32),
}

/// A float as a cell.
#[must_use]
pub fn float(f: f32) -> Cell {
    Cell::Float(term::plain(f).to_bits())
}

#[derive(Debug)]
struct Column {
    /// Row numbers in the order of this column.
    order: Vec<u32>,
    distinct: usize,
}

#[derive(Debug, Default)]
struct Rows {
    width: usize,
    count: usize,
    cells: Vec<Cell>,
    columns: Vec<Option<Column>>,
}

impl Rows {
    fn row(&self, n: usize) -> &[Cell] {
        &self.cells[n * self.width..(n + 1) * self.width]
    }

    fn column(&mut self, c: usize) -> &Column {
        if self.columns[c].is_none() {
            let mut order: Vec<u32> = (0..self.count as u32).collect();
            order.sort_by_key(|n| self.cells[*n as usize * self.width + c]);
            let at = |i: usize| self.cells[order[i] as usize * self.width + c];
            let distinct = (0..order.len()).filter(|i| *i == 0 || at(i - 1) != at(*i)).count();
            self.columns[c] = Some(Column { order, distinct });
        }
        self.columns[c].as_ref().expect("made just now")
    }
}

/// Rows of every relation of a program: the facts listed in a certificate, or those of a whole casebase. The facts of the
/// program's text always belong to them.
#[derive(Debug)]
pub struct Store {
    texts: HashMap<Arc<str>, u32>,
    list: Vec<Arc<str>>,
    relations: Vec<Rows>,
}

impl Store {
    /// The facts of the program's text.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        let rows = |width| Rows { width, columns: (0..width).map(|_| None).collect(), ..Rows::default() };
        let relations = program.relations.iter().map(|r| rows(r.arity())).collect();
        let mut out = Self { texts: HashMap::new(), list: Vec::new(), relations };
        for fact in &program.facts {
            let row: Vec<Cell> = fact.values.iter().map(|c| out.cell(c)).collect();
            out.push(fact.rel, &row);
        }
        out
    }

    /// A text as a cell.
    pub fn text(&mut self, s: &str) -> Cell {
        if let Some(n) = self.texts.get(s) {
            return Cell::Text(*n);
        }
        let (n, s): (u32, Arc<str>) = (self.list.len() as u32, s.into());
        self.list.push(Arc::clone(&s));
        self.texts.insert(s, n);
        Cell::Text(n)
    }

    /// A value as a cell.
    pub fn cell(&mut self, c: &Const) -> Cell {
        match c {
            Const::Symbol(s) => self.text(s),
            Const::Number(n) => Cell::Number(*n),
            Const::Unsigned(n) => Cell::Unsigned(*n),
            Const::Float(f) => float(*f),
        }
    }

    /// A cell as a value.
    #[must_use]
    pub fn value(&self, c: Cell) -> Const {
        match c {
            Cell::Text(n) => Const::Symbol(Arc::clone(&self.list[n as usize])),
            Cell::Number(n) => Const::Number(n),
            Cell::Unsigned(n) => Const::Unsigned(n),
            Cell::Float(b) => Const::Float(f32::from_bits(b)),
        }
    }

    /// Adds a row, one cell per column of the relation; a row that stands there already may be added again.
    ///
    /// # Panics
    /// When the row has another width than the relation.
    pub fn push(&mut self, rel: RelId, row: &[Cell]) {
        let rows = &mut self.relations[rel.index()];
        assert_eq!(row.len(), rows.width, "one cell per column");
        rows.cells.extend_from_slice(row);
        rows.count += 1;
        rows.columns.iter_mut().for_each(|c| *c = None);
    }

    /// Number of rows in all.
    #[must_use]
    pub fn size(&self) -> usize {
        self.relations.iter().map(|r| r.count).sum()
    }

    /// Number of rows of a relation.
    pub(super) fn count(&self, rel: RelId) -> usize {
        self.relations[rel.index()].count
    }

    pub(super) fn row(&self, rel: RelId, n: u32) -> &[Cell] {
        self.relations[rel.index()].row(n as usize)
    }

    /// Numbers of the rows that have these values in the columns where there is one.
    pub(super) fn matching(&mut self, rel: RelId, pattern: &[Option<Cell>]) -> Vec<u32> {
        let rows = &mut self.relations[rel.index()];
        let mut best: Option<(usize, usize)> = None;
        for c in (0..rows.width).filter(|c| pattern[*c].is_some()) {
            let distinct = rows.column(c).distinct;
            if best.is_none_or(|(_, d)| distinct > d) {
                best = Some((c, distinct));
            }
        }
        let Some((c, _)) = best else { return (0..rows.count as u32).collect() };
        let width = rows.width;
        let order = &rows.columns[c].as_ref().expect("made just now").order;
        let key = |n: &u32| Some(rows.cells[*n as usize * width + c]);
        let (from, to) =
            (order.partition_point(|n| key(n) < pattern[c]), order.partition_point(|n| key(n) <= pattern[c]));
        let agrees = |n: &u32| rows.row(*n as usize).iter().zip(pattern).all(|(cell, p)| p.is_none_or(|p| p == *cell));
        let mut out: Vec<u32> = order[from..to].iter().copied().filter(agrees).collect();
        out.sort_unstable();
        out
    }

    /// About how many rows have to be looked at when these columns have values.
    pub(super) fn fan_out(&mut self, rel: RelId, bound: impl Iterator<Item = usize>) -> f64 {
        let rows = &mut self.relations[rel.index()];
        let most = bound.map(|c| rows.column(c).distinct).max().unwrap_or(1).max(1);
        rows.count as f64 / most as f64
    }
}
