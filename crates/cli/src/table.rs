//! Tables on a terminal: columns as wide as what is in them, two spaces between.

use crate::output::{Output, ReaderGone};

/// Rows under a head.
#[derive(Debug)]
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with this head.
    pub fn new(head: [&str; N]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned)],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Prints it. The last column is not filled up, so that no line ends in spaces.
    pub fn print(&self, output: &Output) -> Result<(), ReaderGone> {
        for line in self.lines() {
            output.line(line.as_bytes())?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |row: &[String; N]| {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(&format!("{cell:<width$}  "));
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut table = Table::new(["A", "LONG", "C"]);
        table.row(["wide".into(), "x".into(), "é".into()]);
        table.row(["w".into(), "y".into(), String::new()]);
        assert_eq!(table.lines(), ["A     LONG  C", "wide  x     é", "w     y"]);
    }
}
