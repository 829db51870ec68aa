//! `zhuize rules`: the instruments, and what stands behind a provision.

use super::check::Format;
use super::setting::Setting;
use super::{Failure, Lang};
use crate::lang::suggest;
use crate::report::layout::{pad, plain, width};
use crate::rulebook::coverage::{Choice, Golden, RuleRef, below};
use crate::rulebook::statute::Statutes;
use crate::rulebook::{Cite, Rulebook, Status, Unit};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `rules`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Form of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What stands behind a provision: gist, rules, choices between readings, golden cases
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The instrument, such as zz-injury
    instrument: String,
    /// The provision, such as 8.4; all below it are shown as well. Every provision if absent
    cite: Option<String>,
    /// Folder of the plain texts of the instruments: the text is shown beside the rules
    #[arg(long, value_name = "DIR")]
    statutes: Option<PathBuf>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    match &args.what {
        None => list(&book, args.format, setting, out),
        Some(What::Show(show)) => shown(&book, show, setting, out, err),
    }
}

const STATUSES: [Status; 3] = [Status::Encoded, Status::Assessment, Status::Declaratory];

/// The word for a status.
pub fn status_word(status: Status, setting: &Setting) -> &'static str {
    match (status, setting.lang) {
        (Status::Encoded, Lang::Zh) => "已编码",
        (Status::Assessment, Lang::Zh) => "需认定",
        (Status::Declaratory, Lang::Zh) => "宣示性",
        (s, Lang::En) => s.word(),
    }
}

fn list(book: &Rulebook, format: Format, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
    let mut view = Vec::new();
    for i in book.instruments() {
        let units = book.outline.instruments.get(&i.id).map_or(&[][..], Vec::as_slice);
        let count = |s: Status| units.iter().filter(|u| u.status == s).count();
        let rules = book.rules_of(&i.id);
        if format == Format::Json {
            view.push(json!({
                "instrument": i.id, "zh": i.zh, "en": i.en, "valid_from": i.valid.0, "valid_to": i.valid.1,
                "enabled": i.enabled, "provisions": units.len(),
                "status": STATUSES.iter().map(|s| (s.word().to_owned(), json!(count(*s)))).collect::<serde_json::Map<_, _>>(),
                "rules": rules,
            }));
            continue;
        }
        let open = |d: &str| if d.is_empty() { "…".to_owned() } else { d.to_owned() };
        let (from, to) = (open(&i.valid.0), open(&i.valid.1));
        let by: Vec<String> = STATUSES.iter().map(|s| format!("{} {}", status_word(*s, setting), count(*s))).collect();
        let off = if i.enabled { "" } else { setting.say("（已停用）", " (switched off)") };
        writeln!(out, "{}  {}{off}", pad(&i.id, 10), setting.say(&i.zh, &i.en))?;
        writeln!(out, "{}  {}", pad("", 10), setting.say(&i.en, &i.zh))?;
        match setting.lang {
            Lang::Zh => writeln!(
                out,
                "{}  有效期 {from} 至 {to}；条款 {}（{}）；规则 {rules}",
                pad("", 10),
                units.len(),
                by.join("，")
            )?,
            Lang::En => writeln!(
                out,
                "{}  valid {from} to {to}; {} provisions ({}); {rules} rules",
                pad("", 10),
                units.len(),
                by.join(", ")
            )?,
        }
    }
    if format == Format::Json {
        writeln!(out, "{:#}", json!({"format": 1, "instruments": view}))?;
    }
    Ok(())
}

/// Everything about one provision.
struct Provision<'a> {
    unit: &'a Unit,
    rules: &'a [RuleRef],
    /// `None`: the case files are not at hand.
    cases: Option<BTreeSet<String>>,
    options: Vec<&'a Choice>,
    readings: BTreeSet<&'a str>,
    text: Option<Vec<String>>,
}

fn unknown(what: &str, name: &str, near: Option<&str>, setting: &Setting) -> Failure {
    let mut text = format!("E0603: {what} `{}`", plain(name));
    if let Some(n) = near {
        text.push_str(&format!("{} `{n}`{}", setting.say("；是否指", "; did you mean"), setting.say("？", "?")));
    }
    Failure::Usage(text)
}

/// The golden cases of the rules folder on the disk; says so if it is not there.
pub fn golden(book: &Rulebook, setting: &Setting, err: &mut dyn Write) -> Result<Option<Golden>, Failure> {
    let root = setting.rules.clone().unwrap_or_else(|| PathBuf::from("rules"));
    let locate = |case: &str| {
        let (first, rest) = case.split_once('/').unwrap_or((case, ""));
        let own = setting
            .with
            .iter()
            .find(|d| std::path::absolute(d).ok().and_then(|d| d.file_name().map(|n| n == first)).unwrap_or(false));
        own.map_or_else(|| root.join(case), |d| d.join(rest))
    };
    match book.cases.iter().find(|c| !locate(c).join("expect").is_dir()) {
        None => Golden::read(locate, book).map(Some).map_err(Failure::RulesUnreadable),
        Some(_) if setting.rules.is_none() => {
            writeln!(
                err,
                "{}",
                setting.say(
                    "W0403: 程序内置规则不含黄金案例文件，未核对案例；请以 --rules DIR 指定规则文件夹",
                    "W0403: the built-in rules do not carry the files of the golden cases, so these were not looked at; name the rules folder with --rules DIR"
                )
            )?;
            Ok(None)
        }
        Some(case) => Err(Failure::RulesUnreadable(format!("E0404: {}: no folder expect", locate(case).display()))),
    }
}

fn shown(
    book: &Rulebook,
    show: &Show,
    setting: &Setting,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let ids = || book.outline.instruments.keys().map(String::as_str);
    let Some(units) = book.outline.instruments.get(&show.instrument) else {
        let near = suggest::nearest(&show.instrument, ids());
        let what = setting.say("没有这个制度：", "there is no instrument");
        let mut failure = unknown(what, &show.instrument, near, setting);
        if let (Failure::Usage(text), None) = (&mut failure, near) {
            text.push_str(&format!(
                "{}{}",
                setting.say("；现有：", "; there are: "),
                ids().collect::<Vec<_>>().join(", ")
            ));
        }
        return Err(failure);
    };
    let chosen: Vec<&Unit> = match &show.cite {
        None => units.iter().collect(),
        Some(c) => units.iter().filter(|u| below(c, &u.cite)).collect(),
    };
    if let (true, Some(cite)) = (chosen.is_empty(), &show.cite) {
        // An item that is not there: the longest provision that begins the same way, else one that is spelled nearly so.
        let cites = || units.iter().map(|u| u.cite.as_str());
        let near = cites().filter(|u| cite.starts_with(u)).max_by_key(|u| u.len());
        let near = near.or_else(|| suggest::nearest(cite, cites()));
        let what = match setting.lang {
            Lang::Zh => format!("{} 没有条款", show.instrument),
            Lang::En => format!("{} has no provision", show.instrument),
        };
        return Err(unknown(&what, cite, near, setting));
    }
    let golden = golden(book, setting, err)?;
    let statutes = show.statutes.as_ref().map(|d| Statutes::read(d, book)).transpose();
    let statutes = statutes.map_err(|e| Failure::Usage(format!("E0604: {e}")))?;
    let (clauses, choices) = (book.clauses(), book.choices());
    let list: Vec<Provision<'_>> = chosen
        .into_iter()
        .map(|unit| {
            let key = (show.instrument.clone(), unit.cite.clone());
            let rules = clauses.get(&key).map_or(&[][..], Vec::as_slice);
            let names: BTreeSet<&String> = rules.iter().flat_map(|r| &r.options).collect();
            Provision {
                unit,
                rules,
                cases: golden.as_ref().map(|g| g.of(&show.instrument, &unit.cite, units)),
                options: names.into_iter().filter_map(|n| choices.get(n)).collect(),
                readings: unit
                    .reading
                    .iter()
                    .chain(rules.iter().flat_map(|r| &r.readings))
                    .map(String::as_str)
                    .collect(),
                text: statutes.as_ref().map(|s| {
                    s.passages(&show.instrument, &unit.cite).into_iter().flat_map(|p| p.text.clone()).collect()
                }),
            }
        })
        .collect();
    if show.format == Format::Json {
        let view: Vec<Value> = list.iter().map(|p| json(p, &show.instrument)).collect();
        writeln!(out, "{:#}", json!({"format": 1, "instrument": show.instrument, "provisions": view}))?;
        return Ok(());
    }
    for (i, p) in list.iter().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        text(p, &show.instrument, setting, out)?;
    }
    Ok(())
}

fn json(p: &Provision<'_>, instrument: &str) -> Value {
    let cite = Cite::new(instrument, &p.unit.cite);
    let rule = |r: &RuleRef| json!({"id": r.id, "place": r.place, "fact": r.fact, "zh": r.zh, "en": r.en, "readings": r.readings, "options": r.options});
    json!({
        "cite": p.unit.cite, "zh": cite.chinese(), "en": cite.english(), "kind": p.unit.kind, "modality": p.unit.modality,
        "status": p.unit.status.word(), "gist_zh": p.unit.gist_zh, "gist_en": p.unit.gist_en, "why": p.unit.why,
        "readings": p.readings, "depends_on": p.unit.depends_on,
        "rules": p.rules.iter().map(rule).collect::<Vec<_>>(),
        "options": p.options.iter().map(|o| json!({"name": o.name, "default": o.default, "values": o.values})).collect::<Vec<_>>(),
        "cases": p.cases, "text": p.text,
    })
}

fn text(p: &Provision<'_>, instrument: &str, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
    let cite = Cite::new(instrument, &p.unit.cite);
    let people = setting.say(&cite.chinese(), &cite.english()).to_owned();
    writeln!(out, "{instrument} {}  {people}  [{}]", p.unit.cite, status_word(p.unit.status, setting))?;
    writeln!(
        out,
        "  {}\n  {}",
        setting.say(&p.unit.gist_zh, &p.unit.gist_en),
        setting.say(&p.unit.gist_en, &p.unit.gist_zh)
    )?;
    let mut line = |zh: &str, en: &str, value: &str| -> Result<(), Failure> {
        let label = setting.say(zh, en);
        if !value.is_empty() {
            writeln!(out, "  {}{value}", pad(label, 14.max(width(label) + 1)))?;
        }
        Ok(())
    };
    line("说明", "why", &p.unit.why)?;
    line("存疑", "ambiguities", &p.readings.iter().copied().collect::<Vec<_>>().join(" "))?;
    line("相关条款", "depends on", &p.unit.depends_on.join(" "))?;
    for o in &p.options {
        let values: Vec<String> = o
            .values
            .iter()
            .map(|v| {
                if Some(v) == o.default.as_ref() {
                    format!("{v}{}", setting.say("（默认）", " (default)"))
                } else {
                    v.clone()
                }
            })
            .collect();
        line("选项", "option", &format!("{} = {}", o.name, values.join(" | ")))?;
    }
    for r in p.rules {
        let sentence = match setting.lang {
            Lang::Zh => r.zh.as_ref().or(r.en.as_ref()),
            Lang::En => r.en.as_ref().or(r.zh.as_ref()),
        };
        let kind = if r.fact { setting.say("（事实）", " (fact)") } else { "" };
        line("规则", "rule", &format!("{}{kind}  {}", r.id, r.place))?;
        line(" ", " ", sentence.map_or("", String::as_str))?;
    }
    match &p.cases {
        None => {}
        Some(c) if c.is_empty() => line("黄金案例", "golden cases", setting.say("无", "none"))?,
        Some(c) => {
            for (i, name) in c.iter().enumerate() {
                line(if i == 0 { "黄金案例" } else { " " }, if i == 0 { "golden cases" } else { " " }, name)?;
            }
        }
    }
    for (i, t) in p.text.iter().flatten().enumerate() {
        line(if i == 0 { "原文" } else { " " }, if i == 0 { "text" } else { " " }, &plain(t))?;
    }
    Ok(())
}
