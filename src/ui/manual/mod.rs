//! The manual of this version: the pages of `docs/`, which are part of the program.
//!
//! [`manual`] finds a page, and `render` makes HTML of it.

mod render;

pub use render::Rendered;

/// A page of the manual.
#[derive(Debug)]
struct Source {
    /// Its file below `docs/`, without `.md`.
    path: &'static str,
    /// Its text, in Markdown.
    text: &'static str,
}

/// The page that lists the others.
const INDEX: &str = "README";

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        &[$(Source { path: $path, text: include_str!(concat!("../../../docs/", $path, ".md")) }),*]
    };
}

/// All pages for users. What is only for those who work on the code is left out.
const SOURCES: &[Source] = sources![
    "README",
    "access",
    "aggregation",
    "api",
    "check",
    "clients",
    "compatibility",
    "deploy/first-ten-minutes",
    "deploy/packages",
    "deploy/replicas",
    "deploy/reverse-proxy",
    "deploy/scale-out",
    "deploy/systemd",
    "deploy/upgrade",
    "faq",
    "flags",
    "getting-started",
    "history",
    "lexicon",
    "limits",
    "metrics",
    "migrating",
    "monitoring",
    "persistence",
    "pushing",
    "recipes",
    "rules",
    "scraping",
    "signals",
    "troubleshooting",
    "tuning",
    "ui",
    "web-config",
    "when-not-to-use",
];

/// The page of this path behind `/manual/`, empty for the page that lists the others. `prefix` is what all paths begin with.
pub fn manual(path: &str, prefix: &str) -> Option<Rendered> {
    let path = if path.is_empty() { INDEX } else { path };
    SOURCES.iter().find(|source| source.path == path).map(|source| render::render(source, prefix))
}

/// Where the page with this file below `docs/` is, behind `/manual`.
fn place(file: &str) -> Option<String> {
    let path = file.strip_suffix(".md")?;
    let source = SOURCES.iter().find(|source| source.path == path)?;
    Some(if source.path == INDEX { String::new() } else { format!("/{}", source.path) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// What only those need who work on the code.
    const LEFT_OUT: [&str; 3] = ["ARCHITECTURE.md", "benchmarks.md", "releasing.md"];

    #[test]
    fn every_page_for_users_is_part_of_the_program() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        for folder in ["", "deploy/"] {
            for entry in std::fs::read_dir(docs.join(folder)).expect("the folder is there") {
                let name = entry.expect("it can be read").file_name();
                let name = format!("{folder}{}", name.to_string_lossy());
                let is_page = name.ends_with(".md") && !LEFT_OUT.contains(&&*name);
                assert_eq!(place(&name).is_some(), is_page, "{name}");
            }
        }
    }

    #[test]
    fn every_link_within_the_manual_leads_to_a_heading_that_is_there() {
        let rendered = |source: &Source| manual(source.path, "/p").expect("it is there").html;
        let ids = |html: &str| -> BTreeSet<String> {
            html.split(" id=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned)
                .collect()
        };
        let mut followed = 0;
        for source in SOURCES {
            let html = rendered(source);
            for link in html.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                if link.starts_with("https://") {
                    continue;
                }
                let (page, heading) = link.split_once('#').unwrap_or((link, ""));
                let there = match page.strip_prefix("/p/manual") {
                    Some(path) => manual(path.trim_start_matches('/'), "").expect(link).html,
                    None => {
                        assert_eq!(page, "", "{link} in {}", source.path);
                        html.clone()
                    }
                };
                assert!(
                    heading.is_empty() || ids(&there).contains(heading),
                    "{link} in {}",
                    source.path
                );
                followed += 1;
            }
            assert!(!html.contains(".md") || !html.contains("href=\"../"), "{}", source.path);
        }
        assert!(followed > 150, "{followed}");
    }

    #[test]
    fn a_page_is_plain_html_without_styles_scripts_and_comments() {
        for source in SOURCES {
            let Rendered { title, html } = manual(source.path, "").expect("it is there");
            assert!(!title.is_empty() && html.contains("<h1"), "{}", source.path);
            for bad in [" style=", "<script", "<!--", "<img", "&lt;!--"] {
                assert!(!html.contains(bad), "{bad} in {}", source.path);
            }
        }
        assert!(manual("nothing", "").is_none() && manual("../README", "").is_none());
    }
}
