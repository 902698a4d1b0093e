//! Why a command ends without success: what was wrong, the exit code, and what to do about it.

use std::fmt;

use qt_backtest::run::RunError;
use qt_backtest::sweep::SweepError;
use qt_data::build::BuildError;
use qt_data::calendar::CalendarError;
use qt_data::error::DataError;
use qt_data::generate::GenerateError;
use qt_data::quality::{FindingKind, QualityReport};
use qt_frames::FramesError;
use qt_strategies::ParamError;
use qt_strategies::indicator::IndicatorError;
use serde_json::{Value, json};

/// The reason, which is also the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// 1: it failed while running.
    Failed,
    /// 2: wrong usage or configuration.
    Usage,
    /// 3: data is missing, unreadable or refused.
    Data,
    /// 4: it finished but did nothing that was asked.
    Nothing,
    /// 5: a safety rule does not allow it.
    Refused,
    /// 130: interrupted.
    Interrupted,
}

impl Reason {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Data => 3,
            Self::Nothing => 4,
            Self::Refused => 5,
            Self::Interrupted => 130,
        }
    }

    /// The word for it in JSON.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Data => "data",
            Self::Nothing => "nothing_done",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An end without success.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// What was wrong and where.
    pub message: String,
    /// The command or the change that would fix it.
    pub hint: Option<String>,
    /// Whether the JSON document of the command has been printed already.
    pub documented: bool,
    /// Everything that the quality gate found, where it refused the data.
    pub report: Option<Box<QualityReport>>,
}

impl Failure {
    /// A failure for `reason`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), hint: None, documented: false, report: None }
    }

    /// Exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Reason::Failed, message)
    }

    /// Exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Reason::Usage, message)
    }

    /// Exit code 3.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Reason::Data, message)
    }

    /// Exit code 4.
    pub fn nothing(message: impl Into<String>) -> Self {
        Self::new(Reason::Nothing, message)
    }

    /// Exit code 5.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Reason::Refused, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same once the command's document has been printed.
    #[must_use]
    pub const fn documented(mut self) -> Self {
        self.documented = true;
        self
    }

    /// The document that `--json` prints in the place of a result.
    pub fn document(&self) -> Value {
        json!({"error": {
            "code": self.reason.code(),
            "reason": self.reason.text(),
            "message": self.message,
            "hint": self.hint,
        }})
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let reason = if error.code() == 2 { Reason::Usage } else { Reason::Data };
        let failure = Self::new(reason, error.to_string());
        match &error {
            DataError::Refused { path, report } => {
                let check = format!("quanttrade data check {path} shows every finding");
                // Without the check nothing is known about these rows either.
                let unreadable = report.findings.count(FindingKind::UnreadableRow) > 0;
                let more = if unreadable { "" } else { "; --no-check runs anyway" };
                Self { report: Some(report.clone()), ..failure.hint(check + more) }
            }
            DataError::UnknownFormat { path, .. } => failure
                .hint(format!("quanttrade data info {path} --format csv tries a format by name")),
            DataError::NotFound { .. } => {
                failure.hint("quanttrade data list shows the catalog and the bundled samples")
            }
            _ => failure,
        }
    }
}

impl From<FramesError> for Failure {
    fn from(error: FramesError) -> Self {
        let message = error.to_string();
        match error {
            FramesError::Data(inner) => Self::from(inner),
            FramesError::Exists { .. } => {
                Self::usage(message).hint("add --replace, or give another name with --id")
            }
            other => match other.code() {
                1 => Self::failed(message),
                2 => Self::usage(message),
                _ => Self::data(message),
            },
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let message = error.to_string();
        match error {
            RunError::NoData { .. } => Self::nothing(message)
                .hint("choose --from and --to within the data, or leave them away"),
            RunError::Config(_) => Self::usage(message),
            RunError::Data(error) => Self::from(error),
            RunError::Halt(_) => Self::failed(message),
        }
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Spec(message) => {
                Self::usage(message).hint("quanttrade strategies show NAME lists the parameters")
            }
            SweepError::Run { params, source } => {
                let mut failure = Self::from(source);
                failure.message = format!("with {params}: {}", failure.message);
                failure
            }
        }
    }
}

impl From<ParamError> for Failure {
    fn from(error: ParamError) -> Self {
        Self::usage(error.0)
    }
}

impl From<IndicatorError> for Failure {
    fn from(error: IndicatorError) -> Self {
        Self::usage(error.to_string()).hint("quanttrade data indicator --list shows all of them")
    }
}

impl From<CalendarError> for Failure {
    fn from(error: CalendarError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        Self::usage(error.to_string()).hint("quanttrade data generate --help shows the options")
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_code_and_hint() {
        let failure = Failure::data("no such file").hint("look there");
        let document = failure.document();
        assert_eq!(document["error"]["code"], 3);
        assert_eq!(document["error"]["hint"], "look there");
        assert_eq!(failure.to_string(), "no such file");
    }
}
