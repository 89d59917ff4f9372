"""The individuals that are measured, compared and shown: random and trained populations of each environment."""
