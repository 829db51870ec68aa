//! Tables of words, and the database of a run.

use super::symbol::Symbols;
use super::value::{self, Word};
use crate::lang::program::{Const, Prim, Program, RelId};

/// A set of rows of one width, row after row in one vector, sorted by words and without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    width: usize,
    rows: usize,
    data: Vec<Word>,
}

impl Table {
    /// The empty table of that width.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, rows: 0, data: Vec::new() }
    }

    /// A table of rows in any order, repetitions allowed; `data.len()` is a multiple of `width`. For width 0 the table
    /// holds its one empty row: use [`Table::unit`].
    #[must_use]
    pub fn from_rows(width: usize, data: Vec<Word>) -> Self {
        if width == 0 {
            return Self::new(0);
        }
        let mut t = Self { width, rows: data.len() / width, data };
        t.normalise();
        t
    }

    /// Takes rows that are already sorted and distinct (checked in debug builds).
    #[must_use]
    pub fn from_sorted(width: usize, data: Vec<Word>) -> Self {
        let rows = data.len().checked_div(width).unwrap_or(0);
        let t = Self { width, rows, data };
        debug_assert!(t.is_normal());
        t
    }

    /// The table of width 0 with its one row.
    #[must_use]
    pub fn unit() -> Self {
        Self { width: 0, rows: 1, data: Vec::new() }
    }

    fn is_normal(&self) -> bool {
        self.width == 0 || (1..self.rows).all(|i| self.row(i - 1) < self.row(i))
    }

    fn normalise(&mut self) {
        if self.is_normal() {
            return;
        }
        let w = self.width;
        let mut order: Vec<u32> = (0..self.rows as u32).collect();
        order.sort_unstable_by(|a, b| self.row(*a as usize).cmp(self.row(*b as usize)));
        let mut out: Vec<Word> = Vec::with_capacity(self.data.len());
        for i in order {
            let r = &self.data[i as usize * w..(i as usize + 1) * w];
            if out.len() < w || &out[out.len() - w..] != r {
                out.extend_from_slice(r);
            }
        }
        self.rows = out.len() / w;
        self.data = out;
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The `i`-th row.
    #[must_use]
    pub fn row(&self, i: usize) -> &[Word] {
        &self.data[i * self.width..(i + 1) * self.width]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Word]> + '_ {
        (0..self.rows).map(move |i| self.row(i))
    }

    /// The flat words.
    #[must_use]
    pub fn data(&self) -> &[Word] {
        &self.data
    }

    /// The flat words, given away.
    #[must_use]
    pub fn into_data(self) -> Vec<Word> {
        self.data
    }

    /// The rows whose first column is at least `from` and below `to`, as a table.
    #[must_use]
    pub fn between(&self, from: Word, to: Option<Word>) -> Self {
        let lower = |w: Word| {
            let (mut lo, mut hi) = (0, self.rows);
            while lo < hi {
                let mid = (lo + hi) / 2;
                if self.row(mid)[0] < w { lo = mid + 1 } else { hi = mid }
            }
            lo
        };
        let (a, b) = (lower(from), to.map_or(self.rows, lower));
        Self { width: self.width, rows: b - a, data: self.data[a * self.width..b * self.width].to_vec() }
    }

    /// Number of distinct keys of the first columns, by their number.
    #[must_use]
    pub fn leading(&self) -> Vec<u64> {
        let mut keys = vec![u64::from(!self.is_empty()); self.width + 1];
        for i in 1..self.rows {
            let same = self.row(i - 1).iter().zip(self.row(i)).take_while(|(a, b)| a == b).count();
            keys[same + 1..].iter_mut().for_each(|n| *n += 1);
        }
        keys
    }

    /// Adds rows in any order, repetitions allowed.
    pub fn add(&mut self, mut rows: Vec<Word>) {
        if rows.is_empty() {
            return;
        }
        let mut data = std::mem::take(&mut self.data);
        if data.is_empty() {
            data = rows;
        } else {
            data.append(&mut rows);
        }
        *self = Self::from_rows(self.width, data);
    }

    /// Index of a row, if present.
    #[must_use]
    pub fn find(&self, row: &[Word]) -> Option<usize> {
        if self.width == 0 {
            return (self.rows == 1).then_some(0);
        }
        let (mut lo, mut hi) = (0, self.rows);
        while lo < hi {
            let mid = (lo + hi) / 2;
            match self.row(mid).cmp(row) {
                std::cmp::Ordering::Less => lo = mid + 1,
                std::cmp::Ordering::Greater => hi = mid,
                std::cmp::Ordering::Equal => return Some(mid),
            }
        }
        None
    }

    /// Whether a row is present.
    #[must_use]
    pub fn contains(&self, row: &[Word]) -> bool {
        self.find(row).is_some()
    }
}

/// All tables of a program, by relation id, over one symbol table.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Interned text.
    pub symbols: Symbols,
    /// One table per relation of the program.
    pub tables: Vec<Table>,
}

impl Database {
    /// Empty tables for a program; facts of the text are not yet in them (the evaluators add them).
    #[must_use]
    pub fn new(program: &Program) -> Self {
        Self { symbols: Symbols::default(), tables: program.relations.iter().map(|r| Table::new(r.arity())).collect() }
    }

    /// A relation's table.
    #[must_use]
    pub fn table(&self, rel: RelId) -> &Table {
        &self.tables[rel.index()]
    }

    /// Word of a constant, interning its text.
    pub fn word(&mut self, c: &Const) -> Word {
        self.symbols.word(c)
    }

    /// Word of a constant; `None` if its text is interned nowhere, so that no row holds it.
    #[must_use]
    pub fn known_word(&self, c: &Const) -> Option<Word> {
        match c {
            Const::Symbol(s) => self.symbols.get(s),
            Const::Number(n) => Some(value::from_number(*n)),
            Const::Unsigned(u) => Some(*u),
            Const::Float(f) => Some(value::from_float(*f)),
        }
    }

    /// Makes the texts of the program's rules symbols, so that evaluating it makes none but those its functors find.
    pub fn add_program_texts(&mut self, program: &Program) {
        for i in 0..program.rules.len() {
            let _ = super::rule::prepare(program, crate::lang::program::RuleId(i as u32), None, &mut self.symbols);
        }
        for f in &program.facts {
            for v in &f.values {
                self.word(v);
            }
        }
    }

    /// Gives all texts ids in the order of their bytes; the tables are in that order then.
    pub fn order_texts(&mut self, program: &Program) {
        let ids = self.symbols.sort();
        for (relation, table) in program.relations.iter().zip(&mut self.tables) {
            let columns = relation.columns.iter().enumerate().filter(|(_, c)| c.prim == Prim::Symbol);
            let texts: Vec<usize> = columns.map(|(c, _)| c).collect();
            if texts.is_empty() {
                continue;
            }
            let width = table.width();
            let mut data = std::mem::replace(table, Table::new(width)).into_data();
            for row in data.chunks_exact_mut(width) {
                texts.iter().for_each(|c| row[*c] = ids[row[*c] as usize]);
            }
            *table = Table::from_rows(width, data);
        }
    }

    /// Adds the facts of the program's text to its tables.
    pub fn add_program_facts(&mut self, program: &Program) {
        let mut extra: Vec<Vec<Word>> = vec![Vec::new(); self.tables.len()];
        let mut unit = vec![false; self.tables.len()];
        for f in &program.facts {
            let i = f.rel.index();
            unit[i] |= f.values.is_empty();
            for v in &f.values {
                let w = self.word(v);
                extra[i].push(w);
            }
        }
        for (i, more) in extra.into_iter().enumerate() {
            if unit[i] {
                self.tables[i] = Table::unit();
            } else if !more.is_empty() {
                let width = self.tables[i].width();
                let mut data = std::mem::replace(&mut self.tables[i], Table::new(width)).into_data();
                data.extend(more);
                self.tables[i] = Table::from_rows(width, data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::SourceFile;

    #[test]
    fn rows_are_added_once() {
        let mut table = Table::new(2);
        table.add(vec![3, 4, 1, 2]);
        table.add(Vec::new());
        table.add(vec![1, 2, 0, 9]);
        assert_eq!(table, Table::from_rows(2, vec![0, 9, 1, 2, 3, 4]));
    }

    #[test]
    fn facts_of_the_text_come_to_what_is_there() {
        let text = ".decl a(x: unsigned)\na(2).\na(1).\n.decl sure()\nsure().\nsure().\n.decl open()\n.input open\n";
        let program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let mut all = Database::new(&program);
        all.tables[0].add(vec![1, 7]);
        all.add_program_facts(&program);
        assert_eq!(all.tables, [Table::from_rows(1, vec![1, 2, 7]), Table::unit(), Table::new(0)]);
    }
}
