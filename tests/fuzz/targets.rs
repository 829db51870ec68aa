//! What is fuzzed: each target takes any bytes and must come back, with a message or a result. Shared by `tests/fuzz.rs`, which
//! mutates a corpus by a seeded generator, and by the targets of `fuzz/`, which libFuzzer drives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use zhuize::facts::codes::{Code, CodeLists};
use zhuize::facts::import::{self, Mapping};
use zhuize::facts::schema::Schema;
use zhuize::facts::{Lang, LoadOptions, Sources, date, load, tsv};
use zhuize::lang::program::{Program, SourceFile};
use zhuize::lang::render::Render;
use zhuize::query;
use zhuize::rulebook::Rulebook;
use zhuize::verify;

/// A target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name; findings and further seeds stand in `tests/corpus/NAME`.
    pub name: &'static str,
    /// Folders and endings of the files that it begins with.
    pub seeds: &'static [(&'static str, &'static str)],
    /// What is called.
    pub run: fn(&[u8]),
    /// The file is an archive: what is packed in it is mutated too.
    pub archive: bool,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "csv", seeds: &[("tests/facts", "csv"), ("tests/facts", "tsv")], run: csv, archive: false },
    Target { name: "xlsx", seeds: &[], run: xlsx, archive: true },
    Target { name: "parquet", seeds: &[("tests/facts", "parquet")], run: parquet, archive: false },
    Target { name: "facts", seeds: &[("tests/eval", "facts"), ("tests/eval", "csv")], run: facts, archive: false },
    Target { name: "query", seeds: &[("tests/query", "question.txt")], run: question, archive: false },
    Target { name: "rules", seeds: &[("tests/lang", "dl"), ("tests/ask", "dl")], run: rules, archive: false },
    Target { name: "mapping", seeds: &[("facts/mappings", "toml")], run: mapping, archive: false },
    Target { name: "certificate", seeds: &[("tests/verify", "json")], run: certificate, archive: false },
    Target { name: "date", seeds: &[], run: day, archive: false },
];

const SCHEMA: &str = "\
//@ codes colour
.type Colour <: symbol
//@ codes yes_no
.type YesNo <: symbol
//@ pattern ^[A-Z]{2}[0-9]{3}$
.type Lot <: symbol
//@ plain
.type Text <: symbol
//@ matching case-number
.type Number <: symbol
.type Date <: number
//@ input
//@ zh 盒
//@ col id 编号;号 | number
//@ must id
//@ key id
//@ default wet yes
//@ order made opened
.decl box(id: symbol, name: Text, colour: Colour, lot: Lot, size: number, litres: number, weight: float, pots: unsigned, made: Date, opened: Date, wet: YesNo, no: Number)
//@ input
//@ ref box -> box.id
.decl lid(box: symbol, size: number)
.input box, lid
//@ zh 成对
.decl pair(a: symbol, b: symbol, on: Date)
.output pair
pair(a, b, d) :- box(a, _, c, _, _, _, _, _, d, _, _, _), box(b, _, c, _, _, _, _, _, d, _, _, _), a != b.
//@ mark odd
.decl odd(a: symbol)
odd(a) :- lid(a, _).
";

struct Room {
    book: Rulebook,
    schema: Schema,
    folder: PathBuf,
}

fn compile(name: &str, text: &str) -> Program {
    zhuize::lang::compile(vec![SourceFile { name: name.into(), text: Arc::from(text) }]).program
}

/// A small rulebook, and a folder for the files of this process.
fn room() -> &'static Room {
    static ROOM: OnceLock<Room> = OnceLock::new();
    ROOM.get_or_init(|| {
        let mut codes = CodeLists::default();
        for (list, code, zh) in
            [("colour", "green", "绿"), ("colour", "red", "红"), ("yes_no", "yes", "是"), ("yes_no", "no", "否")]
        {
            codes.add(list, Code::new(code, zh, code));
        }
        let program = compile("schema.dl", SCHEMA);
        let (schema, found) = Schema::of(&program, &codes);
        assert!(found.is_empty(), "{found:?}");
        let book = Rulebook {
            program,
            codes,
            outline: Default::default(),
            readings: Default::default(),
            shipped: Vec::new(),
            rules: Vec::new(),
            files: 1,
            outputs: Default::default(),
            hashes: Vec::new(),
            cases: Vec::new(),
        };
        let folder = tempfile::tempdir().expect("a folder").keep();
        Room { book, schema, folder }
    })
}

/// Takes the folder of this process away.
pub fn tidy() {
    let _ = fs::remove_dir_all(&room().folder);
}

fn tables(name: &str, bytes: &[u8]) {
    let room = room();
    let folder = room.folder.join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(format!("box.{name}"));
    fs::write(&path, bytes).expect("written");
    let mut options = LoadOptions::new(20_000);
    options.unpacked = 16 << 20;
    // A workbook of its own, the tables of a folder, and rows left out.
    let mut places = vec![(folder.clone(), false), (folder.clone(), true)];
    if name == "xlsx" {
        places.push((path.clone(), false));
    }
    for (place, skip) in places {
        options.skip_bad_rows = skip;
        let sources = Sources { folder: Some(place), shipped: Vec::new() };
        let loaded = load(&room.book.program, &room.book.codes, &sources, &options);
        let said = loaded.defects.render(Lang::Zh) + &loaded.warnings.render(Lang::En);
        let rows = loaded.database.tables.iter().map(|t| t.len()).sum::<usize>();
        assert!(!said.is_empty() || rows < bytes.len().max(1) * 1000);
    }
    let mapping = "[[table]]\nto = \"box\"\n[table.columns]\nid = \"id\"\nname = \"名称\"\n";
    if let Ok(m) = Mapping::read("m.toml", mapping, &room.schema, &room.book.codes) {
        let _ = import::import(&m, &room.schema, &room.book.codes, &[path], &options);
    }
}

fn csv(bytes: &[u8]) {
    tables("csv", bytes);
}

fn xlsx(bytes: &[u8]) {
    tables("xlsx", bytes);
}

fn parquet(bytes: &[u8]) {
    tables("parquet", bytes);
}

/// Facts of a program in Soufflé's conventions.
fn facts(bytes: &[u8]) {
    static PROGRAMS: OnceLock<Vec<Program>> = OnceLock::new();
    let decl = ".decl a(x: symbol, n: number, f: float, u: unsigned)\n.output a\n";
    let programs = PROGRAMS.get_or_init(|| {
        let ways = ["", "(rfc4180=\"true\", delimiter=\",\")", "(headers=true)", "(columns=\"3:0:1:2\")"];
        ways.iter().map(|w| compile("p.dl", &format!("{decl}.input a{w}\n"))).collect()
    });
    let folder = room().folder.join("facts");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("a.facts"), bytes).expect("written");
    for p in programs {
        let needed = vec![true; p.relations.len()];
        let _ = tsv::load(p, &needed, &folder, true, &mut std::io::empty());
    }
}

fn question(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // The goldens hold a casebase in their first line.
    let text = text.strip_prefix("facts/").and_then(|t| t.split_once('\n')).map_or(&*text, |t| t.1);
    for lang in [Lang::Zh, Lang::En] {
        let compiled = query::compile(&room().book, None, &[("q", text)], lang);
        let _ = Render::new(&compiled.files).all_text(&compiled.diagnostics, false);
    }
    if let Err(found) = zhuize::lang::query::parse_atom(&room().book.program, text) {
        let mut files = room().book.program.files.clone();
        files.push(SourceFile { name: "q".into(), text: text.into() });
        let _ = Render::new(&files).all_text(&found, true);
    }
}

fn rules(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let compiled = zhuize::lang::compile(vec![SourceFile { name: "p.dl".into(), text: text.into() }]);
    let _ = Render::new(&compiled.program.files).all_text(&compiled.diagnostics, false);
}

fn mapping(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let room = room();
    if let Ok(m) = Mapping::read("m.toml", &text, &room.schema, &room.book.codes) {
        let path = room.folder.join("source.csv");
        fs::write(&path, "id,名称,日期\n1,甲,2021-03-05\n2,,\n").expect("written");
        let _ = import::import(&m, &room.schema, &room.book.codes, &[path], &LoadOptions::new(0));
    }
}

fn certificate(bytes: &[u8]) {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|a| a.join("tests/verify/program.dl"));
        let path = path.into_iter().find(|p| p.is_file()).expect("the program");
        compile("program.dl", &fs::read_to_string(path).expect("the program"))
    });
    let text = String::from_utf8_lossy(bytes);
    let _ = verify::verify(program, &text, None, &verify::Options { most_steps: 10_000 });
}

fn day(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(n) = date::read(&text) {
        assert_eq!(date::read(&date::iso(n)), Ok(n), "{text}");
    }
    let _ = (
        date::parse(bytes),
        date::either(&text),
        date::guess(&text).map(|g| date::parse(g.as_bytes()).expect("a day")),
    );
}

/// Lets a panic that a reader deals with pass by whoever ends the process at any.
#[allow(dead_code)]
pub fn begin() {
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !zhuize::facts::guarded() {
            end(panic);
        }
    }));
}

/// Runs the target of that name.
#[allow(dead_code)]
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|t| t.name == name).expect("a target of that name");
    (target.run)(bytes);
}
