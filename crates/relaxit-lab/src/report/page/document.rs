//! What a report says, before it is HTML or Markdown: written once, rendered twice.

use std::collections::BTreeMap;

/// A report.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Above everything.
    pub title: String,
    /// What the reader should know first.
    pub lead: Vec<String>,
    /// In the order of the table of contents.
    pub sections: Vec<Section>,
}

/// A heading and what stands below it.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// From top to bottom.
    pub blocks: Vec<Block>,
}

/// One part of a section. In text, `backticks` mark what is typed.
#[derive(Clone, Debug)]
pub enum Block {
    /// The title of what follows within the section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// One thing a line.
    List(Vec<Item>),
    /// Numbers in columns.
    Table(Table),
    /// A picture.
    Figure(Figure),
    /// A long text as it stands, folded away under its name.
    Verbatim(String, String),
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub text: String,
    /// Where that leads.
    pub link: Option<String>,
    /// What else there is to say.
    pub note: String,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What the numbers are, with protocol, units and intervals.
    pub caption: String,
    /// Names of the columns.
    pub columns: Vec<Column>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<String>>,
    /// Given by [`Document::numbered`].
    pub number: usize,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// Whether it holds numbers, which stand to the right.
    pub numeric: bool,
}

impl Column {
    /// A column of words.
    pub(super) fn words(name: &str) -> Self {
        Self { name: name.into(), numeric: false }
    }

    /// A column of numbers.
    pub(super) fn numbers(name: &str) -> Self {
        Self { name: name.into(), numeric: true }
    }
}

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its file's name, without extension; [`Document::numbered`] makes it unique.
    pub name: String,
    /// What is to be seen, with units and intervals.
    pub caption: String,
    /// The same for who cannot see it, shorter.
    pub alternative: String,
    /// The picture itself.
    pub image: Image,
    /// Given by [`Document::numbered`].
    pub number: usize,
}

/// A picture's file.
#[derive(Clone, Debug)]
pub enum Image {
    /// Lines and text.
    Svg(String),
    /// Pixels.
    Png(Vec<u8>),
}

impl Figure {
    /// A figure that has no number yet.
    pub(super) fn new(name: impl Into<String>, image: Image, caption: String, alternative: String) -> Self {
        Self { name: name.into(), caption, alternative, image, number: 0 }
    }

    /// The name of its file.
    #[must_use]
    pub fn file(&self) -> String {
        let extension = match self.image {
            Image::Svg(_) => "svg",
            Image::Png(_) => "png",
        };
        format!("{}.{extension}", self.name)
    }

    /// What its file holds.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.image {
            Image::Svg(text) => text.as_bytes(),
            Image::Png(bytes) => bytes,
        }
    }
}

impl Document {
    /// The same with tables and figures numbered from 1, and every figure's name its own.
    #[must_use]
    pub fn numbered(mut self) -> Self {
        let (mut tables, mut figures) = (0, 0);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for block in self.sections.iter_mut().flat_map(|section| &mut section.blocks) {
            match block {
                Block::Table(table) => {
                    tables += 1;
                    table.number = tables;
                }
                Block::Figure(figure) => {
                    figures += 1;
                    figure.number = figures;
                    let times = seen.entry(figure.name.clone()).or_default();
                    *times += 1;
                    if *times > 1 {
                        figure.name = format!("{}-{times}", figure.name);
                    }
                }
                _ => {}
            }
        }
        self
    }

    /// Its figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }
}

/// `text` in pieces: `(piece, whether it is typed)`.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split('`').enumerate().map(|(index, piece)| (piece, index % 2 == 1)).filter(|(piece, _)| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_numbers_and_names_of_their_own() {
        let figure =
            || Block::Figure(Figure::new("elbo", Image::Svg("<svg/>".into()), "A caption".into(), "A picture".into()));
        let section = Section { title: "One".into(), blocks: vec![figure(), Block::Table(Table::default()), figure()] };
        let document = Document { sections: vec![section.clone(), section], ..Document::default() }.numbered();
        let named: Vec<_> = document.figures().map(|figure| (figure.number, figure.file())).collect();
        assert_eq!(named[0], (1, "elbo.svg".into()));
        assert_eq!(named[3], (4, "elbo-4.svg".into()));
        let Block::Table(table) = &document.sections[1].blocks[1] else { panic!("a table") };
        assert_eq!(table.number, 2);
    }

    #[test]
    fn backticks_mark_what_is_typed() {
        let found: Vec<_> = pieces("run `relaxit vae` now").collect();
        assert_eq!(found, [("run ", false), ("relaxit vae", true), (" now", false)]);
    }
}
