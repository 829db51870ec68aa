//! Sorted rows that are searched by their first columns, with the places where each value of the first column begins if these
//! values lie close enough together. Rows of a shard do: a search is then two looks and a few steps.

use super::rows::{prefix_range, span};
use super::value::Word;
use std::sync::OnceLock;

/// Rows below which a search needs no help.
const SMALL: usize = 32;
/// Room for values per row, at most.
const ROOM: usize = 4;
/// Rows that are gone through one by one; among more a search gallops.
const NEAR: usize = 8;

/// Sorted, distinct rows, and where values of the first column begin, once somebody asked.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    data: Vec<Word>,
    starts: OnceLock<Option<Starts>>,
}

/// By value of the first column, the number of the first row that has it or a greater one.
#[derive(Clone, Debug)]
struct Starts {
    low: Word,
    at: Vec<u32>,
}

/// Rows to search.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The rows, flat.
    pub data: &'a [Word],
    starts: Option<&'a Starts>,
}

impl From<Vec<Word>> for Copy {
    fn from(data: Vec<Word>) -> Self {
        Self { data, starts: OnceLock::new() }
    }
}

impl Copy {
    /// The rows, flat.
    #[must_use]
    pub fn data(&self) -> &[Word] {
        &self.data
    }

    /// The rows, taken out.
    #[must_use]
    pub fn into_data(self) -> Vec<Word> {
        self.data
    }

    /// The rows to search.
    #[must_use]
    pub fn segment(&self, width: usize) -> Segment<'_> {
        let starts = self.starts.get_or_init(|| Starts::of(width, &self.data)).as_ref();
        Segment { data: &self.data, starts }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let starts = self.starts.get().and_then(Option::as_ref).map_or(0, |s| s.at.len());
        (self.data.len() + starts) * size_of::<Word>()
    }
}

impl Starts {
    fn of(width: usize, data: &[Word]) -> Option<Self> {
        let rows = data.len() / width;
        if rows < SMALL || u32::try_from(rows).is_err() {
            return None;
        }
        let low = data[0];
        let span = (data[(rows - 1) * width] - low) as usize;
        if span > rows.saturating_mul(ROOM) {
            return None;
        }
        // The values ascend: each row says where what lies between it and the row before begins.
        let mut at = vec![0; span + 2];
        let mut next = 0;
        for (i, row) in data.chunks_exact(width).enumerate() {
            let value = (row[0] - low) as usize;
            while next <= value {
                at[next] = i as u32;
                next += 1;
            }
        }
        at[span + 1] = rows as u32;
        Some(Self { low, at })
    }

    #[inline]
    fn range(&self, value: Word) -> (usize, usize) {
        let v = value.wrapping_sub(self.low) as usize;
        if v + 1 < self.at.len() { (self.at[v] as usize, self.at[v + 1] as usize) } else { (0, 0) }
    }
}

impl<'a> Segment<'a> {
    /// Rows `[from, to)` whose first words are `key`. `cursor` is the place of the last hit, from which a search without
    /// places gallops.
    #[inline]
    pub fn range(&self, width: usize, key: &[Word], cursor: &mut usize) -> (usize, usize) {
        let Some(starts) = self.starts else { return prefix_range(width, self.data, key, cursor) };
        let [first, rest @ ..] = key else { return (0, self.data.len() / width) };
        let (from, to) = starts.range(*first);
        match rest {
            [] => (from, to),
            [b] => within(from, to, |i| self.data[i * width + 1].cmp(b)),
            _ => within(from, to, |i| self.data[i * width + 1..=i * width + rest.len()].cmp(rest)),
        }
    }

    /// Whether a row begins with these words.
    #[inline]
    pub fn has(&self, width: usize, key: &[Word], cursor: &mut usize) -> bool {
        let (from, to) = self.range(width, key, cursor);
        from < to
    }
}

/// Those of the rows `[from, to)` that `order` calls equal; first come lesser ones, last greater ones.
#[inline]
fn within(mut from: usize, to: usize, order: impl Fn(usize) -> std::cmp::Ordering) -> (usize, usize) {
    if to - from > NEAR {
        let (first, end) = span(to - from, 0, |i| order(from + i));
        return (from + first, from + end);
    }
    while from < to && order(from).is_lt() {
        from += 1;
    }
    let mut end = from;
    while end < to && order(end).is_eq() {
        end += 1;
    }
    (from, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rows::normalise;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_is_there(
            width in 1usize..4,
            first in prop::sample::select(vec![1u32, 3, 40, 1 << 20]),
            low in prop::sample::select(vec![0, u32::MAX - (1 << 21)]),
            others in 1u32..30,
            data in prop::collection::vec(any::<u32>(), 0..400),
            keys in prop::collection::vec(any::<u32>(), 30),
        ) {
            let value = |i: usize, w: u32| if i.is_multiple_of(width) { low + w % first } else { w % others };
            let mut rows: Vec<Word> = data.iter().enumerate().map(|(i, w)| value(i, *w)).collect();
            rows.truncate(rows.len() / width * width);
            normalise(width, &mut rows);
            let copy = Copy::from(rows.clone());
            let segment = copy.segment(width);
            let mut cursor = 0;
            for key in keys.chunks_exact(3) {
                // The first word may lie just outside.
                let key = [low.wrapping_add(key[0] % (first + 2)).wrapping_sub(1), key[1] % others, key[2] % others];
                for k in 0..=width {
                    let key = &key[..k];
                    let at: Vec<usize> = (0..rows.len() / width).filter(|i| rows[i * width..].starts_with(key)).collect();
                    let (from, to) = segment.range(width, key, &mut cursor);
                    prop_assert_eq!((from..to).collect::<Vec<_>>(), at.clone(), "{:?}", key);
                    prop_assert_eq!(segment.has(width, key, &mut cursor), !at.is_empty());
                }
            }
        }
    }

    #[test]
    fn places_are_kept_where_values_lie_close() {
        let rows = |n: u32, step: u32| Copy::from((0..n).map(|i| i * step).collect::<Vec<_>>());
        for (copy, kept) in [(rows(100, 1), true), (rows(100, 4), true), (rows(100, 5), false), (rows(31, 1), false)] {
            assert_eq!(copy.segment(1).starts.is_some(), kept);
        }
    }
}
