//! The layout of the pages for people.

use actix_web::HttpResponse;
use actix_web::http::header;

/// The style of the pages: light or dark as the browser prefers, readable on every screen.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1f2328;--muted:#57606a;--page:#fff;--panel:#f6f8fa;--line:#d0d7de;--link:#0550ae}\
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--muted:#9198a1;--page:#0d1117;--panel:#161b22;--line:#3d444d;--link:#79b8ff}}\
body{margin:0;background:var(--page);color:var(--text);font:1.0625rem/1.6 system-ui,sans-serif}\
main{max-width:42rem;margin:0 auto;padding:3rem 1.25rem}\
h1{font-size:1.875rem;line-height:1.25;margin:0 0 .75rem}\
h2{font-size:1.1875rem;margin:2rem 0 .375rem}\
p{margin:0 0 .75rem}\
.muted{color:var(--muted)}\
code{background:var(--panel);border:1px solid var(--line);border-radius:.25rem;padding:.0625rem .3125rem;\
font:.9375em ui-monospace,monospace;overflow-wrap:anywhere;box-decoration-break:clone}\
a{color:var(--link)}\
a:focus-visible{outline:3px solid var(--link);outline-offset:2px}\
dl{margin:1.5rem 0 0}dt{font-weight:600;margin-top:1rem}dd{margin:.125rem 0 0}";

/// Content security policy: nothing but the style, by its digest.
const POLICY: &str = "default-src 'none'; style-src 'sha256-CIy5QeDStQIAqTm4ZnQLRDLRKucqUlNovOSlZk8nV+A='; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A page with a heading. `body` is HTML: text in it is escaped with [`text`].
pub(super) fn page(title: &str, heading: &str, body: &str) -> HttpResponse {
    let (title, heading) = (escape(title), escape(heading));
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{heading}</h1>\n{body}</main>\n</body>\n</html>\n"
        ))
}

/// Text as HTML: what is between back-ticks becomes code.
pub(super) fn text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (number, part) in text.split('`').enumerate() {
        let part = escape(part);
        if number % 2 == 0 {
            html.push_str(&part);
        } else {
            html.push_str("<code>");
            html.push_str(&part);
            html.push_str("</code>");
        }
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::problem::Code;

    #[test]
    fn the_policy_allows_exactly_the_style() {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        assert!(
            POLICY.contains(&format!("'sha256-{digest}'")),
            "the digest is {digest}"
        );
    }

    #[test]
    fn what_is_between_back_ticks_is_code_and_all_text_is_escaped() {
        assert_eq!(
            text("a `b` <c> & \"d\""),
            "a <code>b</code> &lt;c&gt; &amp; &quot;d&quot;"
        );
        assert_eq!(text("`<b>`"), "<code>&lt;b&gt;</code>");
    }

    #[test]
    fn every_back_tick_of_a_problem_page_has_its_counterpart() {
        for code in Code::ALL {
            for text in [code.meaning(), code.remedy()] {
                assert_eq!(text.matches('`').count() % 2, 0, "{text}");
            }
        }
    }
}
