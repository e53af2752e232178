"""What has been done, kept so that nothing paid is lost: the journal is the truth, the snapshot a cache of its fold."""
