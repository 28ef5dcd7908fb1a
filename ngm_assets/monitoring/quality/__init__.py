"""What the checks say of every table and day, and how many raw rows there are."""
