//! Foreign tables to tables of a casebase, as a mapping in TOML says: columns by other names, constants, maps of values, parts
//! of texts, several target rows from one source row, keys made from values. Nothing is lost: what could not be mapped is
//! counted, and rows that lack what they must have are handed back as they were.
//!
//! ```toml
//! [[table]]
//! to = "edge"                                # the target table; a table may have several entries
//! when = { from = "kind", regex = "^way$" }  # only source rows of which this is so
//! each = { from = "stops", split = "[、,]" } # a target row for each piece; the piece is the column `each`
//! [table.columns]
//! from = "start|begin"                       # the first of these columns that is not blank
//! to = { from = "each", key = "n" }          # a key `n-...` made from the value, the same in every import
//! length = { from = "km", times = 1000 }     # a number times a number
//! colour = { from = "paint", map = { "深红" = "dark_red" }, otherwise = "green" }
//! opened = { from = "text", regex = "opened on (\\S+)" }
//! note = { value = "imported" }
//! label = { from = ["a", "b"], join = " " }
//! ```

mod apply;
mod mapping;
mod source;

pub use apply::{Imported, Lost, Unmapped, import};
pub use mapping::{Fault, Mapping};
