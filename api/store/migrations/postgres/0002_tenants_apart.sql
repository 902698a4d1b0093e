-- Three roles that nobody can log in with. The service works in `quanttrade_app` inside every
-- transaction, whoever it connects as. `quanttrade_system` may see which tenants there are and which
-- of them have events to publish, and nothing else. `quanttrade_report` is for Superset.
DO $$
DECLARE
    wanted TEXT;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['quanttrade_app', 'quanttrade_system', 'quanttrade_report'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- Roles belong to the whole server: another database made it at the same time.
        END;
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
    END LOOP;
END $$;

-- A tenant sees its own rows, the owner of the tables too. Without a tenant there is an error.
DO $$
DECLARE
    found TEXT;
BEGIN
    FOR found IN
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
            AND a.attname = 'tenant_id'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', found);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', found);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (tenant_id = current_setting(''app.current_tenant_id'')::uuid) '
            'WITH CHECK (tenant_id = current_setting(''app.current_tenant_id'')::uuid)',
            'tenant_isolation_' || found, found);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO quanttrade_app', found);
        IF found <> 'audit_entries' THEN
            EXECUTE format('GRANT UPDATE, DELETE ON %I TO quanttrade_app', found);
        END IF;
    END LOOP;
END $$;

CREATE POLICY system_reads_tenants ON tenants FOR SELECT TO quanttrade_system USING (true);
GRANT SELECT (tenant_id) ON tenants TO quanttrade_system;
CREATE POLICY system_reads_outbox_events ON outbox_events FOR SELECT TO quanttrade_system
    USING (published_ns IS NULL);
GRANT SELECT (tenant_id, published_ns) ON outbox_events TO quanttrade_system;

-- Whether the tables are up to date can be seen without the owner's rights.
DO $$
BEGIN
    IF to_regclass('_sqlx_migrations') IS NOT NULL THEN
        GRANT SELECT ON _sqlx_migrations TO quanttrade_app;
    END IF;
END $$;
