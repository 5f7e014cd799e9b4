"""One file a library, run inside a worker. They import nothing of ours, so that a worker runs in
any Python that has the library."""
