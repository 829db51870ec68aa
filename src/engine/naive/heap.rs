//! Growing sets of rows with hash indexes made when first asked for.

use crate::engine::store::Table;
use crate::engine::value::Word;
use hashbrown::{HashMap, HashTable};
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// A set of rows of one width in order of insertion; a row's number never changes.
#[derive(Clone, Debug)]
pub struct Heap {
    width: usize,
    rows: usize,
    data: Vec<Word>,
    seen: HashTable<u32>,
    indexes: Vec<Index>,
}

#[derive(Clone, Debug)]
struct Index {
    columns: Vec<usize>,
    upto: usize,
    groups: HashMap<Box<[Word]>, Vec<u32>, FxBuildHasher>,
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

    /// A row by its number.
    #[must_use]
    pub fn row(&self, i: u32) -> &[Word] {
        &self.data[i as usize * self.width..(i as usize + 1) * self.width]
    }

    /// Number of a row, if it is in the set.
    #[must_use]
    pub fn find(&self, row: &[Word]) -> Option<u32> {
        let hash = FxBuildHasher.hash_one(row);
        self.seen.find(hash, |i| self.row(*i) == row).copied()
    }

    /// Adds a row; its number, and whether it is new.
    ///
    /// # Panics
    /// When the set would hold more than 2^32 rows.
    pub fn insert(&mut self, row: &[Word]) -> (u32, bool) {
        debug_assert_eq!(row.len(), self.width);
        if let Some(i) = self.find(row) {
            return (i, false);
        }
        let i = u32::try_from(self.rows).expect("fewer than 2^32 rows");
        self.data.extend_from_slice(row);
        self.rows += 1;
        let (data, width) = (&self.data, self.width);
        let hash = |i: &u32| FxBuildHasher.hash_one(&data[*i as usize * width..(*i as usize + 1) * width]);
        self.seen.insert_unique(hash(&i), i, hash);
        (i, true)
    }

    fn index(&mut self, columns: &[usize]) -> &Index {
        let at = match self.indexes.iter().position(|x| x.columns == columns) {
            Some(at) => at,
            None => {
                let groups = HashMap::with_hasher(FxBuildHasher);
                self.indexes.push(Index { columns: columns.to_vec(), upto: 0, groups });
                self.indexes.len() - 1
            }
        };
        let (data, width) = (&self.data, self.width);
        let index = &mut self.indexes[at];
        let mut key = Vec::with_capacity(columns.len());
        for i in index.upto..self.rows {
            key.clear();
            key.extend(columns.iter().map(|c| data[i * width + c]));
            match index.groups.get_mut(key.as_slice()) {
                Some(list) => list.push(i as u32),
                None => {
                    index.groups.insert(key.as_slice().into(), vec![i as u32]);
                }
            }
        }
        index.upto = self.rows;
        &self.indexes[at]
    }

    /// Numbers of the rows with those values in those columns (ascending), in order of insertion.
    pub fn matching(&mut self, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        if columns.is_empty() {
            out.extend(0..self.rows as u32);
        } else if columns.len() == self.width {
            out.extend(self.find(key));
        } else if let Some(list) = self.index(columns).groups.get(key) {
            out.extend_from_slice(list);
        }
    }

    /// How many rows agree with a key of those columns, on average.
    pub fn fan_out(&mut self, columns: &[usize]) -> f64 {
        if columns.is_empty() {
            self.rows as f64
        } else if columns.len() == self.width || self.rows == 0 {
            1.0
        } else {
            self.rows as f64 / self.index(columns).groups.len() as f64
        }
    }
}
