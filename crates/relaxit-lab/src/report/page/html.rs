//! A report as one HTML file that asks for nothing else: no script, no font, no picture from elsewhere.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::document::{Block, Document, Figure, Image, Section, Table, pieces};

const STYLE: &str = include_str!("style.css");

/// The file's content.
#[must_use]
pub(super) fn render(document: &Document) -> String {
    let mut html = String::new();
    let title = escape(&document.title);
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n"
    );
    for paragraph in &document.lead {
        let _ = writeln!(html, "<p>{}</p>", text(paragraph));
    }
    html.push_str("</header>\n<nav aria-label=\"Contents\">\n<h2>Contents</h2>\n<ol>\n");
    for (index, section) in document.sections.iter().enumerate() {
        let _ = writeln!(html, "<li><a href=\"#section-{}\">{}</a></li>", index + 1, text(&section.title));
    }
    html.push_str("</ol>\n</nav>\n<main>\n");
    for (index, section) in document.sections.iter().enumerate() {
        write_section(&mut html, index + 1, section);
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn write_section(html: &mut String, number: usize, section: &Section) {
    let title = text(&section.title);
    let _ = writeln!(html, "<section id=\"section-{number}\">\n<h2>{title}</h2>");
    for block in &section.blocks {
        let _ = match block {
            Block::Heading(title) => writeln!(html, "<h3>{}</h3>", text(title)),
            Block::Text(paragraph) => writeln!(html, "<p>{}</p>", text(paragraph)),
            Block::List(items) => {
                html.push_str("<ul>\n");
                for item in items {
                    let (content, note) = (text(&item.text), text(&item.note));
                    let _ = match &item.link {
                        None => writeln!(html, "<li>{content}{note}</li>"),
                        Some(link) => writeln!(html, "<li><a href=\"{}\">{content}</a>{note}</li>", escape(link)),
                    };
                }
                writeln!(html, "</ul>")
            }
            Block::Table(table) => {
                write_table(html, table);
                Ok(())
            }
            Block::Figure(figure) => {
                write_figure(html, figure);
                Ok(())
            }
            Block::Verbatim(name, content) => writeln!(
                html,
                "<details><summary>{}</summary>\n<pre tabindex=\"0\">{}</pre>\n</details>",
                text(name),
                escape(content)
            ),
        };
    }
    html.push_str("</section>\n");
}

/// The table scrolls in a box of its own where the page is narrow; who has no mouse can get into the box.
fn write_table(html: &mut String, table: &Table) {
    let Table { caption, columns, rows, number } = table;
    let class = |numeric: bool| if numeric { " class=\"number\"" } else { "" };
    let _ = writeln!(
        html,
        "<figure id=\"table-{number}\">\n<figcaption><b>Table {number}.</b> {}</figcaption>\n<div class=\"scroll\" \
         role=\"region\" aria-label=\"Table {number}\" tabindex=\"0\">\n<table>\n<thead><tr>",
        text(caption)
    );
    for column in columns {
        let _ = write!(html, "<th scope=\"col\"{}>{}</th>", class(column.numeric), text(&column.name));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (index, (cell, column)) in row.iter().zip(columns).enumerate() {
            let cell = text(cell);
            let _ = if index == 0 {
                write!(html, "<th scope=\"row\">{cell}</th>")
            } else {
                write!(html, "<td{}>{cell}</td>", class(column.numeric))
            };
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n</figure>\n");
}

fn write_figure(html: &mut String, figure: &Figure) {
    let Figure { caption, alternative, image, number, .. } = figure;
    let _ = writeln!(html, "<figure id=\"figure-{number}\">");
    let _ = match image {
        Image::Svg(svg) => writeln!(
            html,
            "<div class=\"scroll plot\" role=\"region\" aria-label=\"Figure {number}\" tabindex=\"0\">{}</div>",
            inline(svg, &format!("figure-{number}-"), alternative)
        ),
        Image::Png(bytes) => writeln!(
            html,
            "<div class=\"picture\"><img alt=\"{}\" src=\"data:image/png;base64,{}\"></div>",
            escape(alternative),
            STANDARD.encode(bytes)
        ),
    };
    let _ = writeln!(html, "<figcaption><b>Figure {number}.</b> {}</figcaption>\n</figure>", text(caption));
}

/// An SVG as part of the page: it takes the width that there is, and its identifiers, which pictures share, get a prefix.
fn inline(svg: &str, prefix: &str, alternative: &str) -> String {
    let start = svg.find("<svg").unwrap_or(0);
    let end = svg[start..].find('>').map_or(svg.len(), |end| start + end);
    let (tag, rest) = (&svg[start..end], &svg[end..]);
    let size = |name: &str| attribute(tag, name).unwrap_or("100");
    let (width, height) = (size("width"), size("height"));
    let tag = tag.replacen(&format!(" width=\"{width}\""), "", 1).replacen(&format!(" height=\"{height}\""), "", 1);
    let view = if tag.contains(" viewBox=") { String::new() } else { format!(" viewBox=\"0 0 {width} {height}\"") };
    let label = escape(alternative);
    let body = rest
        .replace(" id=\"", &format!(" id=\"{prefix}"))
        .replace("url(#", &format!("url(#{prefix}"))
        .replace("href=\"#", &format!("href=\"#{prefix}"));
    // Below three quarters of its size text is too small: it scrolls instead.
    let least = attribute(svg, "width").and_then(|width| width.parse().ok()).map_or(0.0, |width: f64| 0.75 * width);
    let style = format!("max-width:{width}px;min-width:{:.0}px", least.min(900.0));
    format!("{tag}{view} style=\"{style}\" role=\"img\" aria-label=\"{label}\"{body}")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let value = tag.split_once(&format!(" {name}=\""))?.1;
    value.split_once('"').map(|(value, _)| value)
}

/// Text with what is typed in it, for HTML.
fn text(text: &str) -> String {
    let piece = |(piece, typed)| {
        let escaped = escape(piece);
        if typed { format!("<code>{escaped}</code>") } else { escaped }
    };
    pieces(text).map(piece).collect()
}

/// What has a meaning in HTML, and in XML, as what it looks like.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::document::{Column, Item};
    use super::*;

    fn page(blocks: Vec<Block>) -> String {
        let section = Section { title: "A & B".into(), blocks };
        render(&Document { title: "<Report>".into(), sections: vec![section], ..Document::default() }.numbered())
    }

    #[test]
    fn text_cannot_become_markup() {
        let evil = "<script>alert('x')</script> & \"more\"";
        let table = Table {
            caption: evil.into(),
            columns: vec![Column::words(evil), Column::numbers("n")],
            rows: vec![vec![evil.into(), "1".into()]],
            number: 0,
        };
        let svg = Image::Svg("<svg width=\"1\" height=\"1\"></svg>".into());
        let html = page(vec![
            Block::Heading(evil.into()),
            Block::Text(format!("`{evil}`")),
            Block::List(vec![Item {
                text: evil.into(),
                link: Some("https://example.org/?a=\"&b".into()),
                note: evil.into(),
            }]),
            Block::Table(table),
            Block::Figure(Figure::new("x", svg, evil.into(), evil.into())),
            Block::Verbatim(evil.into(), evil.into()),
        ]);
        assert!(!html.contains("<script") && !html.contains("alert('x')"), "{html}");
        assert_eq!(html.matches("&lt;script&gt;").count(), 11);
        assert!(html.contains("<title>&lt;Report&gt;</title>") && html.contains("A &amp; B"));
        assert!(html.contains("href=\"https://example.org/?a=&quot;&amp;b\""));
    }

    /// Two plots of one library use the same identifiers for their clips.
    #[test]
    fn pictures_keep_their_identifiers_apart() {
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\" fill=\"black\"><defs><clipPath \
                   id=\"clip\"/></defs><g clip-path=\"url(#clip)\"/></svg>";
        let figure = || Block::Figure(Figure::new("x", Image::Svg(svg.into()), "c".into(), "a".into()));
        let html = page(vec![figure(), figure()]);
        for number in [1, 2] {
            assert!(html.contains(&format!("id=\"figure-{number}-clip\"")), "{html}");
            assert!(html.contains(&format!("url(#figure-{number}-clip)")), "{html}");
        }
        assert!(html.contains("fill=\"black\" viewBox=\"0 0 20 10\"") && !html.contains(" width=\"20\""));
    }
}
