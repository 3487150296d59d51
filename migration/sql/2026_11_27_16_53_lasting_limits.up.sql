-- Limits of attempts last through a crash, too: whoever brings the server down, or waits until it falls, guesses no faster.
ALTER TABLE rate_limits SET LOGGED;
