//! What no folder can hold: large fields, folders with odd names, the shipped calendar, threads.

use super::walk::{codes, compile};
use libtest_mimic::{Failed, Trial};
use std::path::Path;
use std::sync::Arc;
use zhuize::engine::value::{from_number, to_number};
use zhuize::facts::codes::CodeLists;
use zhuize::facts::{LoadOptions, Loaded, Sources, date, load};
use zhuize::lang::program::Program;

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("ten_megabytes_in_a_field", ten_megabytes),
        Trial::test("folder_with_chinese_and_blanks", odd_folder),
        Trial::test("folder_that_is_a_file", file_as_folder),
        Trial::test("no_folder_at_all", no_folder),
        Trial::test("same_result_on_any_number_of_threads", threads),
        Trial::test("shipped_calendar_counts_working_days", shipped_calendar),
        Trial::test("shipped_calendar_is_consistent", calendar_is_consistent),
        Trial::test("origins_can_be_switched_off", without_origins),
    ]
}

fn day(text: &str) -> i32 {
    date::parse(text.as_bytes()).expect(text)
}

const PATHS: &str = "\
//@ plain
.type Text <: symbol
//@ input
//@ key node
.decl nodes(node: symbol, title: Text)
//@ input
//@ ref from -> nodes.node
//@ ref to -> nodes.node
.decl edge(from: symbol, to: symbol)
.input nodes, edge
";

fn run(folder: &Path, program: &Program, change: impl FnOnce(&mut LoadOptions)) -> Loaded {
    let mut options = LoadOptions::new(day("2024-06-30"));
    change(&mut options);
    let sources = Sources { folder: Some(folder.to_owned()), shipped: Vec::new() };
    load(program, &CodeLists::default(), &sources, &options)
}

fn ten_megabytes() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let long = "长\n".repeat(10 << 20 >> 2);
    std::fs::write(dir.path().join("nodes.csv"), format!("node,title\na,\"{long}\"\nb,x\nb,y\n"))?;
    let loaded = run(dir.path(), &compile("p.dl", PATHS), |_| {});
    let d = loaded.defects.list();
    assert_eq!((d.len(), d[0].code(), d[0].place.line), (1, "E0540", 2 + (10 << 20 >> 2) + 2));
    let nodes = loaded.database.table(compile("p.dl", PATHS).relation("nodes").expect("nodes"));
    assert!(nodes.rows().any(|r| loaded.database.symbols.resolve(r[1]) == long));
    Ok(())
}

fn odd_folder() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join("卷宗 2024 年（副本）");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("nodes.csv"), "node,title\na,\n")?;
    std::fs::write(folder.join("edge.csv"), "to,from\na,a\n")?;
    let program = compile("p.dl", PATHS);
    let loaded = run(&folder, &program, |_| {});
    assert!(loaded.defects.is_empty() && loaded.warnings.is_empty());
    assert_eq!(loaded.database.table(program.relation("edge").expect("edge")).len(), 1);
    Ok(())
}

fn file_as_folder() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("x.csv");
    std::fs::write(&path, "a\n")?;
    let loaded = run(&path, &compile("p.dl", PATHS), |_| {});
    assert_eq!(loaded.defects.total(), 1);
    let text = loaded.defects.list()[0].message(zhuize::facts::Lang::En);
    assert!(text.contains("is not a folder"), "{text}");
    Ok(())
}

fn no_folder() -> Result<(), Failed> {
    let program = compile("p.dl", PATHS);
    let sources = Sources { folder: None, shipped: vec![("nodes.csv".into(), Arc::from("node,title\na,b\n"))] };
    let loaded = load(&program, &CodeLists::default(), &sources, &LoadOptions::new(0));
    assert!(loaded.defects.is_empty() && loaded.warnings.is_empty());
    assert_eq!(loaded.inventory.len(), 1);
    assert!(loaded.inventory[0].shipped);
    Ok(())
}

/// A casebase with good and bad rows, large enough for the threads to interleave.
fn many(dir: &Path) -> Result<(), Failed> {
    let (mut nodes, mut edges) = (String::from("node,title\n"), String::from("from,to\n"));
    for i in 0..20_000 {
        nodes += &format!("n{i},t{}\n", i % 7);
        edges += &format!("n{},n{}\n", i, (i * 7919) % 20_100);
    }
    std::fs::write(dir.join("nodes.csv"), nodes)?;
    std::fs::write(dir.join("edge.csv"), edges)?;
    Ok(())
}

fn threads() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    many(dir.path())?;
    let program = compile("p.dl", PATHS);
    let mut seen: Vec<String> = Vec::new();
    for n in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build()?;
        let l = pool.install(|| run(dir.path(), &program, |_| {}));
        let symbols: Vec<&str> = (0..l.database.symbols.len() as u32).map(|i| l.database.symbols.resolve(i)).collect();
        let tables = &l.database.tables;
        seen.push(format!("{:?}{symbols:?}{tables:?}{:?}{:?}", l.defects, l.origins, l.inventory));
    }
    assert!(seen[0].contains("E0542"));
    assert!(seen.iter().all(|s| *s == seen[0]));
    Ok(())
}

fn without_origins() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("nodes.csv"), "node,title\na,b\n")?;
    let program = compile("p.dl", PATHS);
    let nodes = program.relation("nodes").expect("nodes");
    let with = run(dir.path(), &program, |_| {});
    let without = run(dir.path(), &program, |o| o.origins = false);
    assert_eq!(with.origins.of_row(nodes, 0).map(|o| o.line), Some(2));
    assert_eq!(without.origins.of_row(nodes, 0), None);
    assert_eq!(with.database.tables, without.database.tables);
    Ok(())
}

const DAYS: &str = "\
.type Date <: number
//@ input
//@ must date kind
//@ key date
//@ holidays date kind holiday makeup_workday
.decl calendar(date: Date, kind: symbol)
//@ input
.decl meeting(on: Date)
//@ dimension calendar
.decl day(day: Date, year: number, month: number, dom: number, weekday: number, working: symbol, workday_no: number, next_working: Date)
//@ dimension add_months 12 24
.decl later(day: Date, months: number, result: Date)
//@ dimension reference_date
.decl today(day: Date)
.input calendar, meeting, day, later, today
";

fn shipped() -> Result<(String, Arc<str>), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/common/calendar.csv");
    Ok(("calendar.csv".into(), Arc::from(std::fs::read_to_string(path)?)))
}

/// Loads meetings on these days with the shipped calendar.
fn with_calendar(meetings: &str, own: &str) -> Result<(Program, Loaded), Failed> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("meeting.csv"), format!("on\n{meetings}\n"))?;
    if !own.is_empty() {
        std::fs::write(dir.path().join("calendar.csv"), format!("date,kind\n{own}\n"))?;
    }
    let program = compile("days.dl", DAYS);
    let sources = Sources { folder: Some(dir.path().to_owned()), shipped: vec![shipped()?] };
    let loaded = load(&program, &CodeLists::default(), &sources, &LoadOptions::new(day("2024-12-31")));
    assert!(loaded.defects.is_empty(), "{}", loaded.defects.render(zhuize::facts::Lang::En));
    Ok((program, loaded))
}

/// The `n`-th working day after a day.
fn working_day(program: &Program, loaded: &Loaded, start: &str, n: i32) -> String {
    let days = loaded.database.table(program.relation("day").expect("day"));
    let row = days.rows().find(|r| to_number(r[0]) == day(start)).expect("in range");
    let want = from_number(to_number(row[6]) + n);
    // Days off share the number of the working day before them: the first row is it.
    date::iso(to_number(days.rows().find(|r| r[6] == want).expect("in range")[0]))
}

fn shipped_calendar() -> Result<(), Failed> {
    let (p, l) = with_calendar("2024-09-25", "")?;
    assert_eq!(working_day(&p, &l, "2024-09-25", 7), "2024-10-10");
    assert_eq!(l.days, (day("2024-09-25") - 370, day("2024-12-31") + 1200));
    // The day of the question lies near the end of the year; the limit of 60 days reaches 2025, which is on file.
    assert!(l.warnings.is_empty(), "{}", l.warnings.render(zhuize::facts::Lang::En));
    // A day of the casebase replaces the shipped one.
    let (p, l) = with_calendar("2024-09-25", "2024-09-29,holiday\n2024-10-08,holiday")?;
    assert_eq!(working_day(&p, &l, "2024-09-25", 7), "2024-10-12");
    let calendar = p.relation("calendar").expect("calendar");
    let at = |d: &str| {
        let t = l.database.table(calendar);
        let i = t.rows().position(|r| to_number(r[0]) == day(d)).expect("there");
        l.origins.of_row(calendar, i).map(|o| (o.shipped, o.line))
    };
    assert_eq!(at("2024-09-29"), Some((false, 2)));
    assert_eq!(at("2024-10-01").map(|o| o.0), Some(true));
    // Years that no notice covers are named.
    let (_, l) = with_calendar("1998-05-01\n2026-12-01", "")?;
    let w = l.warnings.render(zhuize::facts::Lang::En);
    assert!(w.contains("[W0550] no days off are on file for 1998, 2027;"), "{w}");
    let (p, l) = with_calendar("2020-02-29", "")?;
    let later = l.database.table(p.relation("later").expect("later"));
    for (months, to) in [(12, "2021-02-28"), (24, "2022-02-28")] {
        assert!(later.contains(&[day("2020-02-29"), months, day(to)].map(from_number)));
    }
    let today = l.database.table(p.relation("today").expect("today"));
    assert_eq!(today.data(), [from_number(day("2024-12-31"))]);
    Ok(())
}

fn calendar_is_consistent() -> Result<(), Failed> {
    let (name, text) = shipped()?;
    let mut before = String::new();
    let mut off = std::collections::BTreeMap::<i32, usize>::new();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        assert!(f.len() == 3 && f[0] > &before[..] && !f[2].is_empty(), "{name}: {line}");
        before = f[0].into();
        let d = day(f[0]);
        let weekend = date::weekday(d) > 5;
        match f[1] {
            "holiday" => {}
            "makeup_workday" => assert!(weekend, "{line}: people work on weekdays anyway"),
            other => panic!("{other}"),
        }
        // Days off that are no weekend, less weekends worked: the statutory days of the year.
        let year = date::to_civil(d).0;
        if f[1] == "holiday" && !weekend {
            *off.entry(year).or_default() += 1;
        }
        assert!(f[2].contains("发明电") || f[2].contains("通知"), "{line}");
    }
    assert_eq!(off.keys().copied().collect::<Vec<_>>(), (2007..=2026).collect::<Vec<_>>());
    assert!(codes(Path::new("none")).lists.is_empty());
    for (d, kind) in [("2015-09-03", "holiday"), ("2015-09-06", "makeup_workday"), ("2020-01-31", "holiday")] {
        assert!(text.contains(&format!("{d},{kind},")), "{d}");
    }
    assert!(!text.contains("2020-02-03"));
    Ok(())
}
