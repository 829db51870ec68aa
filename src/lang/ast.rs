//! The program as written. Borrowed from the source texts; every node knows its place.

use super::program::{AggOp, CmpOp, Functor, Notes, Prim, Span};
use std::sync::Arc;

/// A name and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'s> {
    pub text: &'s str,
    pub span: Span,
}

/// All files together, in order.
#[derive(Debug, Default)]
pub(crate) struct Ast<'s> {
    pub types: Vec<TypeDecl<'s>>,
    pub relations: Vec<RelationDecl<'s>>,
    pub directives: Vec<Directive<'s>>,
    pub clauses: Vec<Clause<'s>>,
    pub pragmas: Vec<Pragma>,
}

/// `.type`.
#[derive(Debug)]
pub(crate) struct TypeDecl<'s> {
    pub name: Name<'s>,
    pub def: TypeBody<'s>,
    pub notes: Notes,
    pub span: Span,
}

/// Right side of a `.type`.
#[derive(Debug)]
pub(crate) enum TypeBody<'s> {
    /// `<: T`
    Sub(Name<'s>),
    /// `= A | B`; a single name is an alias.
    Union(Vec<Name<'s>>),
    /// Old forms without a right side.
    Old(Prim),
}

/// One name of a `.decl`.
#[derive(Debug)]
pub(crate) struct RelationDecl<'s> {
    pub name: Name<'s>,
    pub columns: Arc<[(Name<'s>, Name<'s>)]>,
    pub notes: Notes,
    pub input: bool,
    pub output: bool,
    pub printsize: bool,
}

/// What a directive asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DirectiveKind {
    Input,
    Output,
    PrintSize,
    LimitSize,
}

/// `.input`, `.output`, `.printsize`, `.limitsize`.
#[derive(Debug)]
pub(crate) struct Directive<'s> {
    pub kind: DirectiveKind,
    pub relations: Vec<Name<'s>>,
    pub params: Vec<(String, String)>,
    pub span: Span,
}

/// A fact or rule.
#[derive(Debug)]
pub(crate) struct Clause<'s> {
    pub plans: Vec<Plan>,
    pub heads: Vec<Atom<'s>>,
    pub body: Option<Body<'s>>,
    pub notes: Notes,
    pub span: Span,
    /// A syntax error was mended inside: check, but do not lower.
    pub broken: bool,
}

/// An atom.
#[derive(Debug)]
pub(crate) struct Atom<'s> {
    pub name: Name<'s>,
    pub args: Vec<Expr<'s>>,
    pub span: Span,
}

/// A body.
#[derive(Debug)]
pub(crate) enum Body<'s> {
    Atom(Atom<'s>),
    Compare { op: CmpOp, left: Expr<'s>, right: Expr<'s>, span: Span },
    Bool(bool, Span),
    Not(Box<Body<'s>>),
    And(Vec<Body<'s>>),
    Or(Vec<Body<'s>>),
}

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Num {
    /// Without suffix: fits any numeric type.
    Int {
        negative: bool,
        magnitude: u64,
    },
    /// With suffix `u`.
    Unsigned(u64),
    Float(f32),
}

/// An expression with the height of its tree.
#[derive(Debug)]
pub(crate) struct Expr<'s> {
    pub kind: ExprKind<'s>,
    pub span: Span,
    pub height: u32,
}

/// Kinds of expression.
#[derive(Debug)]
pub(crate) enum ExprKind<'s> {
    Var(&'s str),
    Wild,
    Str(Arc<str>),
    Num(Num),
    Call(Op, Vec<Expr<'s>>),
    Cast(Box<Expr<'s>>, Name<'s>),
    Aggregate(Box<Aggregate<'s>>),
    Range(Vec<Expr<'s>>),
    /// Already reported.
    Bad,
}

/// A functor as written: some names fix the machine type of the argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub functor: Functor,
    pub word: &'static str,
    pub from: Option<Prim>,
}

/// `op value : { body }`.
#[derive(Debug)]
pub(crate) struct Aggregate<'s> {
    pub op: AggOp,
    pub value: Option<Expr<'s>>,
    pub body: Body<'s>,
}

/// A `.pragma` line.
#[derive(Debug)]
pub(crate) struct Pragma {
    pub key: String,
    /// Empty if none is written.
    pub value: String,
    pub span: Span,
}

/// An order of evaluation behind a clause: version, numbers of atoms, place.
pub(crate) type Plan = (u64, Vec<u64>, Span);
