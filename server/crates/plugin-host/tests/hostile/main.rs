//! Plugins that mean no good, and files that are no plugins. Named after the lines of the security requirements.

#[cfg(test)]
mod artefacts;
#[cfg(test)]
mod blocking;
#[cfg(test)]
mod boundary;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod contracts;
#[cfg(test)]
mod guest;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lowering;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod world;
