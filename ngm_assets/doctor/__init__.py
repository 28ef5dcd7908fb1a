"""What `ngm doctor` looks at: this machine, and the Databricks workspace of an environment."""
