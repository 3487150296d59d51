DROP TABLE progress_photos;
