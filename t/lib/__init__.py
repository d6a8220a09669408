"""What the functional tests are written with: a server under audit, clients that see bytes, upstreams that follow a script."""
