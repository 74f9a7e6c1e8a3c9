//! From the contract's functions to the author's trait.

use std::{marker::PhantomData, sync::Once};

use crate::{Connection, Failure, Identity, Page, Provider, Route, Webhook, abi::Guest};

/// Makes a [`Provider`] out to be the contract's guest. Used by [`crate::export!`] alone.
#[derive(Debug)]
pub struct Adapter<P>(PhantomData<P>);

/// Names the provider that this plugin is. Once per plugin:
///
/// ```
/// struct MyProvider;
/// patchbay_plugin::export!(MyProvider);
///
/// impl patchbay_plugin::Provider for MyProvider {}
/// ```
#[macro_export]
macro_rules! export {
    ($provider:ty) => {
        const _: () = {
            type Exported = $crate::Adapter<$provider>;
    $crate::abi::export_v2!(Exported with_types_in $crate::abi);
        };
    };
}

/// A panic ends the instance without a word unless it is written to the run's log first.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| crate::log::error(&format!("The plugin panicked: {info}"))))
    });
}

impl<P: Provider> Guest for Adapter<P> {
    fn pull(connection: Connection, stream: String, cursor: Option<String>) -> Result<Page, Failure> {
        tell_panics();
        P::pull(&connection, &stream, cursor.as_deref())
    }

    fn act(connection: Connection, action: String, input: String) -> Result<String, Failure> {
        tell_panics();
        let input = serde_json::from_str(&input).map_err(|e| Failure::tenant(format!("The input is not JSON: {e}")))?;
        P::act(&connection, &action, input).map(|output| output.to_string())
    }

    fn verify(connection: Connection) -> Result<(), Failure> {
        tell_panics();
        P::verify(&connection)
    }

    fn identify(connection: Connection) -> Result<Option<Identity>, Failure> {
        tell_panics();
        P::identify(&connection)
    }

    fn route_webhook(webhook: Webhook) -> Result<Vec<Route>, Failure> {
        tell_panics();
        P::route_webhook(&webhook)
    }

    fn after_connect(connection: Connection) -> Result<(), Failure> {
        tell_panics();
        P::after_connect(&connection)
    }

    fn before_delete(connection: Connection) -> Result<(), Failure> {
        tell_panics();
        P::before_delete(&connection)
    }

    fn classify_error(status: u16, body: Vec<u8>) -> Option<Failure> {
        tell_panics();
        P::classify_error(status, &body)
    }
}
