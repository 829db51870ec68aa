//! Files as analysts have them: the same data in every form give the same results; what is damaged is refused by name.

#![allow(clippy::unwrap_used)] // helpers of tests may fail loudly

#[allow(dead_code)] // what a command prints is not looked at here
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

/// The workbook with a text of its only sheet replaced wherever it stands.
fn edited(book: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(book)).unwrap();
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut found = false;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
        if name.starts_with("xl/worksheets/") {
            found |= text.contains(from);
            text = text.replace(from, to);
        }
        out.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(text.as_bytes()).unwrap();
    }
    assert!(found, "{from} stands in the sheet");
    out.finish().unwrap().into_inner()
}

#[test]
fn cells_that_stand_nowhere_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("cases").unwrap();
    for (row, text) in ["case", "c1", "c2"].iter().enumerate() {
        sheet.write_string(row as u32, 0, *text).unwrap();
    }
    sheet.merge_range(5, 1, 7, 1, "x", &Format::new()).unwrap();
    let whole = book.save_to_buffer().unwrap();
    let said = |lang: &str, from: &str, to: &str| {
        fs::write(dir.path().join("cases.xlsx"), edited(&whole, from, to)).unwrap();
        let d = zhuize(&["--lang", lang, "check", dir.path().to_str().unwrap()]);
        assert_eq!(d.code, 4, "{}", d.err);
        let line = d.err.lines().find(|l| l.contains("E0516")).map(str::trim);
        line.unwrap_or_else(|| panic!("{}", d.err)).to_owned()
    };
    let behind = "the place or content of what follows the cell A2 does not decode";
    for (from, to, want) in [
        ("\"A3\"", "\"A99999999999\"", behind),
        ("\"A3\"", "\"ZZZZZZZZZZ3\"", behind),
        ("<row r=\"3\"", "<row r=\"9999999999\"", behind),
        ("\"A1\"", "\"A99999999999\"", ": it does not decode"),
        ("\"B6:B8\"", "\"B6:B99999999999\"", ": the place of merged cells does not decode"),
        (
            "\"A3\"",
            "\"A4294967295\"",
            ": a cell in row 4294967295, column 1: sheets have 1048576 rows and 16384 columns",
        ),
        ("\"A3\"", "\"A1\"", ": row 1 stands behind row 2"),
        ("\"A3\"", "\"XFE3\"", ": a cell in row 3, column 16385: sheets have 1048576 rows and 16384 columns"),
    ] {
        let line = said("en", from, to);
        let advice = "; get or export the file anew";
        assert!(line.starts_with("cases.xlsx!cases: [E0516] no usable xlsx file: "), "{line}");
        assert!(line.strip_suffix(advice).is_some_and(|l| l.ends_with(want)), "{line}");
    }
    let line = said("zh", "\"A3\"", "\"A99999999999\"");
    assert!(line.contains("不是可用的 xlsx 文件：单元格 A2 之后的位置或内容无法解读。"), "{line}");
    // Days that no sheet shows are no days.
    let mut book = workbook(&tables(DEMO), str::to_owned);
    let day = Format::new().set_num_format("yyyy-mm-dd");
    for (row, number) in [(3, -5.0), (4, 3e9)] {
        book.worksheet_from_name("cases").unwrap().write_number_with_format(row, 6, number, &day).unwrap();
    }
    let path = dir.path().join("book.xlsx");
    book.save(&path).unwrap();
    let d = zhuize(&["--lang", "en", "check", path.to_str().unwrap()]);
    for want in ["G4 (act_date): [E0523] \"-5\" is no date", "G5 (act_date): [E0523] \"3000000000\" is no date"] {
        assert!(d.err.contains(want), "{}", d.err);
    }
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

#[test]
fn results_as_a_workbook() {
    use calamine::{Data, Reader, Xlsx, open_workbook};
    let dir = tempfile::tempdir().unwrap();
    let facts = dir.path().join("facts");
    fs::create_dir(&facts).unwrap();
    let mut tables = tables(DEMO);
    // A name and an id that a spreadsheet program would run.
    let people = tables.get_mut("people").unwrap();
    people[1][1] = "=HYPERLINK(\"http://x\")".to_owned();
    for rows in tables.values_mut() {
        rows.iter_mut().flatten().filter(|c| *c == "d01").for_each(|c| *c = "@d01".to_owned());
    }
    for (t, rows) in &tables {
        fs::write(facts.join(format!("{t}.csv")), text(rows, b',')).unwrap();
    }
    let path = dir.path().join("结果/out.xlsx");
    let run = |args: &[&str]| {
        let mut all = vec!["--lang", "zh", "--quiet", "run", facts.to_str().unwrap(), "--as-of", "2025-06-30"];
        all.extend(args);
        let d = zhuize(&all);
        assert_eq!(d.code, 0, "{}", d.err);
    };
    run(&["-o", path.to_str().unwrap()]);
    let bytes = fs::read(&path).unwrap();
    run(&["-o", path.to_str().unwrap(), "--threads", "2"]);
    assert!(fs::read(&path).unwrap() == bytes, "same input, same bytes");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    let mut book: Xlsx<_> = open_workbook(&path).unwrap();
    assert_eq!(book.sheet_names()[0], "目录");
    let sheet = book.worksheet_range("责任人").unwrap();
    let row =
        |i: u32| -> Vec<Data> { (0..sheet.width() as u32).map(|c| sheet.get_value((i, c)).unwrap().clone()).collect() };
    let texts = |i: u32| row(i).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(&texts(0)[..4], ["案件编号\ncase", "案件名称", "人员编号\nperson", "姓名"]);
    assert_eq!(texts(1)[0], "@d01");
    assert_eq!(texts(1)[3], "=HYPERLINK(\"http://x\")");
    assert!(matches!(row(1)[3], Data::String(_)));
    assert_eq!(texts(1)[4], "郑州市工伤认定行政败诉案件过错责任追究办法");
    let formulas = book.worksheet_formula("责任人").unwrap();
    assert!(formulas.cells().all(|(_, _, f)| f.is_empty()));
    // The CSV keeps values as they are unless told otherwise.
    let out = dir.path().join("csv");
    run(&["-o", out.to_str().unwrap(), "--xlsx"]);
    let liable = fs::read_to_string(out.join("liable.csv")).unwrap();
    assert!(liable.contains("\n@d01,p001,"), "{liable}");
    assert!(fs::read(out.join("results.xlsx")).unwrap() == bytes);
    run(&["-o", out.to_str().unwrap(), "--safe-csv"]);
    let liable = fs::read_to_string(out.join("liable.csv")).unwrap();
    assert!(liable.contains("\n'@d01,p001,") && !liable.contains("\n@d01"), "{liable}");
    assert!(!out.join("results.xlsx").exists(), "a workbook of an earlier run does not stay");
    assert_eq!(zhuize(&["run", DEMO, "--xlsx"]).code, 2);
}

#[test]
fn a_filled_template_loads_and_a_blank_one_says_what_is_missing() {
    use calamine::{Reader, Xlsx, open_workbook};
    let dir = tempfile::tempdir().unwrap();
    for lang in ["zh", "en"] {
        let path = dir.path().join(format!("{lang}.xlsx"));
        let made = |p: &Path| zhuize(&["--lang", lang, "template", "-o", p.to_str().unwrap()]);
        assert_eq!(made(&path).code, 0);
        assert_eq!(made(&path).code, 2, "what somebody filled in is not written over");
        let check = zhuize(&["--lang", "en", "check", path.to_str().unwrap()]);
        assert!(!check.err.contains("[E0") && !check.err.contains("W0509"), "{}", check.err);
        assert_eq!(check.err.matches("[W0537]").count(), 17, "{}", check.err);
        // Filled in under the headers of the template, with what its lists offer.
        let mut book: Xlsx<_> = open_workbook(&path).unwrap();
        let names = book.sheet_names();
        let codes = book.worksheet_range(names.last().unwrap()).unwrap();
        let words = |list: &str, i: u32| {
            let c = (0..codes.width() as u32).find(|c| *codes.get_value((0, *c)).unwrap() == list).unwrap();
            codes.get_value((i, c)).unwrap().to_string()
        };
        let mut filled = Workbook::new();
        for sheet in &names[1..names.len() - 1] {
            let range = book.worksheet_range(sheet).unwrap();
            let heads: Vec<String> =
                (0..range.width() as u32).map(|c| range.get_value((0, c)).unwrap().to_string()).collect();
            let out = filled.add_worksheet().set_name(sheet).unwrap();
            let mut row = |r: u32, cells: &[(&str, &str)]| {
                for (c, h) in heads.iter().enumerate() {
                    out.write_string(0, c as u16, h).unwrap();
                    if let Some((_, text)) = cells.iter().find(|(n, _)| h.lines().last() == Some(n)) {
                        out.write_string(r, c as u16, *text).unwrap();
                    }
                }
            };
            let date = "2021年3月5日";
            match &heads.iter().map(|h| h.lines().last().unwrap()).collect::<Vec<_>>()[..] {
                ["org", "name", "kind", ..] => {
                    let dept = words("org_kind", 2);
                    let domain = words("domain", 1);
                    row(
                        1,
                        &[
                            ("org", "o1"),
                            ("name", "局"),
                            ("kind", &dept),
                            ("region", "410100"),
                            ("domain", &domain),
                            ("level", &words("org_level", 2)),
                        ],
                    );
                }
                ["person", "name", "source"] => row(1, &[("person", "p1"), ("name", "甲")]),
                ["case", "title", ..] => {
                    let act = words("act_kind", 1);
                    row(
                        1,
                        &[
                            ("case", "〔2021〕豫01行初1号"),
                            ("act_kind", &act),
                            ("nominal_org", "o1"),
                            ("act_date", date),
                            ("approval_required", &words("yes_no", 1)),
                        ],
                    );
                }
                ["case", "person", "role", ..] => {
                    let role = words("role", 1);
                    row(1, &[("case", "(2021)豫01行初01号"), ("person", "p1"), ("role", &role)]);
                }
                ["case", "person", "conduct", ..] => {
                    let conduct = words("conduct", 1);
                    row(1, &[("case", "(2021)豫01行初1号"), ("person", "p1"), ("conduct", &conduct), ("date", date)]);
                }
                ["case", "forum", "result", ..] => {
                    let (forum, result) = (words("forum", 1), words("ruling_result", 1));
                    let (decided, effective) = ("2021/9/1", "２０２１/9/20");
                    let cells = [("case", "(2021)豫01行初1号"), ("forum", &forum), ("result", &result)];
                    row(1, &[&cells[..], &[("decided", decided), ("effective_date", effective)]].concat());
                }
                _ => row(1, &[]),
            }
        }
        let path = dir.path().join(format!("{lang}-filled.xlsx"));
        filled.save(&path).unwrap();
        let out = dir.path().join(lang);
        let d = zhuize(&[
            "--lang",
            "zh",
            "run",
            path.to_str().unwrap(),
            "--as-of",
            "2025-06-30",
            "-o",
            out.to_str().unwrap(),
        ]);
        assert_eq!(d.code, 0, "{}", d.err);
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert!(read("lost.csv").contains("(2021)豫01行初1号,zz-injury,"), "{}", read("lost.csv"));
        assert!(read("disposition.csv").contains("(2021)豫01行初1号,p1,zz-injury,"), "{}", read("disposition.csv"));
        assert!(!d.err.contains("W0509"), "{}", d.err);
    }
    // The CSV templates are those that lie in facts/templates.
    let folder = dir.path().join("csv");
    assert_eq!(zhuize(&["template", "-o", folder.to_str().unwrap()]).code, 0);
    let files = |dir: &Path| -> BTreeMap<String, String> {
        let all = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().unwrap() == "csv");
        all.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&p).unwrap())).collect()
    };
    assert_eq!(files(&folder), files(Path::new("facts/templates")));
}
