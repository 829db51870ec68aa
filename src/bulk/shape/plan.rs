//! How rules are matched with rows that they may have concluded.

use super::Shapes;
use super::skeleton::Height;
use crate::engine::naive::body::{self, Source as _};
use crate::engine::profile::Givers;
use crate::engine::value::Word;
use crate::lang::program::{Arg, Literal, RelId, Rule, RuleId, Term, VarId};
use crate::proof::given::Lookup;
use crate::proof::record::Ground as _;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A value that is known when a literal is reached.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    Var(VarId),
    Word(Word),
}

#[derive(Debug)]
pub(super) enum Step<'p> {
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

/// A premise that is looked for by itself.
#[derive(Debug)]
pub(super) struct Premise {
    pub(super) rel: RelId,
    pub(super) look: Lookup,
    pub(super) key: Vec<Known>,
    pub(super) binds: Vec<(usize, VarId)>,
}

/// How a rule is matched with a row that it may have concluded.
#[derive(Debug)]
pub(super) struct Plan<'p> {
    pub(super) id: RuleId,
    pub(super) rule: &'p Rule,
    /// By column: what must stand there, where the head says it.
    pub(super) head: Vec<Option<Known>>,
    pub(super) computed: bool,
    pub(super) steps: Vec<Step<'p>>,
    /// The premises of several kinds alone, as they are found from the head.
    pub(super) short: Option<Vec<Premise>>,
    /// The one skeleton that it gives, whatever it matches.
    pub(super) uniform: Option<u32>,
    /// No skeleton that it gives lies lower.
    pub(super) floor: Height,
    /// It goes beyond what the tables hold: its premises are not looked at.
    pub(super) beyond: bool,
    /// Skeletons of premises that are always the same.
    pub(super) below: Vec<u32>,
    /// Skeletons of matches by those of their premises.
    pub(super) known: FxHashMap<Vec<u32>, u32>,
    /// The match before: rows one after the other often rest on the same.
    pub(super) last: (Vec<u32>, u32),
}

/// The order of premises by rule. It decides how soon a skeleton is found, not which: so the tables first asked may decide it.
#[derive(Debug, Default)]
pub(in crate::bulk) struct Orders(Mutex<FxHashMap<RuleId, Arc<Vec<usize>>>>);

/// The rules that may conclude rows of a relation.
#[derive(Debug)]
pub(super) struct Plans<'p> {
    pub(super) all: Vec<Plan<'p>>,
    /// Which of them gave each row: bits for places in `all`.
    pub(super) givers: Option<(Arc<Givers>, Vec<usize>)>,
}

impl Plans<'_> {
    /// The skeleton of a row that one rule gave which always gives the same.
    #[inline]
    pub(super) fn at_once(&self, row: u32) -> Option<u32> {
        let (givers, places) = self.givers.as_ref()?;
        let bits = givers.bits(row as usize);
        let plan = (bits.count_ones() == 1).then(|| &self.all[places[bits.trailing_zeros() as usize]])?;
        plan.uniform
    }
}

impl<'a: 'p, 'p> Shapes<'a, 'p> {
    pub(super) fn compile(&mut self, rel: RelId) -> Box<Plans<'p>> {
        let rules: Vec<RuleId> = self.whole.rules_of(rel).to_vec();
        let givers = self.rules.givers.get(&rel).filter(|_| !self.recursive[rel.index()]);
        let (within, gave) = (self.rules.within, |r: &RuleId| givers.is_none_or(|g| g.rules.contains(r)));
        let live = rules.into_iter().filter(|r| !within[r.index()] || gave(r));
        let mut all: Vec<Plan<'p>> = live.map(|id| self.plan(id)).collect();
        // What may lie lowest first: it saves the others.
        all.sort_by_key(|p| (p.floor, p.uniform.is_none()));
        let place = |r: &RuleId| all.iter().position(|p| p.id == *r).unwrap_or(0);
        let givers = givers.map(|g| (Arc::clone(g), g.rules.iter().map(place).collect()));
        Box::new(Plans { all, givers })
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
                Term::Const(c) => Some(Known::Word(self.whole.symbols().word(c))),
                Term::Apply { .. } => None,
            });
        }
        let beyond = !self.rules.within[id.index()];
        let computed = head.iter().any(Option::is_none);
        if beyond {
            let (steps, below) = (Vec::new(), Vec::new());
            let (short, known, last, floor) = (None, FxHashMap::default(), (Vec::new(), 0), (0, 0));
            return Plan { id, rule, head, computed, steps, short, uniform: None, floor, beyond, below, known, last };
        }
        let rules = self.rules;
        // Whoever comes second waits: to measure the tables takes longer.
        let mut orders = rules.orders.0.lock().unwrap_or_else(PoisonError::into_inner);
        let order = orders.entry(id).or_insert_with(|| Arc::new(body::order(rule, &bound, &mut self.whole)));
        let order = Arc::clone(order);
        drop(orders);
        let mut steps = Vec::new();
        for (n, i) in order.iter().enumerate() {
            let literal = &rule.body[*i];
            match literal {
                Literal::Atom(a) => {
                    let (columns, key) = self.key(&a.args, &bound);
                    let binds = unbound(&a.args, &bound);
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
        let ends = self.rules.ends[rule.head.index()];
        let (below, all) = if ends { (Vec::new(), true) } else { fixed(rule, &self.uniform) };
        let uniform = all.then(|| self.skeletons.step(id, below.clone()));
        let floor = if ends { (1, 1) } else { floor(rule, &self.floors) };
        let (short, known, last) = (self.short(rule, &uniform), FxHashMap::default(), (Vec::new(), 0));
        Plan { id, rule, head, computed, steps, short, uniform, floor, beyond, below, known, last }
    }

    /// Premises of several kinds, each as far as the head and those before it give its key.
    fn short(&mut self, rule: &'p Rule, uniform: &Option<u32>) -> Option<Vec<Premise>> {
        let counts = |l: &Literal| matches!(l, Literal::Aggregate { .. });
        if uniform.is_some() || rule.body.iter().any(counts) {
            return None;
        }
        let mut bound = vec![false; rule.vars.len()];
        for term in &rule.args {
            if let Term::Var(v) = term {
                bound[v.index()] = true;
            }
        }
        let varied = |l: &'p Literal| match l {
            Literal::Atom(a) if self.uniform[a.rel.index()].is_none() => Some(a),
            _ => None,
        };
        let mut left: Vec<_> = rule.body.iter().filter_map(varied).collect();
        let mut out = Vec::new();
        while !left.is_empty() {
            let free = |a: &Arg| matches!(a, Arg::Wild) || matches!(a, Arg::Var(v) if !bound[v.index()]);
            let next = (0..left.len()).min_by_key(|i| left[*i].args.iter().filter(|a| free(a)).count())?;
            let atom = left.remove(next);
            let (columns, key) = self.key(&atom.args, &bound);
            let binds = unbound(&atom.args, &bound);
            binds.iter().for_each(|(_, v)| bound[v.index()] = true);
            out.push(Premise { rel: atom.rel, look: self.whole.lookup(atom.rel, &columns), key, binds });
        }
        Some(out)
    }

    fn key(&mut self, args: &[Arg], bound: &[bool]) -> (Vec<usize>, Vec<Known>) {
        let (mut columns, mut key) = (Vec::new(), Vec::new());
        for (c, arg) in args.iter().enumerate() {
            key.push(match arg {
                Arg::Var(v) if bound[v.index()] => Known::Var(*v),
                Arg::Const(value) => Known::Word(self.whole.symbols().word(value)),
                _ => continue,
            });
            columns.push(c);
        }
        (columns, key)
    }
}

/// Skeletons of the premises of a rule that are always the same, and whether those are all.
pub(super) fn fixed(rule: &Rule, uniform: &[Option<u32>]) -> (Vec<u32>, bool) {
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

/// The least level and size of what a rule gives. Skeletons of different relations differ; of one relation they may be one.
pub(super) fn floor(rule: &Rule, floors: &[Height]) -> Height {
    let mut seen: Vec<RelId> = Vec::new();
    let (mut level, mut size) = (1, 1u64);
    for literal in &rule.body {
        if let Literal::Atom(a) = literal
            && !seen.contains(&a.rel)
        {
            seen.push(a.rel);
            let below = floors[a.rel.index()];
            level = level.max(below.0 + 1);
            size = size.saturating_add(below.1);
        }
    }
    (level, size)
}

/// Whether the head of a rule is variables alone, each once: it is that of any row.
pub(super) fn plain(rule: &Rule) -> bool {
    let var = |t: &Term| if let Term::Var(v) = t { Some(*v) } else { None };
    let vars: Vec<Option<VarId>> = rule.args.iter().map(var).collect();
    (0..vars.len()).all(|i| vars[i].is_some() && !vars[..i].contains(&vars[i]))
}

/// Columns of variables that have no value yet.
fn unbound(args: &[Arg], bound: &[bool]) -> Vec<(usize, VarId)> {
    let free = |(c, arg): (usize, &Arg)| match arg {
        Arg::Var(v) if !bound[v.index()] => Some((c, *v)),
        _ => None,
    };
    args.iter().enumerate().filter_map(free).collect()
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
pub(super) fn could(plan: &Plan<'_>, row: &[Word]) -> bool {
    plan.head.iter().zip(row).all(|(h, w)| !matches!(h, Some(Known::Word(c)) if c != w))
}

/// Whether the places of a variable in the head agree in a row; the variables that it binds.
pub(super) fn unify(plan: &Plan<'_>, row: &[Word], vars: &mut Vec<Option<Word>>) -> bool {
    vars.clear();
    vars.resize(plan.rule.vars.len(), None);
    plan.head.iter().zip(row).all(|(h, w)| match h {
        Some(Known::Var(v)) => *vars[v.index()].get_or_insert(*w) == *w,
        _ => true,
    })
}

/// Puts the values of a key behind those there.
pub(super) fn push(key: &[Known], vars: &[Option<Word>], keys: &mut Vec<Word>) {
    keys.extend(key.iter().map(|k| match k {
        Known::Var(v) => vars[v.index()].unwrap_or(0),
        Known::Word(w) => *w,
    }));
}
