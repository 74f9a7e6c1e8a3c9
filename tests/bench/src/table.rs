//! The one table.

use std::fmt;

/// Rows of six columns.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 6]>,
}

const HEAD: [&str; 6] = ["what", "ours", "reference", "ratio", "target", "met"];

/// What is to be reached.
#[derive(Clone, Copy)]
pub enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

/// A figure on its way into the table.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Our figure, with its unit.
    pub ours: String,
    /// The reference's, if there is one.
    pub reference: String,
    /// How they compare, if they do.
    pub ratio: String,
    /// The target in words.
    pub target: String,
    /// Whether it is met; `None` where there is none.
    pub is_met: Option<bool>,
}

impl Target {
    /// Whether a figure meets it.
    pub fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl Table {
    /// Adds a row, and shows it at once.
    pub fn add(&mut self, row: Row) {
        let met = row.is_met.map_or("–", |is_met| if is_met { "yes" } else { "NO" });
        let row = [row.what, row.ours, row.reference, row.ratio, row.target, met.to_owned()];
        crate::say(format_args!("    {}", row.join(" | ")));
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = HEAD.map(|cell| cell.chars().count());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut line = |cells: [&str; 6]| {
            for (cell, width) in cells.iter().zip(widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")
        };
        line(HEAD)?;
        let rules = widths.map(|width| "-".repeat(width));
        line(rules.each_ref().map(String::as_str))?;
        for row in &self.rows {
            line(row.each_ref().map(String::as_str))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_what_falls_short_is_seen() {
        let mut table = Table::default();
        let target = Target::AtLeast(4.0);
        table.add(Row {
            what: "a".to_owned(),
            ours: "1".to_owned(),
            reference: "2".to_owned(),
            ratio: "0.50 ×".to_owned(),
            target: "≥ 4 ×".to_owned(),
            is_met: Some(target.is_met_by(0.5)),
        });
        let shown = table.to_string();
        let lengths: Vec<_> = shown.lines().map(|line| line.chars().count()).collect();
        assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{shown}");
        assert!(shown.ends_with("| 0.50 × | ≥ 4 ×  | NO  |\n"), "{shown}");
        assert!(Target::AtMost(0.5).is_met_by(0.5));
    }
}
