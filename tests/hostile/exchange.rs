//! Answers as they come off the wire.

use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends a request without a body.
pub(crate) fn send(stream: &mut TcpStream, method: &str, path: &str) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    // Whoever is refused may find the connection closed already.
    let _refused = stream.write_all(request.as_bytes());
}

/// Reads an answer whose length is told; `None` when the connection is closed before one has ended.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let answer = read_head(stream)?;
    let length =
        answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    read_body(stream, answer, length)
}

/// The same for the answer to a HEAD, which tells the length of what it leaves out.
pub(crate) fn read_head(stream: &mut TcpStream) -> Option<Answer> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).expect("a head is ASCII");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Some(Answer { status: status.expect("a status"), head, body: Vec::new() })
}

fn read_body(stream: &mut TcpStream, mut answer: Answer, length: usize) -> Option<Answer> {
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).ok()?;
    Some(answer)
}
