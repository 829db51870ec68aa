//! Defects in words, Chinese and English.

use super::defect::{Choice, Defect, Defects, Problem};
use super::sheet::letters;

/// A language of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// A value fit for a line of text: shortened, with what cannot be seen made visible.
#[must_use]
pub fn show(value: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::new();
    for (i, c) in value.chars().enumerate() {
        if i == LONGEST {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\u{a0}') =>
            {
                out.extend(c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// A size as people say it.
fn size(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 30 && b % (1 << 30) == 0 => format!("{} GiB", b >> 30),
        b if b >= 1 << 20 && b % (1 << 20) == 0 => format!("{} MiB", b >> 20),
        b => format!("{b} B"),
    }
}

impl Lang {
    fn quote(self, text: &str) -> String {
        match self {
            Lang::Zh => format!("“{}”", show(text)),
            Lang::En => format!("\"{}\"", show(text)),
        }
    }

    fn list<S: AsRef<str>>(self, items: &[S]) -> String {
        let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
        items.join(if self == Lang::Zh { "、" } else { ", " })
    }

    fn choice(self, c: &Choice) -> String {
        let label = if self == Lang::Zh { &c.zh } else { &c.en };
        match (label.is_empty() || *label == c.text, self) {
            (true, _) => c.text.clone(),
            (_, Lang::Zh) => format!("{}（{label}）", c.text),
            (_, Lang::En) => format!("{} ({label})", c.text),
        }
    }
}

impl Defect {
    /// Where, such as `conduct.csv:7, field 3 "finding" (character 12)` or `book.xlsx!conduct!C7 (finding)`.
    #[must_use]
    pub fn place_text(&self, lang: Lang) -> String {
        let p = &self.place;
        let mut s = show(&p.file);
        if p.sheet && p.line > 0 && p.field > 0 {
            s += &format!("!{}{}", letters(p.field), p.line);
            if !p.column.is_empty() {
                // The header of a sheet may have several lines.
                let name = show(p.column.lines().next().unwrap_or(""));
                s += &if lang == Lang::Zh { format!("（{name}）") } else { format!(" ({name})") };
            }
            return s;
        }
        if p.line > 0 {
            s += &match lang {
                Lang::Zh => format!(" 第{}行", p.line),
                Lang::En => format!(":{}", p.line),
            };
        }
        if p.field > 0 {
            s += &match lang {
                Lang::Zh => format!("第{}列", p.field),
                Lang::En => format!(", field {}", p.field),
            };
            if !p.column.is_empty() {
                s += &format!(" {}", show(&p.column));
            }
            if p.character > 0 {
                s += &match lang {
                    Lang::Zh => format!("（第{}个字符起）", p.character),
                    Lang::En => format!(" (character {})", p.character),
                };
            }
        }
        s
    }

    /// What is wrong, one sentence without full stop.
    #[must_use]
    pub fn message(&self, lang: Lang) -> String {
        let v = lang.quote(self.value.as_deref().unwrap_or(""));
        match lang {
            Lang::Zh => self.zh(&v),
            Lang::En => self.en(&v),
        }
    }

    fn zh(&self, v: &str) -> String {
        let lang = Lang::Zh;
        match &self.problem {
            Problem::FolderMissing => format!("找不到文件夹{v}"),
            Problem::NotAFolder => format!("{v}不是文件夹"),
            Problem::Unreadable { reason } => format!("无法读取：{reason}"),
            Problem::NeededMissing => "缺少这个必需的文件".to_owned(),
            Problem::Undecodable { encoding, offset, other: None } => {
                format!("文件无法按 {encoding} 读取：第{}个字节处无法识别（{v}）", offset + 1)
            }
            Problem::Undecodable { encoding, offset, other: Some((second, at)) } => format!(
                "文件既不是 {encoding}（第{}个字节处无法识别：{v}），也不是 {second}（第{}个字节处无法识别）",
                offset + 1,
                at + 1
            ),
            Problem::Mixed { utf8, other } => {
                format!("文件混用了两种编码：第{utf8}行是 UTF-8，第{other}行不是（像是 GB18030）")
            }
            Problem::Twice { first } => format!("同一张表有两个文件：{first} 和 {}", show(&self.place.file)),
            Problem::Damaged { form, cut: true, .. } => format!("压缩文件（{form}）不完整，后半部分缺失"),
            Problem::Damaged { form, reason, .. } => format!("不是可用的 {form} 文件：{}", reason.zh),
            Problem::OtherForm { form } => format!("文件名表明是文本，内容却是 {form} 文件"),
            Problem::Codec { codec } => format!("各列以 {codec} 压缩，本程序不读这种压缩"),
            Problem::ColumnKind { kind } => format!("列{v}的类型是 {kind}，表格的单元格容纳不了"),
            Problem::NotText => "该值不是 UTF-8 文本".to_owned(),
            Problem::WhichSheet { sheets } => format!("工作簿中没有名为本表的工作表，只有：{}", lang.list(sheets)),
            Problem::ErrorCell => format!("单元格的值是错误 {v}"),
            Problem::NoStoredValue => "单元格有公式，但没有保存计算结果".to_owned(),
            Problem::Merged { first, last } => {
                format!("第{first}至{last}行合并了单元格，其值{v}已按每一行都有读取")
            }
            Problem::Example => "本行标明是示例，未读取".to_owned(),
            Problem::HeaderAgain => "标题行在数据中又出现一次".to_owned(),
            Problem::TooLarge { packed, limit } => {
                format!("压缩文件（{packed}字节）解压后超过{}，疑为“压缩炸弹”，未读取", size(*limit))
            }
            Problem::Empty => "文件是空的，连标题行也没有".to_owned(),
            Problem::NoHeader { .. } => format!("首行不是标题行，其中没有本表的任何列名：{v}"),
            Problem::DuplicateHeader { first } => format!("列名{v}重复，第{first}列已用此名"),
            Problem::MissingColumn => format!("缺少必需的列{v}"),
            Problem::UnknownColumn if self.nameless() => "标题行中这一列没有列名，其内容未读取".to_owned(),
            Problem::UnknownColumn => format!("本表没有{v}这一列，该列未读取"),
            Problem::UnknownFile => format!("{v}不是数据表，未读取"),
            Problem::OpenQuote => "引号只有开头、没有结尾，其后的内容无法读取".to_owned(),
            Problem::TextAfterQuote => "结尾引号与下一个逗号之间有多余的文字".to_owned(),
            Problem::Fields { found, header } => format!("本行有{found}个字段，而标题行有{header}个"),
            Problem::Nul => "含有空字符（NUL），文件可能已损坏".to_owned(),
            Problem::Blank => "此列不得为空".to_owned(),
            Problem::NotANumber { float: false } => format!("{v}不是整数"),
            Problem::NotANumber { float: true } => format!("{v}不是数字"),
            Problem::NumberRange { min, max } => format!("{v}超出允许的范围（{min}至{max}）"),
            Problem::NotADate => format!("{v}不是规范的日期"),
            Problem::NoSuchDay => format!("日历上没有{v}这一天"),
            Problem::DateRange => format!("日期{v}不在1900年至2100年之间"),
            Problem::UnknownCode { list } => format!("代码表 {list} 中没有代码{v}"),
            Problem::DerivedCode { .. } => format!("代码{v}只能由规则推导得出，不得录入"),
            Problem::Pattern { pattern } => format!("{v}不符合规定的格式 {pattern}"),
            Problem::Blanks => format!("{v}的首尾有空白，已按去掉空白后的内容读取"),
            Problem::DuplicateKey { columns, line } => {
                let together = if columns.len() > 1 { "这几列合起来" } else { "" };
                format!("{} {together}不得重复，而本行与第{line}行相同：{v}", lang.list(columns))
            }
            Problem::DuplicateRow { line } => format!("本行与第{line}行完全相同"),
            Problem::Dangling { table, columns } => {
                format!("{table} 中没有 {} 为{v}的行", lang.list(columns))
            }
            Problem::RefersToRejected { file, line } => {
                format!("{v}所指的 {} 第{line}行已被剔除，本行随之剔除", show(file))
            }
            Problem::Order { first, second, first_value, second_value } => {
                format!("{first}（{first_value}）晚于 {second}（{second_value}）")
            }
            Problem::YearsWithoutHolidays { years } => {
                let years: Vec<String> = years.iter().map(|y| format!("{y}年")).collect();
                format!("下列年份没有节假日数据，工作日只按周一至周五计算：{}", lang.list(&years))
            }
        }
    }

    fn en(&self, v: &str) -> String {
        let lang = Lang::En;
        match &self.problem {
            Problem::FolderMissing => format!("there is no folder {v}"),
            Problem::NotAFolder => format!("{v} is not a folder"),
            Problem::Unreadable { reason } => format!("cannot be read: {reason}"),
            Problem::NeededMissing => "this file is needed and is not there".to_owned(),
            Problem::Undecodable { encoding, offset, other: None } => {
                format!("not {encoding}: byte {offset} (from 0) fits no character: {v}")
            }
            Problem::Undecodable { encoding, offset, other: Some((second, at)) } => {
                format!("neither {encoding} (byte {offset} from 0 fits no character: {v}) nor {second} (byte {at})")
            }
            Problem::Mixed { utf8, other } => {
                format!("two encodings in one file: line {utf8} is UTF-8, line {other} is not (it looks like GB18030)")
            }
            Problem::Twice { first } => format!("two files for one table: {first} and {}", show(&self.place.file)),
            Problem::Damaged { form, cut: true, .. } => {
                format!("the packed file ({form}) is cut off: its end is missing")
            }
            Problem::Damaged { form, reason, .. } => format!("no usable {form} file: {}", reason.en),
            Problem::OtherForm { form } => format!("by its name it is text, by its content {form}"),
            Problem::Codec { codec } => format!("its columns are compressed with {codec}, which is not read"),
            Problem::ColumnKind { kind } => {
                format!("the column {v} is of the type {kind}, which no cell of a table holds")
            }
            Problem::NotText => "the value is no text in UTF-8".to_owned(),
            Problem::WhichSheet { sheets } => {
                format!("no sheet of the workbook is named like this table; there are {}", lang.list(sheets))
            }
            Problem::ErrorCell => format!("the cell holds the error {v}"),
            Problem::NoStoredValue => "the cell holds a formula without a stored value".to_owned(),
            Problem::Merged { first, last } => {
                format!("cells merged over the rows {first} to {last}; their value {v} is read for each of them")
            }
            Problem::Example => "a row marked as an example; it is not read".to_owned(),
            Problem::HeaderAgain => "the header stands here a second time".to_owned(),
            Problem::TooLarge { packed, limit } => {
                format!("{packed} packed bytes unpack to more than {}: refused as a decompression bomb", size(*limit))
            }
            Problem::Empty => "the file is empty; not even a header line".to_owned(),
            Problem::NoHeader { .. } => format!("the first line is no header: it names no column of this table: {v}"),
            Problem::DuplicateHeader { first } => format!("the column {v} stands twice; field {first} has that name"),
            Problem::MissingColumn => format!("the column {v} is needed and is not there"),
            Problem::UnknownColumn if self.nameless() => "a column without a name; it is not read".to_owned(),
            Problem::UnknownColumn => format!("this table has no column {v}; it is not read"),
            Problem::UnknownFile => format!("{v} is no table; it is not read"),
            Problem::OpenQuote => "a quote opens and never closes; what follows cannot be read".to_owned(),
            Problem::TextAfterQuote => "text between a closing quote and the next comma".to_owned(),
            Problem::Fields { found, header } => format!("number of fields: {found} here, {header} in the header"),
            Problem::Nul => "a NUL character; the file may be damaged".to_owned(),
            Problem::Blank => "blank where a value must stand".to_owned(),
            Problem::NotANumber { float: false } => format!("{v} is no whole number"),
            Problem::NotANumber { float: true } => format!("{v} is no number"),
            Problem::NumberRange { min, max } => format!("{v} is out of range ({min} to {max})"),
            Problem::NotADate => format!("{v} is no date"),
            Problem::NoSuchDay => format!("the calendar has no day {v}"),
            Problem::DateRange => format!("{v} lies outside the years 1900 to 2100"),
            Problem::UnknownCode { list } => format!("{v} is no code of the list {list}"),
            Problem::DerivedCode { .. } => format!("the code {v} is produced by rules and cannot be entered"),
            Problem::Pattern { pattern } => format!("{v} has not the form {pattern}"),
            Problem::Blanks => format!("blanks around {v}; read without them"),
            Problem::DuplicateKey { columns, line } => {
                let together = if columns.len() > 1 { " together" } else { "" };
                format!("the same {} as line {line}, {v}, which must{together} be unique", lang.list(columns))
            }
            Problem::DuplicateRow { line } => format!("the same row as line {line}"),
            Problem::Dangling { table, columns } => {
                format!("{table} has no row whose {} is {v}", lang.list(columns))
            }
            Problem::RefersToRejected { file, line } => {
                format!("{v} stands in {}:{line}, which is rejected; so is this row", show(file))
            }
            Problem::Order { first, second, first_value, second_value } => {
                format!("{first} ({first_value}) is after {second} ({second_value})")
            }
            Problem::YearsWithoutHolidays { years } => {
                let years: Vec<String> = years.iter().map(i32::to_string).collect();
                format!("no days off are on file for {}; only weekends count as days off there", lang.list(&years))
            }
        }
    }

    /// What would mend it; empty if there is nothing to say.
    #[must_use]
    pub fn hint(&self, lang: Lang) -> String {
        if let Some(n) = &self.nearest {
            let n = lang.choice(n);
            return match lang {
                Lang::Zh => format!("是否应为 {n}？"),
                Lang::En => format!("did you mean {n}?"),
            };
        }
        if !self.expected.is_empty() {
            let all: Vec<String> = self.expected.iter().map(|c| lang.choice(c)).collect();
            let columns = matches!(self.problem, Problem::NoHeader { .. });
            let intro = match (lang, columns) {
                (Lang::Zh, true) => "本表的列名为：",
                (Lang::Zh, false) => "可以填写：",
                (Lang::En, true) => "its columns are ",
                (Lang::En, false) => "may be ",
            };
            return format!("{intro}{}", lang.list(&all));
        }
        let (zh, en) = match &self.problem {
            Problem::Undecodable { other: None, .. } => (
                "请用 --encoding 指明编码，或另存为“CSV UTF-8”格式",
                "name the encoding with --encoding, or save it as \"CSV UTF-8\"",
            ),
            Problem::Undecodable { .. } => (
                "请在表格软件中另存为“CSV UTF-8”格式；若是其他编码，用 --encoding 指明",
                "save it as \"CSV UTF-8\"; if it is in some other encoding, name that with --encoding",
            ),
            Problem::Mixed { .. } => (
                "请把合并前的文件各自另存为“CSV UTF-8”后再合并",
                "save the files it was put together from as \"CSV UTF-8\", then put them together",
            ),
            Problem::Twice { .. } => ("请只保留一个", "keep one of them"),
            Problem::Damaged { .. } => ("请重新取得或重新导出该文件", "get or export the file anew"),
            Problem::OtherForm { form: "xls" } => {
                ("请在表格软件中另存为 .xlsx", "save it as .xlsx in a spreadsheet program")
            }
            Problem::OtherForm { .. } => ("请把文件名的后缀改得与内容相符", "give it the ending that its content has"),
            Problem::Codec { .. } => (
                "请以 snappy、gzip 压缩或不压缩的方式重新写出",
                "write it anew, compressed with snappy or gzip, or not at all",
            ),
            Problem::ColumnKind { .. } => (
                "请把该列写成文本、数字或日期，或者删去该列",
                "write the column as text, numbers or dates, or leave it out",
            ),
            Problem::NotText => ("请以 UTF-8 文本写出该列", "write the column as text in UTF-8"),
            Problem::TooLarge { .. } => ("确系数据的，请先解压", "if it is data indeed, unpack it first"),
            Problem::Empty => (
                "没有数据时，请只保留标题行，或者删除该文件",
                "if there is no data, leave the header line alone, or delete the file",
            ),
            Problem::NoHeader { separator: Some(_) } => {
                ("各列似以分号分隔，应改用逗号", "the fields seem to be separated by semicolons; use commas")
            }
            Problem::TextAfterQuote => {
                ("字段内的引号应连写两个（\"\"）", "inside a quoted field a quote is written twice (\"\")")
            }
            Problem::Fields { .. } => (
                "字段内如有逗号，该字段应以引号括起；空白的字段也要保留逗号",
                "a field that holds a comma stands in quotes; blank fields keep their commas",
            ),
            Problem::NotADate | Problem::NoSuchDay => ("日期应写成 2021-03-05 的形式", "dates are written 2021-03-05"),
            Problem::DateRange => ("没有期限的，应留空", "leave it blank if there is no such date"),
            Problem::YearsWithoutHolidays { .. } => {
                ("请补充这些年份的放假和调休日期", "add the days off and make-up working days of those years")
            }
            _ => return String::new(),
        };
        if lang == Lang::Zh { zh.to_owned() } else { en.to_owned() }
    }

    /// Place, code, message and hint on one line.
    #[must_use]
    pub fn render(&self, lang: Lang) -> String {
        let (place, message, hint) = (self.place_text(lang), self.message(lang), self.hint(lang));
        let code = self.code();
        let mut out = String::new();
        match lang {
            Lang::Zh => {
                if !place.is_empty() {
                    out += &format!("{place}：");
                }
                out += &format!("[{code}] {message}。{hint}");
                if !out.ends_with(['。', '？']) {
                    out.push('。');
                }
            }
            Lang::En => {
                if !place.is_empty() {
                    out += &format!("{place}: ");
                }
                out += &format!("[{code}] {message}");
                if !hint.is_empty() {
                    out += &format!("; {hint}");
                }
            }
        }
        out
    }

    /// The column has no name in the header.
    fn nameless(&self) -> bool {
        self.value.as_deref() == Some("")
    }
}

impl Defects {
    /// One line for each kept defect, then one for each kind of which there are more.
    #[must_use]
    pub fn render(&self, lang: Lang) -> String {
        let mut out = String::new();
        for d in self.list() {
            out += &d.render(lang);
            out.push('\n');
        }
        for (file, code, n) in self.more() {
            out += &match lang {
                Lang::Zh => format!("{file}：[{code}] 另有同类问题{n}处，未逐一列出。\n"),
                Lang::En => format!("{file}: [{code}] {n} more of this kind\n"),
            };
        }
        out
    }
}
