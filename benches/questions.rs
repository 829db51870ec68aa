//! How long questions take over a loaded casebase: `cargo run --release --example questions -- FACTS [QUESTIONS]`.
//!
//! Persons and cases are drawn from the whole casebase. Each question is asked of a prover that has concluded nothing yet.
//! Prints the median, the 99th percentile and the longest time of `why` (the final state of a person), `why-not` (a
//! liability that is not there) and `least-change` up to cost 3 (what would make that person liable).

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};
use zhuize::bulk::{self, Request};
use zhuize::lang::query::parse_atom;
use zhuize::proof::demand::Prover;
use zhuize::proof::least_change::{Bounds, least_change};
use zhuize::proof::{self, Goal};
use zhuize::rulebook::{RuleTree, Rulebook};

fn report(out: &mut impl std::io::Write, name: &str, mut times: Vec<Duration>) -> std::io::Result<()> {
    times.sort();
    if times.is_empty() {
        return Ok(());
    }
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let n = times.len();
    writeln!(out, "{name:<14} {n:>6} {:>10.2} {:>10.2} {:>10.2}", at(0.5), at(0.99), at(1.0))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let facts = args.next().ok_or("usage: questions FACTS [QUESTIONS]")?;
    let questions: usize = args.next().map_or(Ok(1000), |n| n.parse())?;
    let mut out = std::io::stdout();
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.ok_or("the built-in rules are sound")?;
    let as_of = zhuize::lang::date::parse_iso("2025-06-30").ok_or("a date")?;
    let request = Request { origins: true, threads: 0, ..Request::new(facts, as_of) };
    let start = Instant::now();
    let mut loaded = bulk::load(&book, &request).map_err(|t| format!("{t:?}"))?;
    let changeable = bulk::scenario::changeable(&loaded.schema, &book.program, &mut loaded.database);
    let participants = book.program.relation("participants").ok_or("a table of participants")?;
    let table = loaded.database.table(participants);
    let step = (table.len() / questions).max(1);
    let text = |w| loaded.database.symbols.resolve(w).to_owned();
    let who: Vec<(String, String)> = (0..table.len())
        .step_by(step)
        .take(questions)
        .map(|i| (text(table.row(i)[0]), text(table.row(i)[1])))
        .collect();
    let prover = Prover::new(&book.program, loaded.database, proof::Options::default().most_steps);
    writeln!(out, "ready after {:.1} s; milliseconds:", start.elapsed().as_secs_f64())?;
    writeln!(out, "{:<14} {:>6} {:>10} {:>10} {:>10}", "", "asked", "median", "p99", "longest")?;
    let goal = |text: String| -> Result<Goal, String> {
        parse_atom(&book.program, &text).map(Goal::from).map_err(|d| format!("{text}: {d:?}"))
    };
    let instruments = ["zz-injury", "zz-wrong", "yy-lost", "wl-em", "cf-fault", "cf-interf"];
    let options = proof::Options::default();
    let mut longest = vec![(Duration::ZERO, String::new()); 3];
    let mut note = |kind: usize, time: Duration, text: &dyn Fn() -> String| {
        if time > longest[kind].0 {
            longest[kind] = (time, text());
        }
    };
    let (mut why, mut why_not, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for (i, (case, person)) in who.iter().enumerate() {
        let state = goal(format!("disposition({case:?}, {person:?}, _, _)"))?;
        let start = Instant::now();
        proof::explain_with(&mut prover.fork(), &state, &options).map_err(|l| l.to_string())?;
        why.push(start.elapsed());
        note(0, start.elapsed(), &|| format!("disposition({case:?}, {person:?}, _, _)"));
        let text = format!("liable({case:?}, {person:?}, {:?}, _, _)", instruments[i % instruments.len()]);
        let liable = goal(text.clone())?;
        let start = Instant::now();
        let found = proof::explain_with(&mut prover.fork(), &liable, &options).map_err(|l| l.to_string())?;
        if !found.answers.is_empty() {
            continue;
        }
        why_not.push(start.elapsed());
        note(1, start.elapsed(), &|| text.clone());
        if least.len() < questions / 5 {
            let start = Instant::now();
            let bounds = Bounds { cost: 3, ..Bounds::default() };
            least_change(&mut prover.fork(), &liable, true, &changeable, &bounds).map_err(|l| l.to_string())?;
            least.push(start.elapsed());
            note(2, start.elapsed(), &|| text.clone());
        }
    }
    report(&mut out, "why", why)?;
    report(&mut out, "why-not", why_not)?;
    report(&mut out, "least-change", least)?;
    for ((time, text), name) in longest.iter().zip(["why", "why-not", "least-change"]) {
        writeln!(out, "longest {name}: {:.0} ms, {text}", time.as_secs_f64() * 1e3)?;
    }
    Ok(())
}
