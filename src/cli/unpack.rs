//! `zhuize unpack`: the tables of a prepared casebase as CSV files again.

use super::Failure;
use super::setting::Setting;
use crate::base::file::Cell;
use crate::base::store::{Base, Kind};
use crate::base::{self, Trouble};
use crate::engine::value;
use crate::lang::program::{Program, RelId};
use crate::report::staging::Staging;
use crate::report::{layout, table};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `unpack`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The prepared casebase
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// The folder to write, whole or not at all: the tables of the casebase, as `run` and `pack` read them
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Write the conclusions, not the facts
    #[arg(long)]
    conclusions: bool,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    setting.must_be_base(&args.base)?;
    let base = Base::open(&args.base, &book, args.conclusions);
    let base = base.map_err(|t| setting.of_base(&t))?;
    let kind = if args.conclusions { Kind::Conclusions } else { Kind::Facts };
    let mut staging = Staging::new(&args.output)?;
    let mut last = String::new();
    for i in 0..book.program.relations.len() {
        let rel = RelId(i as u32);
        if base.kind(rel) != Some(kind) {
            continue;
        }
        let rows = lines(&book.program, &base, kind, rel).map_err(|t| setting.of_base(&t))?;
        if rows.len() > 1 || args.conclusions || book.program.rel(rel).notes.has("needed") {
            let relation = book.program.rel(rel);
            // Conclusions have the names of files that `run` gives them.
            last = if args.conclusions { table::file_name(relation) } else { format!("{}.csv", relation.name) };
            let bytes: Vec<u8> = rows.into_iter().flatten().collect();
            staging.file(&last, |w| w.write_all(&bytes))?;
        }
    }
    staging.finish(&last, &[])?;
    if !setting.quiet {
        let folder = layout::plain(&args.output.display().to_string());
        writeln!(out, "{} {folder}", setting.say("已写入", "Written to"))?;
    }
    Ok(())
}

/// The header and the lines of a table, in the order of their bytes; rows that come with the rulebook are left out.
fn lines(program: &Program, base: &Base, kind: Kind, rel: RelId) -> Result<Vec<Vec<u8>>, Trouble> {
    let columns = base::file::columns(program, program.rel(rel));
    let width = columns.len();
    let line = |fields: &mut dyn Iterator<Item = String>| -> Vec<u8> {
        let mut out = Vec::new();
        for (i, text) in fields.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            table::field(&mut out, &text);
        }
        out.push(b'\n');
        out
    };
    let mut lines = Vec::new();
    base.all(kind, rel, &mut |block, row, looks| {
        let shipped =
            kind == Kind::Facts && matches!(block.get(row, width + 2), Cell::Word(w) if value::to_number(w) > 0);
        if !shipped {
            let mut fields = (0..width).map(|c| block.get(row, c).show(looks[c]));
            lines.push(line(&mut fields));
        }
        Ok(())
    })?;
    lines.sort();
    lines.insert(0, line(&mut columns.iter().map(|c| c.name.clone())));
    Ok(lines)
}
