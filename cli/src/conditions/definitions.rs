//! `--definitions`: units and expiries of instruments, as their exchange defines them.

use std::path::Path;

use qt_data::import::dbn::{self, Definition};
use qt_types::InstrumentSpec;

use crate::failure::Failure;
use crate::settings::Layers;

/// The last definition of each instrument in the file that `layers` name.
fn read(layers: &Layers) -> Result<Vec<Definition>, Failure> {
    let Some(path) = layers.given("definitions") else { return Ok(Vec::new()) };
    let mut last: Vec<Definition> = Vec::new();
    for definition in dbn::definitions(Path::new(path))? {
        let symbol = definition.spec.symbol();
        match last.iter_mut().find(|known| known.spec.symbol() == symbol) {
            Some(known) => *known = definition,
            None => last.push(definition),
        }
    }
    Ok(last)
}

/// The units of instruments.
///
/// # Errors
/// When the file cannot be read.
pub fn specs(layers: &Layers) -> Result<Vec<InstrumentSpec>, Failure> {
    Ok(read(layers)?.into_iter().map(|definition| definition.spec).collect())
}

/// When instruments expire (UTC ns), by symbol.
pub(super) fn expiries(layers: &Layers) -> Result<Vec<(String, i64)>, Failure> {
    let ends = |definition: Definition| {
        definition.expires_ns.map(|ns| (definition.spec.symbol().to_owned(), ns))
    };
    Ok(read(layers)?.into_iter().filter_map(ends).collect())
}
