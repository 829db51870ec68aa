//! The rows of a table from its files: symbols of the run, sorted, each with its file and line; shipped rows give way to
//! rows of the casebase with the same key; no two rows with the same key.

use super::dict::Dict;
use super::part::Part;
use super::schema::TableSchema;
use crate::engine::symbol::{self, Symbols, Tag};
use crate::engine::value::Word;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Marks the line of a shipped row.
pub(crate) const SHIPPED: u32 = 1 << 31;
/// Bits of a shipped row's mark that hold its line; those between hold the number of its file among the shipped ones.
const SHIPPED_LINE: u32 = 24;

/// Which shipped file a marked line belongs to (`None`: the casebase's own), and the line.
pub(crate) fn unmark(line: u32) -> (Option<usize>, u32) {
    if line & SHIPPED == 0 {
        return (None, line);
    }
    (Some(((line & !SHIPPED) >> SHIPPED_LINE) as usize), line & ((1 << SHIPPED_LINE) - 1))
}

/// The mark of a line of the further file with that number.
pub(crate) fn mark(file: usize, line: u32) -> u32 {
    let most = (1 << SHIPPED_LINE) - 1;
    SHIPPED | ((file as u32) << SHIPPED_LINE) & !SHIPPED | line.min(most)
}

/// Rows of a table in order; also those with defects, until [`Rows::good`].
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub width: usize,
    pub data: Vec<Word>,
    /// Line of each row, with [`SHIPPED`] if it comes with the rulebook.
    pub lines: Vec<u32>,
    /// Rows with a defect; empty if there is none.
    pub(super) bad: Vec<bool>,
    /// Shipped rows that were replaced; empty if there is none.
    pub(super) gone: Vec<bool>,
}

/// Two rows that cannot both stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clash {
    /// Row that is reported.
    pub row: usize,
    /// Row that it clashes with.
    pub with: usize,
    /// They are the same in all columns.
    pub same: bool,
}

/// Symbols of the numbers of a dictionary.
pub(crate) struct Map {
    /// Those of the dictionary it begins with.
    base: Option<Arc<Vec<Word>>>,
    own: Arc<Vec<Word>>,
    /// New ids of the symbols, if they have been given any.
    ids: Option<Arc<Vec<Word>>>,
}

impl Map {
    /// From now on symbols have other ids.
    pub fn renumber(&mut self, ids: &Arc<Vec<Word>>) {
        self.ids = Some(ids.clone());
    }

    fn apply(&self, words: &mut [Word], column: usize, width: usize) {
        let words = words.iter_mut().skip(column).step_by(width);
        if let Some(ids) = &self.ids {
            let base = self.base.as_ref().map_or(&[][..], |b| b.as_slice());
            let of: Vec<Word> = base.iter().chain(&self.own[..]).map(|w| ids[*w as usize]).collect();
            words.for_each(|w| *w = of[*w as usize]);
            return;
        }
        match &self.base {
            None => words.for_each(|w| *w = self.own[*w as usize]),
            Some(base) => {
                let n = base.len();
                words.for_each(|w| *w = base.get(*w as usize).copied().unwrap_or_else(|| self.own[*w as usize - n]));
            }
        }
    }
}

/// Texts that are worth the work of several threads.
const MANY: usize = 1 << 16;

/// Makes the texts of dictionaries symbols of the run.
pub(crate) struct Interner<'s> {
    symbols: &'s mut Symbols,
    /// Dictionaries that others begin with, by address.
    known: FxHashMap<usize, Arc<Vec<Word>>>,
}

impl<'s> Interner<'s> {
    pub fn new(symbols: &'s mut Symbols) -> Self {
        Self { symbols, known: FxHashMap::default() }
    }

    /// For each column of text the symbols of its dictionary.
    pub fn part(&mut self, part: &Part<'_>) -> Vec<Option<Map>> {
        part.dicts.iter().map(|d| d.as_ref().map(|d| self.dict(d))).collect()
    }

    fn dict(&mut self, dict: &Arc<Dict<'_>>) -> Map {
        let base = dict.base().map(|b| self.dict(b).own);
        let address = Arc::as_ptr(dict).addr();
        if let Some(own) = self.known.get(&address) {
            return Map { base, own: own.clone(), ids: None };
        }
        let many = dict.own().len() >= MANY && rayon::current_num_threads() > 1;
        let own = Arc::new(if many { self.together(dict) } else { self.one_by_one(dict) });
        self.known.insert(address, own.clone());
        Map { base, own, ids: None }
    }

    /// The same symbols, found by all threads.
    fn together(&mut self, dict: &Dict<'_>) -> Vec<Word> {
        let texts: Vec<Cow<'_, str>> = dict.own().map(Cow::Borrowed).collect();
        let tags: Vec<Tag> = texts.par_iter().map(|t| symbol::tag(t)).collect();
        self.symbols.extend(&[(&tags, &texts)]).concat()
    }

    fn one_by_one(&mut self, dict: &Dict<'_>) -> Vec<Word> {
        let mut last = 0u32;
        let symbol = |text: &str| {
            // Columns list the same things in the same order: the symbol after the last one is often the right one, and
            // looking is cheaper than hashing.
            let next = last.saturating_add(1);
            let guess = (next as usize) < self.symbols.len() && self.symbols.resolve(next) == text;
            last = if guess { next } else { self.symbols.intern(text) };
            last
        };
        dict.own().map(symbol).collect()
    }
}

impl Rows {
    /// Rows of the parts of a table, with the maps of [`Interner::part`].
    pub fn of(table: &TableSchema, parts: Vec<(&mut Part<'_>, Vec<Option<Map>>)>) -> Rows {
        let width = table.columns.len();
        let mut all = Rows { width, ..Rows::default() };
        let any_bad = parts.iter().any(|(p, _)| !p.bad.is_empty());
        let mut shipped_before = 0;
        for (part, maps) in parts {
            let mut words = std::mem::take(&mut part.words);
            for (c, map) in maps.into_iter().enumerate() {
                map.into_iter().for_each(|m| m.apply(&mut words, c, width));
            }
            let base = all.lines.len();
            let mut shipped = 0;
            if part.input.shipped {
                shipped = SHIPPED | (shipped_before << SHIPPED_LINE);
                shipped_before += 1;
            }
            if all.data.is_empty() {
                all.data = words;
                all.lines = std::mem::take(&mut part.lines);
                all.lines.iter_mut().for_each(|l| *l |= shipped);
            } else {
                all.data.append(&mut words);
                all.lines.extend(std::mem::take(&mut part.lines).into_iter().map(|l| l | shipped));
            }
            if any_bad {
                all.bad.resize(all.lines.len(), false);
                part.bad.iter().for_each(|b| all.bad[base + *b as usize] = true);
            }
        }
        all.sort();
        all
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The `i`-th row.
    pub fn row(&self, i: usize) -> &[Word] {
        &self.data[i * self.width..(i + 1) * self.width]
    }

    /// Whether a row stands: no defect, not replaced.
    pub fn good(&self, i: usize) -> bool {
        self.there(i) && !self.bad.get(i).is_some_and(|b| *b)
    }

    /// Whether a row was not replaced.
    pub fn there(&self, i: usize) -> bool {
        !self.gone.get(i).is_some_and(|g| *g)
    }

    /// Notes a defect of a row; false if it had one.
    pub fn reject(&mut self, i: usize) -> bool {
        self.bad.resize(self.len(), false);
        !std::mem::replace(&mut self.bad[i], true)
    }

    /// Whether any row has a defect.
    pub fn any_bad(&self) -> bool {
        self.bad.iter().any(|b| *b)
    }

    fn sort(&mut self) {
        if let Some(order) = order(self.width, &self.data) {
            let mut data = Vec::with_capacity(self.data.len());
            order.iter().for_each(|i| data.extend_from_slice(self.row(*i as usize)));
            self.data = data;
            self.lines = order.iter().map(|i| self.lines[*i as usize]).collect();
            if !self.bad.is_empty() {
                self.bad = order.iter().map(|i| self.bad[*i as usize]).collect();
            }
        }
    }

    /// Drops shipped rows that a row of the casebase replaces, and finds rows that clash. Without a key only equal rows
    /// clash. In each clash of different rows, `both` asks for a report of the first row too.
    pub fn clashes(&mut self, key: &[usize], both: bool) -> Vec<Clash> {
        let all: Vec<usize> = (0..self.width).collect();
        let key = if key.is_empty() { &all[..] } else { key };
        let prefix = key.iter().enumerate().all(|(i, c)| i == *c);
        let this = &*self;
        let compare = |a: &u32, b: &u32| {
            let (a, b) = (this.row(*a as usize), this.row(*b as usize));
            key.iter().map(|c| a[*c]).cmp(key.iter().map(|c| b[*c]))
        };
        let order: Option<Vec<u32>> = (!prefix).then(|| {
            let mut order: Vec<u32> = (0..this.len() as u32).collect();
            order.par_sort_by(compare);
            order
        });
        let at = |i: usize| order.as_ref().map_or(i, |o| o[i] as usize);
        let same = |a: usize, b: usize| {
            let (a, b) = (self.row(at(a)), self.row(at(b)));
            key.iter().all(|c| a[*c] == b[*c])
        };
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        for i in 1..=self.len() {
            if i == self.len() || !same(start, i) {
                if i - start > 1 {
                    runs.push(start..i);
                }
                start = i;
            }
        }
        let mut out = Vec::new();
        let mut gone = Vec::new();
        for run in runs {
            let mut rows: Vec<usize> = run.map(at).collect();
            rows.sort_by_key(|r| self.lines[*r]);
            // SHIPPED is the highest bit, so shipped rows come last.
            let given = rows.iter().take_while(|r| self.lines[**r] & SHIPPED == 0).count();
            if given > 0 {
                gone.extend(rows.drain(given..));
            }
            let Some((first, rest)) = rows.split_first() else { continue };
            let mut first_too = None;
            for r in rest {
                let same = self.row(*r) == self.row(*first);
                out.push(Clash { row: *r, with: *first, same });
                if both && !same && first_too.is_none() {
                    first_too = Some(Clash { row: *first, with: *r, same });
                }
            }
            out.extend(first_too);
        }
        if !gone.is_empty() {
            self.gone.resize(self.len(), false);
            gone.into_iter().for_each(|g| self.gone[g] = true);
        }
        out.sort_by_key(|c| (self.lines[c.row], self.lines[c.with]));
        out
    }

    /// The rows that stand, without repetition, with their lines.
    pub fn standing(self) -> (Vec<Word>, Vec<u32>) {
        let distinct = (1..self.len()).all(|i| self.row(i - 1) != self.row(i));
        if self.bad.is_empty() && self.gone.is_empty() && distinct {
            return (self.data, self.lines);
        }
        let (mut data, mut lines): (Vec<Word>, Vec<u32>) = (Vec::new(), Vec::new());
        for i in (0..self.len()).filter(|i| self.good(*i)) {
            let row = self.row(i);
            if data.len() >= self.width && data[data.len() - self.width..] == *row {
                continue;
            }
            data.extend_from_slice(row);
            lines.push(self.lines[i]);
        }
        (data, lines)
    }
}

/// The order that sorts rows, earlier rows before equal later ones; `None` if they are sorted.
fn order(width: usize, data: &[Word]) -> Option<Vec<u32>> {
    let n = data.len().checked_div(width).unwrap_or(0);
    let row = |i: u32| &data[i as usize * width..(i as usize + 1) * width];
    if (1..n as u32).all(|i| row(i - 1) <= row(i)) {
        return None;
    }
    let compare = |a: &u32, b: &u32| row(*a).cmp(row(*b)).then(a.cmp(b));
    let mut order: Vec<u32> = (0..n as u32).collect();
    if (1..n as u32).all(|i| row(i - 1)[0] <= row(i)[0]) {
        // The usual case: the file lists its cases in the order of the table of cases; only groups need sorting.
        let mut start = 0;
        for i in 1..=n {
            if i == n || row(i as u32)[0] != row(start as u32)[0] {
                order[start..i].sort_unstable_by(compare);
                start = i;
            }
        }
    } else {
        order.par_sort_unstable_by(compare);
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(width: usize, data: &[Word], lines: &[u32]) -> Rows {
        let mut r = Rows { width, data: data.to_vec(), lines: lines.to_vec(), ..Rows::default() };
        r.sort();
        r
    }

    #[test]
    fn shipped_rows_give_way_and_clashes_name_the_first_line() {
        let mut r = rows(2, &[1, 5, 2, 6, 1, 7, 3, 1, 3, 1, 3, 2], &[2 | SHIPPED, 3 | SHIPPED, 2, 4, 5, 6]);
        let c = r.clashes(&[0], false);
        let lines: Vec<(u32, u32, bool)> = c.iter().map(|c| (r.lines[c.row], r.lines[c.with], c.same)).collect();
        assert_eq!(lines, [(5, 4, true), (6, 4, false)]);
        c.iter().for_each(|c| assert!(r.reject(c.row)));
        assert_eq!(r.standing(), (vec![1, 7, 2, 6, 3, 1], vec![2, 3 | SHIPPED, 4]));
    }

    #[test]
    fn key_that_is_no_prefix() {
        let mut r = rows(2, &[9, 1, 8, 1, 7, 2], &[2, 3, 4]);
        let c = r.clashes(&[1], true);
        let lines: Vec<(u32, u32)> = c.iter().map(|c| (r.lines[c.row], r.lines[c.with])).collect();
        assert_eq!(lines, [(2, 3), (3, 2)]);
    }

    #[test]
    fn equal_rows_without_a_key() {
        let mut r = rows(1, &[4, 4, 5], &[2, 3, 4]);
        assert_eq!(r.clashes(&[], false).len(), 1);
        assert_eq!(r.standing(), (vec![4, 5], vec![2, 4]));
    }

    proptest! {
        #[test]
        fn sorting(data in proptest::collection::vec((0u32..4, 0u32..4, 0u32..3), 0..40), grouped: bool) {
            let mut data = data;
            if grouped {
                data.sort_by_key(|d| d.0);
            }
            let flat: Vec<Word> = data.iter().flat_map(|d| [d.0, d.1, d.2]).collect();
            let lines: Vec<u32> = (0..data.len() as u32).collect();
            let r = rows(3, &flat, &lines);
            let mut want: Vec<_> = data.iter().zip(lines).map(|(d, l)| (*d, l)).collect();
            want.sort();
            let got: Vec<_> = (0..r.len()).map(|i| ((r.row(i)[0], r.row(i)[1], r.row(i)[2]), r.lines[i])).collect();
            prop_assert_eq!(got, want);
        }
    }
}
