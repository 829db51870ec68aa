//! Prepared casebases: questions are answered as over the casebase, changes give what a full run gives, whoever is stopped
//! leaves the base as it was or as it is to be, damage is found.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;
#[path = "common/dice.rs"]
mod dice;

use common::{demo, text};
use dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use zhuize::base::change::{Changes, change};
use zhuize::base::store::{Base, Kind};
use zhuize::base::{self, Lock, Trouble, pack};
use zhuize::bulk::{self, Request};
use zhuize::lang::program::{Const, RelId};
use zhuize::rulebook::{RuleTree, Rulebook};

const BIN: &str = env!("CARGO_BIN_EXE_zhuize");
const DAY: &str = "2025-06-30";

fn zhuize(args: &[&str]) -> Output {
    common::process(args).output().unwrap()
}

fn book() -> Rulebook {
    Rulebook::load(&RuleTree::embedded()).rulebook.unwrap()
}

fn request(facts: &Path) -> Request {
    Request { origins: true, ..Request::new(facts, zhuize::lang::date::parse_iso(DAY).unwrap()) }
}

/// The demo as a base in which nothing is read whole that need not be.
fn packed(dir: &Path) -> PathBuf {
    let base = dir.join("base");
    let (facts, out) = (demo(), base.to_str().unwrap().to_owned());
    let done = zhuize(&["-q", "pack", facts.to_str().unwrap(), "--as-of", DAY, "-o", &out, "--whole-below", "0"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    base
}

#[test]
fn questions_are_answered_as_over_the_casebase() {
    let place = tempfile::tempdir().unwrap();
    let base = packed(place.path());
    let questions: &[&[&str]] = &[
        &["why", "disposition(\"d61\",P,I,S)"],
        &["why", "--format", "narrative", "liable(\"d01\",P,I,_,_)"],
        &["why", "--format", "json", "--detail", "full", "disposition(\"d10\",P,I,S)"],
        &["why", "--all", "5", "disposition(\"d61\",P,_,_)"],
        &["why", "--supports", "disposition(\"d61\",P,_,_)"],
        &["why", "disposition(C,\"p176\",I,S)"],
        &["why", "escalated(C,O,I,_)"],
        &["why-not", "liable(\"d61\",P,\"zz-injury\",_,_)"],
        &["what-if", "--remove", "participants(\"d61\",_,_,_,_)"],
        &["what-if", "--remove", "rulings(\"d61\",_,_,_,_,_)"],
        &["what-if", "--remove", "rulings(\"no case\",_,_,_,_,_)"],
        &["what-if", "--option", "one_year=calendar", "--about", "aggravated(C,P,I,_,_)"],
        &["least-change", "disposition(\"d61\",\"p176\",_,_)", "--to", "false"],
        &["contrast", "disposition(\"d61\",P,_,_)", "disposition(\"d60\",P,_,_)"],
        &["query", "disposition(C,P,I,S), count by I, S"],
        &["query", "disposition(\"d61\",P,I,S)"],
        &["query", "participants(C,\"p176\",R,_,_)"],
        &["query", "allocated(C,P,I,_,_), !liable(C,P,I,_,_)"],
        &["query", "--if-established", "liable(C,P,I,_,_), count by I"],
    ];
    for q in questions {
        let facts = demo();
        let ask = |of: &Path| {
            let mut args = vec![q[0], of.to_str().unwrap()];
            args.extend(&q[1..]);
            args.extend(["--as-of", DAY]);
            zhuize(&args)
        };
        let (there, here) = (ask(&facts), ask(&base));
        // How many situations a search looks at depends on the values that lie at hand.
        let states =
            |l: &str| l.split(" states)").next().unwrap().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let same = |o: &Output| {
            let said = text(&o.stdout).replace(base.to_str().unwrap(), facts.to_str().unwrap());
            said.lines()
                .map(|l| if l.contains(" states)") { states(l) } else { l.to_owned() } + "\n")
                .collect::<String>()
        };
        let (all_there, all_here) = (same(&there), same(&here));
        let parts = all_there.lines().zip(all_here.lines()).find(|(a, b)| a != b);
        assert!(all_there == all_here, "{q:?}: {parts:?}");
        assert_eq!((there.status.code(), text(&there.stderr)), (here.status.code(), text(&here.stderr)), "{q:?}");
        assert!(!text(&there.stderr).contains("error["), "{q:?}: {}", text(&there.stderr));
    }
    // Its own day is the day of a base.
    let own = zhuize(&["query", base.to_str().unwrap(), "deadline(C,_,_,D,S), count by S"]);
    let then = zhuize(&["query", demo().to_str().unwrap(), "deadline(C,_,_,D,S), count by S", "--as-of", DAY]);
    assert_eq!(text(&own.stdout), text(&then.stdout));
}

/// Tables of a casebase: header, rows.
type Tables = BTreeMap<String, (Vec<String>, Vec<Vec<String>>)>;

fn tables(dir: &Path) -> Tables {
    let mut out = Tables::new();
    for e in fs::read_dir(dir).unwrap() {
        let path = e.unwrap().path();
        if path.extension().is_some_and(|x| x == "csv") {
            let mut r = csv::Reader::from_path(&path).unwrap();
            let head = r.headers().unwrap().iter().map(str::to_owned).collect();
            let rows = r.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
            out.insert(path.file_name().unwrap().to_string_lossy().into_owned(), (head, rows));
        }
    }
    out
}

fn write(dir: &Path, tables: &Tables) {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).unwrap();
    for (name, (head, rows)) in tables {
        let mut w = csv::Writer::from_path(dir.join(name)).unwrap();
        w.write_record(head).unwrap();
        rows.iter().for_each(|r| w.write_record(r).unwrap());
        w.flush().unwrap();
    }
}

fn case_column(head: &[String]) -> Option<usize> {
    head.iter().position(|h| h == "case")
}

/// The rows of some cases, and of tables that belong to no case if asked for.
fn of_cases(all: &Tables, cases: &BTreeSet<String>, others: bool) -> Tables {
    let keep = |(name, (head, rows)): (&String, &(Vec<String>, Vec<Vec<String>>))| {
        let kept: Vec<Vec<String>> = match case_column(head) {
            Some(c) => rows.iter().filter(|r| cases.contains(&r[c])).cloned().collect(),
            None if others => rows.clone(),
            None => Vec::new(),
        };
        (others || !kept.is_empty()).then(|| (name.clone(), (head.clone(), kept)))
    };
    all.iter().filter_map(keep).collect()
}

/// All conclusions, by relation.
fn conclusions(book: &Rulebook, dir: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let base = Base::open(dir, book, true).unwrap();
    let relations = (0..book.program.relations.len()).map(|i| RelId(i as u32));
    let of = |rel: RelId| base.conclusions(rel, None).unwrap().iter().map(|r| show(r)).collect();
    let all = relations.filter(|r| base.kind(*r) == Some(Kind::Conclusions));
    all.map(|r| (book.program.rel(r).name.clone(), of(r))).collect()
}

fn show(row: &[Const]) -> String {
    format!("{row:?}")
}

/// What a full run concludes, or that it refuses.
fn full(book: &Rulebook, facts: &Path) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let run = bulk::run(book, &request(facts), |_| {}).ok()?;
    let program = &book.program;
    let all = program.relations.iter().enumerate().filter(|(_, r)| !r.outputs.is_empty());
    let row = |i: usize, row: &[u32]| {
        let columns = &program.relations[i].columns;
        let value = |(w, c): (&u32, &zhuize::lang::program::Column)| {
            zhuize::proof::graph::constant(c.prim, *w, &run.database.symbols)
        };
        show(&row.iter().zip(columns).map(value).collect::<Vec<_>>())
    };
    Some(all.map(|(i, r)| (r.name.clone(), run.database.tables[i].rows().map(|x| row(i, x)).collect())).collect())
}

/// The rows of a case with something corrected: a row less, or the value of another row in one cell.
fn corrected(all: &Tables, case: &str, dice: &mut Dice) -> Tables {
    let mut own = of_cases(all, &BTreeSet::from([case.to_owned()]), false);
    let names: Vec<String> = own.keys().filter(|n| *n != "cases.csv").cloned().collect();
    for _ in 0..=dice.below(3) {
        let Some(name) = names.get(dice.below(names.len().max(1))) else { break };
        let (head, rows) = own.get_mut(name).unwrap();
        if rows.is_empty() {
            continue;
        }
        let at = dice.below(rows.len());
        if dice.below(2) == 0 {
            rows.remove(at);
        } else {
            let pool = &all[name].1;
            let column = dice.below(head.len());
            if case_column(head) != Some(column) {
                rows[at][column].clone_from(&pool[dice.below(pool.len())][column]);
            }
        }
    }
    own
}

/// Random sequences of changes, each compared with a full run. `ZHUIZE_SEQUENCES` sets how many.
#[test]
fn changes_give_what_a_full_run_gives() {
    let sequences: u64 = std::env::var("ZHUIZE_SEQUENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let (book, all) = (book(), tables(&demo()));
    let cases: Vec<String> = all["cases.csv"].1.iter().map(|r| r[0].clone()).collect();
    let place = tempfile::tempdir().unwrap();
    let (mut applied, mut refused) = (0, 0);
    // In the last, a case is given anew and another withdrawn that bear on each other.
    for sequence in (1..=sequences).chain([188]) {
        let mut dice = Dice(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut there: BTreeSet<String> = cases.iter().filter(|_| dice.below(3) > 0).cloned().collect();
        let mut now = of_cases(&all, &there, true);
        let (facts, base, changes) =
            (place.path().join("facts"), place.path().join("base"), place.path().join("changes"));
        write(&facts, &now);
        let _ = fs::remove_dir_all(&base);
        let small = [0, 5, 2000][dice.below(3)];
        pack::pack(&book, &request(&facts), &base, (1 + dice.below(3), small), |_| {}).unwrap();
        for step in 0..1 + dice.below(11) {
            let mut given = Tables::new();
            let mut next = there.clone();
            let mut withdrawn = BTreeSet::new();
            let join = |given: &mut Tables, more: Tables| {
                for (name, (head, rows)) in more {
                    given.entry(name).or_insert_with(|| (head, Vec::new())).1.extend(rows);
                }
            };
            for _ in 0..=dice.below(4) {
                let case = &cases[dice.below(cases.len())];
                if given.get("cases.csv").is_some_and(|t| t.1.iter().any(|r| r[0] == *case)) || withdrawn.contains(case)
                {
                    continue;
                }
                match (there.contains(case), dice.below(2)) {
                    (true, 0) => {
                        withdrawn.insert(case.clone());
                        next.remove(case);
                    }
                    (true, _) => join(&mut given, corrected(&all, case, &mut dice)),
                    (false, _) => {
                        join(&mut given, of_cases(&all, &BTreeSet::from([case.clone()]), false));
                        next.insert(case.clone());
                    }
                }
            }
            if dice.below(4) == 0 {
                // A person's row is corrected.
                let (head, rows) = &all["people.csv"];
                let (mut one, other) = (rows[dice.below(rows.len())].clone(), &rows[dice.below(rows.len())]);
                one[1..].clone_from_slice(&other[1..]);
                given.insert("people.csv".into(), (head.clone(), vec![one]));
            }
            // The casebase as it is to be.
            let named: BTreeSet<String> =
                given.get("cases.csv").into_iter().flat_map(|t| t.1.iter().map(|r| r[0].clone())).collect();
            let mut after = now.clone();
            for (name, (head, rows)) in &mut after {
                let new = given.get(name).map_or(&[][..], |t| &t.1[..]);
                match case_column(head) {
                    Some(c) => rows.retain(|r| !named.contains(&r[c]) && !withdrawn.contains(&r[c])),
                    None => rows.retain(|r| !new.iter().any(|n| n[0] == r[0])),
                }
                rows.extend(new.iter().cloned());
            }
            write(&changes, &given);
            write(&facts, &after);
            let before = conclusions(&book, &base);
            let asked = Changes {
                folder: Some(changes.clone()),
                withdrawn: withdrawn.into_iter().collect(),
                threads: 1 + step % 3,
                ..Changes::default()
            };
            let done = change(&book, &base, &asked);
            match full(&book, &facts) {
                Some(whole) => {
                    let done = done.map_err(|t| t.render(false));
                    assert!(done.is_ok(), "sequence {sequence}, step {step}: {done:?}");
                    same(
                        &conclusions(&book, &base),
                        &whole,
                        &format!("sequence {sequence}, step {step}: {named:?} {asked:?}"),
                    );
                    (now, there) = (after, next);
                    applied += 1;
                }
                None => {
                    assert!(done.is_err(), "sequence {sequence}, step {step}: a full run refuses");
                    same(&conclusions(&book, &base), &before, "a refusal changes nothing");
                    refused += 1;
                }
            }
        }
    }
    assert!(applied > 2 * refused, "{applied} applied, {refused} refused");
}

fn same(here: &BTreeMap<String, BTreeSet<String>>, there: &BTreeMap<String, BTreeSet<String>>, what: &str) {
    for (name, rows) in there {
        let own = &here[name];
        let lack: Vec<_> = rows.difference(own).take(3).collect();
        let more: Vec<_> = own.difference(rows).take(3).collect();
        assert!(lack.is_empty() && more.is_empty(), "{what}: {name}: lacks {lack:?}, has {more:?}");
    }
    assert_eq!(here.len(), there.len());
}

/// A change of the demo: one case less, one given anew without its conduct.
fn some_changes(dir: &Path) -> Vec<String> {
    let mut one = of_cases(&tables(&demo()), &BTreeSet::from(["d61".to_owned()]), false);
    one.remove("conduct.csv");
    write(&dir.join("changes"), &one);
    vec![dir.join("changes").to_str().unwrap().to_owned(), "--withdraw".into(), "d60".into()]
}

#[test]
fn killed_at_any_moment_it_is_the_old_one_or_the_new_one() {
    let place = tempfile::tempdir().unwrap();
    let book = book();
    let base = packed(place.path());
    let more = some_changes(place.path());
    let old = conclusions(&book, &base);
    let fresh = place.path().join("fresh");
    let copy = || {
        let _ = fs::remove_dir_all(&fresh);
        assert!(Command::new("cp").args(["-r"]).args([&base, &fresh]).status().unwrap().success());
    };
    let update = || {
        let mut c = Command::new(BIN);
        c.args(["-q", "update"])
            .arg(&fresh)
            .args(&more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        c
    };
    copy();
    let start = std::time::Instant::now();
    assert!(update().status().unwrap().success());
    let whole = start.elapsed();
    let new = conclusions(&book, &fresh);
    assert_ne!(old, new);
    let mut seen = BTreeSet::new();
    for i in 0..24 {
        copy();
        let mut child = update().spawn().unwrap();
        std::thread::sleep(whole.mul_f64(0.3 + 0.8 * f64::from(i) / 24.0));
        let _ = child.kill();
        let _ = child.wait();
        let now = conclusions(&book, &fresh);
        assert!(now == old || now == new, "killed in the middle");
        seen.insert(now == new);
        // What was left behind hinders nobody.
        if now == old {
            assert!(update().status().unwrap().success());
            assert!(conclusions(&book, &fresh) == new);
        }
        let folders = fs::read_dir(&fresh).unwrap().filter(|e| e.as_ref().unwrap().path().is_dir()).count();
        assert_eq!(folders, 2, "folders of stopped writers are taken away");
    }
    assert!(seen.contains(&false), "killed early enough");
    // Packing anew over a base.
    let facts = demo();
    for i in 0..8 {
        copy();
        let mut pack = Command::new(BIN);
        pack.args(["-q", "pack"]).arg(&facts).args(["--as-of", "2026-01-01", "-o"]).arg(&fresh);
        let mut child = pack.stdin(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 * i));
        let _ = child.kill();
        let _ = child.wait();
        let day = base::Manifest::read(&fresh).unwrap().as_of;
        let now = conclusions(&book, &fresh);
        assert!(if day == DAY { now == old } else { day == "2026-01-01" && now.len() == old.len() });
    }
}

#[test]
fn two_at_once() {
    let place = tempfile::tempdir().unwrap();
    let base = packed(place.path());
    let more = some_changes(place.path());
    let lock = Lock::take(&base).unwrap();
    let busy = Command::new(BIN).args(["--lang", "en", "update"]).arg(&base).args(&more).output().unwrap();
    let said = text(&busy.stderr).replace(base.to_str().unwrap(), "BASE");
    assert_eq!(said, "E0584: another process is changing BASE; try again when it is done\n");
    assert_eq!(busy.status.code(), Some(5));
    // Who asks is not kept waiting.
    assert!(zhuize(&["query", base.to_str().unwrap(), "disposition(\"d61\",P,I,S)"]).status.success());
    drop(lock);
    let start = |case: &str| {
        let mut c = Command::new(BIN);
        c.args(["-q", "update"]).arg(&base).args(["--withdraw", case]).stderr(Stdio::null()).spawn().unwrap()
    };
    let both = [start("d58"), start("d59")].map(|mut c| c.wait().unwrap().success());
    let book = book();
    let open = Base::open(&base, &book, true).unwrap();
    let disposition = book.program.relation("disposition").unwrap();
    for (case, went) in ["d58", "d59"].iter().zip(both) {
        let rows = open.conclusions(disposition, Some(&Const::Symbol((*case).into()))).unwrap();
        assert!(!went || rows.is_empty(), "{case} was withdrawn");
    }
    assert!(both.contains(&true));
}

#[test]
fn damage_is_found() {
    let place = tempfile::tempdir().unwrap();
    let base = packed(place.path());
    let layer = base.join("0000001");
    let ask = || {
        // What a question does not look at is not read.
        let (dir, out) = (base.to_str().unwrap(), place.path().join("unpacked"));
        let all = "disposition(C,P,I,S), participants(C,P,R,O,F), count by R";
        let mut o = zhuize(&["query", dir, all]);
        if o.status.success() {
            o = zhuize(&["-q", "unpack", dir, "-o", out.to_str().unwrap()]);
            let _ = fs::remove_dir_all(out);
        }
        (o.status.code(), text(&o.stderr).replace(dir, "BASE"))
    };
    assert_eq!(ask().0, Some(0));
    let (facts, conclusions) = (layer.join("facts/participants.arrow"), layer.join("conclusions/disposition.arrow"));
    let manifest = base.join("base.json");
    let mut told = String::new();
    for file in [&facts, &conclusions, &manifest] {
        let good = fs::read(file).unwrap();
        // One bit, at several places; and the end cut off.
        for i in 1..24 {
            let mut bad = good.clone();
            let at = good.len() * i / 24;
            bad[at] ^= 4;
            fs::write(file, &bad).unwrap();
            let (code, said) = ask();
            assert_eq!(code, Some(4), "{}: byte {at}: {said}", file.display());
            assert!(said.starts_with("E058"), "{said}");
        }
        fs::write(file, &good[..good.len() / 2]).unwrap();
        let (code, said) = ask();
        assert_eq!(code, Some(4), "{said}");
        told.push_str(&said);
        fs::write(file, &good).unwrap();
        assert_eq!(ask().0, Some(0));
    }
    assert_eq!(
        told.lines().next().unwrap(),
        "E0581: BASE/0000001/facts/participants.arrow is damaged: it does not end as an Arrow file ends; pack the casebase again"
    );
    fs::remove_file(&facts).unwrap();
    let (code, said) = ask();
    assert_eq!(code, Some(5));
    assert!(said.starts_with("E0580: cannot read or write BASE/0000001/facts/participants.arrow: "), "{said}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let base = packed(place.path());
    let dir = base.to_str().unwrap().to_owned();
    let before = fs::read(base.join("base.json")).unwrap();
    let all = tables(&demo());
    let changes = place.path().join("changes");
    let path = changes.to_str().unwrap().to_owned();
    let refused = |args: &[&str], code: i32, want: &str| {
        let o = zhuize(args);
        let said = text(&o.stderr).replace(&dir, "BASE").replace(&path, "CHANGES");
        assert_eq!(said.trim_end(), want);
        assert_eq!(o.status.code(), Some(code));
        assert_eq!(fs::read(base.join("base.json")).unwrap(), before, "nothing is changed");
    };
    refused(
        &["update", &dir, "--withdraw", "d999"],
        4,
        "E0587: the case `d999`, which is to be withdrawn, is not in the base",
    );
    write(&changes, &of_cases(&all, &BTreeSet::from(["d61".to_owned()]), false));
    refused(&["update", &dir, &path, "--withdraw", "d61"], 4, "E0587: the case `d61` is given and withdrawn at once");
    let mut orphan = of_cases(&all, &BTreeSet::from(["d61".to_owned()]), false);
    orphan.remove("cases.csv");
    orphan.retain(|name, _| name == "rulings.csv");
    write(&changes, &orphan);
    refused(
        &["update", &dir, &path],
        4,
        "E0588: rulings.csv:2: the case `d61` is not in the table cases of the changes: a case is changed by giving all its rows",
    );
    let mut stranger = of_cases(&all, &BTreeSet::from(["d61".to_owned()]), false);
    stranger.get_mut("participants.csv").unwrap().1[0][1] = "nobody".into();
    stranger.retain(|name, _| name == "participants.csv" || name == "cases.csv");
    write(&changes, &stranger);
    let o = zhuize(&["update", &dir, &path]);
    assert!(text(&o.stderr).contains("\"nobody\""), "{}", text(&o.stderr));
    assert_eq!(o.status.code(), Some(4));
    refused(
        &["update", demo().to_str().unwrap(), "--withdraw", "d61"],
        2,
        &format!("E0585: {} is no prepared casebase; make one with `pack`", demo().display()),
    );
    refused(&["pack", &dir, "-o", &path], 2, "E0585: this is a prepared casebase already; change it with `update`");
    let with = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/examples/sample-e09");
    let o = zhuize(&["why", &dir, "disposition(\"d61\",P,I,S)", "--with", with.to_str().unwrap()]);
    assert!(text(&o.stderr).starts_with("E0582: this base was packed under another rulebook ("), "{}", text(&o.stderr));
    assert_eq!(o.status.code(), Some(4));
    let later = text(&before).replacen("\"format\": 3", "\"format\": 4", 1);
    fs::write(base.join("base.json"), later).unwrap();
    let o = zhuize(&["why", &dir, "disposition(\"d61\",P,I,S)"]);
    let said = text(&o.stderr).replace(&dir, "BASE");
    assert_eq!(said, "E0583: BASE/base.json has format 4, this program reads format 3; pack it again\n");
    assert_eq!(o.status.code(), Some(4));
}

#[test]
fn troubles_in_chinese() {
    let told = |t: Trouble| t.render(true);
    assert_eq!(told(Trouble::Busy("库".into())), "E0584: 另一进程正在更改 库；请待其结束后重试");
    let damaged = Trouble::Damaged("库/x.arrow".into(), "too short".into());
    assert_eq!(told(damaged), "E0581: 案件库文件 库/x.arrow 已损坏：too short；请用 pack 重新制作");
}

#[test]
fn unpacked_it_is_the_casebase() {
    let place = tempfile::tempdir().unwrap();
    let base = packed(place.path());
    let (facts, results, direct) = (place.path().join("f"), place.path().join("c"), place.path().join("r"));
    let dir = base.to_str().unwrap();
    assert!(zhuize(&["-q", "unpack", dir, "-o", facts.to_str().unwrap()]).status.success());
    assert!(zhuize(&["-q", "unpack", dir, "--conclusions", "-o", results.to_str().unwrap()]).status.success());
    let run = zhuize(&["-q", "run", facts.to_str().unwrap(), "--as-of", DAY, "-o", direct.to_str().unwrap()]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let mut compared = 0;
    for (name, (head, rows)) in tables(&results) {
        let (_, there) = &tables(&direct)[&name];
        let cut = |r: &Vec<String>| r[..head.len()].to_vec();
        let there: BTreeSet<Vec<String>> = there.iter().map(cut).collect();
        assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), there, "{name}");
        compared += 1;
    }
    assert!(compared > 30);
}
