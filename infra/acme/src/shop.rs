//! One shop: orders and customers that follow from the shop's name and their numbers.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Timelike};

use crate::{
    listing::{Entry, Listing},
    subscriptions::Subscription,
};

/// 2026-01-01T00:00:00Z, when every shop opened.
const OPENED: u64 = 1_767_225_600;

const FIRST: [&str; 8] = ["Amira", "Bjarne", "Chiara", "Dilan", "Esi", "Farid", "Greta", "Hiro"];
const LAST: [&str; 8] = ["Okafor", "Lindqvist", "Moreau", "Yılmaz", "Castellanos", "Brandt", "Nakamura", "Petrov"];
const CITY: [&str; 6] = ["Antwerpen", "København", "Łódź", "Porto", "Tallinn", "Zürich"];
const GOODS: [&str; 6] = ["brass lantern", "tea caddy", "wool blanket", "oak tray", "linen apron", "storm glass"];

/// A shop with its records and its clock.
#[derive(Debug)]
pub(crate) struct Shop {
    seed: u64,
    now: u64,
    pub(crate) orders: Listing,
    pub(crate) customers: Listing,
    pub(crate) subscriptions: Vec<Subscription>,
    /// How many there ever were.
    pub(crate) subscribed: u64,
}

/// Which of a shop's listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `/v1/orders`
    Orders,
    /// `/v1/customers`
    Customers,
}

impl Shop {
    /// A shop with this many records, the same ones for the same account every time.
    pub(crate) fn new(account: &str, orders: u64, customers: u64) -> Self {
        let seed = account.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut shop = Self {
            seed,
            now: OPENED,
            orders: Listing::default(),
            customers: Listing::default(),
            subscriptions: Vec::new(),
            subscribed: 0,
        };
        shop.add(Kind::Customers, customers);
        shop.add(Kind::Orders, orders);
        shop
    }

    /// Adds `count` records behind the last and gives their ids.
    pub(crate) fn add(&mut self, kind: Kind, count: u64) -> Vec<String> {
        let first = self.listing(kind).last_number() + 1;
        (first..first + count)
            .map(|number| {
                self.touch(kind, number, |_| ());
                id(kind, number)
            })
            .collect()
    }

    /// Changes one record, which becomes the latest.
    pub(crate) fn touch(&mut self, kind: Kind, number: u64, change: impl FnOnce(&mut Entry)) {
        self.now += 1;
        let now = self.now;
        match kind {
            Kind::Orders => self.orders.touch(number, now, change),
            Kind::Customers => self.customers.touch(number, now, change),
        }
    }

    /// The records of a kind.
    pub(crate) fn listing(&self, kind: Kind) -> &Listing {
        match kind {
            Kind::Orders => &self.orders,
            Kind::Customers => &self.customers,
        }
    }

    /// Appends the JSON of a record, about 500 bytes; of a deleted one, its tombstone.
    pub(crate) fn write(&self, kind: Kind, number: u64, entry: &Entry, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = if entry.deleted {
            write!(out, r#"{{"id":"{}","deleted":true,"updated_at":"{}"}}"#, id(kind, number), timestamp(entry.updated))
        } else if kind == Kind::Orders {
            self.write_order(number, entry, out)
        } else {
            self.write_customer(number, entry, out)
        };
    }

    fn write_order(&self, number: u64, entry: &Entry, out: &mut String) -> std::fmt::Result {
        let dice = |salt: u64| scatter(self.seed ^ number.wrapping_mul(31).wrapping_add(salt));
        let buyers = self.customers.last_number().max(1);
        let (buyer, price, quantity) = (1 + dice(1) % buyers, 500 + dice(2) % 9_500, 1 + dice(3) % 4);
        let total = price * quantity + entry.edits * 100;
        let status = match (entry.cancelled, dice(4) % 4) {
            (true, _) => "cancelled",
            (false, 0) => "open",
            (false, 1) => "shipped",
            (false, _) => "paid",
        };
        write!(
            out,
            concat!(
                r#"{{"id":"{id}","number":{number},"status":"{status}","currency":"EUR","total":"{units}.{cents:02}","#,
                r#""customer":{{"id":"{buyer}","name":"{name}"}},"created_at":"{created}","updated_at":"{updated}","#,
                r#""lines":[{{"sku":"SKU-{sku:05}","title":"{goods}","quantity":{quantity},"price":"{pu}.{pc:02}"}}],"#,
                r#""shipping":{{"street":"{house} Quay Street","city":"{city}","postcode":"{post:05}","country":"EU"}},"#,
                r#""note":"{note}","edits":{edits}}}"#
            ),
            id = id(Kind::Orders, number),
            number = 1000 + number,
            status = status,
            units = total / 100,
            cents = total % 100,
            buyer = id(Kind::Customers, buyer),
            name = self.name(buyer),
            created = timestamp(OPENED + number),
            updated = timestamp(entry.updated),
            sku = dice(5) % 100_000,
            goods = pick(&GOODS, dice(6)),
            quantity = quantity,
            pu = price / 100,
            pc = price % 100,
            house = 1 + dice(7) % 200,
            city = pick(&CITY, dice(8)),
            post = dice(9) % 100_000,
            note = "Leave with the neighbour if nobody is at home.",
            edits = entry.edits,
        )
    }

    fn write_customer(&self, number: u64, entry: &Entry, out: &mut String) -> std::fmt::Result {
        let dice = |salt: u64| scatter(self.seed ^ number.wrapping_mul(131).wrapping_add(salt));
        write!(
            out,
            concat!(
                r#"{{"id":"{id}","name":"{name}","email":"customer{number}@shop.example","phone":"+32 2 {phone:07}","#,
                r#""address":{{"street":"{house} Harbour Road","city":"{city}","postcode":"{post:05}","country":"EU"}},"#,
                r#""accepts_marketing":{marketing},"created_at":"{created}","updated_at":"{updated}","#,
                r#""tags":["{tag}","since-2026"],"note":"{note}","edits":{edits}}}"#
            ),
            id = id(Kind::Customers, number),
            name = self.name(number),
            number = number,
            phone = dice(1) % 10_000_000,
            house = 1 + dice(2) % 200,
            city = pick(&CITY, dice(3)),
            post = dice(4) % 100_000,
            marketing = dice(5) % 2 == 0,
            created = timestamp(OPENED + number),
            updated = timestamp(entry.updated),
            tag = pick(&GOODS, dice(6)),
            note = "Prefers delivery in the afternoon; rings twice. Gift wrapping on every order in December.",
            edits = entry.edits,
        )
    }

    fn name(&self, number: u64) -> impl std::fmt::Display {
        let dice = scatter(self.seed ^ number.wrapping_mul(131));
        Name(pick(&FIRST, dice), pick(&LAST, dice >> 8))
    }
}

/// `ord_000017`, `cus_000003`.
pub(crate) fn id(kind: Kind, number: u64) -> String {
    match kind {
        Kind::Orders => format!("ord_{number:06}"),
        Kind::Customers => format!("cus_{number:06}"),
    }
}

/// The number in an id, if it is one of this kind.
pub(crate) fn number(kind: Kind, id: &str) -> Option<u64> {
    let prefix = if kind == Kind::Orders { "ord_" } else { "cus_" };
    id.strip_prefix(prefix)?.parse().ok()
}

struct Name(&'static str, &'static str);

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)?;
        f.write_str(" ")?;
        f.write_str(self.1)
    }
}

/// RFC 3339 in UTC, to the second. Written digit by digit: a page of a thousand records has two thousand of them.
fn timestamp(seconds: u64) -> impl std::fmt::Display {
    let at = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default();
    let year = u32::try_from(at.year()).unwrap_or_default();
    let mut text = Digits(*b"0000-00-00T00:00:00Z");
    for (end, width, number) in [
        (4, 4, year),
        (7, 2, at.month()),
        (10, 2, at.day()),
        (13, 2, at.hour()),
        (16, 2, at.minute()),
        (19, 2, at.second()),
    ] {
        text.put(end, width, number);
    }
    text
}

/// A text of ASCII that numbers are put into.
struct Digits([u8; 20]);

impl Digits {
    /// Puts the last digits of a number before a place.
    fn put(&mut self, end: usize, width: usize, mut number: u32) {
        for place in (end.saturating_sub(width)..end).rev() {
            if let (Some(digit), Ok(value)) = (self.0.get_mut(place), u8::try_from(number % 10)) {
                *digit = b'0' + value;
            }
            number /= 10;
        }
    }
}

impl std::fmt::Display for Digits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

fn pick<'a>(from: &[&'a str], dice: u64) -> &'a str {
    let at = usize::try_from(dice % 1024).unwrap_or(0) % from.len().max(1);
    from.get(at).copied().unwrap_or_default()
}

/// splitmix64's finaliser: neighbouring numbers land far apart.
fn scatter(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_json_of_about_500_bytes_and_the_same_each_time() {
        for kind in [Kind::Orders, Kind::Customers] {
            let write = |account: &str| {
                let shop = Shop::new(account, 30, 10);
                let (page, _) = shop.listing(kind).page(None, None, 10);
                page.iter()
                    .map(|(number, entry)| {
                        let mut out = String::new();
                        shop.write(kind, *number, entry, &mut out);
                        out
                    })
                    .collect::<Vec<_>>()
            };
            let records = write("shop_north");
            assert_eq!(records.len(), 10);
            for record in &records {
                serde_json::from_str::<serde_json::Value>(record).unwrap();
                assert!((350..600).contains(&record.len()), "{} bytes: {record}", record.len());
            }
            assert_eq!(records, write("shop_north"));
            assert_ne!(records, write("shop_south"));
        }
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_has_it() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (OPENED, "2026-01-01T00:00:00Z"),
            (1_772_323_199, "2026-02-28T23:59:59Z"),
            (1_709_208_000, "2024-02-29T12:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds).to_string(), text);
        }
    }

    #[test]
    fn an_edit_changes_the_record_and_its_time() {
        let mut shop = Shop::new("shop_north", 3, 1);
        let text = |shop: &Shop| {
            let mut out = String::new();
            shop.write(Kind::Orders, 2, shop.orders.get(2).unwrap(), &mut out);
            serde_json::from_str::<serde_json::Value>(&out).unwrap()
        };
        let before = text(&shop);
        shop.touch(Kind::Orders, 2, |entry| entry.edits += 1);
        let after = text(&shop);
        assert_ne!(before["total"], after["total"]);
        assert!(before["updated_at"].as_str() < after["updated_at"].as_str());
        assert_eq!(before["created_at"], after["created_at"]);
    }
}
