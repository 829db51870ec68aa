//! `zhuize contrast`: why here and not there.

use super::form::{self, Form, Format};
use super::ground::{self, Ask};
use super::setting::Setting;
use super::{Failure, Lang};
use crate::bulk::similar;
use crate::engine;
use crate::lang::program::Arg;
use crate::proof::contrast::contrast;
use crate::proof::demand::Prover;
use crate::proof::graph::Value;
use crate::proof::{self, Goal, typed};
use crate::report::explain::contrast as view;
use crate::report::summary;
use std::io::Write;

/// Arguments of `contrast`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ask: Ask,
    /// A conclusion that follows, such as 'disposition("c1","p1","zz-injury",_)'
    #[arg(required_unless_present = "programs")]
    here: Option<String>,
    /// The conclusion it is contrasted with, such as 'disposition("c2","p4","zz-injury","ordinary")'
    #[arg(required_unless_present_any = ["similar", "programs"], conflicts_with = "similar")]
    there: Option<String>,
    /// Contrast with the nearest case in which the result is another
    #[arg(long)]
    similar: bool,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let rules = args.ask.rules(setting, err)?;
    let (atoms, folder) = args.ask.words(&[&args.here, &args.there], if args.similar { 1 } else { 2 });
    let here = rules.goal(ground::first(&atoms, setting)?, setting, err)?;
    let there = atoms.get(1).map(|t| rules.goal(t, setting, err)).transpose()?;
    if there.is_none() && !args.similar {
        return Err(ground::no_atom(setting));
    }
    if let Some(t) = there.as_ref().filter(|t| t.rel != here.rel) {
        let (a, b) = (&rules.program().rel(here.rel).name, &rules.program().rel(t.rel).name);
        return Err(Failure::Usage(match setting.lang {
            Lang::Zh => format!("E0624: 只能对比同一种结论，“{a}”与“{b}”不同"),
            Lang::En => format!("E0624: only conclusions of one relation can be contrasted, not `{a}` with `{b}`"),
        }));
    }
    let facts = args.ask.facts(&rules, folder, &[here.rel], |_| {}, setting, err)?;
    let mut prover = facts.prover(&rules, args.form.options().most_steps);
    let words = facts.words(&rules, setting);
    let mut head = String::new();
    let (here, there) = match there {
        Some(there) => (here, there),
        None => match nearest(&mut prover, &here, setting)? {
            Some((h, t, share)) => {
                let what = words.fact(h.rel, &t.0);
                head = match setting.lang {
                    Lang::Zh => format!("结果不同的最相近者（相似度 {share}%）：{what}\n\n"),
                    Lang::En => format!("The nearest with another result ({share}% alike): {what}\n\n"),
                };
                (h, t.1)
            }
            None => {
                let text =
                    setting.say("没有结果不同的其他案件可比。", "There is no case with another result to compare.");
                writeln!(out, "{text}")?;
                return Ok(());
            }
        },
    };
    let found = contrast(&mut prover, &here, &there).map_err(form::limit(setting))?;
    match args.form.format {
        Format::Text => write!(out, "{head}{}", view::text(&found, &*words))?,
        Format::Json => {
            let text = view::json(&found, &*words).map_err(|e| Failure::Limit(e.to_string()))?;
            write!(out, "{text}")?;
        }
        _ => return Err(form::only_text_or_json(setting)),
    }
    Ok(())
}

/// The first answer as a goal; the nearest other verdict, as values and as the goal that it had the same result; how near.
type Nearest = (Goal, (Vec<Value>, Goal), usize);

/// The nearest row of the verdict relation with another result.
fn nearest(prover: &mut Prover<'_>, here: &Goal, setting: &Setting) -> Result<Option<Nearest>, Failure> {
    let program = prover.program();
    let Some((rel, keys)) = summary::verdict(program) else {
        let text = setting.say(
            "E0604: 规则中没有注明 verdict 的关系，--similar 无从比较",
            "E0604: no relation of the rules is annotated `verdict`, so --similar has nothing to compare",
        );
        return Err(Failure::Usage(text.to_owned()));
    };
    if rel != here.rel {
        let name = &program.rel(rel).name;
        return Err(Failure::Usage(match setting.lang {
            Lang::Zh => format!("E0625: --similar 只能用于“{name}”"),
            Lang::En => format!("E0625: --similar asks about `{name}` only"),
        }));
    }
    let Some(first) = proof::answer_values(prover, here).map_err(form::limit(setting))?.into_iter().next() else {
        return Ok(None);
    };
    let goal = |values: &[Value]| Goal { rel, args: values.iter().map(|v| Arg::Const(v.value.clone())).collect() };
    let options = engine::limit::Options { complete: true, ..Default::default() };
    let (all, _) = engine::evaluate(program, prover.given(), &options).map_err(form::limit(setting))?;
    let row: Option<Vec<u32>> = first.iter().map(|v| all.known_word(&v.value)).collect();
    let Some(row) = row else { return Ok(None) };
    let Some(near) = similar::nearest(program, &all, rel, &keys, &row, 1).into_iter().next() else { return Ok(None) };
    let plain = |row: &[u32]| -> Vec<Value> {
        typed::row(program, &all.symbols, rel, row.iter().map(|w| Some(*w))).into_iter().flatten().collect()
    };
    let theirs = plain(&near.row);
    // Why has that case not the result that this one has?
    let mut wanted = theirs.clone();
    (0..wanted.len()).filter(|c| !keys.contains(c)).for_each(|c| wanted[c] = first[c].clone());
    let args: Vec<Arg> = wanted.iter().map(|v| Arg::Const(v.value.clone())).collect();
    let share = 100 * near.shared.0 / near.shared.1.max(1);
    Ok(Some((goal(&first), (theirs, Goal { rel, args }), share)))
}
