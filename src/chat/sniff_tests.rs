use super::zip::tests::archive;
use super::*;

fn chunk(name: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length, name, data, &[0; 4]].concat()
}

fn png() -> Vec<u8> {
    let start = b"\x89PNG\r\n\x1a\n".to_vec();
    [start, chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", &[1, 2, 3]), chunk(b"IEND", &[])].concat()
}

fn gif() -> Vec<u8> {
    [b"GIF89a".as_slice(), &[1, 0, 1, 0, 0x80, 0, 0], &[0; 6], &[0x2c, 0, 0, 0], &[0x3b]].concat()
}

fn jpeg() -> Vec<u8> {
    [&[0xff, 0xd8, 0xff, 0xe0][..], &[0; 20], &[0xff, 0xd9]].concat()
}

fn webp() -> Vec<u8> {
    [b"RIFF".as_slice(), &12_u32.to_le_bytes(), b"WEBPVP8 ", &[0; 4]].concat()
}

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n%%EOF\n";

#[test]
fn files_are_what_their_bytes_are() {
    assert_eq!(sniff(&png()), Some(T::Png));
    assert_eq!(sniff(&gif()), Some(T::Gif));
    assert_eq!(sniff(&jpeg()), Some(T::Jpeg));
    assert_eq!(sniff(&webp()), Some(T::Webp));
    assert_eq!(sniff(PDF), Some(T::Pdf));
    assert_eq!(sniff("할 일:\r\n\t1 < 2\n".as_bytes()), Some(T::Text));
    let docx = archive(&[("[Content_Types].xml", b""), ("word/document.xml", b"")]);
    assert_eq!(sniff(&docx), Some(T::Docx));
}

#[test]
fn what_runs_in_a_browser_is_refused() {
    for text in [
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>1</script></svg>",
        "<?xml version=\"1.0\"?><svg/>",
        "<!DOCTYPE html><p>hi",
        " \n\u{feff}<HTML><body>",
        "hello <script>alert(1)</script>",
        "<!-- --><p>",
        "",
        "   \n",
        "a\0b",
        "\u{1b}[31m",
    ] {
        assert_eq!(sniff(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(sniff(b"\xff\xfe<\0s\0"), None, "UTF-16");
    assert_eq!(sniff(b"MZ\x90\0\x03"), None);
    assert_eq!(sniff(b"\x7fELF\x02\x01"), None);
    assert_eq!(sniff(&archive(&[("a.html", b"<script>")])), None);
}

#[test]
fn pictures_that_are_also_something_else_are_refused() {
    let more: [&[u8]; 3] = [b"<script>alert(1)</script>", b"PK\x05\x06\0\0", b"<HTML>"];
    for picture in [png(), gif(), jpeg(), webp()] {
        for tail in more {
            assert_eq!(sniff(&[&picture[..], tail].concat()), None);
        }
    }
    assert_eq!(sniff(b"GIF89a/*<svg onload=alert(1)>*/=1;"), None);
    assert_eq!(sniff(b"GIF89a=1;alert(1);//;"), None);
    let mut commented = png();
    commented.splice(33..33, chunk(b"tEXt", b"c\0<script>alert(1)</script>"));
    assert_eq!(sniff(&commented), None);
    assert_eq!(sniff(&png()[..40]), None, "cut off");
    assert_eq!(sniff(b"%PDF-1.7\nnothing follows"), None);
}

#[test]
fn any_bytes_are_looked_at_without_a_panic() {
    for whole in [png(), gif(), jpeg(), webp(), PDF.to_vec()] {
        for length in 0..whole.len() {
            let _ = sniff(&whole[..length]);
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] = 0xff;
            let _ = sniff(&changed);
        }
    }
}

#[test]
fn the_declared_type_is_read_without_its_parameters() {
    assert_eq!(FileType::declared("text/plain; charset=utf-8"), Some(T::Text));
    assert_eq!(FileType::declared("IMAGE/PNG"), Some(T::Png));
    for other in ["", "image/svg+xml", "text/html", "application/octet-stream", "image", "application/zip"] {
        assert_eq!(FileType::declared(other), None, "{other}");
    }
}

#[test]
fn names_lose_paths_and_tricks() {
    for (given, safe) in [
        ("photo.png", "photo.png"),
        ("Photo.PNG", "Photo.PNG"),
        ("../../etc/passwd", "passwd.png"),
        ("C:\\temp\\a.png", "a.png"),
        ("사진.png", "사진.png"),
        ("a.exe", "a.exe.png"),
        ("a\u{202e}gnp.exe", "agnp.exe.png"),
        ("\"; filename=x.html", "; filename=x.html.png"),
        ("..", "file.png"),
        ("", "file.png"),
        ("a\r\nX-Header: 1.png", "aX-Header 1.png"),
        (".htaccess", "htaccess.png"),
    ] {
        assert_eq!(safe_name(given, T::Png), safe, "{given:?}");
    }
    assert!(safe_name(&"x".repeat(500), T::Pdf).len() <= 104);
    assert_eq!(safe_name("photo.jpeg", T::Jpeg), "photo.jpeg");
}
