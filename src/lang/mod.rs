//! Rule text to a checked [`program::Program`]: token, parse, ast, annotate, types, check, stratify.
//!
//! Nothing in here reads files or knows any law.

pub mod date;
pub mod diagnostic;
pub mod program;
pub mod suggest;
