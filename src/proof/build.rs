//! Makes the derivation graph of an answer, or of its absence, by work lists.

use super::demand::Prover;
use super::graph::{Binding, Graph, Link, Node, NodeIndex, Value, constant};
use super::proofs::Smallest;
use super::rank::Ranks;
use super::record::{FactId, Record};
use super::why_not::{self, Attempt, Fate};
use super::{Options, typed};
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::value::Word;
use crate::lang::program::{Arg, Atom, Literal, Prim, Program, RelId, RuleId, Term, TypeId, VarId};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// Which of the smallest proofs of a fact; `None` for the shortest.
type Nth = Option<u32>;

/// A relation and what was looked for in it.
type Looked = (RelId, Vec<Option<Word>>);

/// Builds a graph over a prover; facts it meets are recorded as it goes.
pub struct Builder<'a, 'p> {
    program: &'p Program,
    prover: &'a mut Prover<'p>,
    options: &'a Options,
    /// What was recorded.
    pub record: Record,
    /// Ranks of what was recorded.
    pub ranks: Option<Ranks>,
    /// The graph.
    pub graph: Graph,
    /// The smallest proofs of what was recorded first, when several are wanted.
    pub proofs: Option<Smallest>,
    facts: FxHashMap<(FactId, Nth), NodeIndex>,
    absences: FxHashMap<Looked, (NodeIndex, usize)>,
    open_facts: VecDeque<(FactId, Nth, NodeIndex, usize)>,
    open_absences: VecDeque<(RelId, Vec<Option<Word>>, NodeIndex, usize)>,
    costs: why_not::Costs,
    /// What the nodes of absences lack.
    missing: FxHashMap<NodeIndex, why_not::Missing>,
}

impl<'a, 'p> Builder<'a, 'p> {
    /// An empty graph.
    #[must_use]
    pub fn new(prover: &'a mut Prover<'p>, options: &'a Options) -> Self {
        Self {
            program: prover.program(),
            prover,
            options,
            record: Record::default(),
            ranks: None,
            graph: Graph::new(),
            proofs: None,
            facts: FxHashMap::default(),
            absences: FxHashMap::default(),
            open_facts: VecDeque::new(),
            open_absences: VecDeque::new(),
            costs: why_not::Costs::default(),
            missing: FxHashMap::default(),
        }
    }

    /// The symbol table.
    pub fn symbols(&mut self) -> &mut crate::engine::symbol::Symbols {
        self.prover.symbols()
    }

    /// A node for a fact that holds; its proof is put below it by [`Builder::finish`]. `depth` is how deep absences in
    /// its proof are examined.
    pub fn fact(&mut self, rel: RelId, number: u32, depth: usize) -> NodeIndex {
        let id = self.record.fact(self.prover, rel, number);
        self.fact_node(id, None, depth)
    }

    /// Nodes for the smallest proofs of facts: number of the fact, which proof, node.
    ///
    /// # Errors
    /// When the prover meets a limit.
    pub fn smallest(&mut self, rel: RelId, numbers: &[u32]) -> Result<Vec<(u32, u32, NodeIndex)>, Limit> {
        let ids: Vec<FactId> = numbers.iter().map(|n| self.record.fact(self.prover, rel, *n)).collect();
        self.record.follow(self.prover, self.options.most_instances)?;
        let (program, record) = (self.program, &self.record);
        let tests = |i: u32| tests(program, record.instances[i as usize].rule);
        let ranks = Ranks::of(record, &tests);
        let proofs = Smallest::of(record, &ranks, self.options.best, &tests);
        let each: Vec<usize> = ids.iter().map(|id| proofs.get(*id).len()).collect();
        self.proofs = Some(proofs);
        let mut out = Vec::new();
        for ((number, id), n) in numbers.iter().zip(ids).zip(each) {
            for nth in 0..n as u32 {
                out.push((*number, nth, self.fact_node(id, Some(nth), self.options.absence_depth)));
            }
        }
        Ok(out)
    }

    fn fact_node(&mut self, id: FactId, nth: Nth, depth: usize) -> NodeIndex {
        if let Some(node) = self.facts.get(&(id, nth)) {
            return *node;
        }
        let fact = &self.record.facts[id.index()];
        let (rel, row, given) = (fact.rel, fact.row.clone(), fact.given);
        let values = self.row_values(rel, row.iter().map(|w| Some(*w)));
        let values = values.into_iter().flatten().collect();
        let proofs = super::rank::Count { number: u128::from(given), exact: true };
        let node = self.graph.add_node(Node::Fact { rel, values, given, proofs, folded: false });
        self.facts.insert((id, nth), node);
        self.open_facts.push_back((id, nth, node, depth));
        node
    }

    /// A node for the absence of a pattern, examined to a depth.
    pub fn absence(&mut self, rel: RelId, pattern: Vec<Option<Word>>, depth: usize, above: Option<RelId>) -> NodeIndex {
        let key = (rel, pattern);
        let lower = above.is_none_or(|r| self.prover.stratum(rel) < self.prover.stratum(r));
        match self.absences.get_mut(&key) {
            Some((node, known)) if lower => {
                let node = *node;
                if *known == 0 && depth > 0 {
                    *known = depth;
                    self.open_absences.push_back((rel, key.1, node, depth));
                }
                return node;
            }
            Some(_) => return self.absent_node(rel, &key.1, true),
            None => {}
        }
        let node = self.absent_node(rel, &key.1, false);
        self.absences.insert(key.clone(), (node, depth));
        self.missing.insert(node, key.clone());
        if depth > 0 {
            self.open_absences.push_back((rel, key.1, node, depth));
        }
        node
    }

    fn absent_node(&mut self, rel: RelId, pattern: &[Option<Word>], again: bool) -> NodeIndex {
        let pattern = self.row_values(rel, pattern.iter().copied());
        let derivable = !self.prover.rules_of(rel).is_empty();
        self.graph.add_node(Node::Absent { rel, pattern, again, more: 0, derivable })
    }

    /// Puts everything below the open nodes, within the bounds of the options.
    ///
    /// # Errors
    /// When the prover meets a limit.
    pub fn finish(&mut self) -> Result<(), Limit> {
        loop {
            if let Some((rel, pattern, node, depth)) = self.open_absences.pop_front() {
                if self.graph.node_count() < self.options.most_nodes {
                    self.examine(rel, &pattern, node, depth)?;
                }
                continue;
            }
            if self.open_facts.is_empty() {
                return Ok(());
            }
            self.record.follow(self.prover, self.options.most_instances)?;
            let (program, record) = (self.program, &self.record);
            let tests = |i: u32| tests(program, record.instances[i as usize].rule);
            let ranks = Ranks::of(&self.record, &tests);
            let open: Vec<_> = self.open_facts.drain(..).collect();
            let mut work: VecDeque<_> = open.into();
            while let Some((id, nth, node, depth)) = work.pop_front() {
                self.prove(&ranks, id, nth, node, depth)?;
                work.extend(self.open_facts.drain(..));
            }
            self.ranks = Some(ranks);
        }
    }

    /// Puts the shortest proof, or all kept ones, below a fact.
    fn prove(&mut self, ranks: &Ranks, id: FactId, nth: Nth, node: NodeIndex, depth: usize) -> Result<(), Limit> {
        if let Node::Fact { proofs, .. } = &mut self.graph[node] {
            *proofs = ranks.count[id.index()];
        }
        let fact = &self.record.facts[id.index()];
        let chosen = nth.and_then(|n| self.proofs.as_ref()?.get(id).get(n as usize)).cloned();
        let steps: Vec<u32> = if let Some(d) = &chosen {
            d.instance.into_iter().collect()
        } else if self.options.alternatives {
            fact.by.iter().copied().filter(|i| ranks.kept[*i as usize]).collect()
        } else {
            ranks.shortest[id.index()].into_iter().collect()
        };
        for i in steps {
            if self.graph.node_count() >= self.options.most_nodes {
                if let Node::Fact { folded, .. } = &mut self.graph[node] {
                    *folded = true;
                }
                return Ok(());
            }
            let instance = self.record.instances[i as usize].clone();
            let bindings = self.bindings(instance.rule, &instance.vars);
            let step = self.graph.add_node(Node::Rule { rule: instance.rule, bindings });
            self.graph.add_edge(node, step, Link { literal: None, holds: true });
            let rule = self.program.rule(instance.rule);
            for (l, literal) in rule.body.iter().enumerate() {
                let nth = |i: usize| chosen.as_ref().map(|d| d.premises[i]);
                let premises = instance.premises.iter().enumerate().filter(|(_, (at, _))| *at as usize == l);
                let premises: Vec<(FactId, Nth)> = premises.map(|(i, (_, f))| (*f, nth(i))).collect();
                let child = match literal {
                    Literal::Atom(_) => match premises.first() {
                        Some((f, nth)) => self.fact_node(*f, *nth, depth),
                        None => continue,
                    },
                    Literal::Not(atom) => {
                        let pattern = why_not::pattern_of(&atom.args, &instance.vars, self.prover);
                        self.absence(atom.rel, pattern, depth, None)
                    }
                    Literal::Compare { left, right, op, prim, .. } => {
                        if assigns(rule, *op, left, right) {
                            continue;
                        }
                        let a = body::eval(left, &instance.vars, self.prover.symbols());
                        let b = body::eval(right, &instance.vars, self.prover.symbols());
                        let (Ok(a), Ok(b)) = (a, b) else { continue };
                        self.comparison(instance.rule, literal, *prim, a, b, true)
                    }
                    Literal::Range { .. } => self.range(instance.rule, literal, &instance.vars, true),
                    Literal::Aggregate { .. } => {
                        let node = self.aggregate(instance.rule, literal, &instance.vars, None, premises.len());
                        for (f, nth) in premises {
                            let row = self.fact_node(f, nth, depth);
                            self.graph.add_edge(node, row, Link { literal: None, holds: true });
                        }
                        node
                    }
                };
                self.graph.add_edge(step, child, Link { literal: Some(l as u32), holds: true });
            }
        }
        Ok(())
    }

    /// The absences above one, that it was first looked at for.
    fn above(&self, mut node: NodeIndex) -> Vec<why_not::Missing> {
        let mut out = Vec::new();
        let up = |n: NodeIndex| self.graph.neighbors_directed(n, petgraph::Direction::Incoming).last();
        // Incoming edges are listed from the last; an absence is older than what it is looked at for again.
        while let Some(absence) = up(node).filter(|n| matches!(self.graph[*n], Node::Attempt { .. })).and_then(up) {
            out.extend(self.missing.get(&absence).cloned());
            node = absence;
        }
        out
    }

    /// Puts the nearest attempts below an absence.
    fn examine(&mut self, rel: RelId, pattern: &[Option<Word>], node: NodeIndex, depth: usize) -> Result<(), Limit> {
        // Asked for any value, the nearest misses of a rule may speak of several.
        let open = depth == self.options.why_not_depth && pattern.iter().any(Option::is_none);
        let each = if open { self.options.attempts.max(1) } else { 1 };
        let above = self.above(node);
        let mut attempts = why_not::attempts(self.prover, &mut self.costs, rel, pattern, each, above)?;
        let left_out = attempts.len().saturating_sub(self.options.attempts);
        attempts.truncate(self.options.attempts);
        if let Node::Absent { more, .. } = &mut self.graph[node] {
            *more = left_out;
        }
        for attempt in attempts {
            self.attempt(rel, node, &attempt, depth - 1);
        }
        Ok(())
    }

    fn attempt(&mut self, rel: RelId, above: NodeIndex, attempt: &Attempt, depth: usize) {
        let id = attempt.rule;
        let rule = self.program.rule(id);
        let lacking = attempt.lacking();
        let met = attempt.fates.iter().filter(|f| matches!(f, Fate::Met(_))).count();
        let bindings = self.bindings(id, &attempt.vars);
        let node = self.graph.add_node(Node::Attempt { rule: id, bindings, met, lacking, cost: attempt.price.lacks });
        self.graph.add_edge(above, node, Link { literal: None, holds: false });
        let tested = tested(self.program, rule, attempt);
        for (l, (fate, literal)) in attempt.fates.iter().zip(&rule.body).enumerate() {
            let mut holds = false;
            let child = match (fate, literal) {
                (Fate::Open, _) => {
                    holds = true;
                    self.graph.add_node(Node::Unknown { rule: id, literal: l })
                }
                (Fate::Met(Some(row)), Literal::Atom(a)) if self.options.met || self.bears(a, *row, &tested) => {
                    holds = true;
                    self.fact(a.rel, *row, 0)
                }
                (Fate::Met(_), _) => continue,
                (Fate::Missing(pattern), Literal::Atom(a)) => self.absence(a.rel, pattern.clone(), depth, Some(rel)),
                (Fate::Blocked(row), Literal::Not(a)) => self.fact(a.rel, *row, depth),
                (Fate::Fails(a, b), Literal::Compare { prim, .. }) => {
                    self.comparison(id, literal, *prim, *a, *b, false)
                }
                (Fate::Other(_), Literal::Range { .. }) => self.range(id, literal, &attempt.vars, false),
                (Fate::Other(value), Literal::Aggregate { .. }) => {
                    self.aggregate(id, literal, &attempt.vars, Some(*value), 0)
                }
                _ => self.graph.add_node(Node::Unknown { rule: id, literal: l }),
            };
            self.graph.add_edge(node, child, Link { literal: Some(l as u32), holds });
        }
        if let Some((c, is, wanted)) = attempt.head {
            let column = &self.program.rel(rel).columns[c];
            let (ty, prim) = (column.ty, column.prim);
            let (left, right) = (self.value(prim, ty, is), self.value(prim, ty, wanted));
            let op = crate::lang::program::CmpOp::Eq;
            let child = self.graph.add_node(Node::Compare { op, left, right, holds: false, at: None });
            self.graph.add_edge(node, child, Link { literal: None, holds: false });
        }
    }

    /// Whether a given row brings a value that a test of the attempt refuses: it is shown with the test.
    fn bears(&self, atom: &Atom, row: u32, tested: &[VarId]) -> bool {
        let brings = |a: &Arg| matches!(a, Arg::Var(v) if tested.contains(v));
        !tested.is_empty() && self.prover.is_given(atom.rel, row) && atom.args.iter().any(brings)
    }

    fn value(&self, prim: Prim, ty: TypeId, word: Word) -> Value {
        Value { value: constant(prim, word, self.prover.text()), ty }
    }

    fn row_values(&self, rel: RelId, words: impl Iterator<Item = Option<Word>>) -> Vec<Option<Value>> {
        typed::row(self.program, self.prover.text(), rel, words)
    }

    fn bindings(&self, rule: RuleId, vars: &[Option<Word>]) -> Vec<Binding> {
        typed::bindings(self.program, self.prover.text(), rule, vars)
    }

    fn comparison(&mut self, rule: RuleId, literal: &Literal, prim: Prim, a: Word, b: Word, holds: bool) -> NodeIndex {
        let Literal::Compare { op, left, right, .. } = literal else {
            return self.graph.add_node(Node::Unknown { rule, literal: 0 });
        };
        let ty = typed::of_comparison(self.program, self.program.rule(rule), prim, left, right);
        let (left, right) = (self.value(prim, ty, a), self.value(prim, ty, b));
        let at = self.program.rule(rule).body.iter().position(|l| std::ptr::eq(l, literal)).map(|l| (rule, l));
        self.graph.add_node(Node::Compare { op: *op, left, right, holds, at })
    }

    fn range(&mut self, rule: RuleId, literal: &Literal, vars: &[Option<Word>], holds: bool) -> NodeIndex {
        let Literal::Range { var, prim, from, to, step, .. } = literal else {
            return self.graph.add_node(Node::Unknown { rule, literal: 0 });
        };
        let ty = self.program.rule(rule).vars[var.index()].ty;
        let mut bounds = Vec::new();
        for term in [Some(from), Some(to), step.as_ref()].into_iter().flatten() {
            if let Ok(w) = body::eval(term, vars, self.prover.symbols()) {
                bounds.push(self.value(*prim, ty, w));
            }
        }
        let value = vars[var.index()].map(|w| self.value(*prim, ty, w));
        self.graph.add_node(Node::Range { value, bounds, holds })
    }

    fn aggregate(
        &mut self,
        rule: RuleId,
        literal: &Literal,
        vars: &[Option<Word>],
        other: Option<Option<Word>>,
        rows: usize,
    ) -> NodeIndex {
        let Literal::Aggregate { op, rel, group, prim, result, .. } = literal else {
            return self.graph.add_node(Node::Unknown { rule, literal: 0 });
        };
        let pattern = why_not::pattern_of(group, vars, self.prover);
        let group = self.row_values(*rel, pattern.into_iter());
        let ty = self.program.rule(rule).vars[result.index()].ty;
        let bound = vars[result.index()].map(|w| self.value(*prim, ty, w));
        let (result, wanted) = match other {
            None => (bound, None),
            Some(is) => (is.map(|w| self.value(*prim, ty, w)), bound),
        };
        self.graph.add_node(Node::Aggregate { op: *op, rel: *rel, group, result, wanted, rows })
    }
}

/// Whether a comparison only names a value: `$v = term` with a made-up variable, or a variable nothing else binds.
fn assigns(rule: &crate::lang::program::Rule, op: crate::lang::program::CmpOp, left: &Term, right: &Term) -> bool {
    if op != crate::lang::program::CmpOp::Eq {
        return false;
    }
    let made_up = |t: &Term| matches!(t, Term::Var(v) if rule.vars[v.index()].name.starts_with('$'));
    let unbound = |t: &Term| match t {
        Term::Var(v) => !rule.body.iter().any(|l| {
            let mut bound = vec![false; rule.vars.len()];
            if !matches!(l, Literal::Compare { .. }) {
                body::bind(l, &mut bound);
            }
            bound[v.index()]
        }),
        _ => false,
    };
    made_up(left) || made_up(right) || unbound(left) || unbound(right)
}

/// Variables whose values the failing tests of an attempt refuse: those of comparisons, and of missing rows of relations
/// annotated `lack` (a row is there, but in a state that does not count).
fn tested(program: &Program, rule: &crate::lang::program::Rule, attempt: &Attempt) -> Vec<VarId> {
    let mut out = Vec::new();
    for (fate, literal) in attempt.fates.iter().zip(&rule.body) {
        match (fate, literal) {
            (Fate::Fails(..), Literal::Compare { left, right, .. }) => {
                variables(left, &mut out);
                variables(right, &mut out);
            }
            (Fate::Missing(_), Literal::Atom(a)) if program.rel(a.rel).notes.has("lack") => {
                out.extend(a.args.iter().filter_map(|a| if let Arg::Var(v) = a { Some(*v) } else { None }));
            }
            _ => {}
        }
    }
    out
}

fn variables(term: &Term, out: &mut Vec<VarId>) {
    match term {
        Term::Var(v) => out.push(*v),
        Term::Const(_) => {}
        Term::Apply { args, .. } => args.iter().for_each(|a| variables(a, out)),
    }
}

/// Nodes of a rule instance beside itself and its facts: comparisons, absences, ranges, aggregates.
pub(super) fn tests(program: &Program, rule: RuleId) -> usize {
    program.rule(rule).body.iter().filter(|l| !matches!(l, Literal::Atom(_))).count()
}
