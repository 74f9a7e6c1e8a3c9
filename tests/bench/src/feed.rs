//! Reading the change feed to its end, in pages of 1,000 over one connection and as one export, beside `COPY … TO` of the
//! same rows.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Instant,
};

use url::Url;

use crate::{
    Outcome,
    figures::{median, thousands, times},
    ingest::{STREAM, timing},
    stack::{Stack, announce},
    table::{Row, Table, Target},
    tenant::Tenant,
};

/// Adds its rows.
pub fn measure(stack: &Stack<'_>, tenant: &Tenant, table: &mut Table) -> Outcome<()> {
    announce("the feed beside COPY … TO …");
    let records = stack.places.records;
    let rows = format!(
        "SELECT external_id, seq, body, created_at, updated_at, deleted_at FROM records \
         WHERE sync_id = (SELECT sync_id FROM syncs WHERE stream = '{STREAM}') ORDER BY seq"
    );
    let query = format!("connection={}&stream={STREAM}", tenant.connection);
    let (mut feed, mut export, mut copied) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..stack.places.rounds {
        feed.push(read_feed(stack, tenant, &query, records.div_ceil(1000))?);
        export.push(read_export(stack, tenant, &query, records)?);
        let said = stack.script(&format!("\\timing on\n\\copy ({rows}) TO '/dev/null'\n"))?;
        copied.push(timing(&said).ok_or_else(|| format!("psql says no time: {said}"))? / 1000.0);
    }
    let (feed, export, copied) = (median(feed), median(export), median(copied));
    let rate = |seconds: f64| thousands(f64::from(records) / seconds);
    for (what, ours) in [("the feed to its end, 1,000 a page", feed), ("the same as one export (JSON Lines)", export)] {
        let ratio = copied / ours;
        table.add(Row {
            what: format!("{what}, {} records", thousands(records.into())),
            ours: format!("{}/s ({ours:.2} s)", rate(ours)),
            reference: format!("COPY TO: {}/s ({copied:.2} s)", rate(copied)),
            ratio: times(ratio),
            target: "≥ 0.5 ×".to_owned(),
            is_met: Some(Target::AtLeast(0.5).is_met_by(ratio)),
        });
    }
    Ok(())
}

/// A connection to the server that is kept.
struct Kept<'a> {
    stream: BufReader<TcpStream>,
    tenant: &'a Tenant,
}

impl<'a> Kept<'a> {
    fn open(stack: &Stack<'_>, tenant: &'a Tenant) -> Outcome<Self> {
        let url = Url::parse(&stack.origin).map_err(|error| error.to_string())?;
        let address = (url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
        let stream = TcpStream::connect(address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream), tenant })
    }

    /// Sends a request and reads the head of its answer. Gives the length of the body, if it is said before.
    fn ask(&mut self, path: &str) -> Outcome<Option<usize>> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{}\r\n\r\n", self.tenant.header());
        self.stream.get_mut().write_all(request.as_bytes()).map_err(failed)?;
        let (mut line, mut length, mut is_first) = (String::new(), None, true);
        loop {
            line.clear();
            self.stream.read_line(&mut line).map_err(failed)?;
            if is_first && !line.contains(" 200 ") {
                return Err(format!("GET {path} answered {line}"));
            }
            is_first = false;
            if line.trim().is_empty() {
                return Ok(length);
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
    }

    /// Reads the next chunk of a body whose length was not said before (RFC 9112, section 7.1). Gives false at its end.
    fn chunk(&mut self, chunk: &mut Vec<u8>) -> Outcome<bool> {
        let mut line = String::new();
        self.stream.read_line(&mut line).map_err(failed)?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(|_| format!("a chunk begins with {line:?}"))?;
        chunk.resize(size, 0);
        self.stream.read_exact(chunk).map_err(failed)?;
        self.stream.read_exact(&mut [0; 2]).map_err(failed)?;
        Ok(size > 0)
    }
}

fn failed(error: std::io::Error) -> String {
    format!("reading records: {error}")
}

/// Reads page after page; what comes is taken, and not looked at beyond where to go on.
fn read_feed(stack: &Stack<'_>, tenant: &Tenant, query: &str, pages: u32) -> Outcome<f64> {
    let mut kept = Kept::open(stack, tenant)?;
    let (mut cursor, mut count, mut body) = (String::new(), 0, Vec::new());
    let began = Instant::now();
    loop {
        let path = format!("/v1/records?{query}&limit=1000{cursor}");
        let length = kept.ask(&path)?.ok_or("a page does not say how long it is")?;
        body.resize(length, 0);
        kept.stream.read_exact(&mut body).map_err(failed)?;
        count += 1;
        let end = body.get(length.saturating_sub(120)..).unwrap_or_default();
        let (next, has_more) = place(&String::from_utf8_lossy(end)).ok_or("a page does not say where to go on")?;
        if !has_more {
            break;
        }
        cursor = format!("&cursor={next}");
    }
    let took = began.elapsed().as_secs_f64();
    if count == pages { Ok(took) } else { Err(format!("the feed had {count} pages and not {pages}")) }
}

/// Where the feed goes on, from the end of a page.
fn place(end: &str) -> Option<(String, bool)> {
    let (_, rest) = end.rsplit_once("\"next_cursor\":\"")?;
    let (next, rest) = rest.split_once('"')?;
    Some((next.to_owned(), rest.contains("true")))
}

fn read_export(stack: &Stack<'_>, tenant: &Tenant, query: &str, records: u32) -> Outcome<f64> {
    let mut kept = Kept::open(stack, tenant)?;
    let began = Instant::now();
    kept.ask(&format!("/v1/records/export?{query}"))?;
    let (mut lines, mut chunk) = (0_usize, Vec::new());
    while kept.chunk(&mut chunk)? {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
    let took = began.elapsed().as_secs_f64();
    if u32::try_from(lines) == Ok(records) { Ok(took) } else { Err(format!("the export had {lines} lines")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_feed_goes_on_stands_at_the_end_of_a_page() {
        let end = "\"next_cursor\":\"wrong\"}],\"next_cursor\":\"abc\",\"has_more\":true}";
        assert_eq!(place(end), Some(("abc".to_owned(), true)));
        assert_eq!(place("],\"next_cursor\":\"abc\",\"has_more\":false}"), Some(("abc".to_owned(), false)));
        assert_eq!(place("}"), None);
    }
}
