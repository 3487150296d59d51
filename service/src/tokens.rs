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
/// How long the second half of a sign-in may take.
const CHALLENGE_LIFETIME: TimeDelta = TimeDelta::minutes(5);
const CHALLENGE_TYPE: &str = "second-factor+jwt";
const LEEWAY_SECONDS: i64 = 30;
/// Longer ones are not ours; refusing them before decoding keeps a forged one cheap.
const MAX_TOKEN_BYTES: usize = 1024;

/// The secrets that sign tokens and seal others' secrets: the current ones and former ones that still verify and open. Kept in a
/// file, never in the database.
#[derive(Serialize, Deserialize)]
pub struct Keys {
    current: String,
    signing: HashMap<String, String>,
    /// Absent in the files of earlier versions: then the signing keys stand in.
    sealing: Option<Sealing>,
}

#[derive(Serialize, Deserialize)]
struct Sealing {
    current: String,
    keys: HashMap<String, String>,
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

/// What a challenge says: that this person has given their password.
#[derive(Serialize, Deserialize)]
struct Challenge {
    iss: String,
    aud: String,
    sub: UserId,
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
    /// A new key ring with one random key of 32 bytes for each purpose.
    pub fn generate(random: &dyn Random) -> Self {
        let ring = || {
            let (mut name, mut secret) = ([0; 6], [0; 32]);
            random.fill(&mut name);
            random.fill(&mut secret);
            let name = BASE64_URL_SAFE_NO_PAD.encode(name);
            (name.clone(), HashMap::from([(name, BASE64_URL_SAFE_NO_PAD.encode(secret))]))
        };
        let ((current, signing), (sealing, keys)) = (ring(), ring());
        Self { current, signing, sealing: Some(Sealing { current: sealing, keys }) }
    }

    /// Reads a key ring as [`Keys::to_json`] wrote it. A key shorter than 32 bytes is refused.
    pub fn from_json(json: &str) -> std::result::Result<Self, String> {
        let keys: Self = serde_json::from_str(json).map_err(|error| format!("not a key file ({error})"))?;
        let sealing = keys.sealing.iter().map(|sealing| (&sealing.keys, &sealing.current));
        for (ring, current) in [(&keys.signing, &keys.current)].into_iter().chain(sealing) {
            let mut named = ring.keys().chain([current]);
            if let Some(name) = named.find(|name| secret(ring, name).is_none_or(|secret| secret.len() < 32)) {
                return Err(format!("the key {name} is missing or shorter than 32 bytes"));
            }
        }
        Ok(keys)
    }

    /// The key ring as it is kept in a file that only Hale may read.
    pub fn to_json(&self) -> String {
        serde_json::json!({ "current": self.current, "signing": self.signing, "sealing": self.sealing }).to_string()
    }

    /// The names of all keys, which tell nothing about them.
    pub fn names(&self) -> Vec<String> {
        let sealing = self.sealing.iter().flat_map(|sealing| sealing.keys.keys());
        let mut names: Vec<_> = self.signing.keys().chain(sealing).cloned().collect();
        names.sort_unstable();
        names
    }

    fn secret(&self, name: &str) -> Option<Vec<u8>> {
        secret(&self.signing, name)
    }

    /// The name of the key that seals.
    pub(crate) fn sealing(&self) -> &str {
        self.sealing.as_ref().map_or(&self.current, |sealing| &sealing.current)
    }

    /// The key of this name for one purpose, derived so that no key serves two.
    pub(crate) fn sealing_key(&self, name: &str, purpose: &str) -> Option<[u8; 32]> {
        let ring = self.sealing.as_ref().map_or(&self.signing, |sealing| &sealing.keys);
        let mac = Hmac::<Sha256>::new_from_slice(&secret(ring, name)?).ok()?;
        Some(mac.chain_update(b"hale sealing 1 ").chain_update(purpose).finalize().into_bytes().into())
    }

    /// A signed token for this session, and when it ends.
    pub(crate) fn sign(&self, user_id: UserId, session_id: SessionId, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let expires_at = now + ACCESS_TOKEN_LIFETIME;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: user_id,
            sid: session_id,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let token = self.signed(TOKEN_TYPE, &claims)?;
        Ok((token, DateTime::from_timestamp(expires_at.timestamp(), 0).unwrap_or(expires_at)))
    }

    fn signed(&self, token_type: &str, claims: &impl Serialize) -> Result<String> {
        install_hs256();
        let header = Header { typ: Some(token_type.into()), kid: Some(self.current.clone()), ..Header::new(Algorithm::HS256) };
        let secret = self.secret(&self.current).ok_or_else(|| Error::internal("the current signing key is missing"))?;
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&secret)).map_err(|error| Error::Internal(error.into()))
    }

    /// A signed statement that this person has given their password, and when it ends.
    pub(crate) fn challenge(&self, user_id: UserId, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let expires_at = now + CHALLENGE_LIFETIME;
        let (iss, aud) = (ISSUER.into(), CHALLENGE_TYPE.into());
        let claims = Challenge { iss, aud, sub: user_id, iat: now.timestamp(), exp: expires_at.timestamp() };
        Ok((self.signed(CHALLENGE_TYPE, &claims)?, DateTime::from_timestamp(expires_at.timestamp(), 0).unwrap_or(expires_at)))
    }

    /// Who has given their password, as a challenge says.
    pub(crate) fn challenged(&self, challenge: &str, now: DateTime<Utc>) -> Result<UserId> {
        install_hs256();
        let claims: Option<Challenge> = self.claims(challenge, CHALLENGE_TYPE, CHALLENGE_TYPE);
        let now = now.timestamp();
        let in_time = |claims: &Challenge| claims.iat <= now + LEEWAY_SECONDS && now < claims.exp;
        let claims = claims.filter(in_time);
        Ok(claims.ok_or(Error::Unauthenticated("this challenge is not valid, or not any more: sign in again"))?.sub)
    }

    /// Checks signature, type, issuer, audience and times of a token.
    pub(crate) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified> {
        install_hs256();
        self.verify_claims(token, now).ok_or(Error::Unauthenticated("this access token is not valid: refresh the session or sign in"))
    }

    /// What a token of this type, for this audience, says, if it was signed by a key of the ring. Its times are still to be compared.
    fn claims<Claims: serde::de::DeserializeOwned>(&self, token: &str, token_type: &str, audience: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.alg != Algorithm::HS256 || header.typ.as_deref() != Some(token_type) {
            return None;
        }
        let secret = self.secret(&header.kid?)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        // Times are compared against the injected clock.
        validation.validate_exp = false;
        jsonwebtoken::decode(token, &DecodingKey::from_secret(&secret), &validation).ok().map(|token| token.claims)
    }

    fn verify_claims(&self, token: &str, now: DateTime<Utc>) -> Option<Verified> {
        let claims: Claims = self.claims(token, TOKEN_TYPE, ISSUER)?;
        let now = now.timestamp();
        let in_time = claims.iat <= now + LEEWAY_SECONDS
            && now < claims.exp
            && claims.exp.saturating_sub(claims.iat) <= ACCESS_TOKEN_LIFETIME.num_seconds();
        let expires_at = DateTime::from_timestamp(claims.exp, 0)?;
        in_time.then_some(Verified { user_id: claims.sub, session_id: claims.sid, expires_at })
    }
}

fn secret(ring: &HashMap<String, String>, name: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(ring.get(name)?).ok()
}

/// A new secret for a refresh token, a link or the like: 256 random bits.
pub(crate) fn new_secret(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The form in which such a secret is stored: SHA-256 in hex. The secret is random, so no salt is needed; and since only hashes
/// are compared, the time that takes tells nothing of use.
pub(crate) fn secret_hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
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
