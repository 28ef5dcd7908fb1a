"""Models: specification by example."""
