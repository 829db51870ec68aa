//! What a question consists of.

use super::expr::{Expr, Piece};
use crate::lang::program::AggOp;
use std::ops::Range;

/// A word and where it stands in the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its place.
    pub at: Range<usize>,
}

/// What stands in a column of an atom.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Anything.
    Open,
    /// A variable.
    Variable(String),
    /// A value as typed, and whether in quotes.
    Value(String, bool),
}

/// An argument of an atom.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The column, if named.
    pub column: Option<Word>,
    /// What stands there.
    pub what: What,
    /// Its place.
    pub at: Range<usize>,
}

/// Aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Count,
    Sum,
    Min,
    Max,
    Avg,
}

impl Op {
    /// The aggregate of that word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" | "mean" => Self::Avg,
            _ => return None,
        })
    }

    /// The same in the rule language.
    #[must_use]
    pub fn aggregate(self) -> AggOp {
        match self {
            Self::Count => AggOp::Count,
            Self::Sum => AggOp::Sum,
            Self::Min => AggOp::Min,
            Self::Max => AggOp::Max,
            Self::Avg => AggOp::Mean,
        }
    }

    /// The word of the surface.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
        }
    }
}

/// An aggregate: operator and variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub op: Op,
    /// The variable; `count` may do without.
    pub of: Option<String>,
    /// Its place.
    pub at: Range<usize>,
}

impl Aggregate {
    /// As a column is called after it: `count`, `sum N`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.of {
            Some(v) => format!("{} {v}", self.op.word()),
            None => self.op.word().to_owned(),
        }
    }
}

/// A column of the result, as `show` and `order by` name it.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// A variable.
    Variable(Word),
    /// An aggregate.
    Aggregate(Aggregate),
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Part {
    Atom { negated: bool, name: Word, args: Vec<Argument>, at: Range<usize> },
    Compare { left: Expr, op: &'static str, right: Expr },
    Test { negated: bool, word: &'static str, args: Vec<Expr> },
    OneOf { negated: bool, variable: Word, values: Vec<(Piece, Range<usize>)> },
    Having { of: Aggregate, op: &'static str, right: Expr },
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// Conditions.
    pub parts: Vec<Part>,
    /// Aggregates.
    pub aggregates: Vec<Aggregate>,
    /// Variables of `by`.
    pub by: Vec<Word>,
    /// Columns of `show`; all if empty.
    pub show: Vec<Pick>,
    /// Columns of `order by`, and whether falling.
    pub order: Vec<(Pick, bool)>,
    /// Most rows.
    pub limit: Option<usize>,
}
