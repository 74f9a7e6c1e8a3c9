//! The file keyring: the contract, and its file.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    sync::Arc,
};

use patchbay_vault::{FileKeyring, KeyError, KeyGovernance, KeyHealth, KeyService, file_keyring::OnMissing};

use crate::{
    suite::{Keys, contract},
    support::{Folder, Random, keyring, scope_of, tenant},
};

contract!(start);

async fn start() -> (Folder, Keys) {
    let folder = Folder::new();
    let keys = keyring(&folder);
    (folder, Keys { service: Arc::new(keys.clone()), governance: Arc::new(keys) })
}

fn open(folder: &Folder, missing: OnMissing) -> Result<FileKeyring, KeyError> {
    FileKeyring::open(folder.path().join("keyring.json"), missing, Arc::new(Random))
}

fn refusal(result: Result<FileKeyring, KeyError>) -> String {
    match result {
        Err(KeyError::Config(text)) => text,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn se_1_the_keyring_is_its_owners_alone() {
    let folder = Folder::new();
    let path = folder.path().join("keyring.json");
    let keys = keyring(&folder);
    keys.create_tenant_key(tenant()).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let text = refusal(open(&folder, OnMissing::Create));
        assert!(text.contains("chmod 600") && text.contains(&format!("{mode:04o}")), "{text}");
        // One that is open already notices too.
        assert!(matches!(keys.health().await, KeyHealth::Misconfigured { .. }));
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(keys.health().await, KeyHealth::Ready);
}

#[tokio::test]
async fn a_missing_or_damaged_keyring_is_named_and_left_alone() {
    let folder = Folder::new();
    let path = folder.path().join("keyring.json");
    let text = refusal(open(&folder, OnMissing::Refuse));
    assert!(text.contains("missing") && text.contains("keyring.json"), "{text}");
    assert!(!path.exists());

    for damaged in [
        "",
        "{",
        "[]",
        r#"{"format":"other/1","tenants":{}}"#,
        r#"{"format":"patchbay-keyring/1","tenants":{"ten_00000000000000000000000001":{"1":"c2hvcnQ="}}}"#,
    ] {
        fs::write(&path, damaged).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let text = refusal(open(&folder, OnMissing::Create));
        assert!(text.contains("damaged") && !text.contains("c2hvcnQ"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

#[tokio::test]
async fn two_processes_share_one_keyring() {
    let folder = Folder::new();
    let (server, command_line) = (keyring(&folder), open(&folder, OnMissing::Refuse).unwrap());
    let scope = scope_of(tenant());
    command_line.create_tenant_key(scope.tenant).await.unwrap();
    let (key, wrapped) = server.generate_data_key(scope).await.unwrap();
    server.rotate_tenant_key(scope.tenant).await.unwrap();
    assert_eq!(command_line.generate_data_key(scope).await.unwrap().1.version(), Some(2));
    assert_eq!(command_line.unwrap_data_key(scope, &wrapped).await.unwrap().expose(), key.expose());

    // Many changes from both sides at once: none is lost.
    let tenants: Vec<_> = (0..20).map(|_| tenant()).collect();
    let makers: Vec<_> = tenants
        .iter()
        .enumerate()
        .map(|(n, tenant)| {
            let (keys, tenant) = (if n % 2 == 0 { server.clone() } else { command_line.clone() }, *tenant);
            tokio::spawn(async move { keys.create_tenant_key(tenant).await })
        })
        .collect();
    for maker in makers {
        maker.await.unwrap().unwrap();
    }
    let reopened = open(&folder, OnMissing::Refuse).unwrap();
    for tenant in tenants {
        reopened.generate_data_key(scope_of(tenant)).await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_while_writing_leaves_the_old_keyring() {
    let folder = Folder::new();
    let scope = scope_of(tenant());
    let keys = keyring(&folder);
    keys.create_tenant_key(scope.tenant).await.unwrap();
    // What a crash in the middle of writing the new file leaves beside the old one.
    fs::write(folder.path().join("keyring.json.new"), "{\"format\":").unwrap();
    let reopened = open(&folder, OnMissing::Refuse).unwrap();
    reopened.generate_data_key(scope).await.unwrap();
    reopened.rotate_tenant_key(scope.tenant).await.unwrap();
    assert!(!folder.path().join("keyring.json.new").exists(), "the left-over is used up");
    assert_eq!(fs::metadata(folder.path().join("keyring.json")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_keeps_the_old_keyring() {
    let folder = Folder::new();
    let keys = keyring(&folder);
    let scope = scope_of(tenant());
    keys.create_tenant_key(scope.tenant).await.unwrap();
    // A folder in the draft's place: writing fails for root too.
    fs::create_dir(folder.path().join("keyring.json.new")).unwrap();
    let failed = keys.rotate_tenant_key(scope.tenant).await;
    assert!(matches!(&failed, Err(KeyError::Config(text)) if text.contains("could not write")), "{failed:?}");
    assert_eq!(keys.generate_data_key(scope).await.unwrap().1.version(), Some(1));
}

#[test]
fn the_keyrings_folder_is_made_on_first_use() {
    let folder = Folder::new();
    let path = folder.path().join("new/keys/keyring.json");
    FileKeyring::open(&path, OnMissing::Create, Arc::new(Random)).unwrap();
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}
