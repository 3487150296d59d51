//! SCRAM verifiers, so that a password itself never reaches the server or its log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// PostgreSQL's own number.
const ITERATIONS: u32 = 4096;

/// What PostgreSQL stores for a password (RFC 5803), or nothing when the password would first have
/// to be normalised, which is left to the server.
pub(crate) fn verifier(password: &str, salt: &[u8]) -> Option<String> {
    password.is_ascii().then(|| derive(password, salt, ITERATIONS)).flatten()
}

/// Whether what PostgreSQL stores is the verifier of this password.
pub(crate) fn matches(stored: &str, password: &str) -> bool {
    let parts = || {
        let (head, _) = stored.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        Some((iterations.parse().ok()?, STANDARD.decode(salt).ok()?))
    };
    parts().is_some_and(|(iterations, salt)| derive(password, &salt, iterations).is_some_and(|derived| derived == stored))
}

fn derive(password: &str, salt: &[u8], iterations: u32) -> Option<String> {
    let first = hmac(password.as_bytes(), &[salt, &1_u32.to_be_bytes()])?;
    let mut salted = first;
    let mut last = first;
    for _ in 1..iterations {
        last = hmac(password.as_bytes(), &[&last])?;
        for (sum, byte) in salted.iter_mut().zip(last) {
            *sum ^= byte;
        }
    }
    let client_key = hmac(&salted, &[b"Client Key"])?;
    let server_key = hmac(&salted, &[b"Server Key"])?;
    Some(format!(
        "SCRAM-SHA-256${iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(Sha256::digest(client_key)),
        STANDARD.encode(server_key)
    ))
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3: the salt, iterations and password there give this server key, with
    /// which the server signs as it does there.
    #[test]
    fn the_verifier_is_that_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = verifier("pencil", &salt).unwrap();
        let server_key = STANDARD.decode(verifier.rsplit_once(':').unwrap().1).unwrap();
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
            r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
            c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac(&server_key, &[message.as_bytes()]).unwrap();
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert!(matches(&verifier, "pencil"));
        assert!(!matches(&verifier, "Pencil"));
        assert!(!matches("md5abc", "pencil"));
    }
}
