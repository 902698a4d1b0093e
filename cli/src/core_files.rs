//! What a core file of this program holds: nothing of its memory, where keys are.

/// Which parts of its memory the kernel writes into a core of a process, as bits. Processes that it
/// starts take it over.
const FILTER: &str = "/proc/self/coredump_filter";

/// Leaves all memory out of cores. The registers and where it stood are still in one.
pub fn leave_memory_out() {
    // Where there is no such file there is nothing that could be done; `ulimit -c 0` helps.
    let _ = std::fs::write(FILTER, "0");
}
