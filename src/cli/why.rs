//! `zhuize why`: one shortest proof of a conclusion, or what it lacks.

use super::form::{self, Form};
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk;
use crate::facts::Loaded;
use crate::lang::program::{Arg, Const, Program, RelId, VarId};
use crate::proof::demand::Prover;
use crate::proof::derivation::derive;
use crate::proof::{self, Explanation, Goal};
use crate::report::{certificate, summary, wording::BookWords};
use crate::rulebook::Rulebook;
use std::io::Write;
use std::path::{Path, PathBuf};

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
    /// Write a certificate of the answer, or of its absence, that `verify` can check
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let goal = setting::as_held(goal(args, &book, setting, err)?, &book);
    let request = args.question.request(true);
    let loaded = bulk::load(&book, &request).map_err(|t| setting::trouble(t, &book, setting, err))?;
    let options = args.form.options();
    let explanation = proof::explain(&book.program, &loaded.database, &goal, &options).map_err(form::limit)?;
    if let Some(path) = &args.certificate {
        certify(path, &book, &loaded, &goal, &options)?;
    }
    let words = BookWords::new(&book, &loaded.database, &loaded.origins, form::language(setting));
    args.form.write(&explanation, &words, &head(&explanation, setting), out)
}

/// Writes the certificate of a goal.
pub(super) fn certify(
    path: &Path,
    book: &Rulebook,
    loaded: &Loaded,
    goal: &Goal,
    options: &proof::Options,
) -> Result<(), Failure> {
    // A prover of its own: the explanation looks at more facts than the answer depends on.
    let mut prover = Prover::new(&book.program, loaded.database.clone(), options.most_steps);
    let derivation = derive(&mut prover, goal, options).map_err(form::limit)?;
    let text = certificate::render(&book.program, &derivation, &|rel, v| origin(&book.program, loaded, rel, v));
    Ok(certificate::write(path, &text)?)
}

/// `file:line` of a given fact.
pub(super) fn origin(program: &Program, loaded: &Loaded, rel: RelId, values: &[Const]) -> Option<String> {
    let words: Option<Vec<_>> = values.iter().map(|v| loaded.database.known_word(v)).collect();
    match words.and_then(|w| loaded.origins.of(&loaded.database, rel, &w)) {
        Some(o) => Some(format!("{}:{}", o.file, o.line)),
        None => certificate::origin_in_text(program, rel, values),
    }
}

/// A line above the tree that says which question is answered.
fn head(explanation: &Explanation, setting: &Setting) -> String {
    match (explanation.answers.len(), setting.lang) {
        (0, Lang::Zh) => "所问结论未能成立（可用 why-not 细问）。以下是最接近成立的规则及其所缺：".to_owned(),
        (0, Lang::En) => {
            "This does not follow (`why-not` asks further). The rules that came nearest, and what each lacks:"
                .to_owned()
        }
        (1, Lang::Zh) => "成立。最短的推导：".to_owned(),
        (1, Lang::En) => "This follows. The shortest derivation:".to_owned(),
        (n, Lang::Zh) => format!("有 {} 个答案，各示最短的推导：", n + explanation.more_answers),
        (n, Lang::En) => {
            format!("{} answers, each with its shortest derivation:", n + explanation.more_answers)
        }
    }
}

fn goal(args: &Args, book: &Rulebook, setting: &Setting, err: &mut dyn Write) -> Result<Goal, Failure> {
    if let Some(text) = &args.atom {
        return form::atom(text, book, setting, err);
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
