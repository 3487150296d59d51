//! Elements of an XML document, one after the other. No entity is expanded but the five that XML has, and no document type is read.

use quick_xml::{Reader, events::Event};

use super::Reading;

/// Deeper is no format that is read here.
const DEEPEST: usize = 32;
/// Longer is no number, time or name.
const LONGEST_TEXT: usize = 1_000;
/// More attributes no element has.
const MOST_ATTRIBUTES: usize = 50;

/// An element that begins or has ended, with where it is: the local names from the root on.
pub(super) enum Element<'a> {
    Begins { path: &'a [String], attributes: &'a [(String, String)] },
    Ended { path: &'a [String], text: &'a str },
}

/// The name of the first element.
pub(super) fn root(text: &str) -> Reading<String> {
    let mut root = None;
    let found = "found";
    let walked = walk(text, |element| {
        if let Element::Begins { path, .. } = element {
            root = path.first().cloned();
        }
        Err(found.to_owned())
    });
    match (root, walked) {
        (Some(root), _) => Ok(root),
        (None, Err(why)) if why != found => Err(why),
        (None, _) if text.trim().is_empty() => Err("is empty: send a GPX, TCX or FIT file".to_owned()),
        (None, _) => Err("is neither FIT nor XML: send a GPX, TCX or FIT file".to_owned()),
    }
}

/// Tells of each element in the order of the document.
pub(super) fn walk(text: &str, mut tell: impl FnMut(Element) -> Reading<()>) -> Reading<()> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        let event = reader.read_event().map_err(|_| "is no well-formed XML: it is damaged, or no GPX, TCX or FIT file".to_owned())?;
        match event {
            Event::Start(start) => {
                begin(&mut path, &start, &mut tell)?;
                content.clear();
            }
            Event::Empty(start) => {
                begin(&mut path, &start, &mut tell)?;
                tell(Element::Ended { path: &path, text: "" })?;
                path.pop();
                content.clear();
            }
            Event::End(_) => {
                tell(Element::Ended { path: &path, text: content.trim() })?;
                path.pop();
                content.clear();
            }
            Event::Text(text) => push(&mut content, &text),
            Event::CData(text) => push(&mut content, &text),
            Event::GeneralRef(reference) => {
                push(&mut content, quick_xml::escape::resolve_predefined_entity(&reference).unwrap_or_default())
            }
            Event::DocType(_) => return Err("has a document type declaration, which no GPX or TCX file needs".to_owned()),
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err("breaks off in the middle".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn push(content: &mut String, text: &str) {
    if content.len() + text.len() <= LONGEST_TEXT {
        content.push_str(text);
    }
}

fn begin(path: &mut Vec<String>, start: &quick_xml::events::BytesStart, tell: &mut impl FnMut(Element) -> Reading<()>) -> Reading<()> {
    if path.len() == DEEPEST {
        return Err(format!("has elements more than {DEEPEST} deep in each other"));
    }
    path.push(start.local_name().as_ref().chars().take(100).collect());
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false).take(MOST_ATTRIBUTES) {
        let attribute = attribute.map_err(|_| "is no well-formed XML: an attribute is damaged".to_owned())?;
        if attribute.value.len() <= LONGEST_TEXT {
            let value =
                quick_xml::escape::unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), |value| value.into_owned());
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
        }
    }
    tell(Element::Begins { path, attributes: &attributes })
}

/// A number as XML writes it; `None` for what is none.
pub(super) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// An instant of XML Schema. Without an offset it is taken for UTC, as devices mean it.
pub(super) fn instant(text: &str) -> Reading<chrono::DateTime<chrono::Utc>> {
    let text = text.trim();
    let zoned = chrono::DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let instant = zoned.ok().or_else(|| text.parse::<chrono::NaiveDateTime>().ok().map(|at| at.and_utc()));
    instant.ok_or_else(|| "has a time that is none".to_owned())
}
