"""`python -m stageproxy`."""

from stageproxy.cli import main

if __name__ == "__main__":
    main(prog_name="stageproxy")
