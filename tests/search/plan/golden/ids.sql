SELECT r.updated AS k0, r.rid AS k1, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.id = ANY(%s::text[])
ORDER BY r.updated DESC, r.rid DESC
LIMIT %s

SELECT count(*) AS total
FROM (SELECT r.rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.id = ANY(%s::text[])) c
WHERE TRUE
