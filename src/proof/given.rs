//! Given facts with sorted indexes, made when first asked for.

use crate::engine::store::Table;
use crate::engine::value::Word;
use std::cmp::Ordering;

/// The given rows of one relation. A row's number is its place in the table.
#[derive(Debug)]
pub struct Given {
    table: Table,
    indexes: Vec<Index>,
}

#[derive(Debug)]
struct Index {
    columns: Vec<usize>,
    /// Row numbers in the order of those columns; empty when the table itself is in that order.
    order: Vec<u32>,
    /// Number of distinct keys.
    keys: usize,
}

fn by_columns(a: &[Word], b: &[Word], columns: &[usize]) -> Ordering {
    columns.iter().map(|c| a[*c].cmp(&b[*c])).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

impl Given {
    /// Takes a table.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table, indexes: Vec::new() }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    fn index(&mut self, columns: &[usize]) -> &Index {
        if let Some(at) = self.indexes.iter().position(|x| x.columns == columns) {
            return &self.indexes[at];
        }
        let table = &self.table;
        let is_prefix = columns.iter().enumerate().all(|(i, c)| i == *c);
        let mut order: Vec<u32> = Vec::new();
        if !is_prefix {
            order = (0..table.len() as u32).collect();
            order.sort_by(|a, b| by_columns(table.row(*a as usize), table.row(*b as usize), columns));
        }
        let at = |i: usize| table.row(if is_prefix { i } else { order[i] as usize });
        let keys = (0..table.len()).filter(|i| *i == 0 || by_columns(at(i - 1), at(*i), columns).is_ne()).count();
        self.indexes.push(Index { columns: columns.to_vec(), order, keys });
        &self.indexes[self.indexes.len() - 1]
    }

    /// Numbers of the rows with those values in those columns (ascending).
    pub fn matching(&mut self, columns: &[usize], key: &[Word], out: &mut Vec<u32>) {
        if columns.is_empty() {
            out.extend(0..self.table.len() as u32);
            return;
        }
        if columns.len() == self.table.width() {
            out.extend(self.table.find(key).map(|i| i as u32));
            return;
        }
        if self.table.is_empty() {
            return;
        }
        self.index(columns);
        let Some(index) = self.indexes.iter().find(|x| x.columns == columns) else { return };
        let number = |i: usize| index.order.get(i).copied().unwrap_or(i as u32);
        let compare = |i: usize| {
            let row = self.table.row(number(i) as usize);
            columns.iter().zip(key).map(|(c, k)| row[*c].cmp(k)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        };
        let (mut lo, mut hi) = (0, self.table.len());
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            if compare(mid).is_lt() { lo = mid + 1 } else { hi = mid }
        }
        while lo < self.table.len() && compare(lo).is_eq() {
            out.push(number(lo));
            lo += 1;
        }
    }

    /// How many rows agree with a key of those columns, on average.
    pub fn fan_out(&mut self, columns: &[usize]) -> f64 {
        let rows = self.table.len();
        if columns.is_empty() {
            rows as f64
        } else if columns.len() == self.table.width() || rows == 0 {
            rows.min(1) as f64
        } else {
            rows as f64 / self.index(columns).keys as f64
        }
    }
}
