//! Terms of a rule, compiled to places in a row.

use super::functor::{self, Fault};
use super::symbol::Symbols;
use super::value::Word;
use crate::lang::program::{CmpOp, Functor, Prim, Span};

/// A row of bindings, and behind it the columns of an index row that a step has just found.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The bindings.
    pub row: &'a [Word],
    /// The index row; empty if the step has none (yet).
    pub found: &'a [Word],
}

impl View<'_> {
    /// The word at a place: places from `row.len()` on lie in `found`.
    #[inline]
    #[must_use]
    pub fn at(&self, place: usize) -> Word {
        let w = self.row.len();
        if place < w { self.row[place] } else { self.found[place - w] }
    }
}

/// A compiled term.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A place of the [`View`].
    Place(usize),
    /// A constant.
    Const(Word),
    /// A functor.
    Apply {
        /// The functor.
        op: Functor,
        /// Machine type on which it works.
        prim: Prim,
        /// Arguments.
        args: Vec<Expr>,
    },
}

impl Expr {
    /// Its value; functors that make text are not allowed in here (see [`Expr::eval_interning`]).
    ///
    /// # Errors
    /// When a functor has no value.
    #[inline]
    pub fn eval(&self, view: View<'_>, symbols: &Symbols) -> Result<Word, Fault> {
        match self {
            Self::Place(p) => Ok(view.at(*p)),
            Self::Const(w) => Ok(*w),
            Self::Apply { op, prim, args } => with_args(args, view, symbols, |a| functor::pure(*op, *prim, a, symbols)),
        }
    }

    /// Its value, where the outermost functor may make text.
    ///
    /// # Errors
    /// When a functor has no value.
    pub fn eval_interning(&self, view: View<'_>, symbols: &mut Symbols) -> Result<Word, Fault> {
        match self {
            Self::Apply { op, prim, args } => {
                let mut words = Vec::with_capacity(args.len());
                for a in args {
                    words.push(a.eval(view, symbols)?);
                }
                functor::apply(*op, *prim, &words, symbols)
            }
            _ => self.eval(view, symbols),
        }
    }

    /// Whether the outermost functor makes text.
    #[must_use]
    pub fn interns(&self) -> bool {
        matches!(self, Self::Apply { op, .. } if functor::interns(*op))
    }
}

fn with_args<T>(
    args: &[Expr],
    view: View<'_>,
    symbols: &Symbols,
    f: impl FnOnce(&[Word]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    match args {
        [a] => f(&[a.eval(view, symbols)?]),
        [a, b] => f(&[a.eval(view, symbols)?, b.eval(view, symbols)?]),
        _ => f(&args.iter().map(|a| a.eval(view, symbols)).collect::<Result<Vec<_>, _>>()?),
    }
}

/// A compiled comparison.
#[derive(Clone, Debug)]
pub struct Compare {
    /// Operator.
    pub op: CmpOp,
    /// Machine type of both sides.
    pub prim: Prim,
    /// Left side.
    pub left: Expr,
    /// Right side.
    pub right: Expr,
    /// Where it stands.
    pub span: Span,
}

impl Compare {
    /// Whether it holds.
    ///
    /// # Errors
    /// When a functor in it has no value.
    #[inline]
    pub fn holds(&self, view: View<'_>, symbols: &Symbols) -> Result<bool, Fault> {
        let (a, b) = (self.left.eval(view, symbols)?, self.right.eval(view, symbols)?);
        match self.op {
            CmpOp::Eq => Ok(a == b),
            CmpOp::Ne => Ok(a != b),
            op => functor::compare(op, self.prim, a, b, symbols),
        }
    }
}
