//! For tests: a server on loopback that answers as it is told and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The whole text of each request, in order of arrival.
pub(super) type Seen = Arc<Mutex<Vec<String>>>;

/// An HTTP server; `answer` gets a request's text and returns status, further header lines and body. Returns
/// its address. It ends with the test's process.
pub(super) fn http(
    answer: impl Fn(&str) -> (u16, &'static str, String) + Send + Sync + 'static,
) -> (String, Seen) {
    let seen = Seen::default();
    let (log, answer) = (seen.clone(), Arc::new(answer));
    let address = listen(move |stream| {
        let request = read_request(&stream);
        log.lock().unwrap().push(request.clone());
        let (status, headers, body) = answer(&request);
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status} -\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
        let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
    });
    (format!("http://{address}"), seen)
}

/// Runs `serve` in a thread of its own for every connection.
pub(super) fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    while reader.read_line(&mut text).unwrap_or(0) > 2 {}
    let length = text
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    text + &String::from_utf8(body).unwrap()
}
