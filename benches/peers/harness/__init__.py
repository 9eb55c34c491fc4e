"""The peer harness: `run` drives it from outside the virtual environment, `worker` is what runs inside."""
