"""mpsjobs."""
