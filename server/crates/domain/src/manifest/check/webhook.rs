//! Rules for webhooks that the provider sends.

use super::{
    Rules,
    holes::{Known, Moment},
    names,
};
use crate::manifest::{WebhookHandshake, WebhookScheme, WebhookSpec};

/// What a signed text may name of a delivery.
const DELIVERED: [&str; 4] = ["body", "timestamp", "url", "id"];

impl Rules<'_> {
    pub(super) fn webhook(&mut self) {
        let Some(spec) = &self.manifest.webhook else { return };
        self.header_name("webhook.header", Some(&spec.header));
        self.header_name("webhook.id_header", spec.id_header.as_deref());
        let is_hmac = spec.scheme == WebhookScheme::Hmac;
        if is_hmac && spec.hash.is_none() {
            self.refuse("webhook.hash", "is missing: scheme hmac needs it");
        }
        if !is_hmac && spec.hash.is_some() {
            self.refuse("webhook.hash", "goes with scheme hmac only: leave it out");
        }
        if spec.scheme == WebhookScheme::Token && spec.message.is_some() {
            self.refuse("webhook.message", "with scheme token nothing is signed: leave it out");
        }
        if spec.tolerance == 0 {
            self.refuse("webhook.tolerance", "every delivery would be too old: write at least 1, in seconds");
        }
        if spec.prefix.len() > 64 || !spec.prefix.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            self.refuse("webhook.prefix", "write what stands before the signature, printable ASCII");
        }
        if let Some(timestamp) = &spec.timestamp {
            let part = timestamp.strip_suffix('=').unwrap_or(timestamp);
            if !names::is_header(part) {
                self.refuse("webhook.timestamp", "write a header's name, or the part of `header` such as `t=`");
            }
        }
        self.message(spec);
        for (name, place) in [("account", &spec.account), ("event", &spec.event)] {
            self.place_in_delivery(format!("webhook.{name}"), place.as_deref());
        }
        if let Some(handshake) = &spec.handshake {
            self.handshake(handshake);
        }
        for (at, route) in spec.routes.iter().enumerate() {
            let field = |name: &str| format!("webhook.routes[{at}].{name}");
            for (name, place) in [("present", &route.present), ("absent", &route.absent), ("deleted", &route.deleted)] {
                self.place_in_delivery(field(name), place.as_deref());
            }
            if route.event.is_some() && spec.event.is_none() {
                self.refuse("webhook.event", "is missing: a route asks for the kind of event");
            }
            if route.streams.is_empty() {
                self.refuse(field("streams"), "write the names of streams");
            }
            for name in &route.streams {
                match self.manifest.stream(name) {
                    None => self.refuse(field("streams"), format!("there is no stream `{name}`")),
                    Some(stream) if !stream.realtime => {
                        self.refuse(field("streams"), format!("give the stream `{name}` realtime = true"));
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn handshake(&mut self, handshake: &WebhookHandshake) {
        let field = |name: &str| format!("webhook.handshake.{name}");
        self.place_in_delivery(field("when"), handshake.when.as_deref());
        self.place_in_delivery(field("answer"), Some(&handshake.answer));
        if handshake.when.is_none() && !handshake.is.is_empty() {
            self.refuse(field("when"), "is missing: `is` says what lies there");
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let is_member = |name: &String| !name.is_empty() && name.len() <= 64 && name.chars().all(fits);
        if handshake.member.as_ref().is_some_and(|name| !is_member(name)) {
            self.refuse(field("member"), "write the name of a member: letters, digits, dashes and underscores");
        }
    }

    /// A place in a delivery.
    fn place_in_delivery(&mut self, field: String, place: Option<&str>) {
        let Some(place) = place else { return };
        let is_place = match place.split_once('.') {
            Some(("body", path)) => names::is_path(path),
            Some(("header", header)) => names::is_header(header),
            Some(("query", parameter)) => names::is_parameter(parameter),
            _ => false,
        };
        if !is_place {
            self.refuse(field, format!("`{place}` is no place: write `body.…`, `header.…` or `query.…`"));
        }
    }

    fn message(&mut self, spec: &WebhookSpec) {
        let Some(message) = &spec.message else { return };
        let field = "webhook.message";
        self.text(field, message, Known::at(Moment::Use, &DELIVERED).public());
        let names = |name: &str| message.holes().any(|hole| hole.name == name);
        if !names("body") {
            self.refuse(field, "what is not signed could be anything: name `{body}`");
        }
        if names("timestamp") && spec.timestamp.is_none() {
            self.refuse("webhook.timestamp", "is missing: `message` names `{timestamp}`");
        }
        if names("id") && spec.id_header.is_none() {
            self.refuse("webhook.id_header", "is missing: `message` names `{id}`");
        }
    }
}
