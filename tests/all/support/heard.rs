//! Every answer that any caller of these tests got, once somebody listens: to search for what should not be there.

use std::sync::Mutex;

use super::Answer;

static HEARD: Mutex<Option<Vec<Answer>>> = Mutex::new(None);

/// Begins to listen.
pub fn listen() {
    HEARD.lock().unwrap().get_or_insert_default();
}

/// All that was answered since.
pub fn all() -> Vec<Answer> {
    HEARD.lock().unwrap().clone().unwrap_or_default()
}

/// An answer.
pub(super) fn hear(answer: &Answer) {
    if let Some(heard) = HEARD.lock().unwrap().as_mut() {
        heard.push(answer.clone());
    }
}
