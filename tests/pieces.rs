//! Random questions over whole tables of a prepared casebase: what pieces of it find is what the engine finds over the tables
//! of the casebase. `ZHUIZE_QUESTIONS=20000 cargo test --release --test pieces` asks more of them.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[path = "common/dice.rs"]
mod dice;

use dice::Dice;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use zhuize::base::change::{Changes, change};
use zhuize::base::{Base, Trouble, pack};
use zhuize::bulk::{self, Request};
use zhuize::engine::Options;
use zhuize::engine::limit::{Deadline, Limit};
use zhuize::facts::Lang;
use zhuize::facts::codes::CodeLists;
use zhuize::lang::program::SourceFile;
use zhuize::proof::given::Source;
use zhuize::query::{self, Answer, Mode};
use zhuize::rulebook::Rulebook;

const RULES: &str = "\
.type Case <: symbol
.type Person <: symbol
.type Unit <: symbol
.type Role <: symbol
.type Date <: number
//@ input
//@ needed
//@ key case
.decl cases(case: Case, unit: Unit, made: Date, size: number)
//@ input
.decl parts(case: Case, person: Person, role: Role, unit: Unit)
//@ input
//@ key person
.decl people(person: Person, unit: Unit, rank: number)
//@ input
//@ key case nth
.decl notes(case: Case, nth: number, by: Unit, of: Unit)
.input cases, parts, people, notes
.decl large(case: Case, person: Person, size: number)
.output large
large(c, p, n) :- parts(c, p, \"b\", _), cases(c, _, _, n), n > 40.
";

fn book() -> Rulebook {
    let program = zhuize::lang::compile(vec![SourceFile { name: "rules.dl".into(), text: RULES.into() }]).program;
    Rulebook {
        program,
        codes: CodeLists::default(),
        outline: Default::default(),
        readings: Default::default(),
        shipped: Vec::new(),
        rules: Vec::new(),
        files: 1,
        outputs: std::iter::once("large".to_owned()).collect(),
        hashes: Vec::new(),
        cases: Vec::new(),
    }
}

/// Questions that are asked of each base first.
const FIRST: [&str; 6] = [
    "parts(C,P,R,U), count by R, U",
    "parts(C,P,R,U), count by U, R",
    "notes(C,N,U,W), count by W, U",
    "parts(C,P,\"b\",U), count by U",
    "cases(case=C, unit=U), count by U",
    "parts(C,P,R,U), count",
];
/// Cases that are withdrawn, and cases that are given anew.
const WITHDRAWN: [usize; 3] = [7, 1500, 2999];
const ANEW: usize = 50;

/// The rows of these cases, before or after the change; with those of no case, if they are all.
fn write(dir: &Path, numbers: impl Iterator<Item = usize>, changed: bool, all: bool) {
    let mut cases = String::from("case,unit,made,size\n");
    let mut parts = String::from("case,person,role,unit\n");
    let mut notes = String::from("case,nth,by,of\n");
    if all {
        parts += ",p1,a,u1\n,p2,a,u1\n";
    }
    for i in numbers.filter(|i| !changed || !WITHDRAWN.contains(i)) {
        let made = if i % 11 == 0 { String::new() } else { format!("2021-{:02}-{:02}", 1 + i % 9, 1 + i % 28) };
        let size = if i % 13 == 0 { String::new() } else { (i % 97).to_string() };
        let unit = if changed && i % ANEW == 5 { i + 1 } else { i } / 3 % 7;
        cases += &format!("c{i:04},u{},{made},{size}\n", i % 7);
        // One person in two roles.
        if i % 5 == 0 {
            parts += &format!("c{i:04},p{},a,u{}\nc{i:04},p{0},b,u{1}\n", i % 120, i % 7);
        }
        for k in 0..i % 3 {
            parts += &format!("c{i:04},p{},{},u{unit}\n", (i * 13 + k * 5) % 120, ["a", "b", ""][(i + k) % 3]);
        }
        for n in 0..i % 4 {
            notes += &format!("c{i:04},{n},u{unit},u{}\n", (unit + n * i) % 7);
        }
    }
    let people: String = (0..120).map(|i| format!("p{i},u{},{}\n", i % 5, i % 4)).collect();
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("cases.csv"), cases).unwrap();
    fs::write(dir.join("parts.csv"), parts).unwrap();
    fs::write(dir.join("notes.csv"), notes).unwrap();
    if all {
        fs::write(dir.join("people.csv"), format!("person,unit,rank\n{people}")).unwrap();
    }
}

/// Variables and values by the type of a column.
fn kinds(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "case" => (&["C", "C", "C", "E"], &["\"c0007\"", "\"c2999\"", "\"none\""]),
        "person" => (&["P", "P", "Q"], &["\"p5\"", "\"p77\""]),
        "unit" => (&["U", "U", "W"], &["\"u1\"", "\"u6\""]),
        "role" => (&["R"], &["\"a\"", "\"b\"", "\"\""]),
        "made" => (&["D"], &["2021-03-05"]),
        "by" | "of" => (&["U", "W"], &["\"u1\"", "\"u6\""]),
        _ => (&["N", "N", "M"], &["3", "50"]),
    }
}

fn one<'a>(dice: &mut Dice, of: &[&'a str]) -> &'a str {
    of[dice.below(of.len())]
}

/// A question that counts what one table holds of cases.
fn counted(dice: &mut Dice) -> String {
    let (name, columns): (&str, &[&str]) = [
        ("cases", &["unit", "made", "size"][..]),
        ("parts", &["person", "role", "unit"][..]),
        ("notes", &["nth", "by", "of"][..]),
        ("large", &["person", "size"][..]),
    ][dice.below(4)];
    let (mut args, mut bound) = (String::from("C"), vec!["C"]);
    for column in columns {
        let (variables, values) = kinds(column);
        let arg = match dice.below(9) {
            0 => one(dice, values),
            1..4 => "_",
            _ => {
                bound.push(one(dice, variables));
                bound[bound.len() - 1]
            }
        };
        args += &format!(",{arg}");
    }
    let mut text = format!("{name}({args})");
    if bound.contains(&"D") && dice.below(2) == 0 {
        text += ", Y = year(D)";
        bound.push("Y");
    }
    text += match one(dice, &bound) {
        "N" if dice.below(3) == 0 => ", N * 100 / (N - 50) > 10",
        "N" => ", N > 30",
        "R" => ", R != \"a\"",
        "U" => ", U > \"u2\"",
        _ => "",
    };
    let number = bound.contains(&"N");
    text += &match dice.below(if number { 7 } else { 4 }) {
        0 => ", count C".to_owned(),
        1 => ", count, count C".to_owned(),
        2 => ", count".to_owned(),
        3 => format!(", count {}", one(dice, &bound)),
        4 => ", sum N, count".to_owned(),
        5 => ", min N, max N".to_owned(),
        _ => ", count C, max N".to_owned(),
    };
    let last = &bound[bound.len().saturating_sub(2)..];
    match dice.below(5) {
        0 => text,
        1 => format!("{text} by {}", one(dice, &bound)),
        2 => format!("{text} by {}, {}", one(dice, &bound), one(dice, &bound)),
        _ => format!("{text} by {}", last.join(", ")),
    }
}

fn question(dice: &mut Dice) -> String {
    let relations: [(&str, &[&str]); 4] = [
        ("cases", &["case", "unit", "made", "size"]),
        ("parts", &["case", "person", "role", "unit"]),
        ("people", &["person", "unit", "size"]),
        ("large", &["case", "person", "size"]),
    ];
    let mut bound: Vec<&str> = Vec::new();
    let mut out: Vec<String> = Vec::new();
    for i in 0..1 + dice.below(3) {
        let (name, columns) = relations[[0, 1, 1, 1, 2, 3][dice.below(6)]];
        let denied = i > 0 && dice.below(4) == 0;
        let mut args = Vec::new();
        let mut own: Vec<&str> = Vec::new();
        for column in columns {
            let (variables, values) = kinds(column);
            let known: Vec<&str> = variables.iter().copied().filter(|v| bound.contains(v)).collect();
            args.push(match dice.below(20) {
                0..3 => one(dice, values),
                3..9 => "_",
                9..15 if !known.is_empty() => {
                    own.push(one(dice, &known));
                    own[own.len() - 1]
                }
                _ if denied => "_",
                _ => {
                    own.push(one(dice, variables));
                    own[own.len() - 1]
                }
            });
        }
        // Rows that have nothing to do with each other are too many.
        if i > 0 && !own.iter().any(|v| bound.contains(v)) {
            continue;
        }
        out.push(format!("{}{name}({})", if denied { "!" } else { "" }, args.join(",")));
        if !denied {
            bound.extend(own);
        }
    }
    for v in bound.clone() {
        out.extend(match (v, dice.below(8)) {
            ("C", 0) => Some("C < \"c1700\"".to_owned()),
            ("U", 0) => Some("U in (u1, u2, u4)".to_owned()),
            ("D", 0) => Some("Y = year(D), Y > 2000".to_owned()),
            ("N", 0) => Some("N > 30".to_owned()),
            ("R", 0) => Some("R != \"a\"".to_owned()),
            _ => None,
        });
    }
    let numbers: Vec<&str> = bound.iter().copied().filter(|v| ["N", "M", "D"].contains(v)).collect();
    let some = |dice: &mut Dice| if bound.is_empty() { "C" } else { one(dice, &bound) }.to_owned();
    let (v, w) = (some(dice), some(dice));
    let mut text = out.join(", ");
    text += &match (dice.below(12), numbers.first()) {
        (0, _) => ", count".to_owned(),
        (1, _) => format!(", count by {v}"),
        (2, _) => format!(", count {w}, count by {v}"),
        (3, _) => format!(", count {v}, count {w}"),
        (4, _) => format!(", count by {v}, count > 3"),
        (5, Some(n)) => format!(", min {n}, max {n}, count by {v}"),
        (6, Some(n)) => format!(", min {n}, max {n}, count {n}"),
        (7, Some(n)) if *n != "D" => format!(", sum {n}, avg {n} by {v}"),
        (8, Some(n)) if *n != "D" => format!(", sum {n}, count > 10 by {v}, count"),
        (9, _) => format!(", show {v} limit 9"),
        (10, _) => format!(", order by {v} desc limit 20"),
        _ => String::new(),
    };
    text
}

#[test]
fn what_pieces_find_is_what_is_there() {
    let place = tempfile::tempdir().unwrap();
    let (facts, dir) = (place.path().join("facts"), place.path().join("base"));
    write(&facts, 0..3000, false, true);
    let book = book();
    let request = |folder: &Path| Request::new(folder, 20_000);
    pack::pack(&book, &request(&facts), &dir, (2, 0), |_| {}).unwrap();
    let count = std::env::var("ZHUIZE_QUESTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let options = Options { max_rows: 200_000, ..Options::single() };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut asked, mut in_pieces, mut scanned, mut rows) = (0, 0, 0, 0);
    for number in 0..count {
        if number == count / 2 {
            // The other half is asked of a base with two layers.
            let withdrawn = WITHDRAWN.map(|i| format!("c{i:04}")).to_vec();
            let folder = place.path().join("changes");
            write(&folder, (0..3000).filter(|i| i % ANEW == 5), true, false);
            change(&book, &dir, &Changes { withdrawn, folder: Some(folder), ..Changes::default() }).unwrap();
            write(&facts, 0..3000, true, true);
        }
        // What one table holds of cases, or anything.
        let first = FIRST.get(number % (count / 2).max(FIRST.len()));
        let only = first.is_some() || dice.below(3) == 0;
        let text = match first {
            Some(text) => (*text).to_owned(),
            None if only => counted(&mut dice),
            None => question(&mut dice),
        };
        let compiled = query::compile(&book, None, &[("q", text.as_str())], Lang::En);
        if compiled.has_errors() {
            continue;
        }
        let own = Rulebook { program: compiled.program, ..self::book() };
        let here = bulk::load(&own, &request(&facts)).unwrap().database;
        let answer = |from, asked: &[query::Asked]| -> Result<Answer, Limit> {
            let all = query::answer::answer(&own.program, &own.codes, from, asked, Mode::Engine, &options)?;
            Ok(all.into_iter().next().unwrap())
        };
        let given = |database, far, done| query::answer::Given { database, far, done };
        let want = match answer(given(here, None, Vec::new()), &compiled.asked) {
            Ok(want) => Some(want),
            Err(Limit::Fault { .. }) if only => None,
            Err(_) => continue,
        };
        asked += 1;
        rows += want.as_ref().map_or(0, |w| w.rows.len());
        let base = Arc::new(Base::open(&dir, &own, true).unwrap());
        let source: Arc<dyn Source> = base.clone();
        let (a, request) = (&compiled.asked[0], Request { threads: 1 + number % 3, ..request(&dir) });
        let tallies: Vec<_> = a.tally.iter().collect();
        let found = match base.found(&own, &request, &[a.rel], &tallies, &options) {
            // A term without value, met by the engine in a piece.
            Err(Trouble::Run(t)) if matches!(*t, bulk::Trouble::Limit(Limit::Fault { .. })) && want.is_none() => {
                continue;
            }
            found => found.unwrap(),
        };
        in_pieces += usize::from(found.is_some());
        scanned += found.as_ref().map_or(0, |f| f.scanned);
        let got = match found {
            Some(found) => given(found.database, Some(source), found.done),
            None => given(base.tables(&own, &request, &[a.rel]).unwrap(), Some(source), Vec::new()),
        };
        let got = answer(got, &compiled.asked);
        match want {
            Some(want) => assert_eq!(got.unwrap(), want, "question {number}: {text}"),
            None => assert!(matches!(got, Err(Limit::Fault { .. })), "question {number}: {text}: {got:?}"),
        }
    }
    // The time is looked at where rows are counted, too.
    let compiled = query::compile(&book, None, &[("q", FIRST[0])], Lang::En);
    let own = Rulebook { program: compiled.program, ..self::book() };
    let base = Base::open(&dir, &own, true).unwrap();
    let until = Deadline::after(1);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (a, late) = (&compiled.asked[0], Options { until, ..Options::single() });
    let tallies: Vec<_> = a.tally.iter().collect();
    match base.found(&own, &request(&dir), &[a.rel], &tallies, &late) {
        Err(Trouble::Run(t)) => assert!(matches!(*t, bulk::Trouble::Limit(Limit::Time { seconds: 1, .. })), "{t:?}"),
        other => panic!("{other:?}"),
    }
    // What pieces find together stays within the bounds that hold for what is found at once.
    let compiled = query::compile(&book, None, &[("q", "parts(C, P, R, U)")], Lang::En);
    let own = Rulebook { program: compiled.program, ..self::book() };
    let base = Base::open(&dir, &own, true).unwrap();
    let within = |max_rows: usize, max_bytes: usize| {
        let options = Options { max_rows, max_bytes, ..Options::single() };
        match base.found(&own, &request(&dir), &[compiled.asked[0].rel], &[], &options) {
            Err(Trouble::Run(t)) => match *t {
                bulk::Trouble::Limit(limit) => limit.code(),
                _ => "another trouble",
            },
            Err(_) => "another trouble",
            Ok(found) if found.is_some() => "found",
            Ok(_) => "not in pieces",
        }
    };
    let rows_of = |path: &str| base.manifest().rows(path) as usize;
    let there = rows_of("facts/parts.arrow") - rows_of("facts-gone/parts.arrow");
    assert_eq!(within(there, 1 << 20), "found");
    assert_eq!(within(there - 1, usize::MAX), "E0705");
    assert_eq!(within(usize::MAX, 1000), "E0707");
    assert!(
        asked * 2 > count && in_pieces * 3 > asked && scanned * 20 > asked && rows > count,
        "{asked} asked, {in_pieces} in pieces, {scanned} where rows lie, {rows} rows"
    );
}
