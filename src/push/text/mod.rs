//! Pushes in the text format.

pub(crate) mod cursor;
pub(crate) mod line;
pub(crate) mod line_ends;
pub(crate) mod shape;
pub(crate) mod shapes;
