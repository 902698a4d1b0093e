//! What may be done, and by which role.

use std::fmt::{self, Display, Formatter};

use super::role::{Role, Roles};
use qt_trading::KillLevel;

/// Something that may be done. Each route and socket topic asks for one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Instruments, market data, strategy types.
    ReadMarket,
    /// Portfolio, orders, trades, strategies, limits, alerts, approvals, data sets.
    Read,
    /// Signals; an agent sees its own ([`super::Identity::is_limited_to_own`]).
    ReadSignals,
    /// Backtests; an agent sees its own.
    ReadBacktests,
    /// The audit trail of the tenant.
    ReadAudit,
    /// Metrics of the business, of all tenants.
    ReadMetrics,
    /// Placing and amending orders.
    Trade,
    /// Cancelling orders, deactivating strategies.
    Cancel,
    /// Making, changing and deleting strategies that do not run.
    ManageStrategies,
    /// Activating strategies, changing one that runs.
    RunStrategies,
    /// Starting and cancelling backtests.
    RunBacktests,
    /// Sending data sets.
    SendData,
    /// Sending signals.
    SubmitSignals,
    /// Signal sources.
    ManageSources,
    /// Webhooks.
    ManageWebhooks,
    /// Deciding what waits for a human.
    DecideApprovals,
    /// Making limits tighter.
    TightenLimits,
    /// Making limits looser, together with a second person.
    LoosenLimits,
    /// Tripping the kill switch of a level.
    Kill(KillLevel),
    /// Approving that orders of a level may leave again, together with a second person.
    Arm(KillLevel),
    /// Acting for another tenant by `X-Tenant-ID`.
    SwitchTenant,
}

/// The levels of the kill switch, from the narrowest.
pub const LEVELS: [KillLevel; 5] = [
    KillLevel::Strategy,
    KillLevel::Account,
    KillLevel::Tenant,
    KillLevel::Venue,
    KillLevel::Global,
];

/// What an agent may do.
const AGENT: [Right; 5] = [
    Right::ReadMarket,
    Right::ReadSignals,
    Right::ReadBacktests,
    Right::RunBacktests,
    Right::SubmitSignals,
];

impl Right {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::ReadMarket,
        Self::Read,
        Self::ReadSignals,
        Self::ReadBacktests,
        Self::ReadAudit,
        Self::ReadMetrics,
        Self::Trade,
        Self::Cancel,
        Self::ManageStrategies,
        Self::RunStrategies,
        Self::RunBacktests,
        Self::SendData,
        Self::SubmitSignals,
        Self::ManageSources,
        Self::ManageWebhooks,
        Self::DecideApprovals,
        Self::TightenLimits,
        Self::LoosenLimits,
        Self::Kill(KillLevel::Strategy),
        Self::Kill(KillLevel::Account),
        Self::Kill(KillLevel::Tenant),
        Self::Kill(KillLevel::Venue),
        Self::Kill(KillLevel::Global),
        Self::Arm(KillLevel::Strategy),
        Self::Arm(KillLevel::Account),
        Self::Arm(KillLevel::Tenant),
        Self::Arm(KillLevel::Venue),
        Self::Arm(KillLevel::Global),
        Self::SwitchTenant,
    ];

    /// How settings and errors write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadMarket => "read_market",
            Self::Read => "read",
            Self::ReadSignals => "read_signals",
            Self::ReadBacktests => "read_backtests",
            Self::ReadAudit => "read_audit",
            Self::ReadMetrics => "read_metrics",
            Self::Trade => "trade",
            Self::Cancel => "cancel",
            Self::ManageStrategies => "manage_strategies",
            Self::RunStrategies => "run_strategies",
            Self::RunBacktests => "run_backtests",
            Self::SendData => "send_data",
            Self::SubmitSignals => "submit_signals",
            Self::ManageSources => "manage_sources",
            Self::ManageWebhooks => "manage_webhooks",
            Self::DecideApprovals => "decide_approvals",
            Self::TightenLimits => "tighten_limits",
            Self::LoosenLimits => "loosen_limits",
            Self::Kill(KillLevel::Strategy) => "kill_strategy",
            Self::Kill(KillLevel::Account) => "kill_account",
            Self::Kill(KillLevel::Tenant) => "kill_tenant",
            Self::Kill(KillLevel::Venue) => "kill_venue",
            Self::Kill(KillLevel::Global) => "kill_global",
            Self::Arm(KillLevel::Strategy) => "arm_strategy",
            Self::Arm(KillLevel::Account) => "arm_account",
            Self::Arm(KillLevel::Tenant) => "arm_tenant",
            Self::Arm(KillLevel::Venue) => "arm_venue",
            Self::Arm(KillLevel::Global) => "arm_global",
            Self::SwitchTenant => "switch_tenant",
        }
    }

    /// The right of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }

    /// The lowest role of a person that has it; none where only programs have it.
    #[must_use]
    pub const fn least(self) -> Option<Role> {
        match self {
            Self::ReadMarket | Self::Read | Self::ReadSignals | Self::ReadBacktests => {
                Some(Role::Readonly)
            }
            Self::Trade
            | Self::Cancel
            | Self::ManageStrategies
            | Self::RunStrategies
            | Self::RunBacktests
            | Self::SendData
            | Self::DecideApprovals
            | Self::Kill(KillLevel::Strategy | KillLevel::Account) => Some(Role::User),
            Self::ReadAudit
            | Self::ManageSources
            | Self::ManageWebhooks
            | Self::TightenLimits
            | Self::LoosenLimits
            | Self::Kill(KillLevel::Tenant)
            | Self::Arm(KillLevel::Strategy | KillLevel::Account | KillLevel::Tenant) => {
                Some(Role::TenantAdmin)
            }
            Self::ReadMetrics
            | Self::SwitchTenant
            | Self::Kill(KillLevel::Venue | KillLevel::Global)
            | Self::Arm(KillLevel::Venue | KillLevel::Global) => Some(Role::SuperAdmin),
            Self::SubmitSignals => None,
        }
    }

    /// Whether `role` has it. A service account has what is configured for it and nothing here.
    #[must_use]
    pub fn is_given_to(self, role: Role) -> bool {
        match role {
            Role::Agent => AGENT.contains(&self),
            Role::ServiceAccount => false,
            person => self.least().is_some_and(|least| person >= least),
        }
    }

    /// Whether a human being has to stand behind it.
    #[must_use]
    pub const fn needs_person(self) -> bool {
        matches!(self, Self::Arm(_) | Self::LoosenLimits | Self::DecideApprovals)
    }

    /// Whether nothing is changed with it.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(
            self,
            Self::ReadMarket
                | Self::Read
                | Self::ReadSignals
                | Self::ReadBacktests
                | Self::ReadAudit
                | Self::ReadMetrics
        )
    }

    /// Whether it is refused to who acts in another's name: trading in all its forms, and
    /// everything that needs a person.
    #[must_use]
    pub const fn is_refused_to_impersonators(self) -> bool {
        self.needs_person()
            || matches!(
                self,
                Self::Trade
                    | Self::Cancel
                    | Self::ManageStrategies
                    | Self::RunStrategies
                    | Self::SubmitSignals
                    | Self::SwitchTenant
            )
    }

    /// Whether it is refused while nobody knows which tokens are revoked: what makes or frees
    /// orders. Reads, cancels and the kill switch go on.
    #[must_use]
    pub const fn needs_fresh_revocations(self) -> bool {
        self.needs_person()
            || matches!(self, Self::Trade | Self::RunStrategies | Self::SubmitSignals)
    }
}

impl Display for Right {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u32);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);

    fn bit(right: Right) -> u32 {
        let at = Right::ALL.iter().position(|other| *other == right);
        at.map_or(0, |at| 1 << at)
    }

    /// With `right` as well.
    #[must_use]
    pub fn with(self, right: Right) -> Self {
        Self(self.0 | Self::bit(right))
    }

    /// Whether `right` is one of them.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        self.0 & Self::bit(right) != 0
    }

    /// What `roles` give.
    #[must_use]
    pub fn of(roles: Roles) -> Self {
        let given = |right: &Right| roles.counting().any(|role| right.is_given_to(role));
        Right::ALL.into_iter().filter(given).collect()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEVELS, Right, Rights};
    use crate::role::{Role, Roles};

    /// The table of API.md, by hand: readonly, user, tenant_admin, super_admin, agent.
    const TABLE: &[(&str, &str)] = &[
        ("read_market", "ruTSa"),
        ("read", "ruTS."),
        ("read_signals", "ruTSa"),
        ("read_backtests", "ruTSa"),
        ("read_audit", "..TS."),
        ("read_metrics", "...S."),
        ("trade", ".uTS."),
        ("cancel", ".uTS."),
        ("manage_strategies", ".uTS."),
        ("run_strategies", ".uTS."),
        ("run_backtests", ".uTSa"),
        ("send_data", ".uTS."),
        ("submit_signals", "....a"),
        ("manage_sources", "..TS."),
        ("manage_webhooks", "..TS."),
        ("decide_approvals", ".uTS."),
        ("tighten_limits", "..TS."),
        ("loosen_limits", "..TS."),
        ("kill_strategy", ".uTS."),
        ("kill_account", ".uTS."),
        ("kill_tenant", "..TS."),
        ("kill_venue", "...S."),
        ("kill_global", "...S."),
        ("arm_strategy", "..TS."),
        ("arm_account", "..TS."),
        ("arm_tenant", "..TS."),
        ("arm_venue", "...S."),
        ("arm_global", "...S."),
        ("switch_tenant", "...S."),
    ];

    #[test]
    fn every_role_has_the_rights_of_the_table_and_no_other() {
        let names: Vec<&str> = Right::ALL.iter().map(|right| right.name()).collect();
        assert_eq!(names, TABLE.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for ((name, row), right) in TABLE.iter().zip(Right::ALL) {
            assert_eq!(Right::find(name), Some(right));
            for (mark, role) in row.chars().zip(Role::ALL) {
                let rights = Rights::of(Roles::NONE.with(role));
                assert_eq!(rights.has(right), mark != '.', "{name} of {role}");
            }
            assert!(!Rights::of(Roles::NONE.with(Role::ServiceAccount)).has(right), "{name}");
            assert!(!Rights::of(Roles::NONE).has(right), "{name}");
        }
        assert_eq!(Right::find("root"), None);
        assert!(LEVELS.iter().all(|level| Right::ALL.contains(&Right::Arm(*level))));
    }

    #[test]
    fn an_agent_that_claims_to_be_more_still_never_trades() {
        for role in Role::ALL {
            let rights = Rights::of(Roles::from_iter([Role::Agent, role]));
            assert_eq!(rights, Rights::of(Roles::NONE.with(Role::Agent)), "{role}");
        }
    }

    #[test]
    fn what_frees_orders_needs_a_person_and_a_fresh_list() {
        for right in Right::ALL {
            if right.needs_person() {
                assert!(right.needs_fresh_revocations() && right.is_refused_to_impersonators());
            }
        }
        for right in [Right::Read, Right::Cancel, Right::Kill(LEVELS[4]), Right::RunBacktests] {
            assert!(!right.needs_fresh_revocations(), "{right}");
        }
    }
}
