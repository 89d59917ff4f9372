"""What a person sees: commands, tables, progress, completion. Nothing below imports it."""
