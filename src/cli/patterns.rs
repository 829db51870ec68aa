//! `zhuize patterns`: the skeletons of all proofs of the final states, most frequent first.

use super::form::{self, Form, Format};
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk::{self, patterns};
use crate::engine::naive::body::Source as _;
use crate::proof::graph::Value;
use crate::proof::typed;
use crate::proof::whole::Whole;
use crate::report::explain::words::Words as _;
use crate::report::{patterns as view, summary, wording::BookWords};
use std::io::Write;

/// Arguments of `patterns`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// List the conclusions of one pattern
    #[arg(long, value_name = "ID")]
    pattern: Option<String>,
    /// How many patterns, or conclusions of one, are shown as text
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let Some((rel, keys)) = summary::verdict(&book.program) else {
        return Err(Failure::Usage("E0604: no relation of the rulebook is annotated `verdict`".into()));
    };
    let request = args.question.request(setting, true)?;
    let mut run = bulk::run(&book, &request, |_| {}).map_err(|t| setting::trouble(t, &book, setting, err))?;
    let whole = Whole::new(&book.program, std::mem::take(&mut run.database));
    let found = patterns::patterns(&book, &whole, rel, keys[0], args.pattern.is_some(), request.threads)
        .map_err(form::limit)?;
    let chosen = args.pattern.as_ref().map(|id| found.iter().find(|p| p.id.starts_with(id.as_str())));
    let rows: Vec<Vec<Value>> = chosen.flatten().map_or_else(Vec::new, |p| {
        let row = |n: &u32| whole.row(rel, *n).iter().map(|w| Some(*w));
        let plain = |n| typed::row(&book.program, whole.text(), rel, row(n)).into_iter().flatten().collect();
        p.rows.iter().take(args.limit).map(plain).collect()
    });
    let given = whole.into_database();
    let words = BookWords::new(&book, &given, &run.loaded.origins, form::language(setting));
    if let Some(id) = &args.pattern {
        let Some(p) = chosen.flatten() else {
            return Err(Failure::Usage(match setting.lang {
                Lang::Zh => format!("E0626: 没有型式 {id}；不带 --pattern 可列出全部型式"),
                Lang::En => format!("E0626: there is no pattern {id}; without --pattern all are listed"),
            }));
        };
        for values in &rows {
            writeln!(out, "{}", words.fact(rel, values))?;
        }
        let more = p.rows.len().saturating_sub(args.limit);
        match setting.lang {
            _ if more == 0 => {}
            Lang::Zh => writeln!(out, "另有 {more} 个（--limit 可多列）")?,
            Lang::En => writeln!(out, "{more} more (see --limit)")?,
        }
        return Ok(());
    }
    match args.form.format {
        Format::Text => write!(out, "{}", view::text(&book, rel, &found, args.limit, &words))?,
        Format::Json => {
            let text = view::json(&book, rel, &found).map_err(|e| Failure::Limit(e.to_string()))?;
            write!(out, "{text}")?;
        }
        _ => return Err(form::only_text_or_json(setting)),
    }
    Ok(())
}
