//! The rulebook as one Soufflé program, and its facts as tab-separated files.

use super::{Refusal, inputs, plain};
use crate::engine::store::Database;
use crate::lang::program::{Prim, Program, RelId};
use crate::report::table::{Ranks, looks};

/// The program: all files in order, our annotations as the comments that they are.
#[must_use]
pub fn program(program: &Program) -> String {
    let mut out = String::from(
        "// A rulebook exported by zhuize. Dates are day numbers (0 = 1970-01-01); -1000000 stands for a blank date or number.\n\
         // souffle -F . -D OUT rulebook.dl   writes every conclusion as OUT/<relation>.csv, tab-separated, without header.\n",
    );
    for f in &program.files {
        out.push_str(&format!("\n// ---- {}\n{}", f.name, f.text));
        if !f.text.ends_with('\n') {
            out.push('\n');
        }
    }
    let more: Vec<&str> = inputs(program).filter(|(_, r)| r.inputs.is_empty()).map(|(_, r)| r.name.as_str()).collect();
    if !more.is_empty() {
        out.push_str(&format!(
            "\n// ---- tables that other rules do not read from files\n.input {}\n",
            more.join(", ")
        ));
    }
    out
}

/// Name of the file from which Soufflé reads a relation.
#[must_use]
pub fn file_name(program: &Program, rel: RelId) -> String {
    let r = program.rel(rel);
    let named = r.inputs.iter().flat_map(|i| &i.params).find(|(k, _)| k == "filename");
    named.map_or_else(|| format!("{}.facts", r.name), |(_, v)| v.clone())
}

/// Relations that the program reads from files.
#[must_use]
pub fn tables(program: &Program) -> Vec<RelId> {
    inputs(program).map(|(i, _)| i).collect()
}

/// The rows of a relation, sorted, one a line. Soufflé knows no escape: text with a tab or a line break is refused.
///
/// # Errors
/// Every value that cannot be written.
pub fn facts(program: &Program, db: &Database, ranks: &Ranks, rel: RelId) -> Result<String, Vec<Refusal>> {
    let (relation, table) = (program.rel(rel), db.table(rel));
    let (mut out, mut refused) = (String::new(), Vec::new());
    for (n, index) in ranks.order(table, &looks(program, relation)).into_iter().enumerate() {
        let row = table.row(index as usize);
        for (i, c) in relation.columns.iter().enumerate() {
            let text = plain(c.prim, row[i], db);
            if c.prim == Prim::Symbol && text.contains(['\t', '\n', '\r']) {
                refused.push(Refusal::Value {
                    table: relation.name.clone(),
                    row: n + 1,
                    column: c.name.clone(),
                    value: text.clone(),
                    why: "holds a tab or a line break, which a file of facts cannot",
                });
            }
            if i > 0 {
                out.push('\t');
            }
            out.push_str(&text);
        }
        out.push('\n');
    }
    if refused.is_empty() { Ok(out) } else { Err(refused) }
}
