//! `zhuize export`: the rulebook with the facts of a casebase, for another engine.

use super::Failure;
use super::setting::{self, Question, Setting};
use crate::bulk;
use crate::report::export::{self, Refusal, clingo, souffle};
use crate::report::layout::plain;
use crate::report::staging::Staging;
use crate::report::table::Ranks;
use std::io::Write;
use std::path::PathBuf;

/// The engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// `rulebook.dl`, `<relation>.facts` and `relations.json`, for Soufflé and engines with its syntax
    Souffle,
    /// `program.lp`, `facts.lp` and `relations.json`, for clingo
    Clingo,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// The engine to write for
    #[arg(long, value_enum)]
    to: Target,
    /// The folder to write, whole or not at all
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let loaded = bulk::load(&book, &args.question.request(setting, false)?)
        .map_err(|t| setting::trouble(t, &book, setting, err))?;
    let (program, db) = (&book.program, &loaded.database);
    let ranks = Ranks::new(&db.symbols);
    let mut refused: Vec<Refusal> = Vec::new();
    let mut take = |r: Result<String, Vec<Refusal>>| r.map_err(|list| refused.extend(list)).unwrap_or_default();
    let mut files: Vec<(String, String)> = Vec::new();
    match args.to {
        Target::Souffle => {
            for rel in souffle::tables(program) {
                files.push((souffle::file_name(program, rel), take(souffle::facts(program, db, &ranks, rel))));
            }
            files.push(("rulebook.dl".to_owned(), souffle::program(program)));
        }
        Target::Clingo => {
            files.push(("facts.lp".to_owned(), take(clingo::facts(program, db, &ranks))));
            files.push(("program.lp".to_owned(), take(clingo::program(program))));
        }
    }
    files.push(("relations.json".to_owned(), format!("{:#}\n", export::relations(program))));
    if !refused.is_empty() {
        for r in &refused {
            writeln!(err, "{r}")?;
        }
        return Err(if refused.iter().all(|r| matches!(r, Refusal::Value { .. })) {
            Failure::Data
        } else {
            Failure::Rules
        });
    }
    let mut staging = Staging::new(&args.output)?;
    let last = files.last().map(|(n, _)| n.clone()).unwrap_or_default();
    for (name, text) in &files {
        staging.file(name, |w| w.write_all(text.as_bytes()))?;
    }
    staging.finish(&last, &[])?;
    if !setting.quiet {
        let folder = plain(&args.output.display().to_string());
        writeln!(out, "{} {folder}", setting.say("已写入", "Written to"))?;
    }
    Ok(())
}
