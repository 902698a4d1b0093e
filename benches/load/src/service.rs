//! A service of its own for a run, and what can be seen of its process from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::target::Target;

/// So long a service may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// Far above what is asked: a run measures the service, not its quotas.
const RATE_LIMITS: [&str; 5] = [
    "RATE_LIMIT_READ",
    "RATE_LIMIT_WRITE",
    "RATE_LIMIT_CANCEL",
    "RATE_LIMIT_KILL",
    "RATE_LIMIT_ADDRESS",
];

/// A service that was started for a run.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// From the start of the process until it said that it is ready.
    pub started_in: Duration,
    /// How it is asked.
    pub target: Target,
}

impl Service {
    /// Starts `program` in `folder`, for `tenants` tenants, and waits until it is ready.
    pub async fn start(program: &Path, folder: &Path, tenants: u64) -> Result<Self, String> {
        let told = |what: &str| format!("{}: {what}", program.display());
        let secret = secret()?;
        let port = free_port()?;
        let tokens = (1..=tenants).map(|tenant| token(program, &secret, tenant));
        let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
        let log = folder.join("service.log");
        let log = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = Command::new(program);
        command.arg("serve").env("JWT_SECRET_KEY", &secret).env("PORT", port.to_string());
        command.env("HOST", "127.0.0.1").env("QUANTTRADE_DATA_DIR", folder.join("data"));
        command.envs(RATE_LIMITS.map(|name| (name, "1000000:1000000")));
        command.stdout(Stdio::null()).stderr(log);
        let began = Instant::now();
        let child = command.spawn().map_err(|error| told(&error.to_string()))?;
        let target = Target {
            address: format!("127.0.0.1:{port}").into(),
            tokens: tokens.into(),
            process: Some(child.id()),
        };
        let mut service = Self { child, started_in: Duration::ZERO, target };
        loop {
            if let Ok((200, _)) = service.target.ask("GET", "/ready", "").await {
                service.started_in = began.elapsed();
                return Ok(service);
            }
            let is_over = service.child.try_wait().is_ok_and(|ended| ended.is_some());
            if is_over || began.elapsed() > PATIENCE {
                return Err(told("it is not ready; its log is service.log in the folder"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it by SIGTERM; how long that took, and whether it ended well.
    pub async fn stop(mut self) -> Result<(Duration, bool), String> {
        let began = Instant::now();
        let sent = Command::new("kill").arg(self.child.id().to_string()).status();
        sent.map_err(|error| format!("kill: {error}"))?;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Ok((began.elapsed(), status.success()));
            }
            if began.elapsed() > PATIENCE {
                return Err("the service does not end".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that has ended already is none to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn secret() -> Result<String, String> {
    let mut bytes = [0; 32];
    let path = PathBuf::from("/dev/urandom");
    let mut file = fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    std::io::Read::read_exact(&mut file, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn token(program: &Path, secret: &str, tenant: u64) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(["token", "--role", "user", "--tenant"]);
    command.arg(format!("018f4e5a-0000-7000-8000-{tenant:012x}")).env("JWT_SECRET_KEY", secret);
    let told = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    if !told.status.success() {
        return Err(format!("no token: {}", String::from_utf8_lossy(&told.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
}

/// Resident memory of a process, KiB; none where that cannot be seen.
pub fn resident_kib(process: Option<u32>) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

/// How many files this process may have open.
pub fn files_allowed() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
