//! Given facts with sorted indexes, made when first asked for, and the changes that are tried on them.
//!
//! The facts and their indexes are shared by all provers over them; what a prover adds or takes away is its own.

use crate::engine::naive::heap::Heap;
use crate::engine::store::Table;
use crate::engine::value::Word;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
struct Index {
    columns: Vec<usize>,
    /// Row numbers in the order of those columns; empty when the table itself is in that order.
    order: Vec<u32>,
    /// Number of distinct keys, and of the rows of the most frequent.
    keys: usize,
    most: usize,
}

#[derive(Debug)]
struct Base {
    table: Table,
    indexes: Mutex<Vec<Arc<Index>>>,
}

/// The given rows of one relation. A row's number is its place in the table; rows added have the numbers after those.
#[derive(Clone, Debug)]
pub struct Given {
    base: Arc<Base>,
    removed: FxHashSet<u32>,
    added: Heap,
}

fn by_columns(a: &[Word], b: &[Word], columns: &[usize]) -> Ordering {
    columns.iter().map(|c| a[*c].cmp(&b[*c])).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Row numbers in the order of some columns, those of equal keys ascending.
fn sorted(table: &Table, columns: &[usize]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..table.len() as u32).collect();
    // Keys mostly lie close together: symbols are numbered, days are of a few years. Then rows are counted out column by
    // column, the last one first.
    let ranges: Option<Vec<(Word, usize)>> = columns.iter().map(|c| range(table, *c)).collect();
    let Some(ranges) = ranges else {
        order.par_sort_by(|a, b| by_columns(table.row(*a as usize), table.row(*b as usize), columns));
        return order;
    };
    for (column, (least, width)) in columns.iter().zip(ranges).rev() {
        let place = |i: u32| (table.row(i as usize)[*column] - least) as usize;
        let mut starts = vec![0u32; width + 1];
        order.iter().for_each(|i| starts[place(*i) + 1] += 1);
        (0..width).for_each(|k| starts[k + 1] += starts[k]);
        let mut next = vec![0; order.len()];
        for i in order {
            let at = &mut starts[place(i)];
            next[*at as usize] = i;
            *at += 1;
        }
        order = next;
    }
    order
}

/// The least value of a column, and how many values lie from it to the largest, if those are not many more than rows.
fn range(table: &Table, column: usize) -> Option<(Word, usize)> {
    let least = table.rows().map(|r| r[column]).min()?;
    let most = table.rows().map(|r| r[column]).max()?;
    let width = (most - least) as usize + 1;
    (width <= 4 * table.len() + 1024).then_some((least, width))
}

impl Base {
    /// The first columns of the table among these, where so few rows agree in them that the rest is better compared row by
    /// row than found by an index.
    fn lead(&self, columns: &[usize]) -> Option<usize> {
        let n = (0..self.table.width()).take_while(|c| columns.contains(c)).count();
        let fits = || {
            let first: Vec<usize> = (0..n).collect();
            let index = self.index(&first);
            self.table.len() <= SCANNED * index.keys && index.most <= SCANNED * SCANNED
        };
        (n == columns.len() || (n > 0 && fits())).then_some(n)
    }

    fn index(&self, columns: &[usize]) -> Arc<Index> {
        // A poisoned lock holds whole indexes all the same: they are pushed when made.
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = indexes.iter().find(|x| x.columns == columns) {
            return Arc::clone(index);
        }
        let table = &self.table;
        let is_prefix = columns.iter().enumerate().all(|(i, c)| i == *c);
        let order = if is_prefix { Vec::new() } else { sorted(table, columns) };
        let at = |i: usize| table.row(if is_prefix { i } else { order[i] as usize });
        let (mut keys, mut most, mut from) = (0, 0, 0);
        for i in 1..=table.len() {
            if i == table.len() || by_columns(at(i - 1), at(i), columns).is_ne() {
                keys += 1;
                most = most.max(i - from);
                from = i;
            }
        }
        let index = Arc::new(Index { columns: columns.to_vec(), order, keys, most });
        indexes.push(Arc::clone(&index));
        index
    }

    fn matching(&self, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        let table = &self.table;
        if columns.is_empty() {
            out.extend(0..table.len() as u32);
            return;
        }
        if columns.len() == table.width() {
            out.extend(table.find(key).map(|i| i as u32));
            return;
        }
        if table.is_empty() {
            return;
        }
        let ascending = columns.is_sorted();
        let lead = if ascending { self.lead(columns) } else { None };
        let (index, by) = match lead {
            Some(n) => (None, n),
            None => (Some(self.index(columns)), columns.len()),
        };
        let number = |i: usize| index.as_ref().and_then(|x| x.order.get(i)).copied().unwrap_or(i as u32);
        let compare = |i: usize| {
            let row = table.row(number(i) as usize);
            columns[..by].iter().zip(key).map(|(c, k)| row[*c].cmp(k)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        };
        let (mut lo, mut hi) = (0, table.len());
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            if compare(mid).is_lt() { lo = mid + 1 } else { hi = mid }
        }
        while lo < table.len() && compare(lo).is_eq() {
            let row = table.row(number(lo) as usize);
            if columns[by..].iter().zip(&key[by..]).all(|(c, k)| row[*c] == *k) {
                out.push(number(lo));
            }
            lo += 1;
        }
    }
}

/// Average number of rows up to which rows that agree in the first columns are looked through one by one; the square of it
/// bounds the most frequent.
const SCANNED: usize = 16;

/// Finds the rows with given values in some columns of a table, one question after another. Where questions come in the order
/// of the table each is found near the one before.
#[derive(Clone, Debug)]
pub struct Lookup {
    base: Arc<Base>,
    /// Rows in the order of `lead`; `None` when the table itself is in that order.
    index: Option<Arc<Index>>,
    /// Columns by which rows are found.
    lead: Vec<usize>,
    /// For each of them its place in the key.
    of: Vec<usize>,
    /// Further columns that are compared row by row, with their places in the key.
    rest: Vec<(usize, usize)>,
    last: usize,
}

impl Lookup {
    fn at(&self, i: usize) -> &[Word] {
        self.base.table.row(self.number(i) as usize)
    }

    /// Number of the row at a place.
    #[must_use]
    #[inline]
    pub fn number(&self, i: usize) -> u32 {
        self.index.as_ref().map_or(i as u32, |x| x.order[i])
    }

    /// A row by its number.
    #[must_use]
    #[inline]
    pub fn row(&self, number: u32) -> &[Word] {
        self.base.table.row(number as usize)
    }

    #[inline]
    fn compare(&self, i: usize, key: &[Word]) -> Ordering {
        let row = self.at(i);
        for (c, k) in self.lead.iter().zip(&self.of) {
            let (a, b) = (row[*c], key[*k]);
            if a != b {
                return a.cmp(&b);
            }
        }
        Ordering::Equal
    }

    /// The next place from `i` on of a row with that key (by column in the order asked for).
    #[must_use]
    pub fn next(&self, mut i: usize, key: &[Word]) -> Option<usize> {
        while i < self.base.table.len() && self.compare(i, key).is_eq() {
            let row = self.at(i);
            if self.rest.iter().all(|(c, k)| row[*c] == key[*k]) {
                return Some(i);
            }
            i += 1;
        }
        None
    }

    /// The first place of a row with that key.
    pub fn first(&mut self, key: &[Word]) -> Option<usize> {
        let n = self.base.table.len();
        if n == 0 {
            return None;
        }
        // Steps that double, from the place of the question before.
        let (mut lo, mut hi) = (self.last.min(n - 1), n);
        let mut step = 1;
        if self.compare(lo, key).is_lt() {
            lo += 1;
            while lo + step < n && self.compare(lo + step, key).is_lt() {
                lo += step + 1;
                step *= 2;
            }
            hi = (lo + step).min(n);
        } else {
            hi = hi.min(lo);
            while hi > 0 && hi >= step && self.compare(hi - step, key).is_ge() {
                hi -= step;
                step *= 2;
            }
            lo = hi.saturating_sub(step);
        }
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            if self.compare(mid, key).is_lt() { lo = mid + 1 } else { hi = mid }
        }
        self.last = lo;
        self.next(lo, key)
    }
}

impl Given {
    /// A way to find rows of the table, as it was taken, by these columns.
    #[must_use]
    pub fn lookup(&self, columns: &[usize]) -> Lookup {
        let table = &self.base.table;
        let place = |c: usize| columns.iter().position(|x| *x == c);
        let lead: Vec<usize> = (0..table.width()).take_while(|c| place(*c).is_some()).collect();
        let (index, lead) = if self.base.lead(columns).is_some() {
            (None, lead)
        } else {
            (Some(self.base.index(columns)), columns.to_vec())
        };
        let of = lead.iter().filter_map(|c| place(*c)).collect();
        let rest = columns.iter().enumerate().filter(|(_, c)| !lead.contains(c)).map(|(k, c)| (*c, k)).collect();
        let index = index.filter(|x| !x.order.is_empty());
        Lookup { base: Arc::clone(&self.base), index, lead, of, rest, last: 0 }
    }

    /// Takes a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        let added = Heap::new(table.width());
        Self { base: Arc::new(Base { table, indexes: Mutex::default() }), removed: FxHashSet::default(), added }
    }

    /// The table as it was taken.
    #[must_use]
    pub fn base(&self) -> &Table {
        &self.base.table
    }

    /// The table as it was taken, given back; copied if others still hold it.
    #[must_use]
    pub fn into_table(self) -> Table {
        match Arc::try_unwrap(self.base) {
            Ok(base) => base.table,
            Err(shared) => shared.table.clone(),
        }
    }

    /// The same facts as they were given, without changes.
    #[must_use]
    pub fn as_given(&self) -> Self {
        let added = Heap::new(self.base.table.width());
        Self { base: Arc::clone(&self.base), removed: FxHashSet::default(), added }
    }

    /// Adds a row; false when it stands there already.
    pub fn add(&mut self, row: &[Word]) -> bool {
        match self.base.table.find(row) {
            Some(i) => self.removed.remove(&(i as u32)),
            None => self.added.insert(row).1,
        }
    }

    /// Takes a row of the table away; false when it is not there. Rows that were added stay.
    pub fn remove(&mut self, row: &[Word]) -> bool {
        self.base.table.find(row).is_some_and(|i| self.removed.insert(i as u32))
    }

    /// Takes all changes back.
    pub fn undo(&mut self) {
        self.removed.clear();
        if !self.added.is_empty() {
            self.added = Heap::new(self.base.table.width());
        }
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.base.table.width()
    }

    /// One past the highest number of a row.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.base.table.len() + self.added.len()
    }

    /// A row by its number.
    #[must_use]
    pub fn row(&self, number: usize) -> &[Word] {
        let n = self.base.table.len();
        if number < n { self.base.table.row(number) } else { self.added.row((number - n) as u32) }
    }

    /// Number of a row that is there.
    #[must_use]
    pub fn find(&self, row: &[Word]) -> Option<u32> {
        let n = self.base.table.len() as u32;
        let in_table = self.base.table.find(row).map(|i| i as u32).filter(|i| !self.removed.contains(i));
        in_table.or_else(|| self.added.find(row).map(|i| i + n))
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers() == self.removed.len()
    }

    /// All rows that are there, as a table.
    #[must_use]
    pub fn table(&self) -> Table {
        if self.removed.is_empty() && self.added.is_empty() {
            return self.base.table.clone();
        }
        let there = (0..self.numbers()).filter(|i| !self.removed.contains(&(*i as u32)));
        if self.base.table.width() == 0 {
            return if there.count() > 0 { Table::unit() } else { Table::new(0) };
        }
        Table::from_rows(self.base.table.width(), there.flat_map(|i| self.row(i)).copied().collect())
    }

    /// Numbers of the rows with those values in those columns (ascending).
    pub fn matching(&mut self, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        let from = out.len();
        self.base.matching(columns, key, out);
        if !self.removed.is_empty() {
            let mut kept = out.split_off(from);
            kept.retain(|i| !self.removed.contains(i));
            out.append(&mut kept);
        }
        if !self.added.is_empty() {
            let from = out.len();
            self.added.matching(columns, key, out);
            let n = self.base.table.len() as u32;
            out[from..].iter_mut().for_each(|i| *i += n);
        }
    }
}
