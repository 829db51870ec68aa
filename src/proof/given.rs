//! Given facts with sorted indexes, made when first asked for, and the changes that are tried on them.
//!
//! The facts and their indexes are shared by all provers over them; what a prover adds or takes away is its own.

use crate::engine::naive::heap::Heap;
use crate::engine::rows::prefix_range;
use crate::engine::store::Table;
use crate::engine::value::Word;
use crate::lang::program::{Const, RelId};
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

/// Given rows that lie elsewhere until they are asked for.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Whether the rows of a relation lie there.
    fn keeps(&self, rel: RelId) -> bool;

    /// Whether these are all rows of the relation: no rule adds to them.
    fn settles(&self, rel: RelId) -> bool;

    /// All rows with one of these values in its column, or all rows of the relation: as the source finds them best.
    fn fetch(&self, rel: RelId, columns: &[usize], key: &[Const]) -> Fetched;

    /// What was fetched before, and stands in the table that a prover begins with.
    fn covered(&self, rel: RelId) -> Vec<Option<(usize, Const)>>;

    /// Number of rows of a relation.
    fn rows(&self, rel: RelId) -> u64;

    /// About how many values a column has.
    fn distinct(&self, rel: RelId, column: usize) -> u64;

    /// About how many keys so many columns have, from the first on.
    fn leading(&self, rel: RelId, columns: usize) -> u64;
}

/// Rows that a source found.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The column of whose value these are all rows; `None` when they are all rows of the relation.
    pub by: Option<usize>,
    /// The rows.
    pub rows: Vec<Vec<Const>>,
}

/// Rows of a source that were asked for.
#[derive(Clone, Debug)]
struct Distant {
    fetched: Heap,
    /// Columns and values of which all rows are here.
    asked: FxHashSet<(usize, Word)>,
    /// All rows are here.
    whole: bool,
}

/// First number of rows that were added to those of a source, which may become more.
const ADDED: u32 = 1 << 31;

/// The given rows of one relation. A row's number is its place in the table; rows fetched from a source have the numbers after
/// those, rows added the numbers after all.
#[derive(Clone, Debug)]
pub struct Given {
    base: Arc<Base>,
    distant: Option<Box<Distant>>,
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
    /// Rows in the order of the key; `None` when the table itself is in that order.
    index: Option<Arc<Index>>,
    /// The keys in that order, one after the other: what lies together is found soonest.
    keys: Vec<Word>,
    /// Number of columns by which rows are found, the first of the key.
    lead: usize,
    /// Further columns that are compared row by row, with their places in the key.
    rest: Vec<(usize, usize)>,
    last: usize,
}

impl Lookup {
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

    /// The first place of a row with that key (by column), and the place after the last.
    #[inline]
    pub fn range(&mut self, key: &[Word]) -> (usize, usize) {
        let mut last = self.last;
        let (width, data) = match self.index {
            Some(_) => (self.lead, &self.keys[..]),
            None => (self.base.table.width(), self.base.table.data()),
        };
        let found = match width {
            0 => (0, self.base.table.len()),
            _ => prefix_range(width, data, &key[..self.lead], &mut last),
        };
        self.last = last;
        found
    }

    /// Whether the row at a place of the range agrees with the key in the columns by which no range is found.
    #[inline]
    #[must_use]
    pub fn agrees(&self, i: usize, key: &[Word]) -> bool {
        self.rest.is_empty() || {
            let row = self.row(self.number(i));
            self.rest.iter().all(|(c, k)| row[*c] == key[*k])
        }
    }

    /// Whether there is a row with that key.
    pub fn has(&mut self, key: &[Word]) -> bool {
        let (from, to) = self.range(key);
        (from..to).any(|i| self.agrees(i, key))
    }
}

impl Given {
    /// A way to find rows of the table, as it was taken, by these columns, which ascend.
    #[must_use]
    pub fn lookup(&self, columns: &[usize]) -> Lookup {
        debug_assert!(columns.is_sorted());
        let table = &self.base.table;
        let (index, lead) = match self.base.lead(columns) {
            Some(n) => (None, n),
            None => (Some(self.base.index(columns)), columns.len()),
        };
        let rest = columns.iter().enumerate().skip(lead).map(|(k, c)| (*c, k)).collect();
        let index = index.filter(|x| !x.order.is_empty());
        let mut keys = Vec::new();
        for i in index.iter().flat_map(|x| &x.order) {
            keys.extend(columns.iter().map(|c| table.row(*i as usize)[*c]));
        }
        Lookup { base: Arc::clone(&self.base), index, keys, lead, rest, last: 0 }
    }

    /// Takes a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        let added = Heap::new(table.width());
        let base = Arc::new(Base { table, indexes: Mutex::default() });
        Self { base, distant: None, removed: FxHashSet::default(), added }
    }

    /// Says that further rows lie in a source.
    pub fn set_distant(&mut self) {
        let fetched = Heap::new(self.base.table.width());
        self.distant = Some(Box::new(Distant { fetched, asked: FxHashSet::default(), whole: false }));
    }

    /// Whether rows with those values in those columns may lie in a source and not here.
    #[must_use]
    pub fn lacks(&self, columns: &[usize], key: &[Word]) -> bool {
        self.distant
            .as_ref()
            .is_some_and(|d| !d.whole && !columns.iter().zip(key).any(|(c, w)| d.asked.contains(&(*c, *w))))
    }

    /// Says that all rows with that value in that column are here, or all rows.
    pub fn covers(&mut self, by: Option<(usize, Word)>) {
        if let Some(d) = &mut self.distant {
            match by {
                Some(by) => drop(d.asked.insert(by)),
                None => d.whole = true,
            }
        }
    }

    /// Takes a row that was fetched.
    pub fn fetched(&mut self, row: &[Word]) {
        if self.base.table.find(row).is_none()
            && let Some(d) = &mut self.distant
        {
            d.fetched.insert(row);
        }
    }

    /// Number of the first row that was added.
    fn first_added(&self) -> u32 {
        if self.distant.is_some() { ADDED } else { self.base.table.len() as u32 }
    }

    /// Number of a row of the table or of those fetched, removed or not.
    fn place(&self, row: &[Word]) -> Option<u32> {
        let far = || self.distant.as_ref()?.fetched.find(row).map(|i| i + self.base.table.len() as u32);
        self.base.table.find(row).map(|i| i as u32).or_else(far)
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
        let distant = self.distant.clone();
        Self { base: Arc::clone(&self.base), distant, removed: FxHashSet::default(), added }
    }

    /// Adds a row; false when it stands there already.
    pub fn add(&mut self, row: &[Word]) -> bool {
        match self.place(row) {
            Some(i) => self.removed.remove(&i),
            None => self.added.insert(row).1,
        }
    }

    /// Takes a row of the table away; false when it is not there. Rows that were added stay.
    pub fn remove(&mut self, row: &[Word]) -> bool {
        self.place(row).is_some_and(|i| self.removed.insert(i))
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
        self.first_added() as usize + self.added.len()
    }

    /// A row by its number.
    #[must_use]
    pub fn row(&self, number: usize) -> &[Word] {
        let (n, first) = (self.base.table.len(), self.first_added() as usize);
        match &self.distant {
            _ if number < n => self.base.table.row(number),
            Some(d) if number < first => d.fetched.row((number - n) as u32),
            _ => self.added.row((number - first) as u32),
        }
    }

    /// Number of a row that is there.
    #[must_use]
    pub fn find(&self, row: &[Word]) -> Option<u32> {
        let standing = self.place(row).filter(|i| !self.removed.contains(i));
        standing.or_else(|| self.added.find(row).map(|i| i + self.first_added()))
    }

    /// Numbers of all rows that are there, as far as they are here.
    fn standing(&self) -> impl Iterator<Item = usize> + '_ {
        let far = self.distant.as_ref().map_or(0, |d| d.fetched.len());
        let first = self.first_added() as usize;
        let numbers = (0..self.base.table.len() + far).chain(first..first + self.added.len());
        numbers.filter(|i| !self.removed.contains(&(*i as u32)))
    }

    /// The rows that are there, as far as they are here.
    pub fn rows(&self) -> impl Iterator<Item = &[Word]> + '_ {
        self.standing().map(|i| self.row(i))
    }

    /// Some row that is there.
    #[must_use]
    pub fn some(&self) -> Option<&[Word]> {
        self.rows().next()
    }

    /// All rows that are there, as a table.
    #[must_use]
    pub fn table(&self) -> Table {
        if self.removed.is_empty() && self.added.is_empty() && self.distant.is_none() {
            return self.base.table.clone();
        }
        if self.base.table.width() == 0 {
            return if self.standing().count() > 0 { Table::unit() } else { Table::new(0) };
        }
        Table::from_rows(self.base.table.width(), self.standing().flat_map(|i| self.row(i)).copied().collect())
    }

    /// Numbers of the rows with those values in those columns (ascending).
    pub fn matching(&mut self, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        let from = out.len();
        self.base.matching(columns, key, out);
        if let Some(d) = self.distant.as_mut().filter(|d| !d.fetched.is_empty()) {
            let from = out.len();
            d.fetched.matching(columns, key, out);
            let n = self.base.table.len() as u32;
            out[from..].iter_mut().for_each(|i| *i += n);
        }
        if !self.removed.is_empty() {
            let mut kept = out.split_off(from);
            kept.retain(|i| !self.removed.contains(i));
            out.append(&mut kept);
        }
        if !self.added.is_empty() {
            let from = out.len();
            self.added.matching(columns, key, out);
            let n = self.first_added();
            out[from..].iter_mut().for_each(|i| *i += n);
        }
    }
}
