//! What goes wrong, from a file.

use qt_backtest::conditions::{PlannedFault, Trouble};
use qt_backtest::venue::FaultKind;
use qt_types::E9;

use super::table::{Entry, Source};
use crate::failure::Failure;
use crate::settings::Layers;

pub(super) fn of(layers: &Layers) -> Result<Vec<PlannedFault>, Failure> {
    let Some(path) = layers.given("faults") else { return Ok(Vec::new()) };
    let source = Source::read("faults", path)?;
    let toml = source.toml()?;
    source.entries(&toml, "fault", &[])?.into_iter().map(fault).collect()
}

fn fault(entry: Entry<'_>) -> Result<PlannedFault, Failure> {
    let kind = entry.need("kind", entry.text("kind")?)?;
    let with = |own: &[&'static str]| {
        let common = ["kind", "symbol", "from", "to"];
        common.into_iter().chain(own.iter().copied()).collect::<Vec<_>>()
    };
    let (entry, trouble) = match kind.as_str() {
        "halt" => (entry.only(&with(&[]))?, Trouble::Halt),
        "auction" => (entry.only(&with(&[]))?, Trouble::Auction),
        "refuse" => {
            let entry = entry.only(&with(&["share"]))?;
            let share_e9 = entry.share_e9("share")?.unwrap_or(E9);
            (entry, Trouble::Messages(FaultKind::Refuse { share_e9 }))
        }
        "throttle" => {
            let entry = entry.only(&with(&["messages"]))?;
            let most = entry.need("messages", entry.text("messages")?)?;
            let messages_max = most
                .parse()
                .map_err(|_| entry.wrong(&format!("messages: '{most}' is no whole number")))?;
            (entry, Trouble::Messages(FaultKind::Throttle { messages_max }))
        }
        "disconnect" => {
            let entry = entry.only(&["kind", "from", "to", "commands", "cancel-orders"])?;
            let is_held = match entry.text("commands")?.as_deref() {
                None | Some("lost") => false,
                Some("held") => true,
                Some(other) => {
                    return Err(entry.wrong(&format!("commands: '{other}' is not lost or held")));
                }
            };
            let cancels = entry.is_on("cancel-orders")?;
            (entry, Trouble::Messages(FaultKind::Disconnect { is_held, cancels }))
        }
        "late" => {
            let entry = entry.only(&with(&["by", "share"]))?;
            let by_ns = entry.need("by", entry.duration_ns("by")?)?;
            let share_e9 = entry.share_e9("share")?.unwrap_or(E9);
            (entry, Trouble::Messages(FaultKind::LateReports { by_ns, share_e9 }))
        }
        "repeat" => {
            let entry = entry.only(&with(&["share"]))?;
            let share_e9 = entry.share_e9("share")?.unwrap_or(E9);
            (entry, Trouble::Messages(FaultKind::RepeatReports { share_e9 }))
        }
        "bust" => (entry.only(&["kind", "symbol", "from"])?, Trouble::Bust),
        other => {
            return Err(entry.wrong(&format!(
                "kind: there is no '{other}'; there are halt, auction, refuse, throttle, \
                 disconnect, late, repeat and bust"
            )));
        }
    };
    let from_ns = entry.need("from", entry.time_ns("from")?)?;
    let to_ns = match trouble {
        Trouble::Bust => from_ns,
        _ => entry.need("to", entry.time_ns("to")?)?,
    };
    if to_ns <= from_ns && trouble != Trouble::Bust {
        return Err(entry.wrong("to is not after from"));
    }
    Ok(PlannedFault { symbol: entry.text("symbol")?, from_ns, to_ns, trouble })
}
