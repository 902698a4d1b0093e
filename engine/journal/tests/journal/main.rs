//! Journals as their users see them: written, lost, damaged, read again.

mod basics;
mod damage;
mod disk;
mod faults;
mod kill;
mod power;
mod support;
mod tell;
