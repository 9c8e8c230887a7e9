SELECT r.updated AS k0, r.rid AS k1, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.updated >= %s
AND r.xact < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY r.updated, r.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT r.rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.updated >= %s
AND r.xact < pg_snapshot_xmin(pg_current_snapshot())) c
WHERE TRUE
