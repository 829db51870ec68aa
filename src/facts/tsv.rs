//! Tables in Soufflé's conventions: `R.facts` in, `R.csv` out, tab-separated, no header, as the directives of the program
//! say otherwise.
//!
//! Large files are cut at line ends; the pieces are read in parallel, each with a dictionary of its own, and
//! the dictionaries are brought together in the order of the files, so that ids do not depend on the number of threads.

mod piece;
mod places;
mod read;
mod write;

pub use places::origins;
pub use read::{Problem, load};
pub use write::{printed, write};

use crate::lang::program::{Io, Relation};

/// How a directive wants its file.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    io: String,
    file: String,
    delimiter: String,
    headers: bool,
    quoted: bool,
    columns: Option<Vec<usize>>,
}

impl Shape {
    /// Reads the parameters of a directive; a sentence about the first that makes no sense.
    fn new(relation: &Relation, io: &Io, extension: &str) -> Result<Self, String> {
        let get =
            |key: &str| io.params.iter().rev().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.as_str());
        let quoted = get("rfc4180") == Some("true");
        let delimiter = get("delimiter").unwrap_or(if quoted { "," } else { "\t" }).to_owned();
        if delimiter.is_empty() || delimiter.contains('\n') || (quoted && delimiter.contains('"')) {
            return Err(format!("{delimiter:?} cannot separate columns"));
        }
        let file = match get("filename").or(get("name").filter(|n| *n != relation.name)) {
            Some(f) => f.to_owned(),
            None => format!("{}.{extension}", relation.name),
        };
        let columns = get("columns").filter(|c| !c.is_empty()).map(|c| {
            c.split(':')
                .map(|n| n.trim().parse().map_err(|_| format!("`columns={c}` is not a list of numbers")))
                .collect()
        });
        let columns: Option<Vec<usize>> = columns.transpose()?;
        if columns.as_ref().is_some_and(|c| c.len() < relation.arity()) {
            return Err(format!("`columns` names fewer than the {} columns of the relation", relation.arity()));
        }
        let io = get("io").unwrap_or("file").to_ascii_lowercase();
        if !matches!(io.as_str(), "file" | "stdin" | "stdout" | "stdoutprintsize") {
            return Err(format!("`IO={io}` is not supported: expected file, stdin or stdout"));
        }
        Ok(Self { io, file, delimiter, headers: get("headers") == Some("true"), quoted, columns })
    }
}
