//! Tables in Markdown, aligned, so that they can be read and be pasted.

/// Lines of a table; the first column is text, the others are numbers.
pub(crate) fn lines(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widths: Vec<_> = head
        .iter()
        .enumerate()
        .map(|(column, title)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(title.chars().count()).max(3)
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        format!("| {} |", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().enumerate().map(|(column, width)| {
        if column == 0 {
            "-".repeat(*width)
        } else {
            format!("{}:", "-".repeat(width - 1))
        }
    });
    let rule: Vec<_> = rule.collect();
    let mut lines = vec![
        line(head.to_vec()),
        line(rule.iter().map(String::as_str).collect()),
    ];
    lines.extend(
        rows.iter()
            .map(|row| line(row.iter().map(String::as_str).collect())),
    );
    lines
}

/// Of sorted values: the median, and the range where there is one.
pub(crate) fn cell(values: &[f64]) -> String {
    let text = |value: f64| {
        if value.abs() >= 100.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.1}")
        }
    };
    match values {
        [] => "–".to_owned(),
        [one] => text(*one),
        [least, .., most] => format!(
            "{} ({}–{})",
            text(values[values.len() / 2]),
            text(*least),
            text(*most)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_median_with_its_range() {
        assert_eq!(cell(&[]), "–");
        assert_eq!(cell(&[1.25]), "1.2");
        assert_eq!(cell(&[1.0, 2.0, 300.4]), "2.0 (1.0–300)");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["PostgreSQL".to_owned(), "1".to_owned()],
            vec!["×".to_owned(), "22.5".to_owned()],
        ];
        assert_eq!(
            lines(&["layer", "p50"], &rows),
            [
                "| layer      |  p50 |",
                "| ---------- | ---: |",
                "| PostgreSQL |    1 |",
                "| ×          | 22.5 |",
            ]
        );
    }
}
