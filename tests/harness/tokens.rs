//! Access tokens, right and forged: the key ring of the servers here is known.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use service::tokens::Keys;
use sha2::Sha256;

/// The name of the key that signs.
pub const KEY: &str = "the key";
/// The key that signs.
pub const SECRET: [u8; 32] = [7; 32];
/// A key that signed in former times, named `former`.
pub const FORMER_SECRET: [u8; 32] = [8; 32];

/// The key ring of every server here.
pub fn keys() -> Keys {
    let encode = |secret| BASE64_URL_SAFE_NO_PAD.encode(secret);
    let ring = json!({ "current": KEY, "signing": { KEY: encode(SECRET), "former": encode(FORMER_SECRET) } });
    Keys::from_json(&ring.to_string()).unwrap()
}

/// The header that a token must have.
pub fn header() -> Value {
    json!({ "typ": "at+jwt", "alg": "HS256", "kid": KEY })
}

/// What the token of a session says: valid for ten minutes from `now`.
pub fn claims(user: &str, session: &str, now: i64) -> Value {
    json!({ "iss": "hale", "aud": "hale", "sub": user, "sid": session, "iat": now, "exp": now + 600 })
}

/// A token, whatever it says.
pub fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(text.as_bytes()).finalize().into_bytes();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac))
}
