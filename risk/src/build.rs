//! C30: whether this program with these settings may trade live.

/// What runs on one node of a cluster: hashes of the program and of its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// The hash of the program.
    pub program: [u8; 32],
    /// The hash of its settings.
    pub settings: [u8; 32],
}

/// Whether every node runs what was approved. No node at all is not approved: one that did not
/// answer is not to be trusted either, so hand over as many as there are.
#[must_use]
pub fn may_go_live(approved: &Build, nodes: &[Option<Build>]) -> bool {
    !nodes.is_empty() && nodes.iter().all(|node| node.as_ref() == Some(approved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_with_another_program_holds_all_back() {
        let build = Build { program: [1; 32], settings: [2; 32] };
        let old = Build { program: [0; 32], ..build };
        let other = Build { settings: [0; 32], ..build };
        assert!(may_go_live(&build, &[Some(build); 8]));
        for wrong in [Some(old), Some(other), None] {
            let mut nodes = [Some(build); 8];
            nodes[7] = wrong;
            assert!(!may_go_live(&build, &nodes), "the eighth server decides too");
        }
        assert!(!may_go_live(&build, &[]));
    }
}
