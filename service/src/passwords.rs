//! Passwords: which are good enough (NIST SP 800-63B: length and guessability, no rules of composition), and how they are kept.

use std::{sync::LazyLock, time::Duration};

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zxcvbn::{Score, zxcvbn};

use crate::error::{Error, Result};

/// The fewest and the most characters, after NFC.
pub const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Hashing costs 19 MiB and tens of milliseconds of a core. Half of the cores may be at it, and a bounded queue waits.
static HASHING: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new((std::thread::available_parallelism().map_or(2, usize::from) / 2).max(1)));
static WAITING: Semaphore = Semaphore::const_new(32);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What an unknown login is compared with, so that it takes as long as a known one.
pub(crate) static DUMMY_HASH: LazyLock<String> = LazyLock::new(|| {
    let salt = Sha256::digest(b"an account that does not exist");
    Argon2::default().hash_password_with_salt(b"", &salt[..16]).map(|hash| hash.to_string()).unwrap_or_default()
});

/// A password that is new, hashed. It is refused, under the name of `field`, where it is too short, too long or too easy to guess, not least
/// from the person's own words: their address and their name.
pub(crate) async fn hash_new(field: &'static str, password: String, own_words: &[&str]) -> Result<String> {
    let password: String = password.nfc().collect();
    let length = password.chars().count();
    if !LENGTH.contains(&length) {
        return Err(Error::invalid(field, format!("must have {} to {} characters, has {length}", LENGTH.start(), LENGTH.end())));
    }
    let words = words(own_words);
    bounded(move || {
        if let Some(problem) = easy_to_guess(&password, &words) {
            return Err(Error::invalid(field, problem));
        }
        let hash = Argon2::default().hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|error| Error::internal(error.to_string()))
    })
    .await?
}

/// Whether this is the password of a hash.
pub(crate) async fn verify(password: String, hash: String) -> Result<bool> {
    let password: String = password.nfc().collect();
    if password.chars().count() > *LENGTH.end() {
        return Ok(false);
    }
    bounded(move || PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())).await
}

/// The texts, the words that they are made of, and what follows each.
fn words(texts: &[&str]) -> Vec<String> {
    let parts = texts.iter().flat_map(|text| text.split(|character: char| !character.is_alphanumeric()));
    let parts = parts.filter(|part| part.chars().count() > 2);
    let rests =
        texts.iter().flat_map(|text| text.match_indices(|mark: char| !mark.is_alphanumeric()).map(|(at, mark)| &text[at + mark.len()..]));
    parts.chain(rests).chain(texts.iter().copied()).chain(["hale"]).map(str::to_lowercase).collect()
}

/// Why a password would be guessed soon, and what would be better. Among what it knows are some 30,000 passwords that people use.
fn easy_to_guess(password: &str, own_words: &[String]) -> Option<String> {
    let own_words: Vec<&str> = own_words.iter().map(String::as_str).collect();
    let estimate = zxcvbn(password, &own_words);
    if estimate.score() >= Score::Three {
        return None;
    }
    let why = estimate.feedback().and_then(|feedback| feedback.warning()).map(|warning| format!(" {warning}")).unwrap_or_default();
    Some(format!("is too easy to guess.{why} Choose several uncommon words, or let a password manager make one"))
}

async fn bounded<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let busy = || Error::RateLimited { retry_after: LONGEST_WAIT };
    let _waiting = WAITING.try_acquire().map_err(|_| busy())?;
    let permit = tokio::time::timeout(LONGEST_WAIT, HASHING.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()));
    drop(permit);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn easy(password: &str) -> bool {
        easy_to_guess(password, &words(&["ann.lindqvist@example.org", "Ann Lindqvist"])).is_some()
    }

    #[test]
    fn what_everybody_uses_and_what_the_address_and_the_name_tell_is_easy_to_guess() {
        for password in [
            "password",
            "Password1!",
            "iloveyou123",
            "qwertyuiop",
            "12345678",
            "aaaaaaaaaaaa",
            "ann.lindqvist",
            "Lindqvist1",
            "lindqvist@example.org",
            "2026-11-27",
            "hale hale hale",
        ] {
            assert!(easy(password), "{password}");
        }
    }

    #[test]
    fn any_characters_in_any_order_are_good_where_nobody_guesses_them() {
        for password in [
            "plum kettle harbour nine",
            "v9#qLw2!xT",
            "яблоко чайник гавань",
            "🐧🦆🌋🪁🥨🧭🎻🛶🪵🧲",
            "correcthorse batterystaple tea",
            "nopunctuationnodigitsjustwordsx",
        ] {
            assert!(!easy(password), "{password}");
        }
    }
}
