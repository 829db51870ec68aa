//! Looks for the matches of a rule that may have concluded a row, and for the best skeleton that they give.

use super::plan::{Plan, Step, push};
use super::{Room, Shapes};
use crate::engine::functor;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source as _};
use crate::engine::value::Word;
use crate::lang::program::{CmpOp, Literal, Term, VarId};

/// One rule matched with one row in every way.
pub(super) struct Search<'s, 'a, 'p> {
    pub(super) shapes: &'s mut Shapes<'a, 'p>,
    pub(super) plan: &'s mut Plan<'p>,
    pub(super) room: &'s mut Room,
    pub(super) best: Option<u32>,
}

impl<'a: 'p, 'p> Search<'_, 'a, 'p> {
    fn value(&mut self, term: &Term) -> Option<Word> {
        match term {
            Term::Var(v) => self.room.vars[v.index()],
            _ => body::eval(term, &self.room.vars, self.shapes.whole.symbols()).ok(),
        }
    }

    /// Goes on from a step of the plan; whether one match was found and no other matters.
    pub(super) fn step(&mut self, at: usize) -> Result<bool, Limit> {
        if at == self.plan.steps.len() {
            return self.found();
        }
        match &mut self.plan.steps[at] {
            Step::Not { look, key } => {
                let from = self.room.keys.len();
                push(key, &self.room.vars, &mut self.room.keys);
                let there = look.has(&self.room.keys[from..]);
                self.room.keys.truncate(from);
                if there { Ok(false) } else { self.step(at + 1) }
            }
            Step::Atom { look, key, .. } => {
                let from = self.room.keys.len();
                push(key, &self.room.vars, &mut self.room.keys);
                let (mut place, end) = look.range(&self.room.keys[from..]);
                let mut done = false;
                while place < end && !done {
                    let Step::Atom { rel, look, binds, varied, once, .. } = &self.plan.steps[at] else { break };
                    let (rel, varied, once) = (*rel, *varied, *once);
                    let number = look.number(place);
                    let (row, vars) = (look.row(number), &mut self.room.vars);
                    let fits = look.agrees(place, &self.room.keys[from..])
                        && binds.iter().all(|(c, v)| *vars[v.index()].get_or_insert(row[*c]) == row[*c]);
                    if fits {
                        if varied {
                            self.room.rows.push((rel, number));
                        }
                        done = self.step(at + 1)?;
                        if varied {
                            self.room.rows.pop();
                        }
                    }
                    let Step::Atom { binds, .. } = &self.plan.steps[at] else { break };
                    binds.iter().for_each(|(_, v)| self.room.vars[v.index()] = None);
                    if once && fits {
                        break;
                    }
                    place += 1;
                }
                self.room.keys.truncate(from);
                Ok(done)
            }
            Step::Other(literal) => {
                let literal: &'p Literal = literal;
                self.other(literal, at)
            }
        }
    }

    fn other(&mut self, literal: &'p Literal, at: usize) -> Result<bool, Limit> {
        match literal {
            Literal::Compare { op, prim, left, right, .. } => {
                let free = |s: &Self, t: &Term| matches!(t, Term::Var(v) if s.room.vars[v.index()].is_none());
                if *op == CmpOp::Eq && (free(self, left) || free(self, right)) {
                    let (target, term) = if free(self, left) { (left, right) } else { (right, left) };
                    let (Term::Var(v), Some(word)) = (target, self.value(term)) else { return Ok(false) };
                    return self.with(*v, word, at);
                }
                let (Some(a), Some(b)) = (self.value(left), self.value(right)) else { return Ok(false) };
                match functor::compare(*op, *prim, a, b, self.shapes.whole.symbols()) {
                    Ok(true) => self.step(at + 1),
                    _ => Ok(false),
                }
            }
            Literal::Range { var, prim, from, to, step, .. } => {
                let (Some(a), Some(b)) = (self.value(from), self.value(to)) else { return Ok(false) };
                let by = match step {
                    Some(s) => match self.value(s) {
                        None => return Ok(false),
                        by => by,
                    },
                    None => None,
                };
                for word in body::range(*prim, a, b, by) {
                    if self.with(*var, word, at)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Literal::Aggregate { rel, result, .. } => {
                let program = self.shapes.program;
                let (word, rows) = match body::aggregate(program, literal, &self.room.vars, &mut self.shapes.whole) {
                    Ok((Some(word), rows)) => (word, rows),
                    Ok((None, _)) | Err(Limit::Fault { .. }) => return Ok(false),
                    Err(l) => return Err(l),
                };
                let n = self.room.rows.len();
                self.room.rows.extend(rows.into_iter().map(|r| (*rel, r)));
                let done = self.with(*result, word, at);
                self.room.rows.truncate(n);
                done
            }
            Literal::Atom(_) | Literal::Not(_) => Ok(false),
        }
    }

    fn with(&mut self, v: VarId, word: Word, at: usize) -> Result<bool, Limit> {
        match self.room.vars[v.index()] {
            Some(w) if w == word => self.step(at + 1),
            Some(_) => Ok(false),
            None => {
                self.room.vars[v.index()] = Some(word);
                let done = self.step(at + 1);
                self.room.vars[v.index()] = None;
                done
            }
        }
    }

    fn found(&mut self) -> Result<bool, Limit> {
        if self.plan.computed {
            for (term, want) in self.plan.rule.args.iter().zip(&self.room.row) {
                if matches!(term, Term::Apply { .. })
                    && body::eval(term, &self.room.vars, self.shapes.whole.symbols()) != Ok(*want)
                {
                    return Ok(false);
                }
            }
        }
        if self.plan.uniform.is_some() {
            return Ok(true);
        }
        self.shape()?;
        Ok(false)
    }

    /// The skeleton that the premises matched give, if it is the best so far.
    pub(super) fn shape(&mut self) -> Result<(), Limit> {
        let mut below = std::mem::take(&mut self.room.below);
        below.clear();
        below.extend_from_slice(&self.plan.below);
        for i in 0..self.room.rows.len() {
            let (rel, row) = self.room.rows[i];
            below.extend(self.shapes.of(rel, row)?);
        }
        if below.is_empty() || self.plan.last.0 != below {
            let shape = match self.plan.known.get(&below) {
                Some(shape) => *shape,
                None => {
                    let shape = self.shapes.skeletons.step(self.plan.id, below.clone());
                    self.plan.known.insert(below.clone(), shape);
                    shape
                }
            };
            self.plan.last.0.clone_from(&below);
            self.plan.last.1 = shape;
        }
        let shape = self.plan.last.1;
        self.room.below = below;
        if self.best.is_none_or(|b| self.shapes.skeletons.better(shape, b)) {
            self.best = Some(shape);
        }
        Ok(())
    }
}
