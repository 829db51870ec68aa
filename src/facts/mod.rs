//! Tables of a casebase to facts with their origin.
//!
//! [`load()`] takes a program, whose annotations are the schema ([`schema`]); code lists ([`codes`]); and a folder of CSV
//! files with tables shipped beside the rules ([`sources`]). Each file is read for itself ([`record`], [`part`]); the rows
//! of a table are brought together and sorted ([`rows`]), their keys and references checked ([`check`], [`refs`]). What is
//! wrong is data ([`defect`]), put in words by [`message`]. Relations of days are filled by [`dimension`].
//!
//! Rules of reading, in short: UTF-8, UTF-16 or GB18030 ([`decode`]); commas or tabs, sheets ([`sheet`]), Parquet ([`columnar`]); quotes as in RFC 4180; columns by name or
//! label in any order ([`header`]); codes by their labels too ([`codes`]); one form for what is written in several ([`normal`]); `source` is a free column of every table; blank lines and rows of blanks only are no rows. Blanks
//! around a value are taken away and reported: `p1` and `p1 ` must not be two persons, nobody means them to be, and nobody
//! should have to find that out from a conclusion that is missing. Free text is kept as it is.

mod annotate;
pub mod bytes;
pub mod calendar;
mod check;
pub mod codes;
mod columnar;
pub mod date;
mod decode;
pub mod defect;
mod dict;
pub mod dimension;
mod header;
pub mod import;
mod load;
mod log;
pub mod message;
mod nearest;
pub mod normal;
mod origin;
mod part;
mod record;
mod refs;
mod rows;
pub mod schema;
mod sheet;
mod sources;
mod split;
mod tripped;
pub mod tsv;
mod value;

pub use load::{LoadOptions, Loaded, Rejected, Spelling, load};
pub use message::Lang;
pub use origin::{Origin, Origins, Standing};
pub use part::Conversion;
pub use sheet::letters as column_letters;
pub use sources::{FileEntry, Sources};
pub use tripped::guarded;
