//! What if given facts were otherwise: the conclusions that come and go, found by going forward from the changes only.
//!
//! Two provers stand over the same facts, one as they are given, one changed. A row that comes or goes reaches the rules that
//! read its relation; what these conclude with it, before or after, is looked up in the other prover; what differs comes or
//! goes in turn. Nothing that does not depend on a change is looked at, and the result is that of two full runs: a
//! conclusion that differs has a step one of whose premises differs.

use super::demand::Prover;
use super::graph::Value;
use super::typed;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Arg, Literal, Prim, Program, RelId, RuleId};
use rustc_hash::FxHashSet;
use std::collections::VecDeque;
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

struct Forward<'a, 'p> {
    program: &'p Program,
    sides: [&'a mut Prover<'p>; 2],
    /// Rules with the literals that read a relation.
    readers: Vec<Vec<(RuleId, usize)>>,
    seen: FxHashSet<(RelId, Vec<Word>, usize)>,
    queue: VecDeque<(RelId, Vec<Word>, usize)>,
    kept: FxHashSet<(RelId, Vec<Word>)>,
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
    let mut readers = vec![Vec::new(); program.relations.len()];
    for (i, rule) in program.rules.iter().enumerate() {
        for (l, literal) in rule.body.iter().enumerate() {
            if let Some(rel) = literal.relation() {
                readers[rel.index()].push((RuleId(i as u32), l));
            }
        }
    }
    let mut forward = Forward {
        program,
        sides: [before, after],
        readers,
        seen: FxHashSet::default(),
        queue: VecDeque::new(),
        kept: FxHashSet::default(),
    };
    // The words of the changes are known on both sides: the fork was made after they were interned.
    for (rel, row) in changed {
        forward.compare(*rel, row.clone(), AFTER)?;
        forward.compare(*rel, row.clone(), BEFORE)?;
    }
    while let Some((rel, row, side)) = forward.queue.pop_front() {
        forward.pass_on(rel, &row, side)?;
    }
    Ok(forward.result())
}

impl Forward<'_, '_> {
    /// Whether a row holds on a side.
    fn holds(&mut self, side: usize, rel: RelId, row: &[Word]) -> Result<bool, Limit> {
        let columns: Vec<usize> = (0..row.len()).collect();
        let mut rows = Vec::new();
        self.sides[side].matching(rel, &columns, row, &mut rows)?;
        Ok(!rows.is_empty())
    }

    /// A row in the words of a side, said in those of the other.
    fn translate(&mut self, rel: RelId, row: &[Word], from: usize) -> Vec<Word> {
        let columns = &self.program.rel(rel).columns;
        let (left, right) = self.sides.split_at_mut(1);
        let (from, to): (&Prover<'_>, &mut Prover<'_>) =
            if from == BEFORE { (left[0], right[0]) } else { (right[0], left[0]) };
        let symbols: &mut Symbols = to.symbols();
        row.iter()
            .zip(columns)
            .map(|(w, c)| if c.prim == Prim::Symbol { symbols.intern(from.text().resolve(*w)) } else { *w })
            .collect()
    }

    /// Queues a row, in the words of a side, if it holds on that side and not on the other.
    fn compare(&mut self, rel: RelId, row: Vec<Word>, side: usize) -> Result<(), Limit> {
        if self.seen.contains(&(rel, row.clone(), side)) || !self.holds(side, rel, &row)? {
            return Ok(());
        }
        let other = self.translate(rel, &row, side);
        if self.holds(1 - side, rel, &other)? {
            if side == BEFORE && !self.sides[BEFORE].rules_of(rel).is_empty() {
                self.kept.insert((rel, row));
            }
            return Ok(());
        }
        self.seen.insert((rel, row.clone(), side));
        self.queue.push_back((rel, row, side));
        Ok(())
    }

    /// What rules conclude, or concluded, with a row that is on one side only.
    fn pass_on(&mut self, rel: RelId, row: &[Word], side: usize) -> Result<(), Limit> {
        for (id, l) in self.readers[rel.index()].clone() {
            let rule = self.program.rule(id);
            match &rule.body[l] {
                Literal::Atom(a) => self.steps(id, &a.args, row, side)?,
                // What is there on one side lets a step through on the other.
                Literal::Not(a) => {
                    let other = self.translate(rel, row, side);
                    self.steps(id, &a.args, &other, 1 - side)?;
                }
                Literal::Aggregate { group, .. } => {
                    let other = self.translate(rel, row, side);
                    let n = group.len();
                    self.steps(id, group, &row[..n], side)?;
                    self.steps(id, group, &other[..n], 1 - side)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// All steps of a rule on a side in which these arguments have these values; their heads are compared.
    fn steps(&mut self, id: RuleId, args: &[Arg], row: &[Word], side: usize) -> Result<(), Limit> {
        let program = self.program;
        let rule = program.rule(id);
        let mut start = vec![None; rule.vars.len()];
        for (arg, word) in args.iter().zip(row) {
            match arg {
                Arg::Var(v) => {
                    if *start[v.index()].get_or_insert(*word) != *word {
                        return Ok(());
                    }
                }
                Arg::Const(c) => {
                    if self.sides[side].symbols().word(c) != *word {
                        return Ok(());
                    }
                }
                Arg::Wild => {}
            }
        }
        let mut heads: Vec<Vec<Word>> = Vec::new();
        body::enumerate(program, rule, &start, false, self.sides[side], &mut |m, source| {
            let head = rule.args.iter().map(|t| body::eval(t, m.vars, source.symbols())).collect::<Result<_, _>>();
            // A head without value was not concluded here, and a run that met it would have stopped.
            heads.extend(head.ok());
            Ok(ControlFlow::Continue(()))
        })?;
        heads.sort();
        heads.dedup();
        for head in heads {
            self.compare(rule.head, head, side)?;
        }
        Ok(())
    }

    fn result(self) -> Outcome {
        let values = |side: usize, rel: RelId, row: &[Word]| -> Vec<Value> {
            let words = row.iter().map(|w| Some(*w));
            typed::row(self.program, self.sides[side].text(), rel, words).into_iter().flatten().collect()
        };
        let mut flips: Vec<Flip> = self
            .seen
            .iter()
            .map(|(rel, row, side)| Flip { rel: *rel, values: values(*side, *rel, row), gained: *side == AFTER })
            .collect();
        flips.sort_by(|a, b| (a.rel, a.gained).cmp(&(b.rel, b.gained)).then_with(|| order(&a.values, &b.values)));
        let mut kept: Vec<_> = self.kept.iter().map(|(rel, row)| (*rel, values(BEFORE, *rel, row))).collect();
        kept.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order(&a.1, &b.1)));
        Outcome { flips, kept }
    }
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
