"""What the command line can do: one module per command, each `run(config) -> a result object`.

Nothing here prints or exits: `evalengine.app` parses the options before, renders the result after, and chooses the exit
code. So a command is a function that a script can call as well.
"""
