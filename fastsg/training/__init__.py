"""From batches to trained matrices. Knows no model class and no files."""
