"""The simulated cluster: a Kubernetes-like world with hidden faults, for demonstrations, tests and benchmarks.

The simulation (`cluster`, `controllers`, `faults`, `telemetry`, `world`) is plain classes with an injected clock and
random source and knows no HTTP; `web` serves it. The product never imports any of it.
"""
