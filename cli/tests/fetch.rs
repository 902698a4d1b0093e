//! `data fetch` against a server of the test's own: what comes, what does not, and what is left
//! behind.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::Sandbox;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How the server treats a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Answers with this code and nothing else.
    Code(u16),
    /// Sends so many bytes of the body and hangs up.
    Cut(usize),
    /// Sends nothing for a while.
    Slow,
    /// Sends the client to the same address again.
    Loop,
    /// Does not know of parts of a file.
    Whole,
}

/// Files by path, and how the next requests for one are treated.
#[derive(Default)]
struct Shelf {
    files: HashMap<String, Vec<u8>>,
    moods: HashMap<String, Vec<Mood>>,
    /// Requests as they came: path, and the byte from which on.
    asked: Vec<(String, u64)>,
}

/// A server, until the test ends.
struct Server {
    shelf: Arc<Mutex<Shelf>>,
    url: String,
}

impl Server {
    fn new() -> Self {
        Self::with(None)
    }

    /// With TLS, where `config` says how.
    fn with(config: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = if config.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let own = Arc::clone(&shelf);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shelf, config) = (Arc::clone(&own), config.clone());
                thread::spawn(move || match config {
                    None => answer(stream, &shelf),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        answer(StreamOwned::new(connection, stream), &shelf);
                    }
                });
            }
        });
        Self { shelf, url: format!("{host}:{port}") }
    }

    /// Puts a file there, with its checksum.
    fn put(&self, path: &str, bytes: &[u8]) {
        let name = path.rsplit('/').next().unwrap();
        let sum = format!("{}  {name}\n", sha256(bytes));
        let mut shelf = self.shelf.lock().unwrap();
        shelf.files.insert(format!("/{path}.CHECKSUM"), sum.into_bytes());
        shelf.files.insert(format!("/{path}"), bytes.to_vec());
    }

    /// How the next requests for `path` are treated.
    fn mood(&self, path: &str, moods: &[Mood]) {
        let mut moods = moods.to_vec();
        moods.reverse();
        self.shelf.lock().unwrap().moods.insert(format!("/{path}"), moods);
    }

    fn asked(&self) -> Vec<(String, u64)> {
        self.shelf.lock().unwrap().asked.clone()
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers one request on `stream`.
fn answer<S: Read + Write>(stream: S, shelf: &Mutex<Shelf>) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut from = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        let lower = line.to_lowercase();
        if let Some(range) = lower.strip_prefix("range: bytes=") {
            from = range.trim().trim_end_matches('-').parse().unwrap();
        }
    }
    let (file, mood) = {
        let mut shelf = shelf.lock().unwrap();
        shelf.asked.push((path.clone(), from));
        let mood = shelf.moods.get_mut(&path).and_then(Vec::pop);
        (shelf.files.get(&path).cloned(), mood)
    };
    let mut stream = reader.into_inner();
    let mut say = |text: String, body: &[u8]| {
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.write_all(body);
        let _ = stream.flush();
    };
    let empty = |code: u16| format!("HTTP/1.1 {code} x\r\nContent-Length: 0\r\n\r\n");
    let Some(file) = file else { return say(empty(404), b"") };
    let whole = from == 0 || mood == Some(Mood::Whole);
    let body = if whole { &file[..] } else { &file[(from as usize).min(file.len())..] };
    let code = if whole { 200 } else { 206 };
    let head =
        format!("HTTP/1.1 {code} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    match mood {
        Some(Mood::Code(code)) => say(empty(code), b""),
        Some(Mood::Cut(bytes)) => say(head, &body[..bytes.min(body.len())]),
        Some(Mood::Slow) => {
            say(head, &body[..body.len().min(10)]);
            thread::sleep(Duration::from_secs(3));
        }
        Some(Mood::Loop) => {
            say(format!("HTTP/1.1 302 x\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n"), b"");
        }
        _ => say(head, body),
    }
}

/// A month of minutes, in fact two hours of it, as the archive has it: a CSV in a zip.
fn klines(start_ms: i64, rows: i64) -> Vec<u8> {
    let row = |at: i64| {
        let open = start_ms + at * 60_000;
        format!("{open},10.{at:03},11,9,10.5,{at},{},1,1,1,1,0\n", open + 59_999)
    };
    let text: String = (0..rows).map(row).collect();
    zipped("x.csv", text.as_bytes())
}

/// `bytes` in a zip, stored.
fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let crc = crc32(bytes).to_le_bytes();
    let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let name_bytes = u16::try_from(name.len()).unwrap().to_le_bytes();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x58];
    common.extend(crc.iter().chain(&size).chain(&size).chain(&name_bytes).chain(&[0, 0]));
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&common);
    zip.extend(name.as_bytes());
    zip.extend(bytes);
    let start = u32::try_from(zip.len()).unwrap();
    zip.extend(b"PK\x01\x02\x14\x00");
    zip.extend(&common);
    zip.extend([0; 14]);
    zip.extend(name.as_bytes());
    let length = (u32::try_from(zip.len()).unwrap() - start).to_le_bytes();
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(length.iter().chain(&start.to_le_bytes()).chain(&[0, 0]));
    zip
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

const JANUARY: &str = "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip";
const FEBRUARY: &str = "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-02.zip";
/// 2024-01-01 and 2024-02-01 in ms.
const JANUARY_MS: i64 = 1_704_067_200_000;
const FEBRUARY_MS: i64 = 1_706_745_600_000;

/// The words of a fetch of January.
fn words<'a>(server: &'a Server, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["data", "fetch", "binance:spot/BTCUSDT", "--kind", "klines"];
    words.extend(["--interval", "1m", "--out", "got", "--retry-pause", "5ms"]);
    words.extend(["--base-url", &server.url]);
    if !more.contains(&"--from") {
        words.extend(["--from", "2024-01"]);
    }
    words.extend_from_slice(more);
    words
}

/// Everything below `folder`, by its path there.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                all.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    all
}

fn states(document: &Value) -> Vec<&str> {
    let files = document["files"].as_array().unwrap();
    files.iter().map(|file| file["state"].as_str().unwrap()).collect()
}

#[test]
fn months_come_and_stay_and_become_an_entry() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    server.put(JANUARY, &klines(JANUARY_MS, 120));
    server.put(FEBRUARY, &klines(FEBRUARY_MS, 60));
    let got = sandbox.json(&words(&server, &["--from", "2024-01", "--to", "2024-02"]));
    assert_eq!(states(&got), ["fetched", "fetched"]);
    assert_eq!(got["missing"].as_array().unwrap().len(), 0);
    let held = tree(&sandbox.path().join("got"));
    let sum = format!("{JANUARY}.CHECKSUM");
    assert_eq!(
        held.keys().filter(|name| name.contains("2024-01")).collect::<Vec<_>>(),
        [JANUARY, &sum]
    );
    assert_eq!(held[JANUARY], klines(JANUARY_MS, 120));
    assert_eq!(got["files"][0]["sha256"], sha256(&held[JANUARY]));
    // What is there and verified needs no server.
    let before = server.asked().len();
    let again = ["--from", "2024-01", "--to", "2024-02", "--import"];
    let got = sandbox.json(&words(&server, &again));
    assert_eq!((states(&got), server.asked().len()), (vec!["there", "there"], before));
    assert_eq!(got["imported"][0]["id"], "BTCUSDT-1m");
    assert_eq!(got["imported"][0]["rows"], 180);
    let info = sandbox.json(&["data", "info", "BTCUSDT-1m"]);
    assert_eq!(info["from"], "2024-01-01T00:00:00Z", "{info}");
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_ended() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    let file = klines(JANUARY_MS, 500);
    server.put(JANUARY, &file);
    server.mood(JANUARY, &[Mood::Cut(1_000), Mood::Cut(2_000)]);
    let got = sandbox.json(&words(&server, &[]));
    assert_eq!(states(&got), ["fetched"]);
    assert_eq!(tree(&sandbox.path().join("got"))[JANUARY], file);
    let asked = server.asked();
    let from: Vec<u64> = asked.iter().filter(|a| a.0.ends_with(".zip")).map(|a| a.1).collect();
    assert_eq!(from, [0, 1_000, 3_000]);
    // Given up, only the part is left; the next run goes on with it.
    let sandbox = Sandbox::new();
    server.mood(JANUARY, &[Mood::Cut(700)]);
    let ended = sandbox.run(&words(&server, &["--retries", "0"]));
    ended.expect(1, &["2024-01.zip", "run the command again"]);
    let held = tree(&sandbox.path().join("got"));
    assert_eq!(held.keys().collect::<Vec<_>>(), [&format!("{JANUARY}.part")]);
    assert_eq!(held.values().next().unwrap(), &file[..700]);
    // A server that only has whole files starts anew.
    server.mood(JANUARY, &[Mood::Whole]);
    sandbox.json(&words(&server, &[]));
    let held = tree(&sandbox.path().join("got"));
    assert_eq!((held.len(), &held[JANUARY]), (2, &file));
}

#[test]
fn a_wrong_checksum_is_no_data() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    server.put(JANUARY, &klines(JANUARY_MS, 50));
    let other = klines(JANUARY_MS, 51);
    server.shelf.lock().unwrap().files.insert(format!("/{JANUARY}"), other);
    let ended = sandbox.run(&words(&server, &["--retries", "1"]));
    ended.expect(3, &["the checksum differs", "2024-01.zip", "trying again"]);
    assert_eq!(tree(&sandbox.path().join("got")).len(), 0);
    let sum = format!("/{JANUARY}.CHECKSUM");
    server.shelf.lock().unwrap().files.insert(sum, b"<html>welcome</html>".to_vec());
    sandbox.run(&words(&server, &[])).expect(3, &["is no checksum", "--base-url"]);
    // A file that was damaged here is fetched again.
    server.put(JANUARY, &klines(JANUARY_MS, 50));
    sandbox.json(&words(&server, &[]));
    std::fs::write(sandbox.path().join("got").join(JANUARY), b"damaged").unwrap();
    assert_eq!(states(&sandbox.json(&words(&server, &[]))), ["fetched"]);
}

#[test]
fn what_the_archive_does_not_have_is_said() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    let ended = sandbox.run(&words(&server, &["--from", "2024-01-05", "--to", "2024-01-06"]));
    ended.expect(4, &["does not have 2024-01-05, 2024-01-06 (or not yet)"]);
    // Of a month that is not there its days are taken.
    let day = "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-30.zip";
    server.put(day, &klines(JANUARY_MS + 29 * 86_400_000, 10));
    let got = sandbox.json(&words(&server, &[]));
    assert_eq!((states(&got), got["missing"].as_array().unwrap().len()), (vec!["fetched"], 30));
    let future = sandbox.run(&words(&server, &["--from", "2999-01"]));
    future.expect(4, &["2999-01 is not over"]);
}

#[test]
fn what_may_pass_is_tried_again_and_what_stays_is_not() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    server.put(JANUARY, &klines(JANUARY_MS, 50));
    server.mood(JANUARY, &[Mood::Code(500), Mood::Code(503), Mood::Code(429)]);
    let ended = sandbox.run(&words(&server, &[]));
    ended.expect(0, &["the server answers 500; trying again"]);
    let tries = |server: &Server, path: &str| {
        server.asked().iter().filter(|asked| asked.0 == format!("/{path}")).count()
    };
    assert_eq!(tries(&server, JANUARY), 4);
    let sandbox = Sandbox::new();
    server.mood(FEBRUARY, &[]);
    server.put(FEBRUARY, b"x");
    server.mood(FEBRUARY, &[Mood::Code(403)]);
    sandbox.run(&words(&server, &["--from", "2024-02"])).expect(1, &["answers 403"]);
    assert_eq!(tries(&server, FEBRUARY), 1);
    server.mood(FEBRUARY, &[Mood::Code(500); 9]);
    let ended = sandbox.run(&words(&server, &["--from", "2024-02", "--retries", "2"]));
    ended.expect(1, &["the server answers 500", "2024-02.zip"]);
    assert_eq!(tries(&server, FEBRUARY), 4);
    server.mood(FEBRUARY, &[Mood::Loop; 30]);
    let ended = sandbox.run(&words(&server, &["--from", "2024-02"]));
    ended.expect(1, &["more than 5 redirects"]);
}

#[test]
fn a_server_that_falls_silent_is_not_waited_for() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    server.put(JANUARY, &klines(JANUARY_MS, 50));
    server.mood(JANUARY, &[Mood::Slow]);
    let ended = sandbox.run(&words(&server, &["--timeout", "300ms"]));
    ended.expect(0, &["no answer in time", "trying again"]);
    let nobody = Server { shelf: Arc::default(), url: "http://127.0.0.1:9".to_owned() };
    let ended = sandbox.run(&words(&nobody, &["--from", "2024-02", "--retries", "1"]));
    ended.expect(1, &["http://127.0.0.1:9/data/spot", "--base-url names another server"]);
}

#[test]
fn wrong_words_are_refused_before_anything_is_asked() {
    let (server, sandbox) = (Server::new(), Sandbox::new());
    for (more, what) in [
        (&["--from", "january"][..], "--from: 'january' is no day"),
        (&["--timeout", "soon"], "--timeout"),
        (&["--ca", "no.pem"], "--ca no.pem"),
    ] {
        sandbox.run(&words(&server, more)).expect(2, &[what]);
    }
    let plain = ["data", "fetch", "kraken:BTC", "--kind", "trades", "--from", "2024-01"];
    sandbox.run(&plain).expect(2, &["binance:spot/BTCUSDT"]);
    let odd = Server { shelf: Arc::default(), url: "ftp://x".to_owned() };
    sandbox.run(&words(&odd, &[])).expect(2, &["neither https:// nor http://"]);
    assert!(server.asked().is_empty());
}

/// An authority, and a certificate for localhost that it has signed, made by the openssl program;
/// `None` where there is none.
fn certificates(folder: &Path) -> Option<Arc<ServerConfig>> {
    let openssl = |words: &str| {
        let mut command = Command::new("openssl");
        let done = command.args(words.split(' ')).current_dir(folder).output().ok()?;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Some(())
    };
    std::fs::write(folder.join("san"), "subjectAltName=DNS:localhost\n").unwrap();
    let new = "req -newkey rsa:2048 -nodes -sha256";
    openssl(&format!("{new} -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"))?;
    openssl(&format!("{new} -subj /CN=localhost -keyout own.key -out own.csr"))?;
    let sign = "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -sha256";
    openssl(&format!("{sign} -extfile san -out own.pem"))?;
    let own = CertificateDer::from_pem_file(folder.join("own.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("own.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Some(Arc::new(config.unwrap().with_no_client_auth().with_single_cert(vec![own], key).unwrap()))
}

#[test]
fn a_server_is_trusted_when_its_authority_is() {
    let sandbox = Sandbox::new();
    let Some(config) = certificates(sandbox.path()) else {
        eprintln!("skipped: there is no openssl program");
        return;
    };
    let server = Server::with(Some(config));
    server.put(JANUARY, &klines(JANUARY_MS, 50));
    sandbox.run(&words(&server, &[])).expect(1, &["--ca FILE.pem"]);
    assert!(server.asked().is_empty(), "nothing is said to whom nobody trusts");
    assert_eq!(states(&sandbox.json(&words(&server, &["--ca", "ca.pem"]))), ["fetched"]);
    sandbox.run(&words(&server, &["--ca", "ca.key"])).expect(2, &["no certificate"]);
}
