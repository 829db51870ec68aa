//! Values that are made up: each occurs nowhere, so that nothing else is known of it, and can stand in several new rows.

use super::{Edit, Set};
use crate::engine::naive::body::Source as _;
use crate::engine::symbol::Symbols;
use crate::engine::value::{self, Word};
use crate::lang::program::{Const, Prim, Program};
use crate::proof::demand::Prover;
use crate::proof::graph;
use std::collections::BTreeSet;

/// The made-up values of a search. The one of a place is the same in all states.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    symbols: Vec<Word>,
    numbers: Vec<Word>,
    /// One more than the largest number on file, when first needed.
    next: Option<i32>,
}

/// How many made-up symbols and numbers are in use.
pub(super) type Used = [usize; 2];

impl Fresh {
    /// The next value; `None` where a type has none that would be like no other.
    pub(super) fn next(&mut self, prover: &mut Prover<'_>, prim: Prim, used: &mut Used) -> Option<Word> {
        let count = &mut used[usize::from(prim == Prim::Number)];
        *count += 1;
        self.word(prover, prim, *count - 1)
    }

    /// The value of a place.
    fn word(&mut self, prover: &mut Prover<'_>, prim: Prim, place: usize) -> Option<Word> {
        match prim {
            Prim::Symbol => {
                let mut n = self.symbols.len();
                while self.symbols.len() <= place {
                    n += 1;
                    let name = format!("new-{n}");
                    if prover.text().get(&name).is_none() {
                        self.symbols.push(prover.symbols().intern(&name));
                    }
                }
                self.symbols.get(place).copied()
            }
            Prim::Number => {
                while self.numbers.len() <= place {
                    let n =
                        *self.next.get_or_insert_with(|| prover.largest().map_or(1, |n| n.saturating_add(1).max(1)));
                    self.next = Some(n.checked_add(1)?);
                    self.numbers.push(value::from_number(n));
                }
                self.numbers.get(place).copied()
            }
            Prim::Unsigned | Prim::Float => None,
        }
    }

    fn place(&self, prim: Prim, word: Word) -> Option<usize> {
        let words = match prim {
            Prim::Symbol => &self.symbols,
            Prim::Number => &self.numbers,
            Prim::Unsigned | Prim::Float => return None,
        };
        words.iter().position(|w| *w == word)
    }

    /// Places up to the last one of which a set makes use.
    pub(super) fn used(&self, program: &Program, set: &Set) -> Used {
        let mut most = Used::default();
        for edit in set {
            for (column, word) in program.rel(edit.rel).columns.iter().zip(edit.new.iter().flatten()) {
                let most = &mut most[usize::from(column.prim == Prim::Number)];
                *most = (*most).max(self.place(column.prim, *word).map_or(0, |p| p + 1));
            }
        }
        most
    }

    /// All made-up values.
    pub(super) fn values(&self, symbols: &Symbols) -> Vec<Const> {
        let of =
            |prim, words: &[Word]| words.iter().map(move |w| graph::constant(prim, *w, symbols)).collect::<Vec<_>>();
        [of(Prim::Symbol, &self.symbols), of(Prim::Number, &self.numbers)].concat()
    }

    /// Number of made-up values in a set.
    fn different(&self, program: &Program, set: &Set) -> usize {
        let mut found = BTreeSet::new();
        for edit in set {
            for (column, word) in program.rel(edit.rel).columns.iter().zip(edit.new.iter().flatten()) {
                let place = self.place(column.prim, *word);
                found.extend(place.map(|p| (column.prim == Prim::Number, p)));
            }
        }
        found.len()
    }

    /// Drops sets that say with made-up values what another says with values on file.
    pub(super) fn drop_instances(&self, program: &Program, sets: &mut Vec<Set>) {
        let general: Vec<usize> = sets.iter().map(|s| self.different(program, s)).collect();
        let instance = |i: usize| {
            let (from, mut given) = (sets[i].iter().collect::<Vec<_>>(), Vec::new());
            (0..sets.len()).any(|k| {
                let to: Vec<&Edit> = sets[k].iter().collect();
                general[k] < general[i] && to.len() == from.len() && self.maps(program, &from, &to, &mut given)
            })
        };
        let drop: Vec<bool> = (0..sets.len()).map(|i| general[i] > 0 && instance(i)).collect();
        let mut at = drop.iter();
        sets.retain(|_| at.next().is_none_or(|d| !d));
    }

    /// Whether values for the made-up ones turn some edits into others, in any order.
    fn maps(&self, program: &Program, from: &[&Edit], to: &[&Edit], given: &mut Vec<(Prim, Word, Word)>) -> bool {
        let Some((first, rest)) = from.split_first() else { return true };
        for at in 0..to.len() {
            let known = given.len();
            if self.turns(program, first, to[at], given) {
                let mut others = to.to_vec();
                others.remove(at);
                if self.maps(program, rest, &others, given) {
                    return true;
                }
            }
            given.truncate(known);
        }
        false
    }

    fn turns(&self, program: &Program, from: &Edit, to: &Edit, given: &mut Vec<(Prim, Word, Word)>) -> bool {
        if from.rel != to.rel || from.old != to.old || from.new.is_some() != to.new.is_some() {
            return false;
        }
        let columns = &program.rel(from.rel).columns;
        let words = from.new.iter().flatten().zip(to.new.iter().flatten());
        columns.iter().zip(words).all(|(column, (a, b))| {
            let prim = column.prim;
            if self.place(prim, *a).is_none() {
                return a == b;
            }
            match given.iter().find(|(p, word, _)| *p == prim && word == a) {
                Some((_, _, known)) => known == b,
                None => {
                    given.push((prim, *a, *b));
                    true
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::program::{RelId, SourceFile};

    const TEXT: &str = ".decl a(x: symbol, y: symbol)\n.decl b(x: symbol, y: symbol)\n.decl c(n: number)\n";
    const A: u32 = 0;
    const B: u32 = 1;
    /// Made-up texts.
    const M: Word = 100;
    const N: Word = 101;

    fn edit(rel: u32, old: Option<[Word; 2]>, new: Option<[Word; 2]>) -> Edit {
        Edit { rel: RelId(rel), old: old.map(Vec::from), new: new.map(Vec::from) }
    }

    fn add(rel: u32, row: [Word; 2]) -> Edit {
        edit(rel, None, Some(row))
    }

    fn go(rel: u32, row: [Word; 2]) -> Edit {
        edit(rel, Some(row), None)
    }

    fn fresh() -> (Program, Fresh) {
        let program = crate::lang::compile(vec![SourceFile { name: "x.dl".into(), text: TEXT.into() }]).program;
        (program, Fresh { symbols: vec![M, N], numbers: vec![1000], next: None })
    }

    /// Whether the first set is dropped for the second.
    fn dropped(first: &[Edit], second: &[Edit]) -> bool {
        let (program, fresh) = fresh();
        let all: Vec<Set> = [first, second].map(|s| s.iter().cloned().collect()).into();
        let mut left = all.clone();
        fresh.drop_instances(&program, &mut left);
        assert!(left == all || left == all[1..], "only what says more is dropped");
        left.len() == 1
    }

    #[test]
    fn a_set_goes_where_another_says_the_same_with_values_on_file() {
        assert!(dropped(&[add(A, [M, 5])], &[add(A, [7, 5])]));
        assert!(dropped(&[add(A, [N, 5])], &[add(A, [7, 5])]));
        assert!(dropped(&[add(A, [M, M])], &[add(A, [7, 7])]));
        assert!(dropped(&[add(A, [M, N])], &[add(A, [7, 7])]));
        assert!(dropped(&[add(A, [M, N])], &[add(A, [7, 8])]));
        assert!(dropped(&[add(A, [M, 5]), add(B, [M, 6])], &[add(B, [7, 6]), add(A, [7, 5])]));
        assert!(dropped(&[go(A, [1, 2]), add(A, [M, 5])], &[go(A, [1, 2]), add(A, [7, 5])]));
        assert!(dropped(&[edit(A, Some([1, 2]), Some([M, 5]))], &[edit(A, Some([1, 2]), Some([7, 5]))]));
    }

    #[test]
    fn a_set_stays_where_the_other_says_something_else() {
        assert!(!dropped(&[add(A, [M, 5])], &[add(B, [7, 5])]), "of another relation");
        assert!(!dropped(&[add(A, [M, 5])], &[add(A, [7, 6])]), "another value on file");
        assert!(!dropped(&[add(A, [M, M])], &[add(A, [7, 8])]), "one value is not two");
        assert!(!dropped(&[add(A, [7, 5])], &[add(A, [8, 5])]), "nothing made up");
        assert!(!dropped(&[add(A, [M, 5])], &[add(A, [N, 5])]), "as many made up");
        assert!(!dropped(&[add(A, [M, 5]), add(B, [M, 6])], &[add(A, [7, 5]), add(B, [8, 6])]), "not the same twice");
        assert!(!dropped(&[go(A, [1, 2]), add(A, [M, 5])], &[go(A, [3, 4]), add(A, [7, 5])]), "another row goes");
        assert!(!dropped(&[edit(A, Some([1, 2]), Some([M, 5]))], &[add(A, [7, 5])]), "none goes");
        assert!(!dropped(&[edit(A, Some([1, 2]), Some([M, 5]))], &[go(A, [1, 2])]), "none comes");
        assert!(!dropped(&[add(A, [M, 5])], &[add(A, [7, 5]), add(B, [7, 6])]), "more is done");
    }

    #[test]
    fn places_in_use() {
        let (program, fresh) = fresh();
        let number = Edit { rel: RelId(2), old: None, new: Some(vec![1000]) };
        let used = |edits: &[Edit]| fresh.used(&program, &edits.iter().cloned().collect());
        assert_eq!(used(&[add(A, [7, 5]), go(A, [M, N])]), [0, 0]);
        assert_eq!(used(&[add(A, [M, 5])]), [1, 0]);
        assert_eq!(used(&[add(A, [5, N]), add(B, [M, 5]), number]), [2, 1]);
    }
}
