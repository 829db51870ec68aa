//! `zhuize why`: one shortest proof of a conclusion, or what it lacks.

use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk;
use crate::lang::program::{Arg, Const, VarId};
use crate::lang::query;
use crate::proof::{self, Explanation, Goal};
use crate::report::explain::svg::SvgOptions;
use crate::report::explain::tree::TreeOptions;
use crate::report::explain::view::{Detail, View};
use crate::report::explain::words::Language;
use crate::report::explain::{dot, json, svg, tree};
use crate::report::{summary, wording::BookWords};
use crate::rulebook::Rulebook;
use std::io::Write;

/// Form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A tree of lines.
    Text,
    /// Graphviz source.
    Dot,
    /// A picture.
    Svg,
    /// The graph as data.
    Json,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Depth {
    /// Facts, rules, absences.
    Short,
    /// Comparisons and aggregates as well.
    Middle,
    /// Everything, helpers and variables included.
    Full,
}

/// Arguments of `why`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// The conclusion, such as 'liable("c1","p2",_,_,_)'; `_` and capitalised names are open
    #[arg(conflicts_with_all = ["case", "person", "instrument"])]
    atom: Option<String>,
    /// Ask for the final state of this case ...
    #[arg(long, value_name = "CASE")]
    case: Option<String>,
    /// ... and this person ...
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// ... under this instrument
    #[arg(long, value_name = "INSTRUMENT")]
    instrument: Option<String>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How much is shown
    #[arg(long, value_enum, default_value_t = Depth::Middle)]
    detail: Depth,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let goal = goal(args, &book, setting, err)?;
    let request = args.question.request(true);
    let loaded = match bulk::load(&book, &request) {
        Ok(l) => l,
        Err(t) => return Err(setting::trouble(t, &book, setting, err)),
    };
    let options = proof::Options::default();
    let explanation = proof::explain(&book.program, &loaded.database, &goal, &options)
        .map_err(|l| Failure::Limit(format!("{}: {l}", l.code())))?;
    let language = match setting.lang {
        Lang::Zh => Language::Zh,
        Lang::En => Language::En,
    };
    let words = BookWords::new(&book, &loaded.database, &loaded.origins, language);
    let detail = match args.detail {
        Depth::Short => Detail::Short,
        Depth::Middle => Detail::Middle,
        Depth::Full => Detail::Full,
    };
    let view = View::of(&explanation, &words, detail);
    match args.format {
        Format::Text => {
            head(&explanation, setting, out)?;
            write!(out, "{}", tree::render(&view, &TreeOptions::default()))?;
        }
        Format::Dot => write!(out, "{}", dot::render(&view))?,
        Format::Svg => write!(out, "{}", svg::render(&view, &SvgOptions::default()))?,
        Format::Json => {
            let text = json::render(&explanation, &view).map_err(|e| Failure::Limit(e.to_string()))?;
            writeln!(out, "{text}")?;
        }
    }
    Ok(())
}

/// A line above the tree that says which question is answered.
fn head(explanation: &Explanation, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
    let text = match explanation.answers.len() {
        0 => setting.say(
            "所问结论未能成立。以下是最接近成立的规则及其所缺：",
            "This does not follow. The rules that came nearest, and what each lacks:",
        ),
        1 => setting.say("成立。最短的推导：", "This follows. The shortest derivation:"),
        n => {
            let more = explanation.more_answers;
            let text = match setting.lang {
                Lang::Zh => format!("有 {} 个答案，各示最短的推导：", n + more),
                Lang::En => format!("{} answers, each with its shortest derivation:", n + more),
            };
            writeln!(out, "{text}\n")?;
            return Ok(());
        }
    };
    writeln!(out, "{text}\n")?;
    Ok(())
}

fn goal(args: &Args, book: &Rulebook, setting: &Setting, err: &mut dyn Write) -> Result<Goal, Failure> {
    if let Some(text) = &args.atom {
        return match query::parse_atom(&book.program, text) {
            Ok(g) => Ok(Goal { rel: g.rel, args: g.args }),
            Err(list) => {
                setting::print_diagnostics(&list, &query::files_with_question(&book.program, text), err)?;
                Err(Failure::Usage(setting.say("E0601: 问题有误", "E0601: the question is not well formed").to_owned()))
            }
        };
    }
    let asked = [&args.case, &args.person, &args.instrument];
    if args.case.is_none() && args.person.is_none() {
        return Err(Failure::Usage(
            setting
                .say(
                    "E0603: 请写明要问的结论，如 'liable(\"c1\",\"p2\",_,_,_)'，或用 --case、--person",
                    "E0603: say what is asked: an atom such as 'liable(\"c1\",\"p2\",_,_,_)', or --case and --person",
                )
                .to_owned(),
        ));
    }
    let Some((rel, columns)) = summary::verdict(&book.program) else {
        return Err(Failure::Usage("E0604: no relation of the rulebook is annotated `verdict`; write an atom".into()));
    };
    let arity = book.program.rel(rel).arity();
    let args = (0..arity)
        .map(|i| match columns.iter().position(|c| *c == i).and_then(|k| asked[k].as_ref()) {
            Some(text) => Arg::Const(Const::Symbol(text.as_str().into())),
            None => Arg::Var(VarId(i as u32)),
        })
        .collect();
    Ok(Goal { rel, args })
}
