//! Who can open a backup: holders of an age identity, or whoever knows a passphrase.

use std::{fmt, io::Read, str::FromStr};

use age::{Decryptor, Encryptor, Identity, IdentityFile, Recipient, secrecy::SecretString, stream::StreamReader, x25519};

use super::Error;

/// The work of a passphrase that a file may demand: 2^22 takes a minute or so, and a file that demands more only wants to keep one busy.
const MOST_WORK: u8 = 22;

/// What a backup is encrypted with.
#[derive(Clone)]
pub enum Lock {
    /// The public keys of those who can open it: at least one.
    Recipients(Vec<x25519::Recipient>),
    /// A passphrase.
    Passphrase(SecretString),
}

impl Lock {
    /// For the holders of these public keys, each as `age-keygen` prints it.
    pub fn to(recipients: &[String]) -> Result<Option<Self>, Error> {
        if recipients.is_empty() {
            return Ok(None);
        }
        let recipients = recipients.iter().map(|text| {
            let bad =
                |reason| Error::Key(format!("{text:?} is no public key of age's ({reason}): write one as age-keygen prints it, age1…"));
            x25519::Recipient::from_str(text).map_err(bad)
        });
        Ok(Some(Self::Recipients(recipients.collect::<Result<_, _>>()?)))
    }

    /// For whoever knows the passphrase.
    pub fn with_passphrase(passphrase: String) -> Self {
        Self::Passphrase(passphrase.into())
    }

    pub(super) fn encryptor(&self) -> Result<Encryptor, Error> {
        match self {
            Self::Passphrase(passphrase) => Ok(Encryptor::with_user_passphrase(passphrase.clone())),
            Self::Recipients(recipients) => {
                let recipients = recipients.iter().map(|recipient| recipient as &dyn Recipient);
                Encryptor::with_recipients(recipients).map_err(|error| Error::Key(error.to_string()))
            }
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Recipients(_) => "Recipients",
            Self::Passphrase(_) => "Passphrase",
        })
    }
}

/// What an encrypted backup is opened with.
pub struct Unlock(Vec<Box<dyn Identity + Send + Sync>>);

impl Unlock {
    /// The text of an identity file, as `age-keygen` writes it.
    pub fn identities(text: &str) -> Result<Self, Error> {
        let unusable = |reason: String| {
            Error::Key(format!("the identity file cannot be used ({reason}): it is what age-keygen writes, AGE-SECRET-KEY-1…"))
        };
        let file = IdentityFile::from_buffer(text.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        let identities = file.into_identities().map_err(|error| unusable(error.to_string()))?;
        if identities.is_empty() {
            return Err(unusable("it holds no identity".to_owned()));
        }
        Ok(Self(identities))
    }

    /// A passphrase.
    pub fn passphrase(passphrase: String) -> Self {
        let mut identity = age::scrypt::Identity::new(passphrase.into());
        identity.set_max_work_factor(MOST_WORK);
        Self(vec![Box::new(identity)])
    }

    pub(super) fn decrypt<R: Read>(&self, source: R) -> Result<StreamReader<R>, Error> {
        let locked = Decryptor::new(source).map_err(refused)?;
        locked.decrypt(self.0.iter().map(|identity| &**identity as &dyn Identity)).map_err(refused)
    }
}

fn refused(error: age::DecryptError) -> Error {
    use age::DecryptError;
    match error {
        DecryptError::NoMatchingKeys | DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => Error::WrongKey,
        DecryptError::ExcessiveWork { .. } => Error::Key("its passphrase demands more work than is reasonable".to_owned()),
        DecryptError::Io(error) if error.raw_os_error().is_some() => Error::Io(error),
        error => Error::damaged(error.to_string()),
    }
}
