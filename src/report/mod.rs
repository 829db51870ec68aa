//! Plain results to text, CSV, Parquet, workbooks, JSON, DOT, SVG.

pub mod answer;
pub mod atoms;
pub mod certificate;
pub mod columnar;
pub mod explain;
pub mod export;
pub mod layout;
pub mod limit;
pub mod manifest;
pub mod patterns;
pub mod rejected;
pub mod results;
pub mod staging;
pub mod stats;
pub mod summary;
pub mod table;
pub mod template;
pub mod wording;
pub mod xlsx;
