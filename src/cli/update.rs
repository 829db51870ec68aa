//! `zhuize update`: cases of a prepared casebase added, corrected and withdrawn.

use super::pack::summary;
use super::setting::{self, Setting};
use super::{Failure, Lang};
use crate::base::change::{self, Changes};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `update`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A case that stands in the table of cases of CHANGES is new, or given anew: all its rows are those of
CHANGES. A row of another table (people, organisations ...) is new, or replaces the row with its key. Only what depends on
the changes is worked out again, and the base is then what `pack` would make of the changed casebase; whoever is stopped
leaves it as it was."
)]
pub struct Args {
    /// The prepared casebase
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// Tables of new and corrected cases, as a casebase has them
    #[arg(value_name = "CHANGES", required_unless_present = "withdraw")]
    changes: Option<PathBuf>,
    /// A case to take away with all its rows (may be given several times)
    #[arg(long, value_name = "CASE")]
    withdraw: Vec<String>,
    /// Encoding of the tables, such as gb18030, big5, utf-16le [default: found out file by file]
    #[arg(long, value_name = "NAME", value_parser = setting::parse_encoding)]
    encoding: Option<&'static encoding_rs::Encoding>,
    /// Threads to use, 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    setting.must_be_base(&args.base)?;
    let changes = Changes {
        folder: args.changes.clone(),
        withdrawn: args.withdraw.clone(),
        encoding: args.encoding,
        threads: args.threads,
    };
    let done = change::change(&book, &args.base, &changes).map_err(|t| setting.base_or_run(t, &book, err))?;
    if !setting.quiet {
        let ((fc, fw), (cc, cw)) = (done.facts, done.conclusions);
        match setting.lang {
            Lang::Zh => writeln!(out, "事实增 {fc} 行、减 {fw} 行；结论增 {cc} 行、减 {cw} 行")?,
            Lang::En => writeln!(out, "Facts: {fc} rows came, {fw} went; conclusions: {cc} came, {cw} went")?,
        }
        writeln!(out, "{}", summary(&done.manifest, &args.base, setting))?;
    }
    Ok(())
}
