"""Files that are read and written whole or not at all: arrays in three formats, and journals of long runs."""
