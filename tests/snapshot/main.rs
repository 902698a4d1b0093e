//! A snapshot at any event and the rest of the events come to the same as all of the events: the
//! same commands, denials, notices, hash and state, byte by byte.

mod busy;
mod cuts;
mod hostile;
mod killed;
mod refusals;
mod tuned;
mod twins;
mod venue;
mod world;
