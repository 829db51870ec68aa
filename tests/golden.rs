//! Golden cases of the rulebooks, found by walking `rules/*/cases/*` (and `rules/examples/*/cases/*`): each casebase is run
//! through the command line and every `expect/<relation>.csv` must equal what was written, as a set of rows over the columns
//! of its header. `UPDATE_GOLDEN=1` rewrites the expectations; review the difference.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

type Rows = BTreeSet<Vec<String>>;

/// Rows of a CSV over the given columns (its own if none are given).
fn rows(path: &Path, columns: Option<&[String]>) -> Result<(Vec<String>, Rows), Failed> {
    let mut reader = csv::Reader::from_path(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let header: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let wanted = columns.map_or_else(|| header.clone(), <[String]>::to_vec);
    let at: Vec<usize> = wanted
        .iter()
        .map(|c| header.iter().position(|h| h == c).ok_or(format!("{}: no column {c}", path.display())))
        .collect::<Result<_, _>>()?;
    let mut out = Rows::new();
    for r in reader.records() {
        let r = r?;
        out.insert(at.iter().map(|i| r[*i].to_owned()).collect());
    }
    Ok((wanted, out))
}

fn check(case: &Path) -> Result<(), Failed> {
    let out = tempfile::tempdir()?;
    let mut args: Vec<OsString> = ["zhuize", "--quiet", "--lang", "en"].iter().map(OsString::from).collect();
    // The template and the examples are no part of the built-in rules: they are put beside them, under the name that the
    // instrument declares for itself.
    let folder = case.parent().and_then(Path::parent).expect("rules/<instrument>/cases/<name>");
    if folder.starts_with("rules/_template") || folder.starts_with("rules/examples") {
        let text = fs::read_to_string(folder.join("rulebook.dl"))?;
        let id = text.split("instrument(\"").nth(1).and_then(|t| t.split('"').next()).ok_or("no instrument(...)")?;
        let beside = out.path().join("rules").join(id);
        fs::create_dir_all(&beside)?;
        for e in fs::read_dir(folder)? {
            let p = e?.path();
            if p.is_file() {
                fs::copy(&p, beside.join(p.file_name().expect("a file")))?;
            }
        }
        args.extend(["--with".into(), beside.into_os_string()]);
    }
    args.push("run".into());
    args.push(case.join("facts").into());
    let extra = fs::read_to_string(case.join("args")).unwrap_or_default();
    if !extra.lines().any(|l| l.starts_with("--as-of")) {
        args.extend(["--as-of".into(), "2025-06-30".into()]);
    }
    args.extend(extra.lines().filter(|l| !l.is_empty()).map(OsString::from));
    args.extend(["-o".into(), out.path().join("out").into()]);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = zhuize::cli::main(&args, &mut stdout, &mut stderr);
    if code != 0 {
        return Err(format!("exit code {code}\n{}", String::from_utf8_lossy(&stderr)).into());
    }
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    let mut files: Vec<PathBuf> =
        fs::read_dir(case.join("expect"))?.map(|e| Ok(e?.path())).collect::<Result<_, std::io::Error>>()?;
    files.sort();
    if files.is_empty() {
        return Err("expect/ is empty".into());
    }
    for file in files {
        let name = file.file_name().expect("a file").to_owned();
        let (columns, want) = rows(&file, None)?;
        let (_, got) = rows(&out.path().join("out").join(&name), Some(&columns))?;
        if want == got {
            continue;
        }
        if update {
            let mut w = csv::Writer::from_path(&file)?;
            w.write_record(&columns)?;
            for r in &got {
                w.write_record(r)?;
            }
            w.flush()?;
            continue;
        }
        wrong.push_str(&format!("{}:\n", name.to_string_lossy()));
        for r in want.difference(&got) {
            wrong.push_str(&format!("  - {}\n", r.join(",")));
        }
        for r in got.difference(&want) {
            wrong.push_str(&format!("  + {}\n", r.join(",")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("(- expected, + derived)\n{wrong}").into()) }
}

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    for root in ["rules", "rules/examples"] {
        folders.extend(fs::read_dir(root).into_iter().flatten().filter_map(|e| e.ok().map(|e| e.path().join("cases"))));
    }
    folders.sort();
    for folder in folders {
        let mut cases: Vec<PathBuf> =
            fs::read_dir(&folder).into_iter().flatten().filter_map(|e| e.ok().map(|e| e.path())).collect();
        cases.sort();
        for case in cases {
            trials.push(Trial::test(case.display().to_string(), move || check(&case)));
        }
    }
    assert!(!trials.is_empty(), "no golden case found");
    libtest_mimic::run(&args, trials).exit();
}
