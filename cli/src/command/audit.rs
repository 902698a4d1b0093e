//! `audit`: whether the audit of the service is what was written.

use std::fmt::Display;

use clap::{Args, Subcommand};
use qt_store::audit::{Heads, Verified, verify};
use qt_store::{Place, Store, StoreSettings};
use qt_trading::ids::TenantId;
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;
use crate::output::{number, table::table};
use crate::place::DataDir;

/// The audit of the service: who did what, in a chain that shows every change.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade audit verify")]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Verify the audit of all tenants, and name the first row that is not what was written
    #[command(after_help = "Examples:\n  \
        quanttrade audit verify\n  \
        quanttrade audit verify --tenant 0193f0b2-0000-7000-8000-000000000001\n\n\
        Reads the database of the service, and the signed heads and the public key (audit.pub)\n\
        in the data directory. Exit code 0: every row is as it was written. 1: the first bad row\n\
        of each tenant is named.")]
    Verify {
        /// Only this tenant
        #[arg(long, value_name = "UUID")]
        tenant: Option<TenantId>,
        /// Where the database is; the file in the data directory without it
        #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// When the database or the heads cannot be read, or a row is not what was written.
pub fn run(args: &AuditArgs, session: &Session) -> Result<(), Failure> {
    let Action::Verify { tenant, database_url } = &args.action;
    let all = read(database_url.as_deref(), *tenant)?;
    let bad = all.iter().filter(|one| one.finding.is_some()).count();
    if session.out.json {
        session.out.document(&json!({"is_good": bad == 0, "audits": all}))?;
    } else if all.is_empty() {
        session.out.line("no tenant has an audit yet")?;
    } else {
        session.out.line(&table(&["tenant", ">rows", ">signed", "state"], all.iter().map(line)))?;
    }
    if bad == 0 {
        return Ok(());
    }
    let text = format!("{bad} of {} not as written", number::plural(all.len() as u64, "audit"));
    Err(Failure::failed(text)
        .hint("keep the database and the heads as they are, and compare with a backup")
        .documented())
}

fn line(one: &Verified) -> Vec<String> {
    let state = match &one.finding {
        None => "as it was written".to_owned(),
        Some(finding) => format!("row {}: {}", finding.seq, finding.what),
    };
    let signed = one.signed_through.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    vec![one.tenant_id.to_string(), one.rows.to_string(), signed, state]
}

fn read(url: Option<&str>, tenant: Option<TenantId>) -> Result<Vec<Verified>, Failure> {
    let folder = DataDir::find().path;
    let settings = StoreSettings::new(url, None, &folder).map_err(|e| failed(&e))?;
    if let Place::Sqlite(path) = &settings.place
        && !path.exists()
    {
        return Err(Failure::data(format!("{}: there is no database", path.display()))
            .hint("name it with --database-url, or its folder with QUANTTRADE_DATA_DIR"));
    }
    let heads = Heads::open(&folder).map_err(|e| {
        failed(&e).hint("the heads are in the data directory of the service: QUANTTRADE_DATA_DIR")
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let store = Store::open(&settings).await.map_err(|e| failed(&e))?;
        let all = verify(&store, &heads, tenant).await.map_err(|e| failed(&e));
        store.close().await;
        all
    })
}

fn failed(error: &impl Display) -> Failure {
    Failure::failed(error.to_string())
}
