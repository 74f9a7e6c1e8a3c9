//! Endpoints that vaultrs lacks, or whose answers it reads too strictly for OpenBao.

use rustify::{
    endpoint::Endpoint,
    enums::{RequestMethod, RequestType, ResponseType},
    errors::ClientError,
};
use serde::Deserialize;

/// `GET sys/health`, asked so that every state is a 200 and is told in the body.
pub(super) struct Health;

#[derive(Deserialize)]
pub(super) struct HealthAnswer {
    pub initialized: bool,
    pub sealed: bool,
}

impl Endpoint for Health {
    type Response = HealthAnswer;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "sys/health".into()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        Ok(Some("standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200".into()))
    }
}

/// `GET auth/token/lookup-self`: is the token valid, and for how long.
pub(super) struct LookupSelf;

#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    /// Seconds left; 0 means for ever.
    pub ttl: u64,
    #[serde(default)]
    pub renewable: bool,
}

impl Endpoint for LookupSelf {
    type Response = TokenAnswer;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        "auth/token/lookup-self".into()
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}

/// `POST <mount>/keys/<name>`: makes the key. Its answer says what the key is, also where there was one already.
pub(super) struct CreateKey {
    pub mount: String,
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct KeyAnswer {
    #[serde(rename = "type")]
    pub kind: String,
    pub derived: bool,
    pub exportable: bool,
}

impl Endpoint for CreateKey {
    type Response = KeyAnswer;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("{}/keys/{}", self.mount, self.name)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::POST
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(Some(br#"{"type":"aes256-gcm96","derived":true}"#.to_vec()))
    }
}

/// `GET <mount>/keys/<name>`: what is known of the key. It holds no key, only which versions there are.
pub(super) struct ReadKey {
    pub mount: String,
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct VersionsAnswer {
    pub latest_version: u32,
    pub min_decryption_version: u32,
}

impl Endpoint for ReadKey {
    type Response = VersionsAnswer;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        format!("{}/keys/{}", self.mount, self.name)
    }

    fn method(&self) -> RequestMethod {
        RequestMethod::GET
    }
}
