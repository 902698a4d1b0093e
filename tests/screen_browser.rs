//! The first screen in a real browser: a new installation shows a market; an order is placed, seen
//! resting, and cancelled; the kill switch is pulled with a reason. No account, no network.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qt_tests::browser::Browser;

/// A service of its own, stopped when this is dropped.
struct Service {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Service {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let child = Command::new(qt_tests::binary())
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PORT", port.to_string())
            .env("QUANTTRADE_DATA_DIR", folder.path())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut service = Self { child, port, folder };
        service.wait_until_ready();
        service
    }

    fn wait_until_ready(&mut self) {
        let probe = || {
            let mut probe = Command::new(qt_tests::binary());
            probe.args(["serve", "--probe"]).env("PORT", self.port.to_string());
            probe.stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        };
        let began = Instant::now();
        while !probe() {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", self.last_words());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn last_words(&mut self) -> String {
        let _ = self.child.kill();
        let lines = self.child.stderr.take().map(|err| BufReader::new(err).lines());
        lines.into_iter().flatten().map_while(Result::ok).collect::<Vec<_>>().join("\n")
    }

    fn token(&self) -> String {
        let path: &Path = self.folder.path();
        let text = std::fs::read_to_string(path.join("owner.token"));
        text.expect("the owner's token is there").trim().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const OPEN: &str = "document.querySelectorAll('#orders tr').length";

fn click(browser: &mut Browser, selector: &str) {
    browser.eval(&format!("document.querySelector('{selector}').click()"));
}

fn set(browser: &mut Browser, id: &str, value: &str) {
    browser.eval(&format!(
        "(() => {{ const field = document.getElementById('{id}'); field.value = '{value}'; \
         field.dispatchEvent(new Event('change', {{bubbles: true}})); return true; }})()"
    ));
}

/// Places an order and cancels it, buys at the market, and pulls the kill switch.
fn use_it(path: &str, width: u32, height: u32) {
    let service = Service::start();
    let mut browser = Browser::start(width, height);
    let token = service.token();
    browser.open(&format!("http://127.0.0.1:{}{path}#token={token}", service.port));
    // Life: prices move, and the stream brings them.
    browser.wait_for("document.getElementById('socket').textContent === 'live'");
    browser.wait_for("Number(document.getElementById('bid').textContent.replace(/,/g, '')) > 0");
    browser.wait_for("document.getElementById('equity').textContent === '100,000.00'");
    assert!(!browser.eval("location.href").as_str().unwrap_or_default().contains(&token));
    // A limit order far below the market rests, and is cancelled.
    set(&mut browser, "type", "limit");
    browser.eval(
        "document.getElementById('price').value = String(Math.round(\
         Number(document.getElementById('bid').textContent.replace(/,/g, '')) * 0.97))",
    );
    click(&mut browser, "#buy");
    browser.wait_for(&format!("{OPEN} === 1"));
    click(&mut browser, "#orders button");
    browser.wait_for(&format!("{OPEN} === 0"));
    // A market order is filled and becomes a position.
    set(&mut browser, "type", "market");
    click(&mut browser, "#buy");
    browser.wait_for("document.querySelectorAll('#positions tr').length === 1");
    browser.wait_for("document.querySelectorAll('#trades tr').length >= 1");
    // The kill switch takes a reason, and says what it did; then nothing leaves any more.
    click(&mut browser, "#kill-open");
    set(&mut browser, "reason", "a test of the switch");
    click(&mut browser, "#switch-yes");
    browser.wait_for("document.getElementById('say').textContent.startsWith('Killed')");
    browser.wait_for("document.getElementById('engine').textContent === 'killed'");
    click(&mut browser, "#sell");
    browser.wait_for("document.getElementById('say').className === 'bad'");
    let wide = browser.eval("document.documentElement.scrollWidth");
    assert!(wide.as_u64() <= Some(u64::from(width)), "the page is {wide} wide on {width}");
    let own = format!("127.0.0.1:{}", service.port);
    let foreign = |url: &String| !url.contains(&own) && !url.starts_with("data:");
    let foreign: Vec<String> = browser.requests().into_iter().filter(foreign).collect();
    assert!(foreign.is_empty(), "the page asked {foreign:?}");
    let errors = browser.errors();
    // The refused order is an answer with 422, which browsers log as an error of the network.
    assert!(errors.iter().all(|error| error.contains("422")), "{errors:?}");
}

#[test]
fn an_order_is_placed_and_cancelled_on_a_desktop() {
    use_it("/", 1_280, 900);
}

#[test]
fn it_works_on_a_phone_under_another_base_path() {
    use_it("/api/brain/quanttrade", 390, 844);
}
