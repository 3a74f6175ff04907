//! Names in quotes, and which of them a push may use.
//!
//! A quoted name is nearly always what stands between its quotes, borrowed like everything else. One
//! with escapes stands nowhere as it is meant, so it is unescaped into [`KeptNames`], which lasts as
//! long as the body.

use std::cell::{Cell, OnceCell};

use memchr::memchr;

use crate::exposition::{NameRules, unescape};

/// What is allowed in a push, and where its names are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names<'a> {
    /// Nothing need be kept: no name with an escape is a legacy name.
    Legacy,
    Utf8(&'a KeptNames),
}

impl<'a> Names<'a> {
    /// By these rules; `kept` is where names go that need a place, and empty.
    pub(crate) fn new(rules: NameRules, kept: &'a OnceCell<KeptNames>) -> Names<'a> {
        match rules {
            NameRules::Legacy => Names::Legacy,
            NameRules::Utf8 => Names::Utf8(kept.get_or_init(KeptNames::default)),
        }
    }

    pub(crate) fn rules(self) -> NameRules {
        match self {
            Names::Legacy => NameRules::Legacy,
            Names::Utf8(_) => NameRules::Utf8,
        }
    }

    /// How many bytes are kept.
    pub(crate) fn kept_bytes(self) -> usize {
        match self {
            Names::Legacy => 0,
            Names::Utf8(kept) => kept.bytes.get(),
        }
    }

    /// What a name means that is spelled `quoted` between its quotes, with valid escapes. Comes back
    /// as it is when it is no name by the rules.
    pub(crate) fn unescaped(self, quoted: &'a [u8]) -> &'a [u8] {
        match (self, std::str::from_utf8(quoted)) {
            (Names::Utf8(kept), Ok(text)) if memchr(b'\\', quoted).is_some() => {
                kept.keep(unescape(text).as_bytes().into())
            }
            _ => quoted,
        }
    }
}

/// Names that live as long as this does.
///
/// **Invariant:** block `n` has room for 2^n names. What has once been put somewhere is never moved,
/// so that it can be lent while more is added.
#[derive(Debug, Default)]
pub(crate) struct KeptNames {
    count: Cell<usize>,
    /// What all names take.
    bytes: Cell<usize>,
    blocks: [OnceCell<Block>; 32],
}

/// What a name takes besides its bytes: its cell, as much again that is empty, and what the allocator adds.
const NAME_BYTES: usize = 64;

type Block = Box<[OnceCell<Box<[u8]>>]>;

impl KeptNames {
    /// Takes a name, or whatever else is made of one.
    pub(crate) fn keep(&self, name: Box<[u8]>) -> &[u8] {
        let at = self.count.get() + 1;
        self.count.set(at);
        self.bytes.set(self.bytes.get() + name.len() + NAME_BYTES);
        let block = at.ilog2() as usize;
        let room = 1 << block;
        let cells = self.blocks[block].get_or_init(|| (0..room).map(|_| OnceCell::new()).collect());
        cells[at - room].get_or_init(|| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::NameRules::{Legacy, Utf8};
    use crate::push::render_for_test::render_for_test;
    use crate::push::{GroupingKey, decode};

    #[test]
    fn names_are_kept_while_more_are_added() {
        let kept = KeptNames::default();
        let names: Vec<&[u8]> =
            (0..100_u32).map(|at| kept.keep(at.to_string().as_bytes().into())).collect();
        for (at, name) in names.iter().enumerate() {
            assert_eq!(*name, at.to_string().as_bytes());
        }
    }

    #[test]
    fn only_what_has_escapes_is_kept() {
        let kept = KeptNames::default();
        let names = Names::Utf8(&kept);
        assert_eq!(names.unescaped(b"a.b"), b"a.b");
        assert_eq!(kept.count.get(), 0);
        assert_eq!(names.unescaped(br#"a\"\\\n"#), b"a\"\\\n");
        assert_eq!(kept.count.get(), 1);
    }

    /// What a push to the group of the job `j` brings, or why it is not taken.
    fn push(rules: NameRules, body: &str) -> Result<String, String> {
        push_to("/j", rules, body)
    }

    fn push_to(path: &str, rules: NameRules, body: &str) -> Result<String, String> {
        let key = GroupingKey::parse(path.as_bytes(), rules).expect("the path is fine");
        render_for_test(decode(&key, body.as_bytes(), rules))
    }

    #[test]
    fn names_that_need_quotes_are_shown_in_them() {
        let body = "# TYPE \"a.b\" counter\n# HELP \"a.b\" Help.\n{\"a.b\"} 1\n\
            {\"a.b\", \"x y\" = \"1\",z=\"2\"} 2\nm{\"é\"=\"3\"} 3\n{\"\\\\ \\\"\\n\"} 4\n";
        let want = "# TYPE \"\\\\ \\\"\\n\" untyped\n{\"\\\\ \\\"\\n\",instance=\"\",job=\"j\"} 4\n\
            # HELP \"a.b\" Help.\n# TYPE \"a.b\" counter\n{\"a.b\",instance=\"\",job=\"j\"} 1\n\
            {\"a.b\",instance=\"\",job=\"j\",\"x y\"=\"1\",z=\"2\"} 2\n\
            # TYPE m untyped\nm{instance=\"\",job=\"j\",\"é\"=\"3\"} 3\n";
        assert_eq!(push(Utf8, body).as_deref(), Ok(want));
    }

    #[test]
    fn histograms_and_summaries_may_have_any_name() {
        let body = "# TYPE \"h.x\" histogram\n{\"h.x_bucket\",le=\"1\"} 2\n{\"h.x_count\"} 3\n\
            {\"h.x_sum\"} 9\n# TYPE \"s x\" summary\n{\"quantile\"=\".5\",\"s x\"} 4\n";
        let want = "# TYPE \"h.x\" histogram\n\
            {\"h.x_bucket\",instance=\"\",job=\"j\",le=\"1\"} 2\n\
            {\"h.x_bucket\",instance=\"\",job=\"j\",le=\"+Inf\"} 3\n\
            {\"h.x_sum\",instance=\"\",job=\"j\"} 9\n{\"h.x_count\",instance=\"\",job=\"j\"} 3\n\
            # TYPE \"s x\" summary\n{\"s x\",instance=\"\",job=\"j\",quantile=\"0.5\"} 4\n\
            {\"s x_sum\",instance=\"\",job=\"j\"} 0\n{\"s x_count\",instance=\"\",job=\"j\"} 0\n";
        assert_eq!(push(Utf8, body).as_deref(), Ok(want));
        let occupied = body.to_owned() + "# TYPE \"h.x_sum\" gauge\n";
        assert!(push(Utf8, &occupied).is_err(), "a second type");
        let occupied = "{\"h.x_sum\"} 1\n".to_owned() + body;
        let error = push(Utf8, &occupied).expect_err("it is occupied");
        assert!(error.contains("h.x_sum"), "{error}");
    }

    #[test]
    fn a_line_is_read_whatever_the_line_before_was() {
        let lines = [
            "{\"s.x\",a=\"1\",quantile=\"0.5\"} 1\n",
            "{\"h.x_bucket\",a=\"2\",le=\"1\"} 2\n",
            "m{le=\"1\",quantile=\"2\"} 3\n",
            "{\"quantile\"=\"0.5\",\"s.x\",b=\"1\"} 4\n",
        ];
        let types = "# TYPE \"h.x\" histogram\n# TYPE \"s.x\" summary\n";
        let sorted = |body: String| {
            let text = push(Utf8, &body).expect("it can be read");
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let first = sorted(format!("{types}{}", lines.concat()));
        assert_eq!(first.len(), 3 + 4 + 1 + 6);
        for turn in 1..lines.len() {
            let turned = [&lines[turn..], &lines[..turn]].concat().concat();
            assert_eq!(sorted(format!("{types}{turned}")), first);
        }
    }

    #[test]
    fn a_name_is_the_same_however_it_is_spelled() {
        let want = push(Legacy, "# TYPE m counter\n# HELP m x\nm{a=\"1\",job=\"x\"} 1\n");
        for rules in [Legacy, Utf8] {
            for sample in [
                "{\"m\",\"a\"=\"1\"} 1",
                "\"m\"{\"a\"=\"1\",\"job\"=\"x\"} 1",
                "{\"a\"=\"1\",\"m\"} 1",
                "{job=\"x\",m,a=\"1\"} 1",
                "{ \"m\" , a = \"1\" , } 1",
            ] {
                let body = format!("# TYPE \"m\" counter\n# HELP \"m\" x\n{sample}\n");
                assert_eq!(push(rules, &body), want, "{sample}");
            }
        }
        let twice = "{\"a.b\",\"\\\\\"=\"1\"} 1\n{\"\\\\\"=\"1\",\"a.b\"} 1\n";
        let error = push(Utf8, twice).expect_err("it is one series");
        assert!(error.starts_with("refused: "), "{error}");
        for twice in ["m{\"a\"=\"1\",a=\"1\"} 1\n", "m{\"\\n\"=\"1\",\"\\n\"=\"1\"} 1\n"] {
            let error = push(Utf8, twice).expect_err("one label twice");
            assert!(error.contains("twice"), "{error}");
        }
        let grouped = push_to("/j/U___5c_/1", Utf8, "m{\"\\\\\"=\"2\",\"[\"=\"3\"} 1\n");
        let want = "# TYPE m untyped\nm{\"[\"=\"3\",\"\\\\\"=\"1\",instance=\"\",job=\"j\"} 1\n";
        assert_eq!(grouped.as_deref(), Ok(want), "the group overrides");
    }

    #[test]
    fn a_name_that_needs_quotes_is_an_error_without_them_and_unless_it_is_allowed() {
        for body in [
            "{\"a.b\"} 1\n",
            "m{\"a.b\"=\"1\"} 1\n",
            "m{\"a:b\"=\"1\"} 1\n",
            "# TYPE \"a.b\" counter\n",
            "\"a.b\" 1\n",
            "{\"\\\\\"} 1\n",
            "{\"é\"} 1\n",
        ] {
            assert!(push(Legacy, body).is_err_and(|error| error.contains("name")), "{body}");
            assert!(push(Utf8, body).is_ok(), "{body}");
        }
        for body in [
            "{\"a.b\"} 1\na.b{x=\"1\"} 2\n",
            "# TYPE \"a.b\" gauge\n# HELP a.b x\n",
            "m{a.b=\"1\"} 1\n",
            "m{é=\"1\"} 1\n",
            "{a:b} 1\n",
            "# TYPE a.b counter\n",
        ] {
            let error = push(Utf8, body).expect_err(body);
            assert!(error.starts_with("text format"), "{body}: {error}");
        }
        assert_eq!(push(Legacy, "{\"a:b\"} 1\n"), push(Legacy, "a:b 1\n"));
        assert_eq!(push(Legacy, "# HELP \"a.b\"\n").as_deref(), Ok(""), "it says nothing");
    }

    #[test]
    fn a_sample_has_one_metric_name() {
        for body in [
            "{} 1\n",
            "m 1\n{} 2\n",
            "m 1\n{a=\"b\"} 2\n",
            "m{\"n\"} 1\n",
            "{\"m\",\"n\"} 1\n",
            "{\"m\",a=\"b\",\"n\"} 1\n",
            "{\"\"} 1\n",
            "{\"m\",\"\"=\"1\"} 1\n",
            "{,\"m\"} 1\n",
            "{\"m\" a=\"b\"} 1\n",
            "{\"m} 1\n",
            "{\"m\\x\"} 1\n",
            "{\"m\"}{a=\"b\"} 1\n",
            "{\"m\",\"__name__\"=\"n\"} 1\n",
            "m\"n\" 1\n",
            "\"m\"n 1\n",
            "\"m 1\n",
            "# HELP \"m\"n x\n",
            "# HELP \"\" x\n",
        ] {
            for rules in [Legacy, Utf8] {
                let error = push(rules, body).expect_err(body);
                assert!(error.starts_with("text format"), "{body}: {error}");
            }
        }
        let reserved = push(Utf8, "m{\"__\\n\"=\"1\"} 1\n");
        assert!(reserved.is_err_and(|error| error.starts_with("refused: ")));
        let key = GroupingKey::parse(b"/j", Utf8).expect("the path is fine");
        for body in [&b"{\"a\xff\"} 1\n"[..], b"m{\"\xff\"=\"\"} 1\n", b"{\"\\n\xff\"} 1\n"] {
            assert!(decode(&key, body, Utf8).is_err());
        }
    }
}
