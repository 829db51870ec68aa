//! Explanations as analysts read them: every folder of `tests/explain` has a `question` (casebase, day, atom) and the narrative
//! and the tree expected in both languages. `UPDATE_GOLDEN=1` records them anew: read the difference.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use zhuize::bulk::{self, Request};
use zhuize::facts::Loaded;
use zhuize::lang::date::parse_iso;
use zhuize::lang::query::parse_atom;
use zhuize::proof::demand::Prover;
use zhuize::proof::{Options, explain_with};
use zhuize::report::explain::narrative::{self, Narrative};
use zhuize::report::explain::tree::{self, TreeOptions};
use zhuize::report::explain::view::{Detail, View};
use zhuize::report::explain::words::Language;
use zhuize::report::wording::BookWords;
use zhuize::rulebook::{RuleTree, Rulebook};

fn book() -> &'static Rulebook {
    static BOOK: OnceLock<Rulebook> = OnceLock::new();
    BOOK.get_or_init(|| {
        let loaded = Rulebook::load(&RuleTree::from_dir(Path::new("rules")).unwrap());
        loaded.rulebook.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
    })
}

/// A casebase on a day under some options, loaded once.
fn casebase(facts: &str, as_of: &str, set: &[(String, String)]) -> Result<Arc<Loaded>, Failed> {
    static KNOWN: Mutex<BTreeMap<String, Arc<Loaded>>> = Mutex::new(BTreeMap::new());
    let key = format!("{facts} {as_of} {set:?}");
    if let Some(l) = KNOWN.lock().unwrap().get(&key) {
        return Ok(l.clone());
    }
    let as_of = parse_iso(as_of).ok_or("not a day")?;
    let request = Request { set: set.to_vec(), origins: true, ..Request::new(facts, as_of) };
    let loaded = bulk::load(book(), &request).map_err(|t| format!("{facts}: {t:?}"))?;
    let loaded = Arc::new(loaded);
    KNOWN.lock().unwrap().insert(key, loaded.clone());
    Ok(loaded)
}

/// No word of the program stands in prose, except in the readings, which name options, and in names of files.
fn speaks_plainly(n: &Narrative) -> Result<(), Failed> {
    for section in n.sections.iter().filter(|s| s.name != "readings") {
        for s in section.paragraphs.iter().flat_map(|p| p.sentences.iter().chain(&p.items)) {
            if s.text.contains("（选项 ") || s.text.contains("(option ") {
                continue;
            }
            let mut words = s.text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            if let Some(w) = words.find(|w| w.contains('_')) {
                return Err(format!("`{w}` in: {}", s.text).into());
            }
            // A relation without a label would stand before its values.
            let parts = || s.text.split(['；', ';']).map(str::trim);
            let label = |r: &&zhuize::lang::program::Relation| {
                let heads = [format!("{}：", r.name), format!("{}: ", r.name)];
                parts().any(|p| heads.iter().any(|h| p.starts_with(h)))
            };
            if let Some(r) = book().program.relations.iter().filter(|r| !r.notes.has("zh")).find(label) {
                return Err(format!("`{}` in: {}", r.name, s.text).into());
            }
            if s.text.is_empty() || s.text.contains("（）") || s.text.contains("()") {
                return Err(format!("an empty place in: {}", s.text).into());
            }
        }
    }
    Ok(())
}

fn check(folder: &Path) -> Result<(), Failed> {
    let question = fs::read_to_string(folder.join("question"))?;
    let mut of: BTreeMap<&str, &str> = BTreeMap::new();
    let mut set = Vec::new();
    for line in question.lines().filter(|l| !l.trim().is_empty()) {
        let (key, value) = line.split_once(": ").ok_or(format!("`{line}` is not `key: value`"))?;
        match key {
            "option" => {
                let (name, value) = value.split_once('=').ok_or("option: NAME=VALUE")?;
                set.push((name.to_owned(), value.to_owned()));
            }
            _ => drop(of.insert(key, value)),
        }
    }
    let loaded = casebase(of["casebase"], of.get("as of").unwrap_or(&"2025-06-30"), &set)?;
    let goal = parse_atom(&book().program, of["atom"]).map_err(|d| format!("{d:?}"))?;
    let goal = goal.into();
    let bounds = narrative::options();
    let mut prover = Prover::new(&book().program, loaded.database.clone(), bounds.most_steps);
    let mut another = prover.fork();
    let told = explain_with(&mut prover, &goal, &bounds).map_err(|l| l.to_string())?;
    let beside = narrative::beside(&mut prover, &told).map_err(|l| l.to_string())?;
    let drawn = explain_with(&mut another, &goal, &Options::default()).map_err(|l| l.to_string())?;
    let mut wrong = String::new();
    for (language, name) in [(Language::Zh, "zh"), (Language::En, "en")] {
        let words = BookWords::new(book(), &loaded.database, &loaded.origins, language);
        let prose = narrative::narrate_with(&told, &beside, &words);
        if let Err(e) = speaks_plainly(&prose) {
            wrong.push_str(&format!("{}\n", e.message().unwrap_or("")));
        }
        let tree = tree::render(&View::of(&drawn, &words, Detail::Middle), &TreeOptions::default());
        for (kind, got) in [("narrative", narrative::render(&prose)), ("tree", tree)] {
            let path = folder.join(format!("{kind}.{name}.txt"));
            let want = fs::read_to_string(&path).unwrap_or_default();
            if want == got {
                continue;
            }
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &got)?;
                continue;
            }
            let line = want.lines().zip(got.lines()).position(|(a, b)| a != b);
            let at = line.unwrap_or_else(|| want.lines().count().min(got.lines().count()));
            let show = |t: &str| t.lines().nth(at).unwrap_or("(end)").to_owned();
            wrong.push_str(&format!("{}:{}\n- {}\n+ {}\n", path.display(), at + 1, show(&want), show(&got)));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}

/// Every entry of the register that a rule names has the reading taken and another in words.
fn readings_have_words() -> Result<(), Failed> {
    let mut missing: Vec<&str> = book()
        .rules
        .iter()
        .flat_map(|r| &r.readings)
        .map(String::as_str)
        .filter(|id| id.starts_with('A') && book().readings.entries.get(*id).is_none_or(|ways| ways.len() < 2))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() { Ok(()) } else { Err(format!("no words for {missing:?}").into()) }
}

/// What rules look for has a sentence for its absence, or at least a name in both languages.
fn absences_have_words() -> Result<(), Failed> {
    use zhuize::lang::program::Literal;
    let program = &book().program;
    let mut looked_for: Vec<usize> = Vec::new();
    for literal in program.rules.iter().flat_map(|r| &r.body) {
        if let Literal::Atom(a) | Literal::Not(a) = literal {
            looked_for.push(a.rel.index());
        }
    }
    looked_for.sort_unstable();
    looked_for.dedup();
    let concluded = |r: usize| program.rules.iter().any(|rule| rule.head.index() == r);
    let silent = |r: &usize| {
        let relation = &program.relations[*r];
        let both = |a: &str, b: &str| relation.notes.has(a) && relation.notes.has(b);
        let given = relation.notes.has("dimension") || !(relation.notes.has("input") || concluded(*r));
        !given && !relation.name.starts_with('$') && !both("not.zh", "not.en") && !both("zh", "en")
    };
    let missing: Vec<&str> =
        looked_for.into_iter().filter(silent).map(|r| program.relations[r].name.as_str()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no words for the absence of {missing:?}").into()) }
}

fn main() {
    let args = Arguments::from_args();
    let mut folders: Vec<PathBuf> = fs::read_dir("tests/explain").unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.is_dir());
    folders.sort();
    assert!(folders.len() >= 40, "only {} questions", folders.len());
    let mut trials = vec![
        Trial::test("readings_have_words", readings_have_words),
        Trial::test("absences_have_words", absences_have_words),
    ];
    trials.extend(folders.into_iter().map(|f| Trial::test(f.display().to_string(), move || check(&f))));
    libtest_mimic::run(&args, trials).exit();
}
