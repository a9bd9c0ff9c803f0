const NAMES = `
abs acos age any_value area array_agg array_append array_cat array_dims array_fill array_length
array_lower array_ndims array_position array_positions array_prepend array_remove array_replace
array_reverse array_sample array_shuffle array_sort array_to_json array_to_string array_upper ascii
asin atan atan2 avg bit_and bit_count bit_length bit_or bit_xor bool_and bool_or box broadcast
bpchar btrim cardinality casefold cbrt ceil ceiling center char_length character_length chr circle
clock_timestamp col_description concat concat_ws convert convert_from convert_to corr cos cosd cosh
cot count covar_pop covar_samp crc32 crc32c cume_dist current_catalog current_database
current_query current_role current_schema current_schemas current_setting currval date date_add
date_bin date_part date_subtract date_trunc decode degrees dense_rank diagonal diameter div encode
enum_first enum_last enum_range erf erfc every exp extract factorial family first_value floor
format format_type gamma gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte
grouping has_any_column_privilege has_column_privilege has_database_privilege
has_function_privilege has_schema_privilege has_sequence_privilege has_table_privilege
has_type_privilege height host hostmask inet_client_addr inet_client_port inet_server_addr
inet_server_port initcap int4 int8 isclosed isempty isfinite isopen json_agg json_array_elements
json_array_elements_text json_array_length json_build_array json_build_object json_each
json_each_text json_extract_path json_extract_path_text json_object json_object_agg
json_object_keys json_strip_nulls json_to_tsvector json_typeof jsonb_agg jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_set_lax
jsonb_strip_nulls jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lag
last_value lastval lcm lead left length lgamma ln localtime localtimestamp log log10 lower
lower_inc lower_inf lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz
masklen max md5 min min_scale mod mode mxid_age netmask network nextval now npoints nth_value ntile
num_nonnulls num_nulls numeric numnode obj_description octet_length overlay parse_ident path
percent_rank percentile_cont percentile_disc pg_advisory_lock pg_advisory_lock_shared
pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock
pg_advisory_xact_lock_shared pg_backend_pid pg_blocking_pids pg_cancel_backend pg_client_encoding
pg_column_size pg_conf_load_time pg_current_wal_lsn pg_current_xact_id pg_database_size
pg_encoding_to_char pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_indexdef
pg_get_serial_sequence pg_get_userbyid pg_get_viewdef pg_indexes_size pg_is_in_recovery
pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_my_temp_schema pg_notify pg_postmaster_start_time
pg_relation_size pg_size_bytes pg_size_pretty pg_sleep pg_sleep_for pg_sleep_until pg_table_is_visible
pg_table_size pg_tablespace_size pg_terminate_backend pg_total_relation_size
pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_typeof pg_wal_lsn_diff
phraseto_tsquery pi plainto_tsquery point polygon popen position pow power pclose querytree
quote_ident quote_literal quote_nullable radians radius random random_normal range_agg rank
regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round
row_number row_to_json rpad rtrim scale session_user set_bit set_byte set_config set_masklen
setseed setval setweight sha224 sha256 sha384 sha512 shobj_description sign sin sind sinh slope
split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg
string_to_array string_to_table strip strpos substr substring sum tan tand tanh text timeofday
timestamp timezone to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct
to_regclass to_regnamespace to_regproc to_regrole to_regtype to_timestamp to_tsquery to_tsvector
transaction_timestamp translate trim trim_array trim_scale trunc ts_headline ts_rank ts_rank_cd
tsvector_to_array txid_current unistr unnest upper upper_inc upper_inf user uuid_extract_timestamp
uuid_extract_version uuidv4 uuidv7 var_pop var_samp variance version websearch_to_tsquery width
width_bucket xmlagg xmlcomment xmlconcat
`;

const KNOWN: ReadonlySet<string> = new Set(NAMES.trim().split(/\s+/));

/**
 * Whether a function is PostgreSQL's own and runs no SQL of anybody else's. Functions that take a
 * query as text (query_to_xml, ts_stat …) are left out on purpose, and so is what nobody calls.
 */
export function isBuiltin(schema: string | undefined, name: string): boolean {
  return (schema === undefined || schema === "pg_catalog") && KNOWN.has(name);
}
