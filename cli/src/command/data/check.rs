//! `data check`: the quality report.

use clap::Args;
use qt_data::quality::QualityReport;
use serde_json::{Value, json};

use super::{facts, plan, ticks};
use crate::app::Session;
use crate::args::DataFlags;
use crate::dataset::{self, Place, catalog};
use crate::failure::{Failure, Reason};
use crate::output::{Ink, progress};
use crate::settings::DataPlan;

/// Print the quality report of files, with a score.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade data check prices.csv\n  \
    quanttrade data check *.csv --calendar xnys --min-score 90 --json\n\n\
    Structural errors (unreadable rows, disorder, conflicting duplicates, prices not positive,\n\
    high below low, open or close outside) refuse the data: exit code 3. Everything else lowers\n\
    the score only, unless --min-score asks for more.")]
pub struct CheckArgs {
    /// Files, catalog ids or samples
    #[arg(required = true, value_name = "[SYMBOL=]PATH|ID")]
    pub data: Vec<String>,
    /// Read tables of trades or quotes as ticks; other tick data is recognised
    #[arg(long)]
    pub ticks: bool,
    /// How they are read.
    #[command(flatten)]
    pub flags: DataFlags,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or is refused.
pub fn run(args: &CheckArgs, session: &Session) -> Result<(), Failure> {
    let mut plan = plan(&args.flags, session)?;
    if !plan.load.check {
        return Err(Failure::usage("--no-check makes no sense for data check"));
    }
    let min_score = plan.min_score.take();
    plan.recheck = true;
    let mut documents = Vec::new();
    let mut worst: Option<Failure> = None;
    for given in &args.data {
        let found = if args.ticks || dataset::ticks::is_ticks(given, &plan) {
            let found = ticks::check(given, &plan, min_score, session);
            found.map(|(document, failure)| (vec![document], failure))
        } else {
            check(given, &plan, min_score, session)
        };
        match found {
            Ok((found, failure)) => {
                documents.extend(found);
                worst = worst.or(failure);
            }
            // One file that cannot be read must not hide what is wrong with the others.
            Err(failure) if args.data.len() > 1 => {
                documents.push(json!({"path": given, "error": failure.message}));
                session.out.failure(&failure);
                worst = Some(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    if session.out.json {
        let document = match documents.as_slice() {
            [one] => one.clone(),
            all => json!({"files": all}),
        };
        session.out.document(&document)?;
    }
    worst.map_or(Ok(()), |failure| Err(failure.documented()))
}

/// The documents about `given`, and the failure that they amount to.
fn check(
    given: &str,
    plan: &DataPlan,
    min_score: Option<f64>,
    session: &Session,
) -> Result<(Vec<Value>, Option<Failure>), Failure> {
    if let Place::Catalog(id) = Place::of(given) {
        let _shown = progress::waiting(format!("verifying {id}"));
        catalog::catalog()?.verify(&id)?;
    }
    let loaded = match dataset::open(given, plan) {
        Ok(loaded) => loaded,
        Err(Failure { report: Some(report), .. }) => {
            show(given, &report, session)?;
            let failure = Failure::data(format!("{given}: refused: {}", report.refusal()));
            let document = with_report(json!({"path": given}), &report, false);
            return Ok((vec![document], Some(failure)));
        }
        Err(failure) => return Err(failure),
    };
    let (mut documents, mut failure) = (Vec::new(), None);
    for one in &loaded {
        let Some(report) = one.quality() else { continue };
        let accepted = min_score.is_none_or(|min| report.score >= min);
        let title =
            if loaded.len() > 1 { format!("{given} {}", one.symbol()) } else { given.to_owned() };
        show(&title, report, session)?;
        if !session.out.json {
            let notes = one.notes().iter();
            notes.for_each(|note| session.out.note(&format!("note: {note}")));
        }
        documents.push(with_report(facts(one), report, accepted));
        if !accepted {
            let min = min_score.unwrap_or_default();
            failure = Some(Failure::new(
                Reason::Data,
                format!("{title}: the score {:.1} is below --min-score {min}", report.score),
            ));
        }
    }
    Ok((documents, failure))
}

fn show(title: &str, report: &QualityReport, session: &Session) -> Result<(), Failure> {
    if session.out.json {
        return Ok(());
    }
    let text = report.to_string();
    let painted = text
        .replace("REFUSED", &session.out.paint(Ink::Bad, "REFUSED"))
        .replace("accepted", &session.out.paint(Ink::Good, "accepted"));
    session.out.line(&format!("{}\n{painted}", session.out.paint(Ink::Bold, title)))
}

fn with_report(mut document: Value, report: &QualityReport, accepted: bool) -> Value {
    let whole = serde_json::to_value(report).unwrap_or_default();
    if let (Value::Object(into), Value::Object(from)) = (&mut document, whole) {
        for (name, value) in from {
            into.insert(name, value);
        }
        into.insert("accepted".to_owned(), json!(accepted));
    }
    document
}
