//! The recorded replay: every rule instance behind a set of facts, down to the given ones.
//!
//! Backwards from the facts asked about: each rule that could conclude a fact is matched with it and all ways in which its
//! body holds are noted. The record is a directed hypergraph over dense numbers; ranks, proofs and graphs are made from it.

use super::unify::concluding;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::value::Word;
use crate::lang::program::{Literal, Program, RelId, RuleId};
use rustc_hash::FxHashMap;
use std::ops::ControlFlow;

/// Literal, relation and row number of each premise.
type Premises = Vec<(u32, RelId, u32)>;

/// Rows that are known, or can be asked for, with what a record needs to know of them.
pub trait Ground<'p>: Source {
    /// The program.
    fn program(&self) -> &'p Program;
    /// Rules that conclude a relation.
    fn rules_of(&self, rel: RelId) -> &[RuleId];
    /// Number of a row that is there.
    fn number(&self, rel: RelId, row: &[Word]) -> Option<u32>;
    /// Whether a row, by its number, was given (it may be derivable as well).
    fn is_given(&self, rel: RelId, number: u32) -> bool;
}

/// A fact of a record, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactId(pub u32);

impl FactId {
    /// As a slice index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A fact that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Relation.
    pub rel: RelId,
    /// Values.
    pub row: Box<[Word]>,
    /// Whether it stands in the given facts (rules may conclude it as well).
    pub given: bool,
    /// Instances of rules that conclude it, by index into [`Record::instances`], in the order of rules, then of values.
    pub by: Vec<u32>,
}

/// One way in which a rule concluded a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The rule.
    pub rule: RuleId,
    /// What it concluded.
    pub head: FactId,
    /// Value of each variable.
    pub vars: Box<[Option<Word>]>,
    /// The facts it rests on, with the literal of the body that each is for; an aggregate has one per contributing row.
    pub premises: Vec<(u32, FactId)>,
}

/// All that was reached from the facts asked about.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Facts in order of discovery.
    pub facts: Vec<Fact>,
    /// Rule instances.
    pub instances: Vec<Instance>,
    /// The bound on instances was met: some facts were not followed to their ground.
    pub truncated: bool,
    known: FxHashMap<(RelId, u32), FactId>,
    followed: usize,
}

impl Record {
    /// Number of a fact (by its row number in the prover), new if unseen.
    pub fn fact(&mut self, ground: &dyn Ground<'_>, rel: RelId, number: u32) -> FactId {
        let next = FactId(self.facts.len() as u32);
        let id = *self.known.entry((rel, number)).or_insert(next);
        if id == next {
            let row = ground.row(rel, number).into();
            self.facts.push(Fact { rel, row, given: ground.is_given(rel, number), by: Vec::new() });
        }
        id
    }

    /// Number of a fact that was reached.
    #[must_use]
    pub fn find(&self, ground: &dyn Ground<'_>, rel: RelId, row: &[Word]) -> Option<FactId> {
        self.known.get(&(rel, ground.number(rel, row)?)).copied()
    }

    /// Follows every fact that has not been followed yet, at most until `most` instances are noted.
    ///
    /// # Errors
    /// When the ground meets a limit.
    pub fn follow<'p, G: Ground<'p>>(&mut self, ground: &mut G, most: usize) -> Result<(), Limit> {
        while self.followed < self.facts.len() {
            if self.instances.len() >= most {
                self.truncated = true;
                return Ok(());
            }
            let head = FactId(self.followed as u32);
            self.followed += 1;
            self.follow_one(ground, head)?;
        }
        Ok(())
    }

    fn follow_one<'p, G: Ground<'p>>(&mut self, ground: &mut G, head: FactId) -> Result<(), Limit> {
        let rules: Vec<RuleId> = ground.rules_of(self.facts[head.index()].rel).to_vec();
        let program = ground.program();
        let row = self.facts[head.index()].row.clone();
        for id in rules {
            let rule = program.rule(id);
            let mut found: Vec<(Box<[Option<Word>]>, Premises)> = Vec::new();
            concluding((program, rule), &row, true, ground, &mut |m, source| {
                let mut premises = Vec::new();
                for (i, literal) in rule.body.iter().enumerate() {
                    match literal {
                        Literal::Atom(a) => premises.extend(m.rows[i].map(|r| (i as u32, a.rel, r))),
                        Literal::Aggregate { rel, .. } => {
                            let (_, rows) = body::aggregate(program, literal, m.vars, source)?;
                            premises.extend(rows.into_iter().map(|r| (i as u32, *rel, r)));
                        }
                        _ => {}
                    }
                }
                found.push((m.vars.into(), premises));
                Ok(ControlFlow::Continue(()))
            })?;
            found.sort();
            for (vars, premises) in found {
                let premises = premises.into_iter().map(|(i, rel, r)| (i, self.fact(ground, rel, r))).collect();
                let number = self.instances.len() as u32;
                self.instances.push(Instance { rule: id, head, vars, premises });
                self.facts[head.index()].by.push(number);
            }
        }
        Ok(())
    }
}
