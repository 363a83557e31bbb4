//! `report.html`: one file that opens from a disk, with nothing from elsewhere, and is read without scripts.
//!
//! Askama escapes every value. The policy in the head names the style sheet and the one script (search, order, folding) by
//! their hashes and allows nothing else, so even a value that slipped through could load and run nothing.

use std::io::{self, Write};

use askama::Template;

use super::lang::Lang;
use super::page::Page;
use super::policy::policy;
use super::{Output, Results};

const CSS: &str = include_str!("templates/report.css");
const JS: &str = include_str!("templates/report.js");

/// The output.
pub struct ReportHtml;

impl Output for ReportHtml {
    fn id(&self) -> &'static str {
        "report-html"
    }

    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        let html = Html {
            lang: results.lang,
            page: &Page::new(results),
            css: CSS,
            js: JS,
            policy: policy(CSS, Some(JS)),
        };
        html.write_into(w).map_err(io::Error::other)
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Html<'a> {
    lang: Lang,
    page: &'a Page,
    css: &'static str,
    js: &'static str,
    policy: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{HOSTILE, hostile, written};

    #[test]
    fn hostile_text_stays_text() {
        let html = written(&ReportHtml, &hostile());
        assert!(html.contains("pc-1"), "the finding is told");
        let body = html.split_once("</style>").unwrap().1.to_ascii_lowercase();
        // The one script is ours and stands at the end.
        let (body, script) = body.rsplit_once("<script>").unwrap();
        assert_eq!(
            script,
            format!("{}</script>\n</body>\n</html>", JS.to_ascii_lowercase())
        );
        for bad in [
            "<script",
            "<img",
            "onerror=\"",
            "onerror='",
            "javascript:",
            "<iframe",
            "\u{202e}",
            "\u{1b}",
            "\u{0}",
        ] {
            assert!(!body.contains(bad), "{bad:?} stands in the page");
        }
        // The text itself is there, escaped.
        assert!(body.contains("&#60;script&#62;") && body.contains("\\u{202e}") && body.contains("\\x1b"));
        for text in HOSTILE {
            assert!(
                !html.contains(text) || !text.contains(['<', '"']),
                "{text:?} stands unescaped"
            );
        }
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let html = written(&ReportHtml, &hostile());
        for loads in [
            "src=",
            "<link",
            "@import",
            "url(",
            "<script ",
            "href=\"http",
            "<object",
            "<embed",
            "<form",
            " style=",
            "http-equiv=\"refresh",
        ] {
            assert!(!html.contains(loads), "{loads} in the page");
        }
        assert!(html.contains("default-src &#39;none&#39;; style-src &#39;sha256-"));
        assert_eq!(html.matches("<script>").count(), 1);
        assert!(html.matches("href=\"").count() == html.matches("href=\"#").count());
    }

    #[test]
    fn every_anchor_leads_somewhere_and_tags_are_balanced() {
        let html = written(&ReportHtml, &hostile());
        for link in html.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(html.contains(&format!("id=\"{name}\"")), "#{name}");
        }
        for tag in [
            "details", "section", "table", "tbody", "tr", "td", "dl", "ol", "ul", "li", "div", "svg", "code", "p",
        ] {
            let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn an_empty_hunt_says_that_it_proves_nothing() {
        let mut results = hostile();
        results.findings.clear();
        let html = written(&ReportHtml, &results);
        assert!(html.contains("no proof that nothing happened"));
    }
}
