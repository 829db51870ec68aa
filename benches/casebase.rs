//! A casebase of any size, made from small ones: `cargo run --release --example casebase -- CASES FOLDER [TEMPLATE...]`.
//!
//! Every table is filled. An office is a copy of a template's organisations with a staff of its own, which sits over and
//! over again in cases taken from the template: the structure is that of cases worked out by hand, the people recur, and
//! dates are moved by whole weeks, so that terms end on other days. Four cases in ten were won and give rise to nothing.
//! The same arguments give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

type Row = BTreeMap<String, String>;

/// Cases that one office has before the next one opens.
const OFFICE: u64 = 400;
/// Colleagues who share a seat (a role in a section).
const COLLEAGUES: u64 = 5;
/// Share of cases that were won, in percent.
const WON: u64 = 40;
/// No date is moved beyond this day.
const LAST: &str = "2025-06-30";
const PERSONS: &[&str] = &["person", "interferer", "recipient", "instructed_not_to_record_by"];
const ORGS: &[&str] = &["org", "parent", "superior_dept", "nominal_org", "implementing_org", "entrusted_by_government"];
const SHARED: &[&str] = &["organizations", "people", "postings", "calendar", "instruments", "options"];
const SURNAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕";
const GIVEN: &str = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华文辉力宁玲健红波新建国志远思源学立永安若";

/// A generator of numbers that anyone can write again: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// A case of a template: its rows by table, and the seat of everyone in it.
struct Case {
    rows: Vec<(usize, Row)>,
    seats: BTreeMap<String, (String, String)>,
    last: String,
}

struct Template {
    orgs: Vec<Row>,
    cases: Vec<Case>,
}

struct Table {
    name: String,
    columns: Vec<String>,
    out: csv::Writer<BufWriter<File>>,
}

fn read(path: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    if path.exists() {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
        let head = reader.headers()?.clone();
        for record in reader.records() {
            let record = record?;
            rows.push(head.iter().zip(&record).map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
        }
    }
    Ok(rows)
}

fn get<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() })
}

fn template(folder: &Path, tables: &[Table]) -> Result<Option<Template>, Box<dyn Error>> {
    let args = fs::read_to_string(folder.join("../args")).unwrap_or_default();
    if folder.join("options.csv").exists() || args.contains("--set") {
        return Ok(None);
    }
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for (number, table) in tables.iter().enumerate().filter(|(_, t)| !SHARED.contains(&t.name.as_str())) {
        for row in read(&folder.join(format!("{}.csv", table.name)))? {
            let key = get(&row, "case").to_owned();
            let empty = || Case { rows: Vec::new(), seats: BTreeMap::new(), last: String::new() };
            let case = cases.entry(key).or_insert_with(empty);
            for (column, value) in &row {
                if is_date(value) && *value > case.last {
                    case.last.clone_from(value);
                }
                if PERSONS.contains(&column.as_str()) && !value.is_empty() {
                    let seat = (get(&row, "org").to_owned(), get(&row, "role").to_owned());
                    let known = case.seats.entry(value.clone()).or_insert_with(|| seat.clone());
                    if table.name == "participants" && known.1.is_empty() {
                        *known = seat;
                    }
                }
            }
            case.rows.push((number, row));
        }
    }
    let whole = |c: &Case| c.rows.iter().any(|(t, _)| tables[*t].name == "cases") && c.last.as_str() <= LAST;
    let cases: Vec<Case> = cases.into_values().filter(whole).collect();
    let orgs = read(&folder.join("organizations.csv"))?;
    Ok((!cases.is_empty()).then_some(Template { orgs, cases }))
}

fn folders(given: &[PathBuf]) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![home.join("facts/demo")];
    for book in fs::read_dir(home.join("rules"))? {
        let book = book?;
        if book.file_name().to_string_lossy().starts_with('_') {
            continue;
        }
        if let Ok(cases) = fs::read_dir(book.path().join("cases")) {
            for case in cases {
                found.push(case?.path().join("facts"));
            }
        }
    }
    found.retain(|f| f.join("cases.csv").exists());
    found[1..].sort();
    Ok(found)
}

fn write(tables: &mut [Table], table: usize, row: &Row) -> Result<(), csv::Error> {
    let t = &mut tables[table];
    t.out.write_record(t.columns.iter().map(|c| row.get(c).map_or("", String::as_str)))
}

fn name(person: &str) -> String {
    let seed = person.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut dice = Dice(seed);
    let mut pick = |from: &str| from.chars().nth(dice.roll(from.chars().count() as u64) as usize).unwrap_or('某');
    [pick(SURNAMES), pick(GIVEN), pick(GIVEN)].iter().collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: casebase CASES FOLDER [TEMPLATE...]";
    let total: u64 = args.next().ok_or(usage)?.parse()?;
    let out = PathBuf::from(args.next().ok_or(usage)?);
    let given: Vec<PathBuf> = args.map(PathBuf::from).collect();
    fs::create_dir_all(&out)?;
    let mut tables = Vec::new();
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("facts/templates");
    for entry in fs::read_dir(&home)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "csv") {
            let columns: Vec<String> = csv::Reader::from_path(&path)?.headers()?.iter().map(str::to_owned).collect();
            let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).ok_or("a table has a name")?;
            if !["calendar", "instruments", "options"].contains(&name.as_str()) {
                let file = BufWriter::with_capacity(1 << 20, File::create(out.join(format!("{name}.csv")))?);
                let mut out = csv::Writer::from_writer(file);
                out.write_record(&columns)?;
                tables.push(Table { name, columns, out });
            }
        }
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    let at = |name: &str| tables.iter().position(|t| t.name == name).ok_or_else(|| format!("no table {name}"));
    let (organizations, people, postings, rulings) =
        (at("organizations")?, at("people")?, at("postings")?, at("rulings")?);
    let kept: BTreeSet<usize> = [at("cases")?, at("participants")?].into();
    let mut templates = Vec::new();
    for folder in folders(&given)? {
        templates.extend(template(&folder, &tables)?);
    }
    // Templates in which more people act come more often.
    let acting = |c: &Case| c.rows.iter().filter(|(t, _)| tables[*t].name == "participants").count() as u64;
    let weights: Vec<u64> = templates.iter().map(|t| t.cases.iter().map(acting).sum()).collect();
    let mut dice = Dice(1);
    let (mut case, mut office) = (0, 0);
    while case < total {
        let mut ticket = dice.roll(weights.iter().sum());
        let chosen = weights
            .iter()
            .position(|w| {
                ticket < *w || {
                    ticket -= *w;
                    false
                }
            })
            .unwrap_or(0);
        let template = &templates[chosen];
        for org in &template.orgs {
            let mut row = org.clone();
            ORGS.iter().for_each(|c| seat_org(&mut row, c, office));
            write(&mut tables, organizations, &row)?;
        }
        let mut staff: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..OFFICE.min(total - case) {
            case += 1;
            let model = &template.cases[dice.roll(template.cases.len() as u64) as usize];
            let won = dice.roll(100) < WON;
            let days = jiff::Span::new().days((dice.roll(105) as i64 - 52) * 7);
            let late: jiff::civil::Date =
                model.last.parse::<jiff::civil::Date>().unwrap_or_default().checked_add(days)?;
            let days = if late.to_string().as_str() > LAST { jiff::Span::new() } else { days };
            let luck = dice.roll(COLLEAGUES);
            let mut sharing: BTreeMap<&(String, String), u64> = BTreeMap::new();
            model.seats.values().for_each(|seat| *sharing.entry(seat).or_default() += 1);
            let mut taken: BTreeMap<&(String, String), u64> = BTreeMap::new();
            let mut who: BTreeMap<&str, String> = BTreeMap::new();
            for (person, seat) in &model.seats {
                let nth = taken.entry(seat).or_default();
                let id = format!("{}-{}-{}-{}", office, seat.0, seat.1, (luck + *nth) % COLLEAGUES.max(sharing[seat]));
                *nth += 1;
                staff.insert(id.clone(), seat.0.clone());
                who.insert(person, id);
            }
            for (table, row) in &model.rows {
                if won && !kept.contains(table) {
                    continue;
                }
                let mut row = row.clone();
                for (column, value) in &mut row {
                    if value.is_empty() {
                    } else if column == "case" {
                        *value = format!("c{case}");
                    } else if column == "incident" {
                        *value = format!("c{case}-{value}");
                    } else if PERSONS.contains(&column.as_str()) {
                        value.clone_from(&who[value.as_str()]);
                    } else if ORGS.contains(&column.as_str()) {
                        *value = format!("{office}-{value}");
                    } else if column == "title" {
                        *value = format!("（{}）豫01行初{case}号", 2015 + case % 11);
                    } else if is_date(value) {
                        *value = value.parse::<jiff::civil::Date>()?.checked_add(days)?.to_string();
                    }
                }
                write(&mut tables, *table, &row)?;
            }
            if won {
                let decided = model.last.parse::<jiff::civil::Date>()?.checked_add(days)?.to_string();
                let pairs = [("case", format!("c{case}")), ("forum", "court".into()), ("result", "upheld".into())];
                let days = [("decided", decided.clone()), ("effective_date", decided), ("final", "yes".into())];
                let row: Row = pairs.into_iter().chain(days).map(|(k, v)| (k.to_owned(), v)).collect();
                write(&mut tables, rulings, &row)?;
            }
        }
        for (person, org) in &staff {
            let row: Row = [("person".to_owned(), person.clone()), ("name".to_owned(), name(person))].into();
            write(&mut tables, people, &row)?;
            if !org.is_empty() {
                let row =
                    [("person", person.clone()), ("org", format!("{office}-{org}")), ("position", "staff".to_owned())];
                write(&mut tables, postings, &row.map(|(k, v)| (k.to_owned(), v)).into())?;
            }
        }
        office += 1;
    }
    for t in &mut tables {
        t.out.flush()?;
    }
    writeln!(std::io::stderr(), "{case} cases of {office} offices, from {} templates", templates.len())?;
    Ok(())
}

fn seat_org(row: &mut Row, column: &str, office: u64) {
    if let Some(value) = row.get_mut(column).filter(|v| !v.is_empty()) {
        *value = format!("{office}-{value}");
    }
}
