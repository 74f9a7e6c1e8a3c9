//! What a plugin asks its connection.

use serde::de::DeserializeOwned;

use crate::{Connection, Failure};

impl Connection {
    /// The connection's configuration as `T`. Give `T` `#[serde(default)]` fields for what may be left out.
    ///
    /// # Errors
    /// The tenant is to blame if the configuration does not fit.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.config)
            .map_err(|e| Failure::tenant(format!("The connection's configuration does not fit: {e}")))
    }

    /// The parameters of the sync that runs, as `T`: what tells one variant of a stream from another. Give `T`
    /// `#[serde(default)]` fields; a sync without parameters, and any other call, has an empty object.
    ///
    /// # Errors
    /// The tenant is to blame if the parameters do not fit.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.params)
            .map_err(|e| Failure::tenant(format!("The sync's parameters do not fit: {e}")))
    }

    /// The value of a manifest variable for this connection.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}
