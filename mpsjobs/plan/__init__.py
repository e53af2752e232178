"""From what is wanted and what has been done to what is to be done. Pure: no clock, no files, no network."""
