"""What a policy is, its heads, and its weights: from and to PyTorch, state dicts, arrays and files."""
