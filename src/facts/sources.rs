//! Where tables come from: a folder of CSV files, and texts that come with a rulebook.

use super::bytes::{self, Bytes};
use super::columnar;
use super::decode::{self, Text};
use super::defect::{Choice, Defect, Place, Problem};
use super::header;
use super::load::LoadOptions;
use super::log::Log;
use super::nearest::{fold, nearest};
use super::normal;
use super::part::Conversion;
use super::record::Layout;
use super::schema::{Schema, TableSchema};
use super::sheet::Book;
use rayon::prelude::*;
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What is to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The folder of the casebase, or a workbook with a sheet for each table. In a folder one `<relation>.csv` for each table (or `.tsv`, `.txt`, each perhaps with `.gz`, or `.xlsx`, `.parquet`); the
    /// label of the table will do for its name.
    pub folder: Option<PathBuf>,
    /// Tables that come with the rulebook: name such as `calendar.csv` (a path before it does not matter) and text.
    pub shipped: Vec<(String, Arc<str>)>,
}

/// A file of the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Name.
    pub name: String,
    /// The table it holds.
    pub table: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3 hash of the bytes, in hexadecimal.
    pub hash: String,
    /// Rows, the bad ones too; without the header.
    pub rows: usize,
    /// Encoding: `UTF-8`, `UTF-8 with BOM`, `GB18030`, `UTF-16LE`, ..., or `unknown`.
    pub encoding: &'static str,
    /// Form of the file: `csv`, `tsv`, `xlsx`, `parquet`.
    pub form: &'static str,
    /// The file is packed with gzip.
    pub packed: bool,
    /// Columns of which cells were written in another form.
    pub conversions: Vec<Conversion>,
    /// Comes with the rulebook.
    pub shipped: bool,
}

/// A file that holds a table.
pub(super) struct Gathered {
    pub name: Arc<str>,
    /// Index of the table in the schema.
    pub table: usize,
    pub bytes: Bytes,
    /// The file is a sheet, of that workbook.
    pub sheet: Option<(String, Arc<Hashed>)>,
    /// What the name promises.
    pub layout: Layout,
    pub packed: bool,
    pub shipped: bool,
    /// Size and hash, when first asked for.
    pub hash: OnceLock<Arc<Hashed>>,
}

/// Size and hash of a file.
pub(super) struct Hashed {
    pub bytes: u64,
    pub hash: String,
}

impl Hashed {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, hash: blake3::hash(bytes).to_hex().to_string() }
    }
}

impl Gathered {
    /// A file of the casebase, by itself; how it is laid out, and whether it is packed.
    fn new(name: Arc<str>, table: usize, bytes: Bytes, (layout, packed): (Layout, bool)) -> Self {
        Self { name, table, bytes, sheet: None, layout, packed, shipped: false, hash: OnceLock::new() }
    }

    /// Size and hash of the file; of a sheet those of its workbook.
    pub fn hashed(&self) -> Arc<Hashed> {
        let own = || self.hash.get_or_init(|| Arc::new(Hashed::of(&self.bytes))).clone();
        self.sheet.as_ref().map_or_else(own, |s| s.1.clone())
    }

    /// The text, or what is wrong with it.
    pub fn text(&self, table: &TableSchema, options: &LoadOptions) -> Result<Text<'_>, Box<Defect>> {
        if let Some((text, _)) = &self.sheet {
            return Ok(Text { text: Cow::Borrowed(text), encoding: "UTF-8", layout: Layout::Sheet });
        }
        if self.layout == Layout::Rows {
            let wanted = |name: &str| header::wanted(table, normal::bare(name));
            let text = columnar::read(&self.name, &self.bytes, options.unpacked, &wanted)?;
            return Ok(Text { text: Cow::Owned(text), encoding: "UTF-8", layout: Layout::Rows });
        }
        let bytes = if self.packed {
            let unpacked = decode::unpack(&self.bytes, options.unpacked);
            Cow::Owned(unpacked.map_err(|p| Box::new(Defect::new(whole(&self.name), p)))?)
        } else {
            Cow::Borrowed(&*self.bytes)
        };
        let asked = options.encoding.filter(|_| !self.shipped);
        let (text, encoding) = decode::decode(&self.name, bytes, asked)?;
        let text = decode::with_lines(text);
        Ok(Text { text, encoding, layout: self.layout })
    }
}

/// What was found.
pub(super) struct Found {
    /// Files in the order of the tables, shipped before given.
    pub files: Vec<Gathered>,
    /// Tables of which a file should be there and is not, or cannot be read.
    pub lost: Vec<bool>,
}

fn whole(file: &Arc<str>) -> Place {
    Place { file: file.clone(), ..Place::default() }
}

pub(super) fn gather(sources: &Sources, schema: &Schema, options: &LoadOptions, log: &mut Log) -> Found {
    let mut found = Found { files: Vec::new(), lost: vec![false; schema.tables.len()] };
    for (name, text) in &sources.shipped {
        let stem = Path::new(name).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let name: Arc<str> = Arc::from(name.as_str());
        match schema.tables.iter().position(|t| t.name == stem) {
            Some(table) => {
                let bytes = Bytes::copy_from_slice(text.as_bytes());
                found
                    .files
                    .push(Gathered { shipped: true, ..Gathered::new(name, table, bytes, (Layout::Commas, false)) });
            }
            None => log.push(unknown(schema, &name)),
        }
    }
    let readable = sources.folder.as_deref().is_none_or(|f| {
        let mut g = Gatherer { schema, options, log, found: &mut found };
        if is_workbook(f) && f.is_file() { g.workbook(f) } else { g.folder(f) }
    });
    for (i, t) in schema.tables.iter().enumerate() {
        if t.needed && !found.lost[i] && !found.files.iter().any(|f| f.table == i) {
            found.lost[i] = true;
            if readable && !options.part {
                log.push(Defect::new(whole(&Arc::from(t.file())), Problem::NeededMissing));
            }
        }
    }
    if !readable {
        // Nobody knows what stands in the tables.
        found.lost.iter_mut().for_each(|l| *l = true);
    }
    found.files.sort_by_key(|f| (f.table, !f.shipped));
    found
}

fn is_workbook(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xlsx") || e.eq_ignore_ascii_case("xlsm"))
}

/// Index of a table, and how a file holds it: layout, and whether it is packed.
type Holds = (usize, Layout, bool);

/// The table that a file holds, as its name says.
fn known(schema: &Schema, name: &str, path: &Path) -> Option<Holds> {
    let stem = || path.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default();
    if is_workbook(path) {
        // `~$x.xlsx` is the lock that a spreadsheet program leaves while it has `x.xlsx` open.
        return table(schema, &stem()).map(|t| (t, Layout::Sheet, false));
    }
    decode::by_name(name).and_then(|(stem, layout, packed)| Some((table(schema, stem)?, layout, packed)))
}

struct Gatherer<'a> {
    schema: &'a Schema,
    options: &'a LoadOptions,
    log: &'a mut Log,
    found: &'a mut Found,
}

impl Gatherer<'_> {
    /// Reads the tables of a folder; false if there is no such folder.
    fn folder(&mut self, path: &Path) -> bool {
        let shown = path.to_string_lossy();
        let nowhere = whole(&Arc::from(""));
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(e) => {
                let problem = match e.kind() {
                    std::io::ErrorKind::NotFound => Problem::FolderMissing,
                    std::io::ErrorKind::NotADirectory => Problem::NotAFolder,
                    _ => Problem::Unreadable { reason: e.to_string() },
                };
                let unreadable = matches!(problem, Problem::Unreadable { .. });
                let at = if unreadable { whole(&Arc::from(&*shown)) } else { nowhere };
                self.log.push(Defect::new(at, problem).found(shown));
                return false;
            }
        };
        let mut names: Vec<(String, PathBuf)> = Vec::new();
        for entry in entries {
            match entry {
                Ok(e) => names.push((e.file_name().to_string_lossy().into_owned(), e.path())),
                Err(e) => {
                    let problem = Problem::Unreadable { reason: e.to_string() };
                    self.log.push(Defect::new(whole(&Arc::from(&*shown)), problem));
                }
            }
        }
        names.sort();
        let schema = self.schema;
        let open = |(name, path): &(String, PathBuf)| Some((known(schema, name, path)?, bytes::open(path)));
        let opened: Vec<_> = names.par_iter().map(open).collect();
        for ((name, path), opened) in names.into_iter().zip(opened) {
            self.file(&name, &path, opened);
        }
        true
    }

    /// Takes a file of the folder, if it holds a table: which, and what it read.
    fn file(&mut self, name: &str, path: &Path, opened: Option<(Holds, io::Result<Bytes>)>) {
        let Some(((table, layout, packed), bytes)) = opened else {
            if path.is_file() && !name.starts_with("~$") && stranger(name, self.schema) {
                self.log.push(unknown(self.schema, &Arc::from(name)));
            }
            return;
        };
        let name: Arc<str> = Arc::from(name);
        if self.twice(&name, table) {
            return;
        }
        match bytes {
            Ok(bytes) if is_workbook(path) => self.single(name, table, bytes),
            Ok(bytes) => self.found.files.push(Gathered::new(name, table, bytes, (layout, packed))),
            Err(e) => self.lost(&name, Some(table), Problem::Unreadable { reason: e.to_string() }),
        }
    }

    fn lost(&mut self, name: &Arc<str>, table: Option<usize>, problem: Problem) {
        match table {
            Some(t) => self.found.lost[t] = true,
            None => self.found.lost.iter_mut().for_each(|l| *l = true),
        }
        self.log.push(Defect::new(whole(name), problem));
    }

    /// Whether the table has a file already; reported if so.
    fn twice(&mut self, name: &Arc<str>, table: usize) -> bool {
        let first = self.found.files.iter().find(|f| f.table == table && !f.shipped).map(|f| f.name.to_string());
        match first {
            None => false,
            Some(first) => {
                self.lost(name, Some(table), Problem::Twice { first });
                true
            }
        }
    }

    /// A workbook that holds one table: its sheet of that name, or its only one.
    fn single(&mut self, name: Arc<str>, wanted: usize, bytes: Bytes) {
        let hashed = Arc::new(Hashed::of(&bytes));
        let mut book = match Book::open(&name, bytes, self.options.unpacked) {
            Ok(book) => book,
            Err(p) => return self.lost(&name, Some(wanted), p),
        };
        let mut sheets = book.sheets();
        if let Some(own) = sheets.iter().find(|s| table(self.schema, s.trim()) == Some(wanted)) {
            sheets = vec![own.clone()];
        } else if sheets.len() > 1 {
            sheets.retain(|s| !book.is_empty(s));
        }
        match &sheets[..] {
            [one] => self.sheet(&mut book, one, wanted, &hashed),
            _ => self.lost(&name, Some(wanted), Problem::WhichSheet { sheets }),
        }
    }

    /// A workbook in place of the folder; false if it cannot be read.
    fn workbook(&mut self, path: &Path) -> bool {
        let name: Arc<str> = Arc::from(path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default());
        let opened = bytes::open(path).map_err(|e| Problem::Unreadable { reason: e.to_string() });
        let opened = opened.and_then(|b| {
            let hashed = Arc::new(Hashed::of(&b));
            Ok((hashed, Book::open(&name, b, self.options.unpacked)?))
        });
        let (hashed, mut book) = match opened {
            Ok(found) => found,
            Err(p) => {
                self.lost(&name, None, p);
                return false;
            }
        };
        for sheet in book.sheets() {
            let at = book.place_name(&sheet);
            match table(self.schema, sheet.trim()) {
                Some(table) if self.twice(&at, table) => {}
                Some(table) => self.sheet(&mut book, &sheet, table, &hashed),
                None if book.is_empty(&sheet) => {}
                None => {
                    let mut d = unknown(self.schema, &Arc::from(sheet.as_str()));
                    d.place.file = at;
                    self.log.push(d);
                }
            }
        }
        true
    }

    fn sheet(&mut self, book: &mut Book, sheet: &str, table: usize, hashed: &Arc<Hashed>) {
        let name = book.place_name(sheet);
        let flaws = self.log.errors.total();
        match book.read(sheet, self.log) {
            Ok(text) => {
                // Cells that hold no value are reported here; rows are missing values, not references.
                self.found.lost[table] |= self.log.errors.total() > flaws;
                let file = Gathered::new(name, table, Bytes::new(), (Layout::Sheet, false));
                self.found.files.push(Gathered { sheet: Some((text, hashed.clone())), ..file });
            }
            Err(p) => self.lost(&name, Some(table), p),
        }
    }
}

/// The table that a file or sheet of that name holds: by name, or by label.
pub(super) fn table(schema: &Schema, stem: &str) -> Option<usize> {
    let by_name = schema.tables.iter().position(|t| t.name == stem);
    by_name.or_else(|| {
        let folded = fold(stem);
        let labelled = |l: &Option<String>| l.as_deref().is_some_and(|l| fold(l) == folded);
        schema.tables.iter().position(|t| fold(&t.name) == folded || labelled(&t.zh) || labelled(&t.en))
    })
}

/// Whether a file that is no table deserves a warning. Hidden files are the system's; notes may lie beside the tables.
fn stranger(name: &str, schema: &Schema) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let notes = matches!(extension.to_ascii_lowercase().as_str(), "md" | "txt");
    let near = || nearest(stem, schema.tables.iter().map(|t| t.name.as_str())).is_some();
    // An import leaves its account beside the tables.
    let account = matches!(name, "unmapped.csv" | "import.json");
    !name.starts_with('.') && !account && (!notes || near())
}

fn unknown(schema: &Schema, name: &Arc<str>) -> Defect {
    let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = stem.rsplit_once('.').map_or(stem, |(s, _)| s);
    let known = table(schema, stem).and_then(|t| schema.tables.get(t));
    let near = || nearest(stem, schema.tables.iter().map(|t| t.name.as_str())).and_then(|n| schema.table(n));
    let meant = known.or_else(near).map(|t| Choice {
        text: if name.contains('.') { t.file() } else { t.name.clone() },
        zh: t.zh.clone().unwrap_or_default(),
        en: t.en.clone().unwrap_or_default(),
    });
    Defect::new(whole(name), Problem::UnknownFile).found(&**name).meant(meant)
}
