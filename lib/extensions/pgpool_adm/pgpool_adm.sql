-- The administration of a pool as functions, over dblink to the pool's PCP port, which answers
-- PostgreSQL's protocol as well. Passwords are handed on as values, never as part of a statement.

-- Where to connect, for libpq. Values are quoted, so that none of them can bring options of its own.
CREATE FUNCTION pgpool_adm_conninfo(text, integer, text, text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(
    name || '=''' || replace(replace(value, chr(92), chr(92) || chr(92)), '''', chr(92) || '''') || '''',
    ' '
  )
  FROM (VALUES
    ('host', coalesce(nullif($1, ''), '/tmp')),
    ('port', $2::text),
    ('user', $3),
    ('password', $4),
    ('dbname', 'pgpool'),
    ('application_name', 'pgpool_adm'),
    ('connect_timeout', '10')
  ) AS settings (name, value)
$$;

-- A foreign server's name for dblink, which would take any other text for a connection string or
-- for one of the session's own connections.
CREATE FUNCTION pgpool_adm_server(pcp_server text) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_foreign_server WHERE srvname = pcp_server) THEN
    RAISE EXCEPTION 'server "%" does not exist', pcp_server USING ERRCODE = 'undefined_object';
  END IF;
  IF pcp_server = ANY (dblink_get_connections()) THEN
    RAISE EXCEPTION 'this session has a dblink connection named "%"', pcp_server
      USING ERRCODE = 'duplicate_object', HINT = 'Close it with dblink_disconnect().';
  END IF;
  RETURN pcp_server;
END
$$;

CREATE FUNCTION pgpool_adm_check_node(node_id integer) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF node_id < 0 OR node_id > 127 THEN
    RAISE EXCEPTION 'NodeID is out of range.' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN node_id;
END
$$;

-- Tells in pgpool_adm's words what went wrong; the detail is what the pool or libpq has said.
CREATE FUNCTION pgpool_adm_fail(failure text, state text, message text, detail text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  connecting constant boolean := state = '08001';
  said constant text := concat_ws(': ', nullif(message, ''), nullif(detail, ''));
BEGIN
  RAISE EXCEPTION '%', CASE WHEN connecting THEN 'connection to PCP server failed.' ELSE failure END
    USING ERRCODE = CASE WHEN connecting THEN '08001' ELSE 'XX000' END,
      DETAIL = CASE WHEN connecting THEN coalesce(nullif(detail, ''), message) ELSE said END;
END
$$;

CREATE FUNCTION pgpool_adm_node_info(target text, node integer) RETURNS TABLE (
  host text, port integer, status text, pg_status text, weight float4, role text, pg_role text,
  replication_delay bigint, replication_state text, replication_sync_state text,
  last_status_change timestamp
)
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  PERFORM pgpool_adm_check_node(node);
  BEGIN
    RETURN QUERY
    SELECT t.host, t.port,
      CASE t.status
        WHEN 'unused' THEN 'Connection unused'
        WHEN 'waiting' THEN 'Waiting for connection to start'
        WHEN 'up' THEN 'Connection in use'
        ELSE 'Disconnected'
      END,
      t.pg_status, t.weight, initcap(t.role), t.pg_role,
      t.replication_delay, t.replication_state, t.replication_sync_state,
      t.last_status_change::timestamp
    FROM dblink(target, format(
      'SELECT host, port, status, pg_status, weight, role, pg_role, replication_delay, '
      'replication_state, replication_sync_state, last_status_change FROM pcp_node_info(%s)', node
    )) AS t (
      host text, port integer, status text, pg_status text, weight float4, role text, pg_role text,
      replication_delay bigint, replication_state text, replication_sync_state text,
      last_status_change timestamptz
    );
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    PERFORM pgpool_adm_fail('failed to get node information', SQLSTATE, SQLERRM, detail);
  END;
END
$$;

CREATE FUNCTION pgpool_adm_health_check_stats(target text, node integer) RETURNS TABLE (
  node_id integer, host text, port integer, status text, role text, last_status_change timestamp,
  total_count bigint, success_count bigint, fail_count bigint, skip_count bigint,
  retry_count bigint, average_retry_count float4, max_retry_count bigint,
  max_health_check_duration bigint, min_health_check_duration bigint,
  average_health_check_duration float4, last_health_check timestamp,
  last_successful_health_check timestamp, last_skip_health_check timestamp,
  last_failed_health_check timestamp
)
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  PERFORM pgpool_adm_check_node(node);
  BEGIN
    RETURN QUERY
    SELECT t.node_id, t.host, t.port, t.status, t.role, t.last_status_change::timestamp,
      t.total_count, t.success_count, t.fail_count, t.skip_count, t.retry_count,
      t.average_retry_count, t.max_retry_count, t.max_duration, t.min_duration,
      t.average_duration, t.last_health_check::timestamp,
      t.last_successful_health_check::timestamp, t.last_skip_health_check::timestamp,
      t.last_failed_health_check::timestamp
    FROM dblink(target, format('SELECT * FROM pcp_health_check_stats(%s)', node)) AS t (
      node_id integer, host text, port integer, status text, role text,
      last_status_change timestamptz, total_count bigint, success_count bigint, fail_count bigint,
      skip_count bigint, retry_count bigint, average_retry_count float4, max_retry_count bigint,
      max_duration bigint, min_duration bigint, average_duration float4,
      last_health_check timestamptz, last_successful_health_check timestamptz,
      last_skip_health_check timestamptz, last_failed_health_check timestamptz
    );
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    PERFORM pgpool_adm_fail('failed to get node information', SQLSTATE, SQLERRM, detail);
  END;
END
$$;

CREATE FUNCTION pgpool_adm_pool_status(target text)
RETURNS TABLE (item text, value text, description text)
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  RETURN QUERY
  SELECT t.item, t.value, t.description
  FROM dblink(target, 'SELECT * FROM pcp_pool_status()') AS t (item text, value text, description text);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  PERFORM pgpool_adm_fail('failed to get pool status', SQLSTATE, SQLERRM, detail);
END
$$;

CREATE FUNCTION pgpool_adm_node_count(target text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  RETURN (SELECT t.n FROM dblink(target, 'SELECT pcp_node_count()') AS t (n integer));
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  PERFORM pgpool_adm_fail('failed to get node count', SQLSTATE, SQLERRM, detail);
END
$$;

CREATE FUNCTION pgpool_adm_attach_node(target text, node integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  PERFORM pgpool_adm_check_node(node);
  BEGIN
    RETURN (
      SELECT t.done FROM dblink(target, format('SELECT pcp_attach_node(%s)', node)) AS t (done boolean)
    );
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    PERFORM pgpool_adm_fail('failed to attach node', SQLSTATE, SQLERRM, detail);
  END;
END
$$;

CREATE FUNCTION pgpool_adm_detach_node(target text, node integer, gracefully boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  PERFORM pgpool_adm_check_node(node);
  BEGIN
    RETURN (
      SELECT t.done
      FROM dblink(target, format('SELECT pcp_detach_node(%s, %L)', node, gracefully)) AS t (done boolean)
    );
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    PERFORM pgpool_adm_fail('failed to detach node', SQLSTATE, SQLERRM, detail);
  END;
END
$$;

CREATE FUNCTION pgpool_adm_proc_info(target text) RETURNS TABLE (
  database text, username text, start_time text, client_connection_count text, major text,
  minor text, backend_connection_time text, client_connection_time text,
  client_idle_duration text, client_disconnection_time text, pool_counter text, backend_pid text,
  connected text, pid text, backend_id text, status text, load_balance_node text,
  client_host text, client_port text, statement text
)
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  RETURN QUERY
  SELECT t.database, t.username, t.start_time, t.client_connection_count::text, t.major::text,
    t.minor::text, coalesce(to_char(t.backend_connection_time, 'YYYY-MM-DD HH24:MI:SS'), ''),
    coalesce(to_char(t.client_connection_time, 'YYYY-MM-DD HH24:MI:SS'), ''),
    t.client_idle_duration,
    coalesce(to_char(t.client_disconnection_time, 'YYYY-MM-DD HH24:MI:SS'), ''),
    t.pool_counter::text, t.backend_pid::text, CASE WHEN t.connected THEN '1' ELSE '0' END,
    t.pid::text, t.backend_id::text, t.status,
    CASE WHEN t.load_balance_node THEN '1' ELSE '0' END,
    t.client_host, t.client_port, t.statement
  FROM dblink(target, 'SELECT * FROM pcp_proc_info()') AS t (
    database text, username text, start_time text, client_connection_count bigint, major integer,
    minor integer, backend_connection_time timestamptz, client_connection_time timestamptz,
    client_idle_duration text, client_disconnection_time timestamptz, pool_counter bigint,
    backend_pid integer, connected boolean, pid integer, backend_id integer, status text,
    load_balance_node boolean, client_host text, client_port text, statement text
  );
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  PERFORM pgpool_adm_fail('failed to get process info', SQLSTATE, SQLERRM, detail);
END
$$;

-- What users call: each function with the address of the pool, or with the name of a foreign server
-- (options host and port) whose user mapping has user and password. SQL functions, because only
-- there may an argument have the name of a result column.

CREATE FUNCTION pcp_node_info(
  IN node_id integer, IN host text, IN port integer, IN username text, IN password text,
  OUT host text, OUT port integer, OUT status text, OUT pg_status text, OUT weight float4,
  OUT role text, OUT pg_role text, OUT replication_delay bigint, OUT replication_state text,
  OUT replication_sync_state text, OUT last_status_change timestamp
) RETURNS record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_node_info(pgpool_adm_conninfo($2, $3, $4, $5), $1)
$$;

CREATE FUNCTION pcp_node_info(
  IN node_id integer, IN pcp_server text,
  OUT host text, OUT port integer, OUT status text, OUT pg_status text, OUT weight float4,
  OUT role text, OUT pg_role text, OUT replication_delay bigint, OUT replication_state text,
  OUT replication_sync_state text, OUT last_status_change timestamp
) RETURNS record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_node_info(pgpool_adm_server($2), $1)
$$;

CREATE FUNCTION pcp_health_check_stats(
  IN node_id integer, IN host text, IN port integer, IN username text, IN password text,
  OUT node_id integer, OUT host text, OUT port integer, OUT status text, OUT role text,
  OUT last_status_change timestamp, OUT total_count bigint, OUT success_count bigint,
  OUT fail_count bigint, OUT skip_count bigint, OUT retry_count bigint,
  OUT average_retry_count float4, OUT max_retry_count bigint,
  OUT max_health_check_duration bigint, OUT min_health_check_duration bigint,
  OUT average_health_check_duration float4, OUT last_health_check timestamp,
  OUT last_successful_health_check timestamp, OUT last_skip_health_check timestamp,
  OUT last_failed_health_check timestamp
) RETURNS record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_health_check_stats(pgpool_adm_conninfo($2, $3, $4, $5), $1)
$$;

CREATE FUNCTION pcp_health_check_stats(
  IN node_id integer, IN pcp_server text,
  OUT node_id integer, OUT host text, OUT port integer, OUT status text, OUT role text,
  OUT last_status_change timestamp, OUT total_count bigint, OUT success_count bigint,
  OUT fail_count bigint, OUT skip_count bigint, OUT retry_count bigint,
  OUT average_retry_count float4, OUT max_retry_count bigint,
  OUT max_health_check_duration bigint, OUT min_health_check_duration bigint,
  OUT average_health_check_duration float4, OUT last_health_check timestamp,
  OUT last_successful_health_check timestamp, OUT last_skip_health_check timestamp,
  OUT last_failed_health_check timestamp
) RETURNS record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_health_check_stats(pgpool_adm_server($2), $1)
$$;

CREATE FUNCTION pcp_pool_status(
  IN host text, IN port integer, IN username text, IN password text,
  OUT item text, OUT value text, OUT description text
) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_pool_status(pgpool_adm_conninfo($1, $2, $3, $4))
$$;

CREATE FUNCTION pcp_pool_status(
  IN pcp_server text, OUT item text, OUT value text, OUT description text
) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_pool_status(pgpool_adm_server($1))
$$;

CREATE FUNCTION pcp_node_count(
  IN host text, IN port integer, IN username text, IN password text, OUT node_count integer
) RETURNS integer
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_adm_node_count(pgpool_adm_conninfo($1, $2, $3, $4))
$$;

CREATE FUNCTION pcp_node_count(IN pcp_server text, OUT node_count integer) RETURNS integer
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_adm_node_count(pgpool_adm_server($1))
$$;

CREATE FUNCTION pcp_attach_node(
  IN node_id integer, IN host text, IN port integer, IN username text, IN password text,
  OUT node_attached boolean
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_adm_attach_node(pgpool_adm_conninfo($2, $3, $4, $5), $1)
$$;

CREATE FUNCTION pcp_attach_node(
  IN node_id integer, IN pcp_server text, OUT node_attached boolean
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_adm_attach_node(pgpool_adm_server($2), $1)
$$;

CREATE FUNCTION pcp_detach_node(
  IN node_id integer, IN gracefully boolean,
  IN host text, IN port integer, IN username text, IN password text,
  OUT node_detached boolean
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_adm_detach_node(pgpool_adm_conninfo($3, $4, $5, $6), $1, $2)
$$;

CREATE FUNCTION pcp_detach_node(
  IN node_id integer, IN gracefully boolean, IN pcp_server text, OUT node_detached boolean
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_adm_detach_node(pgpool_adm_server($3), $1, $2)
$$;

CREATE FUNCTION pcp_proc_info(
  IN host text, IN port integer, IN username text, IN password text,
  OUT database text, OUT username text, OUT start_time text, OUT client_connection_count text,
  OUT major text, OUT minor text, OUT backend_connection_time text,
  OUT client_connection_time text, OUT client_idle_duration text,
  OUT client_disconnection_time text, OUT pool_counter text, OUT backend_pid text,
  OUT connected text, OUT pid text, OUT backend_id text, OUT status text,
  OUT load_balance_node text, OUT client_host text, OUT client_port text, OUT statement text
) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_proc_info(pgpool_adm_conninfo($1, $2, $3, $4))
$$;

CREATE FUNCTION pcp_proc_info(
  IN pcp_server text,
  OUT database text, OUT username text, OUT start_time text, OUT client_connection_count text,
  OUT major text, OUT minor text, OUT backend_connection_time text,
  OUT client_connection_time text, OUT client_idle_duration text,
  OUT client_disconnection_time text, OUT pool_counter text, OUT backend_pid text,
  OUT connected text, OUT pid text, OUT backend_id text, OUT status text,
  OUT load_balance_node text, OUT client_host text, OUT client_port text, OUT statement text
) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT * FROM pgpool_adm_proc_info(pgpool_adm_server($1))
$$;
