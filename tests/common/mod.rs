//! The command line called from tests.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a command ended and what it printed.
#[allow(dead_code)]
pub struct Done {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Runs `zhuize` with these arguments, inside the test.
#[allow(dead_code)]
pub fn zhuize(args: &[&str]) -> Done {
    let args: Vec<OsString> = std::iter::once("zhuize").chain(args.iter().copied()).map(OsString::from).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = zhuize::cli::main(&args, &mut out, &mut err);
    Done { code, out: String::from_utf8_lossy(&out).into_owned(), err: String::from_utf8_lossy(&err).into_owned() }
}

/// The demo casebase, by a path that does not depend on the folder a command runs in.
#[allow(dead_code)]
pub fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("facts/demo")
}

/// `zhuize` in English as a process of its own.
#[allow(dead_code)]
pub fn process(args: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_zhuize"));
    c.args(["--lang", "en"]).args(args).stdin(Stdio::null()).env_remove("LC_ALL");
    c
}

/// What a process printed.
#[allow(dead_code)]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Copies a folder with all that is in it.
#[allow(dead_code)]
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for e in fs::read_dir(from).unwrap() {
        let p = e.unwrap().path();
        let target = to.join(p.file_name().unwrap());
        if p.is_dir() {
            copy(&p, &target);
        } else {
            fs::copy(&p, target).unwrap();
        }
    }
}
