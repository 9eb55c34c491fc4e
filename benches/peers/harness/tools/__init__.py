"""One module a peer: what it runs, on which panels, and how its text reads in ours."""
