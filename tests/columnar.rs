//! Parquet in and out, workbooks of answers, marks on the rows of answers. What other programs make of the files is compared
//! by `tests/oracle/compare_columnar.py`.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{copy, zhuize};
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use zhuize::lang::date;

const DAY: &str = "2025-06-30";
const DEMO: &str = "facts/demo";

fn csv(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(path).unwrap();
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// A Parquet file as the rows of a CSV file, and the types of its columns.
fn columns(path: &Path) -> (Vec<Vec<String>>, Vec<String>) {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let fields = reader.metadata().file_metadata().schema().get_fields().to_vec();
    let ty = |f: &Arc<parquet::schema::types::Type>| {
        format!("{} {:?}", f.get_physical_type(), f.get_basic_info().logical_type_ref())
    };
    let mut rows = vec![fields.iter().map(|f| f.name().to_owned()).collect()];
    for row in reader.get_row_iter(None).unwrap() {
        let show = |f: &Field| match f {
            Field::Null => String::new(),
            Field::Str(s) => s.clone(),
            Field::Date(n) => date::iso(*n),
            Field::Int(n) => n.to_string(),
            other => panic!("{other}"),
        };
        rows.push(row.unwrap().get_column_iter().map(|(_, f)| show(f)).collect());
    }
    (rows, fields.iter().map(ty).collect())
}

/// Writes the rows of a table as text.
fn write(path: &Path, rows: &[Vec<String>]) {
    let names: Vec<String> = rows[0].iter().map(|n| format!("OPTIONAL BYTE_ARRAY {n} (UTF8);")).collect();
    let schema = Arc::new(parse_message_type(&format!("message t {{ {} }}", names.join(" "))).unwrap());
    let mut out = SerializedFileWriter::new(fs::File::create(path).unwrap(), schema, Arc::default()).unwrap();
    // Several groups, so that rows are numbered through them.
    for piece in rows[1..].chunks(7) {
        let mut group = out.next_row_group().unwrap();
        for c in 0..rows[0].len() {
            let cells: Vec<&str> = piece.iter().map(|r| r.get(c).map_or("", String::as_str)).collect();
            let there: Vec<i16> = cells.iter().map(|c| i16::from(!c.is_empty())).collect();
            let values: Vec<ByteArray> = cells.into_iter().filter(|c| !c.is_empty()).map(ByteArray::from).collect();
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&there), None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    out.close().unwrap();
}

fn run(facts: &Path, to: &Path, more: &[&str]) {
    let mut args = vec!["-q", "--lang", "en", "run", facts.to_str().unwrap(), "--as-of", DAY, "-o"];
    args.push(to.to_str().unwrap());
    args.extend(more);
    let d = zhuize(&args);
    assert_eq!(d.code, 0, "{}", d.err);
}

/// The tables of a folder by name, without manifest and the like.
fn tables(dir: &Path, extension: &str) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for e in fs::read_dir(dir).unwrap() {
        let p = e.unwrap().path();
        let stem = p.file_stem().unwrap().to_str().unwrap().to_owned();
        if p.extension().is_some_and(|x| x == extension) && stem != "spellings" {
            out.insert(stem, fs::read(&p).unwrap());
        }
    }
    out
}

#[test]
fn a_casebase_of_parquet_files_is_the_same_casebase() {
    let dir = tempfile::tempdir().unwrap();
    let (facts, a, b) = (dir.path().join("案件 库"), dir.path().join("a"), dir.path().join("b"));
    fs::create_dir(&facts).unwrap();
    let mut written = 0;
    for (name, _) in tables(Path::new(DEMO), "csv") {
        write(&facts.join(format!("{name}.parquet")), &csv(&Path::new(DEMO).join(format!("{name}.csv"))));
        written += 1;
    }
    assert!(written > 8);
    run(Path::new(DEMO), &a, &[]);
    run(&facts, &b, &[]);
    assert_eq!(tables(&a, "csv"), tables(&b, "csv"));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(b.join("manifest.json")).unwrap()).unwrap();
    let read = manifest["inputs"].as_array().unwrap().iter().filter(|i| i["form"] == "parquet").count();
    assert_eq!(read, written);
    // An explanation names the row: that of the CSV file stands one line below, under the header.
    let why = |facts: &Path, file: &str| {
        let d = zhuize(&["--lang", "en", "why", facts.to_str().unwrap(), "liable(d01,p001,_,_,_)", "--as-of", DAY]);
        assert_eq!(d.code, 0, "{}", d.err);
        let places = d.out.split(|c: char| c.is_whitespace() || "[](),;".contains(c));
        let mut lines: Vec<u32> =
            places.filter_map(|w| w.strip_prefix(file)?.strip_prefix(':')?.parse().ok()).collect();
        lines.sort_unstable();
        lines.dedup();
        assert!(!lines.is_empty(), "{}", d.out);
        lines
    };
    let rows = why(&facts, "conduct.parquet");
    assert_eq!(why(Path::new(DEMO), "conduct.csv"), rows.iter().map(|n| n + 1).collect::<Vec<_>>());
}

#[test]
fn results_with_their_types() {
    let dir = tempfile::tempdir().unwrap();
    let (text, typed) = (dir.path().join("csv"), dir.path().join("columns"));
    for facts in [Path::new(DEMO), Path::new("facts/public-cases")] {
        run(facts, &text, &[]);
        run(facts, &typed, &["--parquet"]);
        let (want, got) = (tables(&text, "csv"), tables(&typed, "parquet"));
        assert_eq!(want.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>());
        assert!(tables(&typed, "csv").is_empty());
        let mut types = BTreeMap::new();
        for name in want.keys() {
            let (rows, kinds) = columns(&typed.join(format!("{name}.parquet")));
            assert_eq!(rows, csv(&text.join(format!("{name}.csv"))), "{name}");
            types.insert(name.clone(), rows[0].iter().cloned().zip(kinds).collect::<BTreeMap<_, _>>());
        }
        assert_eq!(types["deadline"]["case"], "BYTE_ARRAY Some(String)");
        assert!(types.values().flat_map(BTreeMap::values).any(|t| t == "INT32 Some(Date)"), "{types:?}");
    }
    // The same bytes with other threads and in other pieces; what an earlier run left in the other form goes.
    let again = dir.path().join("again");
    run(Path::new(DEMO), &again, &[]);
    run(Path::new(DEMO), &again, &["--parquet", "--threads", "1", "--shards", "1"]);
    let one = tables(&again, "parquet");
    assert!(tables(&again, "csv").is_empty(), "tables of an earlier run");
    run(Path::new(DEMO), &again, &["--parquet", "--threads", "2", "--shards", "5"]);
    assert_eq!(one, tables(&again, "parquet"));
    let manifest = again.join("manifest.json");
    let d = zhuize(&["--lang", "en", "rerun", manifest.to_str().unwrap(), "--facts", DEMO]);
    assert_eq!(d.code, 0, "{}{}", d.out, d.err);
    run(Path::new(DEMO), &again, &[]);
    assert!(tables(&again, "parquet").is_empty(), "tables of an earlier run");
    let d = zhuize(&["--lang", "en", "run", DEMO, "--parquet"]);
    assert_eq!((d.code, d.err.as_str()), (2, "E0602: --xlsx, --parquet and --safe-csv need -o\n"));
}

fn ask(facts: &str, more: &[&str]) -> common::Done {
    let mut args = vec!["--lang", "en", "query", facts, "--as-of", DAY];
    args.extend(more);
    zhuize(&args)
}

#[test]
fn answers_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let question = "cases(case=C, act_date=D, nominal_org=O), liable(C,P,_,B,G), Y = year(D), N = Y * 2";
    let text = ask(DEMO, &["--format", "csv", question]);
    let (file, book) = (path("a.parquet"), path("a.xlsx"));
    let d = ask(DEMO, &["--format", "parquet", "-o", &file, question]);
    assert_eq!((d.code, d.out.as_str()), (0, ""), "{}", d.err);
    let (rows, types) = columns(Path::new(&file));
    fs::write(dir.path().join("a.csv"), &text.out).unwrap();
    assert!(rows.len() > 10);
    assert_eq!(rows, csv(&dir.path().join("a.csv")));
    let day = rows[0].iter().position(|n| n == "D").unwrap();
    assert_eq!(types[day], "INT32 Some(Date)");
    assert!(types[types.len() - 1].contains("INT32 Some(Integer"), "{types:?}");
    let d = ask(DEMO, &["--format", "xlsx", "-o", &book, question]);
    assert_eq!(d.code, 0, "{}", d.err);
    use calamine::{Data, Reader};
    let mut read: calamine::Xlsx<_> = calamine::open_workbook(&book).unwrap();
    let sheet = read.worksheet_range("result").unwrap();
    assert_eq!(sheet.height(), rows.len());
    assert_eq!(sheet.get((0, 0)), Some(&Data::String("case id\nC".into())));
    assert!(matches!(sheet.get((1, day)), Some(Data::DateTime(_))), "{:?}", sheet.get((1, day)));
    let whole = |d: Option<&Data>| d.map(ToString::to_string);
    let last = rows[0].len() - 1;
    assert_eq!(whole(sheet.get((3, last))), Some(rows[3][last].clone()));
    assert_eq!(fs::read(&book).unwrap(), {
        ask(DEMO, &["--format", "xlsx", "-o", &book, "--threads", "2", question]);
        fs::read(&book).unwrap()
    });
    // Yes or no, and no rows at all.
    let yes = |question: &str| {
        ask(DEMO, &["--format", "parquet", "-o", &file, question]);
        columns(Path::new(&file)).0
    };
    assert_eq!(yes("liable(d01,p001,_,_,_)"), [["holds"], ["yes"]]);
    assert_eq!(yes("liable(d01,nobody,_,_,_)"), [["holds"], ["no"]]);
    assert_eq!(yes("liable(d01,nobody,I,_,_)"), [["I"]]);
    for format in ["parquet", "xlsx"] {
        let d = ask(DEMO, &["--format", format, question]);
        assert_eq!((d.code, d.err.as_str()), (2, "E0641: --format parquet and xlsx need -o FILE\n"));
    }
    let two = ["--program", "tests/query-rules.dl", "--format", "parquet", "-o", &file];
    let d = ask(DEMO, &two);
    assert_eq!(
        (d.code, d.err.as_str()),
        (2, "E0639: csv and parquet hold one table: say which relation with a question\n")
    );
}

/// The rows of an answer, as often as a row of the tables of a run answers it.
#[test]
fn rows_of_answers_bear_the_marks_of_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let facts = dir.path().join("facts");
    copy(Path::new("facts/public-cases"), &facts);
    let out = dir.path().join("out");
    run(&facts, &out, &[]);
    let facts = facts.to_str().unwrap();
    let table = csv(&out.join("liable.csv"));
    assert_eq!(table[0], ["case", "person", "instrument", "basis", "degree", "hypothetical"]);
    let rows = |more: &[&str]| {
        let d = ask(facts, &[&["--format", "csv"], more].concat());
        assert_eq!(d.code, 0, "{}", d.err);
        let file = dir.path().join("answer.csv");
        fs::write(&file, d.out).unwrap();
        csv(&file)
    };
    let all = rows(&["liable(C,P,I,B,G)"]);
    assert_eq!(all[0], ["C", "P", "I", "B", "G", "hypothetical"]);
    let mut want = table[1..].to_vec();
    want.sort();
    let mut got = all[1..].to_vec();
    got.sort();
    assert_eq!(got, want);
    let marked = want.iter().filter(|r| r[5] == "yes").count();
    assert!(marked > 0, "{want:?}");
    // Where the columns at which the mark looks are open or not shown, one marked row behind an answer will do.
    let hypothetical = |c: usize| {
        let mut by: BTreeMap<String, bool> = BTreeMap::new();
        want.iter().for_each(|r| *by.entry(r[c].clone()).or_default() |= r[5] == "yes");
        by.into_iter().map(|(k, m)| vec![k, if m { "yes".to_owned() } else { String::new() }]).collect::<Vec<_>>()
    };
    let mut people = rows(&["liable(_,P,_,_,_)"])[1..].to_vec();
    people.sort();
    assert_eq!(people, hypothetical(1));
    let mut cases = rows(&["liable(C,P,I,B,G) show C"])[1..].to_vec();
    cases.sort();
    assert_eq!(cases, hypothetical(0));
    // By demand too; a value in its place; several atoms; a day taken apart.
    let one = want.iter().find(|r| r[5] == "yes").unwrap();
    let question =
        format!("liable(\"{}\",P,\"{}\",B,_), cases(case=\"{}\", act_date=D), Y = year(D)", one[0], one[2], one[0]);
    let some = rows(&[&question]);
    assert!(some.len() > 1 && some[1..].iter().all(|r| r.last().unwrap() == "yes"), "{question}: {some:?}");
    // Nothing marked, nothing said; counts are not marked.
    assert_eq!(rows(&["cases(case=C, act_date=D) limit 1"])[0], ["C", "D"]);
    assert_eq!(rows(&["liable(C,P,I,B,G), count by I"])[0], ["I", "count"]);
    let d = ask(facts, &["liable(C,P,I,B,G) limit 3"]);
    assert!(d.out.lines().next().unwrap().trim_end().ends_with("hypothetical"), "{}", d.out);
    let d = ask(facts, &["--format", "json", "liable(C,P,I,B,G)"]);
    let view: serde_json::Value = serde_json::from_str(&d.out).unwrap();
    let result = &view["results"][0];
    assert_eq!(result["columns"][5]["name"], "hypothetical");
    let yes = result["rows"].as_array().unwrap().iter().filter(|r| r[5] == "yes").count();
    assert_eq!(yes, marked);
}
