"""Models: what is learnt from features, judged honestly, and kept in the registry."""
