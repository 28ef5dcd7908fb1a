-- What came true of security features of the days :start_date..:end_date, and what the rules of thumb said.
-- A day without a row is a day without events: its denials, exports and grants are real zeros.
WITH days AS (
  SELECT
    user_id,
    event_date,
    event_count,
    failed_auth_count,
    export_events,
    export_events_mean_28d,
    permission_change_events,
    grant_days_90d,
    days_active_28d,
    off_hours_ratio_28d,
    COALESCE(SUM(denied_events) OVER next_week, 0) AS denied_next_7d,
    COALESCE(SUM(export_events) OVER next_week, 0) AS exports_next_7d,
    COALESCE(SUM(grant_events) OVER next_week, 0) AS grants_next_7d,
    COALESCE(SUM(event_count) OVER next_week, 0) AS events_next_7d,
    COALESCE(SUM(off_hours_events) OVER next_week, 0) AS off_hours_next_7d,
    COALESCE(SUM(event_count) OVER month_before, 0) AS events_28d
  FROM features.security_features
  WHERE event_date BETWEEN DATE_ADD(:start_date, -28) AND DATE_ADD(:end_date, 7)
  WINDOW
    next_week AS (
      PARTITION BY user_id ORDER BY event_date RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
    ),
    month_before AS (
      PARTITION BY user_id ORDER BY event_date RANGE BETWEEN INTERVAL 28 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING
    )
),
usual_exports AS (
  SELECT d.user_id, d.event_date, PERCENTILE_CONT(0.99) WITHIN GROUP (ORDER BY CAST(p.export_events AS DOUBLE)) AS export_p99
  FROM days AS d
  JOIN days AS p
    ON p.user_id = d.user_id AND p.event_date BETWEEN DATE_ADD(d.event_date, -28) AND DATE_ADD(d.event_date, -1)
  WHERE d.export_events > 0
  GROUP BY d.user_id, d.event_date
),
history AS (
  SELECT MIN(event_date) AS first_day
  FROM features.security_features
  WHERE event_date BETWEEN DATE_ADD(:start_date, -90) AND :end_date
),
everyone AS (
  SELECT
    event_date,
    COUNT(*) AS identities,
    SUM(CAST(event_count AS DECIMAL(38, 0))) AS events,
    SUM(CAST(event_count AS DECIMAL(38, 0)) * CAST(event_count AS DECIMAL(38, 0))) AS squares
  FROM features.security_features
  WHERE event_date BETWEEN DATE_ADD(:start_date, -28) AND :end_date
  GROUP BY event_date
),
trailing AS (
  SELECT
    event_date,
    SUM(CAST(identities AS DECIMAL(38, 0))) OVER month_before AS n,
    SUM(events) OVER month_before AS events,
    SUM(squares) OVER month_before AS squares
  FROM everyone
  WINDOW month_before AS (ORDER BY event_date RANGE BETWEEN INTERVAL 28 DAYS PRECEDING AND INTERVAL 1 DAYS PRECEDING)
),
norm AS (
  SELECT
    event_date,
    TRY_DIVIDE(CAST(events AS DOUBLE), CAST(n AS DOUBLE)) AS mean,
    SQRT(
      TRY_DIVIDE(
        CAST(CAST(n AS DECIMAL(38, 0)) * CAST(squares AS DECIMAL(38, 0)) - CAST(events AS DECIMAL(38, 0)) * CAST(events AS DECIMAL(38, 0)) AS DOUBLE),
        CAST(n AS DOUBLE) * (CAST(n AS DOUBLE) - 1)
      )
    ) AS std
  FROM trailing
)
SELECT
  d.user_id,
  d.event_date,
  CAST(d.denied_next_7d >= 5 AS INT) AS denied_5_times_next_7d,
  CAST(d.failed_auth_count > 5 AS INT) AS rule_more_than_5_failures,
  CASE
    WHEN d.days_active_28d >= 3
    THEN CAST(COALESCE(d.export_events > u.export_p99, FALSE) AND 2 * d.export_events > d.exports_next_7d AS INT)
  END AS export_peak_passes,
  CASE
    WHEN d.export_events_mean_28d IS NOT NULL THEN CAST(d.export_events > 2 * d.export_events_mean_28d AS INT)
  END AS rule_twice_own_mean_exports,
  CASE
    WHEN h.first_day <= DATE_ADD(d.event_date, -90) THEN CAST(d.grant_days_90d = 0 AND d.grants_next_7d > 0 AS INT)
  END AS grants_after_90_days_without,
  CAST(d.permission_change_events > 0 AS INT) AS rule_any_permission_change,
  CASE
    WHEN d.events_28d >= 20 AND d.events_next_7d >= 20
    THEN CAST(ABS(CAST(d.off_hours_next_7d AS DOUBLE) / d.events_next_7d - d.off_hours_ratio_28d) > 0.2 AS INT)
  END AS hours_stay_moved_next_7d,
  TRY_DIVIDE(d.event_count - n.mean, n.std) AS rule_global_z
FROM days AS d
CROSS JOIN history AS h
LEFT JOIN usual_exports AS u ON u.user_id = d.user_id AND u.event_date = d.event_date
LEFT JOIN norm AS n ON n.event_date = d.event_date
WHERE d.event_date BETWEEN :start_date AND :end_date
