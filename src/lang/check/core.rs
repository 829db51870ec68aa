//! One head with one conjunction, names resolved: what types, groundedness and lowering work on.

use crate::lang::ast::{Num, Op};
use crate::lang::program::{AggOp, CmpOp, RelId, Span, TypeId};
use std::sync::Arc;

/// Index into [`Core::vars`].
pub(crate) type V = usize;
/// Node of the type inference.
pub(crate) type Node = usize;

/// A head with a conjunction.
#[derive(Debug)]
pub(crate) struct Core<'s> {
    pub vars: Vec<CVar<'s>>,
    pub head: CAtom,
    pub root: Scope,
    /// Number of inference nodes.
    pub nodes: usize,
    /// Number of scopes.
    pub scopes: usize,
}

/// A variable. Variables of an aggregate that are not those of the clause around it have their own entries.
#[derive(Debug)]
pub(crate) struct CVar<'s> {
    pub name: &'s str,
    /// Scope it belongs to.
    pub scope: usize,
    pub node: Node,
}

/// A conjunction: the body of the clause, or of an aggregate.
#[derive(Debug)]
pub(crate) struct Scope {
    pub id: usize,
    pub lits: Vec<CLit>,
}

#[derive(Debug)]
pub(crate) enum CLit {
    Atom(CAtom),
    Not(CAtom),
    Compare { op: CmpOp, left: CExpr, right: CExpr, span: Span },
    Bool(bool, Span),
}

#[derive(Debug)]
pub(crate) struct CAtom {
    /// `None` if unknown or with a wrong number of arguments (reported).
    pub rel: Option<RelId>,
    pub args: Vec<CExpr>,
    pub span: Span,
}

#[derive(Debug)]
pub(crate) struct CExpr {
    pub kind: CKind,
    pub span: Span,
    pub node: Node,
}

#[derive(Debug)]
pub(crate) enum CKind {
    Var(V),
    Wild,
    Str(Arc<str>),
    Num(Num),
    Call(Op, Vec<CExpr>),
    Cast(Box<CExpr>, Option<TypeId>),
    Agg(Box<CAgg>),
    Range(Vec<CExpr>),
    Bad,
}

#[derive(Debug)]
pub(crate) struct CAgg {
    pub op: AggOp,
    pub value: Option<CExpr>,
    pub scope: Scope,
    /// Variables of scopes around it that occur in it, in order of first occurrence.
    pub shared: Vec<V>,
}

impl CExpr {
    /// The variable that this is, seen through casts.
    pub fn as_var(&self) -> Option<V> {
        match &self.kind {
            CKind::Var(v) => Some(*v),
            CKind::Cast(inner, _) => inner.as_var(),
            _ => None,
        }
    }

    /// Calls `f` on every variable outside aggregates, and on what aggregates share.
    pub fn each_var(&self, f: &mut impl FnMut(V, Span)) {
        match &self.kind {
            CKind::Var(v) => f(*v, self.span),
            CKind::Call(_, args) | CKind::Range(args) => args.iter().for_each(|a| a.each_var(f)),
            CKind::Cast(inner, _) => inner.each_var(f),
            CKind::Agg(a) => a.shared.iter().for_each(|v| f(*v, self.span)),
            CKind::Wild | CKind::Str(_) | CKind::Num(_) | CKind::Bad => {}
        }
    }

    /// Calls `f` on every aggregate that is not inside another.
    pub fn each_agg<'c>(&'c self, f: &mut impl FnMut(&'c CAgg)) {
        match &self.kind {
            CKind::Call(_, args) | CKind::Range(args) => args.iter().for_each(|a| a.each_agg(f)),
            CKind::Cast(inner, _) => inner.each_agg(f),
            CKind::Agg(a) => f(a),
            _ => {}
        }
    }
}

impl CLit {
    /// The expressions of the literal.
    pub fn exprs(&self) -> impl Iterator<Item = &CExpr> {
        let (args, pair): (&[CExpr], [Option<&CExpr>; 2]) = match self {
            CLit::Atom(a) | CLit::Not(a) => (&a.args, [None, None]),
            CLit::Compare { left, right, .. } => (&[], [Some(left), Some(right)]),
            CLit::Bool(..) => (&[], [None, None]),
        };
        args.iter().chain(pair.into_iter().flatten())
    }

    pub fn each_var(&self, f: &mut impl FnMut(V, Span)) {
        self.exprs().for_each(|e| e.each_var(f));
    }
}
