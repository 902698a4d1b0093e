//! The two threads of a live run: the driver's, and that of a gateway which has no loop of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;
use qt_engine::{Gate, Gateway, Strategy};
use qt_ring::Bell;
use qt_types::Nanos;

use super::beside::Beside;
use super::clock::{Clock, Reading, Watch};
use super::driver::Driver;
use super::figures::VenueFigures;
use super::link::Phase;
use super::port::GatewayEnd;
use super::start::LiveError;

/// How long a stop waits for answers (ns). With all that comes after it, five seconds.
const STOP_NS: u64 = 4_000_000_000;
/// How often the figures are shown (ns).
const SHOW_NS: u64 = 10_000_000;

/// What others see of a live run.
#[derive(Debug)]
pub struct LiveShown {
    figures: ArrayQueue<VenueFigures>,
    breaks: ArrayQueue<Vec<String>>,
    phase: ArrayQueue<Phase>,
    beside: ArrayQueue<Beside>,
    turns: AtomicU64,
}

impl Default for LiveShown {
    fn default() -> Self {
        Self {
            figures: ArrayQueue::new(1),
            breaks: ArrayQueue::new(1),
            phase: ArrayQueue::new(1),
            beside: ArrayQueue::new(1),
            turns: AtomicU64::new(0),
        }
    }
}

impl LiveShown {
    /// The last figures, if they are newer than those of the last call.
    #[must_use]
    pub fn figures(&self) -> Option<VenueFigures> {
        self.figures.pop()
    }

    /// What cannot be explained, if that has changed since the last call.
    #[must_use]
    pub fn breaks(&self) -> Option<Vec<String>> {
        self.breaks.pop()
    }

    /// How far the link has come, if that was shown since the last call.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.phase.pop()
    }

    /// What is in the account beside the run, if that has changed since the last call.
    #[must_use]
    pub fn beside(&self) -> Option<Beside> {
        self.beside.pop()
    }

    /// How many turns the driver has made: it is alive as long as that grows.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

/// How a thread is to run.
pub struct Course<'a> {
    /// Its time.
    pub clock: &'a mut dyn Clock,
    /// Where the driver waits: the bell of its rings.
    pub bell: &'a Bell,
    /// Ends the run in order.
    pub stop: &'a AtomicBool,
    /// Where it shows itself.
    pub shown: &'a LiveShown,
    /// How long the venue may take to be in step at the start (ns).
    pub start_ns: u64,
}

/// Runs `driver` until it is stopped. Trading begins once both sides are in step, and not before.
///
/// # Errors
/// When both sides cannot be brought in step at the start, or the run must stop.
pub fn run<S: Strategy, G: Gate>(
    driver: &mut Driver<S, G>,
    course: &mut Course<'_>,
) -> Result<VenueFigures, LiveError> {
    let begun = course.clock.read();
    let mut shown_ns = 0;
    let (mut breaks, mut beside) = (0, None);
    let mut stopping_ns = None;
    loop {
        let reading = course.clock.read();
        let taken = driver.turn(reading)?;
        course.shown.turns.fetch_add(1, Ordering::Relaxed);
        if driver.phase() != Phase::Ready && !driver.has_begun() {
            refuse(driver, reading.steady_ns.saturating_sub(begun.steady_ns) > course.start_ns)?;
        }
        if reading.steady_ns.saturating_sub(shown_ns) >= SHOW_NS {
            shown_ns = reading.steady_ns;
            course.shown.figures.force_push(driver.figures());
            course.shown.phase.force_push(driver.phase());
            show_breaks(driver, course.shown, &mut breaks);
            show_beside(driver, course.shown, &mut beside);
        }
        if course.stop.load(Ordering::Acquire) {
            let since_ns = *stopping_ns.get_or_insert(reading.steady_ns);
            driver.begin_stop()?;
            let is_late = reading.steady_ns.saturating_sub(since_ns) >= STOP_NS;
            if driver.is_settled() || is_late {
                break;
            }
        }
        if taken == 0 {
            wait(driver, course);
        }
    }
    driver.close();
    let figures = driver.figures();
    course.shown.figures.force_push(figures);
    Ok(figures)
}

/// Whether trading can begin at all.
fn refuse<S: Strategy, G: Gate>(driver: &Driver<S, G>, is_late: bool) -> Result<(), LiveError> {
    if driver.is_broken() {
        return Err(LiveError::NotReconciled(texts(driver)));
    }
    if is_late { Err(LiveError::NoLink) } else { Ok(()) }
}

fn texts<S: Strategy, G: Gate>(driver: &Driver<S, G>) -> Vec<String> {
    let specs = driver.exposure().specs;
    driver.breaks().iter().map(|it| it.text(specs)).collect()
}

fn show_breaks<S: Strategy, G: Gate>(driver: &Driver<S, G>, to: &LiveShown, last: &mut usize) {
    let breaks = if driver.is_broken() { driver.breaks().len() } else { 0 };
    if breaks != *last {
        *last = breaks;
        to.breaks.force_push(texts(driver));
    }
}

fn show_beside<S: Strategy, G: Gate>(
    driver: &Driver<S, G>,
    to: &LiveShown,
    last: &mut Option<Beside>,
) {
    if driver.beside() != last.as_ref() {
        *last = driver.beside().cloned();
        last.clone().into_iter().for_each(|beside| drop(to.beside.force_push(beside)));
    }
}

fn wait<S: Strategy, G: Gate>(driver: &Driver<S, G>, course: &mut Course<'_>) {
    let next_ns = driver.next_ns();
    let Course { clock, bell, stop, .. } = course;
    let offset = driver.time_ns().get();
    let from = clock.read();
    bell.wait_until(|| {
        let Reading { steady_ns, .. } = clock.read();
        let gone_ns = i64::try_from(steady_ns.saturating_sub(from.steady_ns)).unwrap_or(i64::MAX);
        driver.has_input()
            || offset.saturating_add(gone_ns) >= next_ns.get()
            || (stop.load(Ordering::Acquire) && !driver.is_stopping())
            || gone_ns >= SHOW_NS as i64
    });
}

/// Carries to and fro between `end` and `gateway` until the driver is gone. Its time goes by the
/// steady clock, as that of the driver does.
pub fn attend(end: &mut GatewayEnd, gateway: &mut dyn Gateway, clock: &mut dyn Clock) {
    let mut watch = Watch::new(Nanos::MIN);
    loop {
        if end.turn(gateway, watch.look(clock.read())) == 0 {
            // What comes on another thread is due at once.
            let mut is_due = |next_ns| watch.look(clock.read()) >= next_ns;
            if !end.wait(|| gateway.next_ns().is_some_and(&mut is_due)) {
                return;
            }
        }
    }
}
