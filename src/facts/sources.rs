//! Where tables come from: a folder of CSV files, and texts that come with a rulebook.

use super::defect::{Choice, Defect, Encoding, Place, Problem};
use super::log::Log;
use super::map::{self, Bytes};
use super::nearest::nearest;
use super::schema::Schema;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be loaded.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The folder of the casebase, one `<relation>.csv` for each table.
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
    /// Encoding: `UTF-8`, `UTF-8 with BOM`, or `unknown`.
    pub encoding: &'static str,
    /// Comes with the rulebook.
    pub shipped: bool,
}

/// A file that holds a table.
pub(super) struct Gathered {
    pub name: Arc<str>,
    /// Index of the table in the schema.
    pub table: usize,
    pub bytes: Bytes,
    pub shipped: bool,
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

pub(super) fn gather(sources: &Sources, schema: &Schema, log: &mut Log) -> Found {
    let mut found = Found { files: Vec::new(), lost: vec![false; schema.tables.len()] };
    for (name, text) in &sources.shipped {
        let stem = Path::new(name).file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let name: Arc<str> = Arc::from(name.as_str());
        match schema.tables.iter().position(|t| t.name == stem) {
            Some(table) => {
                let bytes = Bytes::Read(text.as_bytes().to_vec());
                found.files.push(Gathered { name, table, bytes, shipped: true });
            }
            None => log.push(unknown(schema, &name)),
        }
    }
    let readable = sources.folder.as_deref().is_none_or(|f| folder(f, schema, log, &mut found));
    for (i, t) in schema.tables.iter().enumerate() {
        if t.needed && !found.lost[i] && !found.files.iter().any(|f| f.table == i) {
            found.lost[i] = true;
            if readable {
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

/// Reads the tables of a folder; false if there is no such folder.
fn folder(path: &Path, schema: &Schema, log: &mut Log, found: &mut Found) -> bool {
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
            let at = if matches!(problem, Problem::Unreadable { .. }) { whole(&Arc::from(&*shown)) } else { nowhere };
            log.push(Defect::new(at, problem).found(shown));
            return false;
        }
    };
    let mut names: Vec<(String, PathBuf)> = Vec::new();
    for entry in entries {
        match entry {
            Ok(e) => names.push((e.file_name().to_string_lossy().into_owned(), e.path())),
            Err(e) => {
                let problem = Problem::Unreadable { reason: e.to_string() };
                log.push(Defect::new(whole(&Arc::from(&*shown)), problem));
            }
        }
    }
    names.sort();
    for (name, path) in names {
        let table = name.strip_suffix(".csv").and_then(|stem| schema.tables.iter().position(|t| t.name == stem));
        let Some(table) = table else {
            if path.is_file() && stranger(&name, schema) {
                log.push(unknown(schema, &Arc::from(name.as_str())));
            }
            continue;
        };
        let name: Arc<str> = Arc::from(name.as_str());
        match map::open(&path) {
            Ok(bytes) => found.files.push(Gathered { name, table, bytes, shipped: false }),
            Err(e) => {
                found.lost[table] = true;
                log.push(Defect::new(whole(&name), Problem::Unreadable { reason: e.to_string() }));
            }
        }
    }
    true
}

/// Whether a file that is no table deserves a warning. Hidden files are the system's; notes may lie beside the tables.
fn stranger(name: &str, schema: &Schema) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let notes = matches!(extension.to_ascii_lowercase().as_str(), "md" | "txt");
    let near = || nearest(stem, schema.tables.iter().map(|t| t.name.as_str())).is_some();
    !name.starts_with('.') && (!notes || near())
}

fn unknown(schema: &Schema, name: &Arc<str>) -> Defect {
    let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = stem.rsplit_once('.').map_or(stem, |(s, _)| s);
    let labelled = schema.tables.iter().find(|t| t.zh.as_deref() == Some(stem) || t.en.as_deref() == Some(stem));
    let near = || nearest(stem, schema.tables.iter().map(|t| t.name.as_str())).and_then(|n| schema.table(n));
    let meant = labelled.or_else(near).map(|t| Choice {
        text: t.file(),
        zh: t.zh.clone().unwrap_or_default(),
        en: t.en.clone().unwrap_or_default(),
    });
    Defect::new(whole(name), Problem::UnknownFile).found(&**name).meant(meant)
}

/// The text of a file, or what is wrong with it.
pub(super) fn text<'a>(name: &Arc<str>, bytes: &'a [u8]) -> Result<&'a str, Box<Defect>> {
    std::str::from_utf8(bytes).map_err(|e| {
        let offset = e.valid_up_to();
        let line = memchr::memchr_iter(b'\n', &bytes[..offset]).count() as u32 + 1;
        let problem = Problem::NotUtf8 { offset, looks: looks(bytes) };
        Box::new(Defect::new(Place { file: name.clone(), line, ..Place::default() }, problem))
    })
}

/// What bytes that are not UTF-8 look like.
fn looks(bytes: &[u8]) -> Encoding {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Encoding::Utf16;
    }
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        let next = |n: usize| bytes.get(i + n).copied();
        i += match (b, next(1)) {
            (0..=0x7f, _) => 1,
            (0x81..=0xfe, Some(0x40..=0x7e | 0x80..=0xfe)) => 2,
            (0x81..=0xfe, Some(b'0'..=b'9'))
                if matches!((next(2), next(3)), (Some(0x81..=0xfe), Some(b'0'..=b'9'))) =>
            {
                4
            }
            _ => return Encoding::Other,
        };
    }
    Encoding::Gbk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        // "a,姓名" in GBK.
        assert_eq!(looks(b"a,\xd0\xd5\xc3\xfb\n"), Encoding::Gbk);
        assert_eq!(looks(b"\xff\xfea\0"), Encoding::Utf16);
        assert_eq!(looks(b"caf\xe9\n"), Encoding::Other);
        let name: Arc<str> = Arc::from("t.csv");
        let d = text(&name, b"a,b\n1,\xd0\xd5\n").expect_err("not UTF-8");
        assert_eq!(d.place.line, 2);
        assert_eq!(d.problem, Problem::NotUtf8 { offset: 6, looks: Encoding::Gbk });
        assert_eq!(text(&name, "一".as_bytes()), Ok("一"));
        assert!(matches!(
            text(&name, &"一".as_bytes()[..2]).expect_err("cut").problem,
            Problem::NotUtf8 { offset: 0, .. }
        ));
    }
}
