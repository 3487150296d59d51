//! Access tokens (signed, short-lived) and refresh tokens (random, stored as a hash).

use std::{collections::HashMap, sync::Once};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{SessionId, UserId};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error as JwtError, ErrorKind},
    signature,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Result},
    random::Random,
};

/// How long an access token is valid.
pub const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long a refresh token waits to be used.
pub const REFRESH_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long a session lasts, however often it is refreshed.
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::days(180);

const ISSUER: &str = "hale";
const TOKEN_TYPE: &str = "at+jwt";
const LEEWAY_SECONDS: i64 = 30;
/// Longer ones are not ours; refusing them before decoding keeps a forged one cheap.
const MAX_TOKEN_BYTES: usize = 1024;

/// The secrets that sign tokens: the current one and former ones that still verify. Kept in a file, never in the database.
#[derive(Serialize, Deserialize)]
pub struct Keys {
    current: String,
    signing: HashMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

/// What a verified access token says.
pub(crate) struct Verified {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub expires_at: DateTime<Utc>,
}

impl Keys {
    /// A new key ring with one random key of 32 bytes.
    pub fn generate(random: &dyn Random) -> Self {
        let (mut name, mut secret) = ([0; 6], [0; 32]);
        random.fill(&mut name);
        random.fill(&mut secret);
        let name = BASE64_URL_SAFE_NO_PAD.encode(name);
        Self { signing: HashMap::from([(name.clone(), BASE64_URL_SAFE_NO_PAD.encode(secret))]), current: name }
    }

    /// Reads a key ring as [`Keys::to_json`] wrote it. A key shorter than 32 bytes is refused.
    pub fn from_json(json: &str) -> std::result::Result<Self, String> {
        let keys: Self = serde_json::from_str(json).map_err(|error| format!("not a key file ({error})"))?;
        let named: Vec<&String> = keys.signing.keys().chain([&keys.current]).collect();
        match named.into_iter().find(|name| keys.secret(name).is_none_or(|secret| secret.len() < 32)) {
            Some(name) => Err(format!("the key {name} is missing or shorter than 32 bytes")),
            None => Ok(keys),
        }
    }

    /// The key ring as it is kept in a file that only Hale may read.
    pub fn to_json(&self) -> String {
        serde_json::json!({ "current": self.current, "signing": self.signing }).to_string()
    }

    fn secret(&self, name: &str) -> Option<Vec<u8>> {
        BASE64_URL_SAFE_NO_PAD.decode(self.signing.get(name)?).ok()
    }

    /// A signed token for this session, and when it ends.
    pub(crate) fn sign(&self, user_id: UserId, session_id: SessionId, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        install_hs256();
        let expires_at = now + ACCESS_TOKEN_LIFETIME;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: user_id,
            sid: session_id,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let header = Header { typ: Some(TOKEN_TYPE.into()), kid: Some(self.current.clone()), ..Header::new(Algorithm::HS256) };
        let secret = self.secret(&self.current).ok_or_else(|| Error::internal("the current signing key is missing"))?;
        let token =
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).map_err(|error| Error::Internal(error.into()))?;
        Ok((token, DateTime::from_timestamp(expires_at.timestamp(), 0).unwrap_or(expires_at)))
    }

    /// Checks signature, type, issuer, audience and times of a token.
    pub(crate) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified> {
        install_hs256();
        self.verify_claims(token, now).ok_or(Error::Unauthenticated("this access token is not valid: refresh the session or sign in"))
    }

    fn verify_claims(&self, token: &str, now: DateTime<Utc>) -> Option<Verified> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.alg != Algorithm::HS256 || header.typ.as_deref() != Some(TOKEN_TYPE) {
            return None;
        }
        let secret = self.secret(&header.kid?)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        // Times are compared below, against the injected clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(&secret), &validation).ok()?.claims;
        let now = now.timestamp();
        let in_time = claims.iat <= now + LEEWAY_SECONDS
            && now < claims.exp
            && claims.exp.saturating_sub(claims.iat) <= ACCESS_TOKEN_LIFETIME.num_seconds();
        let expires_at = DateTime::from_timestamp(claims.exp, 0)?;
        in_time.then_some(Verified { user_id: claims.sub, session_id: claims.sid, expires_at })
    }
}

/// A new opaque refresh token, 256 random bits.
pub(crate) fn new_refresh_token(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The form in which a refresh token is stored: SHA-256 in hex. The token is random, so no salt is needed.
pub(crate) fn refresh_token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

// jsonwebtoken's own back ends bring RSA and P-256, which nobody here uses; HS256 is one HMAC.
struct Hs256(Hmac<Sha256>);

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn hs256(algorithm: Algorithm, secret: &[u8]) -> std::result::Result<Hs256, JwtError> {
    if algorithm != Algorithm::HS256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Hmac::new_from_slice(secret).map(Hs256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

static HS256: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(hs256(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(hs256(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

fn install_hs256() {
    static INSTALLED: Once = Once::new();
    // An error means that it is installed already.
    INSTALLED.call_once(|| _ = HS256.install_default());
}
