"""What is done with a project beside planning and applying: operating its state, fetching what came out, and taking away what is done with."""
