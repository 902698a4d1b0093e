//! Progress of long work.

mod lines;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};
use qt_data::load::LoadOptions;

use super::number;
use lines::Lines;

/// A bar on standard error, lines for another program, or nothing.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    lines: Option<Lines>,
}

/// Work that ends sooner shows no bar at all.
const QUIET: Duration = Duration::from_secs(1);
/// How often work that cannot tell how far it is is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether lines for another program are wanted in this process.
static LINES: AtomicBool = AtomicBool::new(false);

/// Says that progress goes to another program, line by line, in the place of bars.
pub fn want_lines() {
    LINES.store(true, Ordering::Relaxed);
}

/// Whether bars are wanted in this process.
static WANTED: AtomicBool = AtomicBool::new(false);

/// Says whether bars are wanted: standard error is a terminal, and nobody asked for quiet.
pub fn want(is_wanted: bool) {
    WANTED.store(is_wanted, Ordering::Relaxed);
}

fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

impl Progress {
    /// A bar of `length` units called `unit`, shown if `is_shown`.
    pub fn new(length: u64, unit: &'static str, is_shown: bool) -> Self {
        if LINES.load(Ordering::Relaxed) {
            return Self { bar: None, lines: Some(Lines::new(length, unit)) };
        }
        Self { bar: is_shown.then(|| styled(ProgressBar::new(length), unit)), lines: None }
    }

    /// Shows that `done` units are done, with a few words beside.
    pub fn set(&self, done: u64, words: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            if let Some(line) = lines.line(done, words) {
                // Nobody is left to be told when standard error is closed.
                let _ = writeln!(io::stderr(), "{line}");
            }
        } else if let Some(bar) = &self.bar
            && bar.elapsed() > QUIET
        {
            bar.set_position(done);
            bar.set_message(words());
        }
    }

    /// Shows that `done` of `all` units are done, when the number of all is known only now.
    pub fn set_of(&self, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
        }
        if let Some(lines) = &self.lines {
            lines.length.store(all, Ordering::Relaxed);
        }
        self.set(done, String::new);
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn styled(bar: ProgressBar, unit: &'static str) -> ProgressBar {
    let rate = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let per_second = state.per_sec() as u64;
        // A bar that cannot be drawn is not worth an error.
        let _ = match unit {
            "bytes" => write!(out, "{}/s", number::bytes(per_second)),
            unit => write!(out, "{} {unit}/s", HumanCount(per_second)),
        };
    };
    let template = "{prefix}{bar:28} {percent:>3} % {rate}  {eta} left  {msg}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("rate", rate).progress_chars("━━─"));
    bar
}

/// Progress of work that goes on elsewhere: a thread looks at it until this is dropped.
#[derive(Debug)]
pub struct Watched {
    ended: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watched {
    fn begin(
        bar: ProgressBar,
        quiet: Duration,
        look: impl Fn(&ProgressBar) + Send + 'static,
    ) -> Self {
        let (ended, wait) = channel::<()>();
        let watch = move || {
            while wait.recv_timeout(LOOK_EVERY.min(quiet)) == Err(RecvTimeoutError::Timeout) {
                if bar.elapsed() > quiet {
                    look(&bar);
                }
            }
            bar.finish_and_clear();
        };
        // Without the thread there is no bar, which is no reason to stop.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(watch).ok();
        Self { ended: Some(ended), thread }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ended = None;
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has drawn its last bar.
            let _ = thread.join();
        }
    }
}

/// The progress of loading the file at `path` with `options`, which are told to count.
pub fn reading(path: &Path, options: &mut LoadOptions) -> Option<Watched> {
    if !is_wanted() {
        return None;
    }
    let count = Arc::new(AtomicU64::new(0));
    options.bytes_read = Some(Arc::clone(&count));
    let name = path.file_name().map_or_else(Default::default, |name| name.to_string_lossy());
    let length = fs::metadata(path).map_or(0, |facts| facts.len());
    let bar = styled(ProgressBar::new(length).with_prefix(format!("reading {name} ")), "bytes");
    let then = format!("checking {name}");
    Some(Watched::begin(bar, QUIET, move |bar| show_count(bar, &count, &then)))
}

/// The progress of making `length` units called `unit`, which are counted by `count`.
pub fn making(length: u64, unit: &'static str, count: &Arc<AtomicU64>) -> Option<Watched> {
    let count = Arc::clone(count);
    is_wanted().then(|| {
        let bar = styled(ProgressBar::new(length), unit);
        Watched::begin(bar, QUIET, move |bar| show_count(bar, &count, ""))
    })
}

/// What is done; once all is, what comes `then`, of which nobody knows how long it takes.
fn show_count(bar: &ProgressBar, count: &AtomicU64, then: &str) {
    let done = count.load(Ordering::Relaxed);
    // Parts of a file are rounded.
    let is_all = bar.length().is_some_and(|length| done + length / 1_000 >= length);
    if is_all && !then.is_empty() {
        bar.set_style(open_ended());
        bar.set_message(then.to_owned());
        bar.tick();
    } else {
        bar.set_position(done);
    }
}

/// Says `what` is being done, of which nobody knows how long it takes.
pub fn waiting(what: impl Into<String>) -> Option<Watched> {
    is_wanted().then(|| {
        let bar = ProgressBar::new_spinner().with_style(open_ended()).with_message(what.into());
        Watched::begin(bar, QUIET, ProgressBar::tick)
    })
}

fn open_ended() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg}  {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal that keeps what it is sent.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn add(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
            Ok(())
        }

        fn has(&self, text: &str) -> bool {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(text)
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            self.add("<cleared>")
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn bar_on(screen: &Screen, length: u64) -> ProgressBar {
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        ProgressBar::with_draw_target(Some(length), target)
    }

    #[test]
    fn a_count_is_drawn_until_the_work_is_over() {
        let screen = Screen::default();
        let count = Arc::new(AtomicU64::new(500));
        let bar = styled(bar_on(&screen, 1_000).with_prefix("reading a.csv "), "bytes");
        show_count(&bar, &count, "checking a.csv");
        bar.force_draw();
        assert!(screen.has("reading a.csv") && screen.has(" 50 %"), "{screen:?}");
        assert!(!screen.has("checking"));
        count.store(999, Ordering::Relaxed);
        show_count(&bar, &count, "checking a.csv");
        bar.force_draw();
        assert!(screen.has("checking a.csv"), "{screen:?}");
    }

    #[test]
    fn a_thread_looks_and_clears_up() {
        let screen = Screen::default();
        let (told, heard) = channel();
        let watched = Watched::begin(bar_on(&screen, 10), Duration::ZERO, move |bar| {
            bar.set_position(5);
            // After the first look nobody listens any more.
            let _ = told.send(());
        });
        heard.recv().unwrap();
        drop(watched);
        assert!(screen.has("<cleared>"), "{screen:?}");
        assert!(reading(Path::new("x"), &mut LoadOptions::default()).is_none(), "not wanted");
    }

    #[test]
    fn reading_counts_the_bytes_of_the_file() {
        let folder = std::env::temp_dir().join(format!("qt-progress-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let days = (10..30).map(|day| format!("2024-01-{day},10,11,9,10,100\n"));
        let text = "date,open,high,low,close,volume\n".to_owned() + &days.collect::<String>();
        let path = folder.join("a.csv");
        fs::write(&path, &text).unwrap();
        let series = qt_data::load::load(&path, &LoadOptions::default()).unwrap().remove(0);
        let qt_data::load::Loaded::Bars(series) = series else { panic!("they are bars") };
        let table = qt_frames::bars_table(&series, qt_frames::BarTimes::Iso).unwrap();
        table.write_parquet(&folder.join("a.parquet")).unwrap();
        let counted = |path: &Path, load: &dyn Fn(&LoadOptions)| {
            let count = Arc::new(AtomicU64::new(7));
            load(&LoadOptions { bytes_read: Some(Arc::clone(&count)), ..LoadOptions::default() });
            (count.load(Ordering::Relaxed), fs::metadata(path).unwrap().len())
        };
        let (count, length) = counted(&path, &|options| {
            qt_data::load::load(&path, options).unwrap();
        });
        assert_eq!(count, length);
        let path = folder.join("a.parquet");
        let (count, length) = counted(&path, &|options| {
            qt_frames::read::load(&path, options).unwrap();
        });
        assert!((length - 10..=length + 7).contains(&count), "{count} of {length}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn quick_work_shows_nothing() {
        let screen = Screen::default();
        let bar = Some(styled(bar_on(&screen, 10), "rows"));
        let progress = Progress { bar, lines: None };
        progress.set(5, String::new);
        assert!(!screen.has("%"), "{screen:?}");
    }
}
