//! Who is asking.

use uuid::Uuid;

use super::error::AuthError;
use super::right::{Right, Rights};
use super::role::{Role, Roles};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// A human being: who really acts. Two are the same only with the same issuer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// Who vouches: the configured issuer, or `hs256` or `owner`.
    pub issuer: String,
    /// The name there.
    pub subject: String,
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.issuer, self.subject)
    }
}

/// Who is asking, as a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user: `sub`, else `user_id`.
    pub user: String,
    /// The tenant that is acted for.
    pub tenant: TenantId,
    /// The tenant of the token; another one only after [`Identity::narrow`] by a super_admin.
    pub home_tenant: TenantId,
    /// The roles of the token.
    pub roles: Roles,
    /// What is configured for a service account beyond its role, which gives nothing.
    pub granted: Rights,
    /// The real actor; none for programs and unattended tokens.
    pub person: Option<Person>,
    /// Whether somebody acts in the user's name.
    pub is_impersonation: bool,
    /// Whether it is the owner of this machine, without a configured key.
    pub is_owner: bool,
    /// `jti`.
    pub token_id: Option<String>,
    /// `session_id`.
    pub session_id: Option<String>,
    /// From when on the token is refused (leeway not counted); none for the owner's.
    pub expires_at: Option<Time>,
    /// The name of the agent or service account: its `sub`, never what a body says.
    pub source: Option<String>,
}

impl Identity {
    /// Whether `right` is given.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        let by_role = self.roles.counting().any(|role| right.is_given_to(role));
        let is_given = by_role || self.granted.has(right);
        let needs_person = right.needs_person() && self.person.is_none();
        let refused = self.is_impersonation && right.is_refused_to_impersonators();
        is_given && !needs_person && !refused
    }

    /// Who acts, as it is written down.
    #[must_use]
    pub fn actor(&self) -> String {
        self.person.as_ref().map_or_else(|| self.user.clone(), ToString::to_string)
    }

    /// Whether there is anything that it may do beyond reading.
    #[must_use]
    pub fn may_change(&self) -> bool {
        Right::ALL.into_iter().any(|right| !right.is_read() && self.may(right))
    }

    /// [`Self::may`] as a result.
    ///
    /// # Errors
    /// [`AuthError::Forbidden`] without the right.
    pub fn need(&self, right: Right) -> Result<(), AuthError> {
        if self.may(right) { Ok(()) } else { Err(AuthError::Forbidden(right.name())) }
    }

    /// Whether it sees only its own signals and backtests, not all of its tenant.
    #[must_use]
    pub fn is_limited_to_own(&self) -> bool {
        self.roles.is_machine()
    }

    /// Whether `role` is one of its roles and counts.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.counting().any(|counting| counting == role)
    }

    /// The identity that acts where `X-Tenant-ID` says. Without the header, or with the token's own
    /// tenant, nothing changes; another tenant is only for a super_admin.
    ///
    /// # Errors
    /// [`AuthError::TenantSwitch`] where the header is no UUID or names a foreign tenant.
    pub fn narrow(mut self, header: Option<&str>) -> Result<Self, AuthError> {
        let Some(text) = header.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(self);
        };
        let tenant = tenant_of(text).ok_or(AuthError::TenantSwitch)?;
        if tenant != self.home_tenant && !self.may(Right::SwitchTenant) {
            return Err(AuthError::TenantSwitch);
        }
        self.tenant = tenant;
        Ok(self)
    }

    /// Whether its time is over: a connection ends then, without leeway.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|at| now.0 >= at.0)
    }
}

/// A tenant as tokens and headers write it: a UUID with its four hyphens, not all zeros.
pub(super) fn tenant_of(text: &str) -> Option<TenantId> {
    let is_plain = text.len() == 36;
    let id = is_plain.then(|| Uuid::try_parse(text).ok()).flatten()?;
    (!id.is_nil()).then_some(TenantId(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_trading::KillLevel;

    const HOME: &str = "018f4e5a-0000-7000-8000-000000000001";
    const OTHER: &str = "018f4e5a-0000-7000-8000-000000000002";

    fn identity(role: Role) -> Identity {
        let tenant = HOME.parse().unwrap();
        Identity {
            user: "u".into(),
            tenant,
            home_tenant: tenant,
            roles: Roles::NONE.with(role),
            granted: Rights::NONE,
            person: Some(Person { issuer: "i".into(), subject: "u".into() }),
            is_impersonation: false,
            is_owner: false,
            token_id: None,
            session_id: None,
            expires_at: None,
            source: None,
        }
    }

    #[test]
    fn only_a_super_admin_switches_tenants() {
        for role in Role::ALL {
            let may = role == Role::SuperAdmin;
            for same in [None, Some(""), Some(" "), Some(HOME)] {
                assert_eq!(identity(role).narrow(same), Ok(identity(role)), "{role}");
            }
            assert_eq!(identity(role).narrow(Some(OTHER)).is_ok(), may, "{role}");
            for bad in ["default", "*", "' or 1=1", "00000000-0000-0000-0000-000000000000"] {
                assert_eq!(identity(role).narrow(Some(bad)), Err(AuthError::TenantSwitch));
            }
        }
        let switched = identity(Role::SuperAdmin).narrow(Some(OTHER)).unwrap();
        assert_eq!(switched.tenant.to_string(), OTHER);
        assert_eq!(switched.home_tenant.to_string(), HOME);
        let posing = Identity { is_impersonation: true, ..identity(Role::SuperAdmin) };
        assert_eq!(posing.narrow(Some(OTHER)), Err(AuthError::TenantSwitch));
    }

    #[test]
    fn impersonators_and_programs_free_no_orders() {
        let posing = Identity { is_impersonation: true, ..identity(Role::SuperAdmin) };
        let unattended = Identity { person: None, ..identity(Role::SuperAdmin) };
        for level in crate::right::LEVELS {
            assert!(identity(Role::SuperAdmin).may(Right::Arm(level)));
            assert!(!posing.may(Right::Arm(level)) && !unattended.may(Right::Arm(level)));
            assert!(posing.may(Right::Kill(level)));
        }
        assert!(!posing.may(Right::Trade) && unattended.may(Right::Trade));
        assert!(posing.may(Right::Read));
        assert!(!posing.may(Right::LoosenLimits) && !posing.may(Right::DecideApprovals));
    }

    #[test]
    fn a_service_account_has_what_is_granted_but_never_a_persons_rights() {
        let granted = Rights::from_iter([Right::Read, Right::Arm(KillLevel::Tenant)]);
        let account = Identity { granted, person: None, ..identity(Role::ServiceAccount) };
        assert!(account.may(Right::Read) && !account.may(Right::Trade));
        assert!(!account.may(Right::Arm(KillLevel::Tenant)));
        assert_eq!(account.need(Right::Trade), Err(AuthError::Forbidden("trade")));
    }
}
