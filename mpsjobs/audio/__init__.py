"""What can be said about an audio file by looking into it."""
