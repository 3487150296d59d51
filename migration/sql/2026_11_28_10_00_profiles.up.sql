-- Who a person is to formulas: age, sex, activity. It holds from a day on, so that past days stay judged by what was true then.

CREATE TABLE profiles (
  user_id uuid NOT NULL CONSTRAINT profiles_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  valid_from date NOT NULL CONSTRAINT profiles_valid_from_check CHECK (valid_from BETWEEN '1900-01-01' AND '2100-12-31'),
  born_on date CONSTRAINT profiles_born_on_check CHECK (born_on BETWEEN '1900-01-01' AND '2100-12-31'),
  sex text CONSTRAINT profiles_sex_check CHECK (sex IN ('female', 'male')),
  maternity text CONSTRAINT profiles_maternity_check CHECK (maternity IN ('pregnant', 'breastfeeding')),
  activity_level text CONSTRAINT profiles_activity_level_check CHECK (activity_level IN ('sedentary', 'light', 'moderate', 'very_active', 'extra_active')),
  bmr_formula text CONSTRAINT profiles_bmr_formula_check
    CHECK (bmr_formula IN ('mifflin_st_jeor', 'harris_benedict_1984', 'harris_benedict_1919', 'katch_mcardle', 'cunningham', 'schofield')),
  created_by uuid DEFAULT auth.uid() CONSTRAINT profiles_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT profiles_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT profiles_valid_from_key UNIQUE (user_id, valid_from)
);
COMMENT ON COLUMN profiles.valid_from IS 'the first day of which this is true; it is until the next row';
COMMENT ON COLUMN profiles.born_on IS 'the same in every row of a person: nobody is born twice';
CREATE INDEX profiles_created_by_idx ON profiles (created_by);
SELECT auth.protect('profiles', 'checkin');
SELECT auth.announce('profiles', '{checkin}');
