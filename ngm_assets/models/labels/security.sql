-- What came true of security features of the days :start_date..:end_date, and what the rules of thumb said.
-- A day without a row is a day without events: its denials are a real zero.
WITH days AS (
  SELECT
    user_id,
    event_date,
    failed_auth_count,
    COALESCE(SUM(denied_events) OVER next_week, 0) AS denied_next_7d
  FROM features.security_features
  WHERE event_date BETWEEN :start_date AND DATE_ADD(:end_date, 7)
  WINDOW next_week AS (
    PARTITION BY user_id ORDER BY event_date RANGE BETWEEN INTERVAL 1 DAYS FOLLOWING AND INTERVAL 7 DAYS FOLLOWING
  )
)
SELECT
  user_id,
  event_date,
  CAST(denied_next_7d >= 5 AS INT) AS denied_5_times_next_7d,
  CAST(failed_auth_count > 5 AS INT) AS rule_more_than_5_failures
FROM days
WHERE event_date BETWEEN :start_date AND :end_date
