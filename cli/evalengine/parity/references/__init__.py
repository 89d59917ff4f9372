"""The Snake reference under the name that its users know; the references are in evalengine.references."""
