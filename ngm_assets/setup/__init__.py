"""What a catalog needs before the first run: schemas, tables, views and grants."""
