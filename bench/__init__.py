"""The load tool people use and the comparison that keeps us honest; see README.md beside this file."""
