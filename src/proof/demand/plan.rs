//! What is known of a rule's premises before any value is: their order, the columns by which rows are found, where the values
//! of the key come from, which variables a row binds.
//!
//! Plans are made when a question of a new kind is first asked and are shared by all provers over the same facts.

use super::Prover;
use crate::engine::naive::body;
use crate::engine::value::Word;
use crate::lang::program::{Arg, CmpOp, Literal, Prim, RelId, RuleId, Span, Term, VarId};
use std::rc::Rc;

/// Where a value of a key comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Word(Word),
    Var(VarId),
}

/// What a positive or negated premise or an aggregate asks.
#[derive(Debug)]
pub(super) struct Asked {
    pub rel: RelId,
    /// Number of the [`Shape`] among those of the relation.
    pub shape: usize,
    pub columns: Rc<[usize]>,
    pub key: Vec<Slot>,
    /// Variables that a row binds, with their columns.
    pub fresh: Vec<(usize, VarId)>,
    /// Columns in which a row must agree, as a variable that it binds stands in both.
    pub equal: Vec<(usize, usize)>,
    /// Rules conclude the relation.
    pub derived: bool,
}

impl Asked {
    /// Binds nothing: one row is enough.
    pub(super) fn once(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Appends the values of the key.
    pub(super) fn key(&self, vars: &[Option<Word>], out: &mut Vec<Word>) {
        out.extend(self.key.iter().filter_map(|slot| match slot {
            Slot::Word(w) => Some(*w),
            Slot::Var(v) => vars[v.index()],
        }));
    }
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand<'p> {
    Slot(Slot),
    Term(&'p Term),
}

/// What is done with a literal.
#[derive(Debug)]
pub(super) enum Step<'p> {
    Atom(Asked),
    Not(Asked),
    Aggregate(Asked, &'p Literal, VarId),
    Test { op: CmpOp, prim: Prim, left: Operand<'p>, right: Operand<'p>, span: Span },
    Assign(VarId, Operand<'p>, Span),
    Range { var: VarId, prim: Prim, from: &'p Term, to: &'p Term, step: Option<&'p Term>, span: Span },
}

/// How a rule is worked through when some of its variables are bound.
#[derive(Debug)]
pub(super) struct Plan<'p> {
    pub rule: RuleId,
    pub steps: Vec<Step<'p>>,
    /// Every literal has a step.
    pub whole: bool,
}

/// A rule that could answer a question.
#[derive(Debug)]
pub(super) struct Entry<'p> {
    pub plan: Rc<Plan<'p>>,
    /// Values of the key that the head has as constants.
    pub constants: Vec<(usize, Word)>,
    /// Variables that values of the key bind; one that stands twice asks for equal values.
    pub binds: Vec<(usize, VarId)>,
    /// Number of variables.
    pub vars: usize,
}

impl Entry<'_> {
    /// Values of the variables when the head is to have that key; `None` when it cannot.
    pub(super) fn start(&self, key: &[Word]) -> Option<Rc<[Option<Word>]>> {
        if self.constants.iter().any(|(k, w)| key[*k] != *w) {
            return None;
        }
        let mut vars = vec![None; self.vars];
        let agree = self.binds.iter().all(|(k, v)| *vars[v.index()].get_or_insert(key[*k]) == key[*k]);
        agree.then(|| vars.into())
    }
}

/// Questions of one relation with the same bound columns.
#[derive(Debug)]
pub(super) struct Shape<'p> {
    pub columns: Rc<[usize]>,
    /// The rules, once such a question was asked.
    entries: Option<Rc<[Entry<'p>]>>,
}

/// By relation, the kinds of questions that have come up.
#[derive(Debug, Default)]
pub(super) struct Plans<'p> {
    pub shapes: Vec<Vec<Shape<'p>>>,
}

impl Plans<'_> {
    pub(super) fn new(relations: usize) -> Self {
        Self { shapes: (0..relations).map(|_| Vec::new()).collect() }
    }

    /// Number of the shape with those columns, and the columns themselves.
    pub(super) fn shape(&mut self, rel: RelId, columns: &[usize]) -> (usize, Rc<[usize]>) {
        let shapes = &mut self.shapes[rel.index()];
        let at = shapes.iter().position(|s| &*s.columns == columns).unwrap_or_else(|| {
            shapes.push(Shape { columns: columns.into(), entries: None });
            shapes.len() - 1
        });
        (at, Rc::clone(&shapes[at].columns))
    }
}

impl<'p> Prover<'p> {
    /// The rules that could answer questions of a shape.
    pub(super) fn entries(&mut self, rel: RelId, shape: usize) -> Rc<[Entry<'p>]> {
        if let Some(entries) = &self.plans.borrow().shapes[rel.index()][shape].entries {
            return Rc::clone(entries);
        }
        let columns = Rc::clone(&self.plans.borrow().shapes[rel.index()][shape].columns);
        let rules = Rc::clone(&self.fixed);
        let entries: Rc<[Entry<'p>]> = rules.rules_of[rel.index()].iter().map(|id| self.entry(*id, &columns)).collect();
        self.plans.borrow_mut().shapes[rel.index()][shape].entries = Some(Rc::clone(&entries));
        entries
    }

    fn entry(&mut self, id: RuleId, columns: &[usize]) -> Entry<'p> {
        let rule = self.program.rule(id);
        let (mut constants, mut binds) = (Vec::new(), Vec::new());
        let mut bound = vec![false; rule.vars.len()];
        for (k, c) in columns.iter().enumerate() {
            match &rule.args[*c] {
                Term::Const(c) => constants.push((k, self.symbols.word(c))),
                Term::Var(v) => {
                    bound[v.index()] = true;
                    binds.push((k, *v));
                }
                Term::Apply { .. } => {}
            }
        }
        Entry { plan: Rc::new(self.plan(id, bound)), constants, binds, vars: rule.vars.len() }
    }

    fn plan(&mut self, id: RuleId, mut bound: Vec<bool>) -> Plan<'p> {
        let rule = self.program.rule(id);
        let mut order = body::order(rule, &bound, self);
        let whole = order.len() == rule.body.len();
        if self.fixed.open[rule.head.index()] {
            let needless = rule.needless(&bound);
            order.retain(|i| !needless.contains(i));
        }
        let mut steps = Vec::with_capacity(order.len());
        for i in order {
            let literal = &rule.body[i];
            let free = |t: &Term| match t {
                Term::Var(v) if !bound[v.index()] => Some(*v),
                _ => None,
            };
            steps.push(match literal {
                Literal::Atom(a) => Step::Atom(self.asked(a.rel, &a.args, &bound)),
                Literal::Not(a) => Step::Not(self.asked(a.rel, &a.args, &bound)),
                Literal::Aggregate { rel, group, result, .. } => {
                    Step::Aggregate(self.asked(*rel, group, &bound), literal, *result)
                }
                Literal::Compare { op, prim, left, right, span } => match (*op == CmpOp::Eq, free(left), free(right)) {
                    (true, Some(v), _) => Step::Assign(v, self.operand(right), *span),
                    (true, None, Some(v)) => Step::Assign(v, self.operand(left), *span),
                    _ => {
                        let (left, right) = (self.operand(left), self.operand(right));
                        Step::Test { op: *op, prim: *prim, left, right, span: *span }
                    }
                },
                Literal::Range { var, prim, from, to, step, span } => {
                    Step::Range { var: *var, prim: *prim, from, to, step: step.as_ref(), span: *span }
                }
            });
            body::bind(literal, &mut bound);
        }
        Plan { rule: id, steps, whole: whole || self.fixed.open[rule.head.index()] }
    }

    fn operand(&mut self, term: &'p Term) -> Operand<'p> {
        match term {
            Term::Var(v) => Operand::Slot(Slot::Var(*v)),
            Term::Const(c) => Operand::Slot(Slot::Word(self.symbols.word(c))),
            Term::Apply { .. } => Operand::Term(term),
        }
    }

    fn asked(&mut self, rel: RelId, args: &[Arg], bound: &[bool]) -> Asked {
        let (mut columns, mut key, mut fresh, mut equal) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (c, arg) in args.iter().enumerate() {
            let slot = match arg {
                Arg::Const(k) => Slot::Word(self.symbols.word(k)),
                Arg::Var(v) if bound[v.index()] => Slot::Var(*v),
                Arg::Var(v) => {
                    match fresh.iter().find(|(_, w)| w == v) {
                        Some((first, _)) => equal.push((*first, c)),
                        None => fresh.push((c, *v)),
                    }
                    continue;
                }
                Arg::Wild => continue,
            };
            columns.push(c);
            key.push(slot);
        }
        let derived = !self.rules_of(rel).is_empty();
        let (shape, columns) = self.plans.borrow_mut().shape(rel, &columns);
        Asked { rel, shape, columns, key, fresh, equal, derived }
    }
}
