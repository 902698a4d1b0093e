//! A headless Chromium, driven through its debugging protocol: enough to open a page, ask it
//! questions and see what it wanted from the network.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// How long anything may take. Generous: CI machines are slow and shared.
const PATIENCE: Duration = Duration::from_secs(60);

/// Switches that keep the browser from asking the network for anything of its own.
const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];

/// A running browser with one page.
pub struct Browser {
    _process: Running,
    socket: WebSocket<TcpStream>,
    next_id: u64,
    events: Vec<Value>,
    // Deleted with the browser.
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts `QT_CHROMIUM`, or `chromium` from the path, with a page of `width` x `height`
    /// CSS pixels.
    ///
    /// # Panics
    /// When there is no browser or it does not answer.
    #[must_use]
    pub fn start(width: u32, height: u32) -> Self {
        let program = std::env::var_os("QT_CHROMIUM")
            .map_or_else(|| PathBuf::from("chromium"), PathBuf::from);
        let profile = tempfile::tempdir().expect("a temporary folder");
        let process = Command::new(&program)
            .args(SWITCHES)
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        let mut process = Running(process);
        let socket = connect(debugging_port(&mut process.0));
        let mut browser =
            Self { _process: process, socket, next_id: 0, events: Vec::new(), _profile: profile };
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        browser.call("Emulation.setDeviceMetricsOverride", size);
        browser
    }

    /// Opens `url` and waits until it is loaded.
    ///
    /// # Panics
    /// When the page does not load in time.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({ "url": url }));
        let deadline = Instant::now() + PATIENCE;
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            assert!(Instant::now() < deadline, "{url} did not load in time");
            self.read_one();
        }
    }

    /// Has pages drawn as for somebody who prefers dark colours.
    pub fn prefer_dark(&mut self) {
        let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// The value of the JavaScript expression `code` in the page.
    ///
    /// # Panics
    /// When the expression throws.
    pub fn eval(&mut self, code: &str) -> Value {
        let arguments = json!({ "expression": code, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", arguments);
        assert!(answer.get("exceptionDetails").is_none(), "{code}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until `code` is true in the page.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn wait_for(&mut self, code: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.eval(code) != Value::Bool(true) {
            assert!(Instant::now() < deadline, "never true: {code}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Every address that the page has asked for since it was opened.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent")
            .filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned))
            .collect()
    }

    /// What the page threw or logged as an error since it was opened.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let is_error = |event: &&Value| {
            event["method"] == "Runtime.exceptionThrown"
                || (event["method"] == "Log.entryAdded"
                    && event["params"]["entry"]["level"] == "error")
                || (event["method"] == "Runtime.consoleAPICalled"
                    && event["params"]["type"] == "error")
        };
        self.events.iter().filter(is_error).map(Value::to_string).collect()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let request = json!({ "id": id, "method": method, "params": params });
        self.socket.send(Message::text(request.to_string())).expect("the browser listens");
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{method} was not answered in time");
            if let Some(answer) = self.read_one()
                && answer["id"] == id
            {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// Reads one message: an answer is returned, an event kept.
    fn read_one(&mut self) -> Option<Value> {
        let message = match self.socket.read() {
            Ok(message) => message,
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                return None;
            }
            Err(error) => panic!("the browser went away: {error}"),
        };
        let text = message.into_text().ok()?;
        let value: Value = serde_json::from_str(text.as_str()).ok()?;
        if value.get("id").is_some() {
            return Some(value);
        }
        self.events.push(value);
        None
    }
}

/// The process: ended whatever becomes of the test. A browser that outlives it would keep a core
/// busy for good.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing more can be done about a browser that cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The port that the browser says it listens at.
fn debugging_port(process: &mut Child) -> u16 {
    let errors = process.stderr.take().expect("its errors are piped");
    let mut lines = BufReader::new(errors).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            let address = line.strip_prefix("DevTools listening on ws://")?;
            address.split('/').next()?.rsplit(':').next()?.parse().ok()
        })
        .expect("the browser says where it listens");
    // Read on, or the browser would stop at a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    port
}

/// A connection to the first page.
fn connect(port: u16) -> WebSocket<TcpStream> {
    let deadline = Instant::now() + PATIENCE;
    let target = loop {
        if let Some(target) = page_target(port) {
            break target;
        }
        assert!(Instant::now() < deadline, "the browser shows no page");
        std::thread::sleep(Duration::from_millis(50));
    };
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the browser listens");
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a read time-out");
    let (mut socket, _) = tungstenite::client(target.as_str(), stream).expect("a WebSocket");
    socket.set_config(|config| {
        config.max_message_size = None;
        config.max_frame_size = None;
    });
    socket
}

/// The address of the first page's debugging socket, asked for by plain HTTP.
fn page_target(port: u16) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    // The browser may keep the connection open: what has come by then is the answer.
    stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
    let request =
        format!("GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).ok()?;
    let list: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    let page = list.as_array()?.iter().find(|target| target["type"] == "page")?;
    page["webSocketDebuggerUrl"].as_str().map(str::to_owned)
}
