//! Markets, fault plans and the truth.

mod faults;
mod hostile;
mod recordings;
mod seeded;
mod speed;
mod truth;
