//! `zhuize import`: foreign tables to tables of a casebase.

use super::setting::{Setting, parse_encoding};
use super::{Failure, Lang};
use crate::facts::import::{Imported, Mapping, import};
use crate::facts::schema::Schema;
use crate::facts::{LoadOptions, message::show};
use crate::report::layout::plain;
use crate::report::staging::Staging;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

/// Values that are printed of each column; all of them stand in import.json.
const SHOWN: usize = 5;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The mapping
    #[arg(value_name = "MAPPING.toml")]
    mapping: PathBuf,
    /// Foreign tables: CSV, TSV, each perhaps with .gz, or XLSX
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,
    /// The folder to write: tables, unmapped.csv (rows handed back), import.json (account)
    #[arg(long, short, value_name = "FACTS")]
    output: PathBuf,
    /// Encoding of the sources [default: found out file by file]
    #[arg(long, value_name = "NAME", value_parser = parse_encoding)]
    encoding: Option<&'static encoding_rs::Encoding>,
    /// Write nothing and end with code 1 if anything could not be mapped
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
pub fn run(args: &Args, setting: &Setting, out: &mut dyn Write, err: &mut dyn Write) -> Result<(), Failure> {
    let book = setting.rulebook(err)?;
    let (schema, diagnostics) = Schema::of(&book.program, &book.codes);
    if !diagnostics.is_empty() {
        setting.print_diagnostics(&diagnostics, &book.program.files, err)?;
        return Err(Failure::Rules);
    }
    let name = plain(&args.mapping.display().to_string());
    let text = std::fs::read_to_string(&args.mapping).map_err(|e| Failure::Usage(format!("E0570: {name}: {e}")))?;
    let mapping = match Mapping::read(&name, &text, &schema, &book.codes) {
        Ok(m) => m,
        Err(faults) => {
            for f in faults {
                writeln!(err, "{}", f.render(setting.facts_lang()))?;
            }
            return Err(Failure::Usage(setting.say("映射文件有误", "the mapping has errors").to_owned()));
        }
    };
    let options = LoadOptions { encoding: args.encoding, ..LoadOptions::new(0) };
    let done = import(&mapping, &schema, &book.codes, &args.sources, &options);
    if !done.defects.is_empty() {
        write!(err, "{}", done.defects.render(setting.facts_lang()))?;
        return Err(Failure::Data);
    }
    if !setting.quiet {
        account(&done, setting, out)?;
    }
    if args.strict && !(done.unmapped.is_empty() && done.lost.is_empty()) {
        return Err(Failure::Negative);
    }
    write_folder(&done, args)?;
    if !setting.quiet {
        let folder = plain(&args.output.display().to_string());
        writeln!(out, "{} {folder}", setting.say("已写入", "Written to"))?;
        writeln!(out, "{} zhuize check {folder}", setting.say("下一步核对：", "Next:"))?;
    }
    Ok(())
}

fn write_folder(done: &Imported, args: &Args) -> io::Result<()> {
    let mut staging = Staging::new(&args.output)?;
    let csv = |w: &mut dyn Write, rows: &mut dyn Iterator<Item = Vec<String>>| -> io::Result<()> {
        let mut w = csv::WriterBuilder::new().flexible(true).from_writer(w);
        for row in rows {
            w.write_record(&row)?;
        }
        w.flush()
    };
    for (name, header, rows) in &done.tables {
        staging.file(name, |w| csv(w, &mut std::iter::once(header.clone()).chain(rows.iter().cloned())))?;
    }
    if !done.lost.is_empty() {
        let head = ["file", "line", "table", "reason_zh", "reason_en", "cells"].map(str::to_owned).to_vec();
        let rows = done.lost.iter().map(|l| {
            let own = [l.file.clone(), l.line.to_string(), l.table.clone(), l.reason.0.clone(), l.reason.1.clone()];
            own.into_iter().chain(l.cells.iter().cloned()).collect()
        });
        staging.file("unmapped.csv", |w| csv(w, &mut std::iter::once(head).chain(rows)))?;
    }
    let list = |l: &[(String, String)]| l.iter().map(|(f, c)| json!({"file": f, "column": c})).collect::<Vec<_>>();
    let view = json!({
        "format": 1,
        "read": done.read.iter().map(|(f, n)| json!({"file": f, "rows": n})).collect::<Vec<_>>(),
        "written": done.tables.iter().map(|(f, _, r)| json!({"file": f, "rows": r.len()})).collect::<Vec<_>>(),
        "unmapped": done.unmapped.iter().map(|u| json!({
            "target": u.target, "from": u.from, "value": u.value, "cells": u.cells, "places": u.places,
        })).collect::<Vec<_>>(),
        "rows_handed_back": done.lost.len(),
        "columns_not_used": list(&done.unused),
        "columns_not_there": list(&done.absent),
    });
    staging.file("import.json", |w| writeln!(w, "{view:#}"))?;
    staging.finish("import.json", &["unmapped.csv"])
}

/// What came through and what did not, in lines.
fn account(done: &Imported, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
    let zh = setting.lang == Lang::Zh;
    for (file, rows) in &done.read {
        writeln!(out, "{}", if zh { format!("读取 {file}：{rows} 行") } else { format!("Read {file}: {rows} rows") })?;
    }
    for (file, _, rows) in &done.tables {
        let n = rows.len();
        writeln!(out, "{}", if zh { format!("  {file}：{n} 行") } else { format!("  {file}: {n} rows") })?;
    }
    let mut target = "";
    let mut shown = 0;
    for u in &done.unmapped {
        if u.target != target {
            let of: Vec<_> = done.unmapped.iter().filter(|o| o.target == u.target).collect();
            let cells: usize = of.iter().map(|o| o.cells).sum();
            let (t, from, n) = (&u.target, &u.from, of.len());
            writeln!(
                out,
                "{}",
                if zh {
                    format!("未能对应到 {t}（来自 {from}）：{n} 种值，{cells} 处")
                } else {
                    format!("Not mapped to {t} (from {from}): {n} values in {cells} cells")
                }
            )?;
            (target, shown) = (&u.target, 0);
        }
        shown += 1;
        if shown <= SHOWN {
            writeln!(out, "  {:>6}  {}  {}", u.cells, show(&u.value), u.places.join(" "))?;
        }
    }
    for (list, title) in [
        (&done.unused, setting.say("未用到的列", "Columns not used")),
        (&done.absent, setting.say("映射提到而文件没有的列", "Columns of the mapping that the file has not")),
    ] {
        if !list.is_empty() {
            let names: Vec<&str> = list.iter().map(|(_, c)| c.as_str()).collect();
            writeln!(out, "{title}{}{}", setting.say("：", ": "), names.join(setting.say("、", ", ")))?;
        }
    }
    if !done.lost.is_empty() {
        let n = done.lost.len();
        writeln!(
            out,
            "{}",
            if zh {
                format!("退回 {n} 行，见 unmapped.csv")
            } else {
                format!("{n} rows handed back: see unmapped.csv")
            }
        )?;
    }
    Ok(())
}
