//! `zhuize why`: one shortest proof of a conclusion, or what it lacks.

use super::form::{self, Around, Form, Format};
use super::ground::{self, Ask, Facts, Rules};
use super::setting::{self, Setting};
use super::{Failure, Lang};
use crate::lang::program::{Arg, Const, Program, RelId, VarId};
use crate::proof::demand::Prover;
use crate::proof::derivation::derive;
use crate::proof::{self, Explanation, Goal};
use crate::report::explain::supports;
use crate::report::{certificate, staging, summary};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Most sets of facts that are followed for one fact.
const MOST_SUPPORTS: usize = 200;

/// Arguments of `why`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ask: Ask,
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
    /// Count all proofs and show the smallest of them, at most N
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    all: Option<u32>,
    /// Show the minimal sets of given facts from which the conclusion follows (text or json)
    #[arg(long, conflicts_with = "all")]
    supports: bool,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let rules = args.ask.rules(setting, err)?;
    let by_case = args.case.is_some() || args.person.is_some();
    let (atoms, folder) = args.ask.words(&[&args.atom], usize::from(!by_case));
    if args.ask.of_program() && atoms.is_empty() != by_case {
        return Err(ground::no_atom(setting));
    }
    let goal = goal(args, atoms.first().copied(), &rules, setting, err)?;
    let facts = args.ask.facts(&rules, folder, &[goal.rel], |_| {}, setting, err)?;
    let options = proof::Options { best: args.all.unwrap_or(0) as usize, ..args.form.options() };
    if args.supports {
        return supports(args, &goal, &rules, &facts, setting, out);
    }
    let mut prover = facts.prover(&rules, options.most_steps);
    if let Some(path) = &args.certificate {
        let more = certify(path, &rules, &facts, prover.fork(), (&goal, &options), setting)?;
        uncertified(more, setting, err)?;
    }
    let explanation = proof::explain_with(&mut prover, &goal, &options).map_err(form::limit(setting))?;
    let words = facts.words(&rules, setting);
    let beside = args.form.beside(&mut prover, &explanation).map_err(form::limit(setting))?;
    let head = head(&explanation, args.all.is_some(), setting);
    args.form.write(&explanation, &Around { head: &head, beside: &beside, about: &facts.about }, &*words, out)
}

/// Minimal supports of every answer.
fn supports(
    args: &Args,
    goal: &Goal,
    rules: &Rules,
    facts: &Facts,
    setting: &Setting,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let options = proof::Options::default();
    let mut prover = facts.prover(rules, options.most_steps);
    let granted = |rel: RelId| rules.granted(rel);
    let found = proof::supports(&mut prover, goal, &options, &granted, MOST_SUPPORTS).map_err(form::limit(setting))?;
    let words = facts.words(rules, setting);
    if args.form.format == Format::Json {
        let text = supports::json(goal.rel, &found, &*words).map_err(|e| Failure::Limit(e.to_string()))?;
        write!(out, "{text}")?;
    } else if found.is_empty() {
        writeln!(
            out,
            "{}",
            setting.say(
                "所问结论未能成立，没有支持它的事实组合。可用 why-not 询问所缺。",
                "This does not follow, so nothing supports it: ask `why-not` what it lacks."
            )
        )?;
    } else {
        write!(out, "{}", supports::text(goal.rel, &found, &*words))?;
    }
    Ok(())
}

/// Writes the certificate of a goal, and says how many answers it leaves out. The prover is new: an explanation looks at more facts than the answer depends on.
pub(super) fn certify(
    path: &Path,
    rules: &Rules,
    facts: &Facts,
    mut prover: Prover<'_>,
    (goal, options): (&Goal, &proof::Options),
    setting: &Setting,
) -> Result<usize, Failure> {
    let derivation = derive(&mut prover, goal, options).map_err(form::limit(setting))?;
    facts.settled()?;
    let program = rules.program();
    let text = certificate::render(program, &derivation, &|rel, v| origin(program, facts, rel, v));
    staging::whole(path, text.as_bytes())?;
    Ok(derivation.more_answers)
}

/// Says that a certificate leaves answers out, where it does.
pub(super) fn uncertified(more: usize, setting: &Setting, err: &mut dyn Write) -> Result<(), Failure> {
    match setting.lang {
        _ if more == 0 => Ok(()),
        Lang::Zh => Ok(writeln!(err, "证明文书只载前面的答案，另有 {more} 个未载入；把值写全可逐个取得证明。")?),
        Lang::En => {
            let text = "the certificate claims the first answers only";
            Ok(writeln!(err, "{text}; {more} more are left out: write their values out to certify them")?)
        }
    }
}

/// `file:line` of a given fact.
pub(super) fn origin(program: &Program, facts: &Facts, rel: RelId, values: &[Const]) -> Option<String> {
    let words: Option<Vec<_>> = values.iter().map(|v| facts.database.known_word(v)).collect();
    match words.and_then(|w| facts.origins.of(&facts.database, rel, &w)) {
        Some(o) => Some(format!("{}:{}", o.file, o.line)),
        None => certificate::origin_in_text(program, rel, values),
    }
}

/// A line above the tree that says which question is answered.
fn head(explanation: &Explanation, all: bool, setting: &Setting) -> String {
    let n = explanation.answers.len();
    if all && n > 0 {
        let counts = explanation.answers.iter().filter(|a| a.nth == 0).map(|a| a.proofs);
        let total = counts.fold((0u128, true), |(t, e), c| (t.saturating_add(c.number), e && c.exact));
        let (total, exact) = (total.0, total.1 && !explanation.truncated);
        let about = if exact { "" } else { "≥" };
        return match setting.lang {
            Lang::Zh if total == 1 && exact => "成立。只有一种推导：".to_owned(),
            Lang::En if total == 1 && exact => "This follows. The only derivation:".to_owned(),
            Lang::Zh => format!("成立。共有推导 {about}{total} 种，由小到大列出 {n} 种："),
            Lang::En => format!("This follows. {about}{total} derivations in all; the {n} smallest, smallest first:"),
        };
    }
    match (n, setting.lang) {
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

fn goal(
    args: &Args,
    atom: Option<&str>,
    rules: &Rules,
    setting: &Setting,
    err: &mut dyn Write,
) -> Result<Goal, Failure> {
    if let Some(text) = atom {
        return rules.goal(text, setting, err);
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
    let program = rules.program();
    let Some((rel, columns)) = summary::verdict(program) else {
        return Err(Failure::Usage("E0604: no relation of the rules is annotated `verdict`; write an atom".into()));
    };
    let arity = program.rel(rel).arity();
    let args = (0..arity)
        .map(|i| match columns.iter().position(|c| *c == i).and_then(|k| asked[k].as_ref()) {
            Some(text) => Arg::Const(Const::Symbol(text.as_str().into())),
            None => Arg::Var(VarId(i as u32)),
        })
        .collect();
    Ok(setting::as_held(Goal { rel, args }, program, rules.codes()))
}
