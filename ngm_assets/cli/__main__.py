"""`python -m ngm_assets.cli.app`."""

from ngm_assets.cli.app import entry

if __name__ == "__main__":
    entry()
