-- Which logins of a person live, the one used last first, and which are so old that they are forgotten.
ALTER TABLE sessions
    ADD KEY sessions_live (user_id, revoked_at, last_seen_at, id),
    ADD KEY sessions_seen (last_seen_at);

-- Those that nobody can use any more are forgotten.
ALTER TABLE refresh_tokens ADD KEY refresh_tokens_expiry (expires_at);

-- All notices of a person, for the back office.
ALTER TABLE notices ADD KEY notices_of_user (user_id, id);
