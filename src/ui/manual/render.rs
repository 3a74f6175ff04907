//! A page of the manual as HTML, in the frame of the other pages: headings can be linked to, links lead to pages of the manual,
//! tables scroll, and commands can be copied.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::{Source, place};

/// A page as HTML.
#[derive(Debug)]
pub struct Rendered {
    /// Its first heading.
    pub title: String,
    /// All of it, without the frame.
    pub html: String,
}

pub(super) fn render(source: &Source, prefix: &str) -> Rendered {
    let events: Vec<Event<'_>> = Parser::new_ext(source.text, Options::ENABLE_TABLES).collect();
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    // For each link that is open, whether it leads anywhere.
    let (mut links, mut title) = (Vec::new(), String::new());
    let mut shown = Vec::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                let words = words(&events[at..]);
                let id = Some(CowStr::from(slug(&words)));
                let (level, classes, attrs) = (*level, classes.clone(), attrs.clone());
                shown.push(Event::Start(Tag::Heading { level, id, classes, attrs }));
                if title.is_empty() {
                    title = words;
                }
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let target = target(dest_url, folder, prefix);
                links.push(target.is_some());
                if let Some(target) = target {
                    let (dest_url, link_type) = (target.into(), *link_type);
                    let (title, id) = (title.clone(), id.clone());
                    shown.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
            }
            Event::End(TagEnd::Link) => {
                if links.pop() == Some(true) {
                    shown.push(event.clone());
                }
            }
            // Without alignments: they would be styles, which pages must not have.
            Event::Start(Tag::Table(_)) => {
                let scroll =
                    r#"<div class="scroll" tabindex="0" role="region" aria-label="Table">"#;
                shown.push(Event::Html(scroll.into()));
                shown.push(Event::Start(Tag::Table(Vec::new())));
            }
            Event::End(TagEnd::Table) => {
                shown.push(event.clone());
                shown.push(Event::Html("</div>\n".into()));
            }
            Event::Start(Tag::CodeBlock(_)) => {
                shown.push(Event::Html(r#"<pre tabindex="0" data-copy><code>"#.into()));
            }
            Event::End(TagEnd::CodeBlock) => shown.push(Event::Html("</code></pre>\n".into())),
            // Comments for the test of the manual. Pictures are not part of the program: their names stay.
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::HtmlBlock | Tag::Image { .. })
            | Event::End(TagEnd::HtmlBlock | TagEnd::Image) => {}
            other => shown.push(other.clone()),
        }
    }
    let mut html = String::with_capacity(source.text.len() * 2);
    html::push_html(&mut html, shown.into_iter());
    Rendered { title, html }
}

/// The words of the heading with which these events begin.
fn words(events: &[Event<'_>]) -> String {
    let heading =
        events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let words = heading.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(&**text),
        _ => None,
    });
    words.collect()
}

/// The name of a heading in links, as forges make it.
fn slug(words: &str) -> String {
    let lower = words.to_lowercase();
    let kept =
        lower.chars().filter(|char| char.is_alphanumeric() || matches!(char, '-' | '_' | ' '));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// Where a link of a page in this folder leads; `None` where that is not part of the program.
fn target(link: &str, folder: &str, prefix: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            ".." => drop(path.pop()?),
            part => path.push(part),
        }
    }
    let place = place(&path.join("/"))?;
    let heading = if heading.is_empty() { String::new() } else { format!("#{heading}") };
    Some(format!("{prefix}/manual{place}{heading}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_manual_or_are_text() {
        let text = "# The `x` of y-z: 1\n\nSee [a](rules.md#headers), [b](deploy/packages.md), [c](README.md), [d](../src/a.rs), \
            [e](https://example.org/), [f](#the-x-of-y-z-1).\n<!-- hidden -->\n\n```sh\na <b> &c\n```\n\n| h | n |\n|---|--:|\n| 1 | 2 |\n\n![P](p.png)\n";
        let of = |path| render(&Source { path, text }, "/p");
        let Rendered { title, html } = of("ui");
        assert_eq!(title, "The x of y-z: 1");
        for part in [
            r#"<h1 id="the-x-of-y-z-1">The <code>x</code> of y-z: 1</h1>"#,
            r#"<a href="/p/manual/rules#headers">a</a>"#,
            r#"<a href="/p/manual/deploy/packages">b</a>"#,
            r#"<a href="/p/manual">c</a>, d,"#,
            r#"<a href="https://example.org/">e</a>"#,
            r##"<a href="#the-x-of-y-z-1">f</a>"##,
            "data-copy><code>a &lt;b&gt; &amp;c\n</code></pre>",
            "<th>h</th><th>n</th>",
            "<p>P</p>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("hidden"), "{html}");
        let html = of("deploy/systemd").html;
        assert!(html.contains("See a, b, c, d, "), "they are elsewhere: {html}");
    }
}
