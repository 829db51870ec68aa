//! Plain results to text, CSV, JSON, DOT, SVG.

pub mod explain;
