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
