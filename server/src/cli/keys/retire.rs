//! `patchbay keys retire`.

use std::process::ExitCode;

use flows::{
    Actor,
    keys::{self, Left, RetireError},
};

use super::{Desk, Whose, complain, failed};
use crate::cli::{CliError, print};

pub(super) async fn retire(desk: &Desk, whose: &Whose, no_wait: bool) -> Result<ExitCode, CliError> {
    let mut code = ExitCode::SUCCESS;
    for tenant in desk.tenants(whose).await? {
        loop {
            let services = &desk.platform.services;
            match keys::retire(services, desk.governance.as_ref(), tenant.tenant_id, Actor::Operator).await {
                Ok(retired) => {
                    let (slug, removed) = (&tenant.slug, retired.removed);
                    print(&format!(
                        "{slug}: from version {} on accepted, {removed} data keys removed",
                        retired.minimum
                    ));
                    break;
                }
                Err(RetireError::Settling(wait)) if !no_wait => {
                    let seconds = wait.as_secs() + 1;
                    complain(&format!(
                        "{}: waiting {seconds} s until no server holds data keys as they were",
                        tenant.slug
                    ));
                    tokio::time::sleep(wait).await;
                }
                Err(RetireError::Left(left)) => {
                    complain(&format!("{}: not retired, for something still lies under older versions:", tenant.slug));
                    left.iter().for_each(|left| complain(&in_words(left)));
                    code = ExitCode::FAILURE;
                    break;
                }
                Err(error) => {
                    code = failed(&tenant, &error);
                    break;
                }
            }
        }
    }
    Ok(code)
}

fn in_words(left: &Left) -> String {
    let mut words: Vec<String> = left.values.iter().map(|(table, count)| format!("{count} in {table}")).collect();
    if !left.values.is_empty() {
        words.push("run `patchbay keys rewrap`".to_owned());
    }
    if left.data_keys > 0 {
        words.push(format!("{} data keys, run `patchbay keys rotate`", left.data_keys));
    }
    if left.stray > 0 {
        words.push(format!("{} values name a data key that is not there", left.stray));
    }
    format!("  {}: {}", left.environment, words.join("; "))
}
