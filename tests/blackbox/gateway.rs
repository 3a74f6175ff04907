//! A gateway in this process, on a port of its own, and a client that sends bytes as they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use shardgate::access::Access;
use shardgate::config::Flags;
use shardgate::gateway::Gateway;
use tokio::sync::watch;

pub(crate) use crate::answer::{Answer, read_head, status};
use crate::read::{self, Samples};

/// A running gateway. Stops when it is dropped, and the drop waits until it has.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Starts a gateway with these flags, besides a listen address.
pub(crate) fn start(flags: &[&str]) -> Running {
    start_with(flags, |_| {})
}

/// The same, with rules that `prepare` gives it.
pub(crate) fn start_with(
    flags: &[&str],
    prepare: impl FnOnce(&Access) + Send + 'static,
) -> Running {
    let words = ["shardgate", "--web.listen-address=127.0.0.1:0", "--shards=3"];
    let words: Vec<_> = words.iter().chain(flags).map(Into::into).collect();
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let config = Flags::from_command_line(words).unwrap().into_config();
            let gateway = Gateway::start(config).unwrap();
            prepare(gateway.access());
            tell.send((gateway.addresses()[0], gateway.stopper())).unwrap();
            gateway.run().await.unwrap();
        });
    });
    let (address, stop) = told.recv().unwrap();
    Running { address, stop, thread: Some(thread) }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Running {
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
        for header in headers {
            head += &format!("{header}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // The gateway may answer and close before it has read a body that it does not want.
        let _refused = stream.write_all(body);
        if method == "HEAD" {
            // The length it tells is that of the body it leaves out.
            let head = read_head(&mut stream).unwrap();
            return Answer { status: status(&head), head, body: Vec::new() };
        }
        read_answer(&mut stream).unwrap()
    }

    pub(crate) fn put(&self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, &[], body.as_bytes())
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[], body.as_bytes())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// The body of a scrape with this query, which begins with `?` unless it is empty. Decompressed
    /// if it is compressed, and then it is one member with nothing behind it.
    pub(crate) fn body(&self, query: &str, headers: &[&str]) -> Vec<u8> {
        let answer = self.send("GET", &format!("/metrics{query}"), headers, b"");
        assert_eq!(answer.status, 200, "{query}");
        let asked = headers.iter().any(|header| header.starts_with("accept-encoding"));
        assert_eq!(answer.header("content-encoding"), asked.then_some("gzip"));
        if !asked {
            return answer.body;
        }
        let mut decoder = flate2::bufread::GzDecoder::new(&answer.body[..]);
        let mut plain = Vec::new();
        decoder.read_to_end(&mut plain).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing stands behind the member");
        plain
    }

    /// The same as text.
    pub(crate) fn text(&self, query: &str, headers: &[&str]) -> String {
        String::from_utf8(self.body(query, headers)).unwrap()
    }

    /// The samples of a scrape in the text format with this query.
    pub(crate) fn samples(&self, query: &str) -> Samples {
        read::text(&self.text(query, &[]))
    }

    /// The scrape in the text format, names as they are stored.
    pub(crate) fn scrape(&self) -> Answer {
        let accept = "accept: text/plain; version=0.0.4; escaping=allow-utf-8";
        let scrape = self.send("GET", "/metrics", &[accept], b"");
        assert_eq!(scrape.status, 200);
        scrape
    }

    /// The lines of the scrape that are not the gateway's own: those of samples with a job, without
    /// the push times.
    pub(crate) fn pushed(&self) -> Vec<String> {
        let scrape = self.scrape();
        let lines = scrape
            .text()
            .lines()
            .filter(|line| line.contains("job=\"") && !line.starts_with("push_"));
        lines.map(str::to_owned).collect()
    }

    /// The value of one sample of the scrape, named as it is spelled there.
    pub(crate) fn value(&self, sample: &str) -> Option<f64> {
        let scrape = self.scrape();
        let line =
            scrape.text().lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }
}

/// Reads an answer, in chunks or with a `Content-Length`; `None` when the connection is closed before one
/// begins.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let head = read_head(stream)?;
    let mut answer = Answer { status: status(&head), head, body: Vec::new() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = read_chunks(stream).unwrap();
        return Some(answer);
    }
    let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    answer.body.resize(length, 0);
    stream.read_exact(&mut answer.body).unwrap();
    Some(answer)
}

/// Reads a body in chunks; `None` when the connection is closed before its end.
pub(crate) fn read_chunks(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = Vec::new();
        while !size.ends_with(b"\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            size.push(byte[0]);
        }
        let size = usize::from_str_radix(str::from_utf8(&size).unwrap().trim_end(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
