//! A call to the provider through us, beside the same call through nginx.

use crate::{
    Outcome, ROUNDS,
    client::text,
    figures::{thousands, times},
    load::{Load, Loaded, SECONDS, medians},
    nginx::Nginx,
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// What is fetched: 1,024 bytes.
const PATH: &str = "/v1/blob/1k";
/// Connections when rates are compared.
const CONNECTIONS: u32 = 32;
/// Seconds of a round in which only delays are looked at.
const SHORT: u32 = 3;

/// Adds its rows.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("proxied GET beside nginx …");
    let nginx = Nginx::start(stack)?;
    let credential = tenant.read(&format!("/v1/connections/{}/credential", tenant.connection))?;
    let theirs = vec![format!("Authorization: Bearer {}", text(&credential, "/access_token")?)];
    let ours = vec![tenant.header(), format!("Patchbay-Connection: {}", tenant.connection)];
    let sides = [
        (format!("{}/v1/proxy{PATH}", stack.origin), ours),
        (format!("{}{PATH}", nginx.origin), theirs.clone()),
        (format!("{}{PATH}", stack.acme), theirs),
    ];
    let round = |connections: u32, seconds: u32| -> Outcome<[Loaded; 3]> {
        let mut loaded = sides.iter().map(|(url, headers)| {
            Load { url: url.clone(), headers: headers.clone(), connections, seconds, script: None }.run()
        });
        let mut next = || loaded.next().unwrap_or_else(|| Err("there are three sides".to_owned()));
        Ok([next()?, next()?, next()?])
    };
    round(CONNECTIONS, 1)?;
    let sides = |connections: u32, seconds: u32| -> Outcome<[Loaded; 3]> {
        let (mut ours, mut theirs, mut direct) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let [a, b, c] = round(connections, seconds)?;
            ours.push(a);
            theirs.push(b);
            direct.push(c);
        }
        Ok([medians(&ours), medians(&theirs), medians(&direct)])
    };
    let [ours, theirs, direct] = sides(CONNECTIONS, SECONDS)?;
    let ratio = ours.rate / theirs.rate;
    table.add(Row {
        what: format!("proxied 1 kB GET, {CONNECTIONS} connections"),
        ours: format!("{}/s", thousands(ours.rate)),
        reference: format!("nginx: {}/s (direct: {}/s)", thousands(theirs.rate), thousands(direct.rate)),
        ratio: times(ratio),
        target: "≥ 0.5 ×".to_owned(),
        is_met: Some(Target::AtLeast(0.5).is_met_by(ratio)),
    });
    let [ours, theirs, direct] = sides(1, SHORT)?;
    let (added, nginx_added) = (ours.p50 - direct.p50, theirs.p50 - direct.p50);
    table.add(Row {
        what: "p50 added by the proxy, 1 connection".to_owned(),
        ours: format!("{added:.3} ms"),
        reference: format!("nginx: {nginx_added:.3} ms (direct: {:.3} ms)", direct.p50),
        ratio: "–".to_owned(),
        target: "≤ 0.5 ms".to_owned(),
        is_met: Some(Target::AtMost(0.5).is_met_by(added)),
    });
    Ok(())
}
