//! Requests and answers, byte by byte.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::answer::{Answer, read_head, status};

/// Sends a request without a body.
pub(crate) fn send(stream: &mut TcpStream, method: &str, path: &str) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    // Whoever is refused may find the connection closed already.
    let _refused = stream.write_all(request.as_bytes());
}

/// Reads an answer whose length is told; `None` when the connection is closed before one has ended.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut answer = read_bodiless(stream)?;
    let length =
        answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).ok()?;
    Some(answer)
}

/// The same for the answer to a HEAD, which tells the length of what it leaves out.
pub(crate) fn read_bodiless(stream: &mut TcpStream) -> Option<Answer> {
    let head = read_head(stream)?;
    Some(Answer { status: status(&head), head, body: Vec::new() })
}
