//! One hostile request: its bytes, and what must come of them.

use std::fmt::Write;

/// A row of a table.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expected: Expected,
}

/// What must come of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The statuses of all answers, interim ones included.
    pub(crate) statuses: Vec<u16>,
    /// Whether the connection may be used on.
    pub(crate) end: End,
    /// How many groups are stored.
    pub(crate) groups: usize,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It may be used on.
    Open,
    /// The gateway has closed it.
    Closed,
    /// The gateway waits for more, and closes it once there is no more to come.
    Waiting,
}

/// Answered, and the connection may be used on.
pub(crate) fn answered(status: u16) -> Expected {
    Expected { statuses: vec![status], end: End::Open, groups: 0 }
}

/// The same for a push that stores its group.
pub(crate) fn stored() -> Expected {
    Expected { statuses: vec![200], end: End::Open, groups: 1 }
}

/// Answered, and the connection is closed.
pub(crate) fn refused(status: u16) -> Expected {
    Expected { statuses: vec![status], end: End::Closed, groups: 0 }
}

/// Closed without an answer.
pub(crate) fn cut() -> Expected {
    Expected { statuses: Vec::new(), end: End::Closed, groups: 0 }
}

/// Not a whole request: nothing is answered, nothing is done.
pub(crate) fn waits() -> Expected {
    Expected { statuses: Vec::new(), end: End::Waiting, groups: 0 }
}

/// Several answers.
pub(crate) fn several(statuses: &[u16], end: End, groups: usize) -> Expected {
    Expected { statuses: statuses.to_vec(), end, groups }
}

/// Makes cases of rows.
pub(crate) fn cases<N: Into<String>, B: Into<Vec<u8>>>(
    rows: impl IntoIterator<Item = (N, B, Expected)>,
) -> Vec<Case> {
    let case = |(name, bytes, expected): (N, B, Expected)| Case {
        name: name.into(),
        bytes: bytes.into(),
        expected,
    };
    rows.into_iter().map(case).collect()
}

/// A push of `body`, its length told, with these further headers, each with its line end.
pub(crate) fn push(path: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = String::new();
    write!(
        head,
        "PUT {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .expect("memory takes any text");
    [head.as_bytes(), body].concat()
}
