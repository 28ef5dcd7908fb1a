"""When models are asked to be trained again, and what stands against it."""
