//! Others' secrets, such as tokens of a provider, encrypted by a key that is not in the database: whoever steals the database or
//! a backup has nothing of them, and a sealed secret opens for what it was sealed for alone.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use crate::{
    error::{Error, Result},
    random::Random,
    tokens::Keys,
};

const NONCE: usize = 24;

/// Encrypts a secret. `context` says whose it is and what for; it is not stored, and opening needs the same.
pub(crate) fn seal(keys: &Keys, random: &dyn Random, context: &str, secret: &str) -> Result<String> {
    let mut nonce = [0; NONCE];
    random.fill(&mut nonce);
    let name = keys.sealing();
    let failed = || Error::internal("a secret cannot be sealed");
    let payload = Payload { msg: secret.as_bytes(), aad: context.as_bytes() };
    let sealed = cipher(keys, name).ok_or_else(failed)?.encrypt(&XNonce::from(nonce), payload).map_err(|_| failed())?;
    Ok(format!("{name}.{}", BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
}

/// Decrypts what [`seal`] made for the same `context`. It fails when the key is gone, or when it was made for something else.
pub(crate) fn open(keys: &Keys, context: &str, sealed: &str) -> Result<String> {
    let open = || {
        let (name, sealed) = sealed.split_once('.')?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        String::from_utf8(cipher(keys, name)?.decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    };
    open().ok_or_else(|| Error::internal("a sealed secret does not open: the key file is not the one it was sealed with"))
}

fn cipher(keys: &Keys, name: &str) -> Option<XChaCha20Poly1305> {
    Some(XChaCha20Poly1305::new(&keys.sealing_key(name, "secrets of providers")?.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_secret_opens_for_what_it_was_sealed_for_alone() {
        let keys = Keys::generate(&SystemRandom);
        let sealed = seal(&keys, &SystemRandom, "ann's", "secret").unwrap();
        assert_eq!(open(&keys, "ann's", &sealed).unwrap(), "secret");
        assert!(open(&keys, "ben's", &sealed).is_err());
        assert!(open(&Keys::generate(&SystemRandom), "ann's", &sealed).is_err());
        assert!(!sealed.contains("secret"));
        assert_ne!(sealed, seal(&keys, &SystemRandom, "ann's", "secret").unwrap(), "no two look alike");
    }

    #[test]
    fn a_key_file_of_an_earlier_version_seals_too_and_opens_after_a_restart() {
        let earlier = r#"{"current":"a","signing":{"a":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}}"#;
        let sealed = seal(&Keys::from_json(earlier).unwrap(), &SystemRandom, "x", "secret").unwrap();
        assert_eq!(open(&Keys::from_json(earlier).unwrap(), "x", &sealed).unwrap(), "secret");
        let written = Keys::generate(&SystemRandom);
        let sealed = seal(&written, &SystemRandom, "x", "secret").unwrap();
        assert_eq!(open(&Keys::from_json(&written.to_json()).unwrap(), "x", &sealed).unwrap(), "secret");
        let short = r#"{"current":"a","signing":{"a":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"},"sealing":{"current":"b","keys":{"b":"AAEC"}}}"#;
        assert!(Keys::from_json(short).is_err_and(|reason| reason.contains("the key b")));
    }

    proptest! {
        #[test]
        fn whatever_was_changed_does_not_open(secret in ".{0,40}", place in 0usize..200, byte in any::<u8>()) {
            let keys = Keys::generate(&SystemRandom);
            let sealed = seal(&keys, &SystemRandom, "x", &secret).unwrap();
            prop_assert_eq!(open(&keys, "x", &sealed).unwrap(), secret);
            let mut changed = sealed.clone().into_bytes();
            let place = place % changed.len();
            changed[place] = byte;
            if let Ok(changed) = String::from_utf8(changed) && changed != sealed {
                prop_assert!(open(&keys, "x", &changed).is_err());
            }
        }
    }
}
