//! Readers under fire: seeds and findings of each target are mutated by a generator with a seed; every input must come back
//! within its time, without a panic and without memory that grows beyond measure.
//!
//! `cargo test --test fuzz` takes seconds and does the same each time. `ZHUIZE_FUZZ_SECONDS=3600 ZHUIZE_FUZZ_TARGET=csv
//! cargo test --release --test fuzz` goes on for an hour, with a seed from the clock or `ZHUIZE_FUZZ_SEED`; what breaks a
//! target is written to `tests/corpus/TARGET/`, where the bounded run begins from then on. `fuzz/` holds the same targets for
//! libFuzzer.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[path = "common/dice.rs"]
mod dice;
#[path = "fuzz/targets.rs"]
mod targets;

use dice::Dice;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// Inputs for each target in the bounded run.
const INPUTS: usize = 400;
/// Longest time for one input: hundreds of times what the slowest takes.
const SLOW: Duration = Duration::from_secs(10);
/// Memory of the whole process that no input may make it need.
const LARGE: u64 = 2 << 30;
/// Largest seed; what is longer makes a slow fuzzer.
const SEED: u64 = 20_000;
/// Words that readers look for.
const WORDS: &[&str] = &[
    "\"",
    "\"\"",
    ",",
    "\t",
    "\r\n",
    "\n",
    "\u{feff}",
    "\0",
    "，",
    "年",
    "月",
    "日",
    "2021-03-05",
    "2021年3月5日",
    "-1000000",
    "4294967296",
    "-2147483648",
    "99999999999999999999",
    "1e309",
    "NaN",
    "id",
    "编号",
    "green",
    "绿",
    "（2018）豫01行终123号",
    "\u{1f}",
    "\u{1e}",
    "\u{2028}",
    "\u{202e}",
    "//@ key id",
    "//@ codes x",
    ".decl a(x: number)",
    ":-",
    "!",
    "_",
    "count by ",
    "order by ",
    "limit 3",
    "show ",
    "=",
    "<=",
    "(",
    ")",
    "{",
    "}",
    "[[table]]",
    "\\u{110000}",
    "\\",
    "/*",
    "null",
    "true",
];

/// Every file under a folder, in order.
fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut all: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    all.sort();
    for p in all {
        if p.is_dir() { files(&p, out) } else { out.push(p) }
    }
}

fn home(target: &Target) -> PathBuf {
    Path::new("tests/corpus").join(target.name)
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for (folder, ending) in target.seeds {
        let mut all = Vec::new();
        files(Path::new(folder), &mut all);
        paths.extend(all.into_iter().filter(|p| p.to_string_lossy().ends_with(ending)));
    }
    files(&home(target), &mut paths);
    let small = paths.iter().filter(|p| p.metadata().unwrap().len() <= SEED);
    let mut out: Vec<Vec<u8>> = small.map(|p| fs::read(p).unwrap()).collect();
    if target.archive {
        out.push(workbook());
    }
    assert!(out.len() >= 2 || target.archive, "{}: seeds are there", target.name);
    out
}

/// A workbook with dates, numbers, merged cells and text.
fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet().set_name("box").unwrap();
    for (c, head) in ["编号", "name", "colour", "size", "made", "no"].iter().enumerate() {
        sheet.write_string(0, c as u16, *head).unwrap();
    }
    for r in 1..6 {
        sheet.write_string(r, 0, format!("b{r}")).unwrap();
        sheet.write_string(r, 1, "甲\n乙").unwrap();
        sheet.write_string(r, 2, "绿").unwrap();
        sheet.write_number(r, 3, f64::from(r) * 1.5).unwrap();
        let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2021, 3, r as u8).unwrap();
        sheet
            .write_datetime_with_format(r, 4, &day, &rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd"))
            .unwrap();
        sheet.write_formula(r, 5, rust_xlsxwriter::Formula::new("=1+1").set_result("2")).unwrap();
    }
    sheet.merge_range(6, 2, 8, 2, "green", &rust_xlsxwriter::Format::new()).unwrap();
    book.add_worksheet().set_name("lid").unwrap().write_string(0, 0, "box").unwrap();
    book.save_to_buffer().unwrap()
}

/// The entries of an archive.
fn unpack(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut out = Vec::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).ok()?;
        let mut all = Vec::new();
        let name = entry.name().ok()?.into_owned();
        Read::by_ref(&mut entry).take(1 << 20).read_to_end(&mut all).ok()?;
        out.push((name, all));
    }
    Some(out)
}

fn pack(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let plain = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        if out.start_file(name.as_str(), plain).is_ok() {
            out.write_all(bytes).unwrap();
        }
    }
    out.finish().unwrap().into_inner()
}

/// One to a few changes.
fn mutate(bytes: &mut Vec<u8>, others: &[Vec<u8>], dice: &mut Dice) {
    for _ in 0..1 + dice.below(5) {
        let at = dice.below(bytes.len() + 1);
        let most = if dice.below(4) == 0 { 200 } else { 8 };
        let length = 1 + dice.below(most);
        let end = (at + length).min(bytes.len());
        match dice.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b' ', b'\n', b'"'][dice.below(8)],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let most = if dice.below(20) == 0 { 300 } else { 3 };
                let times = 1 + dice.below(most);
                bytes.splice(at..at, piece.repeat(times));
            }
            4 => bytes.truncate(at),
            5 if !others.is_empty() => {
                let other = &others[dice.below(others.len())];
                let from = dice.below(other.len() + 1);
                let to = (from + 1 + dice.below(400)).min(other.len());
                let piece = other.get(from..to).unwrap_or(&[]).to_vec();
                bytes.splice(at..end, piece);
            }
            6 if at + 4 <= bytes.len() => {
                let n = [0u32, 1, u32::MAX, i32::MAX as u32, 1 << 31, 65_536][dice.below(6)];
                bytes[at..at + 4].copy_from_slice(&n.to_le_bytes());
            }
            _ => {
                let word = WORDS[dice.below(WORDS.len())].as_bytes();
                let over = if dice.below(2) == 0 { at } else { end };
                bytes.splice(at..over, word.iter().copied());
            }
        }
        bytes.truncate(SEED as usize * 4);
    }
}

fn input(target: &Target, seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    if target.archive
        && dice.below(8) > 0
        && let Some(mut entries) = unpack(&bytes)
    {
        let at = dice.below(entries.len());
        let others: Vec<Vec<u8>> = entries.iter().map(|e| e.1.clone()).collect();
        if let Some((_, entry)) = entries.get_mut(at) {
            mutate(entry, &others, dice);
        }
        return pack(&entries);
    }
    mutate(&mut bytes, seeds, dice);
    bytes
}

/// Most memory that this process ever needed.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Runs a target on an input; what is wrong with it.
fn tried(target: &Target, bytes: &[u8]) -> Option<String> {
    let start = Instant::now();
    let panicked = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).err();
    let took = start.elapsed();
    let text = panicked.map(|p| {
        let text = p.downcast_ref::<&str>().map(|s| (*s).to_owned());
        text.or_else(|| p.downcast_ref::<String>().cloned()).unwrap_or_default()
    });
    text.map(|t| format!("panic: {t}"))
        .or_else(|| (took > SLOW).then(|| format!("{took:?}")))
        .or_else(|| (peak() > LARGE).then(|| format!("{} bytes of memory", peak())))
}

/// Runs targets until each had its inputs or its time; gives the findings.
fn campaign(time: Option<Duration>, seed: u64, only: Option<&str>) -> Vec<String> {
    let mut findings = Vec::new();
    for (i, target) in TARGETS.iter().enumerate().filter(|(_, t)| only.is_none_or(|o| o == t.name)) {
        let seeds = seeds(target);
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(i as u64 + 1) | 1);
        let (start, mut count) = (Instant::now(), 0);
        // Seeds and findings as they are come first.
        let mut plain = seeds.iter().cloned();
        loop {
            let bytes = match plain.next() {
                Some(bytes) => bytes,
                None if time.map_or(count >= INPUTS, |t| start.elapsed() > t) => break,
                None => input(target, &seeds, &mut dice),
            };
            count += 1;
            if let Some(what) = tried(target, &bytes) {
                let name = &blake3::hash(&bytes).to_hex()[..12];
                if time.is_some() {
                    fs::create_dir_all(home(target)).unwrap();
                    fs::write(home(target).join(name), &bytes).unwrap();
                }
                findings.push(format!(
                    "{} {name} (input {count}): {what}\n{:?}",
                    target.name,
                    String::from_utf8_lossy(&bytes)
                ));
                if findings.len() > 20 {
                    return findings;
                }
            }
        }
        if time.is_some() {
            let _ = writeln!(std::io::stderr(), "{}: {count} inputs in {:.0?}", target.name, start.elapsed());
        }
    }
    targets::tidy();
    findings
}

#[test]
fn no_input_breaks_a_reader() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let time = number("ZHUIZE_FUZZ_SECONDS").map(Duration::from_secs);
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("ZHUIZE_FUZZ_SEED").unwrap_or_else(|| if time.is_some() { clock() } else { 1 });
    let only = std::env::var("ZHUIZE_FUZZ_TARGET").ok();
    let findings = campaign(time, seed, only.as_deref());
    assert!(findings.is_empty(), "seed {seed}: {} findings\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn the_harness_finds_what_is_there() {
    fn boom(bytes: &[u8]) {
        assert!(!bytes.contains(&0xff), "the byte that breaks");
    }
    let target = Target { name: "none", seeds: &[("tests/query", "question.txt")], run: boom, archive: false };
    let seeds = seeds(&target);
    let mut dice = Dice(7);
    let all: Vec<Vec<u8>> = (0..2000).map(|_| input(&target, &seeds, &mut dice)).collect();
    assert!(all.iter().any(|b| tried(&target, b).is_some_and(|w| w.contains("the byte that breaks"))));
    let mut same = Dice(7);
    assert!(all.iter().all(|b| *b == input(&target, &seeds, &mut same)), "the same each time");
    let packed = workbook();
    let entries = unpack(&packed).unwrap();
    assert!(entries.len() > 5 && unpack(&pack(&entries)).unwrap() == entries);
}
