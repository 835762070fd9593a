//! What the bytes of a file are, whatever it is called. Pure.
//!
//! Only types that a browser shows without running anything in them are taken. Each must be whole: what begins like a
//! picture and goes on as something else is refused.

use super::zip;

/// The types of files that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    Png,
    Jpeg,
    Gif,
    Webp,
    Pdf,
    Text,
    Docx,
    Xlsx,
    Pptx,
    Odt,
    Ods,
    Odp,
}

use FileType as T;

impl FileType {
    const ALL: [Self; 12] = [
        T::Png,
        T::Jpeg,
        T::Gif,
        T::Webp,
        T::Pdf,
        T::Text,
        T::Docx,
        T::Xlsx,
        T::Pptx,
        T::Odt,
        T::Ods,
        T::Odp,
    ];

    pub fn media_type(self) -> &'static str {
        match self {
            T::Png => "image/png",
            T::Jpeg => "image/jpeg",
            T::Gif => "image/gif",
            T::Webp => "image/webp",
            T::Pdf => "application/pdf",
            T::Text => "text/plain",
            T::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            T::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            T::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            T::Odt => "application/vnd.oasis.opendocument.text",
            T::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            T::Odp => "application/vnd.oasis.opendocument.presentation",
        }
    }

    /// The endings of its names; the first is given to names without one.
    fn endings(self) -> &'static [&'static str] {
        match self {
            T::Png => &["png"],
            T::Jpeg => &["jpg", "jpeg"],
            T::Gif => &["gif"],
            T::Webp => &["webp"],
            T::Pdf => &["pdf"],
            T::Text => &["txt", "md", "csv", "log"],
            T::Docx => &["docx"],
            T::Xlsx => &["xlsx"],
            T::Pptx => &["pptx"],
            T::Odt => &["odt"],
            T::Ods => &["ods"],
            T::Odp => &["odp"],
        }
    }

    /// The type that a `Content-Type` names; parameters such as a charset are passed over.
    pub fn declared(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| kind.media_type() == essence)
    }
}

/// The type that the bytes are, when it is one that is taken.
pub fn sniff(bytes: &[u8]) -> Option<FileType> {
    let kind = match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => is_png(bytes).then_some(T::Png),
        [0xff, 0xd8, 0xff, ..] => is_jpeg(bytes).then_some(T::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => is_gif(bytes).then_some(T::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => is_webp(bytes).then_some(T::Webp),
        [b'%', b'P', b'D', b'F', b'-', ..] => is_pdf(bytes).then_some(T::Pdf),
        [b'P', b'K', 3, 4, ..] => zip::office(bytes),
        _ => is_text(bytes).then_some(T::Text),
    }?;
    let is_picture = matches!(kind, T::Png | T::Jpeg | T::Gif | T::Webp);
    (!is_picture || !hides_more(bytes)).then_some(kind)
}

/// The media type of a picture that may be shown in a page: PNG, JPEG or WebP.
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let kind = sniff(bytes).filter(|kind| matches!(kind, T::Png | T::Jpeg | T::Webp))?;
    Some(kind.media_type())
}

/// Whether a picture is also a page or an archive: markup near its beginning or end, or a directory of a ZIP behind it.
fn hides_more(bytes: &[u8]) -> bool {
    let near = bytes.len().min(4096);
    let (first, last) = (&bytes[..near], &bytes[bytes.len() - near..]);
    let marks: [&[u8]; 6] = [b"<script", b"<html", b"<svg", b"<!doctype", b"<?php", b"<body"];
    marks.iter().any(|mark| contains(first, mark) || contains(last, mark)) || contains(last, b"pk\x05\x06")
}

/// Whether the lower-case word stands somewhere, in any case.
fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// Chunk by chunk from IHDR to IEND, and nothing behind it (PNG 3rd edition, 5).
fn is_png(bytes: &[u8]) -> bool {
    let mut at = 8;
    let mut is_first = true;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let name = &head[4..];
        if is_first && (name != b"IHDR" || length != 13) {
            return false;
        }
        is_first = false;
        at = match at.checked_add(length + 12) {
            Some(next) if next <= bytes.len() => next,
            _ => return false,
        };
        if name == b"IEND" {
            return length == 0 && at == bytes.len();
        }
    }
    false
}

/// A marker after the start, and an end of image. Cameras append things of their own behind it.
fn is_jpeg(bytes: &[u8]) -> bool {
    let marker = bytes.get(3).is_some_and(|b| matches!(b, 0xc0..=0xfe));
    marker && bytes.len() > 20 && bytes[4..].windows(2).any(|pair| pair == [0xff, 0xd9])
}

/// A screen with a size, a first block, and the trailer at the very end (GIF89a, 17 to 27).
fn is_gif(bytes: &[u8]) -> bool {
    let Some(&[w0, w1, h0, h1, flags, ..]) = bytes.get(6..13) else { return false };
    let table = if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let first = bytes.get(13 + table);
    (w0 | w1 != 0)
        && (h0 | h1) != 0
        && first.is_some_and(|b| matches!(b, 0x21 | 0x2c))
        && bytes.last() == Some(&0x3b)
}

/// As long as it says (RIFF, with one byte of padding at most), with a first chunk of its own.
fn is_webp(bytes: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = bytes.get(4..8) else { return false };
    let length = u32::from_le_bytes([a, b, c, d]) as usize + 8;
    let chunk = bytes.get(12..16);
    let known = chunk.is_some_and(|name| [&b"VP8 "[..], b"VP8L", b"VP8X"].contains(&name));
    known && (bytes.len() == length || bytes.len() == length + length % 2)
}

/// With its end mark near its end (ISO 32000-1, 7.5).
fn is_pdf(bytes: &[u8]) -> bool {
    let end = &bytes[bytes.len().saturating_sub(1024)..];
    end.windows(5).any(|window| window == b"%%EOF")
}

/// UTF-8 without control characters, which does not begin like markup that a browser would take for a page.
fn is_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    let start = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t', '\u{c}']);
    let marks: [&[u8]; 6] = [b"<script", b"<html", b"<svg", b"<!doctype", b"<?", b"<body"];
    let near = &start.as_bytes()[..start.len().min(4096)];
    let markup = start.starts_with('<') && start[1..].starts_with(['!', '?', '/'])
        || marks.iter().any(|mark| contains(near, mark));
    !start.is_empty() && !markup && !text.contains(odd)
}

/// A name to save a file under: without a path, without characters that mislead, ending like its type.
pub fn safe_name(name: &str, kind: FileType) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !misleads(*c)).take(100).collect();
    let plain = plain.trim_matches(|c: char| c.is_whitespace() || c == '.');
    let plain = if plain.is_empty() { "file" } else { plain };
    let ending = plain.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending {
        Some(ending) if kind.endings().contains(&ending.as_str()) => plain.to_owned(),
        _ => format!("{plain}.{}", kind.endings()[0]),
    }
}

/// Control characters, those that turn the direction of what follows, and those that no file system takes.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '"' | '*' | ':' | '<' | '>' | '?' | '|')
}

#[cfg(test)]
#[path = "sniff_tests.rs"]
mod tests;
