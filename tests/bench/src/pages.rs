//! What a browser fetches until the connect page answers to it, and what a tenant's page fetches to show it.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    Outcome,
    figures::thousands,
    places::{self, Places},
    stack::announce,
    table::{Row, Table, Target},
};

/// Adds its rows.
pub fn measure(places: &Places, table: &mut Table) -> Outcome<()> {
    announce("sizes of the pages …");
    let page = places.root.join("web/dist/connect");
    let html = places::read(&page.join("index.html"))?;
    let mut files = named(&html);
    files.insert("index.html".to_owned());
    if !files.iter().any(|file| file.ends_with(".wasm")) {
        return Err("the connect page names no WebAssembly: what is counted would not be all of it".to_owned());
    }
    let mut total = 0.0;
    for file in &files {
        total += size(&page.join(format!("{file}.br")))?;
    }
    table.add(bytes(format!("connect page, all {} files to interactive, brotli", files.len()), total, 200_000.0));
    let loader = size(&places.root.join("web/dist/embed/loader.js.gz"))?;
    table.add(bytes("embed loader, gzip".to_owned(), loader, 4_000.0));
    Ok(())
}

fn bytes(what: String, size: f64, most: f64) -> Row {
    Row {
        what,
        ours: format!("{} B", thousands(size)),
        reference: "–".to_owned(),
        ratio: "–".to_owned(),
        target: format!("≤ {:.0} kB", most / 1000.0),
        is_met: Some(Target::AtMost(most).is_met_by(size)),
    }
}

/// The assets that a page names.
fn named(html: &str) -> BTreeSet<String> {
    let name = |rest: &str| rest.split(['"', '\'', ')', '>', ' ']).next().unwrap_or_default().to_owned();
    html.split("/connect/assets/").skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

fn size(path: &Path) -> Outcome<f64> {
    let length = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    Ok(f64::from(u32::try_from(length).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_counts_once() {
        let html = r#"<link href="/connect/assets/a.css"><link href="/connect/assets/a.wasm"><script src="/connect/assets/a.js">
            <link href="/connect/assets/a.css">"#;
        assert_eq!(named(html).into_iter().collect::<Vec<_>>(), ["a.css", "a.js", "a.wasm"]);
    }
}
