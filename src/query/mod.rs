//! Ad hoc questions over the facts and conclusions of a casebase.
//!
//! A question is a line of parts, separated by `,` or `|` (both may be left out before a word such as `count` or `order`):
//!
//! ```text
//! parent(X,Y), !parent(Y,_)                    rows: atoms; negated atoms; `_` is anything; capitals are variables
//! people(name=N, born=D), D >= 1990-01-01      columns by name, the others open; days are written as days
//! N != "x", X = D + 30, Y = year(D)            = != < <= > >= and arithmetic; year, month of a day
//! match("a.*", N), !contains("b", N)           text against a regular expression, or a part of it
//! C in (red, green)                            one of several values; codes stand bare, or by their label
//! count by C | count N by C, Y                 the number of answers, or of different values of N, for each C ...
//! sum A by C | min D | max D | avg A           ... of the values of A; blanks are left out; several in one question
//! count > 1                                    what an aggregate must fulfil
//! show C, N                                    columns and their order; the same row is shown once
//! order by count desc, C | limit 20            order (else by all columns from left to right) and the first so many
//! ```
//!
//! Rows that rest on a row qualified by a relation annotated `mark NAME` bear a further column of that name.
//!
//! The answers are the different values of the variables of the atoms together: a place that does not matter is `_`. A blank
//! is neither before nor after anything, and in no year; `""` asks for it. Full-width signs are read as plain ones.
//!
//! [`read`] takes the text apart, [`rules`] turns it into clauses of the rule language behind the rulebook's own, in which
//! `lang` checks it: its findings point into the question. [`answer`] evaluates it, by demand where the question names
//! something, else with the engine, as far as the question needs.

pub mod answer;
mod build;
mod expr;
pub mod question;
pub mod read;
pub mod rules;
mod settle;
mod sheet;
mod write;

pub use answer::{Answer, Marked, Mode};
pub use question::{Aggregate, Pick, Question};
pub use rules::{Asked, ColumnOf, Compiled, MarkOf, compile};
pub use settle::list as list_of;

/// Stable codes of what can be wrong with a question.
pub mod codes {
    /// Something else was expected here.
    pub const SYNTAX: &str = "E0630";
    /// A relation that does not exist.
    pub const RELATION: &str = "E0631";
    /// A wrong number of arguments, or a column that does not exist.
    pub const COLUMNS: &str = "E0632";
    /// A value of the wrong kind.
    pub const VALUE: &str = "E0633";
    /// A code that its list does not have.
    pub const CODE: &str = "E0634";
    /// A variable or aggregate that the question does not have.
    pub const NAME: &str = "E0635";
    /// An aggregate over values that it cannot take.
    pub const AGGREGATE: &str = "E0636";
    /// Parts that do not go together.
    pub const CLASH: &str = "E0637";
}
