//! Flat rows: `width` words after each other in one slice. Sorting, union, difference, prefix search, permuted copies.
//!
//! Narrow rows (the many) go through array types, so that comparing two rows is a few instructions; wide ones through
//! slices. `width` is at least 1 everywhere in here.

use super::value::Word;
use rayon::prelude::*;
use std::cmp::Ordering;

/// Rows below which a second thread does not pay.
pub const ALONE: usize = 1 << 14;

/// Calls a generic function with the width as a constant for narrow rows, another expression for wide ones.
macro_rules! by_width {
    ($width:expr, $f:ident($($arg:expr),*), $wide:expr) => {
        match $width {
            1 => $f::<1>($($arg),*),
            2 => $f::<2>($($arg),*),
            3 => $f::<3>($($arg),*),
            4 => $f::<4>($($arg),*),
            5 => $f::<5>($($arg),*),
            6 => $f::<6>($($arg),*),
            _ => $wide,
        }
    };
}

/// Sorts rows and drops repetitions.
pub fn normalise(width: usize, data: &mut Vec<Word>) {
    by_width!(width, normalise_narrow(data), normalise_wide(width, data));
}

fn normalise_narrow<const N: usize>(data: &mut Vec<Word>) {
    let rows = data.as_chunks_mut::<N>().0;
    let all = rows.len();
    let few = |runs: usize| runs.saturating_mul(runs) <= all;
    let mut runs = 1;
    let mut grouped = true;
    let mut distinct = true;
    for i in 1..rows.len() {
        match rows[i - 1].cmp(&rows[i]) {
            Ordering::Less => {}
            Ordering::Equal => distinct = false,
            Ordering::Greater => {
                runs += 1;
                grouped &= rows[i - 1][0] <= rows[i][0];
                if !grouped && !few(runs) {
                    break;
                }
            }
        }
    }
    if runs == 1 && distinct {
        return;
    }
    if runs > 1 {
        if few(runs) {
            // Takes sorted runs of that length as they are.
            rows.sort();
        } else if grouped {
            sort_groups(rows);
        } else {
            sort_narrow(rows);
        }
    }
    dedup::<N>(data);
}

fn sort_groups<const N: usize>(rows: &mut [[Word; N]]) {
    let mut start = 0;
    for i in 1..=rows.len() {
        if i == rows.len() || rows[i][0] != rows[start][0] {
            if i - start > 1 {
                rows[start..i].sort_unstable();
            }
            start = i;
        }
    }
}

fn sort_narrow<const N: usize>(rows: &mut [[Word; N]]) {
    match N {
        2 => rows.sort_unstable_by_key(|r| (u64::from(r[0]) << 32) | u64::from(r[1])),
        3 => rows
            .sort_unstable_by_key(|r| (u128::from(r[0]) << 64) | u128::from((u64::from(r[1]) << 32) | u64::from(r[2]))),
        4 => rows.sort_unstable_by_key(|r| {
            (u128::from((u64::from(r[0]) << 32) | u64::from(r[1])) << 64)
                | u128::from((u64::from(r[2]) << 32) | u64::from(r[3]))
        }),
        _ => rows.sort_unstable(),
    }
}

fn dedup<const N: usize>(data: &mut Vec<Word>) {
    let rows = data.as_chunks_mut::<N>().0;
    let mut kept = 0;
    for i in 0..rows.len() {
        if kept == 0 || rows[kept - 1] != rows[i] {
            rows[kept] = rows[i];
            kept += 1;
        }
    }
    data.truncate(kept * N);
}

fn normalise_wide(width: usize, data: &mut Vec<Word>) {
    let n = data.len() / width;
    let row = |i: usize| &data[i * width..(i + 1) * width];
    if (1..n).all(|i| row(i - 1) < row(i)) {
        return;
    }
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_unstable_by(|a, b| row(*a as usize).cmp(row(*b as usize)));
    let mut out: Vec<Word> = Vec::with_capacity(data.len());
    for i in order {
        let r = row(i as usize);
        if out.len() < width || &out[out.len() - width..] != r {
            out.extend_from_slice(r);
        }
    }
    *data = out;
}

/// Union of two sorted, distinct row sets.
#[must_use]
pub fn union(width: usize, a: &[Word], b: &[Word]) -> Vec<Word> {
    if a.is_empty() || b.is_empty() {
        return [a, b].concat();
    }
    let (last_a, last_b) = (&a[a.len() - width..], &b[b.len() - width..]);
    if last_a < &b[..width] {
        return [a, b].concat();
    }
    if last_b < &a[..width] {
        return [b, a].concat();
    }
    by_width!(width, union_narrow(a, b), union_wide(width, a, b))
}

fn union_narrow<const N: usize>(a: &[Word], b: &[Word]) -> Vec<Word> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (a, b) = (a.as_chunks::<N>().0, b.as_chunks::<N>().0);
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let order = a[i].cmp(&b[j]);
        out.extend_from_slice(if order.is_le() { &a[i] } else { &b[j] });
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    out.extend_from_slice(a[i..].as_flattened());
    out.extend_from_slice(b[j..].as_flattened());
    out
}

fn union_wide(width: usize, a: &[Word], b: &[Word]) -> Vec<Word> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (&a[i..i + width], &b[j..j + width]);
        let order = x.cmp(y);
        out.extend_from_slice(if order.is_le() { x } else { y });
        i += if order.is_le() { width } else { 0 };
        j += if order.is_ge() { width } else { 0 };
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
    out
}

/// Union of several sorted, distinct row sets, the smallest first.
#[must_use]
pub fn union_all(width: usize, mut sets: Vec<Vec<Word>>) -> Vec<Word> {
    sets.retain(|s| !s.is_empty());
    while sets.len() > 1 {
        sets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        if let (Some(a), Some(b)) = (sets.pop(), sets.pop()) {
            sets.push(union(width, &a, &b));
        }
    }
    sets.pop().unwrap_or_default()
}

/// Rows by which places are found that cut all into equal pieces.
const SAMPLE: usize = 1 << 10;

/// [`union_all`] by the threads of the current pool: pieces of the union in order, to be put together by [`joined`] when the
/// sets are gone.
#[must_use]
pub fn union_parallel(width: usize, sets: &[&[Word]]) -> Vec<Vec<Word>> {
    let pieces = rayon::current_num_threads();
    let rows = sets.iter().map(|s| s.len() / width).sum::<usize>();
    if pieces < 2 || rows < pieces * ALONE {
        let mut all = sets.concat();
        normalise(width, &mut all);
        return vec![all];
    }
    // Sets may lie side by side rather than across each other: all of them say where the pieces begin.
    let mut sample: Vec<&[Word]> = sets.iter().flat_map(|s| s.chunks_exact(width).step_by(rows / SAMPLE + 1)).collect();
    sample.sort_unstable();
    let cuts: Vec<&[Word]> = (1..pieces).map(|i| sample[sample.len() * i / pieces]).collect();
    let part = |i: usize| {
        let cut = |set: &[Word], row: &[Word]| prefix_range(width, set, row, &mut 0).0 * width;
        let of = |set: &[Word]| {
            let from = if i == 0 { 0 } else { cut(set, cuts[i - 1]) };
            let to = cuts.get(i).map_or(set.len(), |row| cut(set, row));
            from..to
        };
        // Sorting takes its runs as they are, and less memory than putting sets together two by two.
        let mut rows: Vec<Word> = Vec::with_capacity(sets.iter().map(|set| of(set).len()).sum());
        sets.iter().for_each(|set| rows.extend_from_slice(&set[of(set)]));
        normalise(width, &mut rows);
        rows
    };
    (0..pieces).into_par_iter().map(part).collect()
}

/// Pieces one behind the other.
#[must_use]
pub fn joined(pieces: Vec<Vec<Word>>) -> Vec<Word> {
    let rest: usize = pieces.iter().skip(1).map(Vec::len).sum();
    let mut pieces = pieces.into_iter();
    let mut all = pieces.next().unwrap_or_default();
    all.reserve_exact(rest);
    pieces.for_each(|piece| all.extend_from_slice(&piece));
    all
}

/// Drops from sorted, distinct rows those that stand in another sorted set.
pub fn subtract(width: usize, data: &mut Vec<Word>, old: &[Word]) {
    if old.is_empty() || data.is_empty() {
        return;
    }
    let mut cursor = 0;
    let mut kept = 0;
    for i in (0..data.len()).step_by(width) {
        let (from, to) = prefix_range(width, old, &data[i..i + width], &mut cursor);
        if from == to {
            data.copy_within(i..i + width, kept);
            kept += width;
        }
    }
    data.truncate(kept);
}

/// Rows `[from, to)` whose first words are `key`. The search gallops from `cursor`, the place of the last hit, in either
/// direction: where questions come in nearly sorted order, the answer is a few rows away.
pub fn prefix_range(width: usize, data: &[Word], key: &[Word], cursor: &mut usize) -> (usize, usize) {
    let n = data.len() / width;
    let (from, to) = match *key {
        [] => (0, n),
        [a] => span(n, *cursor, |i| data[i * width].cmp(&a)),
        [a, b] => {
            let want = (u64::from(a) << 32) | u64::from(b);
            span(n, *cursor, |i| ((u64::from(data[i * width]) << 32) | u64::from(data[i * width + 1])).cmp(&want))
        }
        _ => {
            let k = key.len();
            span(n, *cursor, |i| data[i * width..i * width + k].cmp(key))
        }
    };
    *cursor = from;
    (from, to)
}

/// The run of positions where `order` says `Equal`, in a sequence that is first `Less`, then `Equal`, then `Greater`.
pub(super) fn span(n: usize, cursor: usize, order: impl Fn(usize) -> Ordering) -> (usize, usize) {
    let from = lower(n, cursor, &order);
    if from == n || order(from).is_ne() {
        return (from, from);
    }
    let (mut step, mut last) = (1, from);
    while last + step < n && order(last + step).is_eq() {
        last += step;
        step *= 2;
    }
    let (mut lo, mut hi) = (last + 1, n.min(last + step));
    while lo < hi {
        let mid = (lo + hi) / 2;
        if order(mid).is_eq() { lo = mid + 1 } else { hi = mid }
    }
    (from, lo)
}

/// First position that is not `Less`, galloping from `cursor`.
fn lower(n: usize, cursor: usize, order: &impl Fn(usize) -> Ordering) -> usize {
    let c = cursor.min(n);
    let (mut lo, mut hi);
    if c < n && order(c).is_lt() {
        let (mut step, mut last) = (1, c);
        while last + step < n && order(last + step).is_lt() {
            last += step;
            step *= 2;
        }
        (lo, hi) = (last + 1, n.min(last + step));
    } else {
        // Everything from `c` on is not less (or there is nothing): look back.
        let (mut step, mut first) = (1, c);
        loop {
            if first == 0 {
                return 0;
            }
            let at = first.saturating_sub(step);
            if order(at).is_lt() {
                (lo, hi) = (at + 1, first);
                break;
            }
            first = at;
            step *= 2;
        }
    }
    while lo < hi {
        let mid = (lo + hi) / 2;
        if order(mid).is_lt() { lo = mid + 1 } else { hi = mid }
    }
    lo
}

/// Copies sorted rows with their columns in the order `perm`, sorted by the first `keys` of them. The other columns must
/// stand in `perm` in ascending order: then a stable sort by the key columns leaves the copy wholly sorted.
#[must_use]
pub fn permuted(width: usize, data: &[Word], perm: &[usize], keys: usize) -> Vec<Word> {
    let n = data.len() / width;
    let mut order: Vec<u32> = (0..n as u32).collect();
    if n < 2048 {
        order.sort_by(|a, b| {
            let (a, b) = (*a as usize * width, *b as usize * width);
            perm[..keys].iter().map(|c| data[a + c].cmp(&data[b + c])).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
    } else {
        let mut spare = vec![0; n];
        for c in perm[..keys].iter().rev() {
            radix(width, data, *c, &mut order, &mut spare);
        }
    }
    let mut out = Vec::with_capacity(data.len());
    for i in order {
        let row = &data[i as usize * width..(i as usize + 1) * width];
        out.extend(perm.iter().map(|c| row[*c]));
    }
    out
}

const DIGIT: u32 = 11;

/// Stable sort of row numbers by one column.
fn radix(width: usize, data: &[Word], column: usize, order: &mut Vec<u32>, spare: &mut Vec<u32>) {
    let (mut low, mut high) = (Word::MAX, 0);
    let mut sorted = true;
    let mut before = 0;
    for i in order.iter() {
        let v = data[*i as usize * width + column];
        low = low.min(v);
        high = high.max(v);
        sorted &= before <= v;
        before = v;
    }
    let bits = if sorted { 0 } else { Word::BITS - (high - low).leading_zeros() };
    let mut shift = 0;
    while shift < bits {
        let digit = |i: u32| (((data[i as usize * width + column] - low) >> shift) & ((1 << DIGIT) - 1)) as usize;
        let mut starts = [0u32; 1 << DIGIT];
        for i in order.iter() {
            starts[digit(*i)] += 1;
        }
        let mut sum = 0;
        for s in &mut starts {
            sum += std::mem::replace(s, sum);
        }
        for i in order.iter() {
            let s = &mut starts[digit(*i)];
            spare[*s as usize] = *i;
            *s += 1;
        }
        std::mem::swap(order, spare);
        shift += DIGIT;
    }
}

/// Drops rows that were seen not long ago, where many are found: what a rule finds again and again for another value that it
/// does not keep need not be sorted, and takes no memory. Which ones are dropped does not matter to who makes rows distinct.
#[derive(Debug, Default)]
pub struct Repeats {
    /// Rows by hash, each overwritten by the next.
    slots: Vec<Word>,
    looked_at: usize,
    dropped: usize,
}

impl Repeats {
    /// Rows of a rule before it is worth looking.
    const MANY: usize = 1 << 15;
    /// Rows remembered.
    const SLOTS: usize = 1 << 12;
    /// Rows by which it is judged whether looking pays.
    const TRIAL: usize = 1 << 13;

    /// Looks at the rows from `from` words on.
    pub fn drop_from(&mut self, data: &mut Vec<Word>, mut from: usize, width: usize) {
        let pays = self.looked_at < Self::TRIAL || self.dropped * 4 > self.looked_at;
        if data.len() < Self::MANY * width && self.slots.is_empty() || data.len() == from || !pays {
            return;
        }
        if self.slots.is_empty() {
            // The row that fills all places stays where it is.
            self.slots = data[..width].repeat(Self::SLOTS);
            from = from.max(width);
        }
        let mut kept = from;
        for at in (from..data.len()).step_by(width) {
            let row = &data[at..at + width];
            let hash =
                row.iter().fold(0u64, |h, w| (h.rotate_left(5) ^ u64::from(*w)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let slot = (hash >> 40) as usize % Self::SLOTS * width;
            let slot = &mut self.slots[slot..slot + width];
            if slot != row {
                slot.copy_from_slice(row);
                data.copy_within(at..at + width, kept);
                kept += width;
            }
        }
        self.looked_at += (data.len() - from) / width;
        self.dropped += (data.len() - kept) / width;
        data.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn union_by_threads() {
        let set = |step: u32, n: u32| (0..n).flat_map(|i| [i * step / 3, i * step]).collect::<Vec<Word>>();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
        for n in [0, 10, 200_000] {
            let sets = [set(3, n), set(7, n / 2), set(2, n), set(1, 5), Vec::new()];
            let whole = union_all(2, sets.to_vec());
            let slices = sets.each_ref().map(Vec::as_slice);
            assert_eq!(joined(pool.install(|| union_parallel(2, &slices))), whole);
        }
    }

    proptest! {
        #[test]
        fn agree_with_sets(width in 1usize..8, a in prop::collection::vec(0u32..5, 0..120), b in prop::collection::vec(0u32..5, 0..120)) {
            let set = |v: &[Word]| v.chunks_exact(width).map(<[Word]>::to_vec).collect::<std::collections::BTreeSet<_>>();
            let flat = |s: &std::collections::BTreeSet<Vec<Word>>| s.iter().flatten().copied().collect::<Vec<_>>();
            let cut = |v: &[Word]| v[..v.len() / width * width].to_vec();
            let (mut x, mut y) = (cut(&a), cut(&b));
            let (sx, sy) = (set(&x), set(&y));
            normalise(width, &mut x);
            normalise(width, &mut y);
            prop_assert_eq!(&x, &flat(&sx));
            prop_assert_eq!(union(width, &x, &y), flat(&(&sx | &sy)));
            let mut z = x.clone();
            subtract(width, &mut z, &y);
            prop_assert_eq!(z, flat(&(&sx - &sy)));
            let perm: Vec<usize> = (0..width).map(|i| (i + width - 1) % width).collect();
            let turned: std::collections::BTreeSet<Vec<Word>> =
                sx.iter().map(|r| perm.iter().map(|c| r[*c]).collect()).collect();
            prop_assert_eq!(permuted(width, &x, &perm, 1), flat(&turned));
            let mut cursor = 0;
            for row in sy.iter().rev().chain(sy.iter()) {
                for k in 0..=width {
                    let (from, to) = prefix_range(width, &x, &row[..k], &mut cursor);
                    let want = sx.iter().filter(|r| r[..k] == row[..k]).count();
                    prop_assert_eq!(to - from, want);
                    prop_assert!(x[from * width..to * width].chunks_exact(width).all(|r| r[..k] == row[..k]));
                }
            }
        }
    }

    #[test]
    fn sorted_runs_are_put_together() {
        // Few long runs, many short ones, and one run with rows said twice.
        for (runs, length) in [(3u32, 4000u32), (700, 7), (1, 500)] {
            let run = |r: u32| (0..length).flat_map(move |i| [i * 3 + r % 5, r % 2, i / 2]);
            let mut data: Vec<Word> = (0..runs).flat_map(run).collect();
            data.extend_from_within(..3);
            let want: std::collections::BTreeSet<Vec<Word>> = data.chunks_exact(3).map(<[Word]>::to_vec).collect();
            normalise(3, &mut data);
            assert_eq!(data, want.into_iter().flatten().collect::<Vec<_>>());
        }
    }

    #[test]
    fn repeated_rows_are_dropped_early() {
        for (values, n, pays) in [(100u32, 1000u32, true), (u32::MAX, 1000, false), (100, 100_000, true)] {
            let (mut repeats, mut data, mut all) = (Repeats::default(), Vec::new(), Vec::new());
            for i in 0..200_000 / n {
                let from = data.len();
                let rows = (0..n).flat_map(|j| [(i * n + j).wrapping_mul(2_654_435_761) % values, 7]);
                data.extend(rows.clone());
                all.extend(rows);
                repeats.drop_from(&mut data, from, 2);
            }
            assert_eq!(data.len() < all.len() / 4, pays, "{} of {}", data.len(), all.len());
            normalise(2, &mut data);
            normalise(2, &mut all);
            assert_eq!(data, all);
        }
    }

    #[test]
    fn large_tables_are_permuted_by_radix() {
        let n = 5000u32;
        let data: Vec<Word> = (0..n).flat_map(|i| [i, i.wrapping_mul(2_654_435_761)]).collect();
        let turned = permuted(2, &data, &[1, 0], 1);
        let mut want: Vec<Word> = data.chunks_exact(2).flat_map(|r| [r[1], r[0]]).collect();
        normalise(2, &mut want);
        assert_eq!(turned, want);
    }
}
