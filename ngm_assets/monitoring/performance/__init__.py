"""How good predictions turned out to be, once their labels were ripe."""
