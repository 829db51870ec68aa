//! Tables put away in few bytes while nobody reads them: those of one shard in one block, the blocks of many side by side.
//!
//! What is kept between passes outlives all that a shard makes on its way. Lying about in small pieces it would cut the free
//! memory around it into pieces too small for the next shard.
//!
//! A block is a row of tables: relation, width and rows, then the columns, each a kind and what that kind needs; all numbers
//! little-endian.

use super::store::Table;
use super::value::Word;
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::Arc;

/// Most values that a list holds.
const LISTED: usize = 1 << 16;
const FEW: usize = 1 << 8;

/// Distances from a least value, two bytes each.
const KIND_NEAR: u8 = 0;
/// A list of values, then places in it, one byte each.
const KIND_FEW: u8 = 1;
/// A list of values, then places in it, two bytes each.
const KIND_LISTED: u8 = 2;
/// The values.
const KIND_PLAIN: u8 = 3;

/// Puts tables into a block; its own memory is used again from column to column.
#[derive(Debug, Default)]
pub struct Packer {
    block: Vec<u8>,
    list: Vec<Word>,
    place: FxHashMap<Word, u16>,
    places: Vec<u16>,
}

impl Packer {
    /// Adds the table of a relation.
    pub fn put(&mut self, rel: usize, table: &Table) {
        let (width, rows, data) = (table.width(), table.len(), table.data());
        for n in [rel, width, rows] {
            self.block.extend((n as u64).to_le_bytes());
        }
        for c in 0..width {
            let values = data.chunks_exact(width).map(|row| row[c]);
            // The first column is in order: its ends say how near the values are.
            let near = c == 0 && rows > 0 && u16::try_from(data[(rows - 1) * width] - data[0]).is_ok();
            if near || !self.listed(values.clone()) {
                self.near(values);
            } else if self.list.len() <= FEW {
                self.lists(KIND_FEW);
                self.block.extend(self.places.iter().map(|n| *n as u8));
            } else if spread(values.clone()).is_some() {
                // No list is needed.
                self.near(values);
            } else {
                self.lists(KIND_LISTED);
                let to = room(&mut self.block, 2 * rows);
                to.as_chunks_mut().0.iter_mut().zip(&self.places).for_each(|(to, n)| *to = n.to_le_bytes());
            }
        }
    }

    /// The block.
    #[must_use]
    pub fn block(self) -> Vec<u8> {
        self.block
    }

    /// Lists the values, and where in the list each stands; tells whether the list is short enough.
    fn listed(&mut self, values: impl Iterator<Item = Word>) -> bool {
        self.list.clear();
        self.place.clear();
        self.places.clear();
        // Most values have just been seen: a place for each last byte saves most of the looking up.
        let mut recent: [Option<(Word, u16)>; 256] = [None; 256];
        for w in values {
            let slot = &mut recent[w as usize % 256];
            let n = match slot {
                Some((v, n)) if *v == w => *n,
                _ => match self.place.get(&w) {
                    Some(n) => *n,
                    None if self.list.len() == LISTED => return false,
                    None => {
                        let n = self.list.len() as u16;
                        self.place.insert(w, n);
                        self.list.push(w);
                        n
                    }
                },
            };
            *slot = Some((w, n));
            self.places.push(n);
        }
        true
    }

    fn lists(&mut self, kind: u8) {
        self.block.push(kind);
        self.block.extend((self.list.len() as u32).to_le_bytes());
        words(&mut self.block, self.list.iter().copied());
    }

    /// Distances from the least value if they are small, else the values.
    fn near(&mut self, values: impl ExactSizeIterator<Item = Word> + Clone) {
        let Some(least) = spread(values.clone()) else {
            self.block.push(KIND_PLAIN);
            return words(&mut self.block, values);
        };
        self.block.push(KIND_NEAR);
        self.block.extend(least.to_le_bytes());
        let to = room(&mut self.block, 2 * values.len());
        to.as_chunks_mut().0.iter_mut().zip(values).for_each(|(to, w)| *to = ((w - least) as u16).to_le_bytes());
    }
}

/// The least value, if all others are near it.
fn spread(values: impl Iterator<Item = Word>) -> Option<Word> {
    let (least, most) = values.fold((Word::MAX, 0), |(least, most), w| (least.min(w), most.max(w)));
    u16::try_from(most.saturating_sub(least)).is_ok().then_some(least)
}

/// So many more bytes at the end.
fn room(block: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    let at = block.len();
    block.resize(at + bytes, 0);
    &mut block[at..]
}

fn words(block: &mut Vec<u8>, values: impl ExactSizeIterator<Item = Word>) {
    let to = room(block, values.len() * size_of::<Word>());
    to.as_chunks_mut().0.iter_mut().zip(values).for_each(|(to, w)| *to = w.to_le_bytes());
}

/// What is left to read of a block.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, n: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(n);
        self.0 = rest;
        bytes
    }

    fn number(&mut self) -> usize {
        u64::from_le_bytes(self.chunks(1)[0]) as usize
    }

    fn chunks<const N: usize>(&mut self, n: usize) -> &'a [[u8; N]] {
        self.bytes(n * N).as_chunks().0
    }

    fn list(&mut self) -> Vec<Word> {
        let n = u32::from_le_bytes(self.chunks(1)[0]) as usize;
        self.chunks(n).iter().map(|b| Word::from_le_bytes(*b)).collect()
    }

    fn column<'d>(&mut self, rows: usize, into: impl Iterator<Item = &'d mut Word>) {
        match self.bytes(1)[0] {
            KIND_NEAR => {
                let least = Word::from_le_bytes(self.chunks(1)[0]);
                let of = self.chunks(rows).iter();
                into.zip(of).for_each(|(to, n)| *to = least + Word::from(u16::from_le_bytes(*n)));
            }
            KIND_FEW => {
                let list = self.list();
                into.zip(self.bytes(rows)).for_each(|(to, n)| *to = list[usize::from(*n)]);
            }
            KIND_LISTED => {
                let list = self.list();
                let of = self.chunks(rows).iter();
                into.zip(of).for_each(|(to, n)| *to = list[usize::from(u16::from_le_bytes(*n))]);
            }
            _ => into.zip(self.chunks(rows)).for_each(|(to, w)| *to = Word::from_le_bytes(*w)),
        }
    }
}

/// The tables of a block, with their relations, in the order in which they were put.
pub fn tables(block: &[u8]) -> impl Iterator<Item = (usize, Table)> + '_ {
    let mut left = Reader(block);
    std::iter::from_fn(move || {
        if left.0.is_empty() {
            return None;
        }
        let [rel, width, rows] = std::array::from_fn(|_| left.number());
        if width == 0 {
            return Some((rel, if rows == 0 { Table::new(0) } else { Table::unit() }));
        }
        let mut data = vec![0; width * rows];
        for c in 0..width {
            left.column(rows, data.chunks_exact_mut(width).map(|row| &mut row[c]));
        }
        Some((rel, Table::from_sorted(width, data)))
    })
}

/// Bytes of blocks that stand side by side. That much comes from the system and goes back there, and is not carved out of what
/// shards work with.
const SHELF: usize = 32 << 20;

/// A block where it stands.
#[derive(Clone, Debug, Default)]
pub struct Block {
    shelf: Arc<Vec<u8>>,
    place: Range<usize>,
}

impl Block {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.shelf[self.place.clone()]
    }
}

/// Puts blocks side by side.
#[derive(Debug, Default)]
pub struct Shelves {
    open: Vec<u8>,
    places: Vec<Range<usize>>,
    blocks: Vec<Block>,
}

impl Shelves {
    /// Adds a block.
    pub fn put(&mut self, block: &[u8]) {
        if self.open.len() + block.len() > SHELF {
            self.close();
        }
        if self.open.capacity() == 0 && !block.is_empty() {
            self.open.reserve_exact(SHELF.max(block.len()));
        }
        let from = self.open.len();
        self.open.extend_from_slice(block);
        self.places.push(from..self.open.len());
    }

    fn close(&mut self) {
        self.open.shrink_to_fit();
        let shelf = Arc::new(std::mem::take(&mut self.open));
        self.blocks.extend(self.places.drain(..).map(|place| Block { shelf: shelf.clone(), place }));
    }

    /// All blocks in the order in which they came; the bytes of a shelf are free when all of its blocks are.
    #[must_use]
    pub fn blocks(mut self) -> Vec<Block> {
        self.close();
        self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(tables: &[Table]) -> Vec<u8> {
        let mut packer = Packer::default();
        tables.iter().enumerate().for_each(|(i, t)| packer.put(i, t));
        packer.block()
    }

    fn unpacked(block: &[u8]) -> Vec<Table> {
        super::tables(block)
            .enumerate()
            .map(|(i, (rel, table))| if i == rel { table } else { panic!("{rel}") })
            .collect()
    }

    #[test]
    fn columns_of_every_kind() {
        let mut all = vec![Table::unit(), Table::new(0), Table::new(3)];
        for (n, spread) in
            [(0u32, 1u32), (1, 1), (300, 1), (300, 1 << 20), (70_000, 1), (70_000, 60_000), (200, 1 << 24)]
        {
            let data: Vec<Word> = (0..n).flat_map(|i| [i, i.wrapping_mul(spread), 7, u32::MAX - i / 3]).collect();
            let table = Table::from_rows(4, data);
            let block = packed(std::slice::from_ref(&table));
            assert!(block.len() <= 4 * 4 * n as usize + 4 * FEW * 4 + 44, "{n}, {spread}: {}", block.len());
            all.push(table);
        }
        assert_eq!(unpacked(&packed(&all)), all);
    }

    #[test]
    fn blocks_stand_side_by_side() {
        let block = |i: u32| vec![i as u8; if i == 2 { SHELF + 5 } else { i as usize * (SHELF / 8) }];
        let mut shelves = Shelves::default();
        (0..9).for_each(|i| shelves.put(&block(i)));
        let blocks = shelves.blocks();
        assert_eq!(blocks.len(), 9);
        (0..9).for_each(|i| assert!(blocks[i as usize].bytes() == block(i), "{i}"));
        assert!(Arc::ptr_eq(&blocks[0].shelf, &blocks[1].shelf), "no shelf for each block");
    }

    proptest! {
        #[test]
        fn any_table(width in 1usize..4, data in proptest::collection::vec(any::<u32>(), 0..60)) {
            let whole = data.len() / width * width;
            let table = Table::from_rows(width, data[..whole].to_vec());
            prop_assert_eq!(unpacked(&packed(&[table.clone(), table.clone()])), [table.clone(), table]);
        }
    }
}
