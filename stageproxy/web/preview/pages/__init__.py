"""Here are the pages that people see."""
