//! Growing sets of rows with hash indexes made when first asked for.

use crate::engine::store::Table;
use crate::engine::value::Word;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// A set of rows of one width in order of insertion; a row's number never changes.
#[derive(Clone, Debug)]
pub struct Heap {
    width: usize,
    rows: usize,
    data: Vec<Word>,
    seen: HashTable<u32>,
    indexes: Vec<Index>,
}

/// Rows that agree in some columns, one list after another through the rows themselves.
#[derive(Clone, Debug)]
struct Index {
    columns: Vec<usize>,
    /// First and last row of each list.
    groups: HashTable<(u32, u32)>,
    /// By row, the next of its list.
    next: Vec<u32>,
}

const END: u32 = u32::MAX;

fn hash_key(key: impl Iterator<Item = Word>) -> u64 {
    let mut hasher = FxHasher::default();
    key.for_each(|w| hasher.write_u32(w));
    hasher.finish()
}

/// Whether two rows are equal; they are short, and compared word by word.
fn same(a: &[Word], b: &[Word]) -> bool {
    a.iter().eq(b)
}

impl Heap {
    /// The empty set of rows of that width.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, rows: 0, data: Vec::new(), seen: HashTable::new(), indexes: Vec::new() }
    }

    /// The rows of a table, in its order.
    #[must_use]
    pub fn from_table(table: &Table) -> Self {
        let mut heap = Self::new(table.width());
        for row in table.rows() {
            heap.insert(row);
        }
        heap
    }

    /// The rows as a table.
    #[must_use]
    pub fn into_table(self) -> Table {
        match (self.width, self.rows) {
            (0, 0) => Table::new(0),
            (0, _) => Table::unit(),
            _ => Table::from_rows(self.width, self.data),
        }
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

    /// A row by its number.
    #[must_use]
    pub fn row(&self, i: u32) -> &[Word] {
        &self.data[i as usize * self.width..(i as usize + 1) * self.width]
    }

    /// Number of a row, if it is in the set.
    #[must_use]
    pub fn find(&self, row: &[Word]) -> Option<u32> {
        self.seen.find(hash_key(row.iter().copied()), |i| same(self.row(*i), row)).copied()
    }

    /// Adds a row; its number, and whether it is new.
    ///
    /// # Panics
    /// When the set would hold more than 2^32 rows.
    pub fn insert(&mut self, row: &[Word]) -> (u32, bool) {
        debug_assert_eq!(row.len(), self.width);
        let (data, width) = (&self.data, self.width);
        let at = |i: u32| &data[i as usize * width..(i as usize + 1) * width];
        let hash = |i: &u32| hash_key(at(*i).iter().copied());
        match self.seen.entry(hash_key(row.iter().copied()), |i| same(at(*i), row), hash) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(new) => {
                let i = u32::try_from(self.rows).expect("fewer than 2^32 rows");
                new.insert(i);
                self.data.extend_from_slice(row);
                self.rows += 1;
                (i, true)
            }
        }
    }

    fn index(&mut self, columns: &[usize]) -> usize {
        let at = match self.indexes.iter().position(|x| x.columns == columns) {
            Some(at) => at,
            None => {
                let columns = columns.to_vec();
                self.indexes.push(Index { columns, groups: HashTable::new(), next: Vec::new() });
                self.indexes.len() - 1
            }
        };
        let Index { columns, groups, next } = &mut self.indexes[at];
        let word = |i: u32, c: &usize| self.data[i as usize * self.width + c];
        let hash = |i: u32| hash_key(columns.iter().map(|c| word(i, c)));
        for i in next.len() as u32..self.rows as u32 {
            next.push(END);
            let same = |(first, _): &(u32, u32)| columns.iter().all(|c| word(*first, c) == word(i, c));
            match groups.entry(hash(i), same, |(first, _)| hash(*first)) {
                Entry::Occupied(mut group) => {
                    let last = &mut group.get_mut().1;
                    next[*last as usize] = i;
                    *last = i;
                }
                Entry::Vacant(new) => drop(new.insert((i, i))),
            }
        }
        at
    }

    /// Numbers of the rows with those values in those columns (ascending), in order of insertion.
    pub fn matching(&mut self, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        if columns.is_empty() {
            out.extend(0..self.rows as u32);
        } else if columns.len() == self.width {
            out.extend(self.find(key));
        } else if self.rows > 0 {
            let at = self.index(columns);
            let index = &self.indexes[at];
            let same = |(first, _): &(u32, u32)| columns.iter().zip(key).all(|(c, k)| self.row(*first)[*c] == *k);
            let mut at = index.groups.find(hash_key(key.iter().copied()), same).map_or(END, |(first, _)| *first);
            while at != END {
                out.push(at);
                at = index.next[at as usize];
            }
        }
    }

    /// How many rows agree with a key of those columns, on average.
    pub fn fan_out(&mut self, columns: &[usize]) -> f64 {
        if columns.is_empty() {
            self.rows as f64
        } else if columns.len() == self.width || self.rows == 0 {
            1.0
        } else {
            let at = self.index(columns);
            self.rows as f64 / self.indexes[at].groups.len() as f64
        }
    }
}
