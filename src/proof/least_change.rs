//! The least that would have changed a result: all subset-minimal changes of facts declared changeable, up to a number of
//! changes, that make a goal follow or not follow.
//!
//! Breadth first over sets of edits. In each state the goal is asked again; if it is not yet as wanted, the edits tried next
//! are those that bear on it: to make a goal follow, the rows missing from the attempts that came near; to make one fail, the
//! rows of one of its proofs, and the rows that would make a negated premise of it fail. Every set that succeeds is confirmed
//! by having been replayed, and its subsets are replayed to see that it is minimal.

mod fresh;

use super::demand::{Change, Prover};
use super::graph::Value;
use super::rank::Ranks;
use super::record::{FactId, Record};
use super::why_not::{self, Attempt, Fate};
use super::{Goal, answers, pattern, typed};
use crate::engine::limit::Limit;
use crate::engine::naive::body::Source;
use crate::engine::value::Word;
use crate::lang::program::{Arg, Atom, Const, Literal, RelId, VarId};
use fresh::{Fresh, Used};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;

/// A relation whose rows may be changed.
#[derive(Clone, Debug)]
pub struct Changeable {
    /// The relation.
    pub rel: RelId,
    /// The columns that may change; `None` when whole rows may come and go.
    pub columns: Option<Vec<usize>>,
    /// Columns on which no two rows agree: a row added replaces one with the same key. Empty if nothing is said.
    pub key: Vec<usize>,
    /// By column, the word of a cell about which nothing is known; `None` where it must not be blank.
    pub blank: Vec<Option<Word>>,
    /// By column, whether a value that occurs nowhere may be made up for it: a key of its own, no code and no reference.
    pub fresh: Vec<bool>,
}

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most edits in a set.
    pub cost: usize,
    /// Most states looked at.
    pub states: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { cost: 3, states: 800 }
    }
}

/// One edit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edit {
    /// Relation.
    pub rel: RelId,
    /// The row taken away.
    pub old: Option<Vec<Word>>,
    /// The row put there.
    pub new: Option<Vec<Word>>,
}

/// An edit with values.
#[derive(Clone, Debug, PartialEq)]
pub struct PlainEdit {
    /// Relation.
    pub rel: RelId,
    /// The row taken away.
    pub old: Option<Vec<Value>>,
    /// The row put there.
    pub new: Option<Vec<Value>>,
}

impl PlainEdit {
    fn mentions(&self, value: &Const) -> bool {
        self.new.iter().flatten().any(|v| v.value == *value)
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The goal was as wanted from the start.
    pub already: bool,
    /// Minimal sets, smallest first.
    pub sets: Vec<Vec<PlainEdit>>,
    /// Values in those sets that are made up: each stands for one that occurs nowhere else.
    pub fresh: Vec<Const>,
    /// States looked at.
    pub states: usize,
    /// The bound on states was met: sets may be missing.
    pub cut: bool,
    /// Another bound was met (relations deep, attempts of a rule, instances): sets may be missing.
    pub bounded: bool,
    /// Something that bears on the goal could be changed in ways that were not tried: an aggregate's rows, a value that a test
    /// refuses, a cell for which any value of many might do. Changes that take rows away are all found even so.
    pub open: bool,
}

/// Attempts of a rule that are followed, and literals looked at for them.
const KEEP: usize = 24;
const BUDGET: usize = 1200;
/// Relations deep.
const DEPTH: usize = 24;

/// Finds the minimal changes. The prover's changes are undone at the end.
///
/// # Errors
/// When a stated limit is met.
pub fn least_change(
    prover: &mut Prover<'_>,
    goal: &Goal,
    to: bool,
    changeable: &[Changeable],
    bounds: &Bounds,
) -> Result<Found, Limit> {
    let found = Found::default();
    let mut search = Search {
        prover,
        goal,
        to,
        changeable,
        bounds,
        found,
        replayed: 0,
        known: FxHashMap::default(),
        state: None,
        fresh: Fresh::default(),
        used: Used::default(),
    };
    search.run()
}

struct Search<'a, 'p> {
    prover: &'a mut Prover<'p>,
    goal: &'a Goal,
    to: bool,
    changeable: &'a [Changeable],
    bounds: &'a Bounds,
    found: Found,
    replayed: usize,
    /// Sets that were replayed, and whether they succeed.
    known: FxHashMap<Set, bool>,
    /// The edits that the prover stands after.
    state: Option<Set>,
    fresh: Fresh,
    /// Made-up values in the state of the prover.
    used: Used,
}

type Set = BTreeSet<Edit>;

fn changes(set: &Set) -> Vec<Change> {
    let mut out = Vec::new();
    for e in set {
        out.extend(e.old.iter().map(|r| (e.rel, r.clone(), false)));
        out.extend(e.new.iter().map(|r| (e.rel, r.clone(), true)));
    }
    out
}

impl Search<'_, '_> {
    fn run(&mut self) -> Result<Found, Limit> {
        let mut solved: Vec<Set> = Vec::new();
        let mut level: BTreeSet<Set> = BTreeSet::from([Set::new()]);
        for cost in 0..=self.bounds.cost {
            let mut next: BTreeSet<Set> = BTreeSet::new();
            for set in &level {
                if solved.iter().any(|s| s.is_subset(set)) {
                    continue;
                }
                if self.replayed >= self.bounds.states {
                    self.found.cut = true;
                    break;
                }
                if self.succeeds(set)? {
                    if self.minimal(set)? {
                        solved.push(set.clone());
                    }
                    continue;
                }
                if cost == self.bounds.cost {
                    continue;
                }
                self.stand_in(set);
                self.used = self.fresh.used(self.prover.program(), set);
                for edit in self.candidates()? {
                    // A row is edited once.
                    let clash =
                        |e: &Edit| e.rel == edit.rel && (e.old.is_some() && e.old == edit.old || e.new == edit.old);
                    if set.iter().any(clash) || set.contains(&edit) {
                        continue;
                    }
                    let mut more = set.clone();
                    more.insert(edit);
                    next.insert(more);
                }
            }
            level = next;
        }
        self.prover.change(&[]);
        self.fresh.drop_instances(self.prover.program(), &mut solved);
        let mut found = std::mem::take(&mut self.found);
        found.already = solved.iter().any(Set::is_empty);
        found.states = self.replayed;
        if !found.already {
            found.sets = solved.iter().map(|s| s.iter().map(|e| self.plain(e)).collect()).collect();
            let mut fresh = self.fresh.values(self.prover.text());
            fresh.retain(|v| found.sets.iter().flatten().any(|e| e.mentions(v)));
            found.fresh = fresh;
        }
        Ok(found)
    }

    /// Whether the goal is as wanted after these edits. Sets are met again as parts of others.
    fn succeeds(&mut self, set: &Set) -> Result<bool, Limit> {
        if let Some(known) = self.known.get(set) {
            return Ok(*known);
        }
        self.replayed += 1;
        self.stand_in(set);
        let succeeds = answers(self.prover, self.goal)?.is_empty() != self.to;
        self.known.insert(set.clone(), succeeds);
        Ok(succeeds)
    }

    /// Makes these edits in the prover, unless they are those made last.
    fn stand_in(&mut self, set: &Set) {
        if self.state.as_ref() != Some(set) {
            self.prover.change(&changes(set));
            self.state = Some(set.clone());
        }
    }

    /// Whether no proper subset succeeds.
    fn minimal(&mut self, set: &Set) -> Result<bool, Limit> {
        let edits: Vec<&Edit> = set.iter().collect();
        for mask in 0..(1u32 << edits.len()) - 1 {
            let part: Set = (0..edits.len()).filter(|b| mask >> b & 1 == 1).map(|b| edits[b].clone()).collect();
            if self.succeeds(&part)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Edits that bear on the goal in the state of the prover.
    fn candidates(&mut self) -> Result<BTreeSet<Edit>, Limit> {
        let mut out = BTreeSet::new();
        let mut seen = FxHashSet::default();
        if self.to {
            let wanted = pattern(&self.goal.args, self.prover.symbols());
            self.make_true(self.goal.rel, &wanted, DEPTH, &mut seen, &mut out)?;
        } else if let Some(number) = answers(self.prover, self.goal)?.first() {
            self.make_false(self.goal.rel, *number, DEPTH, &mut seen, &mut out)?;
        }
        Ok(out)
    }

    fn may_change(&self, rel: RelId) -> Option<&Changeable> {
        self.changeable.iter().find(|c| c.rel == rel)
    }

    /// Edits that bring a row of that pattern nearer.
    fn make_true(
        &mut self,
        rel: RelId,
        wanted: &[Option<Word>],
        depth: usize,
        seen: &mut Seen,
        out: &mut BTreeSet<Edit>,
    ) -> Result<(), Limit> {
        if depth == 0 {
            self.found.bounded = true;
            return Ok(());
        }
        if !seen.insert((rel, wanted.to_vec(), true)) {
            return Ok(());
        }
        if self.may_change(rel).is_some() {
            self.put(rel, wanted, out);
        }
        let (attempts, cut) = why_not::search_all(self.prover, rel, wanted, KEEP, BUDGET, true)?;
        self.found.bounded |= cut;
        for attempt in attempts {
            self.mend(&attempt, depth, seen, out)?;
        }
        Ok(())
    }

    /// Edits for the first thing that an attempt lacks; all must be mended, so one is enough to begin with. Nothing, when
    /// something it lacks cannot be mended.
    fn mend(
        &mut self,
        attempt: &Attempt,
        depth: usize,
        seen: &mut Seen,
        out: &mut BTreeSet<Edit>,
    ) -> Result<(), Limit> {
        let rule = self.prover.program().rule(attempt.rule);
        if attempt.head.is_some() {
            self.found.open = true;
            return Ok(());
        }
        for (fate, literal) in attempt.fates.iter().zip(&rule.body) {
            match (fate, literal) {
                (Fate::Missing(_), Literal::Atom(a))
                    if self.prover.rules_of(a.rel).is_empty() && self.may_change(a.rel).is_none() =>
                {
                    return Ok(());
                }
                (Fate::Fails(..) | Fate::Other(_) | Fate::Unknown, _) => {
                    self.found.open = true;
                    return Ok(());
                }
                // It might have another value.
                (Fate::Met(_), Literal::Aggregate { .. }) => self.found.open = true,
                _ => {}
            }
        }
        for (fate, literal) in attempt.fates.iter().zip(&rule.body) {
            match (fate, literal) {
                (Fate::Missing(p), Literal::Atom(a)) => {
                    for p in self.alike(a, p) {
                        self.make_true(a.rel, &p, depth - 1, seen, out)?;
                    }
                    return Ok(());
                }
                (Fate::Blocked(row), Literal::Not(a)) => {
                    return self.make_false(a.rel, *row, depth - 1, seen, out);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Edits that take something away on which one proof of a row rests.
    fn make_false(
        &mut self,
        rel: RelId,
        number: u32,
        depth: usize,
        seen: &mut Seen,
        out: &mut BTreeSet<Edit>,
    ) -> Result<(), Limit> {
        if depth == 0 {
            self.found.bounded = true;
            return Ok(());
        }
        let row = self.prover.row(rel, number).to_vec();
        if !seen.insert((rel, row.iter().map(|w| Some(*w)).collect(), false)) {
            return Ok(());
        }
        let mut record = Record::default();
        let goal = record.fact(self.prover, rel, number);
        record.follow(self.prover, 200_000)?;
        self.found.bounded |= record.truncated;
        let ranks = Ranks::of(&record, &|_| 0);
        let mut open: Vec<FactId> = vec![goal];
        let mut known: FxHashSet<FactId> = FxHashSet::default();
        while let Some(f) = open.pop() {
            if !known.insert(f) {
                continue;
            }
            let fact = &record.facts[f.index()];
            if fact.given {
                self.take(fact.rel, &fact.row, out);
                continue;
            }
            let Some(i) = ranks.shortest[f.index()] else { continue };
            let instance = &record.instances[i as usize];
            open.extend(instance.premises.iter().map(|(_, p)| *p));
            let rule = self.prover.program().rule(instance.rule);
            for literal in &rule.body {
                match literal {
                    Literal::Not(a) => {
                        let p = why_not::pattern_of(&a.args, &instance.vars, self.prover);
                        self.make_true(a.rel, &p, depth - 1, seen, out)?;
                    }
                    Literal::Aggregate { rel, group, .. } => {
                        let mut p = why_not::pattern_of(group, &instance.vars, self.prover);
                        p.resize(self.prover.program().rel(*rel).arity(), None);
                        self.make_true(*rel, &p, depth - 1, seen, out)?;
                        self.found.open = true;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The edits that take a given row away, or give it another value where only a column may change.
    fn take(&mut self, rel: RelId, row: &[Word], out: &mut BTreeSet<Edit>) {
        let Some(c) = self.may_change(rel) else { return };
        match &c.columns {
            None => {
                out.insert(Edit { rel, old: Some(row.to_vec()), new: None });
            }
            Some(columns) => {
                for column in columns {
                    if let Some(blank) = c.blank[*column].filter(|b| *b != row[*column]) {
                        let mut new = row.to_vec();
                        new[*column] = blank;
                        out.insert(Edit { rel, old: Some(row.to_vec()), new: Some(new) });
                    }
                }
            }
        }
    }

    /// The edits that put a row of that pattern there: in place of the row with the same key, else beside the others.
    fn put(&mut self, rel: RelId, wanted: &[Option<Word>], out: &mut BTreeSet<Edit>) {
        let Some(c) = self.may_change(rel).cloned() else { return };
        // Rows with the same key, as far as the key is wanted.
        let key: Vec<usize> = c.key.iter().copied().filter(|k| wanted[*k].is_some()).collect();
        let words: Vec<Word> = key.iter().filter_map(|k| wanted[*k]).collect();
        let mut same = Vec::new();
        if !key.is_empty() && (key.len() == c.key.len() || c.columns.is_some()) {
            same = self.prover.given_rows(rel, &key, &words);
        }
        for old in &same {
            let mut new = old.clone();
            for (at, w) in wanted.iter().enumerate() {
                new[at] = w.unwrap_or(new[at]);
            }
            let allowed = |at: usize| c.columns.as_ref().is_none_or(|cols| cols.contains(&at));
            if new != *old && (0..new.len()).all(|at| new[at] == old[at] || allowed(at)) {
                out.insert(Edit { rel, old: Some(old.clone()), new: Some(new) });
            }
        }
        if c.columns.is_some() || !same.is_empty() {
            return;
        }
        // A value chosen may not be the only one that helps.
        let open = |at: usize| wanted[at].is_none() && c.blank[at].is_none();
        self.found.open |= (0..wanted.len()).any(open);
        let new = |s: &mut Self, made_up: bool| -> Option<Vec<Word>> {
            let mut n = s.used;
            let mut row = Vec::with_capacity(wanted.len());
            for (at, word) in wanted.iter().enumerate() {
                let made = (made_up && open(at) && c.fresh[at]).then(|| s.made_up(rel, at, &mut n)).flatten();
                let known = word.or(c.blank[at]);
                row.push(known.or(made).or_else(|| s.prover.some_value(rel, at))?);
            }
            Some(row)
        };
        out.extend([false, true].into_iter().filter_map(|f| new(self, f)).map(|new| Edit {
            rel,
            old: None,
            new: Some(new),
        }));
    }

    /// The next value that is made up for a column.
    fn made_up(&mut self, rel: RelId, at: usize, used: &mut Used) -> Option<Word> {
        let prim = self.prover.program().rel(rel).columns[at].prim;
        self.fresh.next(self.prover, prim, used)
    }

    /// A missing premise in which one unbound variable stands twice: with a value for it. Else as it is.
    fn alike(&mut self, atom: &Atom, pattern: &[Option<Word>]) -> Vec<Vec<Option<Word>>> {
        let places = |v: &VarId| -> Vec<usize> {
            (0..pattern.len()).filter(|i| matches!(&atom.args[*i], Arg::Var(w) if w == v)).collect()
        };
        let (mut some, mut made) = (pattern.to_vec(), pattern.to_vec());
        let mut n = self.used;
        for at in 0..pattern.len() {
            let Arg::Var(v) = &atom.args[at] else { continue };
            let same = places(v);
            if some[at].is_some() || made[at].is_some() || same.len() < 2 {
                continue;
            }
            let known = self.prover.some_value(atom.rel, at);
            let fresh = self.made_up(atom.rel, at, &mut n);
            same.iter().for_each(|c| (some[*c], made[*c]) = (known, fresh));
        }
        if some == made { vec![some] } else { vec![some, made] }
    }

    fn plain(&self, edit: &Edit) -> PlainEdit {
        let values = |row: &Option<Vec<Word>>| {
            row.as_ref().map(|row| {
                let words = row.iter().map(|w| Some(*w));
                typed::row(self.prover.program(), self.prover.text(), edit.rel, words).into_iter().flatten().collect()
            })
        };
        PlainEdit { rel: edit.rel, old: values(&edit.old), new: values(&edit.new) }
    }
}

/// What was examined: relation, pattern, whether it was to become true.
type Seen = FxHashSet<(RelId, Vec<Option<Word>>, bool)>;
