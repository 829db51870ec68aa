//! What whole-number arithmetic does when a result does not fit its 32 bits.
//!
//! The choice is made once for a program and stands in its kernel rules: a wrapping operation is a functor of its own, so
//! every evaluator, explanation and certificate sees the same operation and none has to be told the choice.

use super::ast::Pragma;
use super::codes;
use super::diagnostic::Diagnostic;
use super::program::{AggOp, Functor, Prim};

/// What happens when a result does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The run stops with a limit that names the place: never a wrong number.
    #[default]
    Refuse,
    /// The result is taken modulo 2^32, as machine words are in Soufflé.
    Wrap,
}

impl Overflow {
    /// The choice of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "refuse" => Some(Self::Refuse),
            "wrap" => Some(Self::Wrap),
            _ => None,
        }
    }
}

/// The choice that the program's `.pragma "overflow" "..."` lines make; the last one counts.
pub(crate) fn chosen(pragmas: &[Pragma], diags: &mut Vec<Diagnostic>) -> Overflow {
    let mut chosen = Overflow::default();
    for p in pragmas.iter().filter(|p| p.key == "overflow") {
        match Overflow::named(&p.value) {
            Some(o) => chosen = o,
            None => diags.push(
                Diagnostic::error(
                    codes::BAD_PARAMETER,
                    format!("`{}` is no way to treat an overflow", p.value),
                    p.span,
                )
                .help("write `.pragma \"overflow\" \"wrap\"` or `.pragma \"overflow\" \"refuse\"`"),
            ),
        }
    }
    chosen
}

impl Functor {
    /// The form that takes its result modulo 2^32, if this functor has one on that machine type.
    pub(crate) fn wrapping(self, prim: Prim) -> Self {
        if !matches!(prim, Prim::Number | Prim::Unsigned) {
            return self;
        }
        match self {
            Self::Neg => Self::WrapNeg,
            Self::Add => Self::WrapAdd,
            Self::Sub => Self::WrapSub,
            Self::Mul => Self::WrapMul,
            Self::Div => Self::WrapDiv,
            Self::Pow => Self::WrapPow,
            Self::ToNumber => Self::WrapToNumber,
            Self::ToUnsigned => Self::WrapToUnsigned,
            other => other,
        }
    }

    /// The functor as it is written, and whether its result is taken modulo 2^32.
    #[must_use]
    pub fn written(self) -> (Self, bool) {
        let checked = match self {
            Self::WrapNeg => Self::Neg,
            Self::WrapAdd => Self::Add,
            Self::WrapSub => Self::Sub,
            Self::WrapMul => Self::Mul,
            Self::WrapDiv => Self::Div,
            Self::WrapPow => Self::Pow,
            Self::WrapToNumber => Self::ToNumber,
            Self::WrapToUnsigned => Self::ToUnsigned,
            other => return (other, false),
        };
        (checked, true)
    }
}

impl AggOp {
    /// The form that takes its result modulo 2^32, if there is one.
    pub(crate) fn wrapping(self) -> Self {
        if self == Self::Sum { Self::WrapSum } else { self }
    }
}
