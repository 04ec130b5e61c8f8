"""One module per command: options in, pipeline called, result shown."""
