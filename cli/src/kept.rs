//! The run of a journal, from its own record of its settings.

use std::path::Path;

use clap::Parser;
use qt_engine::Strategy;
use qt_runtime::parity;

use crate::app::Session;
use crate::args::{Cli, Command};
use crate::cast::Cast;
use crate::dataset::ticks::{self, TickData};
use crate::failure::Failure;
use crate::settings::{Layers, RunPlan, Sources};

/// A run that a journal tells of, ready to be made again.
pub struct Kept<'a> {
    /// Its settings.
    pub plan: RunPlan,
    /// Its data.
    pub data: TickData,
    cast: Cast<'a>,
    symbols: Vec<String>,
}

impl<'a> Kept<'a> {
    /// The run of `journal`, with other parameters where `params` names some.
    ///
    /// # Errors
    /// When there is no such journal, its data is gone or not the same, or a parameter is wrong.
    pub fn open(journal: &Path, params: &[String], session: &'a Session) -> Result<Self, Failure> {
        let manifest = parity::manifest_of(journal)?;
        let (layers, mut plan) = plan_of(journal, &manifest.words, params)?;
        let cast = Cast::new(&plan, session)?;
        let data = ticks::open(&plan.data, &plan.reading, &session.out)?;
        let symbols = qt_backtest::run_ticks::symbols(&data.files)?;
        let names: Vec<&str> = symbols.iter().map(String::as_str).collect();
        plan.share_default_weight(&layers, cast.shares(&names));
        for (file, mark) in data.files.iter().zip(&manifest.data) {
            if file.hash() != mark.hash {
                session.out.warn(&format!(
                    "{} does not hold what it held when {} was written",
                    mark.path,
                    journal.display()
                ));
            }
        }
        Ok(Self { plan, data, cast, symbols })
    }

    /// Its strategies as one, at their beginning.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn strategy(&self) -> Result<Box<dyn Strategy>, Failure> {
        let symbols: Vec<&str> = self.symbols.iter().map(String::as_str).collect();
        self.cast.make(&symbols)
    }
}

/// The settings `words` of `journal`, with other parameters where `params` names some.
///
/// # Errors
/// When this program cannot use them.
pub fn plan_of(
    journal: &Path,
    words: &[String],
    params: &[String],
) -> Result<(Layers, RunPlan), Failure> {
    let more = params.iter().flat_map(|param| ["--param".to_owned(), param.clone()]);
    let front = ["quanttrade".to_owned(), "backtest".to_owned()].into_iter();
    let words = front.chain(words.iter().cloned()).chain(more);
    let unreadable = || {
        Failure::data(format!("{}: this program cannot use its settings", journal.display()))
            .hint("use the program that wrote it")
    };
    let cli = Cli::try_parse_from(words).map_err(|_| unreadable())?;
    let Command::Backtest(args) = cli.command else { return Err(unreadable()) };
    let mut flags = args.flags.0;
    if let Some(values) = flags.get_mut("param") {
        // Of two values of one parameter the later one counts.
        let name = |value: &String| value.split('=').next().unwrap_or_default().to_owned();
        let mut later = Vec::new();
        values.reverse();
        values.retain(|value| {
            let is_first = !later.contains(&name(value));
            later.push(name(value));
            is_first
        });
        values.reverse();
    }
    let sources = Sources { flags: Some(&flags), ..Sources::default() };
    let layers = Layers::only(&sources)?;
    let plan = RunPlan::new(&layers)?;
    Ok((layers, plan))
}
