//! The two upper floors of a MIME message, and no more: its headers, and the parts that lie side by side in it.
//!
//! Headers and encodings are read by the crate. The parts are not: it follows a message into itself as deep as the
//! message says, and a stranger wrote this one. A delivery report is flat, so nothing here calls itself, and each byte
//! is looked at a fixed number of times.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Header, HeaderName, HeaderValue, MessageParser};

/// Bytes of headers that are looked at.
const HEAD_MAX: usize = 64 * 1024;
/// A report has three parts.
const PARTS_MAX: usize = 16;

/// The headers of a message or of a part, and what stands below them.
pub(super) struct Part<'x> {
    pub headers: Vec<Header<'static>>,
    /// As it was sent.
    pub body: &'x [u8],
}

impl<'x> Part<'x> {
    pub(super) fn read(bytes: &'x [u8]) -> Self {
        let (head, body) = split(bytes);
        Self { headers: headers(head), body }
    }

    /// Type and subtype, in lower case.
    pub(super) fn kind(&self) -> String {
        let Some(kind) = self.header("Content-Type").and_then(HeaderValue::as_content_type) else {
            return "text/plain".to_owned();
        };
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
    }

    /// A parameter of the type.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.header("Content-Type").and_then(HeaderValue::as_content_type)?.attribute(name)
    }

    /// What stands below the headers, decoded; as it was sent where it cannot be.
    pub(super) fn content(&self) -> Cow<'x, [u8]> {
        let encoding = text(&self.headers, "Content-Transfer-Encoding").unwrap_or_default();
        let decoded = match encoding.to_ascii_lowercase().as_str() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.body), Cow::Owned)
    }

    /// The parts between the lines of a boundary. The last one may lack its end: reports are cut.
    pub(super) fn parts(&self, boundary: &str) -> Vec<Part<'x>> {
        let (mut found, mut begun, mut at) = (Vec::new(), None, 0);
        for line in self.body.split_inclusive(|byte| *byte == b'\n') {
            let next = at + line.len();
            let behind = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
            // A longer word that begins alike is another boundary.
            let behind = behind.map(<[u8]>::trim_ascii_end).filter(|rest| matches!(*rest, b"" | b"--"));
            if let Some(behind) = behind {
                if let Some(start) = begun.take() {
                    found.push(Self::read(&self.body[start..at]));
                }
                if !behind.is_empty() || found.len() == PARTS_MAX {
                    return found;
                }
                begun = Some(next);
            }
            at = next;
        }
        found.extend(begun.map(|start| Self::read(&self.body[start..])));
        found
    }

    fn header(&self, name: &str) -> Option<&HeaderValue<'static>> {
        self.headers
            .iter()
            .find(|header| header.name().eq_ignore_ascii_case(name))
            .map(|header| &header.value)
    }
}

/// What stands above the first empty line, and below it.
pub(super) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return (&bytes[..at], &bytes[next..]);
        }
        at = next;
    }
    (bytes, &[])
}

/// The fields of a block, as `Name: value`.
pub(super) fn headers(block: &[u8]) -> Vec<Header<'static>> {
    let mut block = block[..block.len().min(HEAD_MAX)].to_vec();
    // The crate drops a value that ends without a line end.
    block.extend_from_slice(b"\r\n\r\n");
    let read = MessageParser::new().parse_headers(&block);
    let parts = read.map(|message| message.parts).unwrap_or_default();
    parts.into_iter().flat_map(|part| part.headers).map(Header::into_owned).collect()
}

/// The value of the first field of a name, on one line.
pub(super) fn text(headers: &[Header<'_>], name: &str) -> Option<String> {
    let header = headers.iter().find(|header| header.name().eq_ignore_ascii_case(name))?;
    let text = header.value.as_text()?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// The `Message-ID`, with its angle brackets.
pub(super) fn message_id(headers: &[Header<'_>]) -> Option<String> {
    let header = headers.iter().find(|header| header.name == HeaderName::MessageId)?;
    Some(format!("<{}>", header.value.as_text()?))
}
