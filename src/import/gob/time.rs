//! Go's `time.Time`, as it writes itself.

/// Year 1, where Go begins to count, in seconds before 1970.
const YEAR_1: i128 = 62_135_596_800;

/// What is written of a time. Its zone does not matter: the seconds are those of UTC.
///
/// ```text
/// u8 version (1, or 2 with seconds in the zone), i64 seconds since year 1, i32 nanoseconds,
/// i16 minutes east, [i8 seconds east]
/// ```
///
/// Returns seconds since 1970, `Some(None)` for the zero time, and `None` when it is no time.
pub(super) fn read(bytes: &[u8]) -> Option<Option<f64>> {
    let (&version, rest) = bytes.split_first()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let (nanos, zone) = rest.split_first_chunk()?;
    let zone_bytes = match version {
        1 => 2,
        2 => 3,
        _ => return None,
    };
    let (seconds, nanos) = (i64::from_be_bytes(*seconds), i32::from_be_bytes(*nanos));
    if zone.len() != zone_bytes || !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    if seconds == 0 && nanos == 0 {
        return Some(None);
    }
    // As the Pushgateway does it for `push_time_seconds`, so that both are the same number.
    let nanos = (i128::from(seconds) - YEAR_1) * 1_000_000_000 + i128::from(nanos);
    Some(Some(nanos as f64 / 1e9))
}

#[cfg(test)]
mod tests {
    use super::read;

    fn written(version: u8, seconds: i64, nanos: i32, zone: &[u8]) -> Vec<u8> {
        [&[version][..], &seconds.to_be_bytes(), &nanos.to_be_bytes(), zone].concat()
    }

    #[test]
    fn times_are_read() {
        let year_1970 = 62_135_596_800;
        let utc = [0xff, 0xff];
        assert_eq!(read(&written(1, 0, 0, &utc)), Some(None), "the zero time");
        assert_eq!(read(&written(1, year_1970, 0, &utc)), Some(Some(0.0)));
        assert_eq!(read(&written(1, year_1970, 500_000_000, &[0, 60])), Some(Some(0.5)));
        assert_eq!(read(&written(2, year_1970 - 2, 0, &[0, 60, 7])), Some(Some(-2.0)));
        assert_eq!(read(&written(1, 0, 1, &utc)), Some(Some(-62_135_596_800.0)));
        assert!(
            read(&written(1, i64::MAX, 999_999_999, &utc)).flatten().is_some_and(f64::is_finite)
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let whole = written(1, 1, 1, &[0, 0]);
        let cuts = (0..whole.len()).map(|len| whole[..len].to_vec());
        let others = [
            written(1, 1, 1, &[0, 0, 0]),
            written(2, 1, 1, &[0, 0]),
            written(3, 1, 1, &[0, 0]),
            written(1, 1, -1, &[0, 0]),
            written(1, 1, 1_000_000_000, &[0, 0]),
        ];
        assert!(read(&whole).is_some());
        assert!(cuts.chain(others).all(|bytes| read(&bytes).is_none()));
    }
}
