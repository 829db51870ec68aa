//! `zhuize why-not`: what a conclusion lacks; with open places, what came nearest to any.

use super::form::{self, Form};
use super::setting::{self, Question, Setting};
use super::{Failure, Lang};
use crate::bulk;
use crate::proof::{self, Explanation};
use crate::report::wording::BookWords;
use std::io::Write;

/// Arguments of `why-not`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// The conclusion that is missed, such as 'liable("c1",P,"zz-injury",_,_)'; `_` and capitalised names are open
    atom: String,
    /// How many near misses are shown
    #[arg(long, value_name = "N", default_value_t = 5)]
    nearest: usize,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let goal = form::atom(&args.atom, &book, setting, err)?;
    let request = args.question.request(true);
    let loaded = bulk::load(&book, &request).map_err(|t| setting::trouble(t, &book, setting, err))?;
    let options = proof::Options { attempts: args.nearest.max(1), ..args.form.options() };
    let explanation = proof::explain(&book.program, &loaded.database, &goal, &options).map_err(form::limit)?;
    let words = BookWords::new(&book, &loaded.database, &loaded.origins, form::language(setting));
    args.form.write(&explanation, &words, &head(&explanation, setting), out)
}

fn head(explanation: &Explanation, setting: &Setting) -> String {
    match (explanation.answers.len() + explanation.more_answers, setting.lang) {
        (0, Lang::Zh) => "未能成立。最接近成立的规则及其所缺，所缺最易补足的在前：".to_owned(),
        (0, Lang::En) => {
            "This does not follow. The rules that came nearest, what would take least first, and what each lacks:"
                .to_owned()
        }
        (1, Lang::Zh) => "所问结论其实成立（可用 why 询问）。最短的推导：".to_owned(),
        (1, Lang::En) => "This does follow (ask it with `why`). The shortest derivation:".to_owned(),
        (n, Lang::Zh) => {
            format!("所问结论其实成立，有 {n} 个答案（可用 why 询问；把不成立的那一个写全再问 why-not）。最短的推导：")
        }
        (n, Lang::En) => format!(
            "This does follow, with {n} answers (ask it with `why`; to ask why not another, write its values out). \
             Shortest derivations:"
        ),
    }
}
