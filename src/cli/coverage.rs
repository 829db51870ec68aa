//! `zhuize coverage`: article by article, what the rulebooks do about it; what is missing or contradicts itself.

use super::check::Format;
use super::rules::{golden, status_word};
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk::{self, Run};
use crate::lang::diagnostic::{Diagnostic, Severity};
use crate::lang::render::Render;
use crate::report::layout::pad;
use crate::rulebook::coverage::Golden;
use crate::rulebook::statute::{Difference, Statutes};
use crate::rulebook::{Rulebook, Unit};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `coverage`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A casebase: how many conclusions rest on each provision
    facts: Option<PathBuf>,
    /// The day on which its questions are asked, YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE", value_parser = setting::parse_date, requires = "facts")]
    as_of: Option<i32>,
    /// Folder of the plain texts of the instruments: their articles and items are compared with the outline
    #[arg(long, value_name = "DIR")]
    statutes: Option<PathBuf>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Errors of a rulebook that are findings of this command: a rule without a cite, a cite without an article.
const CITES: [&str; 3] = ["E0414", "E0415", "E0416"];

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let loaded = Rulebook::load(&setting.rule_tree()?);
    let errors: Vec<Diagnostic> = loaded.diagnostics.into_iter().filter(|d| d.severity == Severity::Error).collect();
    let Some(book) = loaded.rulebook else {
        if args.format == Format::Json {
            let findings = Render::new(&loaded.files).all_json(&errors);
            writeln!(out, "{:#}", json!({"format": 1, "findings": findings}))?;
        } else {
            setting.print_diagnostics(&errors, &loaded.files, err)?;
        }
        return Err(if errors.iter().all(|d| CITES.contains(&d.code)) { Failure::Negative } else { Failure::Rules });
    };
    let golden = golden(&book, setting, err)?;
    let firings = match &args.facts {
        None => None,
        Some(facts) => Some(fired(&book, facts, args.as_of, setting, err)?),
    };
    let statutes = args.statutes.as_ref().map(|d| Statutes::read(d, &book)).transpose();
    let statutes = statutes.map_err(|e| Failure::Usage(format!("E0604: {e}")))?;
    let differences = statutes.as_ref().map_or_else(Vec::new, |s| s.differences(&book));
    let without: Vec<&String> = statutes
        .as_ref()
        .map_or_else(Vec::new, |s| book.outline.instruments.keys().filter(|i| !s.texts.contains_key(*i)).collect());
    let findings = book.lint(golden.as_ref());
    let table = Table { book: &book, golden: golden.as_ref(), firings: firings.as_ref() };
    match args.format {
        Format::Json => {
            let view = json!({
                "format": 1,
                "provisions": table.json(),
                "findings": Render::new(&book.program.files).all_json(&findings),
                "statutes": differences.iter().map(difference_json).collect::<Vec<_>>(),
                "statutes_without_text": without,
            });
            writeln!(out, "{view:#}")?;
        }
        Format::Text => {
            table.text(setting, out)?;
            for d in &differences {
                writeln!(err, "{}", difference_text(d, setting))?;
            }
            for i in &without {
                writeln!(
                    err,
                    "W0404: {i}{}",
                    setting.say("：该文件夹中没有它的文本", ": the folder holds no text of it")
                )?;
            }
            if let Some(s) = statutes.as_ref().filter(|_| differences.is_empty()) {
                let n: usize = s.texts.values().map(|t| t.passages.len()).sum();
                match setting.lang {
                    Lang::Zh => writeln!(out, "与 {} 部制度文本的 {n} 处条、项标题逐一对应", s.texts.len())?,
                    Lang::En => writeln!(
                        out,
                        "The outline matches {n} headings of articles and items in {} texts",
                        s.texts.len()
                    )?,
                }
            }
            setting.print_diagnostics(&findings, &book.program.files, err)?;
            match (setting.lang, findings.len()) {
                (Lang::Zh, 0) => writeln!(out, "没有发现问题")?,
                (Lang::En, 0) => writeln!(out, "Nothing found amiss")?,
                (Lang::Zh, n) => writeln!(out, "发现 {n} 处问题")?,
                (Lang::En, n) => writeln!(out, "{n} findings")?,
            }
        }
    }
    if findings.is_empty() && differences.is_empty() { Ok(()) } else { Err(Failure::Negative) }
}

/// Rows of conclusions by instrument and provision.
type Firings = BTreeMap<(String, String), usize>;

fn fired(
    book: &Rulebook,
    facts: &Path,
    as_of: Option<i32>,
    setting: &Setting,
    err: &mut dyn Write,
) -> Result<Firings, Failure> {
    let request = Question::plain(facts.to_owned(), as_of).request(setting, false)?;
    let run = bulk::run(book, &request, |_| {}).map_err(|t| setting::trouble(t, book, setting, err))?;
    Ok(count(book, &run))
}

/// Counts output rows by their columns `instrument` and `basis`. A relation without a column `instrument` counts for the
/// instruments whose rules derive it under that provision.
fn count(book: &Rulebook, run: &Run) -> Firings {
    let mut out = Firings::new();
    let db = &run.database;
    for (i, r) in book.program.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty()) {
        let rel = crate::lang::program::RelId(i as u32);
        let at = |name: &str| r.columns.iter().position(|c| c.name == name);
        let Some(basis) = at("basis") else { continue };
        for row in db.table(rel).rows() {
            let cite = db.symbols.resolve(row[basis]);
            match at("instrument") {
                Some(c) => *out.entry((db.symbols.resolve(row[c]).to_owned(), cite.to_owned())).or_default() += 1,
                None => {
                    for id in book.outline.instruments.keys() {
                        if book.outline.unit(id, cite).is_some() && book.heads_of(id, cite).contains(&rel) {
                            *out.entry((id.clone(), cite.to_owned())).or_default() += 1;
                        }
                    }
                }
            }
        }
    }
    out
}

struct Table<'a> {
    book: &'a Rulebook,
    golden: Option<&'a Golden>,
    firings: Option<&'a Firings>,
}

/// A line of the table.
struct Line<'a> {
    instrument: &'a str,
    unit: &'a Unit,
    rules: usize,
    cases: Option<usize>,
    fired: Option<usize>,
}

impl<'a> Table<'a> {
    fn lines(&self) -> Vec<Line<'a>> {
        let clauses = self.book.clauses();
        let mut out = Vec::new();
        for (instrument, units) in &self.book.outline.instruments {
            for unit in units {
                let key = (instrument.clone(), unit.cite.clone());
                out.push(Line {
                    instrument,
                    unit,
                    rules: clauses.get(&key).map_or(0, Vec::len),
                    cases: self.golden.map(|g| g.of(instrument, &unit.cite, units).len()),
                    fired: self.firings.map(|f| f.get(&key).copied().unwrap_or(0)),
                });
            }
        }
        out
    }

    fn json(&self) -> Vec<Value> {
        let view = |l: Line<'_>| {
            json!({
                "instrument": l.instrument, "cite": l.unit.cite, "status": l.unit.status.word(), "why": l.unit.why,
                "rules": l.rules, "cases": l.cases, "fired": l.fired,
            })
        };
        self.lines().into_iter().map(view).collect()
    }

    fn text(&self, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
        let number = |n: Option<usize>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let row = |cells: [String; 5]| {
            let [cite, status, rules, cases, fired] = cells;
            let right =
                |t: String| format!("{}{t}", " ".repeat(9usize.saturating_sub(crate::report::layout::width(&t))));
            format!("  {}{}{}{}{}", pad(&cite, 12), pad(&status, 12), right(rules), right(cases), right(fired))
        };
        let mut last = "";
        for l in self.lines() {
            if l.instrument != last {
                last = l.instrument;
                writeln!(out, "{last}")?;
                let head = match setting.lang {
                    Lang::Zh => ["条款", "状态", "规则", "案例", "结论"],
                    Lang::En => ["provision", "status", "rules", "cases", "fired"],
                };
                writeln!(out, "{}", row(head.map(str::to_owned)))?;
            }
            let status = status_word(l.unit.status, setting).to_owned();
            writeln!(
                out,
                "{}",
                row([l.unit.cite.clone(), status, l.rules.to_string(), number(l.cases), number(l.fired)])
            )?;
        }
        Ok(())
    }
}

fn difference_text(d: &Difference, setting: &Setting) -> String {
    let what = if d.only_text {
        setting.say("文本有此条、项，而条款表没有", "the text has it, the outline has not")
    } else {
        setting.say("条款表有此条、项，而文本没有", "the outline has it, the text has not")
    };
    format!("E0428: {}: {} {}: {what}", d.place, d.instrument, d.cite)
}

fn difference_json(d: &Difference) -> Value {
    json!({"instrument": d.instrument, "cite": d.cite, "place": d.place, "only_in": if d.only_text { "text" } else { "outline" }})
}
