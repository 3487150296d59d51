DROP TABLE assignments, routines;
