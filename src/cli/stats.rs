//! `zhuize stats`: the charts that the rulebook's `//@ stat` annotations ask for.

use super::form;
use super::query::{Source, source, taken};
use super::setting::{Question, Setting};
use super::{Failure, Lang};
use crate::bulk;
use crate::facts::Origins;
use crate::query::{self, Mode};
use crate::report::wording::BookWords;
use crate::report::{layout, staging, stats};
use std::io::Write;
use std::path::PathBuf;

/// Form of the charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Bars on a terminal.
    Text,
    /// Data.
    Json,
    /// One table of all bars.
    Csv,
    /// A picture.
    Svg,
}

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// Form of the charts
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Columns of the terminal
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(40..=400))]
    width: u16,
    /// Write the charts to a file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let mut asks = Vec::new();
    for ask in stats::asks(&book.program) {
        match ask {
            Ok(a) => asks.push(a),
            Err(text) => writeln!(err, "W0402: {}: {text}", setting.say("stat 注解无效", "useless `stat` annotation"))?,
        }
    }
    let questions: Vec<(&str, &str)> = asks.iter().map(|a| ("//@ stat", a.question.as_str())).collect();
    let compiled = query::compile(&book, None, &questions, setting.facts_lang());
    let book = match taken(book, &compiled, true, setting, err) {
        Err(Failure::Usage(_)) => return Err(Failure::Rules),
        other => other?,
    };
    let asked = compiled.asked;
    let request = args.question.request(setting, false)?;
    let options = bulk::memory::options(&request);
    let Source { given, base, names } = source(&request, &book, &asked, &[], &options, setting, err)?;
    let answers = query::answer::answer(&book.program, &book.codes, given, &asked, Mode::Auto, &options);
    let answers = answers.map_err(form::limit(setting))?;
    setting.kept()?;
    let names = names.of(&book, &request, answers.iter()).map_err(|t| setting.base_or_run(t, &book, err))?;
    if base.is_some_and(|b| b.has_news()) {
        return Err(Failure::Again);
    }
    let origins = Origins::default();
    let words = BookWords::new(&book, &names, &origins, form::language(setting));
    let all = asks.iter().zip(&asked).zip(&answers);
    let charts: Vec<stats::Chart> = all.map(|((k, a), rows)| stats::chart(&book.program, k, a, rows, &words)).collect();
    let language = form::language(setting);
    let text = match args.format {
        Format::Text => {
            let day = crate::lang::date::iso(request.as_of);
            let folder = layout::plain(&request.facts.display().to_string());
            let head = match setting.lang {
                Lang::Zh => format!("案件库 {folder}；基准日 {day}\n\n"),
                Lang::En => format!("Casebase {folder}; as of {day}\n\n"),
            };
            head + &stats::text(&charts, args.width.into(), language)
        }
        Format::Json => format!("{:#}\n", stats::json(&charts)),
        Format::Csv => String::from_utf8(stats::csv(&charts)).expect("fields are text"),
        Format::Svg => stats::svg(&charts, language),
    };
    match &args.output {
        Some(path) => staging::whole(path, text.as_bytes())?,
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}
