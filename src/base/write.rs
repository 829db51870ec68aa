//! A file of a base in the making.
//!
//! Rows become blocks on any thread; one writer puts the blocks of a file one behind the other. Texts of a coded column stand once,
//! in a dictionary at the end of the file, and its cells say which. Each thread numbers the texts it meets; the writer turns these
//! numbers into those of the file, which go by the order of the rows.

use super::Trouble;
use super::block::Cell;
use super::file::{self, Column, Entry, digest};
use super::short;
use crate::bulk::behind::Behind;
use crate::bulk::hashing::Hashing;
use crate::engine::look::Look;
use crate::engine::value::{self, Word};
use crate::lang::date::BLANK;
use arrow_array::builder::{Date32Builder, Float32Builder, Int32Builder, StringBuilder, UInt32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt16Type, UInt32Type};
use arrow_array::{
    ArrayRef, DictionaryArray, RecordBatch, RecordBatchOptions, StringArray, UInt16Array, new_empty_array,
};
use arrow_ipc::convert::{IpcSchemaEncoder, metadata_to_fb};
use arrow_ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use flatbuffers::FlatBufferBuilder;
use rustc_hash::FxHashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a block, in all blocks but the last.
pub const BLOCK: usize = 1024;
/// What messages and their parts are filled up to a multiple of.
const ALIGNMENT: u8 = 64;
/// Texts of a coded column, at most.
pub const CODES_AT_MOST: usize = 1 << 16;

/// How a file of the Arrow IPC format begins; its last bytes are the first six of these.
const MAGIC: [u8; 64] = {
    let mut m = [0; 64];
    m.split_at_mut(6).0.copy_from_slice(b"ARROW1");
    m
};

/// Some blocks of a file.
#[derive(Debug)]
pub struct Part {
    /// First key of each block, and its rows; cells of coded columns are places in `texts`.
    blocks: Vec<(String, RecordBatch)>,
    /// By column: the texts of a coded one.
    texts: Vec<Vec<Box<str>>>,
}

/// Rows on their way to a file, in blocks.
#[derive(Debug)]
pub struct Blocks {
    schema: Arc<Schema>,
    done: Vec<(String, RecordBatch)>,
    pending: Vec<Build>,
    waiting: usize,
    fence: String,
}

impl Blocks {
    /// No rows of these columns.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        let pending = columns.iter().map(Build::new).collect();
        let schema = Arc::new(file::schema(columns, &DataType::UInt32));
        Self { schema, done: Vec::new(), pending, waiting: 0, fence: String::new() }
    }

    /// Adds a row, which lies behind all rows before it.
    pub fn row<'c>(&mut self, cells: impl Iterator<Item = Cell<'c>>) {
        for (i, (build, cell)) in self.pending.iter_mut().zip(cells).enumerate() {
            if i == 0 && self.waiting == 0 {
                self.fence = match cell {
                    Cell::Text(t) => t.to_owned(),
                    Cell::Word(w) => w.to_string(),
                };
            }
            build.cell(cell);
        }
        self.waiting += 1;
        if self.waiting == BLOCK {
            self.end();
        }
    }

    fn end(&mut self) {
        let arrays = self.pending.iter_mut().map(Build::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.waiting));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options);
        self.done.push((std::mem::take(&mut self.fence), batch.expect("columns of the schema, all of one length")));
        self.waiting = 0;
    }

    /// The blocks so far; the last may be short.
    pub fn take(&mut self) -> Part {
        if self.waiting > 0 {
            self.end();
        }
        let texts = self.pending.iter_mut().map(|b| match b {
            Build::Coded(_, numbered) => std::mem::take(numbered).texts,
            _ => Vec::new(),
        });
        Part { texts: texts.collect(), blocks: std::mem::take(&mut self.done) }
    }
}

/// Texts by number, in the order in which they were met.
#[derive(Debug, Default)]
struct Numbered {
    texts: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, u32>,
    last: u32,
}

impl Numbered {
    fn number(&mut self, text: &str) -> u32 {
        // Most rows say what the row above says.
        if self.texts.get(self.last as usize).is_some_and(|t| **t == *text) {
            return self.last;
        }
        self.last = match self.numbers.get(text) {
            Some(n) => *n,
            None => {
                let n = self.texts.len() as u32;
                self.texts.push(text.into());
                self.numbers.insert(text.into(), n);
                n
            }
        };
        self.last
    }
}

#[derive(Debug)]
enum Build {
    Text(StringBuilder),
    Coded(UInt32Builder, Numbered),
    Date(Date32Builder),
    Number(Int32Builder),
    Unsigned(UInt32Builder),
    Float(Float32Builder),
}

impl Build {
    fn new(column: &Column) -> Self {
        match column.look {
            Look::Text if column.coded => Self::Coded(UInt32Builder::with_capacity(BLOCK), Numbered::default()),
            Look::Text => Self::Text(StringBuilder::with_capacity(BLOCK, BLOCK * 12)),
            Look::Date => Self::Date(Date32Builder::with_capacity(BLOCK)),
            Look::Number => Self::Number(Int32Builder::with_capacity(BLOCK)),
            Look::Unsigned => Self::Unsigned(UInt32Builder::with_capacity(BLOCK)),
            Look::Float => Self::Float(Float32Builder::with_capacity(BLOCK)),
        }
    }

    fn cell(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(b), Cell::Text(t)) => b.append_value(t),
            (Self::Coded(b, numbered), Cell::Text(t)) => b.append_value(numbered.number(t)),
            (Self::Date(b), Cell::Word(w)) => b.append_option(present(w)),
            (Self::Number(b), Cell::Word(w)) => b.append_option(present(w)),
            (Self::Unsigned(b), Cell::Word(w)) => b.append_value(w),
            (Self::Float(b), Cell::Word(w)) => b.append_value(value::to_float(w)),
            (Self::Text(b), Cell::Word(_)) => b.append_value(""),
            (Self::Coded(b, numbered), Cell::Word(_)) => b.append_value(numbered.number("")),
            (Self::Date(b), Cell::Text(_)) => b.append_null(),
            (Self::Number(b), Cell::Text(_)) => b.append_null(),
            (Self::Unsigned(b), Cell::Text(_)) => b.append_value(0),
            (Self::Float(b), Cell::Text(_)) => b.append_value(0.0),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Number(b) => Arc::new(b.finish()),
            Self::Coded(b, _) | Self::Unsigned(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
        }
    }
}

/// A number that is there.
fn present(w: Word) -> Option<i32> {
    Some(value::to_number(w)).filter(|n| *n != BLANK)
}

/// A file in the making. Parts come in the order of the file.
pub struct Writer {
    out: Hashing<io::BufWriter<Behind>>,
    path: PathBuf,
    /// As readers see it.
    schema: Schema,
    /// With the numbers of texts in place of coded columns.
    plain: Arc<Schema>,
    /// By column: texts of a coded one.
    codes: Vec<Option<Numbered>>,
    generator: IpcDataGenerator,
    options: IpcWriteOptions,
    context: IpcWriteContext,
    tracker: DictionaryTracker,
    /// Hash and length of what stands before the first block.
    head: [String; 2],
    batches: Vec<arrow_ipc::Block>,
    fences: Vec<String>,
    hashes: Vec<String>,
    rows: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

fn arrow(path: &Path) -> impl Fn(ArrowError) -> Trouble + '_ {
    |e| match e {
        ArrowError::IoError(_, e) => Trouble::io(path, e),
        e => Trouble::Damaged(path.to_owned(), e.to_string()),
    }
}

impl Writer {
    /// Begins a file; the folder is made if it is not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(path: &Path, columns: &[Column]) -> Result<Self, Trouble> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| Trouble::io(dir, e))?;
        }
        let file = File::create(path).map_err(|e| Trouble::io(path, e))?;
        let file = io::BufWriter::with_capacity(1 << 17, Behind::new(file));
        let options = IpcWriteOptions::try_new(usize::from(ALIGNMENT), false, arrow_ipc::MetadataVersion::V5);
        let options = options.map_err(arrow(path))?;
        let mut writer = Self {
            out: Hashing::new(file),
            path: path.to_owned(),
            schema: file::schema(columns, &file::coded()),
            plain: Arc::new(file::schema(columns, &DataType::UInt16)),
            codes: columns.iter().map(|c| c.coded.then(Numbered::default)).collect(),
            generator: IpcDataGenerator::default(),
            options,
            context: IpcWriteContext::default(),
            tracker: DictionaryTracker::new(false),
            head: Default::default(),
            batches: Vec::new(),
            fences: Vec::new(),
            hashes: Vec::new(),
            rows: 0,
        };
        writer.out.write_all(&MAGIC).map_err(|e| Trouble::io(path, e))?;
        let schema = &writer.schema;
        let head =
            writer.generator.schema_to_bytes_with_dictionary_tracker(schema, &mut writer.tracker, &writer.options);
        write_message(&mut writer.out, head, &writer.options).map_err(arrow(path))?;
        writer.head = [short(&writer.out.hash()), writer.out.bytes().to_string()];
        Ok(writer)
    }

    /// Writes a message, and gives its place and hash.
    fn message(&mut self, message: EncodedData) -> Result<(arrow_ipc::Block, String), Trouble> {
        let at = self.out.bytes() as i64;
        self.out.begin();
        let (head, body) = write_message(&mut self.out, message, &self.options).map_err(arrow(&self.path))?;
        Ok((arrow_ipc::Block::new(at, head as i32, body as i64), short(&self.out.hash())))
    }

    /// Writes a block, and gives its place and the hash of its head, which ends with a hash of each column.
    fn block(&mut self, mut message: EncodedData) -> Result<(arrow_ipc::Block, String), Trouble> {
        let at = self.out.bytes() as i64;
        let body = std::mem::take(&mut message.arrow_data);
        let head = &mut message.ipc_message;
        let types = self.plain.fields().iter().map(|f| f.data_type());
        let spans = arrow_ipc::root_as_message(head).ok().and_then(|m| file::spans(&m, types, body.len()));
        let spans = spans.ok_or_else(|| Trouble::Damaged(self.path.clone(), "a block of another form".to_owned()))?;
        // The hashes are the last of what is filled up to the next multiple anyway.
        let alignment = usize::from(ALIGNMENT);
        let filled = (8 + head.len() + file::HASH * spans.len()).next_multiple_of(alignment);
        head.resize(filled - 8 - file::HASH * spans.len(), 0);
        for span in spans {
            head.extend(file::column_hash(&body[span]));
        }
        self.out.begin();
        let (head, _) = write_message(&mut self.out, message, &self.options).map_err(arrow(&self.path))?;
        let hash = short(&self.out.hash());
        self.out.pass(&body).map_err(|e| Trouble::io(&self.path, e))?;
        Ok((arrow_ipc::Block::new(at, head as i32, body.len() as i64), hash))
    }

    /// Adds blocks.
    ///
    /// # Errors
    /// What the disk says.
    pub fn add(&mut self, part: Part) -> Result<(), Trouble> {
        // Numbers of the part's texts in the file.
        let mut places: Vec<Vec<u16>> = Vec::new();
        for (known, texts) in self.codes.iter_mut().zip(&part.texts) {
            let mut place = |t: &str| known.as_mut().and_then(|k| u16::try_from(k.number(t)).ok());
            let found: Option<Vec<u16>> = texts.iter().map(|t| place(t)).collect();
            let many =
                || Trouble::Damaged(self.path.clone(), format!("more than {CODES_AT_MOST} texts of a coded column"));
            places.push(found.ok_or_else(many)?);
        }
        for (fence, batch) in part.blocks {
            let code = |(i, array): (usize, &ArrayRef)| -> ArrayRef {
                if self.codes[i].is_none() {
                    return Arc::clone(array);
                }
                let numbers = array.as_primitive::<UInt32Type>().values();
                Arc::new(UInt16Array::from_iter_values(numbers.iter().map(|n| places[i][*n as usize])))
            };
            let arrays = batch.columns().iter().enumerate().map(code).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&self.plain), arrays, &options);
            let batch = batch.map_err(arrow(&self.path))?;
            // In the file the numbers of a coded column look as numbers do.
            let mut none = DictionaryTracker::new(false);
            let encoded = self.generator.encode(&batch, &mut none, &self.options, &mut self.context);
            let (at, hash) = self.block(encoded.map_err(arrow(&self.path))?.1)?;
            self.batches.push(at);
            self.hashes.push(hash);
            self.fences.push(fence);
            self.rows += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// Writes the texts of coded columns, and gives the places and hashes of the messages, in the order of the columns.
    fn dictionaries(&mut self) -> Result<(Vec<arrow_ipc::Block>, Vec<String>), Trouble> {
        let full = |(known, field): (&Option<Numbered>, &Arc<Field>)| -> Result<ArrayRef, ArrowError> {
            let Some(known) = known else { return Ok(new_empty_array(field.data_type())) };
            let texts: StringArray = known.texts.iter().map(|t| Some(&**t)).collect();
            let keys = UInt16Array::from(Vec::<u16>::new());
            Ok(Arc::new(DictionaryArray::<UInt16Type>::try_new(keys, Arc::new(texts))?))
        };
        let arrays = self.codes.iter().zip(self.schema.fields()).map(full).collect::<Result<_, _>>();
        let options = RecordBatchOptions::new().with_row_count(Some(0));
        let encoded = arrays
            .and_then(|arrays| RecordBatch::try_new_with_options(Arc::new(self.schema.clone()), arrays, &options))
            .and_then(|batch| self.generator.encode(&batch, &mut self.tracker, &self.options, &mut self.context));
        let messages = encoded.map_err(arrow(&self.path))?.0;
        messages.into_iter().map(|m| self.message(m)).collect()
    }

    /// Ends the file; it is on the disk when this returns.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(mut self) -> Result<Entry, Trouble> {
        let (dictionaries, codes) = self.dictionaries()?;
        let path = &self.path;
        let json = |v: &[String]| serde_json::to_string(v).map_err(|e| Trouble::Damaged(path.clone(), e.to_string()));
        let notes = [
            (file::FENCES, json(&self.fences)?),
            (file::HASHES, json(&self.hashes)?),
            (file::CODES, json(&codes)?),
            (file::HEAD, json(&self.head)?),
        ];
        let notes = notes.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
        let mut fb = FlatBufferBuilder::new();
        let dictionaries = fb.create_vector(&dictionaries);
        let batches = fb.create_vector(&self.batches);
        // Numbers dictionaries as the schema at the head does.
        self.tracker.clear();
        let mut encoder = IpcSchemaEncoder::new().with_dictionary_tracker(&mut self.tracker);
        let schema = encoder.schema_to_fb_offset(&mut fb, &self.schema);
        let notes = metadata_to_fb(&mut fb, &notes);
        let mut footer = arrow_ipc::FooterBuilder::new(&mut fb);
        footer.add_version(arrow_ipc::MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(dictionaries);
        footer.add_recordBatches(batches);
        footer.add_custom_metadata(notes);
        let root = footer.finish();
        fb.finish(root, None);
        let footer = fb.finished_data();
        let mut tail = || -> io::Result<()> {
            let out = &mut self.out;
            out.write_all(&file::END)?;
            out.write_all(footer)?;
            out.write_all(&(footer.len() as i32).to_le_bytes())?;
            out.write_all(&MAGIC[..6])?;
            out.flush()
        };
        tail().map_err(|e| Trouble::io(path, e))?;
        let bytes = self.out.bytes();
        let file = self.out.into_inner().into_inner().map_err(|e| Trouble::io(path, e.into_error()))?;
        file.file().sync_data().map_err(|e| Trouble::io(path, e))?;
        Ok(Entry { rows: self.rows, bytes, footer: digest(footer) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::file::Table;
    use arrow_array::Array;
    use arrow_ipc::reader::FileReader;

    fn columns() -> Vec<Column> {
        let coded = |name: &str| Column { coded: true, ..Column::plain(name, Look::Text) };
        let number = Column::plain("n", Look::Number);
        vec![Column::plain("key", Look::Text), coded("role"), number, coded("unit")]
    }

    /// Row number `i`: parts meet roles in different orders.
    fn row(i: usize) -> [String; 3] {
        [format!("k{i:05}"), ["approver", "承办人", ""][(i / 700 + i) % 3].to_owned(), format!("u{}", i % 900)]
    }

    fn write(path: &Path, rows: usize) -> Entry {
        let mut writer = Writer::create(path, &columns()).expect("a new file");
        for part in (0..rows).collect::<Vec<_>>().chunks(1500) {
            let mut blocks = Blocks::new(&columns());
            for i in part {
                let [key, role, unit] = row(*i);
                let n = value::from_number(*i as i32);
                blocks.row([Cell::Text(&key), Cell::Text(&role), Cell::Word(n), Cell::Text(&unit)].into_iter());
            }
            writer.add(blocks.take()).expect("room");
        }
        writer.finish().expect("room")
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        for rows in [0, 1, 4000] {
            let path = dir.path().join(format!("{rows}.arrow"));
            let entry = write(&path, rows);
            assert_eq!(entry.rows as usize, rows);
            let table = Table::open(&path, &entry).expect("as it was written");
            let mut i = 0;
            for b in 0..table.blocks() {
                let block = table.fresh(b).expect("as it was written");
                for r in 0..block.len() {
                    let [key, role, unit] = row(i);
                    assert_eq!(block.get(r, 0), Cell::Text(&key));
                    assert_eq!(block.get(r, 1), Cell::Text(&role));
                    assert_eq!(block.get(r, 2), Cell::Word(value::from_number(i as i32)));
                    assert_eq!(block.get(r, 3), Cell::Text(&unit));
                    i += 1;
                }
            }
            assert_eq!(i, rows);
            // Others read it as well.
            let mut i = 0;
            for batch in FileReader::try_new(File::open(&path).expect("it is there"), None).expect("an Arrow file") {
                let batch = batch.expect("rows");
                let roles = batch.column(1).as_dictionary::<UInt16Type>();
                let texts = roles.values().as_string::<i32>();
                for code in roles.keys().values() {
                    assert_eq!(texts.value(usize::from(*code)), row(i)[1]);
                    i += 1;
                }
                assert_eq!(batch.column(3).null_count(), 0);
            }
            assert_eq!(i, rows);
        }
    }

    #[test]
    fn a_byte_that_is_not_as_it_was_written_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.arrow");
        let entry = write(&path, 1100);
        let good = std::fs::read(&path).expect("it is there");
        let read = |bytes: &[u8]| -> Result<(), Trouble> {
            std::fs::write(&path, bytes).expect("room");
            let table = Table::open(&path, &entry)?;
            (0..table.blocks()).try_for_each(|b| table.fresh(b).map(drop))
        };
        assert!(read(&good).is_ok());
        for at in (0..good.len()).step_by(7).chain(good.len() - 40..good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(matches!(read(&bad), Err(Trouble::Damaged(..))), "byte {at} of {}", good.len());
        }
        let mut bad = good.clone();
        let at = good.windows(9).rposition(|w| w == "承办人".as_bytes()).expect("the list of texts");
        bad[at] ^= 1;
        let said = read(&bad).expect_err("a text is wrong").render(false);
        assert!(
            said.ends_with("texts 1: its bytes are not those that were written; pack the casebase again"),
            "{said}"
        );
    }

    #[test]
    fn a_coded_column_has_a_bound() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("t.arrow");
        let columns = [Column { coded: true, ..Column::plain("t", Look::Text) }];
        let mut writer = Writer::create(&path, &columns).expect("a new file");
        let mut add = |from: usize, to: usize| {
            let mut blocks = Blocks::new(&columns);
            (from..to).for_each(|i| blocks.row([Cell::Text(&i.to_string())].into_iter()));
            writer.add(blocks.take())
        };
        assert!(add(0, CODES_AT_MOST).is_ok());
        let said = add(CODES_AT_MOST, CODES_AT_MOST + 1).expect_err("one too many").render(false);
        assert!(said.contains("more than 65536 texts of a coded column"), "{said}");
    }
}
