DROP TABLE food_diary;
