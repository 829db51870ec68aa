//! `zhuize run`: every conclusion of a casebase.

use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk::patterns::Wanted;
use crate::bulk::{self, How, Run, Stage};
use crate::lang::program::Program;
use crate::report::manifest::{self, Form, Manifest};
use crate::report::results::{Results, Scribe, Tables};
use crate::report::staging::{Staging, Written, whole};
use crate::report::summary::{self, Tally};
use crate::report::{layout, rejected, xlsx};
use crate::rulebook::Rulebook;
use std::cell::OnceCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// Write every conclusion as DIR/RELATION.csv, and DIR/manifest.json; or everything into one workbook FILE.xlsx
    #[arg(long, short, value_name = "DIR|FILE.xlsx")]
    output: Option<PathBuf>,
    /// Write DIR/results.xlsx as well: a sheet for each relation, for people
    #[arg(long)]
    xlsx: bool,
    /// Write the tables as DIR/RELATION.parquet instead of CSV: text, numbers and days with their types, blanks as nulls
    #[arg(long, conflicts_with = "safe_csv")]
    parquet: bool,
    /// Put an apostrophe before text in CSV that begins with = + - @, a tab or CR, so that spreadsheet programs run no formula
    /// (other programs then read the apostrophe too; workbooks never hold formulas)
    #[arg(long)]
    safe_csv: bool,
    /// Write DIR/patterns.csv as well, the table of proof skeletons of the final states
    #[arg(long)]
    patterns: bool,
    /// Derive in N pieces; by the size of the casebase if 0. The results are the same
    #[arg(long, value_name = "N", default_value_t = 0)]
    shards: usize,
    /// Print time, rows and plan of every rule
    #[arg(long)]
    profile: bool,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    if args.question.choice.skip_bad_rows && args.output.is_none() {
        return Err(Failure::Usage(
            setting
                .say(
                    "E0602: --skip-bad-rows 须与 -o DIR 同用，被略过的行写入 DIR/rejected.csv",
                    "E0602: --skip-bad-rows needs -o DIR: the rows left out are written to DIR/rejected.csv",
                )
                .to_owned(),
        ));
    }
    if args.output.is_none() && (args.xlsx || args.safe_csv || args.parquet) {
        let text = setting.say(
            "E0602: --xlsx、--parquet、--safe-csv 须与 -o 同用",
            "E0602: --xlsx, --parquet and --safe-csv need -o",
        );
        return Err(Failure::Usage(text.to_owned()));
    }
    let book = setting.rulebook(err)?;
    let request = args.question.request(setting, false)?;
    let progress = Progress::new(setting);
    let to_workbook = args.output.as_deref().is_some_and(setting::is_workbook);
    let folder = args.output.as_deref().filter(|_| !to_workbook);
    let form = Form { safe_csv: args.safe_csv, patterns: args.patterns, parquet: args.parquet, workbook: None };
    let tables = if folder.is_some() { form.tables() } else { Tables::None };
    let scribe = Scribe::new(&book.program, tables);
    let mut results = Results::new(&scribe, folder.map(Staging::new).transpose()?);
    let put = |piece: &bulk::Piece<'_>| scribe.lines(piece);
    // A workbook needs all conclusions at once.
    let shards = if to_workbook || args.xlsx { 1 } else { args.shards };
    let how = How { shards, patterns: if args.patterns { wanted(&book.program) } else { None } };
    let watch = |stage| progress.stage(stage, setting);
    let run = bulk::stream(&book, &request, &how, watch, &put, |lines| results.take(lines));
    let run = match run {
        Ok(run) => run,
        Err(trouble) => {
            progress.end();
            return Err(setting::trouble(trouble, &book, setting, err));
        }
    };
    progress.say(setting.say("写出结果", "writing"));
    let workbook = || {
        xlsx::results(&book, &run, request.as_of, setting.facts_lang())
            .map_err(|e| Failure::Output(std::io::Error::other(e)))
    };
    let (files, tally) = results.finish(&run)?;
    if let Some((mut staging, written)) = files {
        let extra = if args.xlsx { Some(workbook()?) } else { None };
        let language = extra.as_ref().map(|_| setting.say("zh", "en").to_owned());
        let form = Form { workbook: language, ..form };
        let more = Further { workbook: extra, form };
        fill(&book, &request, &run, &mut staging, written, more)?;
        setting.kept()?;
        finish(staging, &book.program, tables)?;
    } else if let Some(file) = &args.output {
        whole(file, &workbook()?)?;
    }
    progress.end();
    if !setting.quiet {
        if !run.loaded.warnings.is_empty() {
            write!(err, "{}", run.loaded.warnings.render(setting.facts_lang()))?;
        }
        print_summary(&book, &request, (&run, &tally), args, setting, out)?;
    }
    if args.profile {
        let (load, evaluate, skeletons) = run.times;
        let seconds = [load, evaluate, skeletons].map(|t| t.as_secs_f64());
        writeln!(out, "loading {:.3} s, deriving {:.3} s, patterns {:.3} s", seconds[0], seconds[1], seconds[2])?;
        write!(out, "{}", run.profile.table(&book.program))?;
    }
    Ok(())
}

/// The patterns of the verdicts.
pub(super) fn wanted(program: &Program) -> Option<Wanted> {
    let (rel, keys) = summary::verdict(program)?;
    Some(Wanted { rel, entity: keys[0], keep: None })
}

/// What is written beside the tables, and how.
pub(super) struct Further {
    pub workbook: Option<Vec<u8>>,
    pub form: Form,
}

/// Files that a run writes only sometimes.
const SOMETIMES: [&str; 4] = ["rejected.csv", "spellings.csv", "results.xlsx", "patterns.csv"];

/// Puts all outputs in place.
pub(super) fn finish(staging: Staging, program: &Program, tables: Tables) -> Result<(), Failure> {
    let others = tables.others(program);
    let stale: Vec<&str> = SOMETIMES.into_iter().chain(others.iter().map(String::as_str)).collect();
    Ok(staging.finish("manifest.json", &stale)?)
}

/// Writes what stands beside the tables, and gives the manifest.
pub(super) fn fill(
    book: &Rulebook,
    request: &bulk::Request,
    run: &Run,
    staging: &mut Staging,
    mut written: Vec<(Written, usize)>,
    more: Further,
) -> Result<Manifest, Failure> {
    if !run.loaded.rejected.is_empty() {
        let rows = run.loaded.rejected.len();
        written.push((staging.file("rejected.csv", |w| rejected::write(&run.loaded.rejected, w))?, rows));
    }
    if !run.loaded.spellings.is_empty() {
        let list = &run.loaded.spellings;
        written.push((staging.file("spellings.csv", |w| rejected::write_spellings(list, w))?, list.len()));
    }
    if let Some(bytes) = &more.workbook {
        written.push((staging.file("results.xlsx", |w| w.write_all(bytes))?, 0));
    }
    if let Some((rel, found)) = &run.patterns {
        let file = staging.file("patterns.csv", |w| crate::report::patterns::csv(book, *rel, found, w))?;
        written.push((file, found.len()));
    }
    let manifest = manifest::manifest(book, request, more.form, run, &written);
    staging.file("manifest.json", |w| w.write_all(manifest.text().as_bytes()))?;
    Ok(manifest)
}

fn print_summary(
    book: &Rulebook,
    request: &bulk::Request,
    (run, tally): (&Run, &Tally),
    args: &Args,
    setting: &Setting,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let zh = setting.lang == Lang::Zh;
    let given: Vec<_> = run.loaded.inventory.iter().filter(|f| !f.shipped).collect();
    let rows: usize = given.iter().map(|f| f.rows).sum();
    let day = crate::lang::date::iso(request.as_of);
    let folder = layout::plain(&request.facts.display().to_string());
    if zh {
        writeln!(out, "案件库 {folder}：{} 张表，{rows} 行；基准日 {day}", given.len())?;
    } else {
        writeln!(out, "Casebase {folder}: {} tables, {rows} rows; as of {day}", given.len())?;
    }
    if !run.loaded.rejected.is_empty() {
        let n = run.loaded.rejected.len();
        if zh {
            writeln!(out, "略过有错的行 {n} 行，见 rejected.csv")?;
        } else {
            writeln!(out, "{n} rows with defects were left out: see rejected.csv")?;
        }
    }
    let blocks = tally.blocks(&book.program, &book.codes);
    let marked = tally.marked();
    for b in &blocks {
        let title = book.codes.find("instrument", &b.group).map_or("", |c| if zh { &c.zh } else { &c.en });
        let mark = if marked.contains(&b.group) {
            setting.say("  [含假设性结论]", "  [hypothetical conclusions]")
        } else {
            ""
        };
        writeln!(out, "\n{}  {title}{mark}", b.group)?;
        let labels = b.lines.iter().flat_map(|l| {
            let own = layout::width(if zh { &l.zh } else { &l.en }) + 2;
            let parts = l.split.iter().flatten().map(|(_, z, e, _)| layout::width(if zh { z } else { e }) + 4);
            parts.chain([own]).collect::<Vec<_>>()
        });
        let width = labels.max().unwrap_or(0).max(34);
        for l in &b.lines {
            let label = if zh { &l.zh } else { &l.en };
            writeln!(out, "  {}{:>8}", layout::pad(label, width), l.total)?;
            for (_, z, e, n) in l.split.iter().flatten() {
                writeln!(out, "    {}{n:>8}", layout::pad(if zh { z } else { e }, width - 2))?;
            }
        }
    }
    if let Some((case, person, instrument)) = tally.example() {
        let facts = request.facts.display();
        let mut line = format!("zhuize why {facts} --case {case} --person {person} --instrument {instrument}");
        if let Some(d) = args.question.choice.as_of {
            line.push_str(&format!(" --as-of {}", crate::lang::date::iso(d)));
        }
        writeln!(out, "\n{}\n  {}", setting.say("问一句为什么：", "Ask why:"), layout::plain(&line))?;
    }
    if let Some(dir) = &args.output {
        writeln!(
            out,
            "{} {}",
            setting.say("结果写入", "Results written to"),
            layout::plain(&dir.display().to_string())
        )?;
    }
    Ok(())
}

/// A spinner on a terminal; nothing elsewhere.
pub(super) struct Progress {
    bar: Option<indicatif::ProgressBar>,
    first: OnceCell<Instant>,
}

impl Progress {
    pub(super) fn new(setting: &Setting) -> Self {
        let show = !setting.quiet && std::io::stderr().is_terminal();
        let bar = show.then(|| {
            let bar = indicatif::ProgressBar::new_spinner();
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            bar
        });
        Self { bar, first: OnceCell::new() }
    }

    fn say(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{text} {:.0?}", bar.elapsed()));
        }
    }

    pub(super) fn stage(&self, stage: Stage, setting: &Setting) {
        self.say(match stage {
            Stage::Load => setting.say("读取并核对数据", "reading and checking the tables"),
            Stage::Evaluate => setting.say("推导结论", "deriving"),
            Stage::Check => setting.say("核对矛盾", "looking for contradictions"),
            Stage::Piece { done, of } => return self.piece(done, of, setting),
        });
    }

    /// How much of the deriving is done, and how long the rest takes.
    fn piece(&self, done: usize, of: usize, setting: &Setting) {
        let Some(bar) = &self.bar else { return };
        let start = *self.first.get_or_init(Instant::now);
        let rest = start.elapsed().mul_f64(of.saturating_sub(done) as f64 / done.max(1) as f64);
        let share = 100 * done / of.max(done).max(1);
        let (text, left) = (setting.say("推导结论", "deriving"), setting.say("约剩", "left about"));
        bar.set_message(format!("{text} {share} % · {left} {rest:.0?} · {:.0?}", bar.elapsed()));
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
