DROP TABLE cooked_portions, cooked_batches;
