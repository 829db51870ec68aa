//! A rulebook with the facts of a casebase, for other engines: their answers can be compared with ours, tuple for tuple.

pub mod clingo;
pub mod souffle;

use crate::engine::store::Database;
use crate::engine::value;
use crate::lang::program::{Prim, Program, RelId, Relation};
use crate::report::table::{Look, file_name, looks};
use serde_json::{Value, json};

/// What cannot be said in the language of the other engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A value of a given fact.
    #[error("E0605: {table}, row {row}, column {column}: {value:?} {why}")]
    Value {
        /// The relation.
        table: String,
        /// Row, from 1, in the order of the export.
        row: usize,
        /// The column.
        column: String,
        /// The text.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A construct of the program.
    #[error("E0606: {place}: {what}")]
    Construct {
        /// File and line.
        place: String,
        /// The construct.
        what: String,
    },
}

/// Whether rows of a relation are given from outside.
fn given(r: &Relation) -> bool {
    !r.inputs.is_empty() || r.notes.has("input") || r.notes.has("dimension")
}

/// Relations whose rows are given from outside.
fn inputs(program: &Program) -> impl Iterator<Item = (RelId, &Relation)> {
    program.relations.iter().enumerate().filter(|(_, r)| given(r)).map(|(i, r)| (RelId(i as u32), r))
}

/// A value as both languages write it, symbols bare.
fn plain(prim: Prim, word: u32, db: &Database) -> String {
    match prim {
        Prim::Symbol => db.symbols.resolve(word).to_owned(),
        Prim::Number => value::to_number(word).to_string(),
        Prim::Unsigned => word.to_string(),
        Prim::Float => value::to_float(word).to_string(),
    }
}

/// What a reader of the other engine's answer must know: for each output its predicate (for clingo), the file that
/// `zhuize run -o` writes, and its columns with their form (`text`, `number`, `unsigned`, `date`).
#[must_use]
pub fn relations(program: &Program) -> Value {
    let form = |l: &Look| match l {
        Look::Text => "text",
        Look::Number => "number",
        Look::Unsigned => "unsigned",
        Look::Float => "float",
        Look::Date => "date",
    };
    let one = |(i, r): (usize, &Relation)| {
        let columns: Vec<Value> =
            r.columns.iter().zip(looks(program, r)).map(|(c, l)| json!({"name": c.name, "form": form(&l)})).collect();
        json!({"relation": r.name, "predicate": clingo::predicate(program, RelId(i as u32)), "file": file_name(r), "columns": columns})
    };
    let list = program.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty()).map(one);
    json!({"format": 1, "outputs": list.collect::<Vec<_>>()})
}
