//! The table of contents of a ZIP archive, as far as office documents need to be told from other archives. Nothing is
//! unpacked. (PKWARE APPNOTE 4.3; ISO/IEC 29500-2 for OPC, ISO/IEC 26300-3 for ODF.)

use super::sniff::FileType;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;
const MOST_ENTRIES: usize = 10_000;

/// The office document that an archive is. `None`: another archive, one with macros, or one with something before or
/// behind it.
pub fn office(bytes: &[u8]) -> Option<FileType> {
    let names = names(bytes)?;
    let has = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let has_macros = names.iter().any(|n| n.to_ascii_lowercase().ends_with("vbaproject.bin"));
    if has_macros {
        return None;
    }
    if has("[Content_Types].xml") {
        let kinds = [
            ("word/document.xml", FileType::Docx),
            ("xl/workbook.xml", FileType::Xlsx),
            ("ppt/presentation.xml", FileType::Pptx),
        ];
        let mut found = kinds.into_iter().filter(|(name, _)| has(name)).map(|(_, kind)| kind);
        let kind = found.next();
        return if found.next().is_none() { kind } else { None };
    }
    if names.first().is_some_and(|n| n == "mimetype") {
        let told = first_stored(bytes)?;
        return [FileType::Odt, FileType::Ods, FileType::Odp]
            .into_iter()
            .find(|kind| kind.media_type().as_bytes() == told);
    }
    None
}

/// The names in the directory, which must end where the file ends.
fn names(bytes: &[u8]) -> Option<Vec<String>> {
    if !bytes.starts_with(LOCAL) || bytes.len() < END_LENGTH {
        return None;
    }
    let end = (bytes.len().saturating_sub(END_LENGTH + usize::from(u16::MAX))..=bytes.len() - END_LENGTH)
        .rev()
        .find(|at| {
            bytes[*at..].starts_with(END)
                && u16_at(bytes, at + 20).map(usize::from) == Some(bytes.len() - at - END_LENGTH)
        })?;
    let count = usize::from(u16_at(bytes, end + 10)?);
    let (size, mut at) = (u32_at(bytes, end + 12)? as usize, u32_at(bytes, end + 16)? as usize);
    if at.checked_add(size)? != end || count == 0 || count > MOST_ENTRIES {
        return None;
    }
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        if !bytes.get(at..end)?.starts_with(ENTRY) {
            return None;
        }
        let length = |offset| u16_at(bytes, at + offset).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let text = bytes.get(at + ENTRY_LENGTH..at + ENTRY_LENGTH + name)?;
        names.push(std::str::from_utf8(text).ok()?.to_owned());
        at += ENTRY_LENGTH + name + extra + comment;
    }
    (at == end).then_some(names)
}

/// The content of the first file when it is stored as it is.
fn first_stored(bytes: &[u8]) -> Option<&[u8]> {
    let length = |at| u16_at(bytes, at).map(usize::from);
    let (method, size) = (length(8)?, u32_at(bytes, 18)? as usize);
    let start = LOCAL_LENGTH + length(26)? + length(28)?;
    if method != 0 || size > 100 { None } else { bytes.get(start..start + size) }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of stored files.
    pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        let u16s = |n: usize| u16::try_from(n).unwrap().to_le_bytes();
        let u32s = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        for (name, content) in files {
            let offset = bytes.len();
            let sizes = [u32s(content.len()), u32s(content.len())].concat();
            bytes.extend([LOCAL, &[20, 0], &[0; 8], &[0; 4], &sizes, &u16s(name.len()), &[0; 2]].concat());
            bytes.extend([name.as_bytes(), content].concat());
            directory.extend(
                [
                    ENTRY,
                    &[20, 0, 20, 0],
                    &[0; 8],
                    &[0; 4],
                    &sizes,
                    &u16s(name.len()),
                    &[0; 12],
                    &u32s(offset),
                ]
                .concat(),
            );
            directory.extend(name.as_bytes());
        }
        let (count, at) = (u16s(files.len()), bytes.len());
        let end = [END, &[0; 4], &count, &count, &u32s(directory.len()), &u32s(at), &[0; 2]].concat();
        [bytes, directory, end].concat()
    }

    #[test]
    fn office_documents_are_told_from_other_archives() {
        let types: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");
        let docx = archive(&[types, ("word/document.xml", b"<w/>")]);
        assert_eq!(office(&docx), Some(FileType::Docx));
        assert_eq!(office(&archive(&[types, ("xl/workbook.xml", b"")])), Some(FileType::Xlsx));
        assert_eq!(office(&archive(&[types, ("ppt/presentation.xml", b"")])), Some(FileType::Pptx));
        let odt = b"application/vnd.oasis.opendocument.text";
        assert_eq!(office(&archive(&[("mimetype", odt), ("content.xml", b"")])), Some(FileType::Odt));
        assert_eq!(office(&archive(&[("mimetype", b"text/html"), ("content.xml", b"")])), None);
        assert_eq!(office(&archive(&[("a.txt", b"hi")])), None);
        assert_eq!(office(&archive(&[types, ("META-INF/MANIFEST.MF", b"")])), None);
        let both = archive(&[types, ("word/document.xml", b""), ("xl/workbook.xml", b"")]);
        assert_eq!(office(&both), None);
        let macros = archive(&[types, ("word/document.xml", b""), ("word/vbaProject.bin", b"")]);
        assert_eq!(office(&macros), None);
        assert_eq!(office(&[&docx[..], b"<script>"].concat()), None, "something behind it");
        assert_eq!(office(&[b"x", &docx[..]].concat()), None, "something before it");
    }

    #[test]
    fn broken_archives_are_refused_without_a_panic() {
        let docx = archive(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]);
        for length in 0..docx.len() {
            assert_eq!(office(&docx[..length]), None, "{length}");
        }
        for at in 0..docx.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = docx.clone();
                broken[at] = value;
                // Whatever it says, it comes back.
                let _ = office(&broken);
            }
        }
    }
}
