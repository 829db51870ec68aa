//! `zhuize verify`: checks a certificate with an evaluator of its own, by itself or against a whole casebase.

use super::check::Format;
use super::ground::{self, Facts};
use super::setting::{self, Choice, Question, Setting, parse_date, parse_encoding, parse_option};
use super::{Failure, Lang};
use crate::bulk;
use crate::lang::program::{Const, Prim, Program, RelId};
use crate::rulebook::Rulebook;
use crate::verify::{self, Cell, Certificate, Kind, Problem, Report, Store};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The certificate
    certificate: PathBuf,
    /// The casebase that the facts come from, or with --program the folder of its `<relation>.facts`: checks also that the
    /// certificate leaves nothing out
    #[arg(short = 'F', long, value_name = "DIR")]
    facts: Option<PathBuf>,
    /// The day on which the question is asked [default: the reference date among the facts of the certificate]
    #[arg(long, value_name = "DATE", value_parser = parse_date, requires = "facts")]
    as_of: Option<i32>,
    /// Skip the tests of place, body and time of an instrument
    #[arg(long, value_name = "INSTRUMENT", requires = "facts")]
    assume_scope: Vec<String>,
    /// Choose a reading of the law, as in options.csv
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = parse_option, requires = "facts")]
    options: Vec<(String, String)>,
    /// Count findings that are only alleged
    #[arg(long, requires = "facts")]
    if_established: bool,
    /// Leave out rows with defects instead of refusing the casebase
    #[arg(long, requires = "facts")]
    skip_bad_rows: bool,
    /// Encoding of the tables [default: found out file by file]
    #[arg(long, value_name = "NAME", value_parser = parse_encoding, requires = "facts")]
    encoding: Option<&'static encoding_rs::Encoding>,
    /// Files of rules that the certificate speaks of, in place of the rulebooks (may be given several times)
    #[arg(long = "program", value_name = "FILE.dl")]
    programs: Vec<PathBuf>,
    /// With --program and --facts, take a missing file of facts as empty
    #[arg(long, requires = "programs", requires = "facts")]
    allow_missing: bool,
    /// Form of the verdict
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Version of the JSON form.
const VERSION: u32 = 1;

/// Runs the command.
///
/// # Errors
/// With exit code 1 when the certificate is refused.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let text = std::fs::read(&args.certificate)
        .map_err(|e| Failure::DataUnreadable(format!("E0602: {}: {e}", args.certificate.display())))?;
    // What is no text is no JSON either, and is refused as such.
    let text = String::from_utf8_lossy(&text);
    let options = verify::Options::default();
    let (report, as_of) = if args.programs.is_empty() {
        let book = setting.rulebook(err)?;
        match &args.facts {
            None => (verify::verify(&book.program, &text, None, &options), None),
            Some(_) => against(args, &book, &text, setting, err)?,
        }
    } else {
        let program = ground::program(&args.programs, setting, err)?;
        match &args.facts {
            None => (verify::verify(&program, &text, None, &options), None),
            Some(folder) => {
                let asked: Vec<RelId> = (0..program.relations.len()).map(|i| RelId(i as u32)).collect();
                let facts = ground::program_facts(&program, folder, &asked, args.allow_missing, err)?;
                (rests_on(&program, &facts, &text), None)
            }
        }
    };
    match args.format {
        Format::Json => writeln!(out, "{:#}", view(&report, as_of))?,
        Format::Text => print(&report, as_of, setting, out)?,
    }
    if report.valid() { Ok(()) } else { Err(Failure::Negative) }
}

/// Checks against the rows of the casebase.
fn against(
    args: &Args,
    book: &Rulebook,
    text: &str,
    setting: &Setting,
    err: &mut dyn Write,
) -> Result<(Report, Option<i32>), Failure> {
    let (certificate, _) = verify::read(&book.program, text);
    let as_of = args.as_of.or_else(|| reference_date(&book.program, &certificate)).unwrap_or_else(setting::today);
    let choice = Choice {
        as_of: Some(as_of),
        assume_scope: args.assume_scope.clone(),
        options: args.options.clone(),
        if_established: args.if_established,
        skip_bad_rows: args.skip_bad_rows,
        encoding: args.encoding,
        threads: 0,
    };
    let request = Question { facts: args.facts.clone().unwrap_or_default(), choice }.request(setting, true)?;
    let loaded = bulk::load(book, &request).map_err(|t| setting::trouble(t, book, setting, err))?;
    Ok((rests_on(&book.program, &loaded.into(), text), Some(as_of)))
}

/// Checks a certificate against all facts that there are.
fn rests_on(program: &Program, facts: &Facts, text: &str) -> Report {
    let (certificate, _) = verify::read(program, text);
    let mut base = rows(program, facts);
    let mut report = verify::verify(program, text, Some(&mut base), &verify::Options::default());
    if report.valid() {
        report.problems = origins(program, &certificate, facts);
    }
    report
}

/// The day in the row of the dimension that holds it.
fn reference_date(program: &Program, certificate: &Certificate) -> Option<i32> {
    let of = |rel: RelId| program.rel(rel).notes.get("dimension").is_some_and(|v| v.trim() == "reference_date");
    let fact = certificate.given.iter().find(|(_, g)| of(g.fact.rel))?;
    fact.1.fact.values.iter().find_map(|v| if let Const::Number(n) = v { Some(*n) } else { None })
}

/// The rows of a casebase as the verifier takes them.
fn rows(program: &Program, facts: &Facts) -> Store {
    use crate::engine::value::{to_float, to_number};
    let mut store = Store::new(program);
    let mut texts: Vec<Option<Cell>> = Vec::new();
    for (i, (rel, table)) in program.relations.iter().zip(&facts.database.tables).enumerate() {
        let mut cells = Vec::with_capacity(rel.arity());
        for row in table.rows() {
            cells.clear();
            for (column, word) in rel.columns.iter().zip(row) {
                cells.push(match column.prim {
                    Prim::Number => Cell::Number(to_number(*word)),
                    Prim::Unsigned => Cell::Unsigned(*word),
                    Prim::Float => verify::float(to_float(*word)),
                    Prim::Symbol => {
                        let n = *word as usize;
                        if n >= texts.len() {
                            texts.resize(n + 1, None);
                        }
                        *texts[n].get_or_insert_with(|| store.text(facts.database.symbols.resolve(*word)))
                    }
                });
            }
            store.push(RelId(i as u32), &cells);
        }
    }
    store
}

/// Whether the given facts come from where the certificate says.
fn origins(program: &Program, certificate: &Certificate, facts: &Facts) -> Vec<Problem> {
    let mut out = Vec::new();
    for (at, given) in &certificate.given {
        let is = super::why::origin(program, facts, given.fact.rel, &given.fact.values);
        if is == given.origin {
            continue;
        }
        let both = |o: Option<String>| match o {
            Some(text) => verify::Both { zh: text.clone(), en: text },
            None => verify::Both { zh: "无出处".into(), en: "none".into() },
        };
        let (found, expected) = (both(given.origin.clone()), both(is));
        out.push(Problem { kind: Kind::Origin, at: format!("{at}.origin"), found, expected });
    }
    out
}

fn view(report: &Report, as_of: Option<i32>) -> serde_json::Value {
    let claims = report.claims.iter().map(|(text, holds)| json!({ "claim": text, "holds": holds }));
    let problems = report.problems.iter().map(|p| {
        json!({
            "code": p.kind.code(),
            "at": p.at,
            "title": { "zh": p.kind.title().0, "en": p.kind.title().1 },
            "found": { "zh": p.found.zh, "en": p.found.en },
            "expected": { "zh": p.expected.zh, "en": p.expected.en },
        })
    });
    json!({
        "format": "zhuize.verdict",
        "version": VERSION,
        "valid": report.valid(),
        "relative_to": if report.base.is_none() { "facts listed" } else if as_of.is_none() { "facts given" } else { "casebase" },
        "as_of": as_of.map(crate::lang::date::iso),
        "claims": claims.collect::<Vec<_>>(),
        "question": report.question.as_ref().map(|q| &q.0),
        "left_out": report.question.as_ref().map(|q| q.1),
        "answers_counted": report.counted,
        "given": report.given,
        "steps": report.steps,
        "absences": report.absences,
        "aggregates": report.aggregates,
        "casebase_rows": report.base,
        "problems": problems.collect::<Vec<_>>(),
    })
}

/// Whether the claims are all answers of the question.
fn answers(report: &Report, lang: Lang) -> String {
    let checked = match (report.counted, lang) {
        (true, Lang::Zh) => "已按全部事实计数核对",
        (true, Lang::En) => "counted over all facts",
        (false, Lang::Zh) => "个数未经核对",
        (false, Lang::En) => "the number was not checked",
    };
    match (&report.question, lang) {
        (None, Lang::Zh) => "证书未载明所问，是否另有其他答案不得而知。".to_owned(),
        (None, Lang::En) => {
            "The certificate names no question: whether there are other answers is not known.".to_owned()
        }
        (Some((q, 0)), Lang::Zh) => format!("{q} 的答案已全部载入（{checked}）。"),
        (Some((q, 0)), Lang::En) => format!("All answers of {q} are claimed ({checked})."),
        (Some((q, n)), Lang::Zh) => format!("{q} 另有 {n} 个答案未载入本证书（{checked}）。"),
        (Some((q, n)), Lang::En) => {
            let (is, answers) = if *n == 1 { ("is", "answer") } else { ("are", "answers") };
            format!("{n} further {answers} of {q} {is} left out ({checked}).")
        }
    }
}

fn print(report: &Report, as_of: Option<i32>, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
    let zh = setting.lang == Lang::Zh;
    for p in &report.problems {
        writeln!(out, "{}", p.text(zh))?;
    }
    for (claim, holds) in &report.claims {
        let word = if *holds { setting.say("成立", "holds") } else { setting.say("未能成立", "does not follow") };
        let label = setting.say("所主张：", "claimed: ");
        writeln!(out, "{label}{claim} {word}")?;
    }
    let Report { given, steps, absences, aggregates, .. } = report;
    let n = report.problems.len();
    let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match setting.lang {
        Lang::Zh if n > 0 => return Ok(writeln!(out, "不予采信：发现 {n} 处问题。")?),
        Lang::En if n > 0 => return Ok(writeln!(out, "Refused: {}.", many(n, "problem"))?),
        Lang::Zh => writeln!(out, "{steps} 步推导、{absences} 处不存在、{aggregates} 处汇总，均经独立核验。")?,
        Lang::En => writeln!(
            out,
            "{}, {}, {}: all checked independently.",
            many(*steps, "step"),
            many(*absences, "absence"),
            many(*aggregates, "aggregate")
        )?,
    }
    if report.claims.iter().any(|(_, holds)| *holds) {
        writeln!(out, "{}", answers(report, setting.lang))?;
    }
    let day = as_of.map(crate::lang::date::iso);
    let facts = many(*given, "fact");
    match (setting.lang, report.base, day) {
        (Lang::Zh, None, _) => {
            writeln!(out, "有效：以所列 {given} 条事实为准；所列是否齐全未经核对（--facts 可核对）。")?;
        }
        (Lang::Zh, Some(rows), Some(day)) => writeln!(
            out,
            "有效：所列 {given} 条事实均在案件库中；以案件库全部 {rows} 行计（基准日 {day}），没有遗漏影响结论的事实。"
        )?,
        (Lang::Zh, Some(rows), None) => {
            writeln!(out, "有效：所列 {given} 条事实均在所给事实中；以所给全部 {rows} 行计，没有遗漏影响结论的事实。")?
        }
        (Lang::En, None, _) => writeln!(
            out,
            "Valid relative to the {facts} listed; whether they are all that matter was not checked (--facts does)."
        )?,
        (Lang::En, Some(rows), Some(day)) => writeln!(
            out,
            "Valid: the {facts} listed stand in the casebase, and among all its {rows} rows (as of {day}) none that matters was left out."
        )?,
        (Lang::En, Some(rows), None) => writeln!(
            out,
            "Valid: the {facts} listed stand among those given, and of all their {rows} rows none that matters was left out."
        )?,
    }
    Ok(())
}
