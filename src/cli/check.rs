//! `zhuize check`: the rulebooks and, if given, a casebase; nothing is derived that is not needed for that.

use super::setting::{self, Question, Setting, parse_date, parse_encoding};
use super::{Failure, Lang};
use crate::bulk;
use crate::lang::diagnostic::Severity;
use crate::lang::render::Render;
use crate::report::summary;
use crate::rulebook::Rulebook;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Form of the findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For tools.
    Json,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A casebase to check as well
    facts: Option<PathBuf>,
    /// The day on which its questions would be asked [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    as_of: Option<i32>,
    /// Encoding of the tables, such as gb18030, big5, utf-16le [default: found out file by file]
    #[arg(long, value_name = "NAME", value_parser = parse_encoding)]
    encoding: Option<&'static encoding_rs::Encoding>,
    /// Form of the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let loaded = Rulebook::load(&setting.rule_tree()?);
    let render = Render::new(&loaded.files);
    let text = args.format == Format::Text;
    let mut view = json!({"format": 1, "rules": render.all_json(&loaded.diagnostics), "data": []});
    let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = loaded.diagnostics.len() - errors;
    if text && !loaded.diagnostics.is_empty() {
        setting.print_diagnostics(&loaded.diagnostics, &loaded.files, err)?;
    }
    let Some(book) = loaded.rulebook else {
        if !text {
            writeln!(out, "{view:#}")?;
        }
        return Err(Failure::Rules);
    };
    for fault in summary::faults(&book.program) {
        writeln!(err, "W0402: {}: {fault}", setting.say("summary 注解无效", "useless `summary` annotation"))?;
    }
    if text {
        let p = &book.program;
        let declared = p.relations.iter().filter(|r| !r.name.starts_with('$')).count();
        match setting.lang {
            Lang::Zh => writeln!(
                out,
                "规则集：{} 条规则，{declared} 个关系，{} 层，{warnings} 条提示",
                p.rules.len(),
                p.strata.len()
            )?,
            Lang::En => writeln!(
                out,
                "Rulebook: {} rules, {declared} relations, {} strata, {warnings} warnings",
                p.rules.len(),
                p.strata.len()
            )?,
        }
    }
    let mut result = Ok(());
    if let Some(facts) = &args.facts {
        let mut question = Question::plain(facts.clone(), args.as_of);
        question.choice.encoding = args.encoding;
        let request = question.request(setting, false)?;
        match bulk::run(&book, &request, |_| {}) {
            Ok(run) => {
                let rows: usize = run.loaded.inventory.iter().filter(|f| !f.shipped).map(|f| f.rows).sum();
                view["data"] = Value::Array(run.loaded.warnings.list().iter().map(|d| defect(d, setting)).collect());
                if text {
                    write!(err, "{}", run.loaded.warnings.render(setting.facts_lang()))?;
                    match setting.lang {
                        Lang::Zh => writeln!(out, "案件库：{rows} 行，没有错误")?,
                        Lang::En => writeln!(out, "Casebase: {rows} rows, no errors")?,
                    }
                }
            }
            Err(bulk::Trouble::Defects(l)) if !text => {
                view["data"] = Value::Array(
                    l.defects.list().iter().chain(l.warnings.list()).map(|d| defect(d, setting)).collect(),
                );
                result = Err(Failure::Data);
            }
            Err(bulk::Trouble::Contradictions(found)) if !text => {
                let rows = |c: &bulk::Contradiction| {
                    c.rows.iter().map(|r| json!({"file": r.file, "line": r.line})).collect::<Vec<_>>()
                };
                view["data"] = Value::Array(
                    found
                        .iter()
                        .map(|c| json!({"code": "E0560", "zh": c.zh, "en": c.en, "relation": c.relation, "rows": rows(c)}))
                        .collect(),
                );
                result = Err(Failure::Data);
            }
            Err(t) => result = Err(setting::trouble(t, &book, setting, err)),
        }
    }
    if !text {
        writeln!(out, "{view:#}")?;
    }
    result
}

fn defect(d: &crate::facts::defect::Defect, setting: &Setting) -> Value {
    json!({
        "code": d.code(),
        "severity": if d.severity() == Severity::Error { "error" } else { "warning" },
        "file": &*d.place.file,
        "line": d.place.line,
        "field": d.place.field,
        "column": &*d.place.column,
        "value": d.value,
        "message": d.message(setting.facts_lang()),
        "hint": d.hint(setting.facts_lang()),
    })
}
