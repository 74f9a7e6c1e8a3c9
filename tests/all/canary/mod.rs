//! Secrets that pass through everything must show up nowhere (security.md SE-2).
//!
//! A secret that is known is passed along every path of the system, and so is every piece of randomness that the server
//! makes secrets of. Then they are looked for, in each of their written forms, in everything that is left behind: the log,
//! the answers over HTTP save the one that hands it out, the metrics, what endpoints were told, every row that was ever
//! written, and what lay in a plugin's memory. A new path is a line in [`paths::PATHS`].

mod forms;
mod hunt;
mod memory;
mod modes;
mod paths;

use hunt::Hunt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_2_no_secret_shows_up_anywhere() {
    let hunt = Hunt::begin().await;
    for (name, walk) in paths::PATHS {
        let before = hunt.planted();
        walk(&hunt).await;
        assert!(hunt.planted() > before, "{name}: no secret was passed along this path");
    }
    let found = hunt.end().await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn se_2_a_leak_is_found_wherever_it_is_and_however_it_is_written() {
    let hunt = Hunt::begin().await;
    hunt.plant("a planted secret", "leak-c4n4ry+/=&0123456789", &[]);
    hunt.plant("another one", "never-leaked-c4n4ry-9876543210", &[]);
    paths::leaks(&hunt, "leak-c4n4ry+/=&0123456789").await;
    let found = hunt.end().await;
    for place in ["the log", "an answer", "the metrics", "the database", "an event", "a run's log"] {
        let seen = found.iter().any(|found| found.contains("a planted secret") && found.contains(place));
        assert!(seen, "what was planted in {place} was not found: {found:#?}");
    }
    assert!(!found.iter().any(|found| found.contains("another one")), "{found:#?}");
}
