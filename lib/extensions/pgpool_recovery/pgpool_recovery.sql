-- Runs scripts that lie in the data directory, for online recovery. The server's own COPY … PROGRAM
-- runs them: only superusers and members of pg_execute_server_program may use these functions.

CREATE FUNCTION pgpool_recovery_check(caller text) RETURNS void
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(current_user, 'pg_execute_server_program', 'USAGE') THEN
    RAISE EXCEPTION 'must be superuser to use % function', caller
      USING ERRCODE = 'insufficient_privilege',
        HINT = 'Members of pg_execute_server_program and pg_read_all_settings may use it, too.';
  END IF;
END
$$;

CREATE FUNCTION pgpool_recovery_check_name(caller text, script text) RETURNS void
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF script IN ('', '.', '..') OR script LIKE '%/%' THEN
    RAISE EXCEPTION '% failed', caller USING
      ERRCODE = 'invalid_parameter_value',
      DETAIL = format('A script has to lie in the data directory itself: "%s".', script);
  END IF;
END
$$;

-- One word for the shell, whatever is in it.
CREATE FUNCTION pgpool_recovery_word(word text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  SELECT '''' || replace(word, '''', '''\''''') || ''''
$$;

-- The text of bytes that need not be text in any encoding.
CREATE FUNCTION pgpool_recovery_text(bytes bytea) RETURNS text
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
  RETURN encode(bytes, 'escape');
END
$$;

-- Runs a script of the data directory and raises the end of what it wrote: as notices, or, when it
-- failed, as the detail of the error. `pgpool.script_timeout` limits its time, in seconds.
CREATE FUNCTION pgpool_recovery_run(caller text, script text, arguments text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  seconds constant text := coalesce(nullif(current_setting('pgpool.script_timeout', true), ''), '0');
  words text;
  result record;
  line text;
BEGIN
  PERFORM pgpool_recovery_check(caller);
  PERFORM pgpool_recovery_check_name(caller, script);
  SELECT string_agg(pgpool_recovery_word(word), ' ') INTO words
  FROM unnest(current_setting('data_directory') || '/' || script || arguments) AS word;
  IF seconds::integer > 0 THEN
    words := format('timeout -k 10 %s %s', seconds::integer, words);
  END IF;
  -- Into a file: a server that the script starts would hold a pipe open for ever. As hexadecimal
  -- digits, which COPY takes for what they are.
  CREATE TEMPORARY TABLE pgpool_recovery_output (status integer, output text) ON COMMIT DROP;
  EXECUTE format('COPY pg_temp.pgpool_recovery_output FROM PROGRAM %L', format(
    'f=$(mktemp) || exit; %s >"$f" 2>&1 </dev/null; printf ''%%s\t'' $?; '
    'tail -c 8000 "$f" | od -An -v -tx1 | tr -d '' \n''; echo; rm -f "$f"', words
  ));
  EXECUTE 'SELECT status, output FROM pg_temp.pgpool_recovery_output' INTO result;
  DROP TABLE pg_temp.pgpool_recovery_output;
  result.output := rtrim(pgpool_recovery_text(decode(result.output, 'hex')), E'\n');
  IF result.status <> 0 THEN
    RAISE EXCEPTION '% failed', caller USING
      ERRCODE = 'external_routine_exception',
      DETAIL = concat_ws(E'\n',
        CASE WHEN seconds::integer > 0 AND result.status IN (124, 137)
          THEN format('Script "%s" did not end within %s seconds.', script, seconds)
          ELSE format('Script "%s" exited with status %s.', script, result.status)
        END,
        nullif(result.output, '')
      );
  END IF;
  FOREACH line IN ARRAY string_to_array(result.output, E'\n') LOOP
    RAISE NOTICE '%', line;
  END LOOP;
  RETURN true;
END
$$;

-- Runs statements of the data directory in this session, which base backups by functions need. They
-- find their arguments in the settings pgpool.argument_1 and so on.
CREATE FUNCTION pgpool_recovery_statements(script text, arguments text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  detail text;
BEGIN
  FOR number IN 1 .. cardinality(arguments) LOOP
    PERFORM set_config('pgpool.argument_' || number, arguments[number], true);
  END LOOP;
  EXECUTE pg_read_file(script);
  RETURN true;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RAISE EXCEPTION 'pgpool_recovery failed' USING
    ERRCODE = 'external_routine_exception',
    DETAIL = concat_ws(E'\n', format('Script "%s" failed: %s', script, SQLERRM), nullif(detail, ''));
END
$$;

CREATE FUNCTION pgpool_recovery_stage(script text, arguments text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM pgpool_recovery_check('pgpool_recovery');
  PERFORM pgpool_recovery_check_name('pgpool_recovery', script);
  arguments := current_setting('data_directory') || arguments;
  IF script LIKE '%.sql' THEN
    RETURN pgpool_recovery_statements(script, arguments);
  END IF;
  RETURN pgpool_recovery_run('pgpool_recovery', script, arguments);
END
$$;

CREATE FUNCTION pgpool_recovery(
  script_name text, remote_host text, remote_data_directory text
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_recovery_stage($1, ARRAY[$2, $3])
$$;

CREATE FUNCTION pgpool_recovery(
  script_name text, remote_host text, remote_data_directory text, primary_port text
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_recovery_stage($1, ARRAY[$2, $3, $4])
$$;

CREATE FUNCTION pgpool_recovery(
  script_name text, remote_host text, remote_data_directory text, primary_port text,
  remote_node integer
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_recovery_stage($1, ARRAY[$2, $3, $4, $5::text])
$$;

CREATE FUNCTION pgpool_recovery(
  script_name text, remote_host text, remote_data_directory text, primary_port text,
  remote_node integer, remote_port text
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_recovery_stage($1, ARRAY[$2, $3, $4, $5::text, $6])
$$;

CREATE FUNCTION pgpool_recovery(
  script_name text, remote_host text, remote_data_directory text, primary_port text,
  remote_node integer, remote_port text, primary_host text
) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_recovery_stage($1, ARRAY[$2, $3, $4, $5::text, $6, $7])
$$;

CREATE FUNCTION pgpool_remote_start(remote_host text, remote_data_directory text) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SET search_path FROM CURRENT AS $$
  SELECT pgpool_recovery_run('pgpool_remote_start', 'pgpool_remote_start', ARRAY[$1, $2])
$$;

-- In the background, because a server that is stopped takes this session along.
CREATE FUNCTION pgpool_pgctl(action text, stop_mode text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  pg_ctl constant text := nullif(current_setting('pgpool.pg_ctl', true), '');
  arguments text[];
  words text;
BEGIN
  PERFORM pgpool_recovery_check('pgpool_pgctl');
  IF pg_ctl IS NULL THEN
    RAISE EXCEPTION 'pgpool.pg_ctl is not set' USING
      ERRCODE = 'config_file_error',
      HINT = 'Set it to the path of pg_ctl in postgresql.conf.';
  END IF;
  arguments := ARRAY[action, '-D', current_setting('data_directory')];
  IF stop_mode <> '' THEN
    arguments := arguments || ARRAY['-m', stop_mode];
  END IF;
  SELECT string_agg(pgpool_recovery_word(word), ' ') INTO words
  FROM unnest(pg_ctl || arguments) AS word;
  EXECUTE format('COPY (SELECT) TO PROGRAM %L',
    format('cat >/dev/null; %s >/dev/null 2>&1 </dev/null &', words));
  RETURN true;
END
$$;

-- Waits for the archive without a limit of its own; statement_timeout ends that.
CREATE FUNCTION pgpool_switch_xlog(archive_dir text) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT SET search_path FROM CURRENT AS $$
DECLARE
  path text;
  size bigint;
BEGIN
  PERFORM pgpool_recovery_check('pgpool_switch_xlog');
  path := archive_dir || '/' || pg_walfile_name(pg_switch_wal());
  LOOP
    size := (pg_stat_file(path, true)).size;
    EXIT WHEN size > 0 AND size % (1024 * 1024) = 0;
    PERFORM pg_sleep(0.2);
  END LOOP;
  RETURN path;
END
$$;
