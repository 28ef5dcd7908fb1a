-- Security features of the days :start_date..:end_date; norms are over active days of t-28..t-1, of grants (permission
-- or token actions) over those of t-90..t-1.
WITH events AS (
  SELECT *
  FROM gold.fact_audit_logs
  WHERE event_date BETWEEN DATE_ADD(:start_date, -28) AND :end_date AND user_id IS NOT NULL
),
touched AS (
  -- What a user touched on a day, and when before; each kind by itself, which holds less in memory than all together.
  SELECT user_id, event_date, 'ip' AS kind, LAG(event_date) OVER (PARTITION BY user_id, source_ip_address ORDER BY event_date) AS seen
  FROM (SELECT DISTINCT user_id, event_date, source_ip_address FROM events WHERE source_ip_address IS NOT NULL)
  UNION ALL
  SELECT user_id, event_date, 'action' AS kind, LAG(event_date) OVER (PARTITION BY user_id, action_name ORDER BY event_date) AS seen
  FROM (SELECT DISTINCT user_id, event_date, action_name FROM events WHERE action_name IS NOT NULL)
  UNION ALL
  SELECT user_id, event_date, 'table' AS kind, LAG(event_date) OVER (PARTITION BY user_id, table_full_name ORDER BY event_date) AS seen
  FROM (SELECT DISTINCT user_id, event_date, table_full_name FROM events WHERE table_full_name IS NOT NULL)
  UNION ALL
  SELECT user_id, event_date, 'service' AS kind, LAG(event_date) OVER (PARTITION BY user_id, service_name ORDER BY event_date) AS seen
  FROM (SELECT DISTINCT user_id, event_date, service_name FROM events WHERE service_name IS NOT NULL)
  UNION ALL
  SELECT user_id, event_date, 'workspace' AS kind, LAG(event_date) OVER (PARTITION BY user_id, workspace_id ORDER BY event_date) AS seen
  FROM (SELECT DISTINCT user_id, event_date, workspace_id FROM events WHERE workspace_id IS NOT NULL)
),
novelty AS (
  SELECT user_id, event_date, kind, COALESCE(DATEDIFF(event_date, seen) > 28, TRUE) AS is_new
  FROM touched
),
news AS (
  SELECT
    user_id,
    event_date,
    COUNT(CASE WHEN kind = 'ip' THEN 1 END) AS unique_source_ips,
    COUNT(CASE WHEN kind = 'action' THEN 1 END) AS unique_actions,
    COUNT(CASE WHEN kind = 'table' THEN 1 END) AS tables_accessed,
    COUNT(CASE WHEN kind = 'service' THEN 1 END) AS unique_services,
    COUNT(CASE WHEN kind = 'workspace' THEN 1 END) AS distinct_workspaces,
    COUNT(CASE WHEN kind = 'ip' AND is_new THEN 1 END) AS new_ip_count,
    COUNT(CASE WHEN kind = 'action' AND is_new THEN 1 END) AS new_action_count,
    COUNT(CASE WHEN kind = 'table' AND is_new THEN 1 END) AS new_table_count,
    CAST(COUNT(CASE WHEN kind IN ('service', 'workspace') AND is_new THEN 1 END) AS DOUBLE) AS new_places,
    COUNT(CASE WHEN kind IN ('service', 'workspace') THEN 1 END) AS places
  FROM novelty
  GROUP BY user_id, event_date
),
quarter AS (
  SELECT
    user_id,
    event_date,
    COUNT(CASE WHEN is_permission_action OR is_token_action THEN 1 END) AS grant_events,
    CASE WHEN COUNT(CASE WHEN is_permission_action OR is_token_action THEN 1 END) > 0 THEN event_date END AS grant_date
  FROM gold.fact_audit_logs
  WHERE event_date BETWEEN DATE_ADD(:start_date, -90) AND :end_date AND user_id IS NOT NULL
  GROUP BY user_id, event_date
),
grants AS (
  SELECT
    user_id,
    event_date,
    grant_events,
    COUNT(*) OVER norm AS days_active_90d,
    COUNT(grant_date) OVER norm AS grant_days_90d,
    SUM(grant_events) OVER norm AS grant_events_90d,
    MAX(grant_date) OVER norm AS last_grant
  FROM quarter
  WINDOW
    norm AS (PARTITION BY user_id ORDER BY event_date RANGE BETWEEN INTERVAL 90 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
),
counted AS (
  SELECT
    user_id,
    event_date,
    MAX(identity_type) AS identity_type,
    COUNT(*) AS event_count,
    COUNT(CASE WHEN is_auth_failure THEN 1 END) AS failed_auth_count,
    COUNT(CASE WHEN is_denied THEN 1 END) AS denied_events,
    COUNT(CASE WHEN is_failed_action THEN 1 END) AS failed_events,
    COUNT(CASE WHEN HOUR(event_time) < :off_hours_before OR HOUR(event_time) >= :off_hours_from THEN 1 END) AS off_hours_events,
    COUNT(CASE WHEN FLOOR(HOUR(event_time) / 4) = 0 THEN 1 END) AS hours_0,
    COUNT(CASE WHEN FLOOR(HOUR(event_time) / 4) = 1 THEN 1 END) AS hours_1,
    COUNT(CASE WHEN FLOOR(HOUR(event_time) / 4) = 2 THEN 1 END) AS hours_2,
    COUNT(CASE WHEN FLOOR(HOUR(event_time) / 4) = 3 THEN 1 END) AS hours_3,
    COUNT(CASE WHEN FLOOR(HOUR(event_time) / 4) = 4 THEN 1 END) AS hours_4,
    COUNT(CASE WHEN FLOOR(HOUR(event_time) / 4) = 5 THEN 1 END) AS hours_5,
    COUNT(CASE WHEN is_read_action THEN 1 END) AS read_events,
    COUNT(CASE WHEN is_export_action THEN 1 END) AS export_events,
    COUNT(CASE WHEN is_permission_action THEN 1 END) AS permission_change_events,
    COUNT(CASE WHEN is_token_action THEN 1 END) AS token_events
  FROM events
  GROUP BY user_id, event_date
),
daily AS (
  SELECT
    c.*,
    COALESCE(n.unique_source_ips, 0) AS unique_source_ips,
    COALESCE(n.unique_actions, 0) AS unique_actions,
    COALESCE(n.tables_accessed, 0) AS tables_accessed,
    COALESCE(n.unique_services, 0) AS unique_services,
    COALESCE(n.distinct_workspaces, 0) AS distinct_workspaces,
    COALESCE(n.new_ip_count, 0) AS new_ip_count,
    COALESCE(n.new_action_count, 0) AS new_action_count,
    COALESCE(n.new_table_count, 0) AS new_table_count,
    TRY_DIVIDE(n.new_places, n.places) AS lateral_movement_risk,
    g.grant_events,
    g.days_active_90d,
    g.grant_days_90d,
    g.grant_events_90d,
    g.last_grant
  FROM counted AS c
  LEFT JOIN news AS n ON n.user_id = c.user_id AND n.event_date = c.event_date
  LEFT JOIN grants AS g ON g.user_id = c.user_id AND g.event_date = c.event_date
),
windows AS (
  SELECT
    *,
    COUNT(*) OVER norm AS days_active,
    SUM(CAST(hours_0 AS DECIMAL(38, 0))) OVER norm AS hours_0_sum,
    SUM(CAST(hours_1 AS DECIMAL(38, 0))) OVER norm AS hours_1_sum,
    SUM(CAST(hours_2 AS DECIMAL(38, 0))) OVER norm AS hours_2_sum,
    SUM(CAST(hours_3 AS DECIMAL(38, 0))) OVER norm AS hours_3_sum,
    SUM(CAST(hours_4 AS DECIMAL(38, 0))) OVER norm AS hours_4_sum,
    SUM(CAST(hours_5 AS DECIMAL(38, 0))) OVER norm AS hours_5_sum,
    SUM(CAST(event_count AS DECIMAL(38, 0))) OVER norm AS event_count_sum,
    SUM(CAST(event_count AS DECIMAL(38, 0)) * CAST(event_count AS DECIMAL(38, 0))) OVER norm AS event_count_squares,
    MAX(event_count) OVER norm AS event_count_max,
    SUM(CAST(tables_accessed AS DECIMAL(38, 0))) OVER norm AS tables_accessed_sum,
    SUM(CAST(tables_accessed AS DECIMAL(38, 0)) * CAST(tables_accessed AS DECIMAL(38, 0))) OVER norm AS tables_accessed_squares,
    MAX(tables_accessed) OVER norm AS tables_accessed_max,
    SUM(CAST(failed_auth_count AS DECIMAL(38, 0))) OVER norm AS failed_auth_count_sum,
    SUM(CAST(failed_auth_count AS DECIMAL(38, 0)) * CAST(failed_auth_count AS DECIMAL(38, 0))) OVER norm AS failed_auth_count_squares,
    MAX(failed_auth_count) OVER norm AS failed_auth_count_max,
    SUM(CAST(unique_source_ips AS DECIMAL(38, 0))) OVER norm AS unique_source_ips_sum,
    SUM(CAST(unique_source_ips AS DECIMAL(38, 0)) * CAST(unique_source_ips AS DECIMAL(38, 0))) OVER norm AS unique_source_ips_squares,
    MAX(unique_source_ips) OVER norm AS unique_source_ips_max,
    SUM(CAST(off_hours_events AS DECIMAL(38, 0))) OVER norm AS off_hours_events_sum,
    SUM(CAST(off_hours_events AS DECIMAL(38, 0)) * CAST(off_hours_events AS DECIMAL(38, 0))) OVER norm AS off_hours_events_squares,
    MAX(off_hours_events) OVER norm AS off_hours_events_max,
    SUM(CAST(read_events AS DECIMAL(38, 0))) OVER norm AS read_events_sum,
    SUM(CAST(read_events AS DECIMAL(38, 0)) * CAST(read_events AS DECIMAL(38, 0))) OVER norm AS read_events_squares,
    MAX(read_events) OVER norm AS read_events_max,
    SUM(CAST(export_events AS DECIMAL(38, 0))) OVER norm AS export_events_sum,
    SUM(CAST(export_events AS DECIMAL(38, 0)) * CAST(export_events AS DECIMAL(38, 0))) OVER norm AS export_events_squares,
    MAX(export_events) OVER norm AS export_events_max,
    SUM(CAST(permission_change_events AS DECIMAL(38, 0))) OVER norm AS permission_change_events_sum,
    SUM(CAST(permission_change_events AS DECIMAL(38, 0)) * CAST(permission_change_events AS DECIMAL(38, 0))) OVER norm AS permission_change_events_squares,
    MAX(permission_change_events) OVER norm AS permission_change_events_max,
    SUM(CAST(token_events AS DECIMAL(38, 0))) OVER norm AS token_events_sum,
    SUM(CAST(token_events AS DECIMAL(38, 0)) * CAST(token_events AS DECIMAL(38, 0))) OVER norm AS token_events_squares,
    MAX(token_events) OVER norm AS token_events_max
  FROM daily
  WINDOW
    norm AS (PARTITION BY user_id ORDER BY event_date RANGE BETWEEN INTERVAL 28 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
),
norms AS (
  -- Sums of whole numbers are exact, so a norm does not depend on the range it is computed in.
  SELECT
    *,
    TRY_DIVIDE(CAST(event_count_sum AS DOUBLE), days_active) AS event_count_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(event_count_squares AS DECIMAL(38, 0))
          - CAST(event_count_sum AS DECIMAL(38, 0)) * CAST(event_count_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS event_count_std,
    TRY_DIVIDE(CAST(tables_accessed_sum AS DOUBLE), days_active) AS tables_accessed_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(tables_accessed_squares AS DECIMAL(38, 0))
          - CAST(tables_accessed_sum AS DECIMAL(38, 0)) * CAST(tables_accessed_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS tables_accessed_std,
    TRY_DIVIDE(CAST(failed_auth_count_sum AS DOUBLE), days_active) AS failed_auth_count_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(failed_auth_count_squares AS DECIMAL(38, 0))
          - CAST(failed_auth_count_sum AS DECIMAL(38, 0)) * CAST(failed_auth_count_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS failed_auth_count_std,
    TRY_DIVIDE(CAST(unique_source_ips_sum AS DOUBLE), days_active) AS unique_source_ips_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(unique_source_ips_squares AS DECIMAL(38, 0))
          - CAST(unique_source_ips_sum AS DECIMAL(38, 0)) * CAST(unique_source_ips_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS unique_source_ips_std,
    TRY_DIVIDE(CAST(off_hours_events_sum AS DOUBLE), days_active) AS off_hours_events_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(off_hours_events_squares AS DECIMAL(38, 0))
          - CAST(off_hours_events_sum AS DECIMAL(38, 0)) * CAST(off_hours_events_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS off_hours_events_std,
    TRY_DIVIDE(CAST(read_events_sum AS DOUBLE), days_active) AS read_events_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(read_events_squares AS DECIMAL(38, 0))
          - CAST(read_events_sum AS DECIMAL(38, 0)) * CAST(read_events_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS read_events_std,
    TRY_DIVIDE(CAST(export_events_sum AS DOUBLE), days_active) AS export_events_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(export_events_squares AS DECIMAL(38, 0))
          - CAST(export_events_sum AS DECIMAL(38, 0)) * CAST(export_events_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS export_events_std,
    TRY_DIVIDE(CAST(permission_change_events_sum AS DOUBLE), days_active) AS permission_change_events_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(permission_change_events_squares AS DECIMAL(38, 0))
          - CAST(permission_change_events_sum AS DECIMAL(38, 0)) * CAST(permission_change_events_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS permission_change_events_std,
    TRY_DIVIDE(CAST(token_events_sum AS DOUBLE), days_active) AS token_events_mean,
    SQRT(
      TRY_DIVIDE(
        CAST(
          CAST(days_active AS DECIMAL(38, 0)) * CAST(token_events_squares AS DECIMAL(38, 0))
          - CAST(token_events_sum AS DECIMAL(38, 0)) * CAST(token_events_sum AS DECIMAL(38, 0)) AS DOUBLE
        ),
        days_active * (days_active - 1)
      )
    ) AS token_events_std
  FROM windows
)
SELECT
  user_id,
  event_date,
  identity_type,
  event_count,
  tables_accessed,
  failed_auth_count,
  denied_events,
  failed_events,
  CAST(failed_events AS DOUBLE) / event_count AS failed_ratio,
  unique_source_ips,
  unique_services,
  unique_actions,
  distinct_workspaces,
  off_hours_events,
  CAST(off_hours_events AS DOUBLE) / event_count AS off_hours_ratio,
  read_events,
  export_events,
  permission_change_events,
  token_events,
  new_ip_count,
  new_action_count,
  new_table_count,
  lateral_movement_risk,
  CASE
    WHEN event_count <= 100 THEN FALSE
    WHEN days_active >= 3 THEN TRY_DIVIDE(event_count - event_count_mean, event_count_std) > 3
  END AS is_activity_burst,
  days_active AS days_active_28d,
  event_count_mean AS event_count_mean_28d,
  event_count_std AS event_count_std_28d,
  event_count_max AS event_count_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(event_count - event_count_mean, event_count_std) END AS event_count_z_28d,
  tables_accessed_mean AS tables_accessed_mean_28d,
  tables_accessed_std AS tables_accessed_std_28d,
  tables_accessed_max AS tables_accessed_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(tables_accessed - tables_accessed_mean, tables_accessed_std) END AS tables_accessed_z_28d,
  failed_auth_count_mean AS failed_auth_count_mean_28d,
  failed_auth_count_std AS failed_auth_count_std_28d,
  failed_auth_count_max AS failed_auth_count_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(failed_auth_count - failed_auth_count_mean, failed_auth_count_std) END AS failed_auth_count_z_28d,
  unique_source_ips_mean AS unique_source_ips_mean_28d,
  unique_source_ips_std AS unique_source_ips_std_28d,
  unique_source_ips_max AS unique_source_ips_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(unique_source_ips - unique_source_ips_mean, unique_source_ips_std) END AS unique_source_ips_z_28d,
  off_hours_events_mean AS off_hours_events_mean_28d,
  off_hours_events_std AS off_hours_events_std_28d,
  off_hours_events_max AS off_hours_events_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(off_hours_events - off_hours_events_mean, off_hours_events_std) END AS off_hours_events_z_28d,
  read_events_mean AS read_events_mean_28d,
  read_events_std AS read_events_std_28d,
  read_events_max AS read_events_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(read_events - read_events_mean, read_events_std) END AS read_events_z_28d,
  export_events_mean AS export_events_mean_28d,
  export_events_std AS export_events_std_28d,
  export_events_max AS export_events_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(export_events - export_events_mean, export_events_std) END AS export_events_z_28d,
  permission_change_events_mean AS permission_change_events_mean_28d,
  permission_change_events_std AS permission_change_events_std_28d,
  permission_change_events_max AS permission_change_events_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(permission_change_events - permission_change_events_mean, permission_change_events_std) END AS permission_change_events_z_28d,
  token_events_mean AS token_events_mean_28d,
  token_events_std AS token_events_std_28d,
  token_events_max AS token_events_max_28d,
  CASE WHEN days_active >= 3 THEN TRY_DIVIDE(token_events - token_events_mean, token_events_std) END AS token_events_z_28d,
  TRY_DIVIDE(CAST(off_hours_events_sum AS DOUBLE), CAST(event_count_sum AS DOUBLE)) AS off_hours_ratio_28d,
  CASE
    WHEN days_active > 0
    THEN CAST(event_count AS DOUBLE) / (2 * (event_count + 10)) * (
      ABS(CAST(hours_0 AS DOUBLE) / event_count - CAST(hours_0_sum AS DOUBLE) / CAST(event_count_sum AS DOUBLE))
      + ABS(CAST(hours_1 AS DOUBLE) / event_count - CAST(hours_1_sum AS DOUBLE) / CAST(event_count_sum AS DOUBLE))
      + ABS(CAST(hours_2 AS DOUBLE) / event_count - CAST(hours_2_sum AS DOUBLE) / CAST(event_count_sum AS DOUBLE))
      + ABS(CAST(hours_3 AS DOUBLE) / event_count - CAST(hours_3_sum AS DOUBLE) / CAST(event_count_sum AS DOUBLE))
      + ABS(CAST(hours_4 AS DOUBLE) / event_count - CAST(hours_4_sum AS DOUBLE) / CAST(event_count_sum AS DOUBLE))
      + ABS(CAST(hours_5 AS DOUBLE) / event_count - CAST(hours_5_sum AS DOUBLE) / CAST(event_count_sum AS DOUBLE))
    )
  END AS hour_shift_28d,
  grant_events,
  days_active_90d,
  grant_days_90d,
  TRY_DIVIDE(CAST(grant_events_90d AS DOUBLE), days_active_90d) AS grant_events_mean_90d,
  DATEDIFF(event_date, last_grant) AS days_since_grant,
  CASE WHEN days_active_90d > 0 THEN CASE WHEN grant_days_90d = 0 THEN grant_events ELSE 0 END END AS first_grant_events,
  MOD(DATEDIFF(event_date, DATE '1970-01-05'), 7) + 1 AS day_of_week,
  MOD(DATEDIFF(event_date, DATE '1970-01-05'), 7) >= 5 AS is_weekend
FROM norms
WHERE event_date BETWEEN :start_date AND :end_date
