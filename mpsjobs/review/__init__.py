"""The page where a plan can be heard: what it shows (a document), where it is served, and as files for others."""
