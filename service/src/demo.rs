//! TEMP
use crate::{access::*, error::*};
/// x
pub struct DemoPerson {
    #[expect(missing_docs)]
    pub full_name: String,
    #[expect(missing_docs)]
    pub email: String,
    #[expect(missing_docs)]
    pub password: String,
}
/// x
pub async fn create(_: &Database, _: &Maintenance, _: bool, _: impl Fn(u64, u64) + Send + Sync) -> Result<Vec<DemoPerson>> {
    Err(Error::internal("x"))
}
