-- The greatest catalog version and the greatest epoch that any row names; 0 where there is none.
SELECT toFloat64(max(greatest_version)) AS version, toFloat64(max(greatest_epoch)) AS epochMs
FROM
(
    SELECT max(catalog_version) AS greatest_version, max(epoch) AS greatest_epoch FROM usage_facts
    UNION ALL
    SELECT max(catalog_version), max(epoch) FROM denials
    UNION ALL
    SELECT max(version), max(epoch) FROM catalog_changes
)
