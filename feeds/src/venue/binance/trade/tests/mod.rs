//! Sessions without sockets: what is sent is looked at, what comes is handed in.

mod answers;
mod captures;
mod changes;
mod desk;
mod hostile;
mod orders;
mod page;
mod permutations;
mod sessions;
mod speed;
mod usdm;
