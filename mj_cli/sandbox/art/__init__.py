"""How the sandbox draws: numbers, colours, a canvas, scenes and the PNG format, in plain Python."""
