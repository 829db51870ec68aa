//! Golden files of the rule language: `lang/good/NAME.dl` compiles without errors (and gives `NAME.ir`), `lang/bad/NAME.dl`
//! gives exactly the text of `NAME.err`. `UPDATE_GOLDEN=1` writes them anew.

#[path = "lang/ir.rs"]
mod ir;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use zhuize::lang::program::SourceFile;
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
    golden(&path.with_extension("ir"), &ir::dump(&c.program))
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
    if c.has_errors() { Err(said.join("\n").into()) } else { Ok(()) }
}

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for p in files("good") {
        let name = format!("good/{}", p.file_stem().unwrap_or_default().to_string_lossy());
        trials.push(Trial::test(name, move || good(&p)));
    }
    trials.push(Trial::test("rulebooks", rulebooks));
    libtest_mimic::run(&args, trials).exit();
}
