DROP TABLE device_samples;
DROP TABLE device_sources;
