//! Aggregates over rows that come in parts, put together from what each part gives.

use super::store::Table;
use super::value::{Word, from_number, to_number};
use crate::lang::date::BLANK;
use crate::lang::program::{AggOp, Prim, Program, RelId};
use hashbrown::HashMap;
use rustc_hash::{FxBuildHasher, FxHashSet};

/// Aggregates over the rows of a relation, by groups. Blanks are left out of all but the number of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// The relation of the rows.
    pub answers: RelId,
    /// The relation of the aggregates: groups, then one column for each.
    pub into: RelId,
    /// Columns of the rows by which they are grouped.
    pub by: Vec<usize>,
    /// Operators, each with the column over whose values it goes; `count` without one counts rows, with one it counts values.
    pub of: Vec<(AggOp, Option<usize>)>,
}

/// What parts have given of one aggregate of a group.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    Rows(u64),
    Sum(i128),
    /// The least or largest.
    End(Option<i32>),
    Values(FxHashSet<Word>),
}

/// What parts have given of all groups.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    all: HashMap<Vec<Word>, Vec<Given>, FxBuildHasher>,
    /// Room for the group of an answer.
    group: Vec<Word>,
}

impl Tally {
    /// Whether the aggregates of parts add up to those of all rows, if no two parts have rows with one value in the column `key`.
    #[must_use]
    pub fn adds_up(&self, program: &Program) -> bool {
        let prim = |c: usize| program.rel(self.answers).columns[c].prim;
        self.of.iter().all(|(op, of)| match (op, of) {
            (AggOp::Count, _) => true,
            (AggOp::Sum | AggOp::Min | AggOp::Max, Some(c)) => prim(*c) == Prim::Number,
            // Of floats the order counts, of texts the words.
            _ => false,
        })
    }

    /// Of no answers; values of the column `key`, if there is one, are counted as rows.
    fn nothing(&self, key: Option<usize>) -> Vec<Given> {
        let one = |(op, of): &(AggOp, Option<usize>)| match (op, of) {
            (AggOp::Count, None) => Given::Rows(0),
            (AggOp::Count, of) if *of == key => Given::Rows(0),
            (AggOp::Count, Some(_)) => Given::Values(FxHashSet::default()),
            (AggOp::Min | AggOp::Max, _) => Given::End(None),
            _ => Given::Sum(0),
        };
        self.of.iter().map(one).collect()
    }

    fn end(op: AggOp, a: Option<i32>, b: Option<i32>) -> Option<i32> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if op == AggOp::Min { a.min(b) } else { a.max(b) }),
            (a, b) => a.or(b),
        }
    }

    /// Adds an answer, given by its words, to what a part gives. Of a count of the values in the column `key`, if there is one,
    /// it is counted only when it is the `first` of its group with its value there.
    pub fn answer(
        &self,
        program: &Program,
        groups: &mut Groups,
        key: Option<usize>,
        first: impl FnOnce(&[Word]) -> bool,
        word: impl Fn(usize) -> Word,
    ) {
        let columns = &program.rel(self.answers).columns;
        let blank = |c: usize, w: Word| match columns[c].prim {
            Prim::Number => w == from_number(BLANK),
            // The empty text comes first.
            Prim::Symbol => w == 0,
            _ => false,
        };
        let group = &mut groups.group;
        group.clear();
        group.extend(self.by.iter().map(|c| word(*c)));
        let by_key = |of: &(AggOp, Option<usize>)| of.0 == AggOp::Count && of.1.is_some() && of.1 == key;
        let first = self.of.iter().any(by_key) && first(group);
        let all = groups.all.entry_ref(&group[..]).or_insert_with(|| self.nothing(key));
        for (of, given) in self.of.iter().zip(all) {
            if by_key(of) {
                if let (Given::Rows(n), true) = (given, first) {
                    *n += 1;
                }
                continue;
            }
            let value = of.1.map(|c| (c, word(c))).filter(|(c, w)| !blank(*c, *w)).map(|v| v.1);
            match (given, value) {
                (Given::Rows(n), _) => *n += 1,
                (Given::Sum(sum), Some(w)) => *sum += i128::from(to_number(w)),
                (Given::End(end), Some(w)) => *end = Self::end(of.0, *end, Some(to_number(w))),
                (Given::Values(values), Some(w)) => drop(values.insert(w)),
                (_, None) => {}
            }
        }
    }

    /// Adds so many answers of a group, where all aggregates count rows.
    pub fn answers(&self, groups: &mut Groups, group: &[Word], n: u64) {
        for given in groups.all.entry_ref(group).or_insert_with(|| self.nothing(None)) {
            if let Given::Rows(rows) = given {
                *rows += n;
            }
        }
    }

    /// What the rows of a part give; no other part has rows with their values in the column `key`.
    #[must_use]
    pub fn part(&self, program: &Program, rows: &Table, key: usize) -> Groups {
        let mut groups = Groups::default();
        for row in rows.rows() {
            self.answer(program, &mut groups, None, |_| false, |c| row[c]);
        }
        // Values of the key are met in no other part.
        for given in groups.all.values_mut() {
            for (given, (_, of)) in given.iter_mut().zip(&self.of) {
                if let (Given::Values(values), true) = (&*given, *of == Some(key)) {
                    *given = Given::Rows(values.len() as u64);
                }
            }
        }
        groups
    }

    /// Adds what a part has given; `known` turns a word of the part in a column of the rows into one of all.
    pub fn add(&self, all: &mut Groups, part: Groups, mut known: impl FnMut(usize, Word) -> Word) {
        for (group, given) in part.all {
            let group: Vec<Word> = group.into_iter().zip(&self.by).map(|(w, c)| known(*c, w)).collect();
            let given = given.into_iter().zip(&self.of).map(|(g, (_, of))| match (g, of) {
                (Given::Values(values), Some(c)) => Given::Values(values.into_iter().map(|w| known(*c, w)).collect()),
                (g, _) => g,
            });
            let given: Vec<Given> = given.collect();
            let Some(had) = all.all.get_mut(&group) else {
                all.all.insert(group, given);
                continue;
            };
            for ((had, given), (op, _)) in had.iter_mut().zip(given).zip(&self.of) {
                match (had, given) {
                    (Given::Rows(a), Given::Rows(b)) => *a += b,
                    (Given::Sum(a), Given::Sum(b)) => *a += b,
                    (Given::End(a), Given::End(b)) => *a = Self::end(*op, *a, b),
                    (Given::Values(a), Given::Values(b)) => a.extend(b),
                    _ => {}
                }
            }
        }
    }

    /// The rows of [`Tally::into`], in any order; `None` if a number does not fit.
    #[must_use]
    pub fn rows(&self, mut all: Groups) -> Option<Vec<Word>> {
        if self.by.is_empty() {
            // Of no rows there is a count.
            all.all.entry(Vec::new()).or_insert_with(|| self.nothing(None));
        }
        let mut out = Vec::with_capacity(all.all.len() * (self.by.len() + self.of.len()));
        for (group, given) in all.all {
            let from = out.len();
            out.extend(group);
            for given in given {
                let number = match given {
                    Given::Rows(n) => Some(i32::try_from(n).ok()?),
                    Given::Values(values) => Some(i32::try_from(values.len()).ok()?),
                    Given::Sum(n) => Some(i32::try_from(n).ok()?),
                    Given::End(n) => n,
                };
                match number {
                    Some(n) => out.push(from_number(n)),
                    // Nothing has no least value.
                    None => {
                        out.truncate(from);
                        break;
                    }
                }
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang;
    use crate::lang::program::SourceFile;

    #[test]
    fn parts_add_up() {
        let text = ".decl a(c: symbol, g: symbol, n: number)\n.decl t(g: symbol, r: number, d: number, k: number, s: number, l: number, h: number)\n";
        let program = lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let of = vec![
            (AggOp::Count, None),
            (AggOp::Count, Some(2)),
            (AggOp::Count, Some(0)),
            (AggOp::Sum, Some(2)),
            (AggOp::Min, Some(2)),
            (AggOp::Max, Some(2)),
        ];
        let tally = Tally { answers: RelId(0), into: RelId(1), by: vec![1], of };
        assert!(tally.adds_up(&program));
        let word = from_number;
        let part = |rows: &[[i32; 3]]| {
            let data = rows.iter().flat_map(|r| [r[0] as Word, r[1] as Word, word(r[2])]).collect();
            tally.part(&program, &Table::from_rows(3, data), 0)
        };
        let mut all = Groups::default();
        // In the second part the texts have other numbers, 10 more.
        tally.add(&mut all, part(&[[1, 7, 5], [1, 7, -2], [2, 7, 5], [2, 8, BLANK], [0, 9, 4]]), |_, w| w);
        let moved = |c: usize, w: Word| if c < 2 && w > 0 { w - 10 } else { w };
        tally.add(&mut all, part(&[[13, 17, 5], [13, 17, 9], [14, 18, BLANK], [14, 16, i32::MAX]]), moved);
        let mut found: Vec<Vec<i32>> =
            tally.rows(all.clone()).unwrap().chunks(7).map(|r| r.iter().map(|w| to_number(*w)).collect()).collect();
        found.iter_mut().for_each(|r| r[0] = i32::try_from(from_number(r[0])).unwrap());
        found.sort();
        // Group 8 has blanks alone, so no least value; in group 9 the key is blank.
        assert_eq!(
            found,
            [vec![6, 1, 1, 1, i32::MAX, i32::MAX, i32::MAX], vec![7, 5, 3, 3, 22, -2, 9], vec![9, 1, 1, 0, 4, 4, 4]]
        );
        tally.add(&mut all, part(&[[15, 6, 1]]), |_, w| w);
        assert_eq!(tally.rows(all), None, "a sum too large");
        let bare = Tally { by: Vec::new(), of: vec![(AggOp::Count, None)], ..tally.clone() };
        assert_eq!(bare.rows(Groups::default()), Some(vec![word(0)]));
        let least = Tally { by: Vec::new(), of: vec![(AggOp::Count, None), (AggOp::Min, Some(2))], ..tally.clone() };
        assert_eq!(least.rows(Groups::default()), Some(vec![]));
        for (op, c) in [(AggOp::Mean, 2), (AggOp::Min, 1), (AggOp::Max, 0), (AggOp::WrapSum, 2)] {
            assert!(!Tally { of: vec![(op, Some(c))], ..tally.clone() }.adds_up(&program));
        }
    }
}
