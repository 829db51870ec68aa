//! Plain results to text, CSV, JSON, DOT, SVG.
