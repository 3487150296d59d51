DROP TABLE source_rankings;
