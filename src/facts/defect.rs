//! Defects as data: what is wrong with a table, where, what was found, what was expected, what was probably meant.
//! [`super::message`] puts them in words.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::lang::diagnostic::Severity;

/// Where a defect is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the file, as people know it.
    pub file: Arc<str>,
    /// Line, from 1; 0 if the defect concerns the file as a whole.
    pub line: u32,
    /// Number of the field in its row, from 1; 0 if the defect concerns the row as a whole.
    pub field: u32,
    /// Column of the first character of the field in its line, in characters from 1; 0 if `field` is.
    pub character: u32,
    /// Name of the column; may be empty.
    pub column: Arc<str>,
    /// The file is a sheet of a workbook: lines are its rows, fields its columns.
    pub sheet: bool,
}

/// Why something is so, in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Reason {
    pub zh: String,
    pub en: String,
}

impl From<String> for Reason {
    /// What a library says, the same for all.
    fn from(said: String) -> Self {
        Self { zh: said.clone(), en: said }
    }
}

impl From<(&str, &str)> for Reason {
    fn from((zh, en): (&str, &str)) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

impl Reason {
    /// A file does not begin as its form does; both beginnings in hexadecimal.
    pub(super) fn begins(bytes: &[u8], form: &str) -> Self {
        let first: Vec<String> = bytes.iter().take(form.split(' ').count()).map(|b| format!("{b:02X}")).collect();
        let first = first.join(" ");
        Self {
            zh: format!("文件以 {first} 开头，应为 {form}"),
            en: format!("it begins with {first} and not with {form}"),
        }
    }
}

/// What is wrong. The numbers of lines and fields begin with 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Problem {
    /// The folder is not there.
    FolderMissing,
    /// The path is something else than a folder.
    NotAFolder,
    /// The system does not give the file.
    Unreadable { reason: String },
    /// A file that must be there is not.
    NeededMissing,
    /// Byte `offset` (from 0) fits no character of the encoding; `other`: a second encoding that was tried, and where it broke.
    Undecodable { encoding: &'static str, offset: usize, other: Option<(&'static str, usize)> },
    /// Line `utf8` is UTF-8, line `other` is not.
    Mixed { utf8: u32, other: u32 },
    /// Two files for one table.
    Twice { first: String },
    /// A packed file that does not unpack; `cut` if its end is missing.
    Damaged { form: &'static str, cut: bool, reason: Reason },
    /// A file that is no text, whatever its name promises; `form`: the ending that it should have.
    OtherForm { form: &'static str },
    /// A columnar file whose columns are compressed in a way that is not read.
    Codec { codec: String },
    /// A column of a columnar file holds what no cell of a table can.
    ColumnKind { kind: String },
    /// A value of a columnar file is bytes that are no text.
    NotText,
    /// None of the sheets of a workbook is that of the table.
    WhichSheet { sheets: Vec<String> },
    /// A cell of a sheet holds an error, such as `#REF!`.
    ErrorCell,
    /// A formula without a stored value.
    NoStoredValue,
    /// Cells merged over rows; their value is read for each row.
    Merged { first: u32, last: u32 },
    /// A row that is marked as an example; it is not read.
    Example,
    /// The header stands a second time, as a row.
    HeaderAgain,
    /// A packed file that grows beyond the limit (in bytes).
    TooLarge { packed: u64, limit: u64 },
    /// Not even a header line.
    Empty,
    /// The first line names no column of the table. `separator`: what seems to stand between the fields instead of a comma.
    NoHeader { separator: Option<char> },
    /// The column stands twice in the header.
    DuplicateHeader { first: u32 },
    /// A column that must be there is not.
    MissingColumn,
    /// The table has no such column; it is not read.
    UnknownColumn,
    /// The file is no table; it is not read.
    UnknownFile,
    /// A quoted field does not end.
    OpenQuote,
    /// There is text between the closing quote of a field and the next comma.
    TextAfterQuote,
    /// The row has another number of fields than the header.
    Fields { found: usize, header: usize },
    /// A NUL character.
    Nul,
    /// Nothing where something must be.
    Blank,
    /// Not a number; `float` if a fraction is allowed.
    NotANumber { float: bool },
    /// A number that the type does not hold.
    NumberRange { min: i64, max: i64 },
    /// Not of the form of a date.
    NotADate,
    /// No such day in the calendar.
    NoSuchDay,
    /// A year before 1900 or after 2100.
    DateRange,
    /// Not a code of the list.
    UnknownCode { list: String },
    /// A code that only rules may produce.
    DerivedCode { list: String },
    /// Not of the form that the type asks for.
    Pattern { pattern: String },
    /// Blanks around the value, taken away.
    Blanks,
    /// Another row has the same key.
    DuplicateKey { columns: Vec<String>, line: u32 },
    /// Another row is the same in all columns.
    DuplicateRow { line: u32 },
    /// No row of the table (a file, or a relation whose facts stand in the rules) has these values in these columns.
    Dangling { table: String, columns: Vec<String> },
    /// The only rows that have these values were rejected.
    RefersToRejected { file: Arc<str>, line: u32 },
    /// The first date is after the second.
    Order { first: String, second: String, first_value: String, second_value: String },
    /// Dates of the data touch years for which no day off is on file.
    YearsWithoutHolidays { years: Vec<i32> },
}

impl Problem {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Problem::FolderMissing | Problem::NotAFolder => "E0501",
            Problem::Unreadable { .. } => "E0502",
            Problem::NeededMissing => "E0503",
            Problem::Undecodable { .. } => "E0504",
            Problem::Twice { .. } => "E0515",
            Problem::Damaged { .. } | Problem::Codec { .. } | Problem::OtherForm { .. } => "E0516",
            Problem::ColumnKind { .. } | Problem::NotText => "E0500",
            Problem::TooLarge { .. } => "E0517",
            Problem::WhichSheet { .. } => "E0518",
            Problem::Mixed { .. } => "E0519",
            Problem::ErrorCell | Problem::NoStoredValue => "E0530",
            Problem::HeaderAgain => "E0533",
            Problem::Merged { .. } => "W0536",
            Problem::Example => "W0537",
            Problem::Empty => "E0505",
            Problem::NoHeader { .. } => "E0506",
            Problem::DuplicateHeader { .. } => "E0507",
            Problem::MissingColumn => "E0508",
            Problem::UnknownColumn => "W0509",
            Problem::UnknownFile => "W0510",
            Problem::OpenQuote => "E0511",
            Problem::TextAfterQuote => "E0512",
            Problem::Fields { .. } => "E0513",
            Problem::Nul => "E0514",
            Problem::Blank => "E0520",
            Problem::NotANumber { .. } => "E0521",
            Problem::NumberRange { .. } => "E0522",
            Problem::NotADate => "E0523",
            Problem::NoSuchDay => "E0524",
            Problem::DateRange => "E0525",
            Problem::UnknownCode { .. } => "E0526",
            Problem::DerivedCode { .. } => "E0527",
            Problem::Pattern { .. } => "E0528",
            Problem::Blanks => "W0529",
            Problem::DuplicateKey { .. } => "E0540",
            Problem::DuplicateRow { .. } => "E0541",
            Problem::Dangling { .. } => "E0542",
            Problem::RefersToRejected { .. } => "E0543",
            Problem::Order { .. } => "E0544",
            Problem::YearsWithoutHolidays { .. } => "W0550",
        }
    }

    /// Whether leaving out the row mends it.
    #[must_use]
    pub fn in_row(&self) -> bool {
        !self.is_warning() && self.code() > "E0510" && !("E0515".."E0520").contains(&self.code())
    }

    fn is_warning(&self) -> bool {
        self.code().starts_with('W')
    }
}

/// A word that was probably meant, or may be written instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub text: String,
    /// Its label in Chinese; may be empty.
    pub zh: String,
    /// Its label in English; may be empty.
    pub en: String,
}

impl Choice {
    /// A word without labels.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), zh: String::new(), en: String::new() }
    }
}

/// One defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
    /// What was found, as written; `None` if the problem concerns no value.
    pub value: Option<String>,
    /// What may be written instead, if the choice is small.
    pub expected: Vec<Choice>,
    /// What was probably meant.
    pub nearest: Option<Choice>,
}

impl Defect {
    /// A defect without value and choices.
    #[must_use]
    pub fn new(place: Place, problem: Problem) -> Self {
        Self { place, problem, value: None, expected: Vec::new(), nearest: None }
    }

    /// With the value that was found.
    #[must_use]
    pub fn found(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// With what was probably meant.
    #[must_use]
    pub fn meant(mut self, nearest: Option<Choice>) -> Self {
        self.nearest = nearest;
        self
    }

    /// Stable code, such as `E0526`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// Error or warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.problem.is_warning() { Severity::Warning } else { Severity::Error }
    }
}

/// Defects in the order of files and lines: of each kind and file the first few, of the rest the number.
#[derive(Clone, Debug, Default)]
pub struct Defects {
    list: Vec<Defect>,
    total: BTreeMap<(Arc<str>, &'static str), usize>,
}

impl Defects {
    /// Those that are kept.
    #[must_use]
    pub fn list(&self) -> &[Defect] {
        &self.list
    }

    /// Number of all, kept or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total.values().sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total.is_empty()
    }

    /// File, code and number of the defects that are not in the list.
    pub fn more(&self) -> impl Iterator<Item = (&str, &'static str, usize)> {
        let mut kept: BTreeMap<(&str, &'static str), usize> = BTreeMap::new();
        for d in &self.list {
            *kept.entry((&d.place.file, d.code())).or_default() += 1;
        }
        self.total.iter().filter_map(move |((file, code), n)| {
            let k = kept.get(&(file.as_ref(), *code)).copied().unwrap_or(0);
            (*n > k).then_some((file.as_ref(), *code, n - k))
        })
    }

    /// Adds one, or only counts it when the limit of its kind is reached. `make` is called only if it is kept.
    pub(crate) fn add(&mut self, limit: usize, file: &Arc<str>, code: &'static str, make: impl FnOnce() -> Defect) {
        let n = match self.total.get_mut(&(file.clone(), code)) {
            Some(n) => n,
            None => self.total.entry((file.clone(), code)).or_default(),
        };
        *n += 1;
        if *n <= limit {
            let d = make();
            debug_assert_eq!((d.code(), &d.place.file), (code, file));
            self.list.push(d);
        }
    }

    /// Adds a made one.
    pub(crate) fn push(&mut self, limit: usize, d: Defect) {
        let (file, code) = (d.place.file.clone(), d.code());
        self.add(limit, &file, code, || d);
    }

    /// Number of one kind in one file.
    pub(crate) fn count(&self, file: &Arc<str>, code: &'static str) -> usize {
        self.total.get(&(file.clone(), code)).copied().unwrap_or(0)
    }

    /// Takes over others; of each kind and file no more than `limit` are kept.
    pub(crate) fn absorb(&mut self, limit: usize, other: Defects) {
        let mut more: BTreeMap<(Arc<str>, &'static str), usize> = other.total;
        for d in other.list {
            let key = (d.place.file.clone(), d.code());
            if let Some(n) = more.get_mut(&key) {
                *n -= 1;
            }
            self.push(limit, d);
        }
        for (key, n) in more.into_iter().filter(|(_, n)| *n > 0) {
            *self.total.entry(key).or_default() += n;
        }
    }

    /// Puts the list into the order of `rank` of files, then lines and fields.
    pub(crate) fn sort(&mut self, rank: impl Fn(&str) -> usize) {
        self.list.sort_by(|a, b| {
            let key = |d: &Defect| (rank(&d.place.file), d.place.clone(), d.code());
            key(a).cmp(&key(b))
        });
    }
}
