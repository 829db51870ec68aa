//! Proof skeletons of the rows of a finished run, each found once: constants left out, premises by what they are.
//!
//! A skeleton says with which rule a row was concluded and the skeletons of the premises, each different one once. Of several
//! it is the lowest, then the smallest, then the one with the first digest, so that neither the order of rows nor the number of
//! threads decides. Nothing is recorded: a row whose relation has one rule over premises of one kind needs no look at any
//! table, a rule over premises of one kind needs one match, and only the rest is matched in full.

mod skeleton;
#[cfg(test)]
mod tests;

use crate::engine::functor;
use crate::engine::limit::Limit;
use crate::engine::naive::body::{self, Source};
use crate::engine::value::Word;
use crate::lang::program::{Arg, CmpOp, Literal, Program, RelId, Rule, RuleId, Term, VarId};
use crate::proof::given::Lookup;
use crate::proof::rank::Ranks;
use crate::proof::record::{Ground, Record};
use crate::proof::whole::Whole;
use crate::rulebook::Rulebook;
use skeleton::{Skeleton, Skeletons};

/// A value that is known when a literal is reached.
#[derive(Clone, Copy, Debug)]
enum Known {
    Var(VarId),
    Word(Word),
}

#[derive(Debug)]
enum Step<'p> {
    Atom {
        rel: RelId,
        look: Lookup,
        key: Vec<Known>,
        binds: Vec<(usize, VarId)>,
        /// Its rows have different skeletons.
        varied: bool,
        /// Whichever row matches, the rest is the same.
        once: bool,
    },
    Not {
        look: Lookup,
        key: Vec<Known>,
    },
    Other(&'p Literal),
}

/// How a rule is matched with a row that it may have concluded.
#[derive(Debug)]
struct Plan<'p> {
    id: RuleId,
    rule: &'p Rule,
    /// By column: what must stand there, where the head says it.
    head: Vec<Option<Known>>,
    computed: bool,
    steps: Vec<Step<'p>>,
    /// The one skeleton that it gives, whatever it matches.
    uniform: Option<u32>,
    /// Skeletons of premises that are always the same.
    below: Vec<u32>,
    /// The premises of the match before, and its skeleton.
    last: Option<(Vec<u32>, u32)>,
}

/// Finds skeletons of rows of a finished run.
#[derive(Debug)]
pub(super) struct Shapes<'a, 'p> {
    program: &'p Program,
    whole: Whole<'p>,
    skeletons: Skeletons<'a>,
    /// By relation: the one skeleton of all its rows.
    uniform: Vec<Option<u32>>,
    recursive: Vec<bool>,
    /// By relation: whether its rows come from rules only.
    concluded: Vec<bool>,
    /// By relation: the plans of its rules, when first needed.
    plans: Vec<Option<Vec<Plan<'p>>>>,
    /// By relation and row, one more than the number of the skeleton.
    memo: Vec<Vec<u32>>,
}

impl<'a: 'p, 'p> Shapes<'a, 'p> {
    pub(super) fn new(book: &'a Rulebook, whole: Whole<'p>) -> Self {
        let program: &'p Program = &book.program;
        let n = program.relations.len();
        let mut skeletons = Skeletons::new(book);
        let (mut uniform, mut recursive) = (vec![None; n], vec![false; n]);
        let concluded: Vec<bool> = (0..n as u32).map(|r| whole.concluded(RelId(r))).collect();
        for stratum in &program.strata {
            for rel in &stratum.relations {
                recursive[rel.index()] = stratum.recursive;
            }
        }
        // Premises of a rule that is not recursive lie in lower strata.
        let ordered = program.strata.iter().flat_map(|s| &s.relations);
        let stray = (0..n as u32).map(RelId).filter(|r| whole.rules_of(*r).is_empty());
        for rel in stray {
            uniform[rel.index()] = Some(skeletons.number(Skeleton::Given(rel)));
        }
        for rel in ordered {
            let rules = whole.rules_of(*rel);
            if recursive[rel.index()] || rules.len() != 1 || !concluded[rel.index()] {
                continue;
            }
            if let (below, true) = fixed(program.rule(rules[0]), &uniform) {
                uniform[rel.index()] = Some(skeletons.step(rules[0], below));
            }
        }
        let plans = (0..n).map(|_| None).collect();
        Self { program, whole, skeletons, uniform, recursive, concluded, plans, memo: vec![Vec::new(); n] }
    }

    /// The skeleton of a row, by number; `None` when no rule explains it, which a finished run does not leave.
    pub(super) fn of(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        if let Some(shape) = self.uniform[rel.index()] {
            return Ok(Some(shape));
        }
        if self.memo[rel.index()].is_empty() {
            self.memo[rel.index()] = vec![0; self.whole.table(rel).len()];
        }
        match self.memo[rel.index()][row as usize] {
            0 => {}
            n => return Ok(Some(n - 1)),
        }
        let found = if !self.concluded[rel.index()] && self.whole.is_given(rel, row) {
            Some(self.skeletons.number(Skeleton::Given(rel)))
        } else if self.recursive[rel.index()] {
            self.by_record(rel, row)?
        } else {
            self.by_plans(rel, row)?
        };
        if let Some(n) = found {
            self.memo[rel.index()][row as usize] = n + 1;
        }
        Ok(found)
    }

    fn by_plans(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        let mut plans = match self.plans[rel.index()].take() {
            Some(plans) => plans,
            None => self.compile(rel),
        };
        // Each row looks at relations of lower strata only, so the plans are not needed by what it asks for.
        let values: Vec<Word> = self.whole.row(rel, row).to_vec();
        let (mut vars, mut keys): (Vec<Option<Word>>, Vec<Word>) = (Vec::new(), Vec::new());
        let alone = plans.iter().filter(|p| could(p, &values)).nth(1).is_none();
        let mut best: Option<u32> = None;
        for plan in &mut plans {
            if !could(plan, &values) || !unify(plan, &values, &mut vars) {
                continue;
            }
            let (rule, uniform) = (plan.id, plan.uniform);
            if let Some(shape) = uniform {
                if best.is_some_and(|b| !self.skeletons.better(shape, b)) {
                    continue;
                }
                // The row is there, and nothing else could have concluded it.
                if alone {
                    best = Some(shape);
                    break;
                }
            }
            let (vars, keys) = (&mut vars, &mut keys);
            let mut search = Search { shapes: self, plan, row: &values, vars, keys, rows: Vec::new(), best: None };
            let matched = search.step(0)?;
            let found = search.best;
            let shape = uniform.filter(|_| matched).or(found);
            debug_assert!(shape.is_none() || self.program.rule(rule).head == rel);
            if let Some(shape) = shape.filter(|s| best.is_none_or(|b| self.skeletons.better(*s, b))) {
                best = Some(shape);
            }
        }
        self.plans[rel.index()] = Some(plans);
        Ok(best)
    }

    fn compile(&mut self, rel: RelId) -> Vec<Plan<'p>> {
        let rules: Vec<RuleId> = self.whole.rules_of(rel).to_vec();
        rules.into_iter().map(|id| self.plan(id)).collect()
    }

    fn plan(&mut self, id: RuleId) -> Plan<'p> {
        let rule: &'p Rule = self.program.rule(id);
        let mut bound = vec![false; rule.vars.len()];
        let mut head = Vec::new();
        for term in &rule.args {
            head.push(match term {
                Term::Var(v) => {
                    bound[v.index()] = true;
                    Some(Known::Var(*v))
                }
                Term::Const(c) => Some(Known::Word(body::constant(c, self.whole.symbols()))),
                Term::Apply { .. } => None,
            });
        }
        let order = body::order(rule, &bound, &mut self.whole);
        let computed = head.iter().any(Option::is_none);
        let mut steps = Vec::new();
        for (n, i) in order.iter().enumerate() {
            let literal = &rule.body[*i];
            match literal {
                Literal::Atom(a) => {
                    let (columns, key) = self.key(&a.args, &bound);
                    let mut binds = Vec::new();
                    for (c, arg) in a.args.iter().enumerate() {
                        if let Arg::Var(v) = arg
                            && !bound[v.index()]
                        {
                            binds.push((c, *v));
                        }
                    }
                    let varied = self.uniform[a.rel.index()].is_none();
                    let later = |v: &VarId| computed || order[n + 1..].iter().any(|l| uses(&rule.body[*l], *v));
                    let once = !varied && !binds.iter().any(|(_, v)| later(v) || twice(&binds, *v));
                    let look = self.whole.lookup(a.rel, &columns);
                    steps.push(Step::Atom { rel: a.rel, look, key, binds, varied, once });
                }
                Literal::Not(a) => {
                    let (columns, key) = self.key(&a.args, &bound);
                    steps.push(Step::Not { look: self.whole.lookup(a.rel, &columns), key });
                }
                other => steps.push(Step::Other(other)),
            }
            body::bind(literal, &mut bound);
        }
        let (below, all) = fixed(rule, &self.uniform);
        let uniform = all.then(|| self.skeletons.step(id, below.clone()));
        Plan { id, rule, head, computed, steps, uniform, below, last: None }
    }

    fn key(&mut self, args: &[Arg], bound: &[bool]) -> (Vec<usize>, Vec<Known>) {
        let (mut columns, mut key) = (Vec::new(), Vec::new());
        for (c, arg) in args.iter().enumerate() {
            key.push(match arg {
                Arg::Var(v) if bound[v.index()] => Known::Var(*v),
                Arg::Const(value) => Known::Word(body::constant(value, self.whole.symbols())),
                _ => continue,
            });
            columns.push(c);
        }
        (columns, key)
    }

    /// A row of a relation that rests on itself: everything behind it is recorded, so that no circle is taken for a proof.
    fn by_record(&mut self, rel: RelId, row: u32) -> Result<Option<u32>, Limit> {
        let mut record = Record::default();
        let id = record.fact(&self.whole, rel, row);
        record.follow(&mut self.whole, 2_000_000)?;
        let ranks = Ranks::of(&record, &|_| 0);
        let mut of: Vec<Option<u32>> = vec![None; record.facts.len()];
        let mut upwards: Vec<usize> = (0..record.facts.len()).collect();
        upwards.sort_by_key(|f| ranks.level[*f]);
        for f in upwards {
            let fact = &record.facts[f];
            if ranks.level[f] == Some(0) {
                of[f] = Some(self.skeletons.number(Skeleton::Given(fact.rel)));
            }
            for i in fact.by.iter().filter(|_| ranks.level[f] != Some(0)) {
                let instance = &record.instances[*i as usize];
                // What the premises of a shortest proof rest on lies lower.
                let lower = |p: usize| ranks.level[p] < ranks.level[f];
                if !ranks.kept[*i as usize] || !instance.premises.iter().all(|(_, p)| lower(p.index())) {
                    continue;
                }
                let below: Vec<u32> = instance.premises.iter().filter_map(|(_, p)| of[p.index()]).collect();
                let shape = self.skeletons.step(instance.rule, below);
                if of[f].is_none_or(|b| self.skeletons.better(shape, b)) {
                    of[f] = Some(shape);
                }
            }
        }
        Ok(of[id.index()])
    }

    /// The stable name of a skeleton (the first 12 hexadecimal digits of its digest) and its rules from the top down.
    pub(super) fn describe(&self, number: u32) -> (String, Vec<RuleId>) {
        self.skeletons.describe(number)
    }
}

/// Skeletons of the premises of a rule that are always the same, and whether those are all.
fn fixed(rule: &Rule, uniform: &[Option<u32>]) -> (Vec<u32>, bool) {
    let (mut below, mut all) = (Vec::new(), true);
    for literal in &rule.body {
        match literal {
            Literal::Atom(a) => match uniform[a.rel.index()] {
                Some(shape) => below.push(shape),
                None => all = false,
            },
            // Which rows an aggregate rests on, and whether there are any, is seen at each match.
            Literal::Aggregate { .. } => all = false,
            _ => {}
        }
    }
    (below, all)
}

fn twice(binds: &[(usize, VarId)], v: VarId) -> bool {
    binds.iter().filter(|(_, w)| *w == v).count() > 1
}

fn mentions(term: &Term, v: VarId) -> bool {
    match term {
        Term::Var(w) => *w == v,
        Term::Const(_) => false,
        Term::Apply { args, .. } => args.iter().any(|t| mentions(t, v)),
    }
}

fn uses(literal: &Literal, v: VarId) -> bool {
    let among = |args: &[Arg]| args.iter().any(|a| matches!(a, Arg::Var(w) if *w == v));
    match literal {
        Literal::Atom(a) | Literal::Not(a) => among(&a.args),
        Literal::Compare { left, right, .. } => mentions(left, v) || mentions(right, v),
        Literal::Range { var, from, to, step, .. } => {
            *var == v || mentions(from, v) || mentions(to, v) || step.as_ref().is_some_and(|s| mentions(s, v))
        }
        Literal::Aggregate { group, result, .. } => *result == v || among(group),
    }
}

/// Whether the constants in the head of a rule are those of a row.
fn could(plan: &Plan<'_>, row: &[Word]) -> bool {
    plan.head.iter().zip(row).all(|(h, w)| !matches!(h, Some(Known::Word(c)) if c != w))
}

/// Whether the places of a variable in the head agree in a row; the variables that it binds.
fn unify(plan: &Plan<'_>, row: &[Word], vars: &mut Vec<Option<Word>>) -> bool {
    vars.clear();
    vars.resize(plan.rule.vars.len(), None);
    plan.head.iter().zip(row).all(|(h, w)| match h {
        Some(Known::Var(v)) => *vars[v.index()].get_or_insert(*w) == *w,
        _ => true,
    })
}

/// Puts the values of a key behind those there.
fn push(key: &[Known], vars: &[Option<Word>], keys: &mut Vec<Word>) {
    keys.extend(key.iter().map(|k| match k {
        Known::Var(v) => vars[v.index()].unwrap_or(0),
        Known::Word(w) => *w,
    }));
}

struct Search<'s, 'a, 'p> {
    shapes: &'s mut Shapes<'a, 'p>,
    plan: &'s mut Plan<'p>,
    row: &'s [Word],
    vars: &'s mut Vec<Option<Word>>,
    /// The keys that are being looked for.
    keys: &'s mut Vec<Word>,
    /// Premises matched so far whose relations have rows of several kinds.
    rows: Vec<(RelId, u32)>,
    best: Option<u32>,
}

impl<'a: 'p, 'p> Search<'_, 'a, 'p> {
    fn value(&mut self, term: &Term) -> Option<Word> {
        match term {
            Term::Var(v) => self.vars[v.index()],
            _ => body::eval(term, self.vars, self.shapes.whole.symbols()).ok(),
        }
    }

    /// Goes on from a step of the plan; whether one match was found and no other matters.
    fn step(&mut self, at: usize) -> Result<bool, Limit> {
        if at == self.plan.steps.len() {
            return self.found();
        }
        match &mut self.plan.steps[at] {
            Step::Not { look, key } => {
                let from = self.keys.len();
                push(key, self.vars, self.keys);
                let there = look.first(&self.keys[from..]).is_some();
                self.keys.truncate(from);
                if there { Ok(false) } else { self.step(at + 1) }
            }
            Step::Atom { look, key, .. } => {
                let from = self.keys.len();
                push(key, self.vars, self.keys);
                let until = self.keys.len();
                let mut next = look.first(&self.keys[from..]);
                let mut done = false;
                while let Some(place) = next {
                    let Step::Atom { rel, look, binds, varied, once, .. } = &self.plan.steps[at] else { break };
                    let (rel, varied, once) = (*rel, *varied, *once);
                    let number = look.number(place);
                    let row = look.row(number);
                    let fits = binds.iter().all(|(c, v)| *self.vars[v.index()].get_or_insert(row[*c]) == row[*c]);
                    if fits {
                        if varied {
                            self.rows.push((rel, number));
                        }
                        done = self.step(at + 1)?;
                        if varied {
                            self.rows.pop();
                        }
                    }
                    let Step::Atom { look, binds, .. } = &self.plan.steps[at] else { break };
                    binds.iter().for_each(|(_, v)| self.vars[v.index()] = None);
                    if done || (once && fits) {
                        break;
                    }
                    next = look.next(place + 1, &self.keys[from..until]);
                }
                self.keys.truncate(from);
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
                let free = |s: &Self, t: &Term| matches!(t, Term::Var(v) if s.vars[v.index()].is_none());
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
                let (word, rows) = match body::aggregate(program, literal, self.vars, &mut self.shapes.whole) {
                    Ok((Some(word), rows)) => (word, rows),
                    Ok((None, _)) | Err(Limit::Fault { .. }) => return Ok(false),
                    Err(l) => return Err(l),
                };
                let n = self.rows.len();
                self.rows.extend(rows.into_iter().map(|r| (*rel, r)));
                let done = self.with(*result, word, at);
                self.rows.truncate(n);
                done
            }
            Literal::Atom(_) | Literal::Not(_) => Ok(false),
        }
    }

    fn with(&mut self, v: VarId, word: Word, at: usize) -> Result<bool, Limit> {
        match self.vars[v.index()] {
            Some(w) if w == word => self.step(at + 1),
            Some(_) => Ok(false),
            None => {
                self.vars[v.index()] = Some(word);
                let done = self.step(at + 1);
                self.vars[v.index()] = None;
                done
            }
        }
    }

    fn found(&mut self) -> Result<bool, Limit> {
        if self.plan.computed {
            for (term, want) in self.plan.rule.args.iter().zip(self.row) {
                if matches!(term, Term::Apply { .. })
                    && body::eval(term, self.vars, self.shapes.whole.symbols()) != Ok(*want)
                {
                    return Ok(false);
                }
            }
        }
        if self.plan.uniform.is_some() {
            return Ok(true);
        }
        let mut below = self.plan.below.clone();
        for i in 0..self.rows.len() {
            let (rel, row) = self.rows[i];
            below.extend(self.shapes.of(rel, row)?);
        }
        // Rows one after the other often rest on the same.
        let shape = match &self.plan.last {
            Some((known, shape)) if *known == below => *shape,
            _ => {
                let shape = self.shapes.skeletons.step(self.plan.id, below.clone());
                self.plan.last = Some((below, shape));
                shape
            }
        };
        if self.best.is_none_or(|b| self.shapes.skeletons.better(shape, b)) {
            self.best = Some(shape);
        }
        Ok(false)
    }
}
