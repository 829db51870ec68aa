//! One table in one Arrow IPC file, read block by block.
//!
//! The footer of a file carries, beside what Arrow puts there, the first key of every block and a hash of its head, and the head
//! ends with a hash of each column: so a row is found by its first column with one read, columns are read without the others,
//! and damage is found where it is read. Other programs ignore all three.

pub use super::block::{Block, Cell, cell, constant, order};
pub use super::write::{BLOCK, Blocks, CODES_AT_MOST, Part, Writer};
use super::{Trouble, short};
pub use crate::engine::look::Look;
use crate::engine::symbol::Symbols;
use crate::engine::value::Word;
use crate::lang::program::{Program, Relation};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::FileDecoder;
use arrow_schema::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Keys of the footer's entries.
pub(super) const FENCES: &str = "zhuize.fences";
pub(super) const HASHES: &str = "zhuize.hashes";
pub(super) const CODES: &str = "zhuize.codes";
pub(super) const HEAD: &str = "zhuize.head";

/// What says that no further message follows.
pub(super) const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What its values are.
    pub look: Look,
    /// Its texts, of which there are few, stand once in the file, and its cells say which.
    pub coded: bool,
}

impl Column {
    /// A column whose cells say what they say.
    #[must_use]
    pub fn plain(name: &str, look: Look) -> Self {
        Self { name: name.to_owned(), look, coded: false }
    }
}

/// The columns of a relation.
#[must_use]
pub fn columns(program: &Program, relation: &Relation) -> Vec<Column> {
    relation.columns.iter().map(|c| Column::plain(&c.name, Look::of(program, c.ty))).collect()
}

/// The Arrow type of coded columns.
pub(super) fn coded() -> DataType {
    DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
}

/// The schema of a file in which coded columns have this type.
pub(super) fn schema(columns: &[Column], coded: &DataType) -> Schema {
    let field = |c: &Column| {
        let (ty, null) = match c.look {
            Look::Text if c.coded => (coded.clone(), false),
            Look::Text => (DataType::Utf8, false),
            Look::Date => (DataType::Date32, true),
            Look::Number => (DataType::Int32, true),
            Look::Unsigned => (DataType::UInt32, false),
            Look::Float => (DataType::Float32, false),
        };
        Field::new(&c.name, ty, null)
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

/// What is known of a finished file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Hash of the footer, which holds the hashes of the blocks.
    pub footer: String,
}

/// Beginning of the hash of some bytes, in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    short(&blake3::hash(bytes))
}

/// Bytes of the hash of a column of a block.
pub(super) const HASH: usize = 8;

/// Beginning of the hash of a column of a block.
pub(super) fn column_hash(bytes: &[u8]) -> [u8; HASH] {
    let mut out = [0; HASH];
    out.copy_from_slice(&blake3::hash(bytes).as_bytes()[..HASH]);
    out
}

/// Where the columns of a block lie in a body of that length, one behind the other; `None` if it has others.
pub(super) fn spans<'t>(
    message: &arrow_ipc::Message<'_>,
    types: impl Iterator<Item = &'t DataType>,
    length: usize,
) -> Option<Vec<Range<usize>>> {
    let buffers = message.header_as_record_batch()?.buffers()?;
    let mut next = 0;
    let mut starts = Vec::new();
    for ty in types {
        starts.push(usize::try_from((next < buffers.len()).then(|| buffers.get(next))?.offset()).ok()?);
        // Which are blank, where texts end, and the values.
        next += if *ty == DataType::Utf8 { 3 } else { 2 };
    }
    let sorted =
        starts.first().is_none_or(|s| *s == 0) && starts.is_sorted() && starts.last().is_none_or(|s| *s <= length);
    (sorted && next == buffers.len()).then(|| {
        let ends = starts.iter().copied().skip(1).chain([length]);
        starts.iter().copied().zip(ends).map(|(a, b)| a..b).collect()
    })
}

/// The cells of a row of words.
pub fn cells<'a>(columns: &'a [Column], row: &'a [Word], symbols: &'a Symbols) -> impl Iterator<Item = Cell<'a>> + 'a {
    columns.iter().zip(row).map(|(c, w)| match c.look {
        Look::Text => Cell::Text(symbols.resolve(*w)),
        _ => Cell::Word(*w),
    })
}

/// Size of a file, and its footer.
fn footer(file: &File, path: &Path) -> Result<(u64, Vec<u8>), Trouble> {
    let bad = |what: &str| Trouble::Damaged(path.to_owned(), what.to_owned());
    let size = file.metadata().map_err(|e| Trouble::io(path, e))?.len();
    let mut tail = [0; 10];
    let at = size.checked_sub(10).ok_or_else(|| bad("too short"))?;
    file.read_exact_at(&mut tail, at).map_err(|e| Trouble::io(path, e))?;
    let length =
        arrow_ipc::reader::read_footer_length(tail).map_err(|_| bad("it does not end as an Arrow file ends"))?;
    let from = at.checked_sub((length + END.len()) as u64).ok_or_else(|| bad("its footer is longer than the file"))?;
    let mut footer = vec![0; END.len() + length];
    file.read_exact_at(&mut footer, from).map_err(|e| Trouble::io(path, e))?;
    if footer.drain(..END.len()).ne(END) {
        return Err(bad("its rows do not end as they were written"));
    }
    Ok((size, footer))
}

/// The texts of coded columns, read when the first block is.
#[derive(Debug)]
struct Codes {
    schema: Schema,
    version: arrow_ipc::MetadataVersion,
    places: Vec<arrow_ipc::Block>,
    hashes: Vec<String>,
    /// By column.
    texts: Mutex<Option<Arc<Vec<Option<StringArray>>>>>,
}

/// Some columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    decoder: FileDecoder,
    has: Vec<usize>,
}

/// A finished file.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    file: File,
    /// As blocks are decoded: the numbers of a coded column are numbers.
    plain: Arc<Schema>,
    all: Columns,
    blocks: Vec<arrow_ipc::Block>,
    fences: Vec<String>,
    hashes: Vec<String>,
    looks: Vec<Look>,
    codes: Codes,
    read: Mutex<Vec<Option<Arc<Block>>>>,
}

impl Table {
    /// Opens a file that has that entry.
    ///
    /// # Errors
    /// When it is not there, or not as it was written.
    pub fn open(path: &Path, entry: &Entry) -> Result<Self, Trouble> {
        let bad = |what: &str| Trouble::Damaged(path.to_owned(), what.to_owned());
        let file = File::open(path).map_err(|e| Trouble::io(path, e))?;
        let (size, bytes) = footer(&file, path)?;
        if size != entry.bytes || digest(&bytes) != entry.footer {
            return Err(bad("its footer is not the one that was written"));
        }
        let footer = arrow_ipc::root_as_footer(&bytes).map_err(|e| bad(&e.to_string()))?;
        let schema = footer.schema().ok_or_else(|| bad("no schema"))?;
        let schema = arrow_ipc::convert::try_fb_to_schema(schema).map_err(|e| bad(&e.to_string()))?;
        let looks: Option<Vec<Look>> = schema.fields().iter().map(|f| look(f.data_type())).collect();
        let looks = looks.ok_or_else(|| bad("a column of a type that is not ours"))?;
        let note = |key: &str| -> Option<Vec<String>> {
            let pairs = footer.custom_metadata()?;
            let text = pairs.iter().find(|p| p.key() == Some(key))?.value()?;
            serde_json::from_str(text).ok()
        };
        let (Some(fences), Some(hashes), Some(codes)) = (note(FENCES), note(HASHES), note(CODES)) else {
            return Err(bad("no keys of its blocks"));
        };
        // We go by the footer alone; who reads the file from its beginning goes by the head.
        let mut head = note(HEAD).unwrap_or_default().into_iter();
        let (hash, length) = (head.next(), head.next().and_then(|l| l.parse().ok()).unwrap_or(0).min(size));
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0).map_err(|e| Trouble::io(path, e))?;
        if hash != Some(digest(&bytes)) {
            return Err(bad("its beginning is not the one that was written"));
        }
        let blocks: Vec<_> = footer.recordBatches().iter().flatten().copied().collect();
        let places = footer.dictionaries().iter().flatten().copied().collect();
        let number = |f: &Arc<Field>| match f.data_type() {
            DataType::Dictionary(..) => Arc::new(Field::new(f.name(), DataType::UInt16, false)),
            _ => Arc::clone(f),
        };
        let plain = Schema::new(schema.fields().iter().map(number).collect::<Vec<_>>());
        let plain = Arc::new(plain);
        let decoder = FileDecoder::new(Arc::clone(&plain), footer.version());
        let all = Columns { decoder, has: (0..looks.len()).collect() };
        let codes = Codes { schema, version: footer.version(), places, hashes: codes, texts: Mutex::default() };
        let read = Mutex::new(vec![None; blocks.len()]);
        Ok(Self { path: path.to_owned(), file, plain, all, blocks, fences, hashes, looks, codes, read })
    }

    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// First key of a block.
    #[must_use]
    pub fn fence(&self, i: usize) -> &str {
        &self.fences[i]
    }

    /// The blocks that may hold rows with keys from one up to another, which is excluded.
    pub(super) fn range(&self, (from, to): (Option<&str>, Option<&str>)) -> Range<usize> {
        // The rows of a key may begin at the end of the block before the first that begins with it.
        let first = from.map_or(0, |k| self.fences.partition_point(|f| f.as_str() < k).saturating_sub(1));
        let last = to.map_or(self.blocks.len(), |k| self.fences.partition_point(|f| f.as_str() < k));
        first..last.max(first)
    }

    /// Whether all rows of a block have keys from one up to another, which is excluded.
    pub(super) fn inside(&self, i: usize, (from, to): (Option<&str>, Option<&str>)) -> bool {
        // The last row of a block may have the first key of the next.
        from.is_none_or(|k| self.fences[i].as_str() >= k)
            && to.is_none_or(|k| self.fences.get(i + 1).is_some_and(|f| f.as_str() < k))
    }

    /// Number of columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.looks.len()
    }

    /// Kinds of the columns.
    #[must_use]
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// Reads a block, and keeps it.
    ///
    /// # Errors
    /// When its bytes are not those that were written.
    pub fn block(&self, i: usize) -> Result<Arc<Block>, Trouble> {
        let lock = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = &lock()[i] {
            return Ok(Arc::clone(block));
        }
        let block = Arc::new(self.fresh(i)?);
        lock()[i] = Some(Arc::clone(&block));
        Ok(block)
    }

    /// Reads a block, and does not keep it.
    ///
    /// # Errors
    /// When its bytes are not those that were written.
    pub fn fresh(&self, i: usize) -> Result<Block, Trouble> {
        self.some(i, &self.all)
    }

    /// Some columns, for [`Table::some`].
    pub(super) fn columns(&self, has: Vec<usize>) -> Columns {
        let decoder = FileDecoder::new(Arc::clone(&self.plain), self.codes.version);
        Columns { decoder: decoder.with_projection(has.clone()), has }
    }

    /// Reads some columns of a block; the others look as if they held nothing.
    ///
    /// # Errors
    /// When their bytes are not those that were written.
    pub(super) fn some(&self, i: usize, columns: &Columns) -> Result<Block, Trouble> {
        let bad = |what: &str| Trouble::Damaged(self.path.clone(), format!("block {}: {what}", i + 1));
        let changed = || bad("its bytes are not those that were written");
        let at = &self.blocks[i];
        let (head, body) = (at.metaDataLength() as usize, at.bodyLength() as usize);
        let mut bytes = vec![0; head + body];
        let read = |part: &mut [u8], from: usize| {
            let from = at.offset() as u64 + from as u64;
            self.file.read_exact_at(part, from).map_err(|e| Trouble::io(&self.path, e))
        };
        let all = columns.has.len() == self.looks.len();
        read(if all { &mut bytes } else { &mut bytes[..head] }, 0)?;
        let (head, body) = bytes.split_at_mut(head);
        if self.hashes.get(i) != Some(&digest(head)) {
            return Err(changed());
        }
        let message = head.get(8..).and_then(|m| arrow_ipc::root_as_message(m).ok());
        let types = self.plain.fields().iter().map(|f| f.data_type());
        let spans = message.and_then(|m| spans(&m, types, body.len())).ok_or_else(|| bad("it has other columns"))?;
        let hashes = head.len().checked_sub(HASH * spans.len()).map(|at| &head[at..]);
        let hashes = hashes.ok_or_else(|| bad("its columns have no hashes"))?;
        for (n, column) in columns.has.iter().enumerate() {
            let span = &spans[*column];
            let before = n > 0 && columns.has[n - 1] + 1 == *column;
            if !all && !before {
                // Columns that stand side by side are read at once.
                let last = columns.has[n..].iter().zip(*column..).take_while(|(a, b)| **a == *b).count() - 1;
                let whole = span.start..spans[column + last].end;
                read(&mut body[whole.clone()], head.len() + whole.start)?;
            }
            if column_hash(&body[span.clone()]) != hashes[HASH * column..][..HASH] {
                return Err(changed());
            }
        }
        let buffer = Buffer::from_vec(bytes);
        let batch = columns.decoder.read_record_batch(at, &buffer).map_err(|e| bad(&e.to_string()))?;
        let batch = batch.ok_or_else(|| bad("no rows"))?;
        Block::new(&batch, columns.has.iter().copied(), &self.looks, &self.texts()?)
            .ok_or_else(|| bad("a text that is not there"))
    }

    /// The bytes of a message that has that hash.
    fn message(
        &self,
        at: &arrow_ipc::Block,
        hash: Option<&String>,
        bad: &dyn Fn(&str) -> Trouble,
    ) -> Result<Buffer, Trouble> {
        let length = at.metaDataLength() as u64 + at.bodyLength() as u64;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at.offset() as u64).map_err(|e| Trouble::io(&self.path, e))?;
        if hash != Some(&digest(&bytes)) {
            return Err(bad("its bytes are not those that were written"));
        }
        Ok(Buffer::from_vec(bytes))
    }

    /// By column: the texts of a coded one.
    pub(super) fn texts(&self) -> Result<Arc<Vec<Option<StringArray>>>, Trouble> {
        let mut known = self.codes.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(texts) = &*known {
            return Ok(Arc::clone(texts));
        }
        let mut found: HashMap<i64, ArrayRef> = HashMap::new();
        let mut ids = Vec::new();
        for (i, at) in self.codes.places.iter().enumerate() {
            let bad = |what: &str| Trouble::Damaged(self.path.clone(), format!("texts {}: {what}", i + 1));
            let buffer = self.message(at, self.codes.hashes.get(i), &bad)?;
            // Before the message stand a mark and its length.
            let head = buffer.get(8..at.metaDataLength() as usize).ok_or_else(|| bad("no message"))?;
            let message = arrow_ipc::root_as_message(head).map_err(|e| bad(&e.to_string()))?;
            let texts = message.header_as_dictionary_batch().ok_or_else(|| bad("no texts"))?;
            ids.push(texts.id());
            let body = buffer.slice(at.metaDataLength() as usize);
            let (schema, version) = (&self.codes.schema, &self.codes.version);
            arrow_ipc::reader::read_dictionary(&body, texts, schema, &mut found, version)
                .map_err(|e| bad(&e.to_string()))?;
        }
        // They stand in the order of the columns.
        let mut ids = ids.into_iter();
        let of = |f: &Arc<Field>| {
            let coded = matches!(f.data_type(), DataType::Dictionary(..));
            coded.then(|| Some(found.get(&ids.next()?)?.as_string_opt::<i32>()?.clone()))
        };
        let texts: Vec<Option<Option<StringArray>>> = self.codes.schema.fields().iter().map(of).collect();
        let lacks = || Trouble::Damaged(self.path.clone(), "it lacks texts of a column".to_owned());
        let texts = texts.into_iter().map(|t| t.map(|t| t.ok_or_else(lacks)).transpose());
        let texts = Arc::new(texts.collect::<Result<Vec<_>, _>>()?);
        *known = Some(Arc::clone(&texts));
        Ok(texts)
    }

    /// Calls for every row whose first column is that key, until told to stop.
    ///
    /// # Errors
    /// When a block is not as it was written.
    pub fn with_key(
        &self,
        key: Cell<'_>,
        mut visit: impl FnMut(&Block, usize) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let below = |fence: &String| match key {
            Cell::Text(t) => fence.as_str() < t,
            Cell::Word(w) => fence.parse::<Word>().is_ok_and(|f| f < w),
        };
        // The rows of a key may begin at the end of the block before the first that begins with it.
        let mut i = self.fences.partition_point(below).saturating_sub(1);
        while i < self.blocks.len() {
            let block = self.block(i)?;
            let from = block.lower(key);
            for row in from..block.len() {
                if order(block.get(row, 0), key).is_ne() {
                    return Ok(());
                }
                visit(&block, row)?;
            }
            i += 1;
        }
        Ok(())
    }
}

fn look(ty: &DataType) -> Option<Look> {
    Some(match ty {
        DataType::Utf8 => Look::Text,
        ty if *ty == coded() => Look::Text,
        DataType::Date32 => Look::Date,
        DataType::Int32 => Look::Number,
        DataType::UInt32 => Look::Unsigned,
        DataType::Float32 => Look::Float,
        _ => return None,
    })
}
