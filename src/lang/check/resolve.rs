//! Clauses to [`Core`]: alternatives multiplied out, negation pushed to the literals, names resolved.

use super::core::{CAgg, CAtom, CExpr, CKind, CLit, CVar, Core, Node, Scope, V};
use super::env::Env;
use crate::lang::ast::{Atom, Body, Expr, ExprKind};
use crate::lang::codes;
use crate::lang::diagnostic::Diagnostic;
use crate::lang::program::{CmpOp, Span};
use rustc_hash::{FxHashMap, FxHashSet};

/// How many alternatives one clause may multiply out to.
pub const MAX_CASES: usize = 1024;

/// A literal of a multiplied-out body.
#[derive(Clone, Copy)]
pub(crate) enum Flat<'a, 's> {
    Atom(&'a Atom<'s>),
    Not(&'a Atom<'s>),
    Compare { op: CmpOp, left: &'a Expr<'s>, right: &'a Expr<'s>, span: Span },
    Bool(bool, Span),
}

/// Number of alternatives of a body.
fn count_cases(body: &Body<'_>, negated: bool) -> usize {
    let (parts, product) = match body {
        Body::Not(inner) => return count_cases(inner, !negated),
        Body::And(parts) => (parts, !negated),
        Body::Or(parts) => (parts, negated),
        _ => return 1,
    };
    let counts = parts.iter().map(|p| count_cases(p, negated));
    if product { counts.fold(1, usize::saturating_mul) } else { counts.fold(0, usize::saturating_add) }
}

fn invert(op: CmpOp) -> CmpOp {
    match op {
        CmpOp::Eq => CmpOp::Ne,
        CmpOp::Ne => CmpOp::Eq,
        CmpOp::Lt => CmpOp::Ge,
        CmpOp::Ge => CmpOp::Lt,
        CmpOp::Le => CmpOp::Gt,
        CmpOp::Gt => CmpOp::Le,
        CmpOp::Match => CmpOp::NotMatch,
        CmpOp::NotMatch => CmpOp::Match,
        CmpOp::Contains => CmpOp::NotContains,
        CmpOp::NotContains => CmpOp::Contains,
    }
}

/// The alternatives of a body, each a conjunction; `None` beyond the limit.
pub(crate) fn cases<'a, 's>(body: &'a Body<'s>) -> Option<Vec<Vec<Flat<'a, 's>>>> {
    (count_cases(body, false) <= MAX_CASES).then(|| multiply(body, false))
}

fn multiply<'a, 's>(body: &'a Body<'s>, negated: bool) -> Vec<Vec<Flat<'a, 's>>> {
    let (parts, product) = match body {
        Body::Atom(a) => return vec![vec![if negated { Flat::Not(a) } else { Flat::Atom(a) }]],
        Body::Compare { op, left, right, span } => {
            let op = if negated { invert(*op) } else { *op };
            return vec![vec![Flat::Compare { op, left, right, span: *span }]];
        }
        Body::Bool(b, span) => return vec![vec![Flat::Bool(*b != negated, *span)]],
        Body::Not(inner) => return multiply(inner, !negated),
        Body::And(parts) => (parts, !negated),
        Body::Or(parts) => (parts, negated),
    };
    if !product {
        return parts.iter().flat_map(|p| multiply(p, negated)).collect();
    }
    let mut all = vec![Vec::new()];
    for p in parts {
        let ends = multiply(p, negated);
        if let [only] = ends.as_slice() {
            all.iter_mut().for_each(|a: &mut Vec<_>| a.extend_from_slice(only));
        } else {
            all = all.iter().flat_map(|a| ends.iter().map(move |e| [a.as_slice(), e].concat())).collect();
        }
    }
    all
}

/// Variable names outside inner aggregates, in order, with their places.
fn level_names<'s>(e: &Expr<'s>, out: &mut Vec<(&'s str, Span)>) {
    match &e.kind {
        ExprKind::Var(n) => out.push((n, e.span)),
        ExprKind::Call(_, args) | ExprKind::Range(args) => args.iter().for_each(|a| level_names(a, out)),
        ExprKind::Cast(inner, _) => level_names(inner, out),
        _ => {}
    }
}

fn flat_names<'s>(f: &Flat<'_, 's>, out: &mut Vec<(&'s str, Span)>) {
    match f {
        Flat::Atom(a) | Flat::Not(a) => a.args.iter().for_each(|e| level_names(e, out)),
        Flat::Compare { left, right, .. } => {
            level_names(left, out);
            level_names(right, out);
        }
        Flat::Bool(..) => {}
    }
}

struct Resolver<'e, 's, 'd> {
    env: &'e Env<'s>,
    vars: Vec<CVar<'s>>,
    frames: Vec<FxHashMap<&'s str, V>>,
    /// For each open aggregate: its scope, and the outer variables met in it.
    shared: Vec<(usize, Vec<V>)>,
    scopes: usize,
    nodes: usize,
    diags: &'d mut Vec<Diagnostic>,
}

/// Resolves one head with one conjunction.
pub(crate) fn resolve<'s>(
    env: &Env<'s>,
    head: &Atom<'s>,
    lits: &[Flat<'_, 's>],
    diags: &mut Vec<Diagnostic>,
) -> Core<'s> {
    let mut r = Resolver { env, vars: Vec::new(), frames: Vec::new(), shared: Vec::new(), scopes: 0, nodes: 0, diags };
    let mut names = Vec::new();
    head.args.iter().for_each(|e| level_names(e, &mut names));
    lits.iter().for_each(|f| flat_names(f, &mut names));
    let id = r.open(&names, None);
    let head = r.atom(head, Place::Head);
    let lits = lits.iter().map(|f| r.literal(f)).collect();
    Core { vars: r.vars, head, root: Scope { id, lits }, nodes: r.nodes, scopes: r.scopes }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Atom,
    Value,
}

impl<'s> Resolver<'_, 's, '_> {
    fn node(&mut self) -> Node {
        self.nodes += 1;
        self.nodes - 1
    }

    /// Opens a scope whose own level has these names. Names of `local` are its own whatever stands around it.
    fn open(&mut self, names: &[(&'s str, Span)], local: Option<&FxHashSet<&'s str>>) -> usize {
        let id = self.scopes;
        self.scopes += 1;
        let mut frame: FxHashMap<&'s str, V> = FxHashMap::default();
        for (name, _) in names {
            let own = local.is_none_or(|l| l.contains(name));
            if frame.contains_key(name) || (!own && self.frames.iter().any(|f| f.contains_key(name))) {
                continue;
            }
            let node = self.node();
            frame.insert(name, self.vars.len());
            self.vars.push(CVar { name, scope: id, node });
        }
        self.frames.push(frame);
        id
    }

    fn lookup(&mut self, name: &str) -> Option<V> {
        let v = self.frames.iter().rev().find_map(|f| f.get(name).copied())?;
        let scope = self.vars[v].scope;
        for (id, shared) in &mut self.shared {
            // Scope numbers grow inwards along the open ones.
            if *id > scope && !shared.contains(&v) {
                shared.push(v);
            }
        }
        Some(v)
    }

    fn literal(&mut self, f: &Flat<'_, 's>) -> CLit {
        match f {
            Flat::Atom(a) => CLit::Atom(self.atom(a, Place::Atom)),
            Flat::Not(a) => CLit::Not(self.atom(a, Place::Atom)),
            Flat::Compare { op, left, right, span } => {
                // `_ = value` says no more than that there is a value.
                let any = |e: &Expr<'s>| *op == CmpOp::Eq && matches!(e.kind, ExprKind::Wild);
                let (open_left, open_right) = (any(left) && !any(right), any(right) && !any(left));
                let left = if open_left { self.unnamed(left.span) } else { self.expr(left, Place::Value) };
                let right = if open_right { self.unnamed(right.span) } else { self.expr(right, Place::Value) };
                CLit::Compare { op: *op, left, right, span: *span }
            }
            Flat::Bool(b, span) => CLit::Bool(*b, *span),
        }
    }

    /// A variable of the scope that nothing else mentions.
    fn unnamed(&mut self, span: Span) -> CExpr {
        let node = self.node();
        let scope = self.shared.last().map_or(0, |(id, _)| *id);
        self.vars.push(CVar { name: "_", scope, node });
        CExpr { kind: CKind::Var(self.vars.len() - 1), span, node }
    }

    fn atom(&mut self, a: &Atom<'s>, place: Place) -> CAtom {
        let rel = self.env.resolve_atom(a, self.diags);
        let args = a.args.iter().map(|e| self.expr(e, place)).collect();
        CAtom { rel, args, span: a.span }
    }

    fn expr(&mut self, e: &Expr<'s>, place: Place) -> CExpr {
        let inner = Place::Value;
        let kind = match &e.kind {
            ExprKind::Var(name) => match self.lookup(name) {
                Some(v) => return CExpr { kind: CKind::Var(v), span: e.span, node: self.vars[v].node },
                None => CKind::Bad,
            },
            ExprKind::Wild => {
                if place != Place::Atom {
                    let wher = if place == Place::Head { "the head of a clause" } else { "a comparison or functor" };
                    self.diags.push(
                        Diagnostic::error(
                            codes::WILDCARD,
                            format!("`_` stands in {wher}, where a value is needed"),
                            e.span,
                        )
                        .help("name the variable and bind it in the body"),
                    );
                    CKind::Bad
                } else {
                    CKind::Wild
                }
            }
            ExprKind::Str(s) => CKind::Str(s.clone()),
            ExprKind::Num(n) => CKind::Num(*n),
            ExprKind::Call(op, args) => CKind::Call(*op, args.iter().map(|a| self.expr(a, inner)).collect()),
            ExprKind::Range(args) => CKind::Range(args.iter().map(|a| self.expr(a, inner)).collect()),
            ExprKind::Cast(x, ty) => {
                let t = self.env.types.resolve(ty.text, ty.span, self.diags);
                CKind::Cast(Box::new(self.expr(x, inner)), t)
            }
            ExprKind::Aggregate(a) => CKind::Agg(Box::new(self.aggregate(a, e.span))),
            ExprKind::Bad => CKind::Bad,
        };
        CExpr { kind, span: e.span, node: self.node() }
    }

    fn aggregate(&mut self, a: &crate::lang::ast::Aggregate<'s>, span: Span) -> CAgg {
        let all = cases(&a.body).unwrap_or_default();
        if all.len() != 1 {
            self.diags.push(
                Diagnostic::error(
                    codes::REFUSED,
                    "alternatives inside an aggregate are not part of this rule language",
                    span,
                )
                .help("give the alternatives a relation of their own and aggregate over that"),
            );
        }
        let lits = all.into_iter().next().unwrap_or_default();
        let mut target = Vec::new();
        if let Some(v) = &a.value {
            level_names(v, &mut target);
        }
        let local: FxHashSet<&'s str> = target.iter().map(|(n, _)| *n).collect();
        for (name, at) in &target {
            if self.frames.iter().any(|f| f.contains_key(name)) {
                self.diags.push(
                    Diagnostic::warning(
                        codes::SHADOWED,
                        format!("this `{name}` is not the `{name}` outside the aggregate"),
                        *at,
                    )
                    .note("variables of the value that an aggregate is taken of belong to the aggregate alone")
                    .help("give one of the two another name"),
                );
            }
        }
        let mut names = target;
        lits.iter().for_each(|f| flat_names(f, &mut names));
        let id = self.open(&names, Some(&local));
        self.shared.push((id, Vec::new()));
        let value = a.value.as_ref().map(|v| self.expr(v, Place::Value));
        let lits = lits.iter().map(|f| self.literal(f)).collect();
        let shared = self.shared.pop().map(|(_, s)| s).unwrap_or_default();
        self.frames.pop();
        CAgg { op: a.op, value, scope: Scope { id, lits }, shared }
    }
}
