-- The last sign of life of all processes is asked for every few seconds, and old ones are forgotten.
ALTER TABLE session_nodes ADD KEY nodes_beat (beat_at);
