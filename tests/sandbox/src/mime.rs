//! As much of MIME as is needed to read the mails that were sent: headers with encoded words (RFC 2047), the first
//! text part, quoted-printable and base64. Anything unexpected stays as it is: a sink refuses nothing.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Multipart nesting beyond this is not followed.
const DEPTH: usize = 8;
/// Encoders differ in their padding and spare bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Unfolded headers, in order.
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Headers and body, which an empty line parts.
pub(crate) fn split(raw: &[u8]) -> (Headers, &[u8]) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let line = String::from_utf8_lossy(&rest[..end]);
        let line = line.trim_end_matches(['\r', '\n']);
        rest = &rest[end..];
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim_start());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    (Headers(headers), rest)
}

/// The first `text/plain` part, else the first `text/html` part, decoded.
pub(crate) fn text(raw: &[u8]) -> String {
    part(raw, "text/plain", 0).or_else(|| html(raw)).unwrap_or_default()
}

/// The first `text/html` part, decoded.
pub(crate) fn html(raw: &[u8]) -> Option<String> {
    part(raw, "text/html", 0)
}

/// The first `text/calendar` part, decoded; with the line ends it has.
pub(crate) fn calendar(raw: &[u8]) -> Option<String> {
    let text = part(raw, "text/calendar", 0)?;
    Some(text.replace('\n', "\r\n"))
}

fn part(raw: &[u8], wanted: &str, depth: usize) -> Option<String> {
    let (headers, body) = split(raw);
    let content_type = headers.get("content-type").unwrap_or("text/plain");
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind.starts_with("multipart/") && depth < DEPTH {
        let boundary = parameter(content_type, "boundary")?;
        return parts(body, &boundary).into_iter().find_map(|inner| part(inner, wanted, depth + 1));
    }
    if kind != wanted {
        return None;
    }
    let encoding = headers.get("content-transfer-encoding").unwrap_or("7bit").to_ascii_lowercase();
    let bytes = match encoding.as_str() {
        "base64" => base64(body),
        "quoted-printable" => quoted_printable(body, false),
        _ => body.to_vec(),
    };
    Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|piece| {
        let (key, value) = piece.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let closing = format!("--{boundary}--");
    let mut found = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii_end();
        if text == delimiter.as_bytes() || text == closing.as_bytes() {
            if let Some(start) = start {
                // The line break before a delimiter belongs to the delimiter.
                let inner: &[u8] = &body[start..at];
                let inner = inner.strip_suffix(b"\n").unwrap_or(inner);
                found.push(inner.strip_suffix(b"\r").unwrap_or(inner));
            }
            start = (text == delimiter.as_bytes()).then_some(at + line.len());
        }
        at += line.len();
    }
    found
}

fn base64(body: &[u8]) -> Vec<u8> {
    let packed: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    LENIENT.decode(&packed).unwrap_or_else(|_| body.to_vec())
}

/// `word`: inside an encoded word, where `_` is a space.
fn quoted_printable(body: &[u8], word: bool) -> Vec<u8> {
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        rest = match rest {
            [] => return out,
            [b'=', b'\r', b'\n', tail @ ..] | [b'=', b'\n', tail @ ..] => tail,
            [b'=', high, low, tail @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0));
                tail
            }
            [b'_', tail @ ..] if word => {
                out.push(b' ');
                tail
            }
            [byte, tail @ ..] => {
                out.push(*byte);
                tail
            }
        };
    }
}

/// Decodes the encoded words of a header; white space between two of them disappears.
pub(crate) fn decode_words(header: &str) -> String {
    // Bytes are gathered first: a character may be torn over two words.
    let mut out: Vec<u8> = Vec::new();
    let mut rest = header;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        if !(after_word && before.trim().is_empty()) {
            out.extend_from_slice(before.as_bytes());
        }
        match word(from) {
            Some((bytes, tail)) => {
                out.extend(bytes);
                rest = tail;
                after_word = true;
            }
            None => {
                out.extend_from_slice(b"=?");
                rest = &from[2..];
                after_word = false;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// `=?charset?encoding?text?=` at the start, and what follows it.
fn word(from: &str) -> Option<(Vec<u8>, &str)> {
    let (_charset, rest) = from.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (text, tail) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => LENIENT.decode(text).ok()?,
        "Q" | "q" => quoted_printable(text.as_bytes(), true),
        _ => return None,
    };
    Some((bytes, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_joined_before_they_are_read() {
        // "예약" in UTF-8 is EC 98 88 EC 95 BD; the second character is torn.
        assert_eq!(decode_words("=?utf-8?B?7JiI7A==?=\r\n =?utf-8?B?lb0=?= OK"), "예약 OK");
        assert_eq!(decode_words("=?UTF-8?Q?a_b=3D?= plain =?x"), "a b= plain =?x");
    }

    #[test]
    fn the_text_part_of_a_nested_mail_is_found() {
        let raw = b"Subject: x\r\nContent-Type: multipart/mixed;\r\n boundary=\"out\"\r\n\r\n\
            --out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n\
            --in\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n\
            --in\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            =EC=98=88=\r\n=EC=95=BD\r\nzwei\r\n--in--\r\n--out--\r\n";
        assert_eq!(text(raw), "예약\nzwei");
    }
}
