//! The authorization server's memory: consents asked, codes, tokens and the grants behind them. No I/O and no clock:
//! `now` is seconds since the server started.

use std::collections::HashMap;

use serde::Serialize;

use crate::{options::Client, random};

/// The scopes there are, with what the consent page says of them.
pub(crate) const SCOPES: [(&str, &str); 4] = [
    ("profile", "See your shop's name"),
    ("orders:read", "Read your orders"),
    ("orders:write", "Cancel orders for you"),
    ("customers:read", "Read your customers"),
];

/// The shops that the consent page offers: subject and name.
pub(crate) const ACCOUNTS: [(&str, &str); 2] =
    [("shop_north", "Northwind Lanterns"), ("shop_south", "Harbour Tea Company")];

/// How long a consent page and a code may be used, in seconds.
const CONSENT_LIFETIME: u64 = 600;
const CODE_LIFETIME: u64 = 60;

/// An authorization request that waits for the person's answer.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) scope: String,
    pub(crate) challenge: String,
}

#[derive(Debug)]
struct Code {
    request: Request,
    account: String,
    expires: u64,
    /// The grant that was made of it, once used.
    grant: Option<u64>,
}

#[derive(Debug)]
struct Grant {
    client_id: String,
    account: String,
    scope: String,
    live: bool,
}

/// A token answer (RFC 6749, section 5.1).
#[derive(Debug, Serialize)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    pub(crate) expires_in: u64,
    pub(crate) refresh_token: String,
    pub(crate) scope: String,
}

/// Why a token request was refused (RFC 6749, section 5.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str, pub(crate) &'static str);

/// Everything that was asked for and granted.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    clients: HashMap<String, Client>,
    asked: HashMap<String, (Request, u64)>,
    codes: HashMap<String, Code>,
    grants: HashMap<u64, Grant>,
    /// Token to grant and expiry.
    access: HashMap<String, (u64, u64)>,
    /// Token to grant, and whether it was used.
    refresh: HashMap<String, (u64, bool)>,
    /// Lifetime of access tokens from now on, in seconds.
    pub(crate) token_lifetime: u64,
}

impl Grants {
    /// Adds or replaces a client.
    pub(crate) fn register(&mut self, client: Client) {
        self.clients.insert(client.id.clone(), client);
    }

    /// The client of this id.
    pub(crate) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.get(id)
    }

    /// Keeps an authorization request and gives the name under which the consent page answers it, once.
    pub(crate) fn ask(&mut self, request: Request, now: u64) -> String {
        let transaction = random::token("txn_");
        self.asked.insert(transaction.clone(), (request, now + CONSENT_LIFETIME));
        transaction
    }

    /// Takes the request that this page was about, if it is still waiting.
    pub(crate) fn answered(&mut self, transaction: &str, now: u64) -> Option<Request> {
        self.asked.remove(transaction).filter(|(_, expires)| *expires > now).map(|(request, _)| request)
    }

    /// A code for a consent that was given.
    pub(crate) fn code(&mut self, request: Request, account: &str, now: u64) -> String {
        let code = random::token("acme_ac_");
        let entry = Code { request, account: account.to_owned(), expires: now + CODE_LIFETIME, grant: None };
        self.codes.insert(code.clone(), entry);
        code
    }

    /// Checks a client's id and secret.
    pub(crate) fn authenticate(&self, id: &str, secret: &str) -> Result<(), Refused> {
        match self.clients.get(id) {
            Some(client) if client.secret == secret => Ok(()),
            _ => Err(Refused("invalid_client", "unknown client or wrong secret")),
        }
    }

    /// Trades a code for tokens. A code that comes twice ends what the first time gave (RFC 6749, section 4.1.2).
    pub(crate) fn exchange(
        &mut self,
        client_id: &str,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        now: u64,
    ) -> Result<Issued, Refused> {
        let invalid = |why| Err(Refused("invalid_grant", why));
        let Some(entry) = self.codes.get_mut(code) else { return invalid("unknown code") };
        if entry.request.client_id != client_id {
            return invalid("the code was given to another client");
        }
        if let Some(grant) = entry.grant {
            self.end(grant);
            return invalid("the code was used before; its tokens were revoked");
        }
        if entry.expires <= now {
            return invalid("the code has expired");
        }
        if entry.request.redirect_uri != redirect_uri {
            return invalid("redirect_uri differs from the one in the authorization request");
        }
        if random::s256(verifier) != entry.request.challenge {
            return invalid("code_verifier does not match the challenge");
        }
        let (client_id, account, scope) =
            (entry.request.client_id.clone(), entry.account.clone(), entry.request.scope.clone());
        let grant = self.grant(client_id, account, scope);
        if let Some(entry) = self.codes.get_mut(code) {
            entry.grant = Some(grant);
        }
        self.issue(grant, now)
    }

    /// Trades a refresh token for new tokens; the old one is spent. A spent one that comes again ends the grant.
    pub(crate) fn rotate(&mut self, client_id: &str, token: &str, now: u64) -> Result<Issued, Refused> {
        let Some((grant, spent)) = self.refresh.get(token).copied() else {
            return Err(Refused("invalid_grant", "unknown refresh token"));
        };
        match self.grants.get(&grant) {
            Some(entry) if entry.live && entry.client_id == client_id => {}
            _ => return Err(Refused("invalid_grant", "the grant was revoked or belongs to another client")),
        }
        if spent {
            self.end(grant);
            return Err(Refused("invalid_grant", "the refresh token was used before; the grant was revoked"));
        }
        self.refresh.insert(token.to_owned(), (grant, true));
        self.issue(grant, now)
    }

    /// Ends what a token stands for (RFC 7009): an access token alone, a refresh token with its whole grant.
    pub(crate) fn revoke(&mut self, client_id: &str, token: &str) {
        if let Some((grant, _)) = self.refresh.get(token).copied() {
            if self.grants.get(&grant).is_some_and(|entry| entry.client_id == client_id) {
                self.end(grant);
            }
        } else {
            self.access.remove(token);
        }
    }

    /// Ends every grant of an account, as a person does in their shop's settings.
    pub(crate) fn revoke_account(&mut self, account: &str) {
        let ended: Vec<u64> =
            self.grants.iter().filter(|(_, grant)| grant.account == account).map(|(number, _)| *number).collect();
        for grant in ended {
            self.end(grant);
        }
    }

    /// Account and scope of an access token that is valid now.
    pub(crate) fn check(&self, token: &str, now: u64) -> Option<(&str, &str)> {
        let (grant, expires) = self.access.get(token)?;
        let grant = self.grants.get(grant).filter(|grant| grant.live && *expires > now)?;
        Some((&grant.account, &grant.scope))
    }

    /// Makes all access tokens expire now; refresh tokens stay good.
    pub(crate) fn expire_access_tokens(&mut self) {
        self.access.clear();
    }

    /// Tokens without a consent, for tests and benchmarks.
    pub(crate) fn mint(&mut self, client_id: &str, account: &str, now: u64) -> Result<Issued, Refused> {
        let scope = SCOPES.map(|(name, _)| name).join(" ");
        let grant = self.grant(client_id.to_owned(), account.to_owned(), scope);
        self.issue(grant, now)
    }

    fn grant(&mut self, client_id: String, account: String, scope: String) -> u64 {
        let number = u64::try_from(self.grants.len()).unwrap_or(u64::MAX);
        self.grants.insert(number, Grant { client_id, account, scope, live: true });
        number
    }

    fn issue(&mut self, grant: u64, now: u64) -> Result<Issued, Refused> {
        let scope = self.grants.get(&grant).map(|grant| grant.scope.clone());
        let scope = scope.ok_or(Refused("invalid_grant", "the grant is gone"))?;
        let issued = Issued {
            access_token: random::token("acme_at_"),
            token_type: "Bearer",
            expires_in: self.token_lifetime,
            refresh_token: random::token("acme_rt_"),
            scope,
        };
        self.access.insert(issued.access_token.clone(), (grant, now + self.token_lifetime));
        self.refresh.insert(issued.refresh_token.clone(), (grant, false));
        Ok(issued)
    }

    fn end(&mut self, grant: u64) {
        if let Some(entry) = self.grants.get_mut(&grant) {
            entry.live = false;
        }
        self.access.retain(|_, (of, _)| *of != grant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn with_code() -> (Grants, String) {
        let mut grants = Grants { token_lifetime: 100, ..Grants::default() };
        let request = Request {
            client_id: "app".into(),
            redirect_uri: "http://127.0.0.1/callback".into(),
            state: None,
            scope: "orders:read".into(),
            challenge: random::s256(VERIFIER),
        };
        let code = grants.code(request, "shop_north", 0);
        (grants, code)
    }

    fn exchange(grants: &mut Grants, code: &str) -> Result<Issued, Refused> {
        grants.exchange("app", code, "http://127.0.0.1/callback", VERIFIER, 1)
    }

    #[test]
    fn a_code_works_once_and_its_second_use_ends_the_tokens() {
        let (mut grants, code) = with_code();
        let issued = exchange(&mut grants, &code).unwrap();
        assert_eq!(grants.check(&issued.access_token, 2), Some(("shop_north", "orders:read")));
        assert_eq!(exchange(&mut grants, &code).unwrap_err().0, "invalid_grant");
        assert_eq!(grants.check(&issued.access_token, 2), None);
        assert!(grants.rotate("app", &issued.refresh_token, 2).is_err());
    }

    #[test]
    fn a_code_is_bound_to_client_redirect_verifier_and_time() {
        for (client, redirect, verifier, now) in [
            ("other", "http://127.0.0.1/callback", VERIFIER, 1),
            ("app", "http://127.0.0.1/callback/", VERIFIER, 1),
            ("app", "http://127.0.0.1/callback", "wrong", 1),
            ("app", "http://127.0.0.1/callback", VERIFIER, 61),
        ] {
            let (mut grants, code) = with_code();
            let refused = grants.exchange(client, &code, redirect, verifier, now).unwrap_err();
            assert_eq!(refused.0, "invalid_grant", "{client} {redirect} {verifier} {now}");
        }
    }

    #[test]
    fn refresh_tokens_rotate_and_reuse_ends_the_grant() {
        let (mut grants, code) = with_code();
        let first = exchange(&mut grants, &code).unwrap();
        let second = grants.rotate("app", &first.refresh_token, 2).unwrap();
        assert_ne!(first.refresh_token, second.refresh_token);
        assert!(grants.check(&second.access_token, 3).is_some());
        assert!(grants.rotate("app", &first.refresh_token, 3).is_err());
        assert!(grants.check(&second.access_token, 3).is_none());
        assert!(grants.rotate("app", &second.refresh_token, 3).is_err());
    }

    #[test]
    fn access_tokens_expire_and_revocation_ends_both() {
        let (mut grants, code) = with_code();
        let issued = exchange(&mut grants, &code).unwrap();
        assert!(grants.check(&issued.access_token, 100).is_some());
        assert!(grants.check(&issued.access_token, 101).is_none());
        grants.revoke("app", &issued.refresh_token);
        assert!(grants.rotate("app", &issued.refresh_token, 102).is_err());
    }

    #[test]
    fn a_consent_is_answered_once() {
        let (mut grants, code) = with_code();
        let request = grants.codes.remove(&code).unwrap().request;
        let transaction = grants.ask(request, 0);
        assert!(grants.answered(&transaction, 1).is_some());
        assert!(grants.answered(&transaction, 1).is_none());
    }
}
