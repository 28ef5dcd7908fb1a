"""The model catalogue: what each model promises, read from YAML and checked."""
