//! Jobs whose program does what a test wants of it, quickly.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use qt_api::jobs::{JobSettings, Jobs, SharedData};
use qt_store::Store;

/// A backtest with this capital uses up processor time until it is stopped.
pub const BUSY_CAPITAL: &str = "777";
/// A data set with this word is looked at until that is stopped.
pub const SLOW_WORD: &str = "slow";

/// Stands in for `quanttrade`: a result for each backtest, facts for each data set.
const PROGRAM: &str = r#"#!/bin/sh
case "$1 $*" in
backtest*--capital=777*) while :; do :; done ;;
backtest*)
    echo '<html></html>' >report.html
    echo '{"schema":"test","metrics":{}}' ;;
data*)
    if grep -q slow "$3"; then
        while :; do sleep 0.05; done
    fi
    printf '{"kind":"bars","symbol":"A","rows":2,"from":"2020-01-01T00:00:00Z",'
    printf '"to":"2020-01-02T00:00:00Z","sha256":"00","findings":[],"score":1}' ;;
esac
"#;

/// A pool in `folder` that has taken up what waited.
pub async fn start(folder: &Path, store: &Store) -> Arc<Jobs> {
    start_as(folder, store, true).await
}

/// The same for one of several processes.
pub async fn start_as(folder: &Path, store: &Store, is_alone: bool) -> Arc<Jobs> {
    let program = folder.join("program");
    std::fs::write(&program, PROGRAM).expect("a program");
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&program, mode).expect("it can be run");
    let shared = SharedData {
        name: "SP500".to_owned(),
        symbols: vec!["SP500".to_owned()],
        argument: "sample:SP500".to_owned(),
        version: "1".to_owned(),
    };
    let mut settings = JobSettings::new(program, folder.to_owned(), vec![shared]);
    settings.is_alone = is_alone;
    settings.tenant_running_max = 2;
    settings.running_max = 4;
    settings.tenant_open_max = 5;
    settings.tenant_datasets_max = 3;
    let jobs = Jobs::new(settings, Arc::new(store.clone()));
    jobs.recover().await.expect("nothing waits");
    jobs
}
