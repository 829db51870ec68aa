//! `zhuize why-not`: what a conclusion lacks; with open places, what came nearest to any.

use super::form::{self, Around, Form};
use super::ground::{self, Ask};
use super::setting::Setting;
use super::why;
use super::{Failure, Lang};
use crate::proof::{self, Explanation};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `why-not`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ask: Ask,
    /// The conclusion that is missed, such as 'liable("c1",P,"zz-injury",_,_)'; `_` and capitalised names are open
    #[arg(required_unless_present = "programs")]
    atom: Option<String>,
    /// How many near misses are shown
    #[arg(long, value_name = "N", default_value_t = 5)]
    nearest: usize,
    /// Write a certificate of the absence (or of the answers, if there are any) that `verify` can check
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let rules = args.ask.rules(setting, err)?;
    let (atoms, folder) = args.ask.words(&[&args.atom], 1);
    let goal = rules.goal(ground::first(&atoms, setting)?, setting, err)?;
    let facts = args.ask.facts(&rules, folder, &[goal.rel], |_| {}, setting, err)?;
    let options = proof::Options { attempts: args.nearest.max(1), ..args.form.options() };
    let mut prover = facts.prover(&rules, options.most_steps);
    if let Some(path) = &args.certificate {
        let more = why::certify(path, &rules, &facts, prover.fork(), (&goal, &options), setting)?;
        why::uncertified(more, setting, err)?;
    }
    let explanation = proof::explain_with(&mut prover, &goal, &options).map_err(form::limit(setting))?;
    let head = head(&explanation, setting);
    let beside = args.form.beside(&mut prover, &explanation).map_err(form::limit(setting))?;
    let around = Around { head: &head, beside: &beside, about: &facts.about };
    args.form.write(&explanation, &around, &*facts.words(&rules, setting), out)
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
