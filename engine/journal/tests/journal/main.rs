//! Journals as their users see them: written, lost, damaged, read again.

mod basics;
mod damage;
mod disk;
mod faults;
mod frames;
mod golden;
mod kill;
mod memory;
mod power;
mod speed;
mod support;
mod tell;
