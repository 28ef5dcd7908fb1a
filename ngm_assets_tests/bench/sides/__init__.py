"""What the benchmark runs of this project, one file per row."""
