//! Tables put away in few bytes while nobody reads them.

use super::store::Table;
use super::value::Word;
use rustc_hash::FxHashMap;

/// The values of a column.
#[derive(Debug)]
enum Column {
    /// Distances from a least value.
    Near(Word, Vec<u16>),
    /// Places in a list of few values.
    Few(Vec<Word>, Vec<u8>),
    /// Places in a list.
    Listed(Vec<Word>, Vec<u16>),
    Plain(Vec<Word>),
}

/// A table, column by column.
#[derive(Debug)]
pub struct Packed {
    width: usize,
    rows: usize,
    columns: Vec<Column>,
}

/// Most values that a list holds.
const LISTED: usize = 1 << 16;
const FEW: usize = 1 << 8;

impl Column {
    fn of(values: impl Iterator<Item = Word> + Clone) -> Self {
        let mut list: Vec<Word> = Vec::new();
        let mut place: FxHashMap<Word, u16> = FxHashMap::default();
        let mut of: Vec<u16> = Vec::new();
        // Most values have just been seen: a place for each last byte saves most of the looking up.
        let mut recent: [Option<(Word, u16)>; 256] = [None; 256];
        for w in values.clone() {
            let slot = &mut recent[w as usize % 256];
            let n = match slot {
                Some((v, n)) if *v == w => *n,
                _ => match place.get(&w) {
                    Some(n) => *n,
                    None if list.len() == LISTED => return Self::near(values),
                    None => {
                        let n = list.len() as u16;
                        place.insert(w, n);
                        list.push(w);
                        n
                    }
                },
            };
            *slot = Some((w, n));
            of.push(n);
        }
        if list.len() <= FEW {
            return Self::Few(list, of.into_iter().map(|n| n as u8).collect());
        }
        match Self::near(values) {
            // No list is needed.
            near @ Self::Near(..) => near,
            _ => {
                of.shrink_to_fit();
                list.shrink_to_fit();
                Self::Listed(list, of)
            }
        }
    }

    fn near(values: impl Iterator<Item = Word> + Clone) -> Self {
        let least = values.clone().min().unwrap_or_default();
        let most = values.clone().max().unwrap_or_default();
        match u16::try_from(most - least) {
            Ok(_) => Self::Near(least, values.map(|w| (w - least) as u16).collect()),
            Err(_) => Self::Plain(values.collect()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Near(_, of) => size_of_val(&of[..]),
            Self::Few(list, of) => size_of_val(&list[..]) + of.len(),
            Self::Listed(list, of) => size_of_val(&list[..]) + size_of_val(&of[..]),
            Self::Plain(of) => size_of_val(&of[..]),
        }
    }

    fn put(&self, into: impl Iterator<Item = usize>, data: &mut [Word]) {
        match self {
            Self::Near(least, of) => into.zip(of).for_each(|(i, n)| data[i] = least + Word::from(*n)),
            Self::Few(list, of) => into.zip(of).for_each(|(i, n)| data[i] = list[usize::from(*n)]),
            Self::Listed(list, of) => into.zip(of).for_each(|(i, n)| data[i] = list[usize::from(*n)]),
            Self::Plain(of) => into.zip(of).for_each(|(i, w)| data[i] = *w),
        }
    }
}

impl Packed {
    /// Packs a table.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        let (width, rows, data) = (table.width(), table.len(), table.data());
        let column = |c: usize| {
            let values = data.iter().skip(c).step_by(width).copied();
            // The first column is in order: its ends say how near the values are.
            let near = c == 0 && rows > 0 && u16::try_from(data[(rows - 1) * width] - data[0]).is_ok();
            if near { Column::near(values) } else { Column::of(values) }
        };
        let columns = (0..width).map(column).collect();
        Self { width, rows, columns }
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> Table {
        if self.width == 0 {
            return if self.rows == 0 { Table::new(0) } else { Table::unit() };
        }
        let mut data = vec![0; self.width * self.rows];
        for (c, column) in self.columns.iter().enumerate() {
            column.put((0..self.rows).map(|r| r * self.width + c), &mut data);
        }
        Table::from_sorted(self.width, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_of_every_kind() {
        for (n, spread) in
            [(0u32, 1u32), (1, 1), (300, 1), (300, 1 << 20), (70_000, 1), (70_000, 60_000), (200, 1 << 24)]
        {
            let data: Vec<Word> = (0..n).flat_map(|i| [i, i.wrapping_mul(spread), 7, u32::MAX - i / 3]).collect();
            let table = Table::from_rows(4, data);
            let packed = Packed::of(&table);
            assert_eq!(packed.table(), table, "{n} rows, values {spread} apart");
            assert!(packed.bytes() <= 4 * 4 * n as usize + 4 * FEW * 4, "{n}, {spread}: {}", packed.bytes());
        }
        assert_eq!(Packed::of(&Table::unit()).table(), Table::unit());
        assert_eq!(Packed::of(&Table::new(0)).table(), Table::new(0));
        assert_eq!(Packed::of(&Table::new(3)).table(), Table::new(3));
    }

    proptest! {
        #[test]
        fn any_table(width in 1usize..4, data in proptest::collection::vec(any::<u32>(), 0..60)) {
            let whole = data.len() / width * width;
            let table = Table::from_rows(width, data[..whole].to_vec());
            prop_assert_eq!(Packed::of(&table).table(), table);
        }
    }
}
