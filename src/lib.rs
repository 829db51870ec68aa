//! zhuize (追责): who answers for a lost or wrong administrative case, under which provision, and why.
//!
//! The folders are the rooms of the house, in the order in which a fact travels:
//!
//! | room | turns | into |
//! |---|---|---|
//! | [`lang`] | `.dl` text | a checked [`lang::program::Program`] |
//! | [`engine`] | program + facts | all conclusions ([`engine::store::Database`]) |
//! | [`proof`] | one conclusion | why, why not (a petgraph graph) |
//! | [`rulebook`] | a `rules/` folder | program, vocabulary, outline, phrases |
//! | [`facts`] | tables of a casebase | facts, with their origin |
//! | [`bulk`] | many cases | a run: load, evaluate, write |
//! | [`query`] | an ad hoc question | rules behind the rulebook's, rows |
//! | [`report`] | plain results | text, CSV, JSON, DOT, SVG |
//! | [`verify`] | a certificate | a verdict, by an evaluator of its own |
//! | [`cli`] | arguments | one file per command |
//!
//! Imports go one way; `ARCHITECTURE.md` has the table and a test holds it.

pub mod base;
pub mod bulk;
pub mod cli;
pub mod engine;
pub mod facts;
pub mod lang;
pub mod proof;
pub mod query;
pub mod report;
pub mod rulebook;
pub mod verify;
