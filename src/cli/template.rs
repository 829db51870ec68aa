//! `zhuize template`: blank tables to fill in.

use super::Failure;
use super::setting::{Setting, is_workbook};
use crate::facts::schema::Schema;
use crate::report::layout::plain;
use crate::report::staging::{Staging, whole};
use crate::report::template;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `template`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The workbook to write (FILE.xlsx: lists to choose from, notes, an example row), or a folder for CSV files with headers
    #[arg(long, short, value_name = "FILE.xlsx|DIR")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let (schema, diagnostics) = Schema::of(&book.program, &book.codes);
    if !diagnostics.is_empty() {
        setting.print_diagnostics(&diagnostics, &book.program.files, err)?;
        return Err(Failure::Rules);
    }
    // What a clerk has filled in is not written over.
    if args.output.is_file() || args.output.read_dir().is_ok_and(|mut d| d.next().is_some()) {
        let text = setting.say("E0605: 已存在，不覆盖：", "E0605: it exists and is not written over: ");
        return Err(Failure::Usage(format!("{text}{}", plain(&args.output.display().to_string()))));
    }
    if is_workbook(&args.output) {
        let bytes = template::fill_in(&book, &schema, setting.facts_lang())
            .map_err(|e| Failure::Output(std::io::Error::other(e)))?;
        whole(&args.output, &bytes)?;
    } else {
        let mut staging = Staging::new(&args.output)?;
        let mut last = String::new();
        for table in template::tables(&book, &schema) {
            last = table.file();
            staging.file(&last, |w| w.write_all(template::csv(table).as_bytes()))?;
        }
        staging.finish(&last, &[])?;
    }
    if !setting.quiet {
        let path = plain(&args.output.display().to_string());
        writeln!(out, "{} {path}", setting.say("空白表已写入", "Blank tables written to"))?;
    }
    Ok(())
}
