//! Indicators against independent results: recorded TA-Lib values on real data, the TA-Lib port on
//! random walks, plain formulas on whole series, and exact recomputation after a million bars.

mod drift;
mod formulas;
mod micro;
mod naive;
mod oracle;
mod properties;
mod ta_lib_port;
mod walk;
