//! [`Core`] to kernel rules: functor arguments of atoms to variables, aggregates to relations of their own.
//!
//! The rule of an auxiliary relation is the aggregate's body. Variables that the aggregate shares with the clause but does
//! not bind itself are bound by copies of those literals of the clause that bind them there; such copies only list the
//! groups that can occur, so columns that are not needed become `_`.

use super::check::core::{CAgg, CAtom, CExpr, CKind, CLit, Core, Scope, V};
use super::check::env::Env;
use super::check::ground::bound_without;
use super::check::infer::{Typing, constant_value};
use super::check::pattern::never;
use super::program::{
    Arg, Atom, ClauseId, CmpOp, Column, Const, Functor, Literal, Notes, Prim, RelId, Relation, RelationKind, Rule,
    Span, Term, TypeId, Var, VarId,
};
use super::types::Types;
use rustc_hash::FxHashMap;

/// Collects kernel rules and auxiliary relations.
pub(crate) struct Lower<'e, 's> {
    env: &'e Env<'s>,
    /// Whole-number arithmetic wraps instead of being checked.
    wrap: bool,
    pub rules: Vec<Rule>,
    /// Relations after those of `env`.
    pub aux: Vec<Relation>,
}

/// A rule being built.
#[derive(Default)]
struct Build<'c> {
    vars: Vec<Var>,
    of: FxHashMap<V, VarId>,
    items: Vec<Item<'c>>,
    /// Variables that tell one match of an aggregate's body from another, in order.
    locals: Vec<VarId>,
    /// Whether this is the body of an aggregate.
    inner: bool,
    made_up: usize,
}

enum Item<'c> {
    Done(Literal),
    Pending { agg: &'c CAgg, result: VarId, prim: Prim, span: Span },
}

/// What stays the same while one core is lowered.
struct Ctx<'c, 's> {
    core: &'c Core<'s>,
    typing: &'c Typing,
    clause: ClauseId,
}

impl Build<'_> {
    fn fresh(&mut self, ty: TypeId, prim: Prim) -> VarId {
        self.made_up += 1;
        self.push(format!("${}", self.made_up), ty, prim)
    }

    fn push(&mut self, name: String, ty: TypeId, prim: Prim) -> VarId {
        self.vars.push(Var { name, ty, prim });
        VarId(self.vars.len() as u32 - 1)
    }

    fn var(&mut self, cx: &Ctx<'_, '_>, v: V) -> VarId {
        if let Some(id) = self.of.get(&v) {
            return *id;
        }
        let c = &cx.core.vars[v];
        let id = self.push(c.name.to_owned(), cx.typing.ty(c.node), cx.typing.prim(c.node));
        self.of.insert(v, id);
        id
    }

    /// For each variable the finished literal that binds it first; atoms before all others.
    fn binders(&self) -> Vec<Option<usize>> {
        let mut by: Vec<Option<usize>> = vec![None; self.vars.len()];
        for (i, item) in self.items.iter().enumerate() {
            if let Item::Done(Literal::Atom(a)) = item {
                for arg in &a.args {
                    if let Arg::Var(v) = arg {
                        by[v.index()].get_or_insert(i);
                    }
                }
            }
        }
        loop {
            let before = by.iter().flatten().count();
            for (i, item) in self.items.iter().enumerate() {
                let Item::Done(l) = item else { continue };
                let known = |t: &Term, by: &[Option<usize>]| {
                    let mut ok = true;
                    term_vars(t, &mut |v| ok &= by[v.index()].is_some());
                    ok
                };
                match l {
                    Literal::Compare { op: CmpOp::Eq, left, right, .. } => {
                        for (a, b) in [(left, right), (right, left)] {
                            if let Term::Var(v) = a
                                && by[v.index()].is_none()
                                && known(b, &by)
                            {
                                by[v.index()] = Some(i);
                            }
                        }
                    }
                    Literal::Range { var, from, to, step, .. }
                        if by[var.index()].is_none()
                            && [Some(from), Some(to), step.as_ref()].into_iter().flatten().all(|t| known(t, &by)) =>
                    {
                        by[var.index()] = Some(i);
                    }
                    Literal::Aggregate { group, result, .. }
                        if by[result.index()].is_none()
                            && group.iter().all(|g| !matches!(g, Arg::Var(v) if by[v.index()].is_none())) =>
                    {
                        by[result.index()] = Some(i);
                    }
                    _ => {}
                }
            }
            if by.iter().flatten().count() == before {
                return by;
            }
        }
    }
}

/// Calls `f` on every variable of a term.
pub(crate) fn term_vars(t: &Term, f: &mut impl FnMut(VarId)) {
    match t {
        Term::Var(v) => f(*v),
        Term::Const(_) => {}
        Term::Apply { args, .. } => args.iter().for_each(|a| term_vars(a, f)),
    }
}

fn rename(t: &Term, m: &mut impl FnMut(VarId) -> VarId) -> Term {
    match t {
        Term::Var(v) => Term::Var(m(*v)),
        Term::Const(c) => Term::Const(c.clone()),
        Term::Apply { op, prim, args } => {
            Term::Apply { op: *op, prim: *prim, args: args.iter().map(|a| rename(a, m)).collect() }
        }
    }
}

impl<'e, 's> Lower<'e, 's> {
    pub fn new(env: &'e Env<'s>, wrap: bool) -> Self {
        Self { env, wrap, rules: Vec::new(), aux: Vec::new() }
    }

    /// Lowers one checked head with its conjunction.
    pub fn rule(&mut self, core: &Core<'s>, typing: &Typing, clause: ClauseId, span: Span) {
        let cx = Ctx { core, typing, clause };
        let Some(head) = core.head.rel else { return };
        let mut b = Build::default();
        for e in &core.head.args {
            e.each_var(&mut |v, _| {
                b.var(&cx, v);
            });
        }
        self.scope(&cx, &core.root, &[], &mut b, false);
        let args = core.head.args.iter().map(|e| self.term(&cx, e, &mut b)).collect();
        self.finish_aggregates(&cx, &mut b);
        let body = done(b.items);
        self.rules.push(Rule { head, args, body, vars: b.vars, clause, span });
    }

    fn column(&self, rel: RelId, c: usize) -> (TypeId, Prim) {
        let col = &self.env.rel(rel).columns[c];
        (col.ty, col.prim)
    }

    fn scope<'c>(&mut self, cx: &Ctx<'c, 's>, scope: &'c Scope, outer: &[V], b: &mut Build<'c>, counts: bool) {
        for (i, l) in scope.lits.iter().enumerate() {
            match l {
                CLit::Atom(a) => self.atom(cx, a, b, true, counts),
                CLit::Not(a) => self.atom(cx, a, b, false, false),
                CLit::Bool(true, _) => {}
                CLit::Compare { op, left, span, .. } if never(*op, left) => fail(*span, b),
                CLit::Bool(false, span) => fail(*span, b),
                CLit::Compare { op, left, right, span } => {
                    if *op == CmpOp::Eq {
                        let direct = [(left, right), (right, left)].into_iter().find_map(|(v, e)| {
                            let v = v.as_var()?;
                            let special = matches!(e.kind, CKind::Agg(_) | CKind::Range(_));
                            (special && !bound_without(cx.core, scope, outer, Some(i))[v]).then_some((v, e))
                        });
                        if let Some((v, e)) = direct {
                            let result = b.var(cx, v);
                            self.define(cx, e, result, *span, b);
                            continue;
                        }
                    }
                    let prim = cx.typing.prim(left.node);
                    let left = self.term(cx, left, b);
                    let right = self.term(cx, right, b);
                    b.items.push(Item::Done(Literal::Compare { op: *op, prim, left, right, span: *span }));
                }
            }
        }
    }

    fn atom<'c>(&mut self, cx: &Ctx<'c, 's>, a: &'c CAtom, b: &mut Build<'c>, positive: bool, counts: bool) {
        let Some(rel) = a.rel else { return };
        let mut equal = Vec::new();
        let mut args = Vec::with_capacity(a.args.len());
        for (c, e) in a.args.iter().enumerate() {
            let (ty, prim) = self.column(rel, c);
            args.push(match &e.kind {
                CKind::Wild if counts => {
                    let v = b.fresh(ty, prim);
                    b.locals.push(v);
                    Arg::Var(v)
                }
                CKind::Wild | CKind::Bad => Arg::Wild,
                _ => match self.term(cx, e, b) {
                    Term::Var(v) => {
                        self.note_local(cx, e, v, b);
                        Arg::Var(v)
                    }
                    Term::Const(k) => Arg::Const(k),
                    right => {
                        let v = b.fresh(ty, prim);
                        equal.push(Literal::Compare { op: CmpOp::Eq, prim, left: Term::Var(v), right, span: e.span });
                        Arg::Var(v)
                    }
                },
            });
        }
        let atom = Atom { rel, args, span: a.span };
        let atom = Item::Done(if positive { Literal::Atom(atom) } else { Literal::Not(atom) });
        let equal = equal.into_iter().map(Item::Done);
        if positive {
            b.items.push(atom);
            b.items.extend(equal);
        } else {
            b.items.extend(equal);
            b.items.push(atom);
        }
    }

    /// Remembers the order in which an aggregate's own variables occur.
    fn note_local(&self, cx: &Ctx<'_, '_>, e: &CExpr, id: VarId, b: &mut Build<'_>) {
        if e.as_var().is_some_and(|v| cx.core.vars[v].scope != cx.core.root.id) && !b.locals.contains(&id) {
            b.locals.push(id);
        }
    }

    fn term<'c>(&mut self, cx: &Ctx<'c, 's>, e: &'c CExpr, b: &mut Build<'c>) -> Term {
        let prim = cx.typing.prim(e.node);
        match &e.kind {
            CKind::Var(v) => Term::Var(b.var(cx, *v)),
            CKind::Str(s) => Term::Const(Const::Symbol(s.clone())),
            // A number that does not fit has been reported; the rule is dropped.
            CKind::Num(n) => Term::Const(constant_value(*n, prim).unwrap_or(Const::Number(0))),
            CKind::Cast(inner, _) => self.term(cx, inner, b),
            CKind::Call(op, args) => {
                let works_on = match op.functor {
                    Functor::Cat | Functor::StrLen | Functor::SubStr | Functor::Ord => Prim::Symbol,
                    Functor::ToNumber | Functor::ToUnsigned | Functor::ToFloat | Functor::ToString => {
                        args.first().map_or(prim, |a| cx.typing.prim(a.node))
                    }
                    _ => prim,
                };
                let args = args.iter().map(|a| self.term(cx, a, b)).collect();
                let op = match op.functor {
                    Functor::Add if prim == Prim::Symbol => Functor::Cat,
                    // A conversion wraps between the two kinds of whole numbers; its own type is the result's.
                    f if self.wrap && works_on != Prim::Symbol => f.wrapping(works_on),
                    f => f,
                };
                Term::Apply { op, prim: works_on, args }
            }
            CKind::Agg(_) | CKind::Range(_) => {
                let v = b.fresh(cx.typing.ty(e.node), prim);
                self.define(cx, e, v, e.span, b);
                Term::Var(v)
            }
            CKind::Wild | CKind::Bad => Term::Const(Const::Number(0)),
        }
    }

    /// `result = aggregate` or `result = range(..)`.
    fn define<'c>(&mut self, cx: &Ctx<'c, 's>, e: &'c CExpr, result: VarId, span: Span, b: &mut Build<'c>) {
        let prim = cx.typing.prim(e.node);
        match &e.kind {
            CKind::Agg(agg) => b.items.push(Item::Pending { agg, result, prim, span }),
            CKind::Range(args) => {
                let mut args = args.iter().map(|a| self.term(cx, a, b)).collect::<Vec<_>>().into_iter();
                if let (Some(from), Some(to), step) = (args.next(), args.next(), args.next()) {
                    // Each value of a range is a match of its own.
                    if b.inner && !b.locals.contains(&result) {
                        b.locals.push(result);
                    }
                    b.items.push(Item::Done(Literal::Range { var: result, prim, from, to, step, span }));
                }
            }
            _ => {}
        }
    }

    /// Turns pending aggregates into literals, each once its shared variables are bound by finished ones.
    fn finish_aggregates<'c>(&mut self, cx: &Ctx<'c, 's>, b: &mut Build<'c>) {
        loop {
            let pending: Vec<usize> =
                b.items.iter().enumerate().filter(|(_, i)| matches!(i, Item::Pending { .. })).map(|(i, _)| i).collect();
            let Some(first) = pending.first().copied() else { return };
            let by = b.binders();
            let ready = |i: &usize| match &b.items[*i] {
                Item::Pending { agg, .. } => agg
                    .shared
                    .iter()
                    .all(|v| b.of.get(v).is_some_and(|id| by.get(id.index()).is_some_and(Option::is_some))),
                Item::Done(_) => false,
            };
            // On a checked rule one is always ready.
            let i = pending.iter().copied().find(|i| ready(i)).unwrap_or(first);
            let Item::Pending { agg, result, prim, span } = b.items[i] else { return };
            let literal = self.aggregate(cx, agg, result, prim, span, b, &by);
            b.items[i] = Item::Done(literal);
        }
    }

    #[allow(clippy::too_many_arguments)] // one call; a struct would only name them again
    fn aggregate<'c>(
        &mut self,
        cx: &Ctx<'c, 's>,
        agg: &'c CAgg,
        result: VarId,
        prim: Prim,
        span: Span,
        outer: &mut Build<'c>,
        by: &[Option<usize>],
    ) -> Literal {
        let mut b = Build { inner: true, ..Build::default() };
        let groups: Vec<VarId> = agg.shared.iter().map(|v| b.var(cx, *v)).collect();
        self.scope(cx, &agg.scope, &agg.shared, &mut b, wild_counts(&agg.scope));
        let value = agg.value.as_ref().map(|v| self.term(cx, v, &mut b));
        let inside = bound_without(cx.core, &agg.scope, &[], None);
        let missing: Vec<V> = agg.shared.iter().copied().filter(|v| !inside[*v]).collect();
        copy_binders(&missing, &agg.shared, outer, by, &mut b);
        self.finish_aggregates(cx, &mut b);

        let mut terms: Vec<Term> = groups.iter().map(|g| Term::Var(*g)).collect();
        terms.extend(value.clone());
        let rest = b.locals.iter().filter(|l| !groups.contains(l) && value != Some(Term::Var(**l)));
        terms.extend(rest.map(|l| Term::Var(*l)));
        let columns = terms
            .iter()
            .enumerate()
            .map(|(i, t)| match t {
                Term::Var(v) => {
                    let v = &b.vars[v.index()];
                    Column { name: v.name.clone(), ty: v.ty, prim: v.prim }
                }
                _ => {
                    let p = agg.value.as_ref().map_or(prim, |v| cx.typing.prim(v.node));
                    Column { name: format!("${i}"), ty: Types::primitive(p), prim: p }
                }
            })
            .collect();
        let rel = RelId((self.env.relations.len() + self.aux.len()) as u32);
        self.aux.push(Relation {
            name: format!("$agg{}", self.aux.len() + 1),
            columns,
            kind: RelationKind::Aggregate,
            notes: Notes::default(),
            span,
            inputs: Vec::new(),
            outputs: Vec::new(),
            printsize: false,
            limitsize: None,
        });
        self.rules.push(Rule { head: rel, args: terms, body: done(b.items), vars: b.vars, clause: cx.clause, span });
        let group = agg.shared.iter().map(|v| Arg::Var(outer.var(cx, *v))).collect::<Vec<_>>();
        let value = value.map(|_| group.len());
        let op = if self.wrap && prim != Prim::Float { agg.op.wrapping() } else { agg.op };
        Literal::Aggregate { op, rel, group, value, prim, result, span }
    }
}

/// Whether matches that differ only behind `_` are told apart. As in Soufflé they are while the aggregate reads rows of one
/// relation as they are; a body that needs more than that is first made a relation of its named variables.
fn wild_counts(scope: &Scope) -> bool {
    let mut atoms = scope.lits.iter().filter_map(|l| if let CLit::Atom(a) = l { Some(a) } else { None });
    let (first, second) = (atoms.next(), atoms.next());
    let mut twice = false;
    let mut seen: Vec<V> = Vec::new();
    first.into_iter().flat_map(|a| &a.args).for_each(|e| {
        e.each_var(&mut |v, _| {
            twice |= seen.contains(&v);
            seen.push(v);
        });
    });
    second.is_none() && !twice && !scope.lits.iter().flat_map(CLit::exprs).any(makes_many)
}

/// Whether an expression has an aggregate or a range in it.
fn makes_many(e: &CExpr) -> bool {
    match &e.kind {
        CKind::Agg(_) | CKind::Range(_) => true,
        CKind::Call(_, args) => args.iter().any(makes_many),
        CKind::Cast(inner, _) => makes_many(inner),
        _ => false,
    }
}

/// A literal that never holds.
fn fail(span: Span, b: &mut Build<'_>) {
    let (left, right) = (Term::Const(Const::Number(0)), Term::Const(Const::Number(1)));
    b.items.push(Item::Done(Literal::Compare { op: CmpOp::Eq, prim: Prim::Number, left, right, span }));
}

fn done(items: Vec<Item<'_>>) -> Vec<Literal> {
    items.into_iter().filter_map(|i| if let Item::Done(l) = i { Some(l) } else { None }).collect()
}

/// Copies into `b` the literals of `outer` that bind the `missing` variables.
fn copy_binders(missing: &[V], shared: &[V], outer: &Build<'_>, by: &[Option<usize>], b: &mut Build<'_>) {
    // Outer variable to inner variable.
    let mut map: FxHashMap<VarId, VarId> =
        shared.iter().filter_map(|v| Some((*outer.of.get(v)?, *b.of.get(v)?))).collect();
    let mut todo: Vec<VarId> = missing.iter().filter_map(|v| outer.of.get(v).copied()).collect();
    let mut wanted: Vec<usize> = Vec::new();
    let mut asked: Vec<VarId> = Vec::new();
    while let Some(v) = todo.pop() {
        if asked.contains(&v) {
            continue;
        }
        asked.push(v);
        map.entry(v).or_insert_with(|| {
            let o = &outer.vars[v.index()];
            b.push(o.name.clone(), o.ty, o.prim)
        });
        let Some(i) = by.get(v.index()).copied().flatten() else { continue };
        if wanted.contains(&i) {
            continue;
        }
        wanted.push(i);
        let Item::Done(l) = &outer.items[i] else { continue };
        match l {
            Literal::Compare { left, right, .. } => {
                term_vars(left, &mut |v| todo.push(v));
                term_vars(right, &mut |v| todo.push(v));
            }
            Literal::Range { from, to, step, .. } => {
                [Some(from), Some(to), step.as_ref()]
                    .into_iter()
                    .flatten()
                    .for_each(|t| term_vars(t, &mut |v| todo.push(v)));
            }
            Literal::Aggregate { group, .. } => {
                todo.extend(group.iter().filter_map(|g| if let Arg::Var(v) = g { Some(*v) } else { None }))
            }
            Literal::Atom(_) | Literal::Not(_) => {}
        }
    }
    wanted.sort_unstable();
    for i in wanted {
        let Item::Done(l) = &outer.items[i] else { continue };
        let mut m = |v: VarId| map.get(&v).copied().unwrap_or(v);
        let copy = match l {
            Literal::Atom(a) => {
                let args = a
                    .args
                    .iter()
                    .map(|x| match x {
                        Arg::Var(v) => map.get(v).map_or(Arg::Wild, |n| Arg::Var(*n)),
                        other => other.clone(),
                    })
                    .collect();
                Literal::Atom(Atom { rel: a.rel, args, span: a.span })
            }
            Literal::Compare { op, prim, left, right, span } => Literal::Compare {
                op: *op,
                prim: *prim,
                left: rename(left, &mut m),
                right: rename(right, &mut m),
                span: *span,
            },
            Literal::Range { var, prim, from, to, step, span } => Literal::Range {
                var: m(*var),
                prim: *prim,
                from: rename(from, &mut m),
                to: rename(to, &mut m),
                step: step.as_ref().map(|s| rename(s, &mut m)),
                span: *span,
            },
            Literal::Aggregate { op, rel, group, value, prim, result, span } => Literal::Aggregate {
                op: *op,
                rel: *rel,
                group: group.iter().map(|g| if let Arg::Var(v) = g { Arg::Var(m(*v)) } else { g.clone() }).collect(),
                value: *value,
                prim: *prim,
                result: m(*result),
                span: *span,
            },
            Literal::Not(_) => continue,
        };
        b.items.push(Item::Done(copy));
    }
}
