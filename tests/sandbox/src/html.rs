//! HTML without a template engine: escaping, one page frame, amounts of money.

use poem::Response;
use poem::http::StatusCode;

const STYLE: &str = "
:root{color-scheme:light dark;--line:#d9dee5;--soft:#6b7684;--blue:#3182f6}
*{box-sizing:border-box}
body{font:15px/1.55 system-ui,'Apple SD Gothic Neo','Noto Sans KR',sans-serif;max-width:62rem;margin:0 auto;padding:2rem 1rem}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}
p.note,td small{color:var(--soft)}a{color:var(--blue)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--line);border-radius:.6rem;padding:1rem}
.card{max-width:26rem;margin:8vh auto;border:1px solid var(--line);border-radius:1.2rem;padding:2rem}
.amount{font-size:2rem;font-weight:700;margin:.3rem 0 1.2rem}
button{display:block;width:100%;margin:.5rem 0;padding:.85rem 1rem;border:1px solid var(--line);border-radius:.8rem;background:transparent;font:inherit;color:inherit;cursor:pointer;text-align:left}
button.main{background:var(--blue);border-color:var(--blue);color:#fff;font-weight:600;text-align:center}
button:focus-visible,a:focus-visible{outline:3px solid var(--blue);outline-offset:2px}
button small{display:block;color:var(--soft)}";

/// Text that is safe between tags and inside double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A whole page; `title` is escaped here, `body` must be HTML already.
pub(crate) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"ko\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>"
    );
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        // No script at all: what mails and orders contain is only ever shown.
        .header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'",
        )
        .header("referrer-policy", "no-referrer")
        .body(html)
}

/// `12,345원`.
pub(crate) fn won(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{}{out}원", if amount < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_money_grouped() {
        assert_eq!(escape("<a href=\"'&"), "&lt;a href=&quot;&#39;&amp;");
        assert_eq!(won(1_234_567), "1,234,567원");
        assert_eq!(won(999), "999원");
        assert_eq!(won(-1_000), "-1,000원");
    }
}
