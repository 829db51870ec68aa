//! What if given facts were otherwise: the conclusions that come and go, found by going forward from the changes only.
//!
//! A row that comes or goes reaches the rules that read its relation; what these conclude with it, before or after, is looked
//! up on the other side; what differs comes or goes in turn. Nothing that does not depend on a change is looked at, and the
//! result is that of two full runs: a conclusion that differs has a step one of whose premises differs.
//!
//! Relation after relation in the order of the strata, so that all below one is known when its turn comes: what held before
//! is asked of a prover, and what holds after is that, without what went and with what came. Only relations that depend on
//! themselves are asked of a second prover, over the changed facts.

use super::demand::Prover;
use super::graph::Value;
use super::typed;
use super::unify::concluding;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::naive::heap::Heap;
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Arg, Column, Literal, Prim, Program, RelId, Rule, RuleId, Stratum};
use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;

/// A row of the whole program that is there on one side only.
#[derive(Clone, Debug, PartialEq)]
pub struct Flip {
    /// Relation.
    pub rel: RelId,
    /// Values.
    pub values: Vec<Value>,
    /// It comes (else it goes).
    pub gained: bool,
}

/// What a change of given facts leads to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Every row that comes or goes, given facts included, by relation and values.
    pub flips: Vec<Flip>,
    /// Conclusions that stay although a step that led to them is gone, by relation and values.
    pub kept: Vec<(RelId, Vec<Value>)>,
}

/// Sides: before and after.
const BEFORE: usize = 0;
const AFTER: usize = 1;

/// Rows of a relation that are on one side only, by side, in the words of the prover before.
type Differing = [Heap; 2];

/// First number of rows that came, behind all numbers of a prover.
const CAME: u32 = 3 << 30;

/// Relations after the change of which all that differs is known: as before, without what goes and with what comes.
struct Changed<'s, 'p> {
    before: &'s mut Prover<'p>,
    differing: &'s mut [Differing],
    /// A functor had no value.
    faulted: &'s mut bool,
}

impl Source for Changed<'_, '_> {
    fn matching(&mut self, rel: RelId, columns: &[usize], key: &[Word], out: &mut Vec<u32>) -> Result<(), Limit> {
        let from = out.len();
        self.before.matching(rel, columns, key, out)?;
        let [lost, gained] = &mut self.differing[rel.index()];
        if !lost.is_empty() {
            let stays = |n: &u32| lost.find(self.before.row(rel, *n)).is_none();
            let kept: Vec<u32> = out.drain(from..).filter(stays).collect();
            out.extend(kept);
        }
        if !gained.is_empty() {
            let from = out.len();
            gained.matching(columns, key, out);
            out[from..].iter_mut().for_each(|n| *n += CAME);
        }
        Ok(())
    }

    fn row(&self, rel: RelId, number: u32) -> &[Word] {
        match number.checked_sub(CAME) {
            Some(n) => self.differing[rel.index()][AFTER].row(n),
            None => self.before.row(rel, number),
        }
    }

    fn fan_out(&mut self, rel: RelId, columns: &[usize]) -> f64 {
        self.before.fan_out(rel, columns)
    }

    fn fault(&mut self, _: Limit) -> Result<(), Limit> {
        *self.faulted = true;
        Ok(())
    }

    fn symbols(&mut self) -> &mut Symbols {
        self.before.symbols()
    }
}

/// Rows of a relation that may differ: those that were there, and those that are.
type Candidates = [BTreeSet<Vec<Word>>; 2];

struct Forward<'a, 'p> {
    program: &'p Program,
    before: &'a mut Prover<'p>,
    after: &'a mut Prover<'p>,
    /// Given rows that may be on one side only.
    changed: Vec<BTreeSet<Vec<Word>>>,
    differing: Vec<Differing>,
    /// Relations that depend on themselves.
    recursive: Vec<bool>,
    kept: BTreeSet<(RelId, Vec<Word>)>,
    /// After the change a functor had no value for some match, or for what one concludes.
    faulted: bool,
}

/// Finds all that differs between a prover and a fork of it whose given facts were changed. The changes are looked up: rows of
/// `changed` that are on one side only.
///
/// # Errors
/// When a stated limit is met.
pub fn outcome<'p>(
    before: &mut Prover<'p>,
    after: &mut Prover<'p>,
    changed: &[(RelId, Vec<Word>)],
) -> Result<Outcome, Limit> {
    let program = before.program();
    let mut forward = Forward {
        program,
        before,
        after,
        changed: vec![BTreeSet::new(); program.relations.len()],
        differing: program.relations.iter().map(|r| [(); 2].map(|()| Heap::new(r.arity()))).collect(),
        recursive: vec![false; program.relations.len()],
        kept: BTreeSet::new(),
        faulted: false,
    };
    for rel in program.strata.iter().filter(|s| s.recursive).flat_map(|s| &s.relations) {
        forward.recursive[rel.index()] = true;
    }
    for (rel, row) in changed {
        forward.changed[rel.index()].insert(row.clone());
    }
    for stratum in &program.strata {
        if stratum.recursive {
            forward.recursive(stratum)?;
        } else {
            stratum.relations.iter().try_for_each(|rel| forward.settle(*rel))?;
        }
    }
    forward.after.judge(forward.faulted)?;
    Ok(forward.result())
}

impl<'p> Forward<'_, 'p> {
    /// Finds what differs of a relation that does not depend on itself. All below it is known.
    fn settle(&mut self, rel: RelId) -> Result<(), Limit> {
        let mut candidates = Candidates::default();
        for id in self.before.rules_of(rel).to_vec() {
            self.follow(id, &mut candidates)?;
        }
        let [mut old, mut new] = candidates;
        // The words of the changes are the same on both sides: the fork was made after they were interned.
        for row in std::mem::take(&mut self.changed[rel.index()]) {
            if self.before.holds(rel, &row)? {
                old.insert(row);
            } else if self.stands_after(rel, &row)? {
                new.insert(row);
            }
        }
        for row in old {
            if new.contains(&row) || self.stands_after(rel, &row)? {
                self.stays(rel, row);
            } else {
                self.differing[rel.index()][BEFORE].insert(&row);
            }
        }
        for row in new {
            if !self.before.holds(rel, &row)? {
                self.differing[rel.index()][AFTER].insert(&row);
            }
        }
        Ok(())
    }

    /// Finds what differs of relations that depend on each other: what a change leads to is asked of both provers.
    fn recursive(&mut self, stratum: &Stratum) -> Result<(), Limit> {
        let mut todo: VecDeque<(RelId, Vec<Word>, usize)> = VecDeque::new();
        for rel in &stratum.relations {
            for row in std::mem::take(&mut self.changed[rel.index()]) {
                todo.extend([(*rel, row.clone(), BEFORE), (*rel, row, AFTER)]);
            }
        }
        let rules: Vec<RuleId> = stratum.relations.iter().flat_map(|r| self.before.rules_of(*r).to_vec()).collect();
        let heads = |id: RuleId, found: Candidates, todo: &mut VecDeque<_>| {
            for (side, rows) in found.into_iter().enumerate() {
                todo.extend(rows.into_iter().map(|row| (self.program.rule(id).head, row, side)));
            }
        };
        for id in &rules {
            let mut found = Candidates::default();
            self.follow(*id, &mut found)?;
            heads(*id, found, &mut todo);
        }
        while let Some((rel, row, side)) = todo.pop_front() {
            if self.differing[rel.index()][side].find(&row).is_some() {
                continue;
            }
            let words = translate(self.program, rel, &row, self.before.text(), self.after.symbols());
            let there = [self.before.holds(rel, &row)?, self.after.holds(rel, &words)?];
            if !there[side] {
                continue;
            }
            if there[1 - side] {
                if side == BEFORE {
                    self.stays(rel, row);
                }
                continue;
            }
            self.differing[rel.index()][side].insert(&row);
            for id in &rules {
                let mut found = Candidates::default();
                let body = &self.program.rule(*id).body;
                for literal in body.iter().filter(|l| l.relation() == Some(rel)) {
                    self.through(*id, literal, &row, side, &mut found)?;
                }
                heads(*id, found, &mut todo);
            }
        }
        Ok(())
    }

    /// Notes a row that was there, whose grounds changed and that is there all the same.
    fn stays(&mut self, rel: RelId, row: Vec<Word>) {
        if !self.before.rules_of(rel).is_empty() {
            self.kept.insert((rel, row));
        }
    }

    /// Whether a row is there after the change, of a relation below which all is known.
    fn stands_after(&mut self, rel: RelId, row: &[Word]) -> Result<bool, Limit> {
        let words = translate(self.program, rel, row, self.before.text(), self.after.symbols());
        let columns: Vec<usize> = (0..row.len()).collect();
        if !self.after.given_rows(rel, &columns, &words).is_empty() {
            return Ok(true);
        }
        let mut found = false;
        for id in self.before.rules_of(rel).to_vec() {
            let rule = (self.program, self.program.rule(id));
            let mut source =
                Changed { before: self.before, differing: &mut self.differing, faulted: &mut self.faulted };
            concluding(rule, row, false, &mut source, &mut |_, _| {
                found = true;
                Ok(ControlFlow::Break(()))
            })?;
            if found {
                break;
            }
        }
        Ok(found)
    }

    /// What a rule concluded and concludes with what differs of the relations it reads.
    fn follow(&mut self, id: RuleId, found: &mut Candidates) -> Result<(), Limit> {
        for literal in &self.program.rule(id).body {
            let Some(rel) = literal.relation() else { continue };
            for side in [BEFORE, AFTER] {
                for i in 0..self.differing[rel.index()][side].len() as u32 {
                    let row = self.differing[rel.index()][side].row(i).to_vec();
                    self.through(id, literal, &row, side, found)?;
                }
            }
        }
        Ok(())
    }

    /// What a rule concludes, or concluded, with a row at a literal that is on one side only.
    fn through(
        &mut self,
        id: RuleId,
        literal: &Literal,
        row: &[Word],
        side: usize,
        found: &mut Candidates,
    ) -> Result<(), Limit> {
        match literal {
            Literal::Atom(a) => self.steps(id, (a.rel, &a.args), row, side, found),
            // What is there on one side lets a step through on the other.
            Literal::Not(a) => self.steps(id, (a.rel, &a.args), row, 1 - side, found),
            Literal::Aggregate { rel, group, .. } => {
                let row = &row[..group.len()];
                self.steps(id, (*rel, group), row, BEFORE, found)?;
                self.steps(id, (*rel, group), row, AFTER, found)
            }
            _ => Ok(()),
        }
    }

    /// The heads of all steps of a rule on a side in which the arguments of a literal have these values.
    fn steps(
        &mut self,
        id: RuleId,
        (rel, args): (RelId, &[Arg]),
        row: &[Word],
        side: usize,
        found: &mut Candidates,
    ) -> Result<(), Limit> {
        let program = self.program;
        let rule = program.rule(id);
        // Where not all that differs is known, the prover after is asked, in its own words.
        let own = side == AFTER && self.recursive[rule.head.index()];
        let words =
            if own { translate(program, rel, row, self.before.text(), self.after.symbols()) } else { row.into() };
        let symbols = if own { self.after.symbols() } else { self.before.symbols() };
        let Some(start) = bound(rule, args, &words, symbols) else { return Ok(()) };
        let mut heads: Vec<Vec<Word>> = Vec::new();
        let mut faulted = false;
        let mut take = |m: &body::Match<'_>, source: &mut dyn Source| {
            let head = rule.args.iter().map(|t| body::eval(t, m.vars, source.symbols())).collect::<Result<_, _>>();
            // A head without value was not concluded, as a run that met it would have stopped.
            faulted |= head.is_err();
            heads.extend(head.ok());
            Ok(ControlFlow::Continue(()))
        };
        let mut changed;
        let source: &mut dyn Source = match side {
            BEFORE => self.before,
            _ if own => self.after,
            _ => {
                changed = Changed { before: self.before, differing: &mut self.differing, faulted: &mut self.faulted };
                &mut changed
            }
        };
        body::enumerate(program, rule, &start, false, source, &mut take)?;
        self.faulted |= faulted && side == AFTER;
        if own {
            for head in &mut heads {
                *head = translate(program, rule.head, head, self.after.text(), self.before.symbols());
            }
        }
        found[side].extend(heads);
        Ok(())
    }

    fn result(self) -> Outcome {
        let values = |rel: RelId, row: &[Word]| -> Vec<Value> {
            let words = row.iter().map(|w| Some(*w));
            typed::row(self.program, self.before.text(), rel, words).into_iter().flatten().collect()
        };
        let mut flips: Vec<Flip> = Vec::new();
        for (i, here) in self.differing.iter().enumerate() {
            let rel = RelId(i as u32);
            for (side, heap) in here.iter().enumerate() {
                let flip = |n| Flip { rel, values: values(rel, heap.row(n)), gained: side == AFTER };
                flips.extend((0..heap.len() as u32).map(flip));
            }
        }
        flips.sort_by(|a, b| (a.rel, a.gained).cmp(&(b.rel, b.gained)).then_with(|| order(&a.values, &b.values)));
        let mut kept: Vec<_> = self.kept.iter().map(|(rel, row)| (*rel, values(*rel, row))).collect();
        kept.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order(&a.1, &b.1)));
        Outcome { flips, kept }
    }
}

/// The first values of a row in words of one table of texts, said in those of another.
fn translate(program: &Program, rel: RelId, row: &[Word], from: &Symbols, to: &mut Symbols) -> Vec<Word> {
    let columns = &program.rel(rel).columns;
    let word = |(w, c): (&Word, &Column)| if c.prim == Prim::Symbol { to.intern(from.resolve(*w)) } else { *w };
    row.iter().zip(columns).map(word).collect()
}

/// The variables of a rule when arguments of its body have these values; `None` when they cannot.
fn bound(rule: &Rule, args: &[Arg], row: &[Word], symbols: &mut Symbols) -> Option<Vec<Option<Word>>> {
    let mut vars = vec![None; rule.vars.len()];
    for (arg, word) in args.iter().zip(row) {
        let agrees = match arg {
            Arg::Var(v) => *vars[v.index()].get_or_insert(*word) == *word,
            Arg::Const(c) => symbols.word(c) == *word,
            Arg::Wild => true,
        };
        if !agrees {
            return None;
        }
    }
    Some(vars)
}

/// Order of rows by what they show.
#[must_use]
pub fn order(a: &[Value], b: &[Value]) -> std::cmp::Ordering {
    use crate::lang::program::Const;
    use std::cmp::Ordering::Equal;
    let one = |a: &Value, b: &Value| match (&a.value, &b.value) {
        (Const::Symbol(x), Const::Symbol(y)) => x.cmp(y),
        (Const::Number(x), Const::Number(y)) => x.cmp(y),
        (Const::Unsigned(x), Const::Unsigned(y)) => x.cmp(y),
        (Const::Float(x), Const::Float(y)) => x.total_cmp(y),
        _ => Equal,
    };
    a.iter().zip(b).map(|(x, y)| one(x, y)).find(|o| o.is_ne()).unwrap_or(Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Database;
    use crate::engine::value::from_number;
    use crate::lang::program::{Const, SourceFile};

    #[test]
    fn what_stays_in_recursion_is_what_was_there() {
        let text = ".decl edge(a: number, b: number)\n.decl reach(a: number, b: number)\n\
                    reach(a, b) :- edge(a, b).\nreach(a, c) :- reach(a, b), edge(b, c).\n\
                    edge(1, 2).\nedge(2, 3).\nedge(1, 4).\nedge(4, 3).\n";
        let mut program = crate::lang::compile(vec![SourceFile { name: "t.dl".into(), text: text.into() }]).program;
        let mut facts = Database::new(&program);
        facts.add_program_facts(&program);
        program.facts.clear();
        let mut before = Prover::new(&program, facts, u64::MAX);
        let mut after = before.fork();
        let edge = program.relation("edge").expect("declared");
        let gone = vec![from_number(1), from_number(2)];
        after.change(&[(edge, gone.clone(), false)]);
        let changed = [(edge, gone)];
        let found = outcome(&mut before, &mut after, &changed).expect("within limits");
        let row = |values: &[Value]| -> Vec<i32> {
            values.iter().map(|v| if let Const::Number(n) = v.value { n } else { -1 }).collect()
        };
        let flips: Vec<_> =
            found.flips.iter().map(|f| (program.rel(f.rel).name.as_str(), row(&f.values), f.gained)).collect();
        assert_eq!(flips, [("edge", vec![1, 2], false), ("reach", vec![1, 2], false)]);
        let kept: Vec<_> = found.kept.iter().map(|(rel, v)| (program.rel(*rel).name.as_str(), row(v))).collect();
        assert_eq!(kept, [("reach", vec![1, 3])]);
        // The other way round the same row has one ground more, and is no row whose ground is gone.
        let found = outcome(&mut after, &mut before, &changed).expect("within limits");
        assert_eq!((found.flips.len(), found.kept.len()), (2, 0));
    }
}
