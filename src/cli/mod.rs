//! Arguments to commands, one file each.
//!
//! Exit codes: 0 done; 1 negative finding (a check failed); 2 usage; 3 rulebook error; 4 data error; 5 internal error or
//! limit. A broken pipe is not an error, and a message that nobody can read changes nothing.

mod check;
mod contrast;
mod coverage;
mod eval;
mod export;
mod failure;
mod form;
mod ground;
mod guard;
mod import;
mod least_change;
mod pack;
mod patterns;
mod query;
mod rerun;
mod rules;
mod run;
mod setting;
#[cfg(unix)]
mod signals;
mod stats;
mod template;
mod unpack;
mod update;
mod verify;
mod what_if;
mod why;
mod why_not;

pub use failure::Failure;
pub use guard::Guard;

use clap::{Parser, Subcommand, ValueEnum};
use setting::Setting;
use std::cell::OnceCell;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// Language of what people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// Who answers for a lost or wrong administrative case, under which provision, and why.
#[derive(Debug, Parser)]
#[command(name = "zhuize", version, about, long_about = None, propagate_version = true, max_term_width = 110)]
struct Cli {
    /// Language of what people read [default: from LC_ALL, LC_MESSAGES, LANG]
    #[arg(long, global = true, value_enum)]
    lang: Option<Lang>,
    /// Folder of rulebooks to use in place of the built-in ones
    #[arg(long, global = true, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// A further instrument folder to use beside the rulebooks (may be given several times)
    #[arg(long = "with", global = true, value_name = "DIR")]
    with: Vec<PathBuf>,
    /// Most memory to use, such as 512M or 8G: kept, or clearly refused
    #[arg(long, global = true, value_name = "LIMIT", value_parser = setting::parse_memory)]
    memory: Option<u64>,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Evaluate any program of the rule language over tables in Soufflé's conventions
    Eval(eval::Args),
    /// Derive every conclusion of a casebase, print a summary and write the tables
    Run(run::Args),
    /// Prepare a casebase so that questions read only what they need of it
    Pack(pack::Args),
    /// Add, correct and withdraw cases of a prepared casebase
    Update(update::Args),
    /// Write the tables of a prepared casebase as CSV files again
    Unpack(unpack::Args),
    /// Run again what a manifest records, and say precisely what differs
    Rerun(rerun::Args),
    /// Explain one conclusion: why it holds, or why it does not
    Why(why::Args),
    /// Say what a conclusion lacks; with open places, what came nearest
    WhyNot(why_not::Args),
    /// Say which conclusions come and go if facts, readings or the date were otherwise
    WhatIf(what_if::Args),
    /// Say why one conclusion and not another; find the nearest case that ended otherwise
    Contrast(contrast::Args),
    /// Count the skeletons of all proofs of final states; list the conclusions of one
    Patterns(patterns::Args),
    /// Find the least that would have made a conclusion follow, or not follow
    LeastChange(least_change::Args),
    /// Ask an ad hoc question over facts and conclusions: rows, counts, sums
    Query(query::Args),
    /// Count what every analyst asks first: states, units, years, provisions, deadlines, repeated persons
    Stats(stats::Args),
    /// Check a certificate that `why --certificate` wrote, with an evaluator of its own
    Verify(verify::Args),
    /// Check the rulebooks and, if given, a casebase
    Check(check::Args),
    /// Write the rulebook with the facts of a casebase for another engine
    Export(export::Args),
    /// List the instruments, or show what stands behind a provision
    Rules(rules::Args),
    /// Foreign tables to tables of a casebase, as a mapping says
    Import(import::Args),
    /// Blank tables to fill in: a workbook with lists and notes, or CSV files
    Template(template::Args),
    /// Provision by provision: status, rules, golden cases, conclusions; fails on what is missing
    Coverage(coverage::Args),
}

fn locale() -> Lang {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|k| std::env::var(k).ok().filter(|v| !v.is_empty()));
    if set.is_some_and(|v| v.to_ascii_lowercase().starts_with("zh")) { Lang::Zh } else { Lang::En }
}

/// Runs the command line of this process. What is broken inside ends with a message and exit code 5, like a limit, after
/// everything half-written was taken away.
pub fn process() -> u8 {
    let args: Vec<OsString> = std::env::args_os().collect();
    std::panic::set_hook(Box::new(|broken| {
        if crate::facts::guarded() {
            return;
        }
        let text = broken.payload().downcast_ref::<&str>().copied();
        let what = text.or_else(|| broken.payload().downcast_ref::<String>().map(String::as_str)).unwrap_or("?");
        let place = broken.location().map_or_else(String::new, |l| format!(" ({}:{})", l.file(), l.line()));
        let _ = writeln!(Guard::stderr(), "E0719: internal error: {what}{place}");
    }));
    #[cfg(unix)]
    signals::listen();
    let run = || {
        let (mut out, mut err) = (Guard::stdout(), Guard::stderr());
        let code = main(&args, &mut out, &mut err);
        // What is left of a message is not worth another exit code.
        let _ = err.flush();
        code
    };
    std::panic::catch_unwind(run).unwrap_or(5)
}

/// Runs the command line `args` (program name first) and returns the exit code.
pub fn main(args: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            let usage = e.use_stderr();
            let text = e.render();
            let _ = if usage { write!(err, "{text}") } else { write!(out, "{text}") };
            return if usage { 2 } else { 0 };
        }
    };
    let lang = cli.lang.unwrap_or_else(locale);
    let base = OnceCell::new();
    let setting = Setting { lang, rules: cli.rules, with: cli.with, quiet: cli.quiet, memory: cli.memory, base };
    let result = match cli.command {
        Command::Eval(a) => eval::run(&a, &setting, out, err),
        Command::Run(a) => run::run(&a, &setting, out, err),
        Command::Pack(a) => pack::run(&a, &setting, out, err),
        Command::Update(a) => update::run(&a, &setting, out, err),
        Command::Unpack(a) => unpack::run(&a, &setting, out, err),
        Command::Rerun(a) => rerun::run(&a, &setting, out, err),
        Command::Why(a) => setting.settled(out, err, |out, err| why::run(&a, &setting, out, err)),
        Command::WhatIf(a) => setting.settled(out, err, |out, err| what_if::run(&a, &setting, out, err)),
        Command::Contrast(a) => setting.settled(out, err, |out, err| contrast::run(&a, &setting, out, err)),
        Command::Patterns(a) => patterns::run(&a, &setting, out, err),
        Command::LeastChange(a) => setting.settled(out, err, |out, err| least_change::run(&a, &setting, out, err)),
        Command::WhyNot(a) => setting.settled(out, err, |out, err| why_not::run(&a, &setting, out, err)),
        Command::Query(a) => setting.settled(out, err, |out, err| query::run(&a, &setting, out, err)),
        Command::Stats(a) => setting.settled(out, err, |out, err| stats::run(&a, &setting, out, err)),
        Command::Verify(a) => verify::run(&a, &setting, out, err),
        Command::Check(a) => check::run(&a, &setting, out, err),
        Command::Export(a) => export::run(&a, &setting, out, err),
        Command::Rules(a) => rules::run(&a, &setting, out, err),
        Command::Import(a) => import::run(&a, &setting, out, err),
        Command::Template(a) => template::run(&a, &setting, out, err),
        Command::Coverage(a) => coverage::run(&a, &setting, out, err),
    };
    let result = result.and_then(|()| Ok(out.flush()?));
    match result {
        Ok(()) => 0,
        Err(Failure::Output(e)) if e.kind() == ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            if let Some(text) = failure.text() {
                let _ = writeln!(err, "{text}");
            }
            failure.code()
        }
    }
}
