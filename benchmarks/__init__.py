"""How fast the server is, beside two others that do less. `python -m benchmarks` measures, `README.md` tells how."""
