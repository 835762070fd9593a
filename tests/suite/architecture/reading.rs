//! Enough reading of Rust to check its text: comments and strings apart from code, and the paths that code names.

/// A source without comments: its code, with every string literal left empty, and the strings.
#[derive(Default)]
pub struct Source {
    pub code: String,
    pub strings: Vec<String>,
}

pub fn read(text: &str) -> Source {
    let mut source = Source::default();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some((string, after)) = raw_string(rest).filter(|_| !in_word(&source.code)) {
            source.strings.push(string.to_owned());
            source.code.push_str("\"\"");
            rest = after;
        } else if next == '"' {
            let end = string_end(&rest[1..]);
            source.strings.push(rest[1..][..end].to_owned());
            source.code.push_str("\"\"");
            rest = rest[1 + end..].strip_prefix('"').unwrap_or("");
        } else if let Some(after) =
            ["'\"'", "'\\\"'", "'\\''", "b'\"'"].iter().find_map(|c| rest.strip_prefix(c))
        {
            rest = after;
        } else {
            source.code.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    source
}

/// `r"…"` or `r#"…"#` at the start of the text: the string, and what follows it.
fn raw_string(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix('r')?;
    let hashes = after.bytes().take_while(|b| *b == b'#').count();
    let body = after[hashes..].strip_prefix('"')?;
    body.split_once(&format!("\"{}", "#".repeat(hashes)))
}

fn in_word(code: &str) -> bool {
    code.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn string_end(body: &str) -> usize {
    let mut escaped = false;
    let end = body.char_indices().find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(body.len(), |(at, _)| at)
}

/// Every path under `root`, such as `crate::`, that the code names, without the root; the groups of `use` are
/// written out.
pub fn paths_under(root: &str, code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices(root).filter(|(at, _)| !in_word(&code[..*at])) {
        expand("", &code[at + root.len()..], &mut paths);
    }
    paths
}

/// Adds the path, or each path of the group, that stands at the start of the code; gives what follows.
fn expand<'a>(prefix: &str, code: &'a str, paths: &mut Vec<String>) -> &'a str {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(code.len());
    let (name, mut rest) = code.split_at(end);
    let path = format!("{prefix}{name}");
    if !(path.ends_with("::") || path.is_empty()) || !rest.starts_with('{') {
        paths.push(path);
        return rest;
    }
    rest = &rest[1..];
    loop {
        rest = expand(&path, rest.trim_start(), paths).trim_start();
        // `self as name` and the like say nothing new.
        rest = rest.trim_start_matches(|c| !matches!(c, ',' | '}'));
        match rest.strip_prefix(',').map(str::trim_start) {
            Some(more) if !more.starts_with('}') => rest = more,
            more => return more.unwrap_or(rest).strip_prefix('}').unwrap_or(""),
        }
    }
}
