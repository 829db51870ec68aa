//! A plan: the steps of a rule over rows of places, built from the order of its atoms.

use super::expr::{Compare, Expr};
use super::frog::Key;
use super::index::{Store, Version};
use super::order::{Order, Reading};
use super::rule::{Lit, Pattern, Prepared, Var, each_var, is_bound};
use crate::lang::program::{AggOp, CmpOp, Prim, RelId, Span};

/// An index to search, not yet tied to its rows.
#[derive(Clone, Debug)]
pub struct Seek {
    /// Relation.
    pub rel: RelId,
    /// Which rows.
    pub version: Version,
    /// Permutation.
    pub perm: usize,
    /// What its first columns must equal.
    pub keys: Vec<Key>,
}

/// A test, not yet tied to rows.
#[derive(Clone, Debug)]
pub enum Check {
    /// A comparison.
    Compare(Compare),
    /// Presence or, if `negated`, absence of a row.
    Has {
        /// Where to look.
        seek: Seek,
        /// Whether there must be none.
        negated: bool,
    },
}

/// A step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Tests and at most one extension.
    Join {
        /// Tests before the extension.
        pre: Vec<Check>,
        /// The extension.
        extend: Option<Seek>,
        /// Whether one row found is enough.
        once: bool,
        /// Tests of the row found.
        post: Vec<Check>,
        /// The resulting row.
        out: Vec<Expr>,
    },
    /// A value made from each row; `out` sees it as the row found.
    Make {
        /// How.
        maker: Maker,
        /// The resulting row.
        out: Vec<Expr>,
        /// Where it stands.
        span: Span,
    },
}

/// What makes values.
#[derive(Clone, Debug)]
pub enum Maker {
    /// A term; may make text.
    Term(Expr),
    /// From, to and maybe step.
    Range(Prim, Vec<Expr>),
    /// An aggregate over the rows of a relation that begin with the group.
    Aggregate {
        /// Operator.
        op: AggOp,
        /// Relation.
        rel: RelId,
        /// The group.
        group: Vec<Key>,
        /// Aggregated column.
        value: Option<usize>,
        /// Machine type of the result.
        prim: Prim,
    },
}

/// The plan of a rule.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Relations of which a row had to be there.
    pub there: Vec<RelId>,
    /// Rows to start from; without, one empty row.
    pub source: Option<Seek>,
    /// What follows; never empty.
    pub steps: Vec<Step>,
    /// Whether a step makes text: then it runs on one thread.
    pub interns: bool,
    /// Literals in the order of evaluation, as positions in the body.
    pub order: Vec<usize>,
}

/// Names no variable.
const NONE: Var = Var::MAX;

struct Builder<'a> {
    rule: &'a Prepared,
    reading: &'a Reading,
    store: &'a mut Store,
    /// Variable at each place of the row.
    layout: Vec<Var>,
    bound: Vec<bool>,
    done: Vec<bool>,
    pre: Vec<Check>,
    steps: Vec<Step>,
    interns: bool,
    late: bool,
    fresh: Vec<(Var, Var)>,
    order: Vec<usize>,
}

/// Builds the plan for an order of the atoms. With `late`, what can fault is done after all that can be done without it.
///
/// # Errors
/// A sentence, when a variable is never bound (a program that `lang` checked has none).
pub fn build(rule: &Prepared, order: &Order, reading: &Reading, late: bool, store: &mut Store) -> Result<Plan, String> {
    let mut b = Builder {
        rule,
        reading,
        store,
        layout: vec![NONE],
        bound: vec![false; rule.vars],
        done: vec![false; rule.body.len()],
        pre: Vec::new(),
        steps: Vec::new(),
        interns: false,
        late,
        fresh: Vec::new(),
        order: Vec::new(),
    };
    order.there.iter().for_each(|i| b.mark(*i));
    let mut atoms = order.joined.iter().copied();
    let source = atoms.next().map(|i| b.source(i));
    b.run(atoms)?;
    let relation = |i: &usize| if let Lit::Atom(p) = &rule.body[*i] { Some(p.rel) } else { None };
    let there = order.there.iter().filter_map(relation).collect();
    Ok(Plan { there, source, steps: b.steps, interns: b.interns, order: b.order })
}

impl Builder<'_> {
    fn source(&mut self, literal: usize) -> Seek {
        let Lit::Atom(p) = &self.rule.body[literal] else { unreachable!("the order lists atoms") };
        self.mark(literal);
        let version = self.reading.version(literal);
        let constant: Vec<usize> = (0..p.args.len()).filter(|c| matches!(p.args[*c], Some(Key::Const(_)))).collect();
        let rel = self.store.rel(p.rel);
        // A prefix of an existing order narrows the scan; otherwise constants are tests of the scan.
        let mut prefix = constant.clone();
        while !prefix.is_empty() && rel.known(&prefix).is_none() {
            prefix.pop();
        }
        let perm = self.store.index(p.rel, &prefix);
        let columns = self.store.rel(p.rel).perm(perm).to_vec();
        let keys = columns[..prefix.len()].iter().filter_map(|c| p.args[*c]).collect();
        self.layout = vec![NONE; columns.len()];
        for (place, c) in columns.iter().enumerate() {
            match p.args[*c] {
                Some(Key::Const(w)) if place >= prefix.len() => {
                    self.pre.push(equal(place, Expr::Const(w), self.rule.span))
                }
                Some(Key::Place(v)) => match self.layout.iter().position(|x| *x == v) {
                    Some(first) => self.pre.push(equal(place, Expr::Place(first), self.rule.span)),
                    None => {
                        self.layout[place] = v;
                        self.bound[v] = true;
                    }
                },
                _ => {}
            }
        }
        Seek { rel: p.rel, version, perm, keys }
    }

    fn mark(&mut self, literal: usize) {
        self.done[literal] = true;
        self.order.push(literal);
    }

    fn run(&mut self, mut atoms: impl Iterator<Item = usize>) -> Result<(), String> {
        let mut next = atoms.next();
        let mut late = self.late;
        loop {
            let layout = self.layout.clone();
            let checks = self.pull(&layout, late);
            self.pre.extend(checks);
            if self.make(late) {
                continue;
            }
            while next.is_some_and(|i| self.done[i]) {
                next = atoms.next();
            }
            if let Some(i) = next {
                self.extend(i, late);
            } else if late {
                late = false;
                // What was put off is done one at a time, and after each everything else that it makes possible.
            } else {
                break;
            }
        }
        if let Some(i) = self.done.iter().position(|d| !d) {
            return Err(format!("literal {} of the body has a variable that nothing binds", i + 1));
        }
        self.finish();
        Ok(())
    }

    /// Tests whose variables are bound.
    fn pull(&mut self, layout: &[Var], late: bool) -> Vec<Check> {
        let rule = self.rule;
        let mut checks = Vec::new();
        for searching in [false, true] {
            for (i, l) in rule.body.iter().enumerate() {
                if self.done[i] || (late && l.fallible()) {
                    continue;
                }
                let check = match l {
                    Lit::Compare(c)
                        if !searching && is_bound(&c.left, &self.bound) && is_bound(&c.right, &self.bound) =>
                    {
                        Check::Compare(Compare {
                            left: placed(&c.left, layout),
                            right: placed(&c.right, layout),
                            ..c.clone()
                        })
                    }
                    Lit::Atom(p) | Lit::Not(p) if searching && p.vars().all(|v| self.bound[v]) => {
                        let negated = matches!(l, Lit::Not(_));
                        Check::Has { seek: self.seek(p, self.reading.version(i), layout), negated }
                    }
                    _ => continue,
                };
                self.mark(i);
                checks.push(check);
            }
        }
        let fresh = std::mem::take(&mut self.fresh);
        for (a, b) in fresh {
            let place = layout.iter().position(|x| *x == a).unwrap_or(0);
            checks.insert(0, equal(place, placed(&Expr::Place(b), layout), rule.span));
        }
        checks
    }

    fn seek(&mut self, p: &Pattern, version: Version, layout: &[Var]) -> Seek {
        let columns = p.bound(&self.bound);
        let perm = self.store.index(p.rel, &columns);
        let order = &self.store.rel(p.rel).perm(perm)[..columns.len()];
        let keys = order.iter().filter_map(|c| p.args[*c]).map(|k| placed_key(k, layout)).collect();
        Seek { rel: p.rel, version, perm, keys }
    }

    /// Does one assignment, range or aggregate that is ready.
    fn make(&mut self, late: bool) -> bool {
        let rule = self.rule;
        for (i, l) in rule.body.iter().enumerate() {
            if self.done[i] || (late && l.fallible()) {
                continue;
            }
            let ready = match l {
                Lit::Compare(c) if c.op == CmpOp::Eq => match (&c.left, &c.right) {
                    (Expr::Place(v), e) | (e, Expr::Place(v)) if !self.bound[*v] && is_bound(e, &self.bound) => {
                        Some((*v, Maker::Term(e.clone()), c.span))
                    }
                    _ => None,
                },
                Lit::Range { var, prim, bounds, span } if bounds.iter().all(|b| is_bound(b, &self.bound)) => {
                    Some((*var, Maker::Range(*prim, bounds.clone()), *span))
                }
                Lit::Aggregate { op, rel, group, value, prim, var, span }
                    if group.iter().all(|k| !matches!(k, Key::Place(v) if !self.bound[*v])) =>
                {
                    let maker =
                        Maker::Aggregate { op: *op, rel: *rel, group: group.clone(), value: *value, prim: *prim };
                    Some((*var, maker, *span))
                }
                _ => None,
            };
            if let Some((var, maker, span)) = ready {
                self.mark(i);
                self.place(var, maker, span);
                return true;
            }
        }
        false
    }

    fn place(&mut self, var: Var, maker: Maker, span: Span) {
        if !self.pre.is_empty() {
            // What the maker reads must survive this step, even if nothing later reads it; so must the value that the
            // variable has already and that the new one must equal.
            let mut also = Vec::new();
            if self.bound[var] {
                also.push(var);
            }
            match &maker {
                Maker::Term(e) => each_var(e, &mut |v| also.push(v)),
                Maker::Range(_, bounds) => bounds.iter().for_each(|e| each_var(e, &mut |v| also.push(v))),
                Maker::Aggregate { group, .. } => {
                    also.extend(group.iter().filter_map(|k| if let Key::Place(v) = k { Some(*v) } else { None }));
                }
            }
            let (out, layout) = self.live(&self.layout, &also);
            let pre = std::mem::take(&mut self.pre);
            self.steps.push(Step::Join { pre, extend: None, once: false, post: Vec::new(), out });
            self.layout = layout;
        }
        let maker = match maker {
            Maker::Term(e) => Maker::Term(placed(&e, &self.layout)),
            Maker::Range(p, b) => Maker::Range(p, b.iter().map(|e| placed(e, &self.layout)).collect()),
            Maker::Aggregate { op, rel, group, value, prim } => {
                let group = group.into_iter().map(|k| placed_key(k, &self.layout)).collect();
                Maker::Aggregate { op, rel, group, value, prim }
            }
        };
        self.interns |= matches!(&maker, Maker::Term(e) if e.interns());
        let mut joint = self.layout.clone();
        if self.bound[var] {
            // The variable has a value already: the new one must equal it.
            let new = self.bound.len();
            self.bound.push(true);
            self.fresh.push((new, var));
            joint.push(new);
        } else {
            self.bound[var] = true;
            joint.push(var);
        }
        let also: Vec<Var> = self.fresh.iter().flat_map(|(a, b)| [*a, *b]).collect();
        let (out, layout) = self.live(&joint, &also);
        self.steps.push(Step::Make { maker, out, span });
        self.layout = layout;
    }

    fn extend(&mut self, literal: usize, late: bool) {
        let rule = self.rule;
        let Lit::Atom(p) = &rule.body[literal] else { unreachable!("the order lists atoms") };
        self.mark(literal);
        let layout = self.layout.clone();
        let seek = self.seek(p, self.reading.version(literal), &layout);
        let columns = self.store.rel(p.rel).perm(seek.perm).to_vec();
        let base = layout.len();
        let mut joint = layout;
        let mut post = Vec::new();
        for (place, c) in columns.iter().enumerate() {
            joint.push(NONE);
            let Some(Key::Place(v)) = p.args[*c] else { continue };
            if place < seek.keys.len() {
                continue;
            }
            match joint[base..].iter().position(|x| *x == v) {
                Some(first) => post.push(equal(base + place, Expr::Place(base + first), rule.span)),
                None => {
                    joint[base + place] = v;
                    self.bound[v] = true;
                }
            }
        }
        post.extend(self.pull(&joint, late));
        let pre = std::mem::take(&mut self.pre);
        let (out, layout) = if self.done.iter().all(|d| *d) {
            (rule.args.iter().map(|e| placed(e, &joint)).collect(), Vec::new())
        } else {
            self.live(&joint, &[])
        };
        let once = !out.iter().any(|e| reaches(e, base));
        self.steps.push(Step::Join { pre, extend: Some(seek), once, post, out });
        self.layout = layout;
    }

    /// Places of the variables that something still needs, and these variables.
    fn live(&self, layout: &[Var], also: &[Var]) -> (Vec<Expr>, Vec<Var>) {
        let mut needed = vec![false; self.bound.len()];
        for (i, l) in self.rule.body.iter().enumerate() {
            if !self.done[i] {
                l.each_var(&mut |v| needed[v] = true);
            }
        }
        self.rule.args.iter().for_each(|e| each_var(e, &mut |v| needed[v] = true));
        also.iter().for_each(|v| needed[*v] = true);
        let kept: Vec<usize> = (0..layout.len()).filter(|i| layout[*i] != NONE && needed[layout[*i]]).collect();
        if kept.is_empty() {
            return (vec![Expr::Const(0)], vec![NONE]);
        }
        (kept.iter().map(|i| Expr::Place(*i)).collect(), kept.iter().map(|i| layout[*i]).collect())
    }

    /// Makes the last step give head rows.
    fn finish(&mut self) {
        if self.pre.is_empty() && self.layout.is_empty() && !self.steps.is_empty() {
            return;
        }
        let out = self.rule.args.iter().map(|e| placed(e, &self.layout)).collect();
        let pre = std::mem::take(&mut self.pre);
        self.steps.push(Step::Join { pre, extend: None, once: false, post: Vec::new(), out });
    }
}

fn reaches(e: &Expr, base: usize) -> bool {
    let mut found = false;
    each_var(e, &mut |p| found |= p >= base);
    found
}

fn equal(place: usize, right: Expr, span: Span) -> Check {
    Check::Compare(Compare { op: CmpOp::Eq, prim: Prim::Number, left: Expr::Place(place), right, span })
}

fn place_of(v: Var, layout: &[Var]) -> usize {
    layout.iter().position(|x| *x == v).expect("a bound variable stays in the row while a literal or the head needs it")
}

fn placed_key(k: Key, layout: &[Var]) -> Key {
    match k {
        Key::Place(v) => Key::Place(place_of(v, layout)),
        Key::Const(w) => Key::Const(w),
    }
}

fn placed(e: &Expr, layout: &[Var]) -> Expr {
    match e {
        Expr::Place(v) => Expr::Place(place_of(*v, layout)),
        Expr::Const(w) => Expr::Const(*w),
        Expr::Apply { op, prim, args } => {
            Expr::Apply { op: *op, prim: *prim, args: args.iter().map(|a| placed(a, layout)).collect() }
        }
    }
}
