-- Audit events of the days :start_date..:end_date, one per event id and day.
WITH checked AS (
  SELECT
    COALESCE(CAST(event_time AS DATE), event_date, DATE '1970-01-01') AS event_date,
    event_id, event_time, workspace_id, service_name, action_name, source_ip_address, user_agent, session_id,
    user_identity, request_params, response, audit_level,
    CASE
      WHEN event_id IS NULL THEN 'event_id is null'
      WHEN event_time IS NULL THEN 'event_time is null'
    END AS reject_reason
  FROM system.access.audit
  WHERE (event_time >= :start_date AND event_time < DATE_ADD(:end_date, 1)) OR (:undated AND event_time IS NULL)
),
sound AS (
  SELECT * FROM checked WHERE reject_reason IS NULL
),
repeated AS (
  SELECT event_id, event_date FROM sound GROUP BY event_id, event_date HAVING COUNT(*) > 1
),
numbered AS (
  SELECT
    s.*,
    ROW_NUMBER() OVER (
      PARTITION BY s.event_id, s.event_date
      ORDER BY s.event_time DESC, s.action_name DESC NULLS LAST, s.user_identity.email DESC NULLS LAST,
        s.response.status_code DESC NULLS LAST, s.source_ip_address DESC NULLS LAST, s.workspace_id DESC NULLS LAST,
        s.user_identity.subject_name DESC NULLS LAST, s.service_name DESC NULLS LAST, s.user_agent DESC NULLS LAST,
        s.session_id DESC NULLS LAST, s.response.error_message DESC NULLS LAST, s.audit_level DESC NULLS LAST,
        s.request_params['full_name_arg'] DESC NULLS LAST, s.request_params['table_full_name'] DESC NULLS LAST,
        s.request_params['tableName'] DESC NULLS LAST, s.request_params['table_name'] DESC NULLS LAST
    ) AS version
  FROM sound AS s
  JOIN repeated AS r ON r.event_id = s.event_id AND r.event_date = s.event_date
),
single AS (
  SELECT s.*, 1 AS version
  FROM sound AS s
  LEFT ANTI JOIN repeated AS r ON r.event_id = s.event_id AND r.event_date = s.event_date
  UNION ALL
  SELECT * FROM numbered WHERE version = 1
),
events AS (
  SELECT
    *,
    COALESCE(
      NULLIF(LOWER(TRIM(user_identity.email)), ''),
      CASE
        WHEN LOWER(TRIM(user_identity.subject_name)) RLIKE '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
        THEN LOWER(TRIM(user_identity.subject_name))
      END
    ) AS user_id,
    NULLIF(TRIM(response.error_message), '') AS error_text,
    COALESCE(response.status_code, 0) AS status
  FROM single
)
SELECT
  event_id,
  event_date,
  event_time,
  workspace_id,
  user_id,
  CASE
    WHEN user_id = 'system-user' OR user_id LIKE 'system-%' THEN 'system'
    WHEN user_id RLIKE '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
      OR user_id LIKE '%.iam.gserviceaccount.com' OR user_id LIKE 'spn@%' THEN 'service_principal'
    WHEN user_id LIKE '%@%' THEN 'human'
    ELSE 'unknown'
  END AS identity_type,
  service_name,
  action_name,
  source_ip_address,
  user_agent,
  session_id,
  LOWER(COALESCE(
    NULLIF(request_params['full_name_arg'], ''), NULLIF(request_params['table_full_name'], ''),
    NULLIF(request_params['tableName'], ''), NULLIF(request_params['table_name'], '')
  )) AS table_full_name,
  response.status_code AS status_code,
  error_text AS error_message,
  status >= 400 OR error_text IS NOT NULL AS is_failed_action,
  status IN (401, 403) AS is_denied,
  status IN (401, 403)
    OR (LOWER(COALESCE(action_name, '')) LIKE '%login%' AND (status >= 400 OR error_text IS NOT NULL)) AS is_auth_failure,
  COALESCE(ARRAY_CONTAINS(:read_actions, action_name), FALSE) AS is_read_action,
  COALESCE(ARRAY_CONTAINS(:export_actions, action_name), FALSE) AS is_export_action,
  COALESCE(ARRAY_CONTAINS(:permission_actions, action_name), FALSE) AS is_permission_action,
  COALESCE(ARRAY_CONTAINS(:token_actions, action_name), FALSE) AS is_token_action,
  audit_level
FROM events
