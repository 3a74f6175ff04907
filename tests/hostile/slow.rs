//! Clients that are slow on purpose: each is cut within its time, and nobody else notices.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::hostile::case::push;
use crate::hostile::exchange::{read_answer, send};
use crate::hostile::gateway::Gateway;

/// How long the gateway may take beyond a wait of a second: it looks from time to time only.
const CUT_MAX: Duration = Duration::from_secs(4);
/// What a push may take meanwhile, on a machine that has other things to do.
const PUSH_MAX: Duration = Duration::from_secs(5);

/// How long the gateway leaves a connection open of which a byte is sent from time to time.
fn drip(mut stream: TcpStream, bytes: impl IntoIterator<Item = u8>) -> Duration {
    const PAUSE: Duration = Duration::from_millis(100);
    let since = Instant::now();
    stream.set_read_timeout(Some(PAUSE)).expect("a wait that is not zero");
    for byte in bytes {
        if stream.write_all(&[byte]).is_err() {
            break;
        }
        // An answer says why, and then comes the end.
        match stream.read(&mut [0; 1024]) {
            Ok(0) => break,
            Err(error) if !is_pause(&error) => break,
            _ => {}
        }
    }
    since.elapsed()
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// Pushes all the time until `attack` is over, and says how long the slowest took.
fn slowest_push_during(gateway: &Gateway, attack: impl FnOnce() + Send) -> Duration {
    std::thread::scope(|scope| {
        let attacking = scope.spawn(attack);
        let mut stream = gateway.connect();
        let mut slowest = Duration::ZERO;
        while !attacking.is_finished() {
            let since = Instant::now();
            stream.write_all(&push("/metrics/job/good", "", "m 1\n")).expect("it is read");
            assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(200));
            slowest = slowest.max(since.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        }
        attacking.join().expect("the attack goes as planned");
        slowest
    })
}

/// Lets 50 clients drip at once; each must be cut.
fn assert_cut(gateway: &Gateway, head: &'static [u8], drops: &'static [u8]) {
    let slowest = slowest_push_during(gateway, || {
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        let mut stream = gateway.connect();
                        stream.write_all(head).expect("it is read");
                        drip(stream, drops.iter().copied().cycle().take(200))
                    })
                })
                .collect();
            for client in clients {
                let open = client.join().expect("a client does not panic");
                assert!(open < CUT_MAX, "a slow client was served for {open:?}");
            }
        });
    });
    assert!(slowest < PUSH_MAX, "a push took {slowest:?} beside slow clients");
}

#[test]
fn a_head_that_comes_byte_by_byte_is_cut() {
    let gateway = Gateway::start(&["--web.header-timeout=1s"]);
    assert_cut(&gateway, b"GET /-/healthy HTTP/1.1\r\nx: ", b"y");
    assert_cut(
        &gateway,
        b"GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /-/healthy HTTP/1.1\r\nx: y",
    );
}

#[test]
fn a_connection_that_says_nothing_is_cut() {
    let gateway = Gateway::start(&["--web.header-timeout=1s"]);
    let mut stream = gateway.connect();
    let since = Instant::now();
    let closed = stream.read(&mut [0; 1024]);
    assert!(closed.is_ok(), "it is closed in good order: {closed:?}");
    assert!(since.elapsed() < CUT_MAX, "it was open for {:?}", since.elapsed());
}

#[test]
fn a_body_that_comes_byte_by_byte_is_cut() {
    let gateway = Gateway::start(&["--web.body-timeout=1s"]);
    assert_cut(
        &gateway,
        b"PUT /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n",
        b"\n",
    );
    assert_cut(
        &gateway,
        b"PUT /metrics/job/evil HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\n\n\r\n",
    );
    let mut stream = gateway.connect();
    let head = b"PUT /metrics/job/evil HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nm";
    stream.write_all(head).expect("it is read");
    assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(408));
    assert_eq!(stream.read(&mut [0]).ok(), Some(0), "and then it is closed");
    let scrape = gateway.ask("GET", "/metrics");
    assert!(!String::from_utf8_lossy(&scrape.body).contains("evil"));
}

#[test]
fn a_connection_that_is_left_idle_is_closed() {
    let gateway = Gateway::start(&["--web.idle-timeout=1s"]);
    let mut stream = gateway.connect();
    send(&mut stream, "GET", "/-/healthy");
    assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(200));
    let since = Instant::now();
    assert_eq!(stream.read(&mut [0]).ok(), Some(0));
    assert!(since.elapsed() < CUT_MAX, "it was open for {:?}", since.elapsed());
}

/// A connection that can take little before it is read: the kernel holds none of the answers for it.
fn narrow(gateway: &Gateway) -> TcpStream {
    const RECEIVE_BYTES: usize = 4096;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a descriptor is left");
    socket.set_recv_buffer_size(RECEIVE_BYTES).expect("a socket has the option");
    let address: SocketAddr = gateway.address.parse().expect("an address");
    socket.connect(&address.into()).expect("the gateway accepts");
    socket.into()
}

/// Clients that ask for a lot and read nothing, while what they are not reading piles up.
#[test]
fn clients_that_never_read_hold_nobody_up() {
    const CLIENTS: usize = 10;
    const RESIDENT_KIB_MAX: u64 = 256 << 10;
    let gateway = Gateway::start(&["--web.idle-timeout=1s"]);
    let lines: String = (0..5_000).map(|at| format!("m{{l=\"{at}\"}} 1\n")).collect();
    let mut stream = gateway.connect();
    stream.write_all(&push("/metrics/job/large", "", lines)).expect("it is read");
    assert_eq!(read_answer(&mut stream).map(|answer| answer.status), Some(200));
    let before = gateway.descriptors();
    let mut clients: Vec<TcpStream> = Vec::new();
    let slowest = slowest_push_during(&gateway, || {
        for path in ["/metrics", "/api/v1/metrics", "/-/healthy"] {
            for _ in 0..CLIENTS {
                let mut stream = narrow(&gateway);
                stream.set_nonblocking(true).expect("a socket has the option");
                // As many requests as there is room for, none of whose answers is read.
                let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(2_000);
                let _full = stream.write(request.as_bytes());
                clients.push(stream);
            }
        }
        for _ in 0..20 {
            gateway.assert_healthy();
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert!(slowest < PUSH_MAX, "a push took {slowest:?} beside clients that do not read");
    let resident = gateway.resident_kib();
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB");
    drop(clients);
    gateway.wait_for_descriptors(before);
}
