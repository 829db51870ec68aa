//! Files as analysts have them: the same data in every form give the same results; what is damaged is refused by name.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

mod common;

use common::zhuize;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

const DEMO: &str = "facts/demo";

/// The tables of a folder: name, header and rows.
fn tables(folder: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut out = BTreeMap::new();
    for e in fs::read_dir(folder).unwrap() {
        let p = e.unwrap().path();
        if p.extension().is_some_and(|x| x == "csv") {
            let mut r = csv::ReaderBuilder::new().has_headers(false).from_path(&p).unwrap();
            let rows = r.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
            out.insert(p.file_stem().unwrap().to_string_lossy().into_owned(), rows);
        }
    }
    out
}

fn text(rows: &[Vec<String>], separator: u8) -> Vec<u8> {
    let mut w = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    rows.iter().for_each(|r| w.write_record(r).unwrap());
    w.into_inner().unwrap()
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

/// Fills a sheet: dates as date cells, whole numbers as numbers, all else as text.
fn fill(sheet: &mut Worksheet, rows: &[Vec<String>]) {
    let day = Format::new().set_num_format("yyyy/m/d");
    for (r, row) in rows.iter().enumerate() {
        for (c, cell) in row.iter().enumerate() {
            let (r, c) = (r as u32, c as u16);
            if let Ok(date) = ExcelDateTime::parse_from_str(cell)
                && cell.len() == 10
            {
                sheet.write_datetime_with_format(r, c, date, &day).unwrap();
            } else if let Some(n) = cell.parse::<u32>().ok().filter(|n| n.to_string() == *cell) {
                sheet.write_number(r, c, n).unwrap();
            } else if !cell.is_empty() {
                sheet.write_string(r, c, cell).unwrap();
            }
        }
    }
}

fn workbook(tables: &BTreeMap<String, Vec<Vec<String>>>, name: impl Fn(&str) -> String) -> Workbook {
    let mut book = Workbook::new();
    for (table, rows) in tables {
        fill(book.add_worksheet().set_name(name(table)).unwrap(), rows);
    }
    book
}

/// The results of a run, without the manifest.
fn results(facts: &Path, more: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let out = tempfile::tempdir().unwrap();
    let mut args = vec!["--quiet", "run", facts.to_str().unwrap(), "--as-of", "2025-06-30", "-o"];
    args.push(out.path().to_str().unwrap());
    args.extend(more);
    let d = zhuize(&args);
    assert_eq!(d.code, 0, "{}: {}", facts.display(), d.err);
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for e in fs::read_dir(out.path()).unwrap() {
        let e = e.unwrap();
        files.insert(e.file_name().to_string_lossy().into_owned(), fs::read(e.path()).unwrap());
    }
    assert!(files.remove("manifest.json").is_some());
    files
}

#[test]
fn the_same_data_in_every_form_give_the_same_bytes() {
    let tables = tables(DEMO);
    let want = results(Path::new(DEMO), &[]);
    assert!(want.len() > 20 && want["liable.csv"].len() > 1000);
    let dir = tempfile::tempdir().unwrap();
    let labels: BTreeMap<&str, &str> = BTreeMap::from([
        ("assessments", "人工认定"),
        ("cases", "案件"),
        ("circumstances", "情节"),
        ("conduct", "行为"),
        ("grounds", "违法事由"),
        ("organizations", "机构"),
        ("participants", "办案人员"),
        ("people", "人员"),
        ("postings", "任职"),
        ("proceedings", "程序事项"),
        ("rulings", "裁决"),
        ("sanctions", "已作处理"),
    ]);
    let gbk = |b: &[u8]| encoding_rs::GBK.encode(std::str::from_utf8(b).unwrap()).0.into_owned();
    let utf16 = |b: &[u8]| -> Vec<u8> {
        let units = std::str::from_utf8(b).unwrap().encode_utf16();
        [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
    };
    type Form<'a> = (&'a str, &'a str, u8, &'a dyn Fn(&[u8]) -> Vec<u8>);
    let forms: [Form<'_>; 6] = [
        ("bom", "csv", b',', &|b| ["\u{feff}".as_bytes(), b].concat()),
        ("gbk", "csv", b',', &gbk),
        ("tsv", "tsv", b'\t', &|b| b.to_vec()),
        ("unicode", "txt", b'\t', &utf16),
        ("gz", "csv.gz", b',', &pack),
        ("all", "tsv.gz", b'\t', &|b| pack(&gbk(b))),
    ];
    for (name, ending, separator, change) in forms {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        for (table, rows) in &tables {
            let table = if name == "all" { labels[&**table] } else { table };
            fs::write(folder.join(format!("{table}.{ending}")), change(&text(rows, separator))).unwrap();
        }
        assert!(results(&folder, &[]) == want, "{name}");
    }
    let book = dir.path().join("book.xlsx");
    workbook(&tables, str::to_owned).save(&book).unwrap();
    assert!(results(&book, &[]) == want, "workbook");
    let book = dir.path().join("表.xlsx");
    workbook(&tables, |t| labels[t].to_owned()).save(&book).unwrap();
    assert!(results(&book, &["--threads", "2"]) == want, "workbook with labels");
    let folder = dir.path().join("single");
    fs::create_dir(&folder).unwrap();
    for (table, rows) in tables {
        let single = BTreeMap::from([(table.clone(), rows)]);
        workbook(&single, |_| "Sheet1".to_owned()).save(folder.join(format!("{table}.xlsx"))).unwrap();
    }
    assert!(results(&folder, &[]) == want, "a workbook for each table");
}

/// What `check` says of a workbook made of the demo with changes.
fn said(lang: &str, change: impl FnOnce(&mut Workbook)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut book = workbook(&tables(DEMO), str::to_owned);
    change(&mut book);
    let path = dir.path().join("book.xlsx");
    book.save(&path).unwrap();
    let d = zhuize(&["--lang", lang, "check", path.to_str().unwrap(), "--as-of", "2025-06-30"]);
    d.err
}

#[test]
fn errors_of_a_workbook_name_sheet_and_cell() {
    let broken = |book: &mut Workbook| {
        let cases = book.worksheet_from_name("cases").unwrap();
        cases.write_string(2, 2, "work_injury_recognitoin").unwrap();
        cases.write_formula(3, 6, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        cases.write_number(4, 6, 44_260).unwrap();
        book.worksheet_from_name("people").unwrap().write_string(3, 0, "p001").unwrap();
    };
    let en = said("en", broken);
    for want in [
        "book.xlsx!cases!C3 (act_kind): [E0526] \"work_injury_recognitoin\" is no code of the list act_kind; did you mean",
        "book.xlsx!cases!G4: [E0530] the cell holds the error \"#DIV/0!\"",
        "book.xlsx!cases!G5 (act_date): [E0523] \"44260\" is no date; did you mean 2021-03-05?",
        "book.xlsx!people!A4 (person): [E0540] the same person as line 2, \"p001\"",
    ] {
        assert!(en.contains(want), "{want}\n{en}");
    }
    let zh = said("zh", broken);
    for want in ["book.xlsx!cases!C3（act_kind）：[E0526]", "book.xlsx!cases!G4：[E0530] 单元格的值是错误 “#DIV/0!”"]
    {
        assert!(zh.contains(want), "{want}\n{zh}");
    }
}

#[test]
fn titles_examples_merged_cells_formulas_and_notes() {
    let en = said("en", |book| {
        let sheet = book.add_worksheet().set_name("说明").unwrap();
        sheet.write_string(0, 0, "anything").unwrap();
        book.add_worksheet().set_name("Sheet9").unwrap();
        book.add_worksheet().set_name("scratch").unwrap().write_string(0, 0, "x").unwrap();
        let sheet = book.add_worksheet().set_name("国家赔偿").unwrap();
        let plain = Format::new();
        sheet.merge_range(0, 0, 0, 2, "赔偿一览表", &plain).unwrap();
        for (c, h) in ["案件编号\ncase", "赔偿金额", "支付日期"].iter().enumerate() {
            sheet.write_string(2, c as u16, *h).unwrap();
        }
        sheet.write_string(3, 0, "示例：c1").unwrap();
        sheet.merge_range(4, 0, 5, 0, "d01", &plain).unwrap();
        sheet.write_formula(4, 1, Formula::new("=600*2").set_result("1200")).unwrap();
        sheet.write_number(5, 1, 0.1 + 0.2).unwrap();
        sheet.write_string(4, 2, "2023年5月1日").unwrap();
        sheet.write_datetime(5, 2, ExcelDateTime::from_ymd(2023, 5, 2).unwrap()).unwrap();
        sheet.set_cell_format(5, 2, &Format::new().set_num_format("yyyy\"年\"m\"月\"d\"日\"")).unwrap();
    });
    assert!(!en.contains("[E0"), "{en}");
    for want in [
        "book.xlsx!scratch: [W0510] \"scratch\" is no table; it is not read",
        "book.xlsx!国家赔偿!A4: [W0537] a row marked as an example",
        "book.xlsx!国家赔偿!A6: [W0536] cells merged over the rows 5 to 6; their value \"d01\"",
    ] {
        assert!(en.contains(want), "{want}\n{en}");
    }
    assert!(!en.contains("Sheet9") && !en.contains("说明"), "{en}");
}

#[test]
fn damaged_workbooks_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("book.xlsx");
    let check = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let d = zhuize(&["--lang", "en", "check", path.to_str().unwrap()]);
        assert_eq!(d.code, 4, "{}", d.err);
        d.err
    };
    let whole = workbook(&tables(DEMO), str::to_owned).save_to_buffer().unwrap();
    for bytes in [&b"id,size\nb1,x\n"[..], b"", &whole[..whole.len() / 2], &[&b"PK\x03\x04"[..], &[0; 100]].concat()] {
        let said = check(bytes);
        assert!(said.contains("book.xlsx: [E0516] no usable xlsx file"), "{said}");
    }
    let said = check(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    assert!(said.contains("password"), "{said}");
    // A byte flipped in the middle of the packed data.
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 0xff;
    let said = check(&flipped);
    assert!(said.contains("[E05"), "{said}");
    // A bomb: one entry of zeros that packs a thousandfold.
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("xl/worksheets/sheet1.xml", zip::write::SimpleFileOptions::default()).unwrap();
    for _ in 0..80 {
        zip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let said = check(&zip.finish().unwrap().into_inner());
    assert!(said.contains("[E0517]") && said.contains("refused as a decompression bomb"), "{said}");
    // In a folder, a workbook with several sheets none of which is the table's.
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("cases.xlsx"), workbook(&tables(DEMO), |t| format!("{t} 1")).save_to_buffer().unwrap())
        .unwrap();
    let d = zhuize(&["--lang", "en", "check", folder.to_str().unwrap()]);
    assert!(
        d.err.contains("cases.xlsx: [E0518] no sheet of the workbook is named like this table; there are"),
        "{}",
        d.err
    );
}

#[test]
fn a_cell_at_the_far_end_and_a_cell_of_a_million_characters_are_harmless() {
    let en = said("en", |book| {
        let sheet = book.worksheet_from_name("cases").unwrap();
        sheet.write_string(1_048_575, 16_383, "x").unwrap();
    });
    // The cell is under no header.
    assert!(en.contains("[E0513]") || en.contains("[W0509]") || en.contains("[E0520]"), "{en}");
    let dir = tempfile::tempdir().unwrap();
    let mut tables = tables(DEMO);
    for (i, cell) in [("title", "长".repeat(1_000_000)), ("case", "c".repeat(1_000_000))] {
        let cases = tables.get_mut("cases").unwrap();
        let column = cases[0].iter().position(|h| h == i).unwrap();
        let last = cases.len() - 1;
        cases[last][column] = cell;
        for (t, rows) in &tables {
            fs::write(dir.path().join(format!("{t}.csv")), text(rows, b',')).unwrap();
        }
        let d = zhuize(&["--lang", "en", "check", dir.path().to_str().unwrap(), "--as-of", "2025-06-30"]);
        assert!(d.err.len() < 100_000 && !d.err.contains("panicked"), "{} {}", d.code, d.err.len());
        assert_eq!(d.code, if i == "title" { 0 } else { 4 }, "{}", d.err);
    }
}
