//! Golden files of the rule language: `lang/good/NAME.dl` compiles without errors (and gives `NAME.ir`), `lang/bad/NAME.dl`
//! gives exactly the text of `NAME.err`. `UPDATE_GOLDEN=1` writes them anew.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[path = "common/dice.rs"]
mod dice;
#[path = "lang/ir.rs"]
mod ir;
#[path = "lang/sound.rs"]
mod sound;

use dice::Dice;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use zhuize::engine::naive;
use zhuize::engine::store::Database;
use zhuize::lang::codes::ALL;
use zhuize::lang::program::SourceFile;
use zhuize::lang::render::Render;
use zhuize::lang::{Compiled, compile};

fn files(dir: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lang").join(dir);
    let mut out: Vec<PathBuf> = std::fs::read_dir(&root)
        .expect("the folder is part of the repository")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "dl"))
        .collect();
    out.sort();
    assert!(!out.is_empty(), "no files in {}", root.display());
    out
}

fn run(path: &Path) -> Result<Compiled, Failed> {
    let text = std::fs::read_to_string(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(compile(vec![SourceFile { name, text: text.into() }]))
}

fn golden(path: &Path, found: &str) -> Result<(), Failed> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, found)?;
        return Ok(());
    }
    let want = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if want == found {
        Ok(())
    } else {
        Err(format!("{} differs\n--- expected\n{want}\n--- found\n{found}", path.display()).into())
    }
}

fn good(path: &Path) -> Result<(), Failed> {
    let c = run(path)?;
    if c.has_errors() {
        return Err(format!("unexpected errors: {:#?}", c.diagnostics).into());
    }
    sound::check(&c.program)?;
    golden(&path.with_extension("ir"), &ir::dump(&c.program))
}

/// The rendered text of everything there is to say.
fn bad(path: &Path) -> Result<(), Failed> {
    let c = run(path)?;
    if c.diagnostics.is_empty() {
        return Err("no diagnostic at all".into());
    }
    // Files named after a code must show it.
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let code = stem.split('_').next().unwrap_or_default();
    if ALL.iter().any(|(c, _)| *c == code) && c.diagnostics.iter().all(|d| d.code != code) {
        return Err(format!("no {code} among {:?}", c.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>()).into());
    }
    golden(&path.with_extension("err"), &Render::new(&c.program.files).all_text(&c.diagnostics, false))
}

/// Codes that no file on disk can show: questions, the 4 GiB limit, and depth (made up by the test `deep`).
const ELSEWHERE: &[&str] = &["E0601", "E0602", "E0603", "E0604", "E0751", "E0753"];

fn every_code_has_a_file() -> Result<(), Failed> {
    let names: Vec<String> =
        files("bad").iter().filter_map(|p| Some(p.file_stem()?.to_string_lossy().into_owned())).collect();
    for (code, title) in ALL {
        if !ELSEWHERE.contains(code) && !names.iter().any(|n| n.starts_with(code)) {
            return Err(format!("no file shows {code}: {title}").into());
        }
    }
    Ok(())
}

/// Nesting of every kind ends in a limit, not in a stack overflow.
fn deep() -> Result<(), Failed> {
    const N: usize = 10_000;
    let wrap = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(N), close.repeat(N));
    let bodies = [
        wrap("(", "a(x)", ")"),
        wrap("!(", "a(x)", ")"),
        format!("a(x), x = {}", wrap("(", "1", ")")),
        format!("a(x), x = {}", wrap("min(1, ", "1", ")")),
        format!("a(x), x = {}", wrap("-", "x", "")),
        format!("a(x), x = {}", wrap("2 ^ ", "x", "")),
        format!("a(x), x = {}", wrap("x + ", "x", "")),
        format!("a(x), x = {}", wrap("count : { a(x), x = ", "1", "}")),
        format!("a(x), x = {}", wrap("bnot ", "x", "")),
        format!("a(x), x = {}", wrap("as(", "x", ", number)")),
        wrap("(", "", ""),
    ];
    for b in &bodies {
        let text = format!(".decl a(x:number)\na(1).\na(x) :- {b}.\na(y) :- b(y).\n");
        let c = compile(vec![SourceFile { name: "deep.dl".into(), text: text.into() }]);
        let codes: Vec<&str> = c.diagnostics.iter().map(|d| d.code).collect();
        // What follows is still read.
        if codes != ["E0751", "E0201"] {
            return Err(format!("{}...: {codes:?}", &b[..20]).into());
        }
    }
    // Many signs before an atom are no nesting.
    let text = format!(".decl a(x:number)\na(1).\n.decl b(x:number)\nb(1) :- {}a(_).\n", "!".repeat(N));
    let c = compile(vec![SourceFile { name: "bangs.dl".into(), text: text.into() }]);
    if c.has_errors() { Err(format!("{:?}", c.diagnostics).into()) } else { Ok(()) }
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for e in std::fs::read_dir(dir)? {
        let p = e?.path();
        if p.is_dir() {
            walk(&p, out)?;
        } else if p.extension().is_some_and(|e| e == "dl") {
            out.push(p);
        }
    }
    out.sort();
    Ok(())
}

/// Every rule file of the repository together, as the largest real program there is.
fn rulebooks() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut paths = Vec::new();
    for e in std::fs::read_dir(&root)? {
        let p = e?.path();
        // Folders that begin with `_` are to be copied from, not compiled.
        if p.is_dir() && !p.file_name().unwrap_or_default().to_string_lossy().starts_with('_') {
            walk(&p, &mut paths)?;
        }
    }
    paths.sort();
    let mut sources = Vec::new();
    for p in &paths {
        let name = p.strip_prefix(&root)?.to_string_lossy().into_owned();
        sources.push(SourceFile { name, text: std::fs::read_to_string(p)?.into() });
    }
    let c = compile(sources);
    let said: Vec<String> = c
        .diagnostics
        .iter()
        .map(|d| {
            format!(
                "{} {} {}",
                d.primary.as_ref().map_or(String::new(), |p| c.program.place(p.span)),
                d.code,
                d.message
            )
        })
        .collect();
    if c.has_errors() {
        return Err(said.join("\n").into());
    }
    Ok(sound::check(&c.program)?)
}

/// The output relations of a program, by both evaluators.
fn outputs(path: &Path) -> Result<(), Failed> {
    let c = run(path)?;
    if c.has_errors() {
        return Err(Render::new(&c.program.files).all_text(&c.diagnostics, false).into());
    }
    let p = &c.program;
    sound::check(p)?;
    let found = ir::tables(p, &naive::evaluate(p, Database::new(p)).map_err(|e| format!("{e:?}"))?);
    golden(&path.with_extension("out"), &found)
}

/// Thousands of damaged programs: nothing panics, every place lies in the text, and what has no error is sound.
fn damaged() -> Result<(), Failed> {
    let mut texts = Vec::new();
    let (good, bad) = (files("good"), files("bad"));
    for p in good.iter().chain(&files("run")).chain(&bad).chain(good.iter().cycle().take(bad.len())) {
        texts.push(std::fs::read_to_string(p)?);
    }
    let pieces: Vec<String> =
        texts.iter().flat_map(|t| t.split_inclusive([' ', ',', '(', ')', '.']).map(str::to_owned)).collect();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut sound = 0;
    for round in 0..4000 {
        let mut parts: Vec<&str> = texts[round % texts.len()].split_inclusive([' ', ',', '(', ')', '.']).collect();
        for _ in 0..=dice.below(3) {
            let at = dice.below(parts.len());
            match dice.below(4) {
                0 => drop(parts.remove(at)),
                1 => parts.insert(at, &pieces[dice.below(pieces.len())]),
                2 => parts[at] = &pieces[dice.below(pieces.len())],
                _ => {
                    let to = dice.below(parts.len());
                    parts.swap(at, to);
                }
            }
            if parts.is_empty() {
                parts.push(".");
            }
        }
        let text = parts.concat();
        let c = compile(vec![SourceFile { name: "damaged.dl".into(), text: text.as_str().into() }]);
        for d in &c.diagnostics {
            for l in d.primary.iter().chain(&d.related) {
                if text.get(l.span.start as usize..l.span.end as usize).is_none() {
                    return Err(format!("{d:?} points outside of\n{text}").into());
                }
            }
        }
        let render = Render::new(&c.program.files);
        if render.all_text(&c.diagnostics, round % 2 == 0).is_empty() != c.diagnostics.is_empty() {
            return Err("a diagnostic without text".into());
        }
        if render.all_json(&c.diagnostics).as_array().map(Vec::len) != Some(c.diagnostics.len()) {
            return Err("a diagnostic without JSON".into());
        }
        if !c.has_errors() {
            sound::check(&c.program).map_err(|e| format!("{e}\n{text}"))?;
            sound += 1;
        }
    }
    if sound < 100 { Err(format!("only {sound} programs came through").into()) } else { Ok(()) }
}

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for p in files("good") {
        let name = format!("good/{}", p.file_stem().unwrap_or_default().to_string_lossy());
        trials.push(Trial::test(name, move || good(&p)));
    }
    for p in files("bad") {
        let name = format!("bad/{}", p.file_stem().unwrap_or_default().to_string_lossy());
        trials.push(Trial::test(name, move || bad(&p)));
    }
    trials.push(Trial::test("every_code_has_a_file", every_code_has_a_file));
    for p in files("run") {
        let name = format!("run/{}", p.file_stem().unwrap_or_default().to_string_lossy());
        trials.push(Trial::test(name, move || outputs(&p)));
    }
    trials.push(Trial::test("deep", deep));
    trials.push(Trial::test("damaged", damaged));
    trials.push(Trial::test("rulebooks", rulebooks));
    libtest_mimic::run(&args, trials).exit();
}
