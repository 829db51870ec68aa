//! `zhuize rerun`: runs again what a manifest records and compares rules, tables and results by their hashes.

use super::Failure;
use super::run::{Further, fill, finish};
use super::setting::{self, Setting};
use crate::bulk::{self, How, Run, Trouble};
use crate::lang::date;
use crate::report::manifest::{self, Form, Hashed, Input, Manifest};
use crate::report::results::{Results, Scribe};
use crate::report::staging::{Staging, Written};
use crate::report::{layout, xlsx};
use crate::rulebook::Rulebook;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Arguments of `rerun`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The manifest.json that a run wrote
    manifest: PathBuf,
    /// Where the casebase is now [default: as the manifest names it, from here or from a folder around the manifest]
    #[arg(long, value_name = "DIR")]
    facts: Option<PathBuf>,
    /// Keep what is written this time in DIR
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Threads to use, 0 for all
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

/// Runs the command.
///
/// # Errors
/// With exit code 1 when anything differs.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let shown = args.manifest.display();
    let text =
        std::fs::read_to_string(&args.manifest).map_err(|e| Failure::DataUnreadable(format!("E0650: {shown}: {e}")))?;
    let told = manifest::read(&text).map_err(|e| {
        let what = setting.say("不是 run 写出的 manifest.json", "not a manifest.json that `run` wrote");
        Failure::DataUnreadable(format!("E0650: {shown}: {what}: {e}"))
    })?;
    let book = setting.rulebook(err)?;
    let request = request(args, &told, setting)?;
    let mut differences = Vec::new();
    rules(&told.rules, &manifest::rules(&book), setting, &mut differences);
    let rules_differ = !differences.is_empty();
    let aside = tempfile::tempdir()?;
    let target = args.output.clone().unwrap_or_else(|| aside.path().join("rerun"));
    let form = asked(&told);
    let scribe = Scribe::new(&book.program, form.tables());
    let mut results = Results::new(&scribe, Some(Staging::new(&target)?));
    let put = |piece: &bulk::Piece<'_>| scribe.lines(piece);
    let patterns = if form.patterns { super::run::wanted(&book.program) } else { None };
    let how = How { shards: usize::from(form.workbook.is_some()), patterns };
    let run = bulk::stream(&book, &request, &how, |_| {}, &put, |lines| results.take(lines));
    let run = match run {
        Ok(run) => run,
        Err(trouble) => {
            inputs(&told.inputs, &read_inputs(&book, &request, &trouble), setting, &mut differences);
            print(&differences, out)?;
            let failure = setting::trouble(trouble, &book, setting, err);
            // What differs explains the failure; without it the failure stands for itself.
            return Err(if differences.is_empty() { failure } else { said(failure, err)? });
        }
    };
    inputs(&told.inputs, &manifest::inputs(&run.loaded.inventory), setting, &mut differences);
    let home = args.manifest.parent().unwrap_or(Path::new(""));
    let (Some((mut staging, written)), _) = results.finish(&run)? else { return Err(Failure::Negative) };
    let now = write(form, &book, &request, &run, &mut staging, written)?;
    outputs(&told, &now, home, &staging, setting, &mut differences);
    if differences.is_empty() {
        rest(&told, &now, setting, &mut differences);
    }
    let changed = beside(&told, home, setting, &mut differences);
    if args.output.is_some() {
        finish(staging, &book.program, now.form.tables())?;
    }
    print(&differences, out)?;
    if !setting.quiet && told.version != now.version {
        let text = setting.say("注意：版本不同", "note: another version of the program");
        writeln!(out, "{text}: {} -> {}", layout::plain(&told.version), now.version)?;
    }
    if differences.is_empty() {
        if !setting.quiet {
            let (r, i, o) = (now.rules.len(), now.inputs.len(), now.outputs.len());
            let text = setting.say("完全一致", "The same");
            let what = match setting.lang {
                super::Lang::Zh => {
                    format!("{r} 个规则文件、{i} 张表、{o} 个结果文件（其中 {changed} 个仍在清单旁，已核对）")
                }
                super::Lang::En => {
                    format!(
                        "{r} files of rules, {i} tables, {o} results ({changed} of them still beside the manifest, checked)"
                    )
                }
            };
            writeln!(out, "{text}: {what}")?;
        }
        return Ok(());
    }
    if rules_differ {
        let hint = setting.say(
            "规则不同：用当时的规则以 --rules DIR（或 --with DIR）重跑",
            "the rules differ: run again with the rules of that time, --rules DIR (or --with DIR)",
        );
        writeln!(err, "{hint}")?;
    }
    Err(Failure::Negative)
}

/// Prints what is left to say of a failure that differences explain.
fn said(failure: Failure, err: &mut dyn Write) -> Result<Failure, Failure> {
    if let Some(text) = failure.text() {
        writeln!(err, "{text}")?;
    }
    Ok(Failure::Negative)
}

/// What the manifest asks for.
fn request(args: &Args, told: &Manifest, setting: &Setting) -> Result<bulk::Request, Failure> {
    let wrong = |what: &str| Failure::DataUnreadable(format!("E0650: {}: {what}", args.manifest.display()));
    let as_of = date::parse_iso(&told.reference_date)
        .ok_or_else(|| wrong(&format!("reference_date {:?}", layout::plain(&told.reference_date))))?;
    let encoding = told.encoding.as_deref().map(setting::parse_encoding).transpose().map_err(|e| wrong(&e))?;
    let facts = match &args.facts {
        Some(facts) => facts.clone(),
        None => found(&args.manifest, &told.facts).ok_or_else(|| {
            let text = setting.say(
                "找不到清单所说的案件库，请以 --facts 指明",
                "the casebase of the manifest is not found; say where it is with --facts",
            );
            Failure::Usage(format!("E0651: {text}: {}", layout::plain(&told.facts)))
        })?,
    };
    Ok(bulk::Request {
        prepared: crate::base::prepared(&facts),
        facts,
        as_of,
        skip_bad_rows: told.skip_bad_rows,
        set: told.options.iter().map(|o| (o.name.clone(), o.value.clone())).collect(),
        origins: false,
        encoding,
        threads: args.threads,
        memory: None,
    })
}

/// The casebase as the manifest names it: from here, from the folder of the manifest, or from one around it.
fn found(manifest: &Path, facts: &str) -> Option<PathBuf> {
    if facts.is_empty() {
        return None;
    }
    let home = std::path::absolute(manifest).ok()?;
    let places = std::iter::once(PathBuf::from(facts)).chain(home.ancestors().skip(1).map(|a| a.join(facts)));
    places.into_iter().find(|p| p.exists())
}

/// The tables that a run read before it failed.
fn read_inputs(book: &Rulebook, request: &bulk::Request, trouble: &Trouble) -> Vec<Input> {
    match trouble {
        Trouble::Defects(loaded) => manifest::inputs(&loaded.inventory),
        Trouble::Schema(_) => Vec::new(),
        _ => bulk::load(book, request).map_or_else(|_| Vec::new(), |l| manifest::inputs(&l.inventory)),
    }
}

/// What was asked for beside the tables. A manifest of the first layout does not say so; its outputs do.
fn asked(told: &Manifest) -> Form {
    let had = |name: &str| told.outputs.iter().any(|o| o.file == name);
    let mut form = told.form.clone();
    form.patterns |= had("patterns.csv");
    if had("results.xlsx") && form.workbook.is_none() {
        form.workbook = Some("en".to_owned());
    }
    form
}

/// Writes what stands beside the tables again.
fn write(
    form: Form,
    book: &Rulebook,
    request: &bulk::Request,
    run: &Run,
    staging: &mut Staging,
    written: Vec<(Written, usize)>,
) -> Result<Manifest, Failure> {
    let workbook = match form.workbook.as_deref() {
        None => None,
        Some(lang) => {
            let lang = if lang == "zh" { crate::facts::Lang::Zh } else { crate::facts::Lang::En };
            let made = xlsx::results(book, run, request.as_of, lang);
            Some(made.map_err(|e| Failure::Output(std::io::Error::other(e)))?)
        }
    };
    fill(book, request, run, staging, written, Further { workbook, form })
}

/// Compares what has a name on both sides.
fn compare<T>(told: &[T], now: &[T], name: impl Fn(&T) -> String, mut each: impl FnMut(&str, Option<&T>, Option<&T>)) {
    let mut all: BTreeMap<String, (Option<&T>, Option<&T>)> = BTreeMap::new();
    told.iter().for_each(|t| all.entry(name(t)).or_default().0 = Some(t));
    now.iter().for_each(|t| all.entry(name(t)).or_default().1 = Some(t));
    all.into_iter().for_each(|(name, (told, now))| each(&layout::plain(&name), told, now));
}

/// The beginning of a hash, enough to tell two apart.
fn short(hash: &str) -> String {
    layout::plain(&hash.chars().take(16).collect::<String>())
}

fn rules(told: &[Hashed], now: &[Hashed], setting: &Setting, to: &mut Vec<String>) {
    let label = setting.say("规则", "rules");
    compare(
        told,
        now,
        |h| h.file.clone(),
        |name, told, now| {
            to.extend(match (told, now) {
                (Some(t), Some(n)) if t.blake3 == n.blake3 => None,
                (Some(t), Some(n)) => Some(format!("{label} {name}: {} -> {}", short(&t.blake3), short(&n.blake3))),
                (Some(_), None) => Some(format!("{label} {name}: {}", setting.say("现在没有", "not there now"))),
                _ => Some(format!("{label} {name}: {}", setting.say("当时没有", "was not there"))),
            });
        },
    );
}

fn inputs(told: &[Input], now: &[Input], setting: &Setting, to: &mut Vec<String>) {
    let label = setting.say("数据", "input");
    let bytes = setting.say("字节", "bytes");
    let size = |i: &Input| format!("{} {bytes}, {}", i.bytes, short(&i.blake3));
    compare(
        told,
        now,
        |i| i.file.clone(),
        |name, told, now| {
            to.extend(match (told, now) {
                (Some(t), Some(n)) if t.blake3 == n.blake3 && t.bytes == n.bytes => None,
                (Some(t), Some(n)) => Some(format!("{label} {name}: {} -> {}", size(t), size(n))),
                (Some(_), None) => Some(format!("{label} {name}: {}", setting.say("现在没有", "not there now"))),
                _ => Some(format!("{label} {name}: {}", setting.say("当时没有", "was not there"))),
            });
        },
    );
}

fn outputs(told: &Manifest, now: &Manifest, home: &Path, staging: &Staging, setting: &Setting, to: &mut Vec<String>) {
    let label = setting.say("结果", "output");
    let rows = setting.say("行", "rows");
    compare(
        &told.outputs,
        &now.outputs,
        |o| o.file.clone(),
        |name, told, now| {
            let (told, now) = match (told, now) {
                (Some(t), Some(n)) if t.blake3 == n.blake3 && t.bytes == n.bytes && t.rows == n.rows => return,
                (Some(t), Some(n)) => (t, n),
                (Some(_), None) => {
                    return to.push(format!("{label} {name}: {}", setting.say("现在没有", "not written now")));
                }
                _ => return to.push(format!("{label} {name}: {}", setting.say("当时没有", "was not written"))),
            };
            let size = |o: &manifest::Output| format!("{} {rows}, {}", o.rows, short(&o.blake3));
            let mut text = format!("{label} {name}: {} -> {}", size(told), size(now));
            let old = safe(home, &told.file).filter(|p| hash(p).as_deref() == Some(&told.blake3));
            if let Some((line, was, is)) = old.and_then(|old| first_difference(&old, &staging.path(&now.file))) {
                let place = match setting.lang {
                    super::Lang::Zh => format!("第 {line} 行"),
                    super::Lang::En => format!("line {line}"),
                };
                text.push_str(&format!("\n  {place}\n  - {was}\n  + {is}"));
            }
            to.push(text);
        },
    );
}

/// A file beside the manifest; names that lead out of the folder are no names of a run.
fn safe(home: &Path, name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "..";
    plain.then(|| home.join(name)).filter(|p| p.is_file())
}

fn hash(path: &Path) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut std::fs::File::open(path).ok()?, &mut hasher).ok()?;
    Some(hasher.finalize().to_hex().to_string())
}

/// The first line at which two texts part; nothing for files that are no text.
fn first_difference(old: &Path, new: &Path) -> Option<(usize, String, String)> {
    let lines = |p: &Path| Some(BufReader::new(std::fs::File::open(p).ok()?).lines());
    let (mut a, mut b) = (lines(old)?, lines(new)?);
    for n in 1.. {
        let (was, is) = (a.next().transpose().ok()?, b.next().transpose().ok()?);
        if was != is {
            let shown = |t: Option<String>| layout::plain(&t.unwrap_or_default());
            return Some((n, shown(was), shown(is)));
        }
        was.as_ref()?;
    }
    None
}

/// Everything else that the manifests say: encodings, forms read, warnings, rows left out.
fn rest(told: &Manifest, now: &Manifest, setting: &Setting, to: &mut Vec<String>) {
    let plain = |m: &Manifest| {
        let known =
            Manifest { format: 0, version: String::new(), facts: String::new(), form: now.form.clone(), ..m.clone() };
        serde_json::to_value(known).unwrap_or_default()
    };
    let (told, now) = (plain(told), plain(now));
    let Some(keys) = now.as_object() else { return };
    for (key, is) in keys {
        if told.get(key) != Some(is) {
            let label = setting.say("清单", "manifest");
            to.push(format!("{label} {key}: {}", setting.say("内容不同", "says something else")));
        }
    }
}

/// Results beside the manifest that were changed after the run; gives the number of those that are as they were.
fn beside(told: &Manifest, home: &Path, setting: &Setting, to: &mut Vec<String>) -> usize {
    let mut sound = 0;
    for o in &told.outputs {
        let Some(path) = safe(home, &o.file) else { continue };
        match hash(&path) {
            Some(h) if h == o.blake3 => sound += 1,
            h => {
                let label = setting.say("清单旁的文件", "file beside the manifest");
                let text = setting.say("写出后被改动", "changed since it was written");
                let (was, is) = (short(&o.blake3), h.map_or_else(|| "?".to_owned(), |h| short(&h)));
                to.push(format!("{label} {}: {text}: {was} -> {is}", layout::plain(&o.file)));
            }
        }
    }
    sound
}

fn print(differences: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    for d in differences {
        writeln!(out, "{d}")?;
    }
    Ok(())
}
