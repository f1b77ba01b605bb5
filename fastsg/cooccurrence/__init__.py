"""Windows, and how often words stand in each other's."""
