//! References: values that must stand in a row of another table.

use super::rows::Rows;
use super::schema::Reference;
use crate::engine::value::Word;
use std::borrow::Cow;

/// The tuples that a reference may name.
pub(crate) enum Index<'a> {
    /// One column of text: a bit for each symbol.
    Bits(Vec<u64>),
    /// Sorted tuples of `width` words at the beginning of rows of `stride` words; `order[i]` is the place in a tuple of
    /// the reference of the `i`-th word.
    Sorted { data: Cow<'a, [Word]>, stride: usize, order: Vec<usize> },
}

impl<'a> Index<'a> {
    /// An index of the rows of `target` that pass `keep`, and of `extra` tuples (in the order of the reference).
    pub fn new(
        reference: &Reference,
        target: Option<&'a Rows>,
        extra: &[Vec<Word>],
        symbols: Option<usize>,
        keep: impl Fn(usize) -> bool,
        keeps_all: bool,
    ) -> Self {
        let columns = &reference.target_columns;
        if let (&[c], Some(symbols)) = (&columns[..], symbols) {
            let mut bits = vec![0u64; symbols / 64 + 1];
            let mut set = |w: Word| bits[w as usize / 64] |= 1 << (w % 64);
            if let Some(t) = target {
                (0..t.len()).filter(|i| keep(*i)).for_each(|i| set(t.row(i)[c]));
            }
            extra.iter().for_each(|e| set(e[0]));
            return Index::Bits(bits);
        }
        // If the columns are the first ones of the table, in whatever order, its rows are sorted by them.
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by_key(|i| columns[*i]);
        let prefix = order.iter().enumerate().all(|(i, o)| columns[*o] == i);
        if let (true, true, true, Some(t)) = (prefix, keeps_all, extra.is_empty(), target) {
            return Index::Sorted { data: Cow::Borrowed(&t.data), stride: t.width, order };
        }
        let mut tuples: Vec<Vec<Word>> = extra.iter().map(|e| order.iter().map(|o| e[*o]).collect()).collect();
        if let Some(t) = target {
            let tuple = |i: usize| order.iter().map(|o| t.row(i)[columns[*o]]).collect();
            tuples.extend((0..t.len()).filter(|i| keep(*i)).map(tuple));
        }
        tuples.sort_unstable();
        tuples.dedup();
        Index::Sorted { data: Cow::Owned(tuples.concat()), stride: columns.len(), order }
    }

    /// A way to look up many tuples, cheap if they come nearly in order.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { index: self, at: 0, key: Vec::new() }
    }
}

/// Looks up tuples of an [`Index`].
pub(crate) struct Cursor<'a> {
    index: &'a Index<'a>,
    at: usize,
    key: Vec<Word>,
}

impl Cursor<'_> {
    /// Whether the tuple, in the order of the reference, is there.
    pub fn has(&mut self, tuple: &[Word]) -> bool {
        match self.index {
            Index::Bits(bits) => {
                let w = tuple[0] as usize;
                bits.get(w / 64).is_some_and(|b| b & (1 << (w % 64)) != 0)
            }
            Index::Sorted { data, stride, order } => {
                self.key.clear();
                self.key.extend(order.iter().map(|o| tuple[*o]));
                let width = self.key.len();
                let n = data.len() / stride;
                let key = &self.key[..];
                let row = |i: usize| &data[i * stride..i * stride + width];
                // Gallop from the last place to an interval that holds the first row not before the key.
                let mut lo = self.at.min(n);
                let mut hi = lo;
                if lo < n && row(lo) < key {
                    let mut step = 1;
                    while lo + step < n && row(lo + step) < key {
                        lo += step;
                        step *= 2;
                    }
                    hi = (lo + step).min(n);
                } else {
                    let mut step = 1;
                    while lo > 0 && row(lo - 1) >= key {
                        hi = lo;
                        lo = lo.saturating_sub(step);
                        step *= 2;
                    }
                }
                while lo < hi {
                    let mid = (lo + hi) / 2;
                    if row(mid) < key { lo = mid + 1 } else { hi = mid }
                }
                self.at = lo;
                lo < n && row(lo) == key
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::RelId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursor_finds_what_is_there(rows in proptest::collection::btree_set((0u32..12, 0u32..6), 0..30),
                                      asked in proptest::collection::vec((0u32..12, 0u32..6), 0..60), swap: bool) {
            let data: Vec<Word> = rows.iter().flat_map(|r| [r.0, r.1]).collect();
            let table = Rows { width: 2, lines: vec![1; rows.len()], data, ..Rows::default() };
            let target_columns = if swap { vec![1, 0] } else { vec![0, 1] };
            let reference = Reference { columns: vec![0, 1], target: RelId(0), target_columns };
            for keeps_all in [true, false] {
                let index = Index::new(&reference, Some(&table), &[], None, |_| true, keeps_all);
                let mut cursor = index.cursor();
                for (a, b) in &asked {
                    let tuple = if swap { [*b, *a] } else { [*a, *b] };
                    prop_assert_eq!(cursor.has(&tuple), rows.contains(&(*a, *b)));
                }
            }
        }

        #[test]
        fn bits(there in proptest::collection::vec(0u32..200, 0..20), asked in 0u32..300) {
            let table = Rows { width: 1, lines: vec![1; there.len()], data: there.clone(), ..Rows::default() };
            let reference = Reference { columns: vec![0], target: RelId(0), target_columns: vec![0] };
            let index = Index::new(&reference, Some(&table), &[vec![7]], Some(200), |_| true, true);
            prop_assert_eq!(index.cursor().has(&[asked]), there.contains(&asked) || asked == 7);
        }
    }
}
