//! `zhuize query`: an ad hoc question over facts and conclusions.

use super::form;
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::base::{self, Base};
use crate::bulk::{self, Request};
use crate::engine::Options;
use crate::engine::limit::Deadline;
use crate::engine::store::Database;
use crate::facts::Origins;
use crate::lang::date;
use crate::lang::program::{RelId, SourceFile};
use crate::proof;
use crate::query::answer::Given;
use crate::query::{self, Answer, Asked, Compiled, Mode};
use crate::report::wording::BookWords;
use crate::report::{answer, columnar, staging, xlsx};
use crate::rulebook::Rulebook;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An aligned table, in words.
    Table,
    /// Comma-separated values, raw.
    Csv,
    /// Data.
    Json,
    /// A columnar file with types, raw; needs -o.
    Parquet,
    /// A workbook, in words; needs -o.
    Xlsx,
}

/// Arguments of `query`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  'disposition(C,P,I,S), count by S'
  'liable(case=C, person=P), participants(C,P,\"approver\",O,_), count P by O order by count desc limit 10'
  'cases(case=C, act_date=D), Y = year(D), count by Y'
  'allocated(C,P,I,_,_), !liable(C,P,I,_,_)'")]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// The question: atoms, !atoms, comparisons, `count by X`, `show X`, `order by X desc`, `limit 20`
    #[arg(required_unless_present = "program")]
    text: Option<String>,
    /// Further rules; without a question, their `.output` relations are the result
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the result to a file, whole or not at all
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show codes behind their words
    #[arg(long)]
    codes: bool,
    /// Most seconds that deriving may take, 0 for any number
    #[arg(long, value_name = "N", default_value_t = super::eval::MOST_SECONDS)]
    max_seconds: u64,
}

/// A title (none for the one result of a question), its question and its rows.
type Shown = (Option<String>, Asked, Answer);

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    if args.output.is_none() && matches!(args.format, Format::Parquet | Format::Xlsx) {
        let text = setting.say(
            "E0641: --format parquet、xlsx 须以 -o FILE 指明写到哪个文件",
            "E0641: --format parquet and xlsx need -o FILE",
        );
        return Err(Failure::Usage(text.to_owned()));
    }
    let book = setting.rulebook(err)?;
    let extra = args.program.as_ref().map(|path| rules(path, setting)).transpose()?;
    let name = setting.say("问题", "question");
    let questions: Vec<(&str, &str)> = args.text.iter().map(|t| (name, t.as_str())).collect();
    let compiled = query::compile(&book, extra, &questions, setting.facts_lang());
    let book = taken(book, &compiled, args.text.is_some(), setting, err)?;
    let Compiled { asked, outputs, .. } = compiled;
    if asked.is_empty() && outputs.is_empty() {
        return Err(Failure::Usage(
            setting
                .say(
                    "E0638: 规则文件没有 .output，也没有写问题",
                    "E0638: the file of rules has no `.output`, and there is no question",
                )
                .to_owned(),
        ));
    }
    let single = matches!(args.format, Format::Csv | Format::Parquet);
    if asked.is_empty() && outputs.len() > 1 && single {
        return Err(Failure::Usage(
            setting
                .say(
                    "E0639: csv、parquet 只能写一张表；请写问题指明要哪一个关系",
                    "E0639: csv and parquet hold one table: say which relation with a question",
                )
                .to_owned(),
        ));
    }
    let request = args.question.request(setting, false)?;
    let until = Deadline::after(args.max_seconds);
    let options = Options { until, ..bulk::memory::options(&request) };
    let Source { given, base, names } = source(&request, &book, &asked, &outputs, &options, setting, err)?;
    let texts: Vec<&String> = asked.iter().flat_map(|a| &a.texts).filter(|t| !t.is_empty()).collect();
    let unknown: Vec<String> = texts.into_iter().filter(|t| unheard(&book, &given.database, t)).cloned().collect();
    let shown: Vec<Shown> = if asked.is_empty() {
        let found = query::answer::relations(&book.program, &book.codes, given, &outputs, &options);
        let title = |a: &Asked| Some(book.program.rel(a.rel).name.clone());
        found.map_err(form::limit(setting))?.into_iter().map(|(a, rows)| (title(&a), a, rows)).collect()
    } else {
        let found = query::answer::answer(&book.program, &book.codes, given, &asked, Mode::Auto, &options);
        asked.into_iter().zip(found.map_err(form::limit(setting))?).map(|(a, rows)| (None, a, rows)).collect()
    };
    setting.kept()?;
    let empty = shown.iter().all(|(_, _, rows)| rows.rows.is_empty());
    if empty && !setting.quiet {
        for t in unknown {
            match setting.lang {
                Lang::Zh => writeln!(err, "案件库和规则中没有“{t}”这个值")?,
                Lang::En => writeln!(err, "the value `{t}` stands nowhere in the casebase or the rules")?,
            }
        }
    }
    let origins = Origins::default();
    let answers = shown.iter().map(|s| &s.2);
    let names = names.of(&book, &request, answers).map_err(|t| setting.base_or_run(t, &book, err))?;
    let words = BookWords::new(&book, &names, &origins, form::language(setting));
    let bytes = render(args, &book, &shown, &words)?;
    if base.is_some_and(|b| b.has_news()) {
        return Err(Failure::Again);
    }
    match &args.output {
        Some(path) => staging::whole(path, &bytes)?,
        None => out.write_all(&bytes)?,
    }
    Ok(())
}

/// Where the names of what answers show stand.
pub(super) enum Names {
    /// In these tables.
    Here(Database),
    /// In a prepared casebase.
    There(Arc<Base>),
}

impl Names {
    /// The tables by which answers are shown.
    pub fn of<'a>(
        self,
        book: &Rulebook,
        request: &Request,
        answers: impl Iterator<Item = &'a Answer>,
    ) -> Result<Database, base::Trouble> {
        let values = answers.flat_map(|a| a.rows.iter().flatten()).map(|v| (v.ty, &v.value));
        match self {
            Self::Here(tables) => Ok(tables),
            Self::There(base) => base.naming(book, request, values),
        }
    }
}

/// Whence an answer comes.
pub(super) struct Source {
    /// What questions are asked of.
    pub given: Given,
    /// The prepared casebase, if it is one.
    pub base: Option<Arc<Base>>,
    /// Where names stand.
    pub names: Names,
}

impl Source {
    fn new(database: Database, base: Option<Arc<Base>>, done: Vec<RelId>, names: Names) -> Self {
        let far = base.clone().map(|b| -> Arc<dyn proof::given::Source> { b });
        Self { given: Given { database, far, done }, base, names }
    }
}

/// Whence an answer comes. Of a prepared casebase, what a question that names nothing needs is fetched here.
pub(super) fn source(
    request: &Request,
    book: &Rulebook,
    asked: &[Asked],
    outputs: &[RelId],
    options: &Options,
    setting: &Setting,
    err: &mut dyn Write,
) -> Result<Source, Failure> {
    let folder = &request.facts;
    if setting.base.get().is_none() && request.prepared.is_none() {
        let loaded = bulk::load(book, request).map_err(|t| setting::trouble(t, book, setting, err))?;
        let names = Names::Here(loaded.database.clone());
        return Ok(Source::new(loaded.database, None, Vec::new(), names));
    }
    // What was derived on another day, or under other options or rules, does not answer the question.
    let settled = base::Manifest::read(folder).map_err(|t| setting.of_base(&t))?;
    let same = date::iso(request.as_of) == settled.as_of && request.set == settled.options && !book.is_extended();
    // The rules of the question came to those of the rulebook, whose hash is that of its files.
    let Some(base) = setting.base(folder, book, same)? else { return Err(Failure::Again) };
    if !asked.iter().all(|a| a.named) || asked.is_empty() {
        let marks = asked.iter().flat_map(|a| a.marks.iter().map(|m| m.rel).chain([a.rel]));
        let wanted: Vec<RelId> = marks.chain(outputs.iter().copied()).collect();
        let tallies: Vec<_> = asked.iter().filter_map(|a| a.tally.as_ref()).collect();
        let found = base.found(book, request, &wanted, &tallies, options);
        let (database, done) = match found.map_err(|t| setting.base_or_run(t, book, err))? {
            Some(found) => (found.database, found.done),
            None => (base.tables(book, request, &wanted).map_err(|t| setting.base_or_run(t, book, err))?, Vec::new()),
        };
        return Ok(Source::new(database, Some(Arc::clone(&base)), done, Names::There(base)));
    }
    // Rows that are fetched come with their names.
    let loaded = base.loaded(book, request).map_err(|t| setting.base_or_run(t, book, err))?;
    let names = Names::Here(loaded.database.clone());
    Ok(Source::new(loaded.database, Some(base), Vec::new(), names))
}

/// Whether a text occurs neither in the facts nor in the rules.
fn unheard(book: &Rulebook, given: &Database, text: &str) -> bool {
    let held = |f: &crate::lang::program::Fact| {
        f.values.iter().any(|v| matches!(v, crate::lang::program::Const::Symbol(s) if &**s == text))
    };
    given.symbols.get(text).is_none() && !book.program.facts.iter().any(held)
}

fn rules(path: &std::path::Path, setting: &Setting) -> Result<SourceFile, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::Usage(format!("E0640: {} {name}: {e}", setting.say("读不出", "cannot read"))))?;
    Ok(SourceFile { name, text: text.trim_start_matches('\u{feff}').into() })
}

/// The rulebook with the compiled program, if it has no errors; what there is to say is printed.
pub(super) fn taken(
    book: Rulebook,
    compiled: &Compiled,
    question: bool,
    setting: &Setting,
    err: &mut dyn Write,
) -> Result<Rulebook, Failure> {
    if !compiled.diagnostics.is_empty() {
        setting.print_diagnostics(&compiled.diagnostics, &compiled.files, err)?;
    }
    if compiled.has_errors() {
        let text = if question {
            setting.say("E0630: 问题有误", "E0630: the question is not well formed")
        } else {
            setting.say("E0630: 规则文件有误", "E0630: the file of rules has errors")
        };
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(Rulebook { program: compiled.program.clone(), ..book })
}

fn render(args: &Args, book: &Rulebook, shown: &[Shown], words: &BookWords<'_>) -> std::io::Result<Vec<u8>> {
    let program = &book.program;
    Ok(match args.format {
        Format::Table => {
            let one = |(title, asked, rows): &Shown| {
                let head = title.as_ref().map_or(String::new(), |t| format!("{t}\n"));
                head + &answer::text(program, asked, rows, words, args.codes)
            };
            shown.iter().map(one).collect::<Vec<_>>().join("\n").into_bytes()
        }
        Format::Csv => shown.iter().flat_map(|(_, asked, rows)| answer::csv(program, asked, rows)).collect(),
        Format::Parquet => match shown.first() {
            Some((_, asked, rows)) => columnar::answer(program, asked, rows)?,
            None => Vec::new(),
        },
        Format::Xlsx => {
            let results: Vec<_> = shown.iter().map(|(title, asked, rows)| (title.as_deref(), asked, rows)).collect();
            xlsx::answers(program, &results, words, args.codes).map_err(std::io::Error::other)?
        }
        Format::Json => {
            let one = |(title, asked, rows): &Shown| {
                let mut view = answer::json(program, asked, rows, words);
                if let Some(t) = title {
                    view["relation"] = json!(t);
                }
                view
            };
            let results: Vec<Value> = shown.iter().map(one).collect();
            let view = json!({"format": 1, "question": args.text, "results": results});
            format!("{view:#}\n").into_bytes()
        }
    })
}
