SELECT d.q_low AS k0, d.rid AS k1, d.rid AS rid
FROM composite d
WHERE d.sp = %s
AND d.code = %s
AND d.q_low >= %s
AND d.q_low <= %s
AND d.e_low >= %s
AND d.e_low <= %s
AND 12742017.6 * asin(least(1, sqrt(sind((d.q_low::float8 - %s::float8) / 2) ^ 2 + cosd(%s::float8) * cosd(d.q_low::float8) * sind((d.e_low::float8 - %s::float8) / 2) ^ 2))) <= %s::float8
AND d.home
ORDER BY d.q_low, d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM composite d
WHERE d.sp = %s
AND d.code = %s
AND d.q_low >= %s
AND d.q_low <= %s
AND d.e_low >= %s
AND d.e_low <= %s
AND 12742017.6 * asin(least(1, sqrt(sind((d.q_low::float8 - %s::float8) / 2) ^ 2 + cosd(%s::float8) * cosd(d.q_low::float8) * sind((d.e_low::float8 - %s::float8) / 2) ^ 2))) <= %s::float8
AND d.home) c
WHERE TRUE
