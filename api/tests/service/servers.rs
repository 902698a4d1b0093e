//! A PostgreSQL of one test's own, which it may kill.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::absent;

pub struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// Where PostgreSQL's programs are: on the path, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|it| it.join("initdb").is_file());
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    on_path.or_else(|| installed.map(|it| it.path().join("bin")).max())
}

impl PostgresServer {
    /// None where PostgreSQL is not installed.
    pub async fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            absent("no PostgreSQL is installed");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, programs, port, child: None };
        let owner = server.program("chown").arg("postgres").arg(server.folder.path()).status();
        assert!(owner.is_ok());
        let made = server
            .command("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"])
            .arg(server.data())
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "initdb");
        server.begin().await;
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(self.folder.path()).stderr(Stdio::null());
        command
    }

    /// PostgreSQL does not run as root.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !is_root() {
            return self.program(program.to_str().unwrap());
        }
        let mut command = self.program("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    }

    pub fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub async fn begin(&mut self) {
        let folder = self.folder.path().to_str().unwrap().to_owned();
        let started = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-k", &folder])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(started.unwrap());
        for _ in 0..500 {
            if crate::place::execute(&self.url(), "SELECT 1".to_owned()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("PostgreSQL does not answer");
    }

    /// Ends it at once, as a crash does: nothing is written out.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let data = self.data();
        let mut stopped = self.command("pg_ctl");
        stopped.args(["-m", "immediate", "-w", "stop", "-D"]).arg(data);
        let _ = stopped.stdout(Stdio::null()).status();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}
