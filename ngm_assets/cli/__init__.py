"""The command line `ngm`."""
