//! What a push asks for in its headers.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::period::{self, EXPIRE_MAX, EXPIRE_MIN};
use super::{Applied, Merge};

/// What the headers of one push ask for, where the rules allow it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// When the group expires, counted from this push.
    pub expire: Option<Duration>,
    /// What of the group the push replaces.
    pub merge: Option<Merge>,
    /// What tells this push from others, where sources push increments.
    pub id: Option<PushId>,
}

/// What tells a push from others: the hash of the key that the client gave it. A retry has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushId(pub u128);

/// How long a key may be.
const KEY_BYTES_MAX: usize = 256;

impl PushId {
    /// Reads the value of `Idempotency-Key` or `Shardgate-Push-Id`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(key: &[u8]) -> Result<PushId, String> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            let shown: String = String::from_utf8_lossy(key).chars().take(40).collect();
            return Err(format!(
                "header Idempotency-Key: expected 1 to {KEY_BYTES_MAX} bytes, got {} ({shown:?}); send a new random key with each push, and the same key with each retry",
                key.len()
            ));
        }
        Ok(PushId(xxh3_128(key)))
    }
}

impl Applied {
    /// Reads the values of `Shardgate-Expire` and `Shardgate-Merge` for a group to which this applies. Headers that no rule
    /// allows count for nothing.
    ///
    /// # Errors
    /// What is wrong with a value, and what it may be.
    pub fn asked(
        &self,
        expire: Option<&[u8]>,
        merge: Option<&[u8]>,
        is_post: bool,
    ) -> Result<Asked, String> {
        let mut asked = Asked::default();
        if !self.allow_headers.is_some_and(|said| said.value) {
            return Ok(asked);
        }
        if let Some(value) = expire {
            let min = self.expire_min.map_or(EXPIRE_MIN, |said| said.value);
            let max = self.expire_max.map_or(EXPIRE_MAX, |said| said.value);
            let read = period::read(&String::from_utf8_lossy(value), min, max);
            asked.expire = Some(read.map_err(|error| format!("header Shardgate-Expire: {error}"))?);
        }
        if let Some(value) = merge {
            asked.merge = Some(match value {
                b"series" if is_post => Merge::Series,
                b"family" if is_post => Merge::Family,
                b"series" | b"family" => {
                    return Err("header Shardgate-Merge: a PUT replaces the whole group; push with POST to merge".to_owned());
                }
                other => {
                    let shown: String = String::from_utf8_lossy(other).chars().take(40).collect();
                    return Err(format!(
                        "header Shardgate-Merge: expected series or family, got {shown:?}"
                    ));
                }
            });
        }
        Ok(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GroupRules;

    fn asked(rule: &str, expire: Option<&str>, merge: Option<&str>) -> Result<Asked, String> {
        let file = format!("rules: [{{ match: '{{}}', {rule} }}]");
        let rules = GroupRules::parse(file.as_bytes()).expect(rule);
        let applied = rules.apply(|_| "");
        applied.asked(expire.map(str::as_bytes), merge.map(str::as_bytes), true)
    }

    #[test]
    fn headers_count_where_a_rule_allows_them_and_within_its_bounds() {
        let of = |seconds| Asked { expire: Some(Duration::from_secs(seconds)), ..Asked::default() };
        assert_eq!(asked("allow_headers: true", Some("90"), None), Ok(of(90)));
        assert_eq!(asked("allow_headers: true", Some("1h30m"), None), Ok(of(5400)));
        for silent in ["allow_headers: false", "expire: 1h"] {
            assert_eq!(asked(silent, Some("nonsense"), Some("x")), Ok(Asked::default()));
        }
        let bounded = "allow_headers: true, expire_min: 1m, expire_max: 2h";
        assert_eq!(asked(bounded, Some("2h"), None), Ok(of(7200)));
        for bad in ["59s", "2h1s", "", "-1h", "1e3", "1.5", "never", "\u{e9}"] {
            let error = asked(bounded, Some(bad), None).expect_err(bad);
            assert!(
                error.contains("Shardgate-Expire") && error.contains("from 1m to 2h"),
                "{error}"
            );
        }
        let series = Asked { merge: Some(Merge::Series), ..Asked::default() };
        assert_eq!(asked("allow_headers: true", None, Some("series")), Ok(series));
        let error = asked("allow_headers: true", None, Some("metric")).expect_err("no such word");
        assert!(error.contains("series or family") && error.contains("\"metric\""), "{error}");
    }

    #[test]
    fn a_put_does_not_merge() {
        let rules = GroupRules::parse(b"rules: [{ match: '{}', allow_headers: true }]");
        let applied = rules.expect("it is valid").apply(|_| "");
        let error = applied.asked(None, Some(b"series"), false).expect_err("it is a PUT");
        assert!(error.contains("POST"), "{error}");
    }
}
