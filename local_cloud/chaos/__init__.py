"""Kills and stops the parts of a cloud in the middle of analyses, and looks what is lost."""
