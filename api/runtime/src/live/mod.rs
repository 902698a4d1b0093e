//! Trading at a venue that is somewhere else, and may be gone: one thread that owns the pipeline
//! ([`Driver`]), rings to a gateway ([`rings`]) and from feeds ([`feed()`]), and what happens when
//! nobody answers. `docs/VENUE.md` tells the life of an order there.

mod beside;
mod blotter;
mod booked;
mod clock;
mod driver;
mod feed;
mod figures;
mod link;
mod outside;
mod port;
mod reconcile;
mod resolve;
mod run;
mod settings;
mod start;
mod stored;
mod turn;

pub use beside::{BESIDE_NOTE, Beside};
pub use blotter::{Blotter, Known, Line, Stand};
pub use clock::{Clock, Reading, SystemClock, Watch};
pub use driver::{Driver, Parts};
pub use feed::{FeedReader, FeedWriter, Offered, feed};
pub use figures::VenueFigures;
pub use link::Phase;
pub use outside::{BookedFill, Note};
pub use port::{GatewayEnd, Request, RingVenue, rings};
pub use reconcile::Break;
pub use run::{Course, LiveShown, attend, run};
pub use settings::{OnLoss, Opening, Settings};
pub use start::{
    LiveError, LiveJournal, Recorded, epoch_of, fingerprint, open, open_under, recorded, specs_of,
    words_of,
};
