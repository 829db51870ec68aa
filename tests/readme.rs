//! Every command shown in the READMEs runs, and prints what is shown: in a `console` block a line that begins with `$ ` is a
//! command, the lines after it are its output, `...` stands for anything.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

use std::ffi::OsString;
use std::fs;

fn matches(want: &[&str], got: &[&str]) -> bool {
    match want.split_first() {
        None => got.is_empty(),
        Some((&"...", rest)) => (0..=got.len()).any(|n| matches(rest, &got[n..])),
        Some((w, rest)) => {
            got.split_first().is_some_and(|(g, more)| w.trim_end() == g.trim_end() && matches(rest, more))
        }
    }
}

/// Splits a shell line: words, 'single' and "double" quotes.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let (mut word, mut quote, mut any) = (String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, any) = (Some(c), true),
            None if c.is_whitespace() => {
                if any || !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                any = false;
            }
            None => word.push(c),
        }
    }
    if any || !word.is_empty() {
        out.push(word);
    }
    out
}

fn check(readme: &str, lang: &str) -> usize {
    let text = fs::read_to_string(readme).unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for block in text.split("```console\n").skip(1).map(|b| b.split("\n```").next().unwrap_or("")) {
        let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => parts.push((command.to_owned(), Vec::new())),
                None => parts.last_mut().unwrap().1.push(line),
            }
        }
        for (command, want) in parts {
            let rest = command
                .strip_prefix("cargo run --release -- ")
                .or_else(|| command.strip_prefix("zhuize "))
                .or_else(|| command.strip_prefix("LANG=zh_CN.UTF-8 zhuize "));
            let Some(rest) = rest else {
                assert!(
                    command == "cargo test" || command.starts_with("cargo install "),
                    "{readme}: unknown command: {command}"
                );
                continue;
            };
            let mut args: Vec<OsString> = vec!["zhuize".into(), "--lang".into(), lang.into()];
            let split = words(rest);
            let (plain, target) = match split.iter().position(|w| w == ">") {
                Some(i) => (&split[..i], split.get(i + 1)),
                None => (&split[..], None),
            };
            args.extend(plain.iter().map(|w| match w.strip_prefix("out") {
                Some(tail) if tail.is_empty() || tail.starts_with('/') => place.path().join(w).into_os_string(),
                _ => OsString::from(w),
            }));
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let code = zhuize::cli::main(&args, &mut out, &mut err);
            assert_eq!(code, 0, "{readme}: {command}\n{}", String::from_utf8_lossy(&err));
            let out = String::from_utf8(out).unwrap();
            assert!(target.is_none() || !out.is_empty(), "{readme}: {command} wrote nothing");
            if target.is_none() {
                let out = out.replace(&format!("{}/", place.path().display()), "");
                let got: Vec<&str> = out.lines().collect();
                assert!(
                    matches(&want, &got),
                    "{readme}: {command}\n--- shown\n{}\n--- printed\n{out}",
                    want.join("\n")
                );
            }
            seen += 1;
        }
    }
    seen
}

#[test]
fn english() {
    assert!(check("README.md", "en") >= 5);
}

#[test]
fn chinese() {
    assert!(check("README.zh-CN.md", "zh") >= 5);
}
