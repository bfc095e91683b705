//! A report as Markdown, with its figures in files beside it: for a repository, or the start of a paper.

use std::fmt::Write;

use super::document::{Block, Document, Figure, Table, pieces};

/// The file's content; figures are in the folder `figures`.
#[must_use]
pub(super) fn render(document: &Document, figures: &str) -> String {
    let mut markdown = format!("# {}\n", text(&document.title));
    for paragraph in &document.lead {
        let _ = write!(markdown, "\n{}\n", text(paragraph));
    }
    for section in &document.sections {
        let _ = write!(markdown, "\n## {}\n", text(&section.title));
        for block in &section.blocks {
            markdown.push('\n');
            let _ = match block {
                Block::Heading(title) => writeln!(markdown, "### {}", text(title)),
                Block::Text(paragraph) => writeln!(markdown, "{}", text(paragraph)),
                Block::List(items) => {
                    for item in items {
                        let (content, note) = (text(&item.text), text(&item.note));
                        let _ = match &item.link {
                            None => writeln!(markdown, "- {content}{note}"),
                            Some(link) => writeln!(markdown, "- [{content}]({link}){note}"),
                        };
                    }
                    Ok(())
                }
                Block::Table(table) => {
                    write_table(&mut markdown, table);
                    Ok(())
                }
                Block::Figure(figure) => {
                    let Figure { number, caption, alternative, .. } = figure;
                    let (file, alternative, caption) = (figure.file(), text(alternative), text(caption));
                    writeln!(markdown, "![{alternative}]({figures}/{file})\n\n**Figure {number}.** {caption}")
                }
                Block::Verbatim(name, content) => writeln!(markdown, "{}\n\n{}", text(name), code(content)),
            };
        }
    }
    markdown
}

fn write_table(markdown: &mut String, table: &Table) {
    let Table { caption, columns, rows, number } = table;
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let _ = write!(markdown, "**Table {number}.** {}\n\n", text(caption));
    markdown.push_str(&line(columns.iter().map(|column| text(&column.name)).collect()));
    let rule = |numeric| if numeric { "---:".into() } else { "---".into() };
    markdown.push_str(&line(columns.iter().map(|column| rule(column.numeric)).collect()));
    for row in rows {
        markdown.push_str(&line(row.iter().map(|cell| text(cell)).collect()));
    }
}

/// Indented, which no content can end.
fn code(content: &str) -> String {
    content.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// Text with what is typed in it. In code only the bar of tables has a meaning.
fn text(text: &str) -> String {
    let piece = |(piece, typed): (&str, bool)| {
        if typed { format!("`{}`", piece.replace('|', "\\|")) } else { escape(piece) }
    };
    pieces(text).map(piece).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '_' | '|' | '<' | '>' | '[' | ']' | '#' | '&') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::document::{Column, Image, Section};
    use super::*;

    #[test]
    fn tables_and_figures_are_markdown() {
        let table = Table {
            caption: "Nats".into(),
            columns: vec![Column::words("latent"), Column::numbers("a|b")],
            rows: vec![vec!["`st|x`".into(), "-1.5 [-2, -1]".into()]],
            number: 0,
        };
        let figure = Figure::new("elbo", Image::Svg("<svg/>".into()), "The ELBO".into(), "curves".into());
        let blocks = vec![Block::Table(table), Block::Figure(figure), Block::Verbatim("Config".into(), "a = 1".into())];
        let section = Section { title: "VAEs".into(), blocks };
        let document = Document { title: "R".into(), lead: Vec::new(), sections: vec![section] }.numbered();
        assert_eq!(
            render(&document, "figures"),
            "# R\n\n## VAEs\n\n**Table 1.** Nats\n\n| latent | a\\|b |\n| --- | ---: |\n| `st\\|x` | -1.5 \\[-2, -1\\] |\n\n\
             ![curves](figures/elbo.svg)\n\n**Figure 1.** The ELBO\n\nConfig\n\n    a = 1\n\n"
        );
    }
}
