//! `zhuize why`: one shortest proof of a conclusion, or what it lacks.

use super::form::{self, Form};
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk;
use crate::lang::program::{Arg, Const, VarId};
use crate::proof::{self, Explanation, Goal};
use crate::report::{summary, wording::BookWords};
use crate::rulebook::Rulebook;
use std::io::Write;

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
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let goal = setting::as_held(goal(args, &book, setting, err)?, &book);
    let request = args.question.request(true);
    let loaded = bulk::load(&book, &request).map_err(|t| setting::trouble(t, &book, setting, err))?;
    let options = proof::Options::default();
    let explanation = proof::explain(&book.program, &loaded.database, &goal, &options).map_err(form::limit)?;
    let words = BookWords::new(&book, &loaded.database, &loaded.origins, form::language(setting));
    args.form.write(&explanation, &words, &head(&explanation, setting), out)
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
