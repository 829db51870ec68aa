//! `zhuize patterns`: the skeletons of all proofs of the final states, most frequent first.

use super::form::{self, Form, Format};
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk::{self, How, Next};
use crate::report::explain::words::Words as _;
use crate::report::{patterns as view, wording::BookWords};
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
    let Some(mut wanted) = super::run::wanted(&book.program) else {
        return Err(Failure::Usage("E0604: no relation of the rulebook is annotated `verdict`".into()));
    };
    wanted.keep = args.pattern.clone().map(|id| (id, args.limit));
    let request = args.question.request(setting, true)?;
    let how = How { patterns: Some(wanted), ..How::default() };
    let run = bulk::stream(&book, &request, &how, |_| {}, &|_| (), |()| Next::On);
    let run = run.map_err(|t| setting::trouble(t, &book, setting, err))?;
    let (rel, found) = run.patterns.as_ref().expect("patterns are wanted");
    let words = BookWords::new(&book, &run.database, &run.loaded.origins, form::language(setting));
    if let Some(id) = &args.pattern {
        let Some(p) = found.iter().find(|p| p.id.starts_with(id.as_str())) else {
            return Err(Failure::Usage(match setting.lang {
                Lang::Zh => format!("E0626: 没有型式 {id}；不带 --pattern 可列出全部型式"),
                Lang::En => format!("E0626: there is no pattern {id}; without --pattern all are listed"),
            }));
        };
        for values in &p.rows {
            writeln!(out, "{}", words.fact(*rel, values))?;
        }
        let more = p.count - p.rows.len();
        match setting.lang {
            _ if more == 0 => {}
            Lang::Zh => writeln!(out, "另有 {more} 个（--limit 可多列）")?,
            Lang::En => writeln!(out, "{more} more (see --limit)")?,
        }
        return Ok(());
    }
    match args.form.format {
        Format::Text => write!(out, "{}", view::text(&book, *rel, found, args.limit, &words))?,
        Format::Json => {
            let text = view::json(&book, *rel, found).map_err(|e| Failure::Limit(e.to_string()))?;
            write!(out, "{text}")?;
        }
        _ => return Err(form::only_text_or_json(setting)),
    }
    Ok(())
}
