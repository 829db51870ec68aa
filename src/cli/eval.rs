//! `zhuize eval`: any program of the rule language over tables in Soufflé's conventions.

use super::setting::Setting;
use super::{Failure, form};
use crate::engine::limit::Deadline;
use crate::engine::store::{Database, Table};
use crate::engine::{self, Limit};
use crate::facts::tsv;
use crate::lang::diagnostic::Severity;
use crate::lang::overflow::Overflow;
use crate::lang::program::{Program, RelId};
use crate::proof::demand::Prover;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files of rules, evaluated together
    #[arg(required = true, value_name = "PROGRAM.dl")]
    programs: Vec<PathBuf>,
    /// Folder of `<relation>.facts`, tab-separated without header unless the `.input` directive says otherwise
    #[arg(short = 'F', long, value_name = "DIR", default_value = ".")]
    facts: PathBuf,
    /// Folder for `<relation>.csv`; `-` prints everything
    #[arg(short = 'D', long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Threads to use, 0 for all
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Take a missing file of facts as empty
    #[arg(long)]
    allow_missing: bool,
    /// What whole-number arithmetic does when a result does not fit 32 bits: `refuse` stops the run, `wrap` takes it modulo
    /// 2^32; without it the program's `.pragma "overflow"` decides, else `refuse`
    #[arg(long, value_name = "WHAT", value_parser = ["refuse", "wrap"])]
    overflow: Option<String>,
    /// Print time, rows and plan of every rule, and the indexes that were built
    #[arg(long)]
    profile: bool,
    /// Most rows that one relation may hold
    #[arg(long, value_name = "N", default_value_t = engine::Options::default().max_rows)]
    max_rows: usize,
    /// Most rounds of one recursion
    #[arg(long, value_name = "N", default_value_t = engine::Options::default().max_rounds)]
    max_rounds: usize,
    /// Most seconds that deriving may take, 0 for any number
    #[arg(long, value_name = "N", default_value_t = MOST_SECONDS)]
    max_seconds: u64,
}

/// Seconds that a program or question of somebody's own may take: one that takes longer was hardly meant so.
pub(super) const MOST_SECONDS: u64 = 3600;

/// Problems of the data that are told one by one.
const TOLD: usize = 50;

/// Runs the command.
///
/// # Errors
/// With exit code 3 for the program, 4 for the data, 5 for a limit.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let overflow = args.overflow.as_deref().and_then(Overflow::named);
    let options = crate::lang::Options { overflow, ..crate::lang::Options::default() };
    let compiled = crate::lang::compile_with(super::setting::read_programs(&args.programs)?, &options);
    let program = &compiled.program;
    let failed = compiled.has_errors();
    let told: Vec<_> = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error || !(failed || setting.quiet))
        .cloned()
        .collect();
    setting.print_diagnostics(&told, &program.files, err)?;
    if failed {
        return Err(Failure::Rules);
    }
    let printed = tsv::printed(program);
    // A program that prints nothing is evaluated whole: somebody wants to see whether it runs.
    let wanted = (!printed.is_empty()).then_some(printed);
    let options = engine::Options {
        threads: args.threads,
        max_rows: args.max_rows,
        max_rounds: args.max_rounds,
        wanted,
        max_bytes: crate::bulk::memory::bound(),
        ..engine::Options::default()
    };
    let start = Instant::now();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build();
    let pool = pool.map_err(|e| Failure::Limit(format!("E0709: no threads: {e}")))?;
    let needed = engine::needed(program, options.wanted.as_deref());
    let loaded =
        pool.install(|| tsv::load(program, &needed, &args.facts, args.allow_missing, &mut std::io::stdin().lock()));
    let database = match loaded {
        Ok(d) => d,
        Err(problems) => {
            tell(&problems, err)?;
            return Err(Failure::Data);
        }
    };
    let loading = start.elapsed();
    let options = engine::Options { until: Deadline::after(args.max_seconds), ..options };
    let asked = options.wanted.as_deref().filter(|_| !args.profile && wants_demand(program));
    let answered = asked.map(|w| by_demand(program, &database, w)).transpose().map_err(form::limit(setting))?.flatten();
    let (database, profile) = match answered {
        Some(database) => (database, None),
        None => {
            engine::evaluate(program, database, &options).map(|(d, p)| (d, Some(p))).map_err(form::limit(setting))?
        }
    };
    let start = Instant::now();
    let folder: Option<&Path> = (args.output.as_os_str() != "-").then_some(&args.output);
    // The output may be a locked stream that cannot cross threads: what is printed is gathered first.
    let mut text = Vec::new();
    pool.install(|| tsv::write(program, &database, folder, &mut text)).map_err(Failure::Output)?;
    out.write_all(&text)?;
    if let (true, Some(profile)) = (args.profile, profile) {
        let (load, write) = (loading.as_secs_f64(), start.elapsed().as_secs_f64());
        write!(err, "loading {load:.3} s\nwriting {write:.3} s\n{}", profile.table(program))?;
    }
    Ok(())
}

/// Tells problems of the data, the first of them one by one.
pub(super) fn tell(problems: &[tsv::Problem], err: &mut dyn Write) -> Result<(), Failure> {
    for p in problems.iter().take(TOLD) {
        writeln!(err, "{p}")?;
    }
    if problems.len() > TOLD {
        writeln!(err, "... and {} more", problems.len() - TOLD)?;
    }
    Ok(())
}

/// Steps by demand before the whole program is evaluated instead.
const MOST_STEPS: u64 = 4_000_000;

/// Whether the program asks for Soufflé's magic sets, which conclude only what the output needs.
fn wants_demand(program: &Program) -> bool {
    program.pragmas.iter().any(|(k, v)| k == "magic-transform" && !v.is_empty())
}

/// The printed relations, worked out by demand; `None` when the engine had better evaluate the program.
fn by_demand(program: &Program, given: &Database, printed: &[RelId]) -> Result<Option<Database>, Limit> {
    let mut prover = Prover::new(program, given.clone(), MOST_STEPS);
    let mut tables: Vec<Table> = program.relations.iter().map(|r| Table::new(r.arity())).collect();
    for rel in printed {
        let Some(table) = prover.within_steps(*rel)? else { return Ok(None) };
        tables[rel.index()] = table;
    }
    Ok(Some(Database { symbols: prover.text().clone(), tables }))
}
