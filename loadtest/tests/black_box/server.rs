//! A server that can be told how to misbehave: a thread for each connection, and nothing hidden
//! in a library.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reaction {
    Answer(u16, String),
    /// Answer, say that the connection stays, and close it.
    AnswerAndHangUp,
    /// Answer, say that the connection closes, and close it.
    AnswerAndClose,
    HangUp,
    Garbage,
    Late(Duration),
}

type Behaviour = dyn Fn(Request) -> Reaction + Send + Sync;

/// Runs until the test's process ends.
pub(crate) struct Server {
    pub(crate) url: String,
    address: SocketAddr,
    behaviour: Arc<Behaviour>,
    listener: TcpListener,
    /// Those that are being served: each is owned, and closed, by the thread that serves it.
    connections: Arc<Mutex<Vec<Weak<TcpStream>>>>,
}

impl Server {
    pub(crate) fn start(behaviour: impl Fn(Request) -> Reaction + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0".parse().expect("an address"), Arc::new(behaviour))
    }

    fn listen(address: SocketAddr, behaviour: Arc<Behaviour>) -> Self {
        let listener = TcpListener::bind(address).expect("the address is free");
        let address = listener.local_addr().expect("it is bound");
        let accepting = listener.try_clone().expect("a descriptor is left");
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (kept, shared) = (Arc::clone(&connections), Arc::clone(&behaviour));
        thread::spawn(move || {
            while let Ok((stream, _)) = accepting.accept() {
                let behaviour = Arc::clone(&shared);
                let stream = Arc::new(stream);
                kept.lock().expect("no thread panicked").push(Arc::downgrade(&stream));
                thread::spawn(move || serve(&stream, &*behaviour));
            }
        });
        Self { url: format!("http://{address}"), address, behaviour, listener, connections }
    }

    /// Cuts all connections and is gone for a while.
    pub(crate) fn restart_after(self, gone: Duration) -> Self {
        let Self { address, behaviour, listener, connections, .. } = self;
        // Shutting the listening socket down ends the accept that waits on it.
        let socket = TcpStream::from(std::os::fd::OwnedFd::from(listener));
        let _ = socket.shutdown(Shutdown::Both);
        drop(socket);
        let served = connections.lock().expect("no thread panicked");
        for connection in served.iter().filter_map(Weak::upgrade) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        thread::sleep(gone);
        Self::listen(address, behaviour)
    }
}

fn serve(stream: &TcpStream, behaviour: &Behaviour) {
    stream.set_nodelay(true).expect("a socket has the option");
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let ok = |fields: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n");
        let (answer, stays) = match behaviour(request) {
            Reaction::Answer(status, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n\r\n");
                (head + &body, true)
            }
            Reaction::AnswerAndHangUp => (ok(""), false),
            Reaction::AnswerAndClose => (ok("Connection: close\r\n"), false),
            Reaction::HangUp => (String::new(), false),
            Reaction::Garbage => ("220 mail.example ESMTP\r\n\r\n".to_owned(), false),
            Reaction::Late(by) => {
                thread::sleep(by);
                (ok(""), true)
            }
        };
        if (&*stream).write_all(answer.as_bytes()).is_err() || !stays {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Request { method: words.next()?, path: words.next()?, ..Request::default() };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Authorization: ") {
            request.authorization = Some(value.trim().to_owned());
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().ok()?;
        }
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
