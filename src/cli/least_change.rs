//! `zhuize least-change`: the least that would have made a conclusion follow, or not follow.

use super::Failure;
use super::form::{self, Form, Format};
use super::ground::{self, Ask};
use super::setting::Setting;
use crate::bulk;
use crate::proof::least_change::{self, Bounds};
use crate::report::explain::outcome;
use std::io::Write;

/// Arguments of `least-change`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ask: Ask,
    /// The conclusion, such as 'liable("c1","p2","zz-injury",_,_)'
    #[arg(required_unless_present = "programs")]
    atom: Option<String>,
    /// What it should become: whether it follows
    #[arg(long, action = clap::ArgAction::Set, value_name = "true|false")]
    to: bool,
    /// Most changes together
    #[arg(long, value_name = "N", default_value_t = 2)]
    cost: usize,
    /// Most situations looked at
    #[arg(long, value_name = "N", default_value_t = 800)]
    states: usize,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let rules = args.ask.rules(setting, err)?;
    let (atoms, folder) = args.ask.words(&[&args.atom], 1);
    let goal = rules.goal(ground::first(&atoms, setting)?, setting, err)?;
    let mut facts = args.ask.facts(&rules, folder, &[goal.rel], |_| {}, setting, err)?;
    let changeable = bulk::scenario::changeable(&facts.schema, rules.program(), &mut facts.database);
    let mut prover = facts.prover(&rules, args.form.options().most_steps);
    let bounds = Bounds { cost: args.cost, states: args.states };
    let found =
        least_change::least_change(&mut prover, &goal, args.to, &changeable, &bounds).map_err(form::limit(setting))?;
    let words = facts.words(&rules, setting);
    match args.form.format {
        Format::Text => write!(out, "{}", outcome::least_text(&found, args.to, args.cost, &*words))?,
        Format::Json => {
            let text = outcome::least_json(&found, args.to, &*words).map_err(|e| Failure::Limit(e.to_string()))?;
            write!(out, "{text}")?;
        }
        _ => return Err(form::only_text_or_json(setting)),
    }
    Ok(())
}
