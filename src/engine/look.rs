//! What the words of a column are to people and files.

use super::value::{self, Word};
use crate::lang::date;
use crate::lang::program::{Prim, Program, TypeId};

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Interned text.
    Text,
    /// Signed integer; blank for [`date::BLANK`].
    Number,
    /// Unsigned integer.
    Unsigned,
    /// Floating point.
    Float,
    /// Day number as an ISO date; blank for [`date::BLANK`].
    Date,
}

impl Look {
    /// The look of the values of a type.
    #[must_use]
    pub fn of(program: &Program, ty: TypeId) -> Self {
        let ty = &program.types[ty.index()];
        match ty.prim {
            Prim::Symbol => Self::Text,
            Prim::Number if ty.date => Self::Date,
            Prim::Number => Self::Number,
            Prim::Unsigned => Self::Unsigned,
            Prim::Float => Self::Float,
        }
    }

    /// A value that is no text as people and files see it.
    #[must_use]
    pub fn show(self, word: Word) -> String {
        match self {
            Self::Text | Self::Number => match value::to_number(word) {
                date::BLANK => String::new(),
                n => n.to_string(),
            },
            Self::Unsigned => word.to_string(),
            Self::Float => value::to_float(word).to_string(),
            Self::Date => date::iso(value::to_number(word)),
        }
    }
}
