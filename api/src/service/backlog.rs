//! Records that wait for the store: some in memory, all others in a file that ends with the
//! process. After a crash they are made again from the session's journal.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use qt_store::Projected;

/// Records that wait in memory before the file is used.
const MEMORY_MAX: usize = 4_000;

/// See the module.
#[derive(Debug)]
pub struct Backlog {
    front: VecDeque<Projected>,
    /// Where the file is made when it is needed.
    path: PathBuf,
    file: Option<File>,
    /// Records in the file that were not read back yet, and where the next of them begins.
    filed: usize,
    next_byte: u64,
    /// What the file did not take, behind all that is in it.
    rear: VecDeque<Projected>,
}

impl Backlog {
    /// An empty one. Its file is made in `folder` under `name`, and has no name from then on.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        Self {
            front: VecDeque::new(),
            path: folder.join(name),
            file: None,
            filed: 0,
            next_byte: 0,
            rear: VecDeque::new(),
        }
    }

    /// Adds records behind all others.
    pub fn push(&mut self, records: Vec<Projected>) {
        let mut records: VecDeque<Projected> = records.into();
        if self.filed == 0 && self.rear.is_empty() {
            let room = MEMORY_MAX.saturating_sub(self.front.len()).min(records.len());
            self.front.extend(records.drain(..room));
        }
        if records.is_empty() {
            return;
        }
        if self.rear.is_empty() {
            match self.write(&records) {
                Ok(()) => {
                    self.filed += records.len();
                    return;
                }
                Err(error) => tracing::error!(%error, "records wait in memory alone"),
            }
        }
        self.rear.append(&mut records);
    }

    fn write(&mut self, records: &VecDeque<Projected>) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(nameless(&self.path)?);
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        let end = file.seek(SeekFrom::End(0))?;
        file.write_all(&lines).inspect_err(|_| {
            // Half a batch must not be read back: all of it goes to memory.
            let _ = file.set_len(end);
        })
    }

    /// The first `most` records, without taking them away.
    ///
    /// # Errors
    /// When the file cannot be read; a later try may do.
    pub fn first(&mut self, most: usize) -> io::Result<Vec<Projected>> {
        if self.front.is_empty() {
            self.refill()?;
        }
        Ok(self.front.iter().take(most).cloned().collect())
    }

    /// The first `count` records are kept.
    pub fn done(&mut self, count: usize) {
        self.front.drain(..count.min(self.front.len()));
    }

    fn refill(&mut self) -> io::Result<()> {
        if self.filed == 0 {
            self.front = std::mem::take(&mut self.rear);
            return Ok(());
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(self.next_byte))?;
        let mut reader = BufReader::new(&*file);
        let (mut read, mut bytes, mut line) = (VecDeque::new(), 0, String::new());
        while read.len() < MEMORY_MAX.min(self.filed) {
            line.clear();
            bytes += reader.read_line(&mut line)? as u64;
            read.push_back(serde_json::from_str(&line)?);
        }
        self.filed -= read.len();
        self.next_byte += bytes;
        self.front = read;
        if self.filed == 0 {
            (self.next_byte, self.file) = (0, None);
        }
        Ok(())
    }
}

/// A file that nobody else can open, and that is gone with the process.
fn nameless(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
