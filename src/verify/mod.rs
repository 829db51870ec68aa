//! Checks a certificate of a derivation without trusting what made it.
//!
//! This room imports `lang` only: the program with its rules in kernel form is all that it shares with the rooms that
//! derive and explain. Terms, comparisons, aggregates, joins and recursion are worked out here once more.
//!
//! What a verdict without problems guarantees, provided that this room and `lang` are right:
//!
//! 1. Without a casebase: in the program taken over exactly the facts listed (and the facts of its own text), every claim
//!    holds. Each step is an instance of a rule of the program whose literals hold; premises of negated literals and rows of
//!    aggregates are computed over the listed facts by the evaluator of this room, and never taken from the certificate.
//! 2. With a casebase: the same over the whole casebase. Each listed fact stands in it, and every pattern of a negated
//!    literal, every group of an aggregate and every claimed absence is computed again over all its rows. A fact that was left
//!    out and matters changes one of these; a fact left out that changes none cannot change the conclusion, because what
//!    follows positively stays when facts are added.
//! 3. Where the certificate names its question: every claim is an answer of it. With a casebase the answers are counted, so that
//!    those left out are as many as it says; the report says whether that could be done.
//!
//! Terms without a value (overflow, a text that is no number) never count as a comparison that fails: where one is met while
//! everything else of a rule holds, the certificate is refused. So are certificates that rest on `ord`.

mod check;
mod complete;
mod problem;
mod read;
mod solve;
mod store;
mod term;
mod tree;

pub use check::Report;
pub use complete::show;
pub use problem::{Both, Kind, Problem};
pub use read::{Certificate, Claim, FORMAT, Fact, Given, Premise, Question, RuleRef, Slot, Step, VERSION};
pub use store::{Cell, Store, float};

use crate::lang::program::Program;

/// How much work is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most steps of the evaluator, for the facts listed and for the casebase each.
    pub most_steps: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_steps: 200_000_000 }
    }
}

/// Reads a certificate without checking what it says.
#[must_use]
pub fn read(program: &Program, text: &str) -> (Certificate, Vec<Problem>) {
    read::read(program, text)
}

/// Checks a certificate against a program and, if given, against all rows of a casebase. All problems are found in one
/// pass; over the casebase nothing is computed while the certificate is wrong by itself.
#[must_use]
pub fn verify(program: &Program, text: &str, base: Option<&mut Store>, options: &Options) -> Report {
    let (certificate, problems) = read::read(program, text);
    check::check(program, &certificate, problems, base, options)
}
