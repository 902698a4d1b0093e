//! The roles of the platform, as tokens name them.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A role. What it may do stands in [`super::right`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Readonly,
    /// Trades in its tenant.
    User,
    /// Runs a tenant.
    TenantAdmin,
    /// Runs the platform.
    SuperAdmin,
    /// A program that sends signals.
    Agent,
    /// A program of the platform; its rights are configured.
    ServiceAccount,
}

impl Role {
    /// All of them; the first four in rising order.
    pub const ALL: [Self; 6] = [
        Self::Readonly,
        Self::User,
        Self::TenantAdmin,
        Self::SuperAdmin,
        Self::Agent,
        Self::ServiceAccount,
    ];

    /// How tokens write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Readonly => "readonly",
            Self::User => "user",
            Self::TenantAdmin => "tenant_admin",
            Self::SuperAdmin => "super_admin",
            Self::Agent => "agent",
            Self::ServiceAccount => "service_account",
        }
    }

    /// Whether programs have it, and people do not.
    #[must_use]
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Agent | Self::ServiceAccount)
    }
}

impl Display for Role {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such role: use readonly, user, tenant_admin, super_admin, agent or service_account")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    /// Upper and lower case are the same, and so are a space, `-` and `_`.
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let same = |byte: u8| match byte {
            b' ' | b'-' => b'_',
            other => other.to_ascii_lowercase(),
        };
        let text = text.trim();
        let is = |role: &Self| text.bytes().map(same).eq(role.name().bytes());
        Self::ALL.iter().copied().find(is).ok_or(UnknownRole)
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);

    /// With `role` as well.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Whether `role` is one of them.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Whether one of them is a program's: then it is a program, whatever else it claims to be.
    #[must_use]
    pub const fn is_machine(self) -> bool {
        self.has(Role::Agent) || self.has(Role::ServiceAccount)
    }

    /// Those that count: with a program's role among them, a person's roles give nothing.
    pub fn counting(self) -> impl Iterator<Item = Role> {
        let is_machine = self.is_machine();
        let all = Role::ALL.into_iter().filter(move |role| self.has(*role));
        all.filter(move |role| role.is_machine() == is_machine)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Roles};

    #[test]
    fn roles_are_read_in_every_spelling_and_nothing_else() {
        for (text, role) in [
            ("super admin", Role::SuperAdmin),
            ("SUPER-ADMIN", Role::SuperAdmin),
            (" Tenant_Admin ", Role::TenantAdmin),
            ("readOnly", Role::Readonly),
            ("service-account", Role::ServiceAccount),
        ] {
            assert_eq!(text.parse(), Ok(role), "{text}");
        }
        for bad in ["", "admin", "super_admin,user", "superadmin", "super__admin", "usér", "users"]
        {
            assert!(bad.parse::<Role>().is_err(), "{bad}");
        }
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
    }

    #[test]
    fn a_program_is_no_person_whatever_else_it_claims() {
        let roles = Roles::from_iter([Role::SuperAdmin, Role::Agent]);
        assert!(roles.is_machine());
        assert_eq!(roles.counting().collect::<Vec<_>>(), [Role::Agent]);
        let people = Roles::from_iter([Role::User, Role::Readonly]);
        assert_eq!(people.counting().collect::<Vec<_>>(), [Role::Readonly, Role::User]);
    }
}
