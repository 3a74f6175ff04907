//! Pushed text stays text on every page that shows it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;

use super::*;
use crate::exposition::Kind;
use crate::push::GroupingKey;
use crate::rejections::{Rejection, RejectionFilter};
use crate::shard::{FamilyView, JobCounts, Rhythm, Timestamp};

/// Texts that would do something, were they anything else than text.
const HOSTILE: [&str; 56] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "'><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=alert(1) x=\"",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<body onload=alert(1)>",
    "<math><mi xlink:href=javascript:alert(1)>x",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><button>x",
    "<button formaction=javascript:alert(1)>x",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<style>*{background:url(javascript:alert(1))}</style>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</select><script>alert(1)</script>",
    "</table><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<!--<img src=x onerror=alert(1)>-->",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?><x/>",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<x style=\"behavior:url(x)\">",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&\"'<>`=/\\",
    "{{ 7*7 }}{% if true %}${7*7}<%= 7*7 %>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\u{ff1c}script\u{ff1e}alert(1)\u{ff1c}/script\u{ff1e}",
    "\\u003cscript\\u003ealert(1)",
    "<scr\u{0}ipt>alert(1)</scr\u{0}ipt>",
    "\r\nSet-Cookie: x=1\r\n\r\n<script>alert(1)</script>",
    "../../../../etc/passwd",
    "\u{202e}<img src=x onerror=alert(1)>\u{202c}",
    "😀<b>é</b>",
];

/// The tags of a page: each with all that is in it. Were a text not escaped, there would be others.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let mut quote = None;
        let end = rest[start..].find(|char| match (quote, char) {
            (None, '"' | '\'') => {
                quote = Some(char);
                false
            }
            (Some(open), char) if open == char => {
                quote = None;
                false
            }
            (None, '>') => true,
            _ => false,
        });
        let end = start + end.expect("every tag ends");
        // Only the names of attributes are kept, and not their values.
        let tag = &rest[start..end];
        // Where a name may be broken depends on the name.
        let names = tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        if names != "<wbr" {
            tags.push(names);
        }
        rest = &rest[end + 1..];
    }
    tags
}

/// Every page, with one text in each place that a push can fill.
fn pages(text: &str) -> Vec<(&'static str, String)> {
    let mut escaped = Vec::new();
    crate::exposition::write_label_value(&mut escaped, text.as_bytes());
    let escaped = String::from_utf8(escaped).expect("is UTF-8");
    let key = format!("a=\"{escaped}\",instance=\"\",job=\"{escaped}\"");
    assert!(GroupingKey::from_text(&key, false).is_some(), "{text:?}");
    let (pushed, failed) = (Timestamp::from_nanos(1), Timestamp::from_nanos(2));
    let key = Arc::from(key);
    let sum = Arc::clone(&key);
    let row = Row {
        key,
        has_empty_instance: false,
        pushed,
        failed,
        rhythm: Rhythm::default(),
        expires: Some(Due { at: pushed, rule: Some(1), hold: Duration::from_secs(9) }),
        families: 1,
        series: 1,
        bytes: 1,
        sources: None,
        has_left_natives_out: false,
        sum: Some(sum),
    };
    let now = Timestamp::from_nanos(3);
    let frame = Frame {
        prefix: "/p",
        telemetry_path: "/metrics",
        is_admin: true,
        section: "/",
        token: "t",
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("q", text), ("job", text)])
        .finish();
    let filter = Filter::parse(&query).expect("it makes sense");
    let rejection = Rejection {
        method: text.to_owned(),
        path: text.to_owned(),
        job: text.to_owned(),
        source: text.to_owned(),
        user: text.to_owned(),
        reason: text.to_owned(),
        request_id: text.to_owned(),
        ..Rejection::default()
    };
    let line = || vec![GroupLine::new(&row, now).with_rejection(Some(&rejection), now)];
    let job_line = || {
        let mut jobs = Jobs::default();
        jobs.add(&row, now);
        let (job, last_push) = (Arc::from(row.job()), pushed);
        let counts = JobCounts { job, last_push, pushes: 3, failures: 2, expired: 1, groups: 1 };
        jobs.add_ledger(counts, |_| true);
        JobLine::new(&jobs.worst(1)[0], now).with_rejection(Some(&rejection), now)
    };
    let samples = format!("m{{l=\"{escaped}\"}} 1\n",);
    let histogram = format!(
        "m_bucket{{l=\"{escaped}\",le=\"+Inf\"}} 1\nm_sum{{l=\"{escaped}\"}} 1\nm_count{{l=\"{escaped}\"}} 1\n"
    );
    let summary = format!(
        "m{{l=\"{escaped}\",quantile=\"0.5\"}} 1\nm_sum{{l=\"{escaped}\"}} 1\nm_count{{l=\"{escaped}\"}} 1\n"
    );
    let listeners = [text.to_owned()];
    let query_url = |query: &str| format!("http://p/{query}");
    let (labels, key) = (Vec::new(), Arc::clone(&row.key));
    let seen = Seen { labels, key, before: None, query_url: &query_url, now };
    let family = |kind, name: &str, samples: &str| {
        let stored = FamilyView {
            name: Arc::from(name),
            kind,
            help: Some(Arc::from(&*escaped)),
            pushed,
            text: samples.to_owned().into(),
            native: None,
        };
        [
            Family::open(&stored, &seen),
            Family::closed(&stored, &seen),
            Family::whole(&stored, &seen, 1),
        ]
    };
    let mut families = Vec::new();
    families.extend(family(Kind::Gauge, "m", &samples));
    families.extend(family(Kind::Histogram, "m", &histogram));
    families.extend(family(Kind::Summary, "m", &summary));
    families.extend(family(Kind::Gauge, text, &samples));
    let pager = || Pager::new(&filter, 1000, 50);
    let flags = [("web.external-url", text.to_owned(), false)];
    let groups = GroupsPage {
        frame,
        url: "http://h".to_owned(),
        filter: &filter,
        total: 9,
        matching: 9,
        groups: line(),
        pager: pager(),
        expired: Some(7),
        deleted: Some(1),
    };
    let rejected_filter = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("q", text), ("job", text)])
        .finish();
    let rejected_filter = RejectionFilter::parse(&rejected_filter).expect("it makes sense");
    let found = [Arc::new(rejection.clone())];
    let rejections = RejectionsPage::new(frame, &rejected_filter, &found, (1, 9), now);
    let group = GroupPage {
        frame,
        rejections: vec![RejectionLine::new(&rejection, now)],
        usual: None,
        intervals: None,
        late: None,
        removed: vec![text.to_owned()],
        has_changes: true,
        query_url: text.to_owned(),
        commands: vec![("Push", command("PUT", "http://h", text))],
        group: GroupLine::whole(&row, now),
        rules: Some(text.to_owned()),
        only: Some(text),
        families,
        families_total: "1".into(),
        pager: None,
    };
    let jobs_page = JobsPage { frame, filter: &filter, jobs: vec![job_line()], pager: pager() };
    let job = JobPage {
        frame,
        job: job_line(),
        groups: line(),
        groups_left: 1,
        expired: 4,
        query: Filter::of_job(&escaped).narrowing(),
    };
    let overview = OverviewPage {
        frame,
        trouble: Some(text.to_owned()),
        url: text.to_owned(),
        problems: vec![Problem { what: text.to_owned(), note: text.to_owned(), link: "/status" }],
        is_empty: true,
        facts: vec![Fact {
            name: "n",
            value: text.to_owned(),
            note: text.to_owned(),
            link: "/status",
        }],
        jobs: vec![job_line()],
        jobs_left: 1,
        plots: Vec::new(),
    };
    let replicas = ReplicasPart {
        facts: vec![("Leader", "http://<a>:9091".to_owned())],
        members: vec![ReplicaLine {
            url: "http://<a>:9091".to_owned(),
            role: "leads",
            position: "7".to_owned(),
            seen: Moment::new(Timestamp::now(), Timestamp::now()),
            is_this: true,
        }],
    };
    let status = StatusPage {
        replicas: Some(replicas),
        frame,
        build: vec![("b", text.to_owned())],
        started: None,
        trouble: None,
        listeners: &listeners,
        bounds: Vec::new(),
        limits: Vec::new(),
        settings: vec![("s", text.to_owned())],
        rules: Some(vec![(text.to_owned(), text.to_owned())]),
        flags: &flags,
        plots: Vec::new(),
    };
    let check = CheckPage {
        frame,
        path: text,
        exposition: text,
        command: command("PUT", "http://h", text),
        replaces: true,
        excerpt: excerpt(&format!("a\n{}", text.replace(['\r', '\n'], " ")), "line 2"),
        cut: None,
        found: Some(Found {
            outcome: Outcome::Rejected(text.to_owned()),
            holder: Some("/job/x".to_owned()),
            denied: Some(text.to_owned()),
        }),
    };
    let confirm = ConfirmPage {
        frame,
        question: "?".into(),
        answer: "!".into(),
        action: "/wipe",
        fields: vec![("matching", text.to_owned())],
        sources: 2,
        groups: line(),
        groups_left: 1,
        back: "/".into(),
    };
    let gone = |rule| Gone { row: row.clone(), expired: now, after: Duration::from_secs(60), rule };
    let gone = [gone(Some(1)), gone(None)];
    let expired = ExpiredPage::new(frame, &filter, &gone, (2, 3), true, now);
    let message = MessagePage { frame, title: text, text };
    let pages: [(&str, &dyn askama::DynTemplate); 11] = [
        ("groups", &groups),
        ("group", &group),
        ("jobs", &jobs_page),
        ("job", &job),
        ("overview", &overview),
        ("status", &status),
        ("check", &check),
        ("confirm", &confirm),
        ("message", &message),
        ("rejections", &rejections),
        ("expired", &expired),
    ];
    pages.map(|(name, page)| (name, page.dyn_render().expect("it renders"))).into()
}

#[test]
fn hostile_texts_are_inert_on_every_page() {
    let harmless = pages("x");
    for text in HOSTILE {
        for ((name, html), (_, expected)) in pages(text).into_iter().zip(&harmless) {
            assert_eq!(tags(&html), tags(expected), "{text:?} on {name}");
            let is_styled = tags(&html).iter().any(|tag| tag.contains(" style="));
            assert!(!is_styled, "a style within the page {name}");
        }
    }
}

#[test]
fn links_of_hostile_names_lead_back_to_their_groups() {
    for text in HOSTILE {
        let (_, html) = pages(text).swap_remove(0);
        let start = "href=\"/p/groups/job";
        let at = html.find(start).expect("the group is linked") + start.len();
        let tail = &html[at..at + html[at..].find('"').expect("the attribute ends")];
        let key = GroupingKey::parse(tail.as_bytes(), crate::exposition::NameRules::Utf8);
        let key = key.expect("the link is a push path");
        assert_eq!(crate::exposition::unescape(key.job()), text);
    }
}

#[test]
fn a_page_of_groups_is_small() {
    let row = |at: u64| Row {
        key: Arc::from(format!(
            "env=\"production\",instance=\"node-{at}.example.org:9100\",job=\"nightly-backup-{at}\""
        )),
        has_empty_instance: false,
        pushed: Timestamp::from_nanos(at),
        failed: Timestamp::from_nanos(at * 2 % 1000),
        rhythm: Rhythm::default(),
        expires: None,
        families: 7,
        series: 19,
        bytes: 2000,
        sources: Some(at),
        has_left_natives_out: false,
        sum: None,
    };
    let frame = Frame {
        prefix: "",
        telemetry_path: "/metrics",
        is_admin: true,
        section: "/groups",
        token: "t",
    };
    let filter = Filter::parse("q=backup&sort=series&order=desc&page=3").expect("it makes sense");
    let mut choice = choose(&filter);
    (1..=1000).map(row).for_each(|row| choice.add(row));
    let chosen = choice.page();
    let groups = chosen.shown.iter().map(|row| GroupLine::new(row, Timestamp::now())).collect();
    let pager = Pager::new(&filter, chosen.matching, chosen.shown.len());
    let page = GroupsPage {
        frame,
        url: "http://h".to_owned(),
        filter: &filter,
        total: 1000,
        matching: 1000,
        groups,
        pager,
        expired: None,
        deleted: None,
    };
    let html = page.render().expect("it renders");
    assert!((20_000..100_000).contains(&html.len()), "{} bytes", html.len());
    assert_eq!(html.matches("<tr").count(), 51);
}
