"""What runs on the executors. Nothing here imports a driver module; tests/test_layers.py proves it.

`batches` cuts rows into record batches, `ingest` streams a partition to the sidecar, `slots` lends a core to the training,
`gradient` runs the user's function, `sidecar` finds, starts and reaches the sidecar that they all talk to.
"""
