//! What was measured, as markdown.

use std::fmt;

/// A table whose first column is text and whose others are numbers.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(first: &str, others: impl IntoIterator<Item = String>) -> Self {
        Self {
            header: std::iter::once(first.to_owned()).chain(others).collect(),
            rows: Vec::new(),
        }
    }

    pub fn column(&mut self, name: String) {
        self.header.push(name);
    }

    pub fn row(&mut self, first: &str, others: impl IntoIterator<Item = String>) {
        let row = std::iter::once(first.to_owned()).chain(others);
        self.rows.push(row.collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.header.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.header.len() - 1))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// A ratio.
pub fn factor(ratio: f64) -> String {
    format!("{ratio:.2}×")
}

pub fn thousands(rate: f64) -> String {
    let thousands = (rate / 1000.0).round() as u64;
    if thousands < 1000 {
        format!("{thousands} k")
    } else {
        format!("{},{:03} k", thousands / 1000, thousands % 1000)
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_is_between_the_middle_two() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
        assert_eq!(median([9.0, 1.0, 5.0].into_iter()), 5.0);
    }

    #[test]
    fn rates_are_written_in_thousands() {
        assert_eq!(thousands(85_400.0), "85 k");
        assert_eq!(thousands(2_227_100.0), "2,227 k");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("load", ["one".into()]);
        table.column("two".into());
        table.row("a", ["1".into(), "2".into()]);
        assert_eq!(
            table.to_string(),
            "| load | one | two |\n|---|---:|---:|\n| a | 1 | 2 |\n"
        );
    }
}
