//! Faults of the machine: a full disk, folders that may not be written, links, files that are no files, pipes that trickle,
//! a process that is killed, a narrow memory, a foreign locale. The message is clear, the exit code right, nothing is lost
//! and nothing half-written is left.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::{demo, process as zhuize, text};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const BIN: &str = env!("CARGO_BIN_EXE_zhuize");
const DAY: &str = "2025-06-30";

/// A run of the demo into a folder or workbook.
fn run(out: &Path) -> Command {
    zhuize(&["-q", "run", demo().to_str().unwrap(), "--as-of", DAY, "-o", out.to_str().unwrap()])
}

/// A line for the shell in which `$Z`, `$DEMO`, `$OUT` are set.
fn shell(out: &Path, line: &str) -> Output {
    let mut c = Command::new("bash");
    c.args(["-c", line]).env("Z", BIN).env("DEMO", demo()).env("OUT", out).stdin(Stdio::null()).output().unwrap()
}

/// Every file under a folder with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut out = BTreeMap::new();
    for e in fs::read_dir(dir).unwrap() {
        let p = e.unwrap().path();
        if p.is_dir() {
            out.extend(files(&p));
        } else {
            out.insert(p.clone(), fs::read(&p).unwrap());
        }
    }
    out
}

/// Whatever stands in a folder, hidden or not.
fn names(dir: &Path) -> Vec<String> {
    let mut out: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    out.sort();
    out
}

#[test]
fn a_full_disk() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    // No file may be larger than a few blocks: what a full disk says, said by the shell. SIGXFSZ is the shell's habit.
    for line in [
        "trap '' XFSZ; ulimit -f 4; $Z --lang en -q run $DEMO --as-of 2025-06-30 -o $OUT",
        "trap '' XFSZ; ulimit -f 4; $Z --lang en -q run $DEMO --as-of 2025-06-30 -o $OUT.xlsx",
        "trap '' XFSZ; ulimit -f 4; $Z --lang en -q export --to souffle $DEMO --as-of 2025-06-30 -o $OUT",
        "trap '' XFSZ; ulimit -f 4; $Z --lang en -q template -o $OUT.xlsx",
        "trap '' XFSZ; ulimit -f 4; $Z --lang en -q query $DEMO --as-of 2025-06-30 'disposition(C,P,I,S)' -o $OUT.txt",
        "trap '' XFSZ; ulimit -f 4; $Z --lang en -q stats $DEMO --as-of 2025-06-30 --format svg -o $OUT.svg",
        "$Z --lang en run $DEMO --as-of 2025-06-30 > /dev/full",
        "$Z --lang en why $DEMO --as-of 2025-06-30 --case d61 --person p176 > /dev/full",
    ] {
        let d = shell(&out, line);
        assert_eq!(d.status.code(), Some(5), "{line}: {}", text(&d.stderr));
        let err = text(&d.stderr);
        // The library of workbooks knows no other way than to break off.
        let says =
            err.contains("E0710: cannot write: ") || line.contains("xlsx") && err.contains("E0719: internal error: ");
        assert!(says && err.lines().count() == 1, "{line}: {err}");
        assert_eq!(names(place.path()), Vec::<String>::new(), "{line}");
    }
    // What an earlier run wrote stays as it was.
    assert!(run(&out).status().unwrap().success());
    let before = files(&out);
    let d = shell(&out, "trap '' XFSZ; ulimit -f 4; $Z -q run $DEMO --as-of 2024-06-30 -o $OUT");
    assert_eq!(d.status.code(), Some(5));
    assert_eq!(files(&out), before);
}

#[test]
fn folders_that_cannot_be_written() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "mine").unwrap();
    // /proc takes no folders from anybody, root included.
    for out in [Path::new("/proc/zhuize"), &file.join("below"), &file] {
        let d = run(out).output().unwrap();
        assert_eq!(d.status.code(), Some(5), "{}: {}", out.display(), text(&d.stderr));
        assert!(text(&d.stderr).starts_with("E0710: cannot write: "), "{}", text(&d.stderr));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(names(place.path()), ["file"]);
}

#[test]
fn outputs_that_are_links() {
    let place = tempfile::tempdir().unwrap();
    let at = |n: &str| place.path().join(n);
    fs::create_dir(at("real")).unwrap();
    fs::write(at("real/notes.txt"), "mine").unwrap();
    symlink("real", at("link")).unwrap();
    assert!(run(&at("link")).status().unwrap().success());
    assert!(at("link").is_symlink() && at("real/manifest.json").is_file());
    assert_eq!(fs::read_to_string(at("real/notes.txt")).unwrap(), "mine");
    // A link to a file leads to the file; a link inside the folder is replaced and not followed.
    fs::write(at("old.xlsx"), "old").unwrap();
    symlink("old.xlsx", at("new.xlsx")).unwrap();
    assert!(run(&at("new.xlsx")).status().unwrap().success());
    assert!(at("new.xlsx").is_symlink() && fs::read(at("old.xlsx")).unwrap().starts_with(b"PK"));
    fs::write(at("elsewhere"), "mine").unwrap();
    fs::remove_file(at("real/liable.csv")).unwrap();
    symlink("../elsewhere", at("real/liable.csv")).unwrap();
    assert!(run(&at("link")).status().unwrap().success());
    assert!(!at("real/liable.csv").is_symlink());
    assert_eq!(fs::read_to_string(at("elsewhere")).unwrap(), "mine");
    symlink("nowhere", at("dangling.xlsx")).unwrap();
    let d = run(&at("dangling.xlsx")).output().unwrap();
    assert_eq!(d.status.code(), Some(5), "{}", text(&d.stderr));
    assert!(!at("nowhere").exists());
}

#[test]
fn killed_at_any_moment() {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    assert!(run(&whole).status().unwrap().success());
    let want: BTreeMap<_, _> = files(&whole).into_iter().map(|(p, b)| (p.file_name().unwrap().to_owned(), b)).collect();
    let out = place.path().join("out");
    let (mut stopped, mut finished) = (0, 0);
    for i in 0..60u64 {
        let mut child = run(&out).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(i * 4 % 120));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            finished += 1
        } else {
            stopped += 1
        }
        for e in fs::read_dir(place.path()).unwrap() {
            let name = e.unwrap().file_name().to_string_lossy().into_owned();
            assert!(["out", "whole"].contains(&name.as_str()) || name.starts_with(".zhuize-"), "{name}");
        }
        if out.exists() {
            let visible: BTreeMap<_, _> = fs::read_dir(&out)
                .unwrap()
                .map(|e| e.unwrap().path())
                .filter(|p| p.is_file())
                .map(|p| (p.file_name().unwrap().to_owned(), fs::read(&p).unwrap()))
                .collect();
            // Each file that stands there is whole; if the manifest stands there, all of them do.
            for (name, bytes) in &visible {
                assert_eq!(Some(bytes), want.get(name), "{}", name.to_string_lossy());
            }
            if visible.contains_key("manifest.json".as_ref() as &std::ffi::OsStr) {
                assert_eq!(visible.len(), want.len());
            }
        }
    }
    assert!(stopped > 5, "{stopped} stopped, {finished} finished");
    // The next run ends well, whatever was left, and takes it away: what was killed before it had a lock, a little later.
    std::thread::sleep(Duration::from_millis(2100));
    assert!(run(&out).status().unwrap().success());
    assert_eq!(names(place.path()), ["out", "whole"]);
    assert!(!names(&out).iter().any(|n| n.starts_with('.')), "{:?}", names(&out));
    for (name, bytes) in &want {
        assert_eq!(&fs::read(out.join(name)).unwrap(), bytes);
    }
}

#[test]
fn a_narrow_memory() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let mut codes = Vec::new();
    for kib in [30_000, 36_000, 40_000, 45_000, 50_000, 60_000, 100_000, 400_000] {
        let line = format!("ulimit -v {kib}; exec $Z --lang en -q run $DEMO --as-of 2025-06-30 --threads 1 -o $OUT");
        let d = shell(&out, &line);
        // Before there is a program, the loader of programs says 127, or breaks down without a word.
        let silent = d.status.code().is_none() && d.stderr.is_empty();
        let ended = d.status.code().unwrap_or(if silent { 127 } else { 134 });
        assert!([0, 5, 127].contains(&ended), "{kib}: {ended} {}", text(&d.stderr));
        assert!(ended != 5 || !d.stderr.is_empty(), "{kib}: silence");
        assert_eq!(out.exists(), ended == 0, "{kib}: all or nothing");
        let _ = fs::remove_dir_all(&out);
        codes.push(ended);
    }
    assert_eq!(codes.last(), Some(&0));
    assert!(codes.contains(&5), "{codes:?}");
}

/// Runs a command so often that it is killed at many moments, more often if a busy machine lets too many come to their end;
/// after each, `check` looks at what stands there.
fn killed(command: &[&str], signal: &str, times: u64, check: &dyn Fn()) -> usize {
    let (mut stopped, mut longest) = (0, Duration::from_millis(60));
    for i in 0..8 * times {
        if i >= times && stopped > 3 {
            break;
        }
        let start = std::time::Instant::now();
        // Whoever runs the tests in the background may have them ignore the signal, which its children would inherit.
        let mut child = Command::new("env");
        child.args(["--default-signal=INT,TERM", env!("CARGO_BIN_EXE_zhuize"), "--lang", "en"]).args(command);
        let mut child = child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The moments lie over the whole life of the command, however fast the machine is.
        std::thread::sleep(longest.mul_f64((i % times) as f64 / times as f64));
        let told = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let ended = child.wait().unwrap();
        if ended.success() {
            longest = longest.min(start.elapsed());
        } else {
            assert!(told.success(), "{command:?}: {ended}");
            let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
            assert!(matches!(signal, Some(2 | 9 | 15)), "{command:?}: {ended}");
            stopped += 1;
            longest = longest.max(start.elapsed() * 2).min(Duration::from_secs(2));
        }
        check();
    }
    stopped
}

#[test]
fn every_command_that_writes_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let at = |n: &str| place.path().join(n).to_str().unwrap().to_owned();
    let demo = demo();
    let demo = demo.to_str().unwrap();
    let import = place.path().join("source.csv");
    fs::write(&import, "文书号,名称\n1,甲\n2,乙\n").unwrap();
    let mapping = place.path().join("m.toml");
    fs::write(&mapping, "[[table]]\nto = \"people\"\n[table.columns]\nperson = \"文书号\"\nname = \"名称\"\n").unwrap();
    let (m, source) = (at("m.toml"), at("source.csv"));
    let commands: Vec<(Vec<&str>, &str, bool)> = vec![
        (vec!["query", demo, "--as-of", DAY, "disposition(C,P,I,S)"], "q.txt", false),
        (vec!["query", demo, "--as-of", DAY, "disposition(C,P,I,S)", "--format", "parquet"], "q.parquet", false),
        (vec!["stats", demo, "--as-of", DAY, "--format", "svg"], "s.svg", false),
        (vec!["why", demo, "liable(d01,p001,_,_,_)", "--as-of", DAY], "w.json", false),
        (
            vec!["what-if", demo, "--as-of", DAY, "--remove", "grounds(d01,_,_)", "--about", "liable(d01,_,_,_,_)"],
            "s.toml",
            false,
        ),
        (vec!["template"], "t.xlsx", false),
        (vec!["export", "--to", "souffle", demo, "--as-of", DAY], "export", true),
        (vec!["import", &m, &source], "import", true),
        (vec!["run", demo, "--as-of", DAY, "--parquet"], "columns", true),
    ];
    for (command, name, folder) in commands {
        let out = at(name);
        let to = if command[0] == "why" {
            "--certificate"
        } else if command[0] == "what-if" {
            "--save"
        } else {
            "-o"
        };
        let full = [&["-q"], &command[..], &[to, &out]].concat();
        let done = zhuize(&full).output().unwrap();
        assert!(done.status.success(), "{full:?}: {}", text(&done.stderr));
        let path = Path::new(&out);
        let want = if folder { files(path) } else { BTreeMap::from([(path.to_owned(), fs::read(path).unwrap())]) };
        assert!(!want.is_empty());
        // Blank tables are not written over others.
        let fresh = command[0] == "template";
        if fresh {
            fs::remove_file(path).unwrap();
        }
        // What stood there before is whole; so is all that comes.
        let check = || {
            let one = || fs::read(path).ok().map(|bytes| (path.to_owned(), bytes)).into_iter().collect();
            let now: BTreeMap<_, _> = if folder { files(path) } else { one() };
            assert!(fresh || !now.is_empty(), "{command:?}: nothing is left of what stood there");
            let seen = now.iter().filter(|(p, _)| !p.to_string_lossy().contains("/.zhuize-"));
            for (file, bytes) in seen {
                assert_eq!(Some(bytes), want.get(file), "{command:?}: {}", file.display());
            }
            if fresh {
                let _ = fs::remove_file(path);
            }
        };
        let stopped = killed(&full, "-9", 12, &check);
        assert!(stopped > 0, "{command:?}");
        std::thread::sleep(Duration::from_millis(2100));
        let done = zhuize(&full).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        let left = files(place.path());
        assert!(!left.keys().any(|p| p.to_string_lossy().contains(".zhuize-")), "{command:?}: {:?}", left.keys());
    }
}

#[test]
fn told_to_leave() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let demo = demo();
    let command = ["-q", "run", demo.to_str().unwrap(), "--as-of", DAY, "-o", out.to_str().unwrap()];
    for signal in ["-TERM", "-INT"] {
        // Nothing of a command that left stands anywhere; what one that came to its end wrote is whole.
        let check = || {
            let all = names(place.path());
            assert!(all.is_empty() || all == ["out"], "{signal}: {all:?}");
            assert!(!out.exists() || out.join("manifest.json").exists(), "{signal}: {:?}", names(&out));
            let _ = fs::remove_dir_all(&out);
        };
        assert!(killed(&command, signal, 25, &check) > 3, "{signal}");
    }
    // Who was started to ignore it goes on.
    let line =
        "trap '' INT TERM; $Z --lang en -q run $DEMO --as-of 2025-06-30 -o $OUT & kill -TERM $!; kill -INT $!; wait $!";
    let d = shell(&out, line);
    assert!(d.status.success() && out.join("manifest.json").exists(), "{}", text(&d.stderr));
}

#[test]
fn a_file_that_grows_too_large_for_the_shell() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    for more in ["", "--parquet", "--xlsx"] {
        let line = format!("ulimit -f 4; exec $Z --lang en -q run $DEMO --as-of 2025-06-30 -o $OUT {more}");
        let d = shell(&out, &line);
        assert_eq!(d.status.code(), Some(5), "{more}: {}", text(&d.stderr));
        assert!(text(&d.stderr).starts_with("E07"), "{}", text(&d.stderr));
        assert_eq!(names(place.path()), Vec::<String>::new(), "{more}");
    }
}

#[test]
fn a_limit_of_memory_is_kept_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let (out, want) = (place.path().join("out"), place.path().join("want"));
    assert!(run(&want).status().unwrap().success());
    let mut ended = Vec::new();
    for limit in ["1M", "20M", "40M", "60M", "80M", "120M", "1G", "8GiB"] {
        let mut c = run(&out);
        let d = c.args(["--memory", limit, "--threads", "1"]).output().unwrap();
        let (code, said) = (d.status.code(), text(&d.stderr));
        assert!(code == Some(0) && said.is_empty() || code == Some(5), "{limit}: {code:?} {said}");
        if code == Some(5) {
            assert!(said.starts_with("E0712: ") || said.starts_with("E0707: "), "{limit}: {said}");
            assert_eq!(names(place.path()), ["want"], "{limit}");
        } else {
            // What ends well never needed more.
            assert_eq!(fs::read(out.join("liable.csv")).unwrap(), fs::read(want.join("liable.csv")).unwrap());
            fs::remove_dir_all(&out).unwrap();
        }
        ended.push(code == Some(0));
    }
    assert!(!ended[0] && ended[6] && ended[7], "{ended:?}");
    assert!(ended.is_sorted(), "more memory is never worse: {ended:?}");
    let d = run(&out).args(["--memory", "1M"]).output().unwrap();
    let said = text(&d.stderr);
    assert!(
        said.starts_with("E0712: reading the casebase takes about ")
            && said.ends_with(" of memory at least, and --memory allows 1 MiB; allow more, or split the casebase\n"),
        "{said}"
    );
    let d = run(&out).args(["--memory", "much"]).output().unwrap();
    assert_eq!(d.status.code(), Some(2));
    assert!(text(&d.stderr).contains("`much` is no amount of memory such as 512M or 8G"), "{}", text(&d.stderr));
}

#[test]
fn a_pipe_that_trickles() {
    let place = tempfile::tempdir().unwrap();
    let facts = place.path().join("facts");
    fs::create_dir(&facts).unwrap();
    for (path, bytes) in files(&demo()) {
        fs::write(facts.join(path.file_name().unwrap()), bytes).unwrap();
    }
    let pipe = facts.join("postings.csv");
    let bytes = fs::read(&pipe).unwrap();
    fs::remove_file(&pipe).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = std::thread::spawn(move || {
        let mut w = fs::File::options().write(true).open(&pipe).unwrap();
        for b in bytes {
            w.write_all(&[b]).unwrap();
            std::thread::sleep(Duration::from_micros(300));
        }
    });
    let (out, want) = (place.path().join("out"), place.path().join("want"));
    let d =
        zhuize(&["-q", "run", facts.to_str().unwrap(), "--as-of", DAY, "-o", out.to_str().unwrap()]).output().unwrap();
    assert!(d.status.success(), "{}", text(&d.stderr));
    writer.join().unwrap();
    assert!(run(&want).status().unwrap().success());
    assert_eq!(fs::read(out.join("liable.csv")).unwrap(), fs::read(want.join("liable.csv")).unwrap());
    // Standard input, byte by byte, with a character cut in the middle.
    let program = place.path().join("p.dl");
    fs::write(&program, ".decl a(x: symbol)\n.input a(IO=stdin)\n.output a(IO=stdout)\n").unwrap();
    let mut child = zhuize(&["eval", program.to_str().unwrap(), "-D", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for b in "承办\n审核".bytes() {
        stdin.write_all(&[b]).unwrap();
        stdin.flush().unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(stdin);
    let d = child.wait_with_output().unwrap();
    assert!(d.status.success() && text(&d.stdout).contains("承办\n") && text(&d.stdout).contains("审核\n"));
}

#[test]
fn readers_that_go_away() {
    let out = Path::new("/nonexistent");
    for line in [
        "set -o pipefail; $Z --lang en run $DEMO --as-of 2025-06-30 | head -1",
        "set -o pipefail; $Z --lang en rules --help | head -1",
        "$Z --lang en run $DEMO --as-of 2025-06-30 >&-",
        "$Z --lang en -q run $DEMO --as-of 2025-06-30 2>&-",
    ] {
        let d = shell(out, line);
        assert_eq!(d.status.code(), Some(0), "{line}: {}", text(&d.stderr));
        assert!(!text(&d.stderr).contains("panicked"), "{line}: {}", text(&d.stderr));
    }
    // A message that nobody can read does not change how the command ends.
    let d = shell(out, "$Z run /nowhere 2>/dev/full");
    assert_eq!(d.status.code(), Some(4));
}

#[test]
fn a_foreign_place() {
    let place = tempfile::tempdir().unwrap();
    let home = place.path().join("案 件/库 (一)");
    fs::create_dir_all(&home).unwrap();
    for (path, bytes) in files(&demo()) {
        fs::write(home.join(path.file_name().unwrap()), bytes).unwrap();
    }
    let mut all = Vec::new();
    for (i, (locale, zone)) in
        [("C", "UTC"), ("zh_CN.GB18030", "Asia/Shanghai"), ("POSIX", "No/Where")].iter().enumerate()
    {
        let out = place.path().join(format!("结 果 {i}"));
        let mut c = zhuize(&["-q", "run", "库 (一)", "--as-of", DAY, "-o", out.to_str().unwrap()]);
        let d = c.env("LC_ALL", locale).env("TZ", zone).current_dir(place.path().join("案 件")).output().unwrap();
        assert!(d.status.success(), "{locale}: {}", text(&d.stderr));
        let own: BTreeMap<_, _> =
            files(&out).into_iter().map(|(p, b)| (p.file_name().unwrap().to_owned(), b)).collect();
        all.push(own);
    }
    assert!(all[0] == all[1] && all[1] == all[2], "manifest included");
    // Without --as-of the day is today's, whatever the zone is called.
    let d = zhuize(&["run", demo().to_str().unwrap()]).env("TZ", "No/Where").output().unwrap();
    assert!(d.status.success(), "{}", text(&d.stderr));
}

#[test]
fn tables_that_cannot_be_read() {
    let place = tempfile::tempdir().unwrap();
    let facts = place.path().join("facts");
    fs::create_dir(&facts).unwrap();
    for (path, bytes) in files(&demo()) {
        fs::write(facts.join(path.file_name().unwrap()), bytes).unwrap();
    }
    let out = place.path().join("out");
    let run = || {
        zhuize(&["-q", "run", facts.to_str().unwrap(), "--as-of", DAY, "-o", out.to_str().unwrap()]).output().unwrap()
    };
    let cases = facts.join("cases.csv");
    let kept = fs::read(&cases).unwrap();
    type Spoil<'a> = (&'a str, &'a dyn Fn());
    let spoils: [Spoil<'_>; 4] = [
        ("a folder", &|| fs::create_dir(&cases).unwrap()),
        ("a link to nowhere", &|| symlink("nowhere", &cases).unwrap()),
        ("a link to itself", &|| symlink("cases.csv", &cases).unwrap()),
        ("memory that cannot be read", &|| symlink("/proc/self/mem", &cases).unwrap()),
    ];
    for (what, spoil) in spoils {
        fs::remove_file(&cases).unwrap();
        spoil();
        let d = run();
        assert_eq!(d.status.code(), Some(4), "{what}: {}", text(&d.stderr));
        assert!(text(&d.stderr).contains("cases.csv"), "{what}: {}", text(&d.stderr));
        assert!(!out.exists(), "{what}");
        if cases.is_dir() {
            fs::remove_dir(&cases).unwrap()
        } else {
            fs::remove_file(&cases).unwrap()
        }
        fs::write(&cases, &kept).unwrap();
    }
    assert!(run().status.success());
}
