//! `zhuize what-if`: the conclusions that come and go when facts, options or the date are otherwise.

use super::form::{self, Form, Format};
use super::ground::{self, Ask, Facts, Rules};
use super::setting::{self, Setting};
use super::{Failure, Lang};
use crate::bulk::scenario;
use crate::engine::store::Database;
use crate::engine::{self, Limit};
use crate::lang::program::{Arg, Program, RelId};
use crate::lang::query;
use crate::proof::demand::{Change, Prover};
use crate::proof::graph::Value;
use crate::proof::what_if::{self, Flip, Outcome};
use crate::proof::{self, Goal};
use crate::report::explain::outcome::{self, Shown};
use crate::report::explain::view::View;
use crate::report::explain::{json, tree};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `what-if`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    ask: Ask,
    /// A row to add, such as 'grounds("c1","procedural_violation",_)'; `_` is a blank cell
    #[arg(long, value_name = "ATOM")]
    add: Vec<String>,
    /// Rows to take away; `_` matches every value
    #[arg(long, value_name = "ATOM")]
    remove: Vec<String>,
    /// Rows to change and what: --change 'participants("c1","p1",_,_,_)' fault=none
    #[arg(long, value_names = ["ATOM", "COLUMN=VALUE"], num_args = 2)]
    change: Vec<String>,
    /// A reading to choose instead
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting::parse_option)]
    set: Vec<(String, String)>,
    /// Another day on which the question is asked
    #[arg(long, value_name = "DATE", value_parser = setting::parse_date)]
    then_as_of: Option<i32>,
    /// A scenario file: title, as_of, add, remove, change, set
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Write the scenario that was asked to a file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Ask about these conclusions only, such as 'disposition("c1",_,_,_)'
    #[arg(long, value_name = "ATOM")]
    about: Option<String>,
    /// Show the proof of what comes, and what is now lacking from what goes
    #[arg(long)]
    proofs: bool,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let rules = args.ask.rules(setting, err)?;
    let program = rules.program();
    let scenario = scenario(args, setting)?;
    let another = !scenario.set.is_empty() || scenario.as_of.is_some();
    if another && args.ask.of_program() {
        return Err(ground::only_for_casebases(setting));
    }
    let about = args.about.as_ref().map(|t| rules.goal(t, setting, err)).transpose()?;
    let asked: Vec<RelId> = about.iter().map(|g| g.rel).collect();
    let (_, folder) = args.ask.words(&[], 0);
    let mut facts = args.ask.facts(&rules, folder, &asked, |_| {}, setting, err)?;
    for text in scenario.remove.iter().chain(scenario.change.iter().map(|e| &e.rows)) {
        // What is wrong with an atom is said below.
        if let Ok(goal) = query::parse_atom(program, text) {
            facts.bring(&setting::as_held(goal.into(), program, rules.codes()));
        }
    }
    facts.settled()?;
    let changes = read_changes(&scenario, &rules, &mut facts, setting, err)?;
    if let Some(path) = &args.save {
        let text = toml::to_string_pretty(&scenario).map_err(|e| Failure::Usage(format!("E0617: {e}")))?;
        crate::report::staging::whole(path, text.as_bytes())?;
    }
    let options = args.form.options();
    let mut before = facts.prover(&rules, options.most_steps);
    // Options and the date come with a second loading; rows alone with a fork.
    let mut after = if another {
        let day = scenario.as_of.as_deref().map(setting::parse_date).transpose();
        let day = day.map_err(|e| Failure::Usage(format!("E0618: {e}")))?;
        let otherwise = |request: &mut crate::bulk::Request| {
            request.set.retain(|(name, _)| !scenario.set.contains_key(name));
            request.set.extend(scenario.set.iter().map(|(n, v)| (n.clone(), v.clone())));
            request.as_of = day.unwrap_or(request.as_of);
        };
        let mut other = args.ask.facts(&rules, folder, &asked, otherwise, setting, err)?;
        let again = read_changes(&scenario, &rules, &mut other, setting, err)?;
        let mut after = other.prover(&rules, options.most_steps);
        after.change(&again);
        after
    } else {
        let mut after = before.fork();
        after.change(&changes);
        after
    };
    let changed: Vec<_> = changes.iter().map(|(r, row, _)| (*r, row.clone())).collect();
    let found = match (&about, another) {
        (Some(goal), _) => compare(&mut before, &mut after, goal),
        (None, false) => what_if::outcome(&mut before, &mut after, &changed),
        (None, true) => whole(program, &before.given(), &after.given()),
    };
    let found = found.map_err(form::limit(setting))?;
    let is_given = |r: RelId| rules.given(r);
    let wanted = |r: RelId| about.as_ref().map_or_else(|| rules.shown(r), |g| g.rel == r);
    let shown = Shown::of(&found, &is_given, &wanted);
    let words = facts.words(&rules, setting);
    let mut explanations = Vec::new();
    let mut trees = String::new();
    if args.proofs {
        let options = proof::Options { attempts: 1, ..options };
        let rows = shown.gained.iter().map(|r| (r, true)).chain(shown.lost.iter().map(|r| (r, false)));
        for ((rel, values), gained) in rows {
            let goal = Goal { rel: *rel, args: values.iter().map(|v| Arg::Const(v.value.clone())).collect() };
            // What comes follows after the change; what goes lacks something after it.
            let explanation = proof::explain_with(&mut after, &goal, &options).map_err(form::limit(setting))?;
            let view = View::of(&explanation, &*words, args.form.detail());
            if args.form.format == Format::Json {
                explanations.push(json::value(&explanation, &view).map_err(|e| Failure::Limit(e.to_string()))?);
            } else {
                trees.push_str(if gained { "\n＋ " } else { "\n－ " });
                trees.push_str(&tree::render(&view, &tree::TreeOptions::default()));
            }
        }
    }
    match args.form.format {
        Format::Json => {
            let text = outcome::json(&shown, explanations, &*words).map_err(|e| Failure::Limit(e.to_string()))?;
            write!(out, "{text}")?;
        }
        Format::Text => {
            if let Some(title) = &scenario.title {
                writeln!(out, "{title}\n")?;
            }
            if another {
                head(&scenario, setting, out)?;
            }
            write!(out, "{}{trees}", outcome::text(&shown, &*words))?;
        }
        _ => return Err(form::only_text_or_json(setting)),
    }
    Ok(())
}

/// What is set besides rows.
fn head(scenario: &scenario::Scenario, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
    let set: Vec<String> = scenario.set.iter().map(|(n, v)| format!("{n} = {v}")).collect();
    match (setting.lang, set.is_empty()) {
        (_, true) => {}
        (Lang::Zh, false) => writeln!(out, "改选读法：{}", set.join("，"))?,
        (Lang::En, false) => writeln!(out, "Readings chosen: {}", set.join(", "))?,
    }
    match (&scenario.as_of, setting.lang) {
        (None, _) => {}
        (Some(d), Lang::Zh) => writeln!(out, "改用基准日：{d}")?,
        (Some(d), Lang::En) => writeln!(out, "As of another day: {d}")?,
    }
    Ok(())
}

/// The scenario of the file and the arguments together.
fn scenario(args: &Args, setting: &Setting) -> Result<scenario::Scenario, Failure> {
    let mut all = scenario::Scenario {
        add: args.add.clone(),
        remove: args.remove.clone(),
        set: args.set.iter().cloned().collect(),
        as_of: args.then_as_of.map(crate::lang::date::iso),
        ..scenario::Scenario::default()
    };
    for pair in args.change.chunks_exact(2) {
        let (name, value) = pair[1].split_once('=').ok_or_else(|| {
            let text = format!("E0619: `{}` is not of the form COLUMN=VALUE", pair[1]);
            Failure::Usage(text)
        })?;
        let to = BTreeMap::from([(name.trim().to_owned(), value.trim().to_owned())]);
        all.change.push(scenario::Edit { rows: pair[0].clone(), to });
    }
    if let Some(path) = &args.scenario {
        let text =
            std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("E0620: {}: {e}", path.display())))?;
        let file =
            scenario::Scenario::parse(&text).map_err(|e| Failure::Usage(format!("E0621: {}: {e}", path.display())))?;
        all.join(file);
    }
    let nothing = all.add.is_empty()
        && all.remove.is_empty()
        && all.change.is_empty()
        && all.set.is_empty()
        && all.as_of.is_none();
    if nothing {
        return Err(Failure::Usage(
            setting
                .say(
                    "E0622: 请写明改变什么：--add、--remove、--change、--set、--then-as-of 或 --scenario",
                    "E0622: say what is otherwise: --add, --remove, --change, --set, --then-as-of or --scenario",
                )
                .to_owned(),
        ));
    }
    Ok(all)
}

fn read_changes(
    scenario: &scenario::Scenario,
    rules: &Rules,
    facts: &mut Facts,
    setting: &Setting,
    err: &mut dyn Write,
) -> Result<Vec<Change>, Failure> {
    let problems = match scenario.changes(rules.program(), rules.codes(), &facts.schema, &mut facts.database) {
        Ok(changes) => return Ok(changes),
        Err(problems) => problems,
    };
    for p in &problems {
        match p {
            scenario::Problem::Atom(text, list) => {
                setting.print_diagnostics(list, &query::files_with_question(rules.program(), text), err)?;
            }
            scenario::Problem::Other(code, zh, en) => writeln!(err, "{code}: {}", setting.say(zh, en))?,
        }
    }
    Err(Failure::Usage(
        setting.say("E0610: 设定有误，未作推导", "E0610: the scenario is wrong; nothing was derived").to_owned(),
    ))
}

/// The answers of a goal on both sides.
fn compare(before: &mut Prover<'_>, after: &mut Prover<'_>, goal: &Goal) -> Result<Outcome, Limit> {
    let old = proof::answer_values(before, goal)?;
    let new = proof::answer_values(after, goal)?;
    let flip = |values: &Vec<Value>, gained: bool| Flip { rel: goal.rel, values: values.clone(), gained };
    let mut flips: Vec<Flip> = old.iter().filter(|v| !new.contains(v)).map(|v| flip(v, false)).collect();
    flips.extend(new.iter().filter(|v| !old.contains(v)).map(|v| flip(v, true)));
    Ok(Outcome { flips, kept: Vec::new() })
}

/// Two full runs, compared.
fn whole(program: &Program, before: &Database, after: &Database) -> Result<Outcome, Limit> {
    let options = engine::limit::Options { complete: true, ..Default::default() };
    let run = |db: &Database| engine::evaluate(program, db.clone(), &options);
    let ((old, _), (new, _)) = (run(before)?, run(after)?);
    let mut flips = Vec::new();
    for (i, relation) in program.relations.iter().enumerate() {
        if relation.outputs.is_empty() {
            continue;
        }
        let rel = RelId(i as u32);
        let values = |db: &Database, from: &Database| -> Vec<Vec<Value>> {
            let missing = db.table(rel).rows().filter(|row| {
                let words = row
                    .iter()
                    .zip(&relation.columns)
                    .map(|(w, c)| from.known_word(&proof::graph::constant(c.prim, *w, &db.symbols)));
                words.collect::<Option<Vec<_>>>().is_none_or(|row| !from.table(rel).contains(&row))
            });
            let plain = |row: &[u32]| {
                proof::typed::row(program, &db.symbols, rel, row.iter().map(|w| Some(*w)))
                    .into_iter()
                    .flatten()
                    .collect::<Vec<Value>>()
            };
            let mut rows: Vec<Vec<Value>> = missing.map(plain).collect();
            rows.sort_by(|a, b| what_if::order(a, b));
            rows
        };
        flips.extend(values(&old, &new).into_iter().map(|values| Flip { rel, values, gained: false }));
        flips.extend(values(&new, &old).into_iter().map(|values| Flip { rel, values, gained: true }));
    }
    Ok(Outcome { flips, kept: Vec::new() })
}
