use proptest::prelude::*;

use super::error::Reason;
use super::*;

/// What the selectors are tried on; labels that are not listed are not there.
const LABELS: [(&str, &str); 5] = [
    ("job", "batch"),
    ("instance", "node-7"),
    ("path", "a\\b\"c\n'`é"),
    ("le", "+Inf"),
    ("a.b", "dotted"),
];

fn value_of(name: &str) -> &'static str {
    LABELS.iter().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
}

fn parsed(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn selectors_match_as_they_do_in_prometheus() {
    for (text, is_match) in [
        // Forms of a list.
        ("{}", true),
        ("  { } ", true),
        (r#"{job="batch"}"#, true),
        (r#"{job="batch",}"#, true),
        (r#"{ job = "batch" , instance = "node-7" , }"#, true),
        ("{\tjob=\"batch\"\r\n,\ninstance=\"node-7\"}", true),
        ("{job=\"batch\" # a comment, \"}\n}", true),
        (r#"{job="batch"} # and one behind"#, true),
        (r#"{job="batch",job="other"}"#, false),
        (r#"{job="batch",job!="other"}"#, true),
        // Names.
        (r#"{"job"="batch"}"#, true),
        (r#"{'a.b'="dotted"}"#, true),
        ("{`a.b`='dotted'}", true),
        (r#"{"a.b"=~"dot.*",job="batch"}"#, true),
        (r#"{_x="",X9=""}"#, true),
        (r#"{by="",on="",sum="",offset="",and="",inf="",nan=""}"#, true),
        (r#"{"a b"=""}"#, true),
        (r#"{"é"="x"}"#, false),
        // Equality.
        (r#"{job="Batch"}"#, false),
        (r#"{job="bat"}"#, false),
        (r#"{job=""}"#, false),
        (r#"{job!=""}"#, true),
        (r#"{job!="batch"}"#, false),
        (r#"{none=""}"#, true),
        (r#"{none!=""}"#, false),
        (r#"{none!="x"}"#, true),
        (r#"{none="x"}"#, false),
        // Regular expressions match from end to end.
        (r#"{job=~"bat"}"#, false),
        (r#"{job=~"bat.*"}"#, true),
        (r#"{job=~".*tch"}"#, true),
        (r#"{job=~"batch|other"}"#, true),
        (r#"{job=~"bat|batch"}"#, true),
        (r#"{job=~"other|bat"}"#, false),
        (r#"{job!~"other|bat"}"#, true),
        (r#"{job=~"^batch$"}"#, true),
        (r#"{job=~"(?i)BATCH"}"#, true),
        (r#"{job=~"BATCH"}"#, false),
        (r#"{job=~""}"#, false),
        (r#"{job!~""}"#, true),
        (r#"{none=~""}"#, true),
        (r#"{none=~"x?"}"#, true),
        (r#"{none=~".*"}"#, true),
        (r#"{none=~".+"}"#, false),
        (r#"{none!~".+"}"#, true),
        (r#"{none!~".*"}"#, false),
        (r#"{instance=~"node-[0-9]+"}"#, true),
        (r#"{instance=~"node-\\d+"}"#, true),
        ("{instance=~`node-\\d+`}", true),
        (r#"{instance=~"node-(7|8)",job=~"b.*h"}"#, true),
        (r#"{instance!~"node-(7|8)",job=~"b.*h"}"#, false),
        (r#"{path=~"a.*"}"#, true), // A dot matches a line end.
        (r#"{path=~"a.b.c.'.é"}"#, true),
        (r#"{le="+Inf"}"#, true),
        (r#"{le=~"\\+Inf"}"#, true),
        // Strings.
        (r#"{path="a\\b\"c\n'`é"}"#, true),
        (r#"{path='a\\b"c\n\'`é'}"#, true),
        (r#"{path="\x61\134b\042c\012\u0027\U00000060\u00e9"}"#, true),
        (r#"{path="a\\b\"c\n'`\xc3\xa9"}"#, true),
        (r#"{job="b\141tch"}"#, true),
        (r#"{job="\a\b\f\r\t\v"}"#, false),
        ("{job=`ba\\tch`}", false),
        ("{job=`a\nb`}", false),
    ] {
        assert_eq!(parsed(text).matches(value_of, &mut effort()), Ok(is_match), "{text}");
    }
}

#[test]
fn what_is_no_selector_is_refused_where_it_goes_wrong() {
    for (text, message) in [
        ("", "character 1: expected an opening brace"),
        ("   ", "character 4: expected an opening brace"),
        (r#""job"="x""#, "character 1: expected an opening brace"),
        ("{", "character 2: expected a label name"),
        ("{,}", "character 2: expected a label name"),
        ("{{}}", "character 2: expected a label name"),
        (r#"{="x"}"#, "character 2: expected a label name"),
        (r#"{a:b="x"}"#, "character 2: expected a label name"),
        (r#"{""="x"}"#, "character 2: expected a label name"),
        (r#"{a="b",,}"#, "character 8: expected a label name"),
        (r#"{a="b","#, "character 8: expected a label name"),
        (r#"{a="b""#, "character 7: expected a comma or a closing brace"),
        (r#"{a="b" c="d"}"#, "character 8: expected a comma or a closing brace"),
        (r#"{a="b"}}"#, "character 8: expected nothing behind the closing brace"),
        (r#"{a="b"}[5m]"#, "character 8: unexpected '['"),
        (r#"{a="b"} x"#, "character 9: expected nothing behind the closing brace"),
        ("{a}", "character 3: expected one of =, !=, =~, !~"),
        (r#"{a,b="c"}"#, "character 3: expected one of =, !=, =~, !~"),
        (r#"{a=="b"}"#, "character 4: expected a value in quotes"),
        ("{a=b}", "character 4: expected a value in quotes"),
        ("{a=1}", "character 4: unexpected '1'"),
        (r#"{a!"b"}"#, "character 3: unexpected '!'"),
        (r#"{a~"b"}"#, "character 3: unexpected '~'"),
        (r#"{a>"b"}"#, "character 3: unexpected '>'"),
        (r#"{9a="b"}"#, "character 2: unexpected '9'"),
        (r#"{é="b"}"#, "character 2: unexpected 'é'"),
        ("{\u{a0}a=\"b\"}", "character 2: unexpected '\\u{a0}'"),
        (r#"{a="b}"#, "character 4: a string without its closing quote"),
        ("{a=\"b\n\"}", "character 4: a string without its closing quote"),
        ("{a=`b}", "character 4: a string without its closing quote"),
        (r#"{a="b'}"#, "character 4: a string without its closing quote"),
        (r#"{é="#, "character 2: unexpected 'é'"),
        (r#"{a="é\q"}"#, "character 6: an unknown or incomplete escape sequence"),
        (r#"{a="\'"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a='\"'}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\x1"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\x+1"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\18"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\400"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\ud800"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\U00110000"}"#, "character 5: an unknown or incomplete escape sequence"),
        (r#"{a="\xff"}"#, "character 4: a string that is not UTF-8 once it is unescaped"),
        (r#"{a=~"("}"#, "character 5: not a regular expression: unclosed group"),
        (r#"{a=~"a)|(b"}"#, "character 5: not a regular expression: unopened group"),
        (r#"{a=~"*"}"#, "character 5: not a regular expression: "),
        (r#"{a=~"\\pL{999}{99}"}"#, "character 5: not a regular expression: "),
    ] {
        let error = Selector::parse(text).expect_err(text).to_string();
        let is_right =
            if message.ends_with(": ") { error.starts_with(message) } else { error == message };
        assert!(is_right, "{text}: {error}");
    }
}

#[test]
fn metric_names_are_told_that_groups_have_none() {
    for (text, position) in [
        ("up", 1),
        (r#"up{job="x"}"#, 1),
        ("job:up:sum{}", 1),
        (r#"{__name__="up"}"#, 2),
        (r#"{job="x",__name__=~"up.*"}"#, 10),
        (r#"{"__name__"="up"}"#, 2),
        (r#"{"up"}"#, 2),
        (r#"{"up",job="x"}"#, 2),
    ] {
        let error = Selector::parse(text).expect_err(text);
        assert_eq!(error, SelectorError { position, reason: Reason::MetricName }, "{text}");
    }
}

#[test]
fn bounds_are_bounds() {
    let many = |matchers: usize| format!("{{{}}}", "a=\"\",".repeat(matchers));
    assert_eq!(parsed(&many(MATCHERS_MAX)).matchers(), MATCHERS_MAX);
    let error = Selector::parse(&many(MATCHERS_MAX + 1)).map_err(|error| error.reason);
    assert_eq!(error.err(), Some(Reason::TooManyMatchers));
    let long = |bytes: usize| format!("{{a=~\"{}\"}}", "x".repeat(bytes));
    parsed(&long(REGEX_BYTES_MAX));
    let error = Selector::parse(&long(REGEX_BYTES_MAX + 1)).map_err(|error| error.reason);
    assert_eq!(error.err(), Some(Reason::RegexTooLong));
    let nested = |depth: usize| format!("{{a=~\"{}x{}\"}}", "(".repeat(depth), ")".repeat(depth));
    parsed(&nested(REGEX_NEST_MAX as usize / 2));
    assert!(Selector::parse(&nested(REGEX_NEST_MAX as usize + 1)).is_err());
}

#[test]
fn selectors_that_match_nothing_in_particular_are_known() {
    for (text, is_open) in [
        ("{}", true),
        (r#"{job=~".*"}"#, true),
        (r#"{env!="prod"}"#, true),
        (r#"{job=""}"#, true),
        (r#"{job=~".+"}"#, false),
        (r#"{env!="prod",job="x"}"#, false),
        (r#"{job!=""}"#, false),
    ] {
        assert_eq!(parsed(text).matches_without_labels(), is_open, "{text}");
    }
}

/// A matcher, and what it comes to, found naively.
#[derive(Debug, Clone)]
struct Naive {
    label: usize,
    operator: &'static str,
    alternatives: Vec<String>,
}

impl Naive {
    /// Spelled with one of the quotes, blanks anywhere.
    fn spelled(&self, quote: char, blank: &str) -> String {
        let value = if self.operator.ends_with('~') {
            self.alternatives.join("|")
        } else {
            self.alternatives[0].clone()
        };
        let escaped: String = value
            .chars()
            .map(|char| match char {
                _ if quote == '`' => char.to_string(),
                '\\' => "\\\\".to_owned(),
                '\n' => "\\n".to_owned(),
                char if char == quote => format!("\\{char}"),
                char => char.to_string(),
            })
            .collect();
        let (label, operator) = (LABELS[self.label].0, self.operator);
        let label = if label.contains('.') { format!("\"{label}\"") } else { label.to_owned() };
        format!("{blank}{label}{blank}{operator}{blank}{quote}{escaped}{quote}{blank}")
    }

    fn matches(&self) -> bool {
        let value = LABELS[self.label].1;
        let is_regex = self.operator.ends_with('~');
        let wanted = if is_regex { &self.alternatives[..] } else { &self.alternatives[..1] };
        wanted.iter().any(|wanted| wanted == value) != self.operator.starts_with('!')
    }
}

fn naive() -> impl Strategy<Value = Naive> {
    let operator = prop_oneof![Just("="), Just("!="), Just("=~"), Just("!~")];
    // Letters that mean nothing to a regular expression, and values that are there.
    let value = prop_oneof![
        3 => proptest::sample::select(vec!["batch", "node-7", "dotted", ""]).prop_map(str::to_owned),
        1 => "[a-z'\"é,{} =\n#-]{0,8}",
    ]
    .prop_map(|value: String| value.replace(['{', '}'], "}"));
    (0..LABELS.len(), operator, proptest::collection::vec(value, 1..4))
        .prop_map(|(label, operator, alternatives)| Naive { label, operator, alternatives })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_selector_is_all_of_its_matchers_however_it_is_spelled(
        matchers in proptest::collection::vec(naive(), 0..5),
        quote in proptest::sample::select(vec!['"', '\'', '`']),
        blank in proptest::sample::select(vec!["", " ", "\n\t", " # }\"\n"]),
        has_last_comma: bool,
    ) {
        let spelled: Vec<String> =
            matchers.iter().map(|matcher| matcher.spelled(quote, blank)).collect();
        let comma = if has_last_comma && !matchers.is_empty() { "," } else { "" };
        let text = format!("{blank}{{{}{comma}{blank}}}{blank}", spelled.join(","));
        let selector = Selector::parse(&text).expect(&text);
        prop_assert_eq!(selector.matchers(), matchers.len());
        prop_assert_eq!(selector.matches(value_of, &mut effort()), Ok(matchers.iter().all(Naive::matches)), "{}", text);
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC*", inside in "[a-z{}=!~\"'`\\\\,#\n ux0-9(|)*]{0,40}") {
        let _answered = Selector::parse(&text).is_ok();
        if let Err(error) = Selector::parse(&format!("{{{inside}")) {
            prop_assert!((1..=inside.chars().count() + 2).contains(&error.position), "{error}");
        }
    }
}

fn effort() -> Effort<'static> {
    Effort::unbounded()
}
