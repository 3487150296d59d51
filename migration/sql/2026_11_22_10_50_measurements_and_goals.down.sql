DROP TABLE goals, measurements;
