//! Mutation test of the law: every rule of every rulebook is left out, every negation removed, every number of a rule or
//! fact of the text shifted by one, one change at a time; some golden case must then come out otherwise. What survives
//! stands in `docs/law-mutants.md` with the reason.
//!
//! `cargo test --test law_mutants` tries a sample; `cargo test --release --test law_mutants -- --full` tries all, prints
//! the table and compares the survivors with the document both ways. `LAW_GOLDEN=DIR` adds the casebases under DIR
//! (`NAME/facts`, `NAME/expect`); then what they kill is no contradiction to the document. `--only TEXT` tries the mutants
//! whose names contain the text.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly
#![allow(clippy::print_stdout)] // it prints a table

mod cases;
mod mutants;

use cases::Case;
use mutants::{Kind, Law, Mutant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use zhuize::rulebook::{RuleTree, Rulebook};

/// Of how many mutants the sample takes one.
const SAMPLE: usize = 23;

/// Names of the survivors that the document knows: the code that begins an entry of a list; `*` stands for anything.
struct Known(Vec<String>);

impl Known {
    fn read() -> Self {
        let text = std::fs::read_to_string("docs/law-mutants.md").unwrap_or_default();
        Self(text.lines().filter_map(|l| l.strip_prefix("- `")?.split('`').next()).map(str::to_owned).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|p| fits(p, name))
    }
}

/// Whether a name fits a pattern with `*` in it.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    name.strip_prefix(first).is_some_and(|tail| {
        let from = tail.char_indices().map(|(i, _)| i).chain([tail.len()]);
        from.into_iter().any(|i| fits(rest, &tail[i..]))
    })
}

/// Provisions displaced one at a time in every golden case, and what is concluded under them all the same.
fn in_spite<'a>(law: &Law, cases: impl Iterator<Item = &'a Case>) -> (usize, BTreeSet<String>) {
    let found = cases.map(|c| c.in_spite(&law.program));
    found.fold((0, BTreeSet::new()), |(n, mut all), (m, left)| {
        all.extend(left);
        (n + m, all)
    })
}

/// Options and their values as the rules declare them and as `readings.csv` words them: where the two part. Casebases are
/// held to the declared values when they are loaded, so that no conclusion depends on them.
fn readings() -> Vec<String> {
    let book = Rulebook::load(&RuleTree::embedded()).rulebook.expect("the built-in rules are sound");
    let facts = |name: &str| {
        let rel = book.program.relation(name).unwrap();
        let of = book.program.facts.iter().filter(move |f| f.rel == rel);
        of.map(|f| f.values.iter().map(mutants::shown).collect::<Vec<_>>()).collect::<BTreeSet<_>>()
    };
    let worded = book.readings.entries.values().flatten().filter(|w| !w.option.is_empty());
    let worded: BTreeSet<_> = worded.map(|w| vec![w.option.clone(), w.value.clone()]).collect();
    let (declared, defaults) = (facts("option_value"), facts("option_default"));
    assert!(declared.len() > 50, "{}", declared.len());
    let options = |of: &BTreeSet<Vec<String>>| of.iter().map(|v| v[0].clone()).collect::<BTreeSet<_>>();
    let (has_default, has_values) = (options(&defaults), options(&declared));
    let mut wrong: Vec<String> = worded.difference(&declared).map(|v| format!("worded, not declared: {v:?}")).collect();
    wrong.extend(defaults.difference(&declared).map(|v| format!("a default that is no value: {v:?}")));
    wrong.extend(
        has_values.difference(&has_default).filter(|o| *o != "assume_scope").map(|o| format!("no default: {o}")),
    );
    // These are no readings: assumptions, evidence on file, and further numbers of a reading that is worded for two.
    let unworded = |v: &&Vec<String>| {
        v[0] == "assume_scope" || v[0] == "procedure_closed_world" || v[0] == "cf_multiple" && "456789".contains(&v[1])
    };
    wrong.extend(declared.difference(&worded).filter(|v| !unworded(v)).map(|v| format!("declared, not worded: {v:?}")));
    wrong
}

/// Which of the mutants survive all cases.
fn survivors(law: &Law, cases: &[Case], mutants: &[&Mutant]) -> Vec<usize> {
    let next = AtomicUsize::new(0);
    let out = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(m) = mutants.get(i) else { break };
                    let changed = law.changed(m);
                    // Cases of its own rulebook first: they are the ones that should notice.
                    let own = |c: &&Case| c.rulebook == m.rulebook;
                    let order = cases.iter().filter(own).chain(cases.iter().filter(|c| !own(c)));
                    let displaced = |c: &Case| {
                        let which = m.forgets.as_ref().map(Option::as_deref);
                        which.is_some_and(|w| c.notices_displaced(&law.program, &changed, w))
                    };
                    if !order.into_iter().any(|c| c.notices(&changed) || displaced(c)) {
                        out.lock().unwrap().push(i);
                    }
                }
            });
        }
    });
    let mut out = out.into_inner().unwrap();
    out.sort_unstable();
    out
}

fn table(mutants: &[&Mutant], alive: &[usize]) -> String {
    let mut count: BTreeMap<(&str, Kind), (usize, usize)> = BTreeMap::new();
    for (i, m) in mutants.iter().enumerate() {
        for book in [m.rulebook.as_str(), "~all"] {
            let c = count.entry((book, m.kind)).or_default();
            c.0 += usize::from(alive.binary_search(&i).is_err());
            c.1 += 1;
        }
    }
    let books: BTreeSet<&str> = count.keys().map(|k| k.0).collect();
    let mut out = String::from("| rulebook |");
    Kind::ALL.iter().for_each(|k| out.push_str(&format!(" {} |", k.title())));
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(Kind::ALL.len()));
    for book in books {
        out.push_str(&format!("\n| {} |", book.trim_start_matches('~')));
        for k in Kind::ALL {
            let (killed, all) = count.get(&(book, k)).copied().unwrap_or_default();
            out.push_str(&if all == 0 { " – |".to_owned() } else { format!(" {killed} of {all} |") });
        }
    }
    out.push('\n');
    out
}

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let full = args.iter().position(|a| a == "--full").map(|i| args.remove(i)).is_some();
    let only = args.iter().position(|a| a == "--only").map(|i| args.drain(i..i + 2).nth(1).expect("--only TEXT"));
    if !full && only.is_none() {
        let sample = libtest_mimic::Trial::test("sample", || {
            let law = Law::new();
            let cases = cases::all(&law.program);
            let mutants: Vec<&Mutant> = law.mutants.iter().step_by(SAMPLE).collect();
            let known = Known::read();
            let alive = survivors(&law, &cases, &mutants);
            let new: Vec<&str> = alive.iter().map(|i| mutants[*i].name.as_str()).filter(|n| !known.has(n)).collect();
            // A sample that notices nothing tests nothing.
            let noticed = mutants.len() - alive.len();
            if noticed * 4 < mutants.len() * 3 {
                return Err(format!("only {noticed} of {} mutants are noticed", mutants.len()).into());
            }
            if new.is_empty() { Ok(()) } else { Err(format!("no golden case notices:\n{}", new.join("\n")).into()) }
        });
        let displaced = libtest_mimic::Trial::test("displaced", || {
            let law = Law::new();
            // Of every third case; `--full` asks all of them.
            let cases = cases::all(&law.program);
            let (n, left) = in_spite(&law, cases.iter().step_by(3));
            if n < 200 {
                return Err(format!("only {n} provisions").into());
            }
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("concluded though displaced:\n{}", left.into_iter().collect::<Vec<_>>().join("\n")).into())
            }
        });
        let readings = libtest_mimic::Trial::test("readings", || {
            let wrong = readings();
            if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
        });
        let args = std::iter::once("law_mutants".to_owned()).chain(args);
        libtest_mimic::run(&libtest_mimic::Arguments::from_iter(args), vec![sample, displaced, readings]).exit();
    }
    let law = Law::new();
    let cases = cases::all(&law.program);
    let wanted = |m: &&Mutant| only.as_ref().is_none_or(|t| m.name.contains(t.as_str()));
    let mutants: Vec<&Mutant> = law.mutants.iter().filter(wanted).collect();
    let start = std::time::Instant::now();
    let alive = survivors(&law, &cases, &mutants);
    println!("{} mutants, {} cases, {:.0} s\n", mutants.len(), cases.len(), start.elapsed().as_secs_f64());
    println!("{}", table(&mutants, &alive));
    let known = Known::read();
    let new: Vec<_> = alive.iter().map(|i| mutants[*i]).filter(|m| !known.has(&m.name)).collect();
    let stale: Vec<_> =
        known.0.iter().filter(|p| only.is_none() && !alive.iter().any(|i| fits(p, &mutants[*i].name))).collect();
    println!("survivors: {}, of which explained: {}", alive.len(), alive.len() - new.len());
    for m in &new {
        println!("survives: {} ({})", m.name, m.place);
        println!("    {}", m.text);
    }
    let more = std::env::var_os("LAW_GOLDEN").is_some();
    for n in stale.iter().filter(|_| !more) {
        println!("in docs/law-mutants.md, but noticed or not there: {n}");
    }
    let (provisions, left) = if full { in_spite(&law, cases.iter()) } else { Default::default() };
    println!("provisions displaced in turn: {provisions}, of which concluded under all the same: {}", left.len());
    left.iter().for_each(|l| println!("concluded though displaced: {l}"));
    let fine = new.is_empty() && (more || stale.is_empty()) && left.is_empty();
    println!(
        "test result: {}. {} passed; {} failed",
        if fine { "ok" } else { "FAILED" },
        u8::from(fine),
        u8::from(!fine)
    );
    std::process::exit(i32::from(!fine));
}
