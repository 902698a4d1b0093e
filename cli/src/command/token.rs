//! `token`: a token for development, signed with the configured secret.

use clap::Args;
use qt_auth::mint::{Wish, mint};
use qt_auth::{Config, Role};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use serde_json::json;

use crate::app::Session;
use crate::failure::Failure;

/// Mint a token for development from the configured secret.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade token --role user --tenant 018f4e5a-0000-7000-8000-000000000001\n  \
    curl -H \"Authorization: Bearer $(quanttrade token --role tenant_admin --tenant $T)\" \\\n    \
    http://127.0.0.1:8009/portfolio\n\n\
    The secret is JWT_SECRET_KEY; issuer, audience and claim are JWT_ISSUER, JWT_AUDIENCE and\n\
    JWT_ROLE_CLAIM, as the service reads them. Where JWT_JWKS_URL is set the issuer mints tokens,\n\
    and this command does not.")]
pub struct TokenArgs {
    /// The role: readonly, user, tenant_admin, super_admin, agent or service_account
    #[arg(long, value_name = "R")]
    pub role: Role,
    /// The tenant, a UUID
    #[arg(long, value_name = "T")]
    pub tenant: TenantId,
    /// Whom the token names; two people are two names
    #[arg(long, value_name = "S", default_value = "developer")]
    pub sub: String,
    /// For how many hours it is valid
    #[arg(
        long,
        value_name = "H",
        default_value_t = 8,
        value_parser = clap::value_parser!(u8).range(1..=24)
    )]
    pub hours: u8,
}

/// Runs the command.
///
/// # Errors
/// When no secret is configured, or an issuer is.
pub fn run(args: &TokenArgs, session: &Session) -> Result<(), Failure> {
    let config = Config::read(&|name| std::env::var(name).ok())
        .map_err(|error| Failure::usage(error.to_string()))?;
    if config.jwks.is_some() {
        return Err(Failure::usage(
            "JWT_JWKS_URL is set: tokens come from that issuer, and none are minted here",
        )
        .hint("log in at the issuer, or leave JWT_JWKS_URL out for development"));
    }
    let secret = config.secret.as_ref().ok_or_else(|| {
        Failure::usage("no secret is configured: JWT_SECRET_KEY is not set").hint(
            "openssl rand -hex 32 makes one; without it the service serves its owner alone, by \
             the token in owner.token of the data directory",
        )
    })?;
    if args.tenant.0.is_nil() {
        return Err(Failure::usage("--tenant must not be all zeros"));
    }
    let now = Time::now();
    let lifetime_s = i64::from(args.hours) * 3_600;
    let wish =
        Wish { user: args.sub.clone(), tenant: args.tenant, roles: vec![args.role], lifetime_s };
    let token = mint(secret, config.audience.as_deref(), &config.role_claim, &wish, now);
    if session.out.json {
        let expires_at = Time(now.0 / 1_000_000_000 * 1_000_000_000 + lifetime_s * 1_000_000_000);
        return session.out.document(&json!({
            "token": token.reveal(),
            "sub": wish.user,
            "role": args.role.name(),
            "tenant": args.tenant,
            "expires_at": expires_at,
        }));
    }
    session.out.line(token.reveal())
}
