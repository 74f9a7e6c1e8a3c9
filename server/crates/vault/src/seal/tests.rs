use domain::Scope;
use ids::{DataKeyId, EnvironmentId, TenantId};
use proptest::prelude::*;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::*;

const PLACE: Place = Place { table: "credentials", column: "secret", row: Uuid::from_u128(7) };
const SALT: [u8; SALT_LENGTH] = [9; SALT_LENGTH];

fn key(byte: u8) -> DataKey {
    DataKey::from_bytes(Zeroizing::new(vec![byte; 32])).unwrap()
}

fn id(n: u128) -> DataKeyId {
    DataKeyId::from_uuid(Uuid::from_u128(n))
}

fn scope(tenant: u128, environment: u128) -> Scope {
    Scope {
        tenant: TenantId::from_uuid(Uuid::from_u128(tenant)),
        environment: EnvironmentId::from_uuid(Uuid::from_u128(environment)),
    }
}

fn sealed(plaintext: &[u8]) -> Sealed {
    seal(&key(1), id(1), scope(1, 1), PLACE, &SALT, plaintext).unwrap()
}

fn is_corrupt<T>(result: Result<T, KeyError>) -> bool {
    matches!(result, Err(KeyError::Corrupt { .. }))
}

#[test]
fn se_1_a_value_opens_only_at_its_place_with_its_key_under_its_scope() {
    let value = sealed(b"token");
    assert_eq!(*open(&key(1), id(1), scope(1, 1), PLACE, &value).unwrap(), *b"token");

    let elsewhere = [
        (scope(2, 1), PLACE),
        (scope(1, 2), PLACE),
        (scope(1, 1), Place { table: "endpoints", ..PLACE }),
        (scope(1, 1), Place { column: "refresh", ..PLACE }),
        (scope(1, 1), Place { row: Uuid::from_u128(8), ..PLACE }),
        // The same letters, cut at another point.
        (scope(1, 1), Place { table: "credentialss", column: "ecret", ..PLACE }),
    ];
    for (scope, place) in elsewhere {
        assert!(is_corrupt(open(&key(1), id(1), scope, place, &value)), "opened at {scope:?} {place:?}");
    }
    assert!(is_corrupt(open(&key(2), id(1), scope(1, 1), PLACE, &value)), "opened with another key");
    let wrong = open(&key(1), id(2), scope(1, 1), PLACE, &value);
    assert!(matches!(wrong, Err(KeyError::WrongDataKey { .. })), "{wrong:?}");
}

#[test]
fn se_1_the_data_key_id_is_bound_too() {
    // Renaming the data key in the header does not make another record's identical key fit.
    let mut bytes = sealed(b"token").into_bytes();
    bytes[1..17].copy_from_slice(id(2).uuid().as_bytes());
    let renamed = Sealed::from_bytes(bytes).unwrap();
    assert!(is_corrupt(open(&key(1), id(2), scope(1, 1), PLACE, &renamed)));
}

#[test]
fn se_1_key_and_nonce_differ_with_every_salt() {
    let (a, b) = ([1; SALT_LENGTH], [2; SALT_LENGTH]);
    let seal_with = |salt| seal(&key(1), id(1), scope(1, 1), PLACE, salt, &[0; 64]).unwrap();
    assert_ne!(seal_with(&a).as_bytes()[41..], seal_with(&b).as_bytes()[41..]);
    assert_eq!(seal_with(&a), seal_with(&a), "nothing else is random");
}

/// The derivation and the layout must never change under version 1, or stored values are lost. Computed independently
/// with CMAC and AES-GCM of Python's `cryptography` package.
#[test]
fn se_1_the_stored_form_is_what_it_was() {
    assert_eq!(hex(sealed(b"patchbay").as_bytes()), STORED);
}

const STORED: &str = "010000000000000000000000000000000109090909090909090909090909090909090909090909090921bb325821f3118d3df8bbca9a64ba4b1101f4b85390329a";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn se_2_nothing_secret_is_printed() {
    let value = sealed(b"canary-secret");
    let text = format!("{value:?} {:?} {:?}", key(b'K'), open(&key(2), id(1), scope(1, 1), PLACE, &value));
    assert!(!text.contains("canary") && !text.contains("KKKK") && !text.contains("75, 75"), "{text}");
    assert!(text.contains(&format!("{} bytes", value.as_bytes().len())), "{text}");
}

proptest! {
    #[test]
    fn se_1_any_value_comes_back_whole(plaintext: Vec<u8>, salt: [u8; SALT_LENGTH], row: u128) {
        let place = Place { row: Uuid::from_u128(row), ..PLACE };
        let value = seal(&key(3), id(4), scope(5, 6), place, &salt, &plaintext).unwrap();
        let read = Sealed::from_bytes(value.as_bytes().to_vec()).unwrap();
        prop_assert_eq!(read.data_key_id(), id(4));
        prop_assert_eq!(&*open(&key(3), id(4), scope(5, 6), place, &read).unwrap(), &plaintext);
    }

    #[test]
    fn se_1_a_flipped_bit_or_a_cut_never_opens(plaintext: Vec<u8>, at: prop::sample::Index, bit in 0..8_u32, cut: bool) {
        let mut bytes = sealed(&plaintext).into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        if let Ok(damaged) = Sealed::from_bytes(bytes) {
            prop_assert!(open(&key(1), id(1), scope(1, 1), PLACE, &damaged).is_err());
        }
    }

    #[test]
    fn se_1_any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        if let Ok(value) = Sealed::from_bytes(bytes) {
            prop_assert!(is_corrupt(open(&key(1), value.data_key_id(), scope(1, 1), PLACE, &value)));
        }
    }
}
