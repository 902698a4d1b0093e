//! Journals as their users see them: written, lost, damaged, read again.

mod basics;
mod damage;
mod support;
