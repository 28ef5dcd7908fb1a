"""How far values have moved from a model's training rows: counted, judged, stored, told."""
